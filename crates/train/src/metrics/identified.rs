//! How well the empathy identifiers do on labelled pairs that they were not trained on (Table I).

use serde::{Deserialize, Serialize};

use super::{ClassificationReport, Confusion};
use crate::data::{EmpathyLevel, Mechanism};

/// The scores' file in a checkpoint of the identifiers.
pub const SCORES_FILE: &str = "validation.json";

/// One identifier on the validation pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentifierScores {
    pub mechanism: Mechanism,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Levels as labelled against levels as identified.
    pub confusion: Confusion,
}

impl IdentifierScores {
    /// Accuracy and F1, in %.
    pub fn report(&self) -> ClassificationReport {
        self.confusion.report()
    }

    /// The baseline that always predicts the most common level.
    pub fn commonest(&self) -> ClassificationReport {
        let levels = EmpathyLevel::ALL.map(EmpathyLevel::index);
        let support = |level: &usize| self.confusion.support(*level);
        let commonest = levels.into_iter().max_by_key(support).unwrap_or(0);
        let mut always = Confusion::new(levels.len());
        for level in levels {
            always.counts[level][commonest] = support(&level);
        }
        always.report()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_predicts_the_most_common_level() {
        let scores = IdentifierScores {
            mechanism: Mechanism::Exploration,
            loss: 0.5,
            confusion: Confusion {
                counts: vec![vec![50, 5, 5], vec![5, 10, 5], vec![10, 0, 10]],
            },
        };
        assert_eq!(scores.report().accuracy, 70.0);
        let commonest = scores.commonest();
        assert_eq!((commonest.n, commonest.accuracy), (100, 60.0));
        // F1 of the commonest level is 2·60/(60+100), of the others 0.
        assert!((commonest.weighted_f1 - 45.0).abs() < 1e-12);
        assert!((commonest.macro_f1 - 25.0).abs() < 1e-12);
    }
}
