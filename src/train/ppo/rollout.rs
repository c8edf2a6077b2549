//! A batch of fresh responses, and what policy and reference say of them.
//!
//! Log-probabilities are those of the full, untempered softmax, whatever the responses were drawn
//! from: as the authors' trainer does. The k1 estimate can then be negative; k3 and the full KL
//! beside it show by how much it is off.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use super::objective::Evaluation;
use crate::nn::prefix::PrefixVectors;
use crate::nn::sampling::Sampling;
use crate::nn::{Dropout, Generated, generate};
use crate::text::Tokenizer;
use crate::train::TrainError;
use crate::train::likelihood::{Pairs, hidden_states, label_log_probs};
use crate::train::policy::Policy;
use crate::train::tensors::to_rows;

/// Responses drawn from the policy (Eq. 12).
pub struct Rollout {
    pub contexts: Vec<Vec<u32>>,
    pub generated: Vec<Generated>,
    /// The responses as text, for whoever scores them. They are never encoded again for the policy.
    pub responses: Vec<String>,
}

impl Rollout {
    /// Draws one response to each context, each row from its own stream.
    pub fn draw(
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
        Rollout { contexts, generated, responses }
    }

    /// Tokens of every response.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.generated.iter().map(|row| row.tokens.len())
    }

    /// The rows at `range` as teacher-forced pairs; the sampled ids are the ids that are scored.
    pub fn pairs(&self, range: std::ops::Range<usize>, start: u32, device: &Device) -> Pairs {
        let tokens: Vec<&[u32]> = self.generated[range.clone()].iter().map(|row| row.tokens.as_slice()).collect();
        let contexts: Vec<&[u32]> = self.contexts[range].iter().map(Vec::as_slice).collect();
        Pairs::new(&contexts, &tokens, start, device)
    }
}

/// What a policy says to given responses.
pub struct Look {
    /// Log-probabilities, values and entropy of every token `[batch, tokens]`.
    pub evaluation: Evaluation,
    /// Log-probabilities of the whole vocabulary `[batch, tokens, vocabulary]`, without graph.
    pub distribution: Tensor<3>,
}

/// One forward pass of the policy, dropout off, values by its own value head. Pads hold whatever
/// comes out there.
pub fn look(policy: &Policy, pairs: &Pairs) -> Look {
    let vectors = policy.vectors();
    let hidden = hidden_states(policy, vectors.as_ref(), pairs, &mut Dropout::off());
    let values = match &policy.value_head {
        Some(head) => head.forward(hidden.clone()),
        None => pairs.responses.mask.zeros_like(),
    };
    let distribution = log_softmax(policy.t5.logits(hidden), 2);
    let log_probs = distribution
        .clone()
        .gather(2, pairs.responses.ids.clone().unsqueeze_dim(2))
        .squeeze_dim(2);
    let distribution = distribution.inner();
    let entropy = (distribution.clone().exp() * distribution.clone()).sum_dim(2).neg().squeeze_dim(2);
    Look {
        evaluation: Evaluation { log_probs, values, entropy },
        distribution,
    }
}

/// Per-token figures of policy against reference, one row a response, real tokens only.
pub struct AgainstReference {
    pub reference_log_probs: Vec<Vec<f32>>,
    /// KL over the whole vocabulary.
    pub full_kl: Vec<Vec<f32>>,
}

/// What the reference `ρ` says to the responses. It is the policy's own T5 where that is frozen.
pub fn against_reference(
    reference: &Policy,
    vectors: Option<&PrefixVectors>,
    pairs: &Pairs,
    distribution: &Tensor<3>,
    lengths: &[usize],
) -> AgainstReference {
    let hidden = hidden_states(reference, vectors, pairs, &mut Dropout::off());
    let reference = log_softmax(reference.t5.logits(hidden), 2);
    let full = (distribution.clone().exp() * (distribution.clone() - reference.clone()))
        .sum_dim(2)
        .squeeze_dim(2);
    let log_probs = reference
        .gather(2, pairs.responses.ids.clone().unsqueeze_dim(2))
        .squeeze_dim(2);
    AgainstReference {
        reference_log_probs: to_rows(log_probs, lengths.iter().copied()),
        full_kl: to_rows(full, lengths.iter().copied()),
    }
}

/// Log-probabilities of the responses under `policy`, for those who want nothing else.
pub fn response_log_probs(policy: &Policy, pairs: &Pairs, lengths: &[usize]) -> Vec<Vec<f32>> {
    let vectors = policy.vectors();
    let hidden = hidden_states(policy, vectors.as_ref(), pairs, &mut Dropout::off());
    let log_probs = label_log_probs(policy.t5.logits(hidden), pairs.responses.ids.clone());
    to_rows(log_probs, lengths.iter().copied())
}
