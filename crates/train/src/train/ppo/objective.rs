//! The clipped objective (Eq. 13-15) of one minibatch, and its statistics.
//! Works on tensors `[responses, tokens]`; does not know where they come from.

use burn::tensor::{Bool, Device, Tensor, TensorData};

use crate::train::policy_gradient::rollout::PolicyEvaluation;

/// Settings of Eq. 13-15; the defaults are the paper's.
///
/// Expectations are means over the minibatch's real tokens, as in the authors' trainer; the
/// paper's sum over a response's tokens differs by a constant factor of both terms. Eq. 15 has no
/// ½ before the square, the authors' trainer has: its `vf_coef = c` is `value_coefficient = c / 2` here,
/// and its logged value loss is half of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectiveConfig {
    /// ε of Eq. 14: how far the ratio may go from 1.
    pub clip_range: f32,
    /// α of Eq. 13: weight of the value loss.
    pub value_coefficient: f32,
    /// How far values may go from the rollout's before the loss stops rewarding it; `None` is
    /// Eq. 15 as printed.
    pub value_clip_range: Option<f32>,
    /// Mean ratio past which a minibatch is to be skipped.
    pub ratio_threshold: f32,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            clip_range: 0.2,
            value_coefficient: 0.1,
            value_clip_range: Some(0.2),
            ratio_threshold: 10.0,
        }
    }
}

/// What the rollout fixed, padded to tensors `[responses, tokens]`. Pads are zeros and count
/// nowhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Minibatch {
    old_log_probs: Tensor<2>,
    old_values: Tensor<2>,
    advantages: Tensor<2>,
    returns: Tensor<2>,
    mask: Tensor<2>,
    pads: Tensor<2, Bool>,
    real_tokens: usize,
}

/// The rollout's numbers of one response, one for each real token.
#[derive(Clone, Copy, Debug)]
pub struct ResponseRow<'a> {
    /// `log π_old(a_t|s_t)`.
    pub log_probs: &'a [f32],
    /// `V_old(s_t)`.
    pub values: &'a [f32],
    /// `Â_t`, whitened if the run does so.
    pub advantages: &'a [f32],
    /// `Â_t + V_old(s_t)` before whitening.
    pub returns: &'a [f32],
}

impl Minibatch {
    /// Pads rows to `tokens` columns, the width of the decoder's output.
    ///
    /// # Panics
    /// If a row is longer than `tokens` or its four parts differ in length.
    pub fn new(rows: &[ResponseRow<'_>], tokens: usize, device: &Device) -> Self {
        Self::from_column(0, rows, tokens, device)
    }

    /// The same for rows that begin at column `first`; columns before it are pads too.
    ///
    /// # Panics
    /// If a row reaches past `tokens` or its four parts differ in length.
    pub fn from_column(
        first: usize,
        rows: &[ResponseRow<'_>],
        tokens: usize,
        device: &Device,
    ) -> Self {
        for row in rows {
            let length = row.log_probs.len();
            assert!(
                length == 0 || first + length <= tokens,
                "a response of {length} tokens in {tokens} columns"
            );
            assert_eq!(
                [row.values.len(), row.advantages.len(), row.returns.len()],
                [length; 3],
                "one number for each token"
            );
        }
        let padded = |part: fn(&ResponseRow<'_>) -> Vec<f32>| -> Tensor<2> {
            let numbers = rows.iter().flat_map(|row| {
                let part = part(row);
                let mut row = vec![0.0; tokens];
                if !part.is_empty() {
                    row[first..first + part.len()].copy_from_slice(&part);
                }
                row
            });
            let data = TensorData::new(numbers.collect::<Vec<f32>>(), [rows.len(), tokens]);
            Tensor::from_data(data, &device.clone().without_autodiff())
        };
        let mask = padded(|row| vec![1.0; row.log_probs.len()]);
        Self {
            old_log_probs: padded(|row| row.log_probs.to_vec()),
            old_values: padded(|row| row.values.to_vec()),
            advantages: padded(|row| row.advantages.to_vec()),
            returns: padded(|row| row.returns.to_vec()),
            pads: mask.clone().equal_scalar(0.0),
            mask,
            real_tokens: rows.iter().map(|row| row.log_probs.len()).sum(),
        }
    }

    pub fn real_tokens(&self) -> usize {
        self.real_tokens
    }
}

/// A loss to call `backward` on, and the minibatch's figures.
#[derive(Clone, Debug)]
pub struct Objective {
    /// Eq. 13, one number with its graph. Zero where no token is real.
    pub loss: Tensor<1>,
    /// Figures on the host.
    pub statistics: ObjectiveStatistics,
    /// The mean ratio passed the threshold: do not step on this minibatch, and count it.
    pub skip: bool,
}

/// Means over the real tokens of a minibatch; all 0 where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ObjectiveStatistics {
    /// `-L^CLIP + α · L^VF` (Eq. 13).
    pub total_loss: f32,
    /// `-L^CLIP` (Eq. 14).
    pub policy_loss: f32,
    /// `L^VF` (Eq. 15), after value clipping.
    pub value_loss: f32,
    /// Squared distance of values from returns, without value clipping.
    pub value_error: f32,
    /// Share of tokens at which the clipped term is the smaller.
    pub clip_fraction: f32,
    /// Share of tokens at which the clipped value's loss is the larger.
    pub value_clip_fraction: f32,
    /// `(log π - log π_old)² / 2`: approximate KL between old and new policy.
    pub approximate_kl: f32,
    /// `log π_old - log π`: the same by k1.
    pub policy_kl: f32,
    /// `c(θ)` of Eq. 14.
    pub ratio_mean: f32,
    pub ratio_max: f32,
    /// Largest `|log c(θ)|`; 0 (to rounding) in the first epoch.
    pub log_ratio_max: f32,
    /// Nats.
    pub entropy: f32,
    /// Of the truncated distribution, where the objective is.
    pub truncated_entropy: Option<f32>,
}

/// The objective of one minibatch (Eq. 13-15). Reads one small tensor back from the device.
pub fn objective(
    config: &ObjectiveConfig,
    minibatch: &Minibatch,
    now: PolicyEvaluation,
) -> Objective {
    let Minibatch {
        old_log_probs,
        old_values,
        advantages,
        returns,
        mask,
        pads,
        real_tokens,
    } = minibatch.clone();
    let no_pads = |tensor: Tensor<2>| tensor.mask_fill(pads.clone(), 0.0);
    let mean = |tensor: Tensor<2>| tensor.sum().div_scalar(real_tokens.max(1) as f32);

    // Eq. 14. Advantages are zero on pads, so these terms are too.
    let log_ratio = no_pads(now.log_probs) - old_log_probs;
    let ratio = log_ratio.clone().exp();
    let unclipped = ratio.clone() * advantages.clone();
    let clipped = ratio
        .clone()
        .clamp(1.0 - config.clip_range, 1.0 + config.clip_range)
        * advantages;
    let policy_loss = mean(unclipped.clone().min_pair(clipped.clone())).neg();

    // Eq. 15, with the rollout's values as the middle of the clipping range.
    let values = no_pads(now.values);
    let error = (values.clone() - returns.clone()).square();
    let clipped_error = match config.value_clip_range {
        Some(range) => {
            let low = old_values.clone().sub_scalar(range);
            let high = old_values.add_scalar(range);
            (values.max_pair(low).min_pair(high) - returns).square()
        }
        None => error.clone(),
    };
    let value_loss = mean(error.clone().max_pair(clipped_error.clone()));

    // Eq. 13.
    let loss = policy_loss.clone() + value_loss.clone().mul_scalar(config.value_coefficient);

    let is_truncated = now.truncated_entropy.is_some();
    let entropy = now.entropy.inner();
    let truncated_entropy = now
        .truncated_entropy
        .map_or_else(|| entropy.clone(), Tensor::inner);
    let [log_ratio, ratio, unclipped, clipped, error, clipped_error] =
        [log_ratio, ratio, unclipped, clipped, error, clipped_error].map(Tensor::inner);
    let figures = Tensor::cat(
        vec![
            loss.clone().inner(),
            policy_loss.inner(),
            value_loss.inner(),
            mean(clipped.lower(unclipped).float()),
            mean(clipped_error.greater(error.clone()).float()),
            mean(error),
            mean(log_ratio.clone().square()).mul_scalar(0.5),
            mean(log_ratio.clone()).neg(),
            log_ratio.abs().max(),
            mean(ratio.clone() * mask.clone()),
            (ratio * mask).max(),
            mean(no_pads(entropy)),
            mean(no_pads(truncated_entropy)),
        ],
        0,
    );
    let figures: Vec<f32> = figures.into_data().iter().collect();
    let [
        total_loss,
        policy_loss,
        value_loss,
        clip_fraction,
        value_clip_fraction,
        value_error,
        approximate_kl,
        policy_kl,
        log_ratio_max,
        ratio_mean,
        ratio_max,
        entropy,
        truncated_entropy,
    ] = figures[..]
    else {
        unreachable!("one number for each of the figures above")
    };
    Objective {
        loss,
        skip: ratio_mean > config.ratio_threshold,
        statistics: ObjectiveStatistics {
            total_loss,
            policy_loss,
            value_loss,
            value_error,
            clip_fraction,
            value_clip_fraction,
            approximate_kl,
            policy_kl,
            ratio_mean,
            ratio_max,
            log_ratio_max,
            entropy,
            truncated_entropy: is_truncated.then_some(truncated_entropy),
        },
    }
}
