//! A few responses of a step for people to inspect, token by token: plain data for the rollout record.

use super::rollout::Rollout;
use super::step::StepOutcome;
use crate::experiment::{RewardTerm, RolloutResponse, RolloutToken, TokenFigures};
use crate::text::Tokenizer;
use crate::train::material::Encoded;
use crate::train::reward::{Score, Term};

/// How many responses of a step are recorded: the first ones of its batch.
pub const SHOWN_RESPONSES: usize = 8;

/// The first [`SHOWN_RESPONSES`] responses of a step; they answer the `examples` at `indices`.
pub fn shown(
    (rollout, stepped): (&Rollout, &StepOutcome),
    scores: &[Score],
    (examples, indices): (&[Encoded], &[usize]),
    tokenizer: &Tokenizer,
) -> Vec<RolloutResponse> {
    indices
        .iter()
        .take(SHOWN_RESPONSES)
        .enumerate()
        .map(|(row, &at)| {
            let example = &examples[at].example;
            let generated = &rollout.generated[row];
            RolloutResponse {
                index: row as u32,
                context: example.context.clone(),
                target: example.target.clone(),
                response: rollout.responses[row].clone(),
                ended: generated.ended,
                score: scores[row].total,
                terms: scores[row].terms.iter().map(term).collect(),
                shaped: stepped.shaped[row],
                tokens: tokens(&generated.tokens, row, stepped, tokenizer),
            }
        })
        .collect()
}

fn term(term: &Term) -> RewardTerm {
    RewardTerm {
        name: term.name.to_string(),
        value: term.value,
    }
}

/// The tokens of response `row`. Leading tokens that take no part in the step have no figures.
fn tokens(
    ids: &[u32],
    row: usize,
    stepped: &StepOutcome,
    tokenizer: &Tokenizer,
) -> Vec<RolloutToken> {
    let skipped = ids.len() - stepped.advantages[row].len();
    ids.iter()
        .enumerate()
        .map(|(place, &id)| RolloutToken {
            piece: tokenizer.token(id).unwrap_or_else(|| format!("<{id}>")),
            figures: place.checked_sub(skipped).map(|t| TokenFigures {
                log_prob: stepped.old_log_probs[row][t],
                reference_log_prob: stepped.against.reference_log_probs[row][t],
                full_kl: stepped.against.full_kl[row][t],
                value: stepped.old_values[row][t],
                reward: stepped.rewards[row][t],
                advantage: stepped.advantages[row][t],
                returns: stepped.returns[row][t],
            }),
        })
        .collect()
}
