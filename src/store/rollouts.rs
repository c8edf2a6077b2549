//! Responses of rollouts as they are kept in rows, a list for each figure, non-finite numbers included.

use rusqlite::{Connection, params};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::RunId;
use super::error::Fault;
use crate::experiment::{RolloutResponse, RolloutToken, Stage, TokenFigures};

/// Writes the responses of a step in place of what was there.
pub(super) fn put(
    db: &Connection,
    run: RunId,
    (stage, step): (Stage, u64),
    wall_ms: i64,
    responses: &[RolloutResponse],
) -> Result<(), Fault> {
    let step = step as i64;
    db.prepare_cached("DELETE FROM rollouts WHERE run = ? AND stage = ? AND step = ?")?
        .execute(params![run.0, stage.key(), step])?;
    let mut insert = db.prepare_cached("INSERT INTO rollouts VALUES (?, ?, ?, ?, ?, ?)")?;
    for (position, response) in responses.iter().enumerate() {
        let json = serde_json::to_string(&StoredResponse::from(response))
            .map_err(|error| Fault::Unreadable("a rollout".into(), error.to_string()))?;
        insert.execute(params![
            run.0,
            stage.key(),
            step,
            position as i64,
            wall_ms,
            json
        ])?;
    }
    Ok(())
}

/// The responses of a step.
pub(super) fn at(
    db: &Connection,
    run: RunId,
    stage: Stage,
    step: u64,
) -> Result<Vec<RolloutResponse>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT response_json FROM rollouts WHERE run = ? AND stage = ? AND step = ?
         ORDER BY position",
    )?;
    let mut rows = query.query(params![run.0, stage.key(), step as i64])?;
    let mut responses = Vec::new();
    while let Some(row) = rows.next()? {
        let unreadable = |detail: String| {
            Fault::Unreadable(
                format!("a rollout of run {run}, {stage}, step {step}"),
                detail,
            )
        };
        let json = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let stored: StoredResponse =
            serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))?;
        responses.push(stored.read().map_err(unreadable)?);
    }
    Ok(responses)
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
    score: Single,
    shaped: Single,
    pieces: Vec<String>,
    log_probs: Vec<Single>,
    reference_log_probs: Vec<Single>,
    full_kl: Vec<Single>,
    values: Vec<Single>,
    rewards: Vec<Single>,
    advantages: Vec<Single>,
    returns: Vec<Single>,
}

impl From<&RolloutResponse> for StoredResponse {
    fn from(response: &RolloutResponse) -> Self {
        let list = |figure: fn(&TokenFigures) -> f32| {
            let figures = response.figures();
            figures.map(|figures| Single(figure(figures))).collect()
        };
        StoredResponse {
            index: response.index,
            context: response.context.clone(),
            target: response.target.clone(),
            response: response.response.clone(),
            ended: response.ended,
            score: Single(response.score),
            shaped: Single(response.shaped),
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

/// A single-precision number in JSON, in as few digits as bring it back; non-finite ones as text.
struct Single(f32);

impl Serialize for Single {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f32(self.0)
        } else {
            serializer.serialize_str(&self.0.to_string())
        }
    }
}

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f32),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Single(number)),
            Either::Text(text) => text.parse().map(Single).map_err(D::Error::custom),
        }
    }
}
