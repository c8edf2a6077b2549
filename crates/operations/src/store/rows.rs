//! Plain data that is written to the store or read from it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::{RunId, RunStatus};
use crate::experiment::{Environment, MadeChange, Stage};
use crate::metrics::SystemResults;
use crate::study::moment;

/// A run before it starts.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub name: String,
    /// Name of the experiment file.
    pub experiment: String,
    pub seed: u64,
    pub device: String,
    pub config_toml: String,
    pub environment: Environment,
    /// Hashes of the data and weights it starts from, by name.
    pub fingerprints: BTreeMap<String, String>,
}

/// A run in the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRow {
    pub id: RunId,
    pub name: String,
    pub experiment: String,
    pub seed: u64,
    pub device: String,
    /// The actual status: `Interrupted` if the process is gone, whatever it wrote last.
    pub status: RunStatus,
    /// The last reported stage.
    pub stage: Option<Stage>,
    /// The last reported step of that stage.
    pub step: u64,
    /// Steps expected of that stage.
    pub total: u64,
    /// Milliseconds since the Unix epoch; RFC 3339 in JSON, as are the other times.
    #[serde(serialize_with = "rfc3339")]
    pub started: i64,
    #[serde(serialize_with = "rfc3339_opt")]
    pub ended: Option<i64>,
    #[serde(serialize_with = "rfc3339")]
    pub heartbeat: i64,
    /// Why it failed.
    pub error: Option<String>,
    pub note: String,
    /// Sorted.
    pub tags: Vec<String>,
    pub archived: bool,
    /// When it was marked as deleted; it can be restored until it is removed for good.
    #[serde(serialize_with = "rfc3339_opt")]
    pub deleted: Option<i64>,
    /// The last value of each metric; the later stage's if two stages log it.
    pub summary: BTreeMap<String, f64>,
}

impl RunRow {
    /// Whether another reading of the same run shows it in the same state. Its metrics have changed only if its
    /// heartbeat has.
    pub fn is_as(&self, other: &RunRow) -> bool {
        let state = |row: &RunRow| (row.status, row.stage, row.step, row.total, row.ended);
        let kept = |row: &RunRow| (row.heartbeat, row.archived, row.deleted);
        state(self) == state(other)
            && kept(self) == kept(other)
            && self.name == other.name
            && self.error == other.error
            && self.note == other.note
            && self.tags == other.tags
    }
}

/// A run with everything that the table of runs can show.
#[derive(Clone, Debug)]
pub struct CatalogRow {
    pub row: RunRow,
    pub config_toml: String,
    /// Settings changed during the run, in order.
    pub changes: Vec<MadeChange>,
    /// By stage and name.
    pub keys: Vec<KeySummary>,
    pub results: Vec<SystemResults>,
}

/// A run with its settings and provenance.
#[derive(Clone, Debug, Serialize)]
pub struct RunDetail {
    #[serde(flatten)]
    pub row: RunRow,
    pub config_toml: String,
    pub environment: serde_json::Value,
    /// Hashes of the data and weights it started from, by name.
    pub fingerprints: BTreeMap<String, String>,
}

/// A metric of a stage. Every stage counts its own steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct MetricKey {
    pub stage: Stage,
    pub name: String,
}

/// A summary of the points of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeySummary {
    #[serde(flatten)]
    pub key: MetricKey,
    /// The value at the last step, finite or not.
    pub last: f64,
    pub last_step: u64,
    pub last_wall_ms: i64,
    /// Over the finite values, as is `max`.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Points, including non-finite ones.
    pub count: u64,
    pub nonfinite: u64,
}

/// A checkpoint that is complete on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointRow {
    pub stage: Stage,
    pub step: u64,
    /// Relative to the run's folder.
    pub path: PathBuf,
    pub bytes: u64,
    pub wall_ms: i64,
}

/// What a run had recorded past the checkpoint that it was resumed from. It is no part of the run, and kept until
/// the run has passed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    pub first: (Stage, u64),
    pub last: (Stage, u64),
    /// By stage and step. The run can be resumed from them.
    pub checkpoints: Vec<CheckpointRow>,
}

pub(super) fn rfc3339<S: Serializer>(wall_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339_opt(&Some(*wall_ms), serializer)
}

fn rfc3339_opt<S: Serializer>(wall_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    wall_ms.and_then(moment::rfc3339).serialize(serializer)
}
