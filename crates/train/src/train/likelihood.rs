//! Teacher forcing: the cross-entropy of given tokens, and the losses behind PPL.

use burn::tensor::Tensor;

use super::material::Encoded;
use super::policy::Policy;
use super::score::score;
use super::tensors::by_length;
use crate::metrics::TargetLoss;
use crate::nn::Dropout;

/// Mean cross-entropy over the target tokens `responses` (pads ignored).
pub fn cross_entropy<R: AsRef<[u32]>>(logits: Tensor<3>, responses: &[R]) -> Tensor<1> {
    let tokens: usize = responses.iter().map(|row| row.as_ref().len()).sum();
    score(logits, responses)
        .log_probs
        .sum()
        .neg()
        .div_scalar(tokens.max(1) as f32)
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
        let scores = score(model.logits(hidden), &targets);
        for (row, &index) in scores.log_prob_rows.iter().zip(&indices) {
            let nll = row.iter().map(|&p| -f64::from(p)).sum();
            losses[index] = TargetLoss {
                nll,
                tokens: row.len(),
            };
        }
    }
    losses
}
