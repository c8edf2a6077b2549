//! Responses of rollouts as they are kept in rows, a list for each figure.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::step_rows::{Number, StepKey, StepRows};
use crate::experiment::{RolloutResponse, RolloutToken, TokenFigures};

const ROWS: StepRows = StepRows {
    table: "rollouts",
    column: "response_json",
    what: "a rollout",
};

/// Writes the responses of a step in place of what was there.
pub(super) fn put(
    db: &Connection,
    key: StepKey,
    wall_ms: i64,
    responses: &[RolloutResponse],
) -> Result<(), Fault> {
    let stored = responses.iter().map(StoredResponse::from);
    ROWS.put(db, key, wall_ms, stored)
}

/// The responses of a step.
pub(super) fn at(db: &Connection, key: StepKey) -> Result<Vec<RolloutResponse>, Fault> {
    let stored: Vec<StoredResponse> = ROWS.at(db, key)?;
    let read = stored.into_iter().map(StoredResponse::read);
    read.map(|response| response.map_err(|why| ROWS.unreadable(key, why)))
        .collect()
}

/// [`RolloutResponse`] as it is kept. The lists of figures are those of the last tokens: the ones that
/// count.
#[derive(Serialize, Deserialize)]
struct StoredResponse {
    index: u32,
    context: Vec<String>,
    target: String,
    response: String,
    ended: bool,
    score: Number<f32>,
    shaped: Number<f32>,
    pieces: Vec<String>,
    log_probs: Vec<Number<f32>>,
    reference_log_probs: Vec<Number<f32>>,
    full_kl: Vec<Number<f32>>,
    values: Vec<Number<f32>>,
    rewards: Vec<Number<f32>>,
    advantages: Vec<Number<f32>>,
    returns: Vec<Number<f32>>,
}

impl From<&RolloutResponse> for StoredResponse {
    fn from(response: &RolloutResponse) -> Self {
        let list = |figure: fn(&TokenFigures) -> f32| {
            let figures = response.figures();
            figures.map(|figures| Number(figure(figures))).collect()
        };
        StoredResponse {
            index: response.index,
            context: response.context.clone(),
            target: response.target.clone(),
            response: response.response.clone(),
            ended: response.ended,
            score: Number(response.score),
            shaped: Number(response.shaped),
            pieces: response.tokens.iter().map(|t| t.piece.clone()).collect(),
            log_probs: list(|f| f.log_prob),
            reference_log_probs: list(|f| f.reference_log_prob),
            full_kl: list(|f| f.full_kl),
            values: list(|f| f.value),
            rewards: list(|f| f.reward),
            advantages: list(|f| f.advantage),
            returns: list(|f| f.returns),
        }
    }
}

impl StoredResponse {
    /// # Errors
    /// The lists do not fit each other.
    fn read(self) -> Result<RolloutResponse, String> {
        let count = self.log_probs.len();
        let lists = [
            &self.reference_log_probs,
            &self.full_kl,
            &self.values,
            &self.rewards,
            &self.advantages,
            &self.returns,
        ];
        let left_out = self.pieces.len().checked_sub(count);
        let Some(left_out) = left_out.filter(|_| lists.iter().all(|list| list.len() == count))
        else {
            return Err("not every token has all of its figures".to_string());
        };
        let figures = |t: usize| TokenFigures {
            log_prob: self.log_probs[t].0,
            reference_log_prob: self.reference_log_probs[t].0,
            full_kl: self.full_kl[t].0,
            value: self.values[t].0,
            reward: self.rewards[t].0,
            advantage: self.advantages[t].0,
            returns: self.returns[t].0,
        };
        let tokens = self.pieces.iter().enumerate().map(|(place, piece)| {
            let figures = place.checked_sub(left_out).map(figures);
            RolloutToken {
                piece: piece.clone(),
                figures,
            }
        });
        Ok(RolloutResponse {
            tokens: tokens.collect(),
            index: self.index,
            context: self.context,
            target: self.target,
            response: self.response,
            ended: self.ended,
            score: self.score.0,
            shaped: self.shaped.0,
        })
    }
}
