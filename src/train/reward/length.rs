//! A reward by length alone: the share of a target number of words that a response has.

use super::{Candidate, Reward, Score, Term};
use crate::train::TrainError;

/// `min(words / target, 1)`.
pub struct LengthReward {
    /// Words from which a response gets the full reward.
    pub target: usize,
}

impl Reward for LengthReward {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        let score = |candidate: &Candidate<'_>| {
            let words = candidate.response.split_whitespace().count();
            let share = (words as f32 / self.target.max(1) as f32).min(1.0);
            Score {
                total: share,
                terms: vec![Term {
                    name: "words",
                    value: words as f32,
                }],
            }
        };
        Ok(candidates.iter().map(score).collect())
    }
}
