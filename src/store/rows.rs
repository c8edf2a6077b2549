//! What is written to the store and read from it, as plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{RunId, RunStatus};
use crate::experiment::{Change, Environment, Stage};
use crate::metrics::SystemResults;

/// What is known of a run before it begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub name: String,
    /// Name of the experiment file.
    pub experiment: String,
    pub seed: u64,
    pub device: String,
    /// All settings, as TOML.
    pub config_toml: String,
    pub environment: Environment,
    /// What identifies the data and weights it starts from, by name.
    pub fingerprints: BTreeMap<String, String>,
}

/// One line of the table of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRow {
    pub id: RunId,
    pub name: String,
    pub experiment: String,
    pub seed: u64,
    pub device: String,
    /// As it is: a run whose holder is gone is `Interrupted`, whatever was written last.
    pub status: RunStatus,
    /// The stage reported last.
    pub stage: Option<Stage>,
    /// The step of that stage reported last.
    pub step: u64,
    /// Steps expected of that stage.
    pub total: u64,
    /// Milliseconds since the Unix epoch; RFC 3339 in JSON, as are the other times.
    #[serde(serialize_with = "moment")]
    pub started: i64,
    #[serde(serialize_with = "moment_if_any")]
    pub ended: Option<i64>,
    /// Last sign of life.
    #[serde(serialize_with = "moment")]
    pub heartbeat: i64,
    /// Why it failed.
    pub error: Option<String>,
    pub note: String,
    /// What a person called it by, in order.
    pub tags: Vec<String>,
    /// Put aside by a person.
    pub archived: bool,
    /// Since when it is marked as deleted; it can be brought back until it is removed for good.
    #[serde(serialize_with = "moment_if_any")]
    pub deleted: Option<i64>,
    /// The last value of each metric. Of a metric that two stages have, the later stage's.
    pub summary: BTreeMap<String, f64>,
}

/// A run with everything that a table of runs may show of it.
#[derive(Clone, Debug)]
pub struct CatalogRow {
    pub row: RunRow,
    /// All settings, as TOML.
    pub config_toml: String,
    /// Settings that were changed while it went on, with the step after which, in order.
    pub changes: Vec<(u64, Change)>,
    /// Its metrics, by stage and name.
    pub keys: Vec<KeySummary>,
    pub results: Vec<SystemResults>,
}

/// A run, with all that was saved of how it was made.
#[derive(Clone, Debug, Serialize)]
pub struct RunDetail {
    #[serde(flatten)]
    pub row: RunRow,
    pub config_toml: String,
    pub environment: serde_json::Value,
    /// What identifies the data and weights it started from, by name.
    pub fingerprints: BTreeMap<String, String>,
}

/// A metric of a stage. Every stage counts its own steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct MetricKey {
    pub stage: Stage,
    pub name: String,
}

/// All points of one metric of a run, summed up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeySummary {
    #[serde(flatten)]
    pub key: MetricKey,
    /// The value at the greatest step, finite or not.
    pub last: f64,
    pub last_step: u64,
    pub last_wall_ms: i64,
    /// Least and greatest of the finite values.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Points, non-finite ones included.
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

/// A time as RFC 3339.
pub(super) fn moment<S: Serializer>(wall_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(*wall_ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok());
    text.serialize(serializer)
}

fn moment_if_any<S: Serializer>(wall_ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match wall_ms {
        Some(wall_ms) => moment(wall_ms, serializer),
        None => serializer.serialize_none(),
    }
}
