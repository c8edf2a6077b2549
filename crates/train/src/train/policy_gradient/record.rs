//! The first responses of a step, token by token: plain data for the rollout record.

use super::rollout::Rollout;
use crate::experiment::{InGroup, RewardTerm, RolloutResponse, RolloutToken, TokenFigures};
use crate::text::Tokenizer;
use crate::train::material::Encoded;
use crate::train::reward::{Score, Term};

/// Responses recorded of a step: the first ones of its batch, and what is missing of the last one's group.
pub const RECORDED_RESPONSES: usize = 8;

/// What a step knows of its responses.
pub trait StepFigures {
    /// The score of response `row` after shaping.
    fn shaped(&self, row: usize) -> f32;

    /// Its place among the responses to one context, if there are several.
    fn group(&self, _row: usize) -> Option<InGroup> {
        None
    }

    /// The figures of the tokens of response `row` that take part in the step: its last ones.
    fn tokens(&self, row: usize) -> Vec<TokenFigures>;
}

/// The first responses of a step, [`RECORDED_RESPONSES`] or some more; they answer the `examples` at `indices`.
pub fn recorded_responses(
    rollout: &Rollout,
    outcome: &impl StepFigures,
    scores: &[Score],
    examples: &[Encoded],
    indices: &[usize],
    tokenizer: &Tokenizer,
) -> Vec<RolloutResponse> {
    let context = |row: usize| outcome.group(row).map(|group| group.context);
    let last = RECORDED_RESPONSES - 1;
    let is_recorded =
        |row: usize| row <= last || context(row).is_some_and(|of| context(last) == Some(of));
    indices
        .iter()
        .enumerate()
        .take_while(|(row, _)| is_recorded(*row))
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
                shaped: outcome.shaped(row),
                group: outcome.group(row),
                tokens: tokens(&generated.tokens, outcome.tokens(row), tokenizer),
            }
        })
        .collect()
}

/// The tokens of a response. Leading tokens that take no part in the step have no figures.
fn tokens(ids: &[u32], figures: Vec<TokenFigures>, tokenizer: &Tokenizer) -> Vec<RolloutToken> {
    let skipped = ids.len() - figures.len();
    ids.iter()
        .enumerate()
        .map(|(position, &id)| RolloutToken {
            piece: tokenizer.token(id).unwrap_or_else(|| format!("<{id}>")),
            figures: position.checked_sub(skipped).map(|t| figures[t]),
        })
        .collect()
}
