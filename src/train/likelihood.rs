//! Probabilities of given tokens: the loss of maximum likelihood, and the ground of PPL and PPO.

use burn::tensor::{Device, Tensor};

use super::policy::Policy;
use super::score::score;
use super::tensors::{Tokens, shift_right};
use crate::nn::Dropout;
use crate::nn::prefix::PrefixVectors;

/// Contexts and the responses to score.
pub struct Pairs {
    pub contexts: Tokens,
    /// What the decoder reads: the start token and all response tokens but the last.
    pub inputs: Tokens,
    /// What it should say.
    pub responses: Tokens,
}

impl Pairs {
    /// Pads both sides.
    pub fn new<R: AsRef<[u32]>>(contexts: &[R], responses: &[R], start: u32, device: &Device) -> Self {
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
    policy
        .t5
        .decode(pairs.inputs.ids.clone(), &encoded, &pairs.contexts.mask, prefix, dropout)
}

/// Mean cross-entropy over the target tokens `responses` (pads ignored).
pub fn cross_entropy<R: AsRef<[u32]>>(logits: Tensor<3>, responses: &[R]) -> Tensor<1> {
    let tokens: usize = responses.iter().map(|row| row.as_ref().len()).sum();
    score(logits, responses).log_probs.sum().neg().div_scalar(tokens.max(1) as f32)
}
