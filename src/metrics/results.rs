//! One row of the result table: a system's automatic metrics on one split.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Estimate};
use super::distinct::ResponseWords;
use super::emp_f1::{Levels, emp_f1_estimates};
use super::perplexity::{TargetLoss, perplexity_estimate};

/// The automatic metrics of one system (Table II), each with its bootstrap interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemResults {
    /// "Generator", "EmpRL", or an imported system's name.
    pub system: String,
    /// Name of the split, such as "test".
    pub split: String,
    /// Examples answered.
    pub n: u64,
    /// None for systems whose probabilities are unknown.
    pub ppl: Option<Estimate>,
    pub dist_1: Estimate,
    pub dist_2: Estimate,
    /// In %; None without identifiers.
    pub emp_f1: Option<Estimate>,
    /// Weighted F1 in % of emotional reaction, interpretation and exploration.
    pub mechanism_f1: Option<[Estimate; 3]>,
    /// Mean words a response.
    pub mean_words: f64,
}

impl SystemResults {
    /// Measures a system's responses. `losses` are those of the targets under the system, `levels`
    /// those of targets and of responses. None where there is no response.
    pub fn measure(
        system: &str,
        split: &str,
        responses: &[String],
        losses: Option<&[TargetLoss]>,
        levels: Option<(&[Levels], &[Levels])>,
        bootstrap: &Bootstrap,
    ) -> Option<Self> {
        let words = ResponseWords::new(responses);
        let empathy = levels.and_then(|(targets, given)| emp_f1_estimates(targets, given, bootstrap));
        Some(SystemResults {
            system: system.to_string(),
            split: split.to_string(),
            n: responses.len() as u64,
            ppl: losses.and_then(|losses| perplexity_estimate(losses, bootstrap)),
            dist_1: words.estimate(1, bootstrap)?,
            dist_2: words.estimate(2, bootstrap)?,
            emp_f1: empathy.as_ref().map(|empathy| empathy.emp_f1),
            mechanism_f1: empathy.map(|empathy| empathy.mechanisms),
            mean_words: words.words() as f64 / responses.len() as f64,
        })
    }
}
