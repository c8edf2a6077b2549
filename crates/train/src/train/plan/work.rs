//! Multiplications and additions of each stage's matrix products, from shapes and the mean lengths of texts.
//!
//! Everything else (norms, softmax, the optimizer) is left out: its cost is part of the speed that
//! [`super::speed`] measures.

use super::model::{operations, update};
use super::{Shapes, identifiers};
use crate::data::preferences::PreferencePair;
use crate::data::{LabelledPair, LevelSet};
use crate::experiment::{Config, Stage, Tuning};
use crate::text::Tokenizer;
use crate::train::dpo;
use crate::train::material::{Encoded, Material, Texts};

/// Texts whose tokens are counted for the mean length.
const COUNTED: usize = 500;
const IDENTIFIERS: f64 = 3.0;

/// Mean tokens of the run's texts, and the sizes of its splits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub source: f64,
    pub target: f64,
    /// Of seeker posts and of responses to them.
    pub post: f64,
    pub reply: f64,
    validation: usize,
    test: usize,
    pair: PairLengths,
}

/// Mean tokens of preference pairs, and how many are for validation.
#[derive(Clone, Copy, Debug, Default)]
struct PairLengths {
    context: f64,
    /// Of one of the two.
    response: f64,
    validation: usize,
}

impl Lengths {
    /// With those of labelled pairs as their tokenizer makes them.
    pub fn of(material: &Material, levels: Option<(&LevelSet, &Tokenizer)>) -> Self {
        let of = |side: fn(&Encoded) -> usize| mean(material.train.iter().map(side).collect());
        let texts = |side: fn(&LabelledPair) -> &str| match levels {
            None => 0.0,
            Some((set, tokenizer)) => {
                let texts = set.pairs.iter().take(COUNTED).map(side);
                mean(
                    texts
                        .map(|text| tokenizer.encode_plain(text).len() + 1)
                        .collect(),
                )
            }
        };
        Lengths {
            pair: PairLengths::default(),
            source: of(|example| example.source.len()),
            target: of(|example| example.target.len()),
            post: texts(|pair| &pair.seeker_post),
            reply: texts(|pair| &pair.response_post),
            validation: material.validation.len(),
            test: material.test.len(),
        }
    }

    /// The same with those of the preference pairs, if the run has some.
    pub fn with_pairs(self, texts: &Texts, config: &Config, tokenizer: &Tokenizer) -> Self {
        let Some(set) = &texts.preferences else {
            return self;
        };
        let count = |text: &str| tokenizer.encode_plain(text).len() + 1;
        let some = || set.pairs.iter().take(COUNTED);
        let context =
            |pair: &PreferencePair| count(&pair.turns().text()).min(config.dpo.max_prompt_length);
        let both = |pair: &PreferencePair| [count(&pair.chosen), count(&pair.rejected)];
        Lengths {
            pair: PairLengths {
                context: mean(some().map(context).collect()),
                response: mean(some().flat_map(both).collect()),
                validation: dpo::counts(set, &config.dpo, config.run.seed).1,
            },
            ..self
        }
    }
}

fn mean(counts: Vec<usize>) -> f64 {
    match counts.len() {
        0 => 0.0,
        texts => counts.iter().sum::<usize>() as f64 / texts as f64,
    }
}

/// Operations of each part of a stage, per example.
pub(super) struct Work<'a> {
    config: &'a Config,
    lengths: Lengths,
    shapes: &'a Shapes,
}

impl<'a> Work<'a> {
    pub fn of(config: &'a Config, shapes: &'a Shapes, lengths: &Lengths) -> Self {
        Work {
            config,
            lengths: *lengths,
            shapes,
        }
    }

    /// Operations of `steps` steps of a stage.
    pub fn stage(&self, stage: Stage, steps: u64) -> u64 {
        let (config, lengths) = (self.config, &self.lengths);
        let steps = steps as f64;
        let operations = match stage {
            Stage::Pretraining => {
                let settings = &config.pretraining;
                let spans = settings.corruption / settings.mean_span;
                let source = lengths.source * (1.0 - settings.corruption + spans);
                let target = lengths.source * (settings.corruption + spans) + 1.0;
                let one = self.update_on(source, target, true);
                steps * settings.batch as f64 * one
            }
            Stage::Identifiers => {
                let settings = &config.identifiers;
                let cut = |tokens: f64, most: usize| tokens.min(most as f64);
                let post = cut(lengths.post, settings.max_context);
                let reply = cut(lengths.reply, settings.max_response);
                let share = settings.validation_share;
                let passes = 3.0 + share / (1.0 - share);
                steps * settings.batch as f64 * passes * self.identifier(post, reply)
            }
            Stage::Generator => {
                let settings = &config.generator;
                let one = self.update(settings.tuning);
                let validations = (steps / settings.validate_every as f64).ceil();
                let validation = validations * lengths.validation as f64 * self.forward();
                steps * settings.batch as f64 * one + validation
            }
            Stage::Ppo => {
                let settings = &config.ppo;
                let forwards = 1.0 + f64::from(u8::from(settings.score_truncated));
                let response = self.generation()
                    + self.judgement()
                    + forwards * self.forward()
                    + settings.epochs as f64 * self.update(settings.tuning);
                steps * settings.batch as f64 * response
                    + self.evaluations(steps, settings.evaluate_every)
            }
            Stage::Grpo => {
                let of = &config.grpo;
                let parts = of.gradient_accumulation_steps;
                let batch = of.batch * of.num_generations;
                steps * batch as f64 * self.group_response(of.tuning, of.num_iterations, parts)
                    + self.evaluations(steps, of.evaluate_every)
            }
            Stage::Rloo => {
                let of = &config.rloo;
                let parts = of.gradient_accumulation_steps;
                let batch = of.batch * of.num_generations;
                steps * batch as f64 * self.group_response(of.tuning, of.num_iterations, parts)
                    + self.evaluations(steps, of.evaluate_every)
            }
            Stage::Dpo => {
                let (settings, pair) = (&config.dpo, &lengths.pair);
                let trains_model = settings.tuning.trains_model();
                let one = self.update_on(pair.context, pair.response, trains_model);
                let forward = self.forward_on(pair.context, pair.response);
                let pairs = steps * settings.batch as f64;
                // The reference reads each pair once.
                let read = pairs.min(pairs / settings.epochs as f64 + settings.batch as f64);
                let subset = config.evaluation.subset.min(lengths.validation) as f64;
                let evaluations = 1.0 + (steps / settings.evaluate_every as f64).floor();
                2.0 * (pairs * one + read * forward)
                    + evaluations
                        * (2.0 * pair.validation as f64 * forward
                            + subset * (self.forward() + self.generation() + self.judgement()))
            }
            // A step is one system; best of n draws and judges n responses, and has no probability of the target.
            Stage::Evaluation => {
                let best_of = config.evaluation.best_of as f64;
                let systems = steps - f64::from(u8::from(best_of > 0.0));
                let answer = self.generation() + self.judgement();
                lengths.test as f64 * (systems * (self.forward() + answer) + best_of * answer)
            }
            Stage::Recorded => 0.0,
        };
        operations as u64
    }

    /// A response among several to one context; the context is counted as if each had read it.
    fn group_response(&self, tuning: Tuning, iterations: usize, parts: usize) -> f64 {
        let forwards = 1.0 + f64::from(u8::from(parts > 1));
        self.generation()
            + self.judgement()
            + forwards * self.forward()
            + iterations as f64 * self.update(tuning)
    }

    /// Evaluations of a policy within `steps` steps.
    fn evaluations(&self, steps: f64, every: u64) -> f64 {
        let subset = self.config.evaluation.subset.min(self.lengths.validation) as f64;
        let evaluations = 1.0 + (steps / every as f64).floor();
        evaluations * subset * (self.forward() + self.generation() + self.judgement())
    }

    fn update(&self, tuning: Tuning) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        self.update_on(source, target, tuning.trains_model())
    }

    fn update_on(&self, source: f64, target: f64, trains_model: bool) -> f64 {
        let model = self.shapes.model.as_ref();
        model.map_or(0.0, |model| update(model, source, target, trains_model))
    }

    fn forward(&self) -> f64 {
        self.forward_on(self.lengths.source, self.lengths.target)
    }

    /// Generating a response as long as a target.
    fn generation(&self) -> f64 {
        let longest = self.config.sampling.max_new_tokens as f64;
        self.forward_on(self.lengths.source, self.lengths.target.min(longest))
    }

    fn forward_on(&self, source: f64, target: f64) -> f64 {
        let model = self.shapes.model.as_ref();
        model.map_or(0.0, |model| operations(model, source, target))
    }

    /// Identifying the levels of a response and of its target.
    fn judgement(&self) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        2.0 * IDENTIFIERS * self.identifier(source, target)
    }

    /// An identifier on a pair; 0 where there is none.
    fn identifier(&self, context: f64, response: f64) -> f64 {
        let shape = self.shapes.identifier.as_ref();
        shape.map_or(0.0, |shape| {
            identifiers::operations(shape, context, response)
        })
    }
}
