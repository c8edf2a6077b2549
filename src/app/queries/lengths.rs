//! How the rewards of recorded responses go with their lengths.

use crate::experiment::Stage;
use crate::store::{RunId, StoreError, StoreReader};

/// Recorded steps that are read, at most: the latest ones.
pub const STEPS: usize = 200;

/// The responses recorded of a stage's latest steps, each as its words (divided by spaces) and its raw reward.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RewardsByLength {
    pub points: Vec<(f64, f64)>,
    /// Recorded steps they are from.
    pub steps: usize,
}

/// # Errors
/// The store cannot be read.
pub fn rewards_by_length(
    reader: &StoreReader,
    run: RunId,
    stage: Stage,
) -> Result<RewardsByLength, StoreError> {
    let mut steps = reader.rollouts(run)?;
    steps.retain(|(of, _)| *of == stage);
    let mut found = RewardsByLength::default();
    for (stage, step) in steps.into_iter().rev().take(STEPS) {
        let responses = reader.rollout_at(run, stage, step)?;
        found.points.extend(responses.iter().map(|response| {
            let words = response.response.split_whitespace().count();
            (words as f64, f64::from(response.score))
        }));
        found.steps += 1;
    }
    found.points.retain(|(_, reward)| reward.is_finite());
    Ok(found)
}
