//! What happens in a run, as it is reported, recorded and shown.
//!
//! The vocabulary that trainers, store and window share. Plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{RolloutResponse, Stage};
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::{IdentifierScores, SystemResults};

/// One thing that happened in a run.
#[allow(clippy::large_enum_variant)] // the large one comes once a system
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// A stage begins; `total` steps are expected (early stopping may end it sooner).
    Stage { stage: Stage, total: u64 },
    /// A stage ended after `step` steps.
    StageDone { stage: Stage, step: u64 },
    /// `step` of `total` is done, with the metrics logged at it (perhaps none).
    /// Keys are those of `metrics::declared`.
    Metrics {
        stage: Stage,
        step: u64,
        total: u64,
        values: Vec<(String, f64)>,
    },
    /// The fixed sample dialogues, answered anew.
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
    /// A checkpoint is complete on disk, at `path` relative to the run's folder.
    Checkpoint {
        stage: Stage,
        step: u64,
        path: PathBuf,
        bytes: u64,
    },
    /// Something that a person should know.
    Note {
        stage: Stage,
        step: u64,
        severity: Severity,
        text: String,
    },
    /// How well the identifiers do; it is on disk with them.
    Identifiers { scores: Vec<IdentifierScores> },
    /// A row of the result table.
    Results { system: SystemResults },
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Alert,
}

/// One dialogue of the fixed list, as the model answers it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleDialogue {
    /// Position in the fixed list.
    pub index: u32,
    pub emotion: String,
    pub situation: String,
    /// Utterances, the speaker's first.
    pub context: Vec<String>,
    pub target: String,
    pub generated: String,
    /// Identified levels and rewards, once identifiers exist.
    pub levels: Vec<SampleLevel>,
    /// R_emp of the generated response, in (0, 1] (Eq. 2).
    pub reward: Option<f64>,
}

/// What one identifier says of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleLevel {
    pub mechanism: Mechanism,
    pub target: EmpathyLevel,
    pub generated: EmpathyLevel,
    /// exp(-CE) of the generated response against the target's level.
    pub reward: f64,
}
