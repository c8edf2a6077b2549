//! Probabilities of given tokens: the loss of maximum likelihood, and the ground of PPL and PPO.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor};

use super::policy::Policy;
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

/// Log-probabilities of `labels` `[batch, tokens]` under the full softmax of `logits`.
pub fn label_log_probs(logits: Tensor<3>, labels: Tensor<2, Int>) -> Tensor<2> {
    log_softmax(logits, 2).gather(2, labels.unsqueeze_dim(2)).squeeze_dim(2)
}

/// Mean cross-entropy over the real target tokens (pads ignored).
pub fn cross_entropy(logits: Tensor<3>, targets: &Tokens) -> Tensor<1> {
    let log_probs = label_log_probs(logits, targets.ids.clone()) * targets.mask.clone();
    log_probs.sum().neg().div_scalar(targets.real.max(1) as f32)
}
