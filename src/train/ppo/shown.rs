//! A few responses of a step for people to look at, token by token. Only reads what the step left.

use super::rollout::Rollout;
use super::scorer::Score;
use super::step::StepOutcome;
use crate::experiment::{RolloutResponse, RolloutToken, TokenFigures};
use crate::text::Tokenizer;
use crate::train::material::Encoded;

/// Responses that are kept of a step: the first of its batch.
pub const SHOWN_RESPONSES: usize = 8;

/// The first [`SHOWN_RESPONSES`] responses of a step, which answer `examples` at `indices`.
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
                shaped: stepped.shaped[row],
                tokens: tokens(&generated.tokens, row, stepped, tokenizer),
            }
        })
        .collect()
}

/// The tokens of response `row`. Those before the ones that count have no figures.
fn tokens(
    ids: &[u32],
    row: usize,
    stepped: &StepOutcome,
    tokenizer: &Tokenizer,
) -> Vec<RolloutToken> {
    let left_out = ids.len() - stepped.advantages[row].len();
    ids.iter()
        .enumerate()
        .map(|(place, &id)| RolloutToken {
            piece: tokenizer.token(id).unwrap_or_else(|| format!("<{id}>")),
            figures: place.checked_sub(left_out).map(|t| TokenFigures {
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
