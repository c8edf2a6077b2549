//! The loss of preference pairs from the log-probabilities of policy and reference. Knows no model and no data.

use burn::tensor::{Device, Tensor, TensorData, activation::log_sigmoid};

use crate::experiment::{DpoLoss, DpoSettings};

/// What the loss depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpoLossConfig {
    pub loss_type: DpoLoss,
    pub beta: f64,
    /// Share of pairs taken to be the wrong way round.
    pub label_smoothing: f64,
}

impl From<&DpoSettings> for DpoLossConfig {
    fn from(settings: &DpoSettings) -> Self {
        DpoLossConfig {
            loss_type: settings.loss_type,
            beta: settings.beta,
            label_smoothing: settings.label_smoothing,
        }
    }
}

/// Summed log-probabilities of a pair's responses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairLogProbs {
    pub chosen: f32,
    pub rejected: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairFigures {
    pub loss: f64,
    /// Under the policy.
    pub log_probs: PairLogProbs,
    /// `β (log π - log ρ)` of each response.
    pub chosen_reward: f64,
    pub rejected_reward: f64,
}

impl PairFigures {
    /// Whether the chosen response has the higher reward.
    pub fn is_right(&self) -> bool {
        self.chosen_reward > self.rejected_reward
    }
}

/// Mean loss over the pairs. `chosen` and `rejected` are the policy's log-probabilities `[pairs]`, differentiable;
/// `reference` those of the reference.
pub fn mean_loss(
    config: &DpoLossConfig,
    chosen: Tensor<1>,
    rejected: Tensor<1>,
    reference: &[PairLogProbs],
    device: &Device,
) -> Tensor<1> {
    let ratios: Vec<f32> = reference
        .iter()
        .map(|pair| pair.chosen - pair.rejected)
        .collect();
    let ratios = Tensor::from_data(TensorData::from(ratios.as_slice()), device);
    let margin = (chosen - rejected - ratios).mul_scalar(config.beta as f32);
    let smoothing = config.label_smoothing as f32;
    match config.loss_type {
        DpoLoss::Sigmoid => {
            let right = log_sigmoid(margin.clone()).mul_scalar(1.0 - smoothing);
            let wrong = log_sigmoid(margin.neg()).mul_scalar(smoothing);
            (right + wrong).neg().mean()
        }
    }
}

/// The figures of one pair.
pub fn figures(
    config: &DpoLossConfig,
    policy: PairLogProbs,
    reference: PairLogProbs,
) -> PairFigures {
    let reward = |own: f32, other: f32| config.beta * f64::from(own - other);
    let chosen_reward = reward(policy.chosen, reference.chosen);
    let rejected_reward = reward(policy.rejected, reference.rejected);
    let margin = chosen_reward - rejected_reward;
    let smoothing = config.label_smoothing;
    let loss = match config.loss_type {
        DpoLoss::Sigmoid => softplus(-margin) * (1.0 - smoothing) + softplus(margin) * smoothing,
    };
    PairFigures {
        loss,
        log_probs: policy,
        chosen_reward,
        rejected_reward,
    }
}

/// `ln(1 + e^x)`, which is `-log σ(-x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(label_smoothing: f64) -> DpoLossConfig {
        DpoLossConfig {
            loss_type: DpoLoss::Sigmoid,
            beta: 0.5,
            label_smoothing,
        }
    }

    const POLICY: [PairLogProbs; 2] = [
        PairLogProbs {
            chosen: -10.0,
            rejected: -14.0,
        },
        PairLogProbs {
            chosen: -30.0,
            rejected: -20.0,
        },
    ];
    const REFERENCE: [PairLogProbs; 2] = [
        PairLogProbs {
            chosen: -11.0,
            rejected: -13.0,
        },
        PairLogProbs {
            chosen: -29.0,
            rejected: -20.0,
        },
    ];

    #[test]
    fn figures_are_the_definitions() {
        let found = figures(&config(0.0), POLICY[0], REFERENCE[0]);
        assert_eq!((found.chosen_reward, found.rejected_reward), (0.5, -0.5));
        assert!((found.loss - (1.0 + (-1.0f64).exp()).ln()).abs() < 1e-12);
        assert!(found.is_right());
        // Smoothing takes a share of pairs to be the wrong way round.
        let smoothed = figures(&config(0.25), POLICY[0], REFERENCE[0]);
        let expected = 0.75 * (1.0 + (-1.0f64).exp()).ln() + 0.25 * (1.0 + 1.0f64.exp()).ln();
        assert!((smoothed.loss - expected).abs() < 1e-12);
        // The untouched policy.
        let untouched = figures(&config(0.3), REFERENCE[1], REFERENCE[1]);
        assert!((untouched.loss - 2.0f64.ln()).abs() < 1e-12);
        assert!(!untouched.is_right());
        let extreme = PairLogProbs {
            chosen: -1e6,
            rejected: 0.0,
        };
        assert!(
            figures(&config(0.0), extreme, REFERENCE[0])
                .loss
                .is_finite()
        );
    }

    #[test]
    fn the_tensors_loss_is_the_mean_of_the_figures() {
        let device = Device::flex();
        for smoothing in [0.0, 0.1] {
            let side = |of: fn(&PairLogProbs) -> f32| {
                let values: Vec<f32> = POLICY.iter().map(of).collect();
                Tensor::<1>::from_data(TensorData::from(values.as_slice()), &device)
            };
            let (chosen, rejected) = (side(|pair| pair.chosen), side(|pair| pair.rejected));
            let loss = mean_loss(&config(smoothing), chosen, rejected, &REFERENCE, &device);
            let loss: f32 = loss.into_scalar();
            let pairs = POLICY.into_iter().zip(REFERENCE);
            let expected: f64 = pairs
                .map(|(p, r)| figures(&config(smoothing), p, r).loss)
                .sum();
            assert!((f64::from(loss) - expected / 2.0).abs() < 1e-6);
        }
    }
}
