//! The truncated, tempered distribution that responses are drawn from, as one to score them under.
//!
//! The tokens that could be drawn are found once, from the policy that drew. Policy, reference and
//! every later policy are then measured on these same tokens: else a token that an update pushes out
//! of the k likeliest would have no log-probability at all.

use std::ops::Range;

use burn::tensor::{Bool, Tensor, TensorData};

use crate::nn::Generated;
use crate::nn::sampling::Sampling;
use crate::train::tensors::floats;

/// Stands for a logit of -inf, and has finite products.
const OUT: f32 = -1e30;

/// Which tokens could be drawn at every position of some responses, and the temperature.
#[derive(Clone, Debug)]
pub struct Truncation {
    temperature: f32,
    /// Of each response and position; the token that was drawn is among them.
    support: Vec<Vec<Vec<u32>>>,
}

impl Truncation {
    /// What `generated` was drawn from by `sampling`, where the policy's logits were `logits`
    /// `[responses, tokens, vocabulary]`.
    pub fn of(sampling: &Sampling, eos: u32, logits: Tensor<3>, generated: &[Generated]) -> Self {
        let [_, tokens, vocabulary] = logits.dims();
        let logits = floats(logits);
        let of_position = |row: usize, position: usize, drawn: u32| {
            let at = (row * tokens + position) * vocabulary;
            let mut support = sampling.support(&logits[at..at + vocabulary], position, eos);
            // Teacher forcing rounds differently, which may matter for the last of the k.
            if !support.contains(&drawn) {
                support.push(drawn);
            }
            support
        };
        let of_response = |(row, response): (usize, &Generated)| {
            let drawn = response.tokens.iter().enumerate();
            drawn
                .map(|(position, id)| of_position(row, position, *id))
                .collect()
        };
        Truncation {
            temperature: sampling.temperature,
            support: generated.iter().enumerate().map(of_response).collect(),
        }
    }

    /// The logits of the responses at `range`, tempered, and far below all others where a token
    /// could not be drawn. Positions past a response's end stay whole.
    pub fn apply(&self, logits: Tensor<3>, range: Range<usize>) -> Tensor<3> {
        let [rows, tokens, vocabulary] = logits.dims();
        let mut out = vec![false; rows * tokens * vocabulary];
        for (row, response) in self.support[range].iter().enumerate() {
            for (position, support) in response.iter().enumerate() {
                let at = (row * tokens + position) * vocabulary;
                let out = &mut out[at..at + vocabulary];
                out.fill(true);
                for id in support {
                    out[*id as usize] = false;
                }
            }
        }
        let device = logits.device().without_autodiff();
        let data = TensorData::new(out, [rows, tokens, vocabulary]);
        let out = Tensor::<3, Bool>::from_data(data, &device);
        logits.div_scalar(self.temperature).mask_fill(out, OUT)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::train::score::score;

    #[test]
    fn scores_are_those_of_what_could_be_drawn() {
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
        // The end, token 1, is forbidden at first; then it is the likeliest.
        let truncation = Truncation::of(&sampling, 1, logits.clone(), &[generated]);
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
