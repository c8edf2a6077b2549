//! Teacher forcing: decoder states of given tokens, their cross-entropy, and the losses behind PPL.

use burn::tensor::{Device, Tensor};

use super::material::Encoded;
use super::policy::Policy;
use super::score::score;
use super::tensors::{Tokens, by_length, shift_right};
use crate::metrics::TargetLoss;
use crate::nn::Dropout;
use crate::nn::prefix::PrefixVectors;

/// Contexts and the responses to score.
pub struct Pairs {
    pub contexts: Tokens,
    /// What the decoder reads: the start token and all response tokens but the last.
    pub inputs: Tokens,
    /// What it should predict.
    pub responses: Tokens,
}

impl Pairs {
    /// Pads both sides.
    pub fn new<R: AsRef<[u32]>>(
        contexts: &[R],
        responses: &[R],
        start: u32,
        device: &Device,
    ) -> Self {
        Pairs {
            contexts: Tokens::pad(contexts, device),
            inputs: Tokens::pad(&shift_right(responses, start), device),
            responses: Tokens::pad(responses, device),
        }
    }
}

/// Final decoder states `[batch, tokens, d_model]`, teacher-forced.
pub fn hidden_states(
    policy: &Policy,
    prefix: Option<&PrefixVectors>,
    pairs: &Pairs,
    dropout: &mut Dropout,
) -> Tensor<3> {
    let encoded = policy.t5.encode(
        pairs.contexts.ids.clone(),
        &pairs.contexts.mask,
        prefix,
        dropout,
    );
    policy.t5.decode(
        pairs.inputs.ids.clone(),
        &encoded,
        &pairs.contexts.mask,
        prefix,
        dropout,
    )
}

/// Mean cross-entropy over the target tokens `responses` (pads ignored).
pub fn cross_entropy<R: AsRef<[u32]>>(logits: Tensor<3>, responses: &[R]) -> Tensor<1> {
    let tokens: usize = responses.iter().map(|row| row.as_ref().len()).sum();
    score(logits, responses)
        .log_probs
        .sum()
        .neg()
        .div_scalar(tokens.max(1) as f32)
}

/// Summed negative log-likelihood and token count of every target, eos included.
pub fn target_losses(
    policy: &Policy,
    examples: &[Encoded],
    batch: usize,
    device: &Device,
) -> Vec<TargetLoss> {
    let vectors = policy.vectors();
    let start = policy.t5.config().decoder_start_token_id;
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
        let pairs = Pairs::new(&sources, &targets, start, device);
        let hidden = hidden_states(policy, vectors.as_ref(), &pairs, &mut Dropout::off());
        let scores = score(policy.t5.logits(hidden), &targets);
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
