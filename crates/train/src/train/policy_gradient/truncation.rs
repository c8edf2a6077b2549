//! Scoring responses under the truncated, tempered distribution that they were sampled from.
//!
//! The support is computed once, from the policy that sampled. Policy, reference and every later policy
//! are scored on that same support: otherwise a token that an update pushes out of the top k would
//! have no log-probability at all.

use std::ops::Range;

use burn::tensor::{Bool, Tensor, TensorData};

use crate::nn::Generated;
use crate::nn::sampling::Sampling;
use crate::train::tensors::floats;

/// Used instead of a logit of -inf, so that products stay finite.
const MASKED: f32 = -1e30;

/// Temperature and support (the tokens that could be sampled) at every position of some responses.
#[derive(Clone, Debug)]
pub struct TruncatedDistribution {
    temperature: f32,
    /// `[response][position]`: token ids, the sampled one among them.
    support: Vec<Vec<Vec<u32>>>,
}

impl TruncatedDistribution {
    /// The support from which `sampling` drew `generated`, by the policy's `logits`
    /// `[responses, tokens, vocabulary]`.
    pub fn of(
        sampling: &Sampling,
        eos: &[u32],
        logits: Tensor<3>,
        generated: &[Generated],
    ) -> Self {
        let [_, tokens, vocabulary] = logits.dims();
        let logits = floats(logits);
        let of_position = |row: usize, position: usize, sampled: u32| {
            let at = (row * tokens + position) * vocabulary;
            let mut support = sampling.support(&logits[at..at + vocabulary], position, eos);
            // Teacher forcing rounds differently, which may change the last of the top k.
            if !support.contains(&sampled) {
                support.push(sampled);
            }
            support
        };
        let of_response = |(row, response): (usize, &Generated)| {
            let tokens = response.tokens.iter().enumerate();
            tokens
                .map(|(position, id)| of_position(row, position, *id))
                .collect()
        };
        TruncatedDistribution {
            temperature: sampling.temperature,
            support: generated.iter().enumerate().map(of_response).collect(),
        }
    }

    /// Divides the logits of the responses at `range` by the temperature and masks tokens outside the
    /// support. Positions after a response's end are not masked.
    pub fn apply(&self, logits: Tensor<3>, range: Range<usize>) -> Tensor<3> {
        let [rows, tokens, vocabulary] = logits.dims();
        let mut masked = vec![false; rows * tokens * vocabulary];
        for (row, response) in self.support[range].iter().enumerate() {
            for (position, support) in response.iter().enumerate() {
                let at = (row * tokens + position) * vocabulary;
                let masked = &mut masked[at..at + vocabulary];
                masked.fill(true);
                for id in support {
                    masked[*id as usize] = false;
                }
            }
        }
        let device = logits.device().without_autodiff();
        let data = TensorData::new(masked, [rows, tokens, vocabulary]);
        let mask = Tensor::<3, Bool>::from_data(data, &device);
        logits.div_scalar(self.temperature).mask_fill(mask, MASKED)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::train::score::score;

    #[test]
    fn scores_are_those_of_the_support() {
        let sampling = Sampling {
            max_new_tokens: 3,
            min_new_tokens: 1,
            greedy: false,
            top_k: 2,
            top_p: 1.0,
            temperature: 0.5,
        };
        let logits: Tensor<3> = Tensor::from_floats(
            [[[3.0, 9.0, 2.0, 1.0], [0.5, 1.0, 0.0, -1.0]]],
            &Device::flex(),
        );
        let generated = Generated {
            tokens: vec![2, 1],
            log_probs: vec![0.0; 2],
            ended: true,
        };
        // eos (1) is forbidden at the first position and the likeliest token at the second.
        let truncation = TruncatedDistribution::of(&sampling, &[1], logits.clone(), &[generated]);
        assert_eq!(truncation.support, [[vec![0, 2], vec![1, 0]]]);
        let scores = score(truncation.apply(logits, 0..1), &[[2, 1]]);
        let expected = [-(1.0 + 2f32.exp()).ln(), -(1.0 + (-1f32).exp()).ln()];
        for (found, expected) in scores.log_prob_rows[0].iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{found} against {expected}"
            );
        }
    }
}
