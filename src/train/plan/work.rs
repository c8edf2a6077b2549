//! Multiplications and additions of each stage's matrix products, from shapes and the mean lengths of texts.
//!
//! Everything else (norms, softmax, the optimizer) is left out: its cost is part of the speed that
//! [`super::speed`] measures.

use super::memory::{attention, feed_forward};
use crate::data::LevelSet;
use crate::experiment::{Config, Stage, Tuning};
use crate::nn::t5::T5Config;
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
    shape: &'a T5Config,
}

/// Operations of the encoder on `tokens`.
fn encoder(shape: &T5Config, tokens: f64) -> f64 {
    let products = (attention(shape) + feed_forward(shape)) as f64;
    let scores = 2.0 * tokens * shape.inner() as f64;
    2.0 * tokens * shape.num_layers as f64 * (products + scores)
}

/// Operations of the decoder on `target` tokens that attend to `source`, with the logits.
fn decoder(shape: &T5Config, source: f64, target: f64) -> f64 {
    let width = shape.d_model as f64;
    let (own, across) = (attention(shape) as f64, attention(shape) as f64 / 2.0);
    let scores = 2.0 * (target + source) * shape.inner() as f64;
    let layer = target * (own + across + feed_forward(shape) as f64 + scores) + source * across;
    2.0 * (shape.num_decoder_layers as f64 * layer + target * width * shape.vocab_size as f64)
}

/// Both, forward and backward. Products whose weights are trained have a second product in the backward pass.
pub(super) fn update(shape: &T5Config, source: f64, target: f64, trains_t5: bool) -> f64 {
    let passes = if trains_t5 { 3.0 } else { 2.0 };
    passes * (encoder(shape, source) + decoder(shape, source, target))
}

impl<'a> Work<'a> {
    pub fn of(config: &'a Config, shape: &'a T5Config, lengths: &Lengths) -> Self {
        Work {
            config,
            lengths: *lengths,
            shape,
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
                let one = update(self.shape, source, target, true);
                steps * settings.batch as f64 * one
            }
            Stage::Identifiers => {
                let settings = &config.identifiers;
                let cut = |tokens: f64, most: usize| tokens.min(most as f64);
                let post = encoder(self.shape, cut(lengths.post, settings.max_context));
                let reply = encoder(self.shape, cut(lengths.reply, settings.max_response));
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
        update(self.shape, source, target, tuning.trains_t5())
    }

    fn forward(&self) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        encoder(self.shape, source) + decoder(self.shape, source, target)
    }

    /// Generating a response as long as a target.
    fn generation(&self) -> f64 {
        let target = self
            .lengths
            .target
            .min(self.config.sampling.max_new_tokens as f64);
        encoder(self.shape, self.lengths.source) + decoder(self.shape, self.lengths.source, target)
    }

    /// Identifying the levels of a response and of its target.
    fn judgement(&self) -> f64 {
        let Lengths { source, target, .. } = self.lengths;
        IDENTIFIERS * (encoder(self.shape, source) + 2.0 * encoder(self.shape, target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One layer of width 2 with one head of 2, inner width 3, 5 words; 4 source and 2 target tokens.
    #[test]
    fn products_are_counted_as_by_hand() {
        let shape = T5Config {
            vocab_size: 5,
            d_model: 2,
            d_kv: 2,
            d_ff: 3,
            num_layers: 1,
            num_decoder_layers: 1,
            num_heads: 1,
            ..T5Config::default()
        };
        // Four products of 2×2, two of 2×3; scores and sums of 4 keys, 2 wide.
        assert_eq!(encoder(&shape, 4.0), 2.0 * 4.0 * (16.0 + 12.0 + 16.0));
        // Own attention 16, half of the other's on each side, 12 inside, 6 keys in all; logits.
        let layer = 2.0 * (16.0 + 8.0 + 12.0 + 24.0) + 4.0 * 8.0;
        assert_eq!(decoder(&shape, 4.0, 2.0), 2.0 * (layer + 2.0 * 2.0 * 5.0));
        let both = encoder(&shape, 4.0) + decoder(&shape, 4.0, 2.0);
        assert_eq!(update(&shape, 4.0, 2.0, true), 3.0 * both);
        assert_eq!(update(&shape, 4.0, 2.0, false), 2.0 * both);
    }
}
