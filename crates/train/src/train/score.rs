//! Log-probabilities of given tokens (with gradient), the entropy at each, and the KL divergence of two models,
//! all from logits `[responses, tokens, vocabulary]` under the full, untempered softmax. Knows no model and no
//! reward.

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData, activation};
use rayon::prelude::*;

use crate::nn::of_rows;
use crate::train::clip::{is_host, numbers};

/// Log-probabilities and entropies of the real tokens of some responses.
#[derive(Clone, Debug)]
pub struct Scores {
    /// `log π(a_t|s_t)`, `[responses, tokens]`, 0 on pads; differentiable where the logits are.
    pub log_probs: Tensor<2>,
    /// Entropy of `π(·|s_t)` in nats, `[responses, tokens]`, 0 on pads; without gradient.
    pub entropy: Tensor<2>,
    /// `log_probs` of the real tokens on the host.
    pub log_prob_rows: Vec<Vec<f32>>,
}

/// Scores the tokens of each response (the ids that were sampled) against `logits`
/// `[responses, tokens, vocabulary]`; positions past a response's end are pads.
///
/// On plain memory one pass over each position's logits gives log-probability, entropy and the
/// derivative `onehot(a_t) - π(·|s_t)`, which is all that the gradient needs. Logits must be finite at real tokens.
///
/// # Panics
/// If `responses` does not fit the logits' first two dimensions or an id is past the vocabulary.
pub fn score<R: AsRef<[u32]>>(logits: Tensor<3>, responses: &[R]) -> Scores {
    let responses: Vec<&[u32]> = responses.iter().map(AsRef::as_ref).collect();
    let responses = responses.as_slice();
    let [rows, tokens, vocabulary] = logits.dims();
    assert_eq!(rows, responses.len(), "one row of logits for each response");
    for response in responses {
        assert!(response.len() <= tokens, "a position for each token");
        assert!(
            response.iter().all(|id| (*id as usize) < vocabulary),
            "ids within the vocabulary"
        );
    }
    let device = logits.device().without_autodiff();
    if is_host(&device) && logits.dtype() == DType::F32 {
        score_on_host(logits, responses)
    } else {
        score_on_device(logits, responses, &device)
    }
}

fn score_on_host(logits: Tensor<3>, responses: &[&[u32]]) -> Scores {
    let [rows, tokens, _] = logits.dims();
    let actions = actions(responses, tokens);
    let device = logits.device().without_autodiff();
    let (log_probs, figures) = of_rows(logits, |at, logits, weights, is_tracked| {
        let Some(id) = actions[at] else {
            return (0.0, (0.0, 0.0));
        };
        let position = Position::new(logits, weights);
        if is_tracked {
            let scale = (-1.0 / position.total) as f32;
            weights.iter_mut().for_each(|weight| *weight *= scale);
            weights[id] += 1.0;
        }
        let log_prob = position.log_prob(logits[id]);
        (log_prob, (log_prob, position.entropy()))
    });
    let (numbers, entropy): (Vec<f32>, Vec<f32>) = figures.into_iter().unzip();
    Scores {
        log_probs,
        entropy: Tensor::from_data(TensorData::new(entropy, [rows, tokens]), &device),
        log_prob_rows: rows_of(&numbers, responses, tokens),
    }
}

/// The softmax of one position: `weight_v = exp(logit_v - largest)`.
struct Position {
    largest: f32,
    /// `Σ_v weight_v`.
    total: f64,
    /// `Σ_v weight_v · (logit_v - largest)`.
    weighted: f64,
}

impl Position {
    /// Leaves the weights in `weights`, which is as long as `logits`.
    fn new(logits: &[f32], weights: &mut [f32]) -> Self {
        let largest = largest(logits);
        for (weight, logit) in weights.iter_mut().zip(logits) {
            *weight = (logit - largest).exp();
        }
        let total = sum_of(weights, logits, |weight, _| weight);
        // A masked logit is -inf, and 0 × -inf would be NaN.
        let weighted = sum_of(weights, logits, |weight, logit| {
            if weight > 0.0 {
                weight * (logit - largest)
            } else {
                0.0
            }
        });
        Self {
            largest,
            total,
            weighted,
        }
    }

    fn log_prob(&self, logit: f32) -> f32 {
        (f64::from(logit - self.largest) - self.total.ln()) as f32
    }

    fn entropy(&self) -> f32 {
        (self.total.ln() - self.weighted / self.total) as f32
    }
}

fn score_on_device(logits: Tensor<3>, responses: &[&[u32]], device: &Device) -> Scores {
    let [rows, tokens, _] = logits.dims();
    let actions = actions(responses, tokens);
    let ids: Vec<i64> = actions.iter().map(|id| id.unwrap_or(0) as i64).collect();
    let ids = Tensor::<3, Int>::from_data(TensorData::new(ids, [rows, tokens, 1]), device);
    let pads = pads(&actions, [rows, tokens], device);

    let all = activation::log_softmax(logits, 2);
    let constant = all.clone().inner();
    let terms = (constant.clone().exp() * constant.clone()).mask_fill(constant.is_inf(), 0.0);
    let entropy: Tensor<2> = terms.sum_dim(2).neg().squeeze_dim(2);
    let log_probs: Tensor<2> = all.gather(2, ids).squeeze_dim(2);
    let log_probs = log_probs.mask_fill(pads.clone(), 0.0);
    let numbers: Vec<f32> = log_probs.clone().inner().into_data().iter().collect();
    Scores {
        log_prob_rows: rows_of(&numbers, responses, tokens),
        entropy: entropy.mask_fill(pads, 0.0),
        log_probs,
    }
}

/// `KL(π(·|s_t) ‖ ρ(·|s_t))` over the whole vocabulary, from the logits of policy and reference
/// (`[responses, tokens, vocabulary]`), at the first `lengths[i]` positions of response `i`.
pub fn full_kl(policy: Tensor<3>, reference: Tensor<3>, lengths: &[usize]) -> Vec<Vec<f32>> {
    let [_, tokens, vocabulary] = policy.dims();
    let [policy, reference] = [policy, reference].map(Tensor::inner);
    if !is_host(&policy.device()) {
        return full_kl_on_device(policy, reference, lengths);
    }
    let [policy, reference] = [policy, reference].map(|logits| logits.into_data_as::<f32>());
    let of = |data, response: usize, t: usize| -> &[f32] {
        &numbers(data)[(response * tokens + t) * vocabulary..][..vocabulary]
    };
    let of_response = |(response, length): (usize, &usize)| {
        let mut scratch = vec![0.0; vocabulary];
        (0..*length)
            .map(|t| {
                let (policy, reference) = (of(&policy, response, t), of(&reference, response, t));
                divergence(policy, reference, &mut scratch)
            })
            .collect()
    };
    lengths.par_iter().enumerate().map(of_response).collect()
}

/// Only the distances leave the device.
fn full_kl_on_device(policy: Tensor<3>, reference: Tensor<3>, lengths: &[usize]) -> Vec<Vec<f32>> {
    let tokens = policy.dims()[1];
    let [policy, reference] = [policy, reference].map(|logits| activation::log_softmax(logits, 2));
    // A masked logit is -inf, and 0 × -inf would be NaN.
    let masked = policy.clone().is_inf();
    let terms = policy.clone().exp() * (policy - reference);
    let distances = terms.mask_fill(masked, 0.0).sum_dim(2);
    let distances: Vec<f32> = distances.into_data().iter().collect();
    let rows = distances.chunks(tokens.max(1)).zip(lengths);
    rows.map(|(row, length)| row[..*length].to_vec()).collect()
}

/// `scratch` is as long as the vocabulary.
fn divergence(policy: &[f32], reference: &[f32], scratch: &mut [f32]) -> f32 {
    let of_reference = Position::new(reference, scratch);
    let of_policy = Position::new(policy, scratch);
    // Σ_v π_v (p_v - q_v), where both are logits less their largest.
    let shift = of_policy.largest - of_reference.largest;
    for ((weight, p), q) in scratch.iter_mut().zip(policy).zip(reference) {
        *weight = if *weight > 0.0 {
            *weight * (p - q - shift)
        } else {
            0.0
        };
    }
    let distance = sum_of(scratch, scratch, |term, _| term);
    (distance / of_policy.total - of_policy.total.ln() + of_reference.total.ln()) as f32
}

/// Numbers that are added in f32 before f64 takes over.
const BLOCK: usize = 4096;

/// `Σ_i term(a_i, b_i)`, in lanes that the processor adds side by side.
fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let block = |a: &[f32], b: &[f32]| {
        let mut lanes = [0f32; LANES];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += term(*a, *b);
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
        f64::from(lanes.iter().sum::<f32>() + rest)
    };
    a.chunks(BLOCK)
        .zip(b.chunks(BLOCK))
        .map(|(a, b)| block(a, b))
        .sum()
}

const LANES: usize = 16;

fn largest(logits: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = logits.as_chunks::<LANES>();
    for numbers in whole {
        for (lane, x) in lanes.iter_mut().zip(numbers) {
            *lane = larger(*lane, *x);
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, larger)
}

/// The token taken at every position, `None` on pads.
fn actions(responses: &[&[u32]], tokens: usize) -> Vec<Option<usize>> {
    let mut actions = Vec::with_capacity(responses.len() * tokens);
    for response in responses {
        actions.extend(response.iter().map(|id| Some(*id as usize)));
        actions.resize(actions.len() + tokens - response.len(), None);
    }
    actions
}

fn pads(actions: &[Option<usize>], shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    let pads: Vec<bool> = actions.iter().map(Option::is_none).collect();
    Tensor::from_data(TensorData::new(pads, shape), device)
}

fn rows_of(numbers: &[f32], responses: &[&[u32]], tokens: usize) -> Vec<Vec<f32>> {
    responses
        .iter()
        .enumerate()
        .map(|(row, response)| numbers[row * tokens..][..response.len()].to_vec())
        .collect()
}
