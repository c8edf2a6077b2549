//! One step on a batch of pairs: log-probabilities of policy and reference, the loss, the update. Knows no data set and
//! no session.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

use super::loss::{DpoLossConfig, PairFigures, PairLogProbs, figures, mean_loss};
use super::pairs::EncodedPreference;
use crate::experiment::{DpoSettings, Stage};
use crate::nn::Dropout;
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::score::score;
use crate::train::tensors::scalar;

/// What a step changes besides its number.
pub struct DpoLearner {
    /// On a device with autodiff, frozen where it is not trained.
    pub policy: Policy,
    pub optimizer: AdamW,
}

/// The figures of one step.
#[derive(Clone, Debug)]
pub struct DpoOutcome {
    /// Of each pair, before the update.
    pub pairs: Vec<PairFigures>,
    /// Mean over the pairs.
    pub loss: f64,
    /// Before clipping.
    pub gradient_norm: f64,
    pub lr: f64,
}

/// Step `number` (from 0) of `total` on `pairs`, with the reference's log-probabilities of each. Dropout is off.
///
/// # Errors
/// The loss is not finite.
pub fn step(
    learner: DpoLearner,
    settings: &DpoSettings,
    pairs: &[&EncodedPreference],
    reference: &[PairLogProbs],
    (number, total): (u64, u64),
    device: &Device,
) -> Result<(DpoLearner, DpoOutcome), TrainError> {
    let DpoLearner {
        policy,
        mut optimizer,
    } = learner;
    let config = DpoLossConfig::from(settings);
    let (sums, log_probs) = forward(&policy, pairs);
    let count = pairs.len();
    let (chosen, rejected) = (
        sums.clone().narrow(0, 0, count),
        sums.narrow(0, count, count),
    );
    let loss = mean_loss(&config, chosen, rejected, reference, device);
    let loss_value = scalar(loss.clone().inner());
    if !loss_value.is_finite() {
        return Err(TrainError::NotFinite {
            stage: Stage::Dpo,
            step: number + 1,
            loss: loss_value,
            setting: "dpo.lr",
        });
    }
    let gradients = GradientsParams::from_grads(loss.backward(), &policy);
    let lr = settings.lr_schedule.rate(settings.lr, number, total);
    let (policy, gradient_norm) = optimizer.step(lr, policy, gradients, settings.max_gradient_norm);
    let outcome = DpoOutcome {
        pairs: log_probs
            .into_iter()
            .zip(reference)
            .map(|(own, reference)| figures(&config, own, *reference))
            .collect(),
        loss: loss_value,
        gradient_norm,
        lr,
    };
    Ok((DpoLearner { policy, optimizer }, outcome))
}

/// A policy's log-probabilities of the responses of pairs; without gradient.
pub fn log_probs(policy: &Policy, pairs: &[&EncodedPreference]) -> Vec<PairLogProbs> {
    forward(policy, pairs).1
}

/// Log-probabilities summed over each response's tokens: `[2 · pairs]`, the chosen ones first, and on the host.
fn forward(policy: &Policy, pairs: &[&EncodedPreference]) -> (Tensor<1>, Vec<PairLogProbs>) {
    let contexts: Vec<&[u32]> = pairs.iter().map(|pair| pair.context.as_slice()).collect();
    let contexts = [contexts.as_slice(), &contexts].concat();
    let chosen = pairs.iter().map(|pair| pair.chosen.as_slice());
    let rejected = pairs.iter().map(|pair| pair.rejected.as_slice());
    let responses: Vec<&[u32]> = chosen.chain(rejected).collect();
    let (model, adapter) = (&policy.model, policy.adapter_weights());
    let dropout = &mut Dropout::off();
    let hidden = model.forward(&contexts, &responses, adapter.as_ref(), dropout);
    let scores = score(model.logits(hidden), &responses);
    let sum = |row: &Vec<f32>| row.iter().map(|p| f64::from(*p)).sum::<f64>() as f32;
    let (chosen, rejected) = scores.log_prob_rows.split_at(pairs.len());
    let on_host = chosen
        .iter()
        .zip(rejected)
        .map(|(chosen, rejected)| PairLogProbs {
            chosen: sum(chosen),
            rejected: sum(rejected),
        })
        .collect();
    (scores.log_probs.sum_dim(1).squeeze_dim(1), on_host)
}
