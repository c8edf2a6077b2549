//! This machine's speed, measured with a training step of a few layers of the run's own model.

use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::Device;

use super::Shapes;
use super::model::update;
use super::work::Lengths;
use crate::experiment::{Config, Precision, Tuning};
use crate::nn::lora::LoraError;
use crate::nn::{Dropout, LanguageModel, LanguageModelConfig, in_bf16};
use crate::train::likelihood::cross_entropy;
use crate::train::policy::{Policy, fresh_adapter};

/// Layers that are measured, with the model's own width and vocabulary.
const LAYERS: usize = 2;
/// Steps are repeated for this long.
const ENOUGH: Duration = Duration::from_millis(500);

/// A training step to measure, without data and with random weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    model: LanguageModelConfig,
    tuning: Tuning,
    config: Config,
    batch: usize,
    source: usize,
    target: usize,
}

impl Sample {
    /// Of the policy or the generator; of a run of identifiers alone, of what they stand on.
    pub(super) fn of(config: &Config, shapes: &Shapes, lengths: &Lengths) -> Self {
        let &Lengths {
            source,
            target,
            post,
            reply,
            ..
        } = lengths;
        let (model, tuning, batch, source, target) = match &shapes.model {
            None => {
                let batch = config.identifiers.batch;
                (shapes.main(), Tuning::Full, batch, post, reply)
            }
            Some(model) => {
                let (tuning, batch) = match config.policy_stages().first() {
                    Some(stage) => config.policy_part(*stage),
                    None => (config.generator.tuning, config.generator.batch),
                };
                (model.clone(), tuning, batch, source, target)
            }
        };
        let whole = |tokens: f64| (tokens.round() as usize).max(1);
        Sample {
            model: model.with_layers(LAYERS),
            tuning,
            config: config.clone(),
            batch,
            source: whole(source),
            target: whole(target),
        }
    }

    /// Operations a second, as [`super::StagePlan::operations`] counts them. Takes about a second.
    ///
    /// # Errors
    /// LoRA names a layer that the model does not have.
    pub fn speed(&self, device: &Device) -> Result<f64, LoraError> {
        let trains_model = self.tuning.trains_model();
        let (source, target) = (self.source as f64, self.target as f64);
        let one = self.batch as f64 * update(&self.model, source, target, trains_model);
        let mut model = LanguageModel::new(&self.model, device, 1);
        if self.config.run.precision == Precision::Bf16 && !trains_model {
            model = in_bf16(model);
        }
        let policy = Policy {
            adapter: fresh_adapter(&self.config, self.tuning, &model, device)?,
            ..Policy::from(model)
        };
        let policy = policy.for_tuning(self.tuning).train();
        self.step(&policy);
        let clock = Instant::now();
        let mut steps = 0.0;
        while clock.elapsed() < ENOUGH {
            self.step(&policy);
            steps += 1.0;
        }
        Ok(one * steps / clock.elapsed().as_secs_f64())
    }

    fn step(&self, policy: &Policy) {
        let words = |count: usize| -> Vec<Vec<u32>> {
            let last = self.model.shape().vocab_size.max(4) - 3;
            (0..self.batch)
                .map(|row| {
                    let word = |place| 3 + ((row * 31 + place * 7) % last.max(1)) as u32;
                    (0..count).map(word).collect()
                })
                .collect()
        };
        let (contexts, responses) = (words(self.source), words(self.target));
        let (model, adapter) = (&policy.model, policy.adapter_weights());
        let dropout = &mut Dropout::off();
        let hidden = model.forward(&contexts, &responses, adapter.as_ref(), dropout);
        cross_entropy(model.logits(hidden), &responses).backward();
    }
}
