//! A batch of fresh responses, and the forward passes of policy and reference over them.
//!
//! Log-probabilities are those of the full, untempered softmax, whatever the responses were sampled
//! from, as in the authors' trainer. The k1 estimate can then be negative; k3 and the full KL
//! beside it show by how much it is off. With a [`Truncation`] they are those of the sampling
//! distribution.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::objective::PolicyEvaluation;
use super::truncation::Truncation;
use crate::nn::sampling::Sampling;
use crate::nn::{Dropout, Generated, generate};
use crate::text::Tokenizer;
use crate::train::likelihood::{Pairs, hidden_states};
use crate::train::policy::Policy;
use crate::train::score::{full_kl, score};

/// Responses sampled from the policy (Eq. 12).
pub struct Rollout {
    pub contexts: Vec<Vec<u32>>,
    pub generated: Vec<Generated>,
    /// The responses as text, for scoring. They are never re-encoded for the policy.
    pub responses: Vec<String>,
}

impl Rollout {
    /// Samples one response to each context, each row from its own stream.
    pub fn sample(
        policy: &Policy,
        contexts: Vec<Vec<u32>>,
        sampling: &Sampling,
        streams: &mut [ChaCha8Rng],
        tokenizer: &Tokenizer,
    ) -> Self {
        let vectors = policy.vectors();
        let generated = generate(&policy.t5, vectors.as_ref(), &contexts, sampling, streams);
        let responses = generated
            .iter()
            .map(|row| tokenizer.decode(&row.tokens))
            .collect();
        Rollout {
            contexts,
            generated,
            responses,
        }
    }

    /// Token count of every response.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.generated.iter().map(|row| row.tokens.len())
    }

    /// Token ids of the responses at `range`.
    fn tokens(&self, range: Range<usize>) -> impl Iterator<Item = &[u32]> {
        self.generated[range]
            .iter()
            .map(|row| row.tokens.as_slice())
    }

    /// The rows at `range` as teacher-forced pairs of the sampled ids.
    fn pairs(&self, range: Range<usize>, start: u32, device: &Device) -> Pairs {
        let tokens: Vec<&[u32]> = self.tokens(range.clone()).collect();
        let contexts: Vec<&[u32]> = self.contexts[range].iter().map(Vec::as_slice).collect();
        Pairs::new(&contexts, &tokens, start, device)
    }
}

/// Output of a policy on given responses.
pub struct PolicyOutput {
    /// Log-probabilities (0 on pads), values and entropy of every token `[batch, tokens]`.
    pub evaluation: PolicyEvaluation,
    /// Log-probabilities of the real tokens.
    pub log_probs: Vec<Vec<f32>>,
    /// Logits `[batch, tokens, vocabulary]`, without graph.
    pub logits: Tensor<3>,
}

/// A forward pass of the policy over the rollout's rows at `range`.
pub fn forward(
    policy: &Policy,
    rollout: &Rollout,
    range: Range<usize>,
    truncation: Option<&Truncation>,
    device: &Device,
) -> PolicyOutput {
    let start = policy.t5.config().decoder_start_token_id;
    let pairs = rollout.pairs(range.clone(), start, device);
    let tokens: Vec<&[u32]> = rollout.tokens(range.clone()).collect();
    forward_pairs(policy, &pairs, &tokens, |logits| match truncation {
        Some(truncation) => truncation.apply(logits, range),
        None => logits,
    })
}

/// A forward pass over `pairs`, whose responses are `tokens`: dropout off, values by the policy's value head
/// (0 without one), `truncate` applied to the logits.
pub(super) fn forward_pairs(
    policy: &Policy,
    pairs: &Pairs,
    tokens: &[&[u32]],
    truncate: impl FnOnce(Tensor<3>) -> Tensor<3>,
) -> PolicyOutput {
    let vectors = policy.vectors();
    let hidden = hidden_states(policy, vectors.as_ref(), pairs, &mut Dropout::off());
    let values = match &policy.value_head {
        Some(head) => head.forward(hidden.clone()),
        None => pairs.responses.mask.zeros_like(),
    };
    let logits = truncate(policy.t5.logits(hidden));
    let scores = score(logits.clone(), tokens);
    PolicyOutput {
        evaluation: PolicyEvaluation {
            log_probs: scores.log_probs,
            values,
            entropy: scores.entropy,
        },
        log_probs: scores.log_prob_rows,
        logits: logits.inner(),
    }
}

/// Per-token figures of policy against reference: one row per response, real tokens only.
#[derive(Debug)]
pub struct AgainstReference {
    pub reference_log_probs: Vec<Vec<f32>>,
    /// KL over the whole vocabulary.
    pub full_kl: Vec<Vec<f32>>,
}

/// Compares the policy with the reference `ρ`, whose T5 is the policy's own where that is frozen.
pub fn against_reference(
    reference: &Policy,
    rollout: &Rollout,
    policy_logits: Tensor<3>,
    truncation: Option<&Truncation>,
    device: &Device,
) -> AgainstReference {
    let rows = 0..rollout.generated.len();
    let output = forward(reference, rollout, rows, truncation, device);
    let lengths: Vec<usize> = rollout.lengths().collect();
    AgainstReference {
        reference_log_probs: output.log_probs,
        full_kl: full_kl(policy_logits, output.logits, &lengths),
    }
}
