//! One row of the result table: a system's automatic metrics on one split.

use serde::{Deserialize, Serialize};

use super::Estimate;

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
