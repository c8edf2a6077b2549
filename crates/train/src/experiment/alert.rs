//! Alerts of a run, typed, with their sentences.
//!
//! The rules are in the engine; their limits are `alerts` in the settings.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::data::Mechanism;

/// What a rule found, with its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Alert {
    /// Metrics, by key, that are NaN or infinite.
    NotFinite { metrics: Vec<String> },
    /// The mean KL of a response over the last `window` steps, in nats, is above `alerts.kl_limit`.
    KlLimit { kl: f64, window: u64, limit: f64 },
    /// That KL rose from the window before to the last one by more than `alerts.kl_factor`.
    KlRise {
        before: f64,
        kl: f64,
        window: u64,
        factor: f64,
    },
    /// The share of the sample dialogues whose response another one has too.
    Duplicates { share: f64 },
    /// Dist-2 on the validation subset fell from the stage's first value.
    Dist { first: f64, now: f64 },
    /// An evaluation's responses have one level of a mechanism in a share above `alerts.level_share`, its targets
    /// clearly less often.
    Levels {
        mechanism: Mechanism,
        share: f64,
        of_targets: f64,
    },
    /// The share of the responses of the last `window` steps that reached the length limit.
    CutOff { share: f64, window: u64 },
    /// The share of contexts, over the last `window` steps, whose responses all had the same reward.
    FlatGroups { share: f64, window: u64 },
    /// Pearson's r of reward and response length over the last `steps` steps.
    Length { r: f64, steps: u64 },
    /// The windowed mean reward has not risen for `steps` steps.
    Stalled { steps: u64, since: u64 },
    /// A program or a server of the reward failed, and what it was sent was sent again.
    Scorer { term: String, why: String },
}

impl Alert {
    pub fn severity(&self) -> Severity {
        match self {
            Alert::NotFinite { .. }
            | Alert::KlLimit { .. }
            | Alert::Duplicates { .. }
            | Alert::Dist { .. }
            | Alert::Levels { .. }
            | Alert::Scorer { .. } => Severity::Alert,
            Alert::KlRise { .. }
            | Alert::CutOff { .. }
            | Alert::FlatGroups { .. }
            | Alert::Length { .. }
            | Alert::Stalled { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alert::NotFinite { metrics } => write!(f, "{} is not finite", metrics.join(", ")),
            Alert::KlLimit { kl, window, limit } => write!(
                f,
                "The KL of a response is {kl:.1} nats over {window} steps, above alerts.kl_limit = {limit}: \
                 the policy is drifting away from the reference; raise the KL coefficient or lower the learning rate"
            ),
            Alert::KlRise {
                before,
                kl,
                window,
                factor,
            } => write!(
                f,
                "The KL of a response rose from {before:.2} to {kl:.2} nats within {window} steps, more \
                 than {factor} times"
            ),
            Alert::Duplicates { share } => write!(
                f,
                "{:.0} % of the sample dialogues get the same response as another one",
                100.0 * share
            ),
            Alert::Dist { first, now } => write!(
                f,
                "Dist-2 fell from {first:.2} to {now:.2}: the responses are becoming alike; look at the \
                 samples"
            ),
            Alert::Levels {
                mechanism,
                share,
                of_targets,
            } => write!(
                f,
                "{:.1} % of the responses have the same level of {}, which {:.1} % of the targets have: the \
                 reward may be paying for the commonest level; compare Emp-F1 with that of the shuffled responses",
                100.0 * share,
                mechanism.title().to_lowercase(),
                100.0 * of_targets
            ),
            Alert::CutOff { share, window } => write!(
                f,
                "{:.0} % of the responses of the last {window} steps were cut off at the length limit",
                100.0 * share
            ),
            Alert::FlatGroups { share, window } => write!(
                f,
                "{:.0} % of the contexts of the last {window} steps had responses of equal reward, from which \
                 nothing is learnt; draw more responses to each, or raise sampling.temperature",
                100.0 * share
            ),
            Alert::Length { r, steps } => write!(
                f,
                "Reward and response length are correlated (r = {r:.2} over {steps} steps): the reward may \
                 be paying for length only"
            ),
            Alert::Stalled { steps, since } => write!(
                f,
                "The mean reward has not risen for {steps} steps, since step {since}"
            ),
            Alert::Scorer { term, why } => write!(
                f,
                "The reward's term \"{term}\" could not be scored at first: {why}"
            ),
        }
    }
}
