//! The first responses of a step, token by token: plain data for the rollout record.

use super::rollout::Rollout;
use super::step::StepOutcome;
use crate::experiment::{
    RewardTerm, RolloutResponse, RolloutToken, TokenFigures, TruncatedFigures,
};
use crate::text::Tokenizer;
use crate::train::material::Encoded;
use crate::train::reward::{Score, Term};

/// Responses recorded of a step: the first ones of its batch.
pub const RECORDED_RESPONSES: usize = 8;

/// The first [`RECORDED_RESPONSES`] responses of a step; they answer the `examples` at `indices`.
pub fn recorded_responses(
    rollout: &Rollout,
    outcome: &StepOutcome,
    scores: &[Score],
    examples: &[Encoded],
    indices: &[usize],
    tokenizer: &Tokenizer,
) -> Vec<RolloutResponse> {
    indices
        .iter()
        .take(RECORDED_RESPONSES)
        .enumerate()
        .map(|(row, &index)| {
            let example = &examples[index].example;
            let generated = &rollout.generated[row];
            let term = |term: &Term| RewardTerm {
                name: term.name.to_string(),
                value: term.value,
            };
            RolloutResponse {
                index: row as u32,
                context: example.context.clone(),
                roles: example.roles.clone(),
                target: example.target.clone(),
                response: rollout.responses[row].clone(),
                ended: generated.ended,
                score: scores[row].total,
                terms: scores[row].terms.iter().map(term).collect(),
                shaped: outcome.shaped[row],
                tokens: tokens(&generated.tokens, row, outcome, tokenizer),
            }
        })
        .collect()
}

/// The tokens of response `row`. Leading tokens that take no part in the step have no figures.
fn tokens(
    ids: &[u32],
    row: usize,
    outcome: &StepOutcome,
    tokenizer: &Tokenizer,
) -> Vec<RolloutToken> {
    let skipped = ids.len() - outcome.advantages[row].len();
    let (log_probs, against) = match &outcome.full {
        Some(full) => (&full.log_probs, &full.against),
        None => (&outcome.old_log_probs, &outcome.against),
    };
    ids.iter()
        .enumerate()
        .map(|(position, &id)| RolloutToken {
            piece: tokenizer.token(id).unwrap_or_else(|| format!("<{id}>")),
            figures: position.checked_sub(skipped).map(|t| TokenFigures {
                log_prob: log_probs[row][t],
                reference_log_prob: against.reference_log_probs[row][t],
                full_kl: against.full_kl[row][t],
                truncated: outcome.full.is_some().then(|| TruncatedFigures {
                    log_prob: outcome.old_log_probs[row][t],
                    reference_log_prob: outcome.against.reference_log_probs[row][t],
                    kl: outcome.against.full_kl[row][t],
                }),
                value: outcome.old_values[row][t],
                reward: outcome.rewards[row][t],
                advantage: outcome.advantages[row][t],
                returns: outcome.returns[row][t],
            }),
        })
        .collect()
}
