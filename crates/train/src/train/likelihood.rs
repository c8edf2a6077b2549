//! Teacher forcing: the cross-entropy of given tokens, and the losses behind PPL.

use burn::tensor::Tensor;

use super::material::Encoded;
use super::policy::Policy;
use super::score::score;
use super::tensors::by_length;
use crate::metrics::TargetLoss;
use crate::nn::{Dropout, LanguageModel};

/// Mean cross-entropy over the target tokens `responses` (pads ignored).
pub fn cross_entropy<R: AsRef<[u32]>>(logits: Tensor<3>, responses: &[R]) -> Tensor<1> {
    let tokens: usize = responses.iter().map(|row| row.as_ref().len()).sum();
    score(logits, responses)
        .log_probs
        .sum()
        .neg()
        .div_scalar(tokens.max(1) as f32)
}

/// Logits that are in memory at once where no derivative is asked for.
const MOST_LOGITS: usize = 1 << 24;

/// Natural log-probabilities of the tokens of each response, by final states `[responses, tokens, hidden]` without a
/// graph: so many responses at a time as their logits allow.
pub(super) fn log_probs<R: AsRef<[u32]>>(
    model: &LanguageModel,
    hidden: Tensor<3>,
    responses: &[R],
) -> Vec<Vec<f32>> {
    let tokens = hidden.dims()[1];
    let each = tokens * model.shape().vocab_size;
    let at_once = (MOST_LOGITS / each.max(1)).max(1);
    let mut rows = Vec::with_capacity(responses.len());
    for part in responses.chunks(at_once) {
        let states = hidden.clone().narrow(0, rows.len(), part.len());
        rows.extend(score(model.logits(states), part).log_prob_rows);
    }
    rows
}

/// Summed negative log-likelihood and token count of every target, its end included.
pub fn target_losses(policy: &Policy, examples: &[Encoded], batch: usize) -> Vec<TargetLoss> {
    let (model, adapter) = (&policy.model, policy.adapter_weights());
    let mut losses = vec![
        TargetLoss {
            nll: 0.0,
            tokens: 0
        };
        examples.len()
    ];
    let lengths = |i: usize| (examples[i].source.len(), examples[i].target.len());
    for indices in by_length(examples.len(), batch, lengths) {
        let side = |side: fn(&Encoded) -> &Vec<u32>| -> Vec<&[u32]> {
            let rows = indices.iter().map(|&i| side(&examples[i]).as_slice());
            rows.collect()
        };
        let (sources, targets) = (side(|e| &e.source), side(|e| &e.target));
        let dropout = &mut Dropout::off();
        let hidden = model.forward(&sources, &targets, adapter.as_ref(), dropout);
        let log_probs = log_probs(model, hidden, &targets);
        for (row, &index) in log_probs.iter().zip(&indices) {
            let nll = row.iter().map(|&p| -f64::from(p)).sum();
            losses[index] = TargetLoss {
                nll,
                tokens: row.len(),
            };
        }
    }
    losses
}
