//! Multiplications and additions of each stage's matrix products, from shapes and the mean lengths of texts.
//!
//! Everything else (norms, softmax, the optimizer) is left out: its cost is part of the speed that
//! [`super::speed`] measures.

use super::model::{operations, update};
use super::{Shapes, identifiers};
use crate::data::{LabelledPair, LevelSet};
use crate::experiment::{Config, Stage, Tuning};
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
    /// Of seeker posts and of responses to them.
    pub post: f64,
    pub reply: f64,
    validation: usize,
    test: usize,
}

impl Lengths {
    /// With those of labelled pairs as their tokenizer makes them.
    pub fn of(material: &Material, levels: Option<(&LevelSet, &Tokenizer)>) -> Self {
        let mean = |counts: Vec<usize>| match counts.len() {
            0 => 0.0,
            texts => counts.iter().sum::<usize>() as f64 / texts as f64,
        };
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
            source: of(|example| example.source.len()),
            target: of(|example| example.target.len()),
            post: texts(|pair| &pair.seeker_post),
            reply: texts(|pair| &pair.response_post),
            validation: material.validation.len(),
            test: material.test.len(),
        }
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
                let subset = config.evaluation.subset.min(lengths.validation) as f64;
                let evaluations = 1.0 + (steps / settings.evaluate_every as f64).floor();
                steps * settings.batch as f64 * response
                    + evaluations * subset * (self.forward() + self.generation() + self.judgement())
            }
            // A step is one system.
            Stage::Evaluation => {
                let one = self.forward() + self.generation() + self.judgement();
                steps * lengths.test as f64 * one
            }
        };
        operations as u64
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
        self.forward_on(self.lengths.target)
    }

    /// Generating a response as long as a target.
    fn generation(&self) -> f64 {
        let longest = self.config.sampling.max_new_tokens as f64;
        self.forward_on(self.lengths.target.min(longest))
    }

    fn forward_on(&self, target: f64) -> f64 {
        let model = self.shapes.model.as_ref();
        model.map_or(0.0, |model| operations(model, self.lengths.source, target))
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
