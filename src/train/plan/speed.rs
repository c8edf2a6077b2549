//! This machine's speed, measured with a training step of a few layers of the run's own model.

use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::work::{Lengths, update};
use crate::experiment::{Config, Stage, Tuning};
use crate::nn::Dropout;
use crate::nn::prefix::{Prefix, PrefixConfig};
use crate::nn::t5::{T5, T5Config};
use crate::train::likelihood::{Pairs, cross_entropy, hidden_states};
use crate::train::policy::{Policy, prefix_config};

/// Layers that are measured, with the model's own width and vocabulary.
const LAYERS: usize = 2;
/// Steps are repeated for this long.
const ENOUGH: Duration = Duration::from_millis(500);

/// A training step to measure, without data and with random weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    shape: T5Config,
    tuning: Tuning,
    prefix: PrefixConfig,
    batch: usize,
    source: usize,
    target: usize,
}

impl Sample {
    pub(super) fn of(config: &Config, shape: &T5Config, lengths: &Lengths) -> Self {
        let (tuning, batch) = match config.run.stages.contains(&Stage::Ppo) {
            true => (config.ppo.tuning, config.ppo.batch),
            false => (config.generator.tuning, config.generator.batch),
        };
        let whole = |tokens: f64| (tokens.round() as usize).max(1);
        Sample {
            shape: T5Config {
                num_layers: LAYERS.min(shape.num_layers),
                num_decoder_layers: LAYERS.min(shape.num_decoder_layers),
                ..shape.clone()
            },
            tuning,
            prefix: prefix_config(&config.prefix),
            batch,
            source: whole(lengths.source),
            target: whole(lengths.target),
        }
    }

    /// Operations a second, as [`super::StagePlan::operations`] counts them. Takes about a second.
    pub fn speed(&self, device: &Device) -> f64 {
        let trains_t5 = self.tuning.trains_t5();
        let (source, target) = (self.source as f64, self.target as f64);
        let one = self.batch as f64 * update(&self.shape, source, target, trains_t5);
        let autodiff = device.clone().autodiff();
        let prefix = || Prefix::new(&self.prefix, &self.shape, &autodiff, 1);
        let policy = Policy {
            prefix: self.tuning.has_prefix().then(prefix),
            ..Policy::from(T5::new(&self.shape, &autodiff, 1))
        };
        let policy = policy.for_tuning(self.tuning);
        self.step(&policy, device);
        let clock = Instant::now();
        let mut steps = 0.0;
        while clock.elapsed() < ENOUGH {
            self.step(&policy, device);
            steps += 1.0;
        }
        one * steps / clock.elapsed().as_secs_f64()
    }

    fn step(&self, policy: &Policy, device: &Device) {
        let words = |count: usize| -> Vec<Vec<u32>> {
            let last = self.shape.vocab_size.max(4) - 3;
            (0..self.batch)
                .map(|row| {
                    let word = |place| 3 + ((row * 31 + place * 7) % last.max(1)) as u32;
                    (0..count).map(word).collect()
                })
                .collect()
        };
        let (contexts, responses) = (words(self.source), words(self.target));
        let start = self.shape.decoder_start_token_id;
        let pairs = Pairs::new(&contexts, &responses, start, device);
        let vectors = policy.vectors();
        let hidden = hidden_states(policy, vectors.as_ref(), &pairs, &mut Dropout::off());
        cross_entropy(policy.t5.logits(hidden), &responses).backward();
    }
}
