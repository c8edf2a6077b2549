//! The clipped objective of GRPO and RLOO on part of a batch, and its statistics. Works on tensors
//! `[responses, tokens]`; does not know where they come from.

use burn::tensor::{Bool, Device, Tensor, TensorData};

/// What one ratio of new and old policy is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ratio {
    /// Of each token.
    #[default]
    OfToken,
    /// Of a response: the mean of its tokens' log-ratios (GSPO).
    MeanOfResponse,
    /// Of a response: the sum of its tokens' log-ratios, the ratio of its probabilities (RLOO).
    OfResponse,
}

/// Settings of the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupObjective {
    /// How far below 1 the ratio may fall, and how far above 1 it may rise.
    pub clip_low: f32,
    pub clip_high: f32,
    /// Weight of the KL to the reference (k3) in the loss.
    pub beta: f32,
    pub ratio: Ratio,
}

impl Default for GroupObjective {
    /// TRL's.
    fn default() -> Self {
        GroupObjective {
            clip_low: 0.2,
            clip_high: 0.2,
            beta: 0.0,
            ratio: Ratio::OfToken,
        }
    }
}

/// What the rollout fixed of one response.
#[derive(Clone, Copy, Debug)]
pub struct GroupRow<'a> {
    /// `log π_old(a_t|s_t)` of each token.
    pub log_probs: &'a [f32],
    /// `log ρ(a_t|s_t)` of each token.
    pub reference_log_probs: &'a [f32],
    pub advantage: f32,
    /// Weight of each of its tokens in the loss, by which the loss types differ.
    pub weight: f32,
}

/// Rows padded to tensors. Pads are zeros and count nowhere.
#[derive(Clone, Debug)]
pub struct GroupBatch {
    old_log_probs: Tensor<2>,
    reference_log_probs: Tensor<2>,
    /// `[responses, 1]`, as what follows.
    advantages: Tensor<2>,
    weights: Tensor<2>,
    lengths: Tensor<2>,
    /// `[responses, tokens]`, 1 where a token is real.
    mask: Tensor<2>,
    pads: Tensor<2, Bool>,
    real_tokens: usize,
}

impl GroupBatch {
    /// Pads rows to `tokens` columns, the width of the model's output.
    ///
    /// # Panics
    /// If a row is longer than `tokens`, or its two parts differ in length.
    pub fn new(rows: &[GroupRow<'_>], tokens: usize, device: &Device) -> Self {
        for row in rows {
            let length = row.log_probs.len();
            assert!(length <= tokens, "{length} tokens in {tokens} columns");
            assert_eq!(
                row.reference_log_probs.len(),
                length,
                "one number for each token"
            );
        }
        let device = &device.clone().without_autodiff();
        let tensor = |numbers: Vec<f32>, width: usize| -> Tensor<2> {
            Tensor::from_data(TensorData::new(numbers, [rows.len(), width]), device)
        };
        let padded = |part: &dyn Fn(&GroupRow<'_>) -> Vec<f32>| {
            let padded = rows.iter().flat_map(|row| {
                let mut part = part(row);
                part.resize(tokens, 0.0);
                part
            });
            tensor(padded.collect(), tokens)
        };
        let column = |of: &dyn Fn(&GroupRow<'_>) -> f32| tensor(rows.iter().map(of).collect(), 1);
        let mask = padded(&|row| vec![1.0; row.log_probs.len()]);
        GroupBatch {
            old_log_probs: padded(&|row| row.log_probs.to_vec()),
            reference_log_probs: padded(&|row| row.reference_log_probs.to_vec()),
            advantages: column(&|row| row.advantage),
            weights: column(&|row| row.weight),
            lengths: column(&|row| row.log_probs.len().max(1) as f32),
            pads: mask.clone().equal_scalar(0.0),
            mask,
            real_tokens: rows.iter().map(|row| row.log_probs.len()).sum(),
        }
    }
}

/// A loss to call `backward` on, and its figures.
#[derive(Clone, Debug)]
pub struct GroupLoss {
    /// One number with its graph.
    pub loss: Tensor<1>,
    pub statistics: GroupStatistics,
}

/// Figures of a part of the batch. Shares are of tokens, or of responses where ratios are by response; all 0 where
/// there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupStatistics {
    pub loss: f32,
    /// Mean of k3 over the tokens.
    pub kl: f32,
    /// Share with a negative advantage and a ratio below the range, and with a positive one and a ratio above it.
    pub clip_low: f32,
    pub clip_high: f32,
    pub ratio_mean: f32,
    pub ratio_max: f32,
    /// `(log π - log π_old)² / 2`, the mean over the tokens.
    pub approximate_kl: f32,
}

/// The objective of part of a batch, from the current policy's `log_probs` `[responses, tokens]` with their graph.
/// Reads one small tensor back from the device.
pub fn objective(config: &GroupObjective, batch: &GroupBatch, log_probs: Tensor<2>) -> GroupLoss {
    let GroupBatch {
        old_log_probs,
        reference_log_probs,
        advantages,
        weights,
        lengths,
        mask,
        pads,
        real_tokens,
    } = batch.clone();
    let log_probs = log_probs.mask_fill(pads, 0.0);
    let log_ratio = log_probs.clone() - old_log_probs;

    let log_weight = match config.ratio {
        Ratio::OfToken => log_ratio.clone(),
        Ratio::MeanOfResponse => log_ratio.clone().sum_dim(1) / lengths,
        Ratio::OfResponse => log_ratio.clone().sum_dim(1),
    };
    let ratio = log_weight.exp();
    let (lowest, highest) = (1.0 - config.clip_low, 1.0 + config.clip_high);
    let unclipped = ratio.clone() * advantages.clone();
    let clipped = ratio.clone().clamp(lowest, highest) * advantages.clone();
    let mut losses = unclipped.min_pair(clipped).neg() * mask.clone();

    let distance = reference_log_probs - log_probs;
    let k3 = distance.clone().exp().sub_scalar(1.0) - distance;
    if config.beta != 0.0 {
        losses = losses + k3.clone().mul_scalar(config.beta);
    }
    let loss = (losses * weights).sum();

    let [log_ratio, ratio, k3] = [log_ratio, ratio, k3].map(Tensor::inner);
    let per_token = |sum: Tensor<2>| sum.sum().div_scalar(real_tokens.max(1) as f32);
    // By response there is one ratio, and no pad among them.
    let counted = match config.ratio {
        Ratio::OfToken => mask,
        Ratio::MeanOfResponse | Ratio::OfResponse => ratio.ones_like(),
    };
    let count = counted.clone().sum().clamp_min(1.0);
    let share = |ratios: Tensor<2, Bool>, responses: Tensor<2, Bool>| {
        (ratios.float() * responses.float() * counted.clone()).sum() / count.clone()
    };
    let below = ratio.clone().lower_scalar(lowest);
    let above = ratio.clone().greater_scalar(highest);
    let figures = Tensor::cat(
        vec![
            loss.clone().inner(),
            per_token(k3),
            share(below, advantages.clone().lower_scalar(0.0)),
            share(above, advantages.greater_scalar(0.0)),
            (ratio.clone() * counted.clone()).sum() / count.clone(),
            (ratio * counted).max(),
            per_token(log_ratio.square()).mul_scalar(0.5),
        ],
        0,
    );
    let figures: Vec<f32> = figures.into_data().iter().collect();
    let [
        loss_value,
        kl,
        clip_low,
        clip_high,
        ratio_mean,
        ratio_max,
        approximate_kl,
    ] = figures[..]
    else {
        unreachable!("one number for each of the figures above")
    };
    GroupLoss {
        loss,
        statistics: GroupStatistics {
            loss: loss_value,
            kl,
            clip_low,
            clip_high,
            ratio_mean,
            ratio_max,
            approximate_kl,
        },
    }
}
