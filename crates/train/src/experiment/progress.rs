//! The reports of a run: events and measurements. Plain data that trainers, store and window share.

use serde::{Deserialize, Serialize};

use super::{EventKind, RolloutResponse, Stage};
use crate::data::{EmpathyLevel, Mechanism, Role};
use crate::metrics::{IdentifierScores, SystemResults};

#[allow(clippy::large_enum_variant)] // the large one comes once a system
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// An event at this stage and step; `None`: at the last recorded one.
    Event {
        at: Option<(Stage, u64)>,
        kind: EventKind,
    },
    /// `step` of `total` is done, with the metrics logged at it (perhaps none).
    /// Keys are those of `metrics::declared`.
    Metrics {
        stage: Stage,
        step: u64,
        total: u64,
        values: Vec<(String, f64)>,
    },
    /// The fixed sample dialogues with the current answers.
    Samples {
        stage: Stage,
        step: u64,
        dialogues: Vec<SampleDialogue>,
    },
    /// Some responses of the step's rollout, token by token.
    Rollout {
        stage: Stage,
        step: u64,
        responses: Vec<RolloutResponse>,
    },
    /// The scores of the trained identifiers.
    Identifiers { scores: Vec<IdentifierScores> },
    /// A row of the result table.
    Results { system: SystemResults },
}

impl Report {
    /// An event at `step` of `stage`.
    pub fn event(stage: Stage, step: u64, kind: EventKind) -> Report {
        let at = Some((stage, step));
        Report::Event { at, kind }
    }

    /// Its stage and step, if it has any.
    pub fn at(&self) -> Option<(Stage, u64)> {
        match self {
            Report::Event { at, .. } => *at,
            Report::Metrics { stage, step, .. }
            | Report::Samples { stage, step, .. }
            | Report::Rollout { stage, step, .. } => Some((*stage, *step)),
            Report::Identifiers { .. } | Report::Results { .. } => None,
        }
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Alert,
}

/// One dialogue of the fixed list with the model's current answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleDialogue {
    /// Position in the fixed list.
    pub index: u32,
    pub emotion: String,
    pub situation: String,
    /// Utterances, oldest first.
    pub context: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    pub target: String,
    pub generated: String,
    /// Identified levels and rewards, once identifiers exist.
    pub levels: Vec<SampleLevel>,
    /// R_emp of the generated response, in (0, 1] (Eq. 2).
    pub reward: Option<f64>,
}

/// One identifier's levels for a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleLevel {
    pub mechanism: Mechanism,
    pub target: EmpathyLevel,
    pub generated: EmpathyLevel,
    /// exp(-CE) of the generated response against the target's level.
    pub reward: f64,
}
