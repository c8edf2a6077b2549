//! A batch of fresh responses, and the forward passes of policy and reference over them.
//!
//! Log-probabilities are those of the full, untempered softmax, whatever the responses were sampled
//! from, as in the authors' trainer. The k1 estimate can then be negative; k3 and the full KL
//! beside it show by how much it is off. With a [`TruncatedDistribution`] they are those of the sampling
//! distribution, and those of the full softmax stand beside them.

use std::ops::Range;

use burn::tensor::Tensor;
use rand_chacha::ChaCha8Rng;

use super::truncation::TruncatedDistribution;
use crate::nn::sampling::Sampling;
use crate::nn::{Dropout, Generated, generate, generate_groups};
use crate::text::Tokenizer;
use crate::train::policy::Policy;
use crate::train::score::{full_kl, score};

/// Responses sampled from the policy (Eq. 12), a row for each; `contexts` repeat where one has several.
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
        let (model, adapter) = (&policy.model, policy.adapter_weights());
        let generated = generate(model, adapter.as_ref(), &contexts, sampling, streams);
        Rollout::of(contexts, generated, tokenizer)
    }

    /// Samples `count` responses to each context, those of one context side by side, each from its own stream.
    pub fn sample_groups(
        policy: &Policy,
        contexts: &[Vec<u32>],
        count: usize,
        sampling: &Sampling,
        streams: &mut [ChaCha8Rng],
        tokenizer: &Tokenizer,
    ) -> Self {
        let (model, adapter) = (&policy.model, policy.adapter_weights());
        let adapter = adapter.as_ref();
        let generated = generate_groups(model, adapter, contexts, count, sampling, streams);
        let repeated = contexts
            .iter()
            .flat_map(|row| std::iter::repeat_n(row, count));
        Rollout::of(repeated.cloned().collect(), generated, tokenizer)
    }

    fn of(contexts: Vec<Vec<u32>>, generated: Vec<Generated>, tokenizer: &Tokenizer) -> Self {
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

    /// Token ids of the contexts and of the responses at `range`, as they were sampled.
    pub(super) fn tokens(&self, range: Range<usize>) -> (Vec<&[u32]>, Vec<&[u32]>) {
        let contexts = self.contexts[range.clone()].iter().map(Vec::as_slice);
        let responses = self.generated[range].iter();
        let responses = responses.map(|row| row.tokens.as_slice());
        (contexts.collect(), responses.collect())
    }
}

/// What a policy says of given responses, `[responses, tokens]`. Pads may hold anything, also infinities.
#[derive(Clone, Debug)]
pub struct PolicyEvaluation {
    /// `log π(a_t|s_t)`, with its graph.
    pub log_probs: Tensor<2>,
    /// `V(s_t)`, with its graph; 0 without a value head.
    pub values: Tensor<2>,
    /// Entropy of `π(·|s_t)` in nats; its graph, if any, is not used.
    pub entropy: Tensor<2>,
    /// That of the truncated distribution, where the log-probabilities are its.
    pub truncated_entropy: Option<Tensor<2>>,
}

/// Output of a policy on given responses.
pub struct PolicyOutput {
    /// Log-probabilities (0 on pads), values and entropy of every token `[batch, tokens]`.
    pub evaluation: PolicyEvaluation,
    /// Log-probabilities of the real tokens.
    pub log_probs: Vec<Vec<f32>>,
    /// Logits `[batch, tokens, vocabulary]`, without graph.
    pub logits: Tensor<3>,
    /// Under a truncation: what the full softmax gives.
    pub full: Option<FullSoftmax>,
}

/// Output under the full, untempered softmax, without graph.
pub struct FullSoftmax {
    /// Log-probabilities of the real tokens.
    pub log_probs: Vec<Vec<f32>>,
    /// Logits `[batch, tokens, vocabulary]`.
    pub logits: Tensor<3>,
}

/// A forward pass of the policy over the rollout's rows at `range`.
pub fn forward(
    policy: &Policy,
    rollout: &Rollout,
    range: Range<usize>,
    truncation: Option<&TruncatedDistribution>,
) -> PolicyOutput {
    let (contexts, responses) = rollout.tokens(range.clone());
    let scored = match truncation {
        Some(truncation) => Scored::Truncated(truncation, range),
        None => Scored::Tempered(1.0),
    };
    forward_rows(policy, &contexts, &responses, scored)
}

/// A forward pass over the rollout's rows at `range`, with log-probabilities at a sampling temperature.
pub fn forward_tempered(
    policy: &Policy,
    rollout: &Rollout,
    range: Range<usize>,
    temperature: f32,
) -> PolicyOutput {
    let (contexts, responses) = rollout.tokens(range);
    forward_rows(policy, &contexts, &responses, Scored::Tempered(temperature))
}

/// The distribution that log-probabilities are of.
pub(super) enum Scored<'a> {
    /// The softmax at a temperature.
    Tempered(f32),
    /// The one that the responses were sampled from, with the place of the rows in their rollout.
    Truncated(&'a TruncatedDistribution, Range<usize>),
}

/// A forward pass over rows of tokens: dropout off, values by the policy's value head (0 without one).
pub(super) fn forward_rows(
    policy: &Policy,
    contexts: &[&[u32]],
    responses: &[&[u32]],
    scored: Scored<'_>,
) -> PolicyOutput {
    let (model, adapter) = (&policy.model, policy.adapter_weights());
    let dropout = &mut Dropout::off();
    let hidden = model.forward(contexts, responses, adapter.as_ref(), dropout);
    let values = match &policy.value_head {
        Some(head) => head.forward(hidden.clone()),
        None => {
            let [rows, tokens, _] = hidden.dims();
            Tensor::zeros([rows, tokens], &model.device().without_autodiff())
        }
    };
    let whole = model.logits(hidden);
    let (truncation, range) = match scored {
        Scored::Truncated(truncation, range) => (truncation, range),
        Scored::Tempered(temperature) => {
            let logits = match temperature == 1.0 {
                true => whole,
                false => whole.div_scalar(temperature),
            };
            let scores = score(logits.clone(), responses);
            return PolicyOutput {
                evaluation: PolicyEvaluation {
                    log_probs: scores.log_probs,
                    values,
                    entropy: scores.entropy,
                    truncated_entropy: None,
                },
                log_probs: scores.log_prob_rows,
                logits: logits.inner(),
                full: None,
            };
        }
    };
    let full = whole.clone().inner();
    let of_full = score(full.clone(), responses);
    let logits = truncation.apply(whole, range);
    let scores = score(logits.clone(), responses);
    PolicyOutput {
        evaluation: PolicyEvaluation {
            log_probs: scores.log_probs,
            values,
            entropy: of_full.entropy,
            truncated_entropy: Some(scores.entropy),
        },
        log_probs: scores.log_prob_rows,
        logits: logits.inner(),
        full: Some(FullSoftmax {
            log_probs: of_full.log_prob_rows,
            logits: full,
        }),
    }
}

/// Per-token figures of policy against reference: one row per response, real tokens only.
#[derive(Debug)]
pub struct AgainstReference {
    pub reference_log_probs: Vec<Vec<f32>>,
    /// KL over the whole vocabulary.
    pub full_kl: Vec<Vec<f32>>,
}

/// Compares the policy with the reference `ρ`, whose model is the policy's own where that is frozen. Under a
/// truncation, the policy's logits of the full softmax give a second comparison.
pub fn against_reference(
    reference: &Policy,
    rollout: &Rollout,
    policy_logits: Tensor<3>,
    truncated: Option<(&TruncatedDistribution, Tensor<3>)>,
) -> (AgainstReference, Option<AgainstReference>) {
    let rows = 0..rollout.generated.len();
    let (truncation, full_logits) = truncated.unzip();
    let output = forward(reference, rollout, rows, truncation);
    let lengths: Vec<usize> = rollout.lengths().collect();
    let against = |reference_log_probs, policy, reference| AgainstReference {
        reference_log_probs,
        full_kl: full_kl(policy, reference, &lengths),
    };
    let full = output.full.zip(full_logits);
    let full = full.map(|(full, policy)| against(full.log_probs, policy, full.logits));
    (
        against(output.log_probs, policy_logits, output.logits),
        full,
    )
}
