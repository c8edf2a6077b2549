//! Multiplications and additions of each stage's matrix products, from shapes and the mean lengths of texts.
//!
//! Everything else (norms, softmax, the optimizer) is left out: its cost is part of the speed that
//! [`super::speed`] measures.

use super::model::{operations, update};
use super::t5::encoder_operations;
use crate::data::LevelSet;
use crate::experiment::{Config, Stage, Tuning};
use crate::nn::LanguageModelConfig;
use crate::text::Tokenizer;
use crate::train::material::{Encoded, Material};

/// Texts whose tokens are counted for the mean length.
const COUNTED: usize = 500;
const IDENTIFIERS: f64 = 3.0;

/// Mean tokens of the run's texts, and the sizes of its splits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub source: f64,
    pub target: f64,
    post: f64,
    reply: f64,
    validation: usize,
    test: usize,
}

impl Lengths {
    pub fn of(material: &Material, levels: Option<&LevelSet>, tokenizer: &Tokenizer) -> Self {
        let mean = |counts: Vec<usize>| match counts.len() {
            0 => 0.0,
            texts => counts.iter().sum::<usize>() as f64 / texts as f64,
        };
        let of = |side: fn(&Encoded) -> usize| mean(material.train.iter().map(side).collect());
        let pairs = || {
            levels
                .into_iter()
                .flat_map(|set| set.pairs.iter().take(COUNTED))
        };
        let count = |text: &str| tokenizer.encode_plain(text).len() + 1;
        Lengths {
            source: of(|example| example.source.len()),
            target: of(|example| example.target.len()),
            post: mean(pairs().map(|pair| count(&pair.seeker_post)).collect()),
            reply: mean(pairs().map(|pair| count(&pair.response_post)).collect()),
            validation: material.validation.len(),
            test: material.test.len(),
        }
    }
}

/// Operations of each part of a stage, per example.
pub(super) struct Work<'a> {
    config: &'a Config,
    lengths: Lengths,
    model: &'a LanguageModelConfig,
}

impl<'a> Work<'a> {
    pub fn of(config: &'a Config, model: &'a LanguageModelConfig, lengths: &Lengths) -> Self {
        Work {
            config,
            lengths: *lengths,
            model,
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
                let one = update(self.model, source, target, true);
                steps * settings.batch as f64 * one
            }
            Stage::Identifiers => {
                let settings = &config.identifiers;
                let cut = |tokens: f64, most: usize| tokens.min(most as f64);
                let post = self.encoder(cut(lengths.post, settings.max_context));
                let reply = self.encoder(cut(lengths.reply, settings.max_response));
                let share = settings.validation_share;
                let passes = 3.0 + share / (1.0 - share);
                steps * settings.batch as f64 * passes * (post + reply)
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
            // A step is one system.
            Stage::Evaluation => {
                let one = self.forward() + self.generation() + self.judgement();
                steps * lengths.test as f64 * one
            }
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
        update(self.model, source, target, tuning.trains_model())
    }

    fn forward(&self) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        operations(self.model, source, target)
    }

    /// Generating a response as long as a target.
    fn generation(&self) -> f64 {
        let target = self
            .lengths
            .target
            .min(self.config.sampling.max_new_tokens as f64);
        operations(self.model, self.lengths.source, target)
    }

    /// Identifying the levels of a response and of its target.
    fn judgement(&self) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        IDENTIFIERS * (self.encoder(source) + 2.0 * self.encoder(target))
    }

    /// An identifier's encoder on `tokens`; 0 where the model has none.
    fn encoder(&self, tokens: f64) -> f64 {
        let t5 = self.model.t5();
        t5.map_or(0.0, |t5| encoder_operations(t5, tokens))
    }
}
