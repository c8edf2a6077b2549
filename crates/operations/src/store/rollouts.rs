//! Responses of rollouts as stored rows, with one list for each figure.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::step_rows::{Number, StepKey, StepRows};
use crate::data::Role;
use crate::experiment::{
    InGroup, RewardTerm, RolloutResponse, RolloutToken, TokenFigures, TruncatedFigures,
};

const ROWS: StepRows = StepRows {
    table: "rollouts",
    column: "response_json",
    what: "a rollout",
};

/// Replaces the responses of a step.
pub(super) fn put(
    db: &Connection,
    key: StepKey,
    wall_ms: i64,
    responses: &[RolloutResponse],
) -> Result<(), Fault> {
    let stored = responses.iter().map(StoredResponse::from);
    ROWS.put(db, key, wall_ms, stored)
}

pub(super) fn at(db: &Connection, key: StepKey) -> Result<Vec<RolloutResponse>, Fault> {
    let stored: Vec<StoredResponse> = ROWS.at(db, key)?;
    let read = stored.into_iter().map(StoredResponse::read);
    read.map(|response| response.map_err(|why| ROWS.unreadable(key, why)))
        .collect()
}

/// [`RolloutResponse`] as JSON. The lists of figures cover the last tokens: those that are trained on.
#[derive(Serialize, Deserialize)]
struct StoredResponse {
    index: u32,
    context: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
    target: String,
    response: String,
    ended: bool,
    score: Number<f32>,
    /// Earlier versions wrote none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    terms: Vec<StoredTerm>,
    shaped: Number<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<StoredGroup>,
    pieces: Vec<String>,
    log_probs: Vec<Number<f32>>,
    reference_log_probs: Vec<Number<f32>>,
    full_kl: Vec<Number<f32>>,
    /// Empty where the algorithm has none, as rewards and returns are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<Number<f32>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rewards: Vec<Number<f32>>,
    advantages: Vec<Number<f32>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returns: Vec<Number<f32>>,
    /// Only of steps that scored the truncated distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    truncated: Option<StoredTruncated>,
}

#[derive(Serialize, Deserialize)]
struct StoredTruncated {
    log_probs: Vec<Number<f32>>,
    reference_log_probs: Vec<Number<f32>>,
    kl: Vec<Number<f32>>,
}

impl StoredTruncated {
    /// The lists of a response whose every token has these figures.
    fn of(response: &RolloutResponse) -> Option<StoredTruncated> {
        let figures: Option<Vec<TruncatedFigures>> = response
            .figures()
            .map(|figures| figures.truncated)
            .collect();
        let figures = figures.filter(|figures| !figures.is_empty())?;
        let list = |figure: fn(&TruncatedFigures) -> f32| {
            figures
                .iter()
                .map(|figures| Number(figure(figures)))
                .collect()
        };
        Some(StoredTruncated {
            log_probs: list(|figures| figures.log_prob),
            reference_log_probs: list(|figures| figures.reference_log_prob),
            kl: list(|figures| figures.kl),
        })
    }

    fn lists(&self) -> [&Vec<Number<f32>>; 3] {
        [&self.log_probs, &self.reference_log_probs, &self.kl]
    }

    fn at(&self, t: usize) -> TruncatedFigures {
        TruncatedFigures {
            log_prob: self.log_probs[t].0,
            reference_log_prob: self.reference_log_probs[t].0,
            kl: self.kl[t].0,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredGroup {
    context: u32,
    advantage: Number<f32>,
    mean: Number<f32>,
    std: Number<f32>,
}

impl From<InGroup> for StoredGroup {
    fn from(group: InGroup) -> Self {
        StoredGroup {
            context: group.context,
            advantage: Number(group.advantage),
            mean: Number(group.mean),
            std: Number(group.std),
        }
    }
}

impl From<StoredGroup> for InGroup {
    fn from(stored: StoredGroup) -> Self {
        InGroup {
            context: stored.context,
            advantage: stored.advantage.0,
            mean: stored.mean.0,
            std: stored.std.0,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTerm {
    name: String,
    value: Number<f32>,
}

impl From<&RewardTerm> for StoredTerm {
    fn from(term: &RewardTerm) -> Self {
        StoredTerm {
            name: term.name.clone(),
            value: Number(term.value),
        }
    }
}

impl From<StoredTerm> for RewardTerm {
    fn from(stored: StoredTerm) -> Self {
        RewardTerm {
            name: stored.name,
            value: stored.value.0,
        }
    }
}

impl From<&RolloutResponse> for StoredResponse {
    fn from(response: &RolloutResponse) -> Self {
        let list = |figure: fn(&TokenFigures) -> Option<f32>| {
            let figures = response.figures();
            figures.filter_map(figure).map(Number).collect()
        };
        StoredResponse {
            index: response.index,
            context: response.context.clone(),
            roles: response.roles.clone(),
            target: response.target.clone(),
            response: response.response.clone(),
            ended: response.ended,
            score: Number(response.score),
            terms: response.terms.iter().map(StoredTerm::from).collect(),
            shaped: Number(response.shaped),
            group: response.group.map(StoredGroup::from),
            pieces: response.tokens.iter().map(|t| t.piece.clone()).collect(),
            log_probs: list(|f| Some(f.log_prob)),
            reference_log_probs: list(|f| Some(f.reference_log_prob)),
            full_kl: list(|f| Some(f.full_kl)),
            values: list(|f| f.value),
            rewards: list(|f| f.reward),
            advantages: list(|f| Some(f.advantage)),
            returns: list(|f| f.returns),
            truncated: StoredTruncated::of(response),
        }
    }
}

impl StoredResponse {
    fn read(self) -> Result<RolloutResponse, String> {
        let count = self.log_probs.len();
        let lists = [&self.reference_log_probs, &self.full_kl, &self.advantages];
        let truncated = self.truncated.iter().flat_map(StoredTruncated::lists);
        let mut lists = lists.into_iter().chain(truncated);
        let optional = [&self.values, &self.rewards, &self.returns];
        let is_whole = lists.all(|list| list.len() == count)
            && (optional.iter()).all(|list| list.is_empty() || list.len() == count);
        let prefix = self.pieces.len().checked_sub(count);
        let Some(prefix) = prefix.filter(|_| is_whole) else {
            return Err("not every token has all of its figures".to_string());
        };
        let figures = |t: usize| TokenFigures {
            log_prob: self.log_probs[t].0,
            reference_log_prob: self.reference_log_probs[t].0,
            full_kl: self.full_kl[t].0,
            value: self.values.get(t).map(|value| value.0),
            reward: self.rewards.get(t).map(|reward| reward.0),
            advantage: self.advantages[t].0,
            returns: self.returns.get(t).map(|returns| returns.0),
            truncated: self.truncated.as_ref().map(|truncated| truncated.at(t)),
        };
        let tokens = self
            .pieces
            .iter()
            .enumerate()
            .map(|(at, piece)| RolloutToken {
                piece: piece.clone(),
                figures: at.checked_sub(prefix).map(figures),
            });
        Ok(RolloutResponse {
            tokens: tokens.collect(),
            index: self.index,
            context: self.context,
            roles: self.roles,
            target: self.target,
            response: self.response,
            ended: self.ended,
            score: self.score.0,
            terms: self.terms.into_iter().map(RewardTerm::from).collect(),
            shaped: self.shaped.0,
            group: self.group.map(InGroup::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As versions before the terms of rewards wrote it.
    const EARLIER: &str = r#"{"index":1,"context":["I lost my dog."],"target":"I am sorry.","response":"Oh.","ended":true,"score":0.25,"shaped":0.5,"pieces":["▁Oh","."],"log_probs":[-1.5],"reference_log_probs":[-1.0],"full_kl":[0.125],"values":["NaN"],"rewards":[0.5],"advantages":[0.75],"returns":[1.0]}"#;

    #[test]
    fn a_response_of_an_earlier_version_is_read_without_terms() {
        let stored: StoredResponse = serde_json::from_str(EARLIER).unwrap();
        let response = stored.read().unwrap();
        assert_eq!((response.score, response.shaped), (0.25, 0.5));
        assert_eq!(response.terms, []);
        assert_eq!(response.tokens.len(), 2);
        assert_eq!(response.tokens[0].figures, None);
        let again = serde_json::to_string(&StoredResponse::from(&response)).unwrap();
        assert_eq!(again, EARLIER);
    }

    #[test]
    fn figures_of_the_truncated_distribution_are_kept_beside_the_others() {
        let stored: StoredResponse = serde_json::from_str(EARLIER).unwrap();
        let mut response = stored.read().unwrap();
        let figures = response.tokens[1].figures.as_mut().unwrap();
        figures.value = Some(0.25);
        figures.truncated = Some(TruncatedFigures {
            log_prob: -0.5,
            reference_log_prob: -0.25,
            kl: 0.0625,
        });
        let text = serde_json::to_string(&StoredResponse::from(&response)).unwrap();
        let read: StoredResponse = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read.read().unwrap().tokens[1].figures,
            response.tokens[1].figures
        );
        let short = text.replace("\"kl\":[0.0625]", "\"kl\":[]");
        let read: StoredResponse = serde_json::from_str(&short).unwrap();
        assert!(read.read().is_err());
    }

    #[test]
    fn terms_are_kept_even_where_they_are_not_finite() {
        let stored: StoredResponse = serde_json::from_str(EARLIER).unwrap();
        let mut response = stored.read().unwrap();
        let term = |name: &str, value| RewardTerm {
            name: name.into(),
            value,
        };
        response.terms = vec![term("interpretation", 0.1), term("words", f32::INFINITY)];
        let text = serde_json::to_string(&StoredResponse::from(&response)).unwrap();
        let read: StoredResponse = serde_json::from_str(&text).unwrap();
        assert_eq!(read.read().unwrap().terms, response.terms);
    }
}
