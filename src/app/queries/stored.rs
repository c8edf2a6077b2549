//! A whole run from the store, except for its dialogues; a long one in outline first.

use crate::experiment::{Config, Event, SampleDialogue, Stage};
use crate::metrics::{IdentifierScores, SystemResults};
use crate::series::{Point, Series};
use crate::store::{
    CheckpointRow, KeySummary, MetricKey, RunDetail, RunId, StoreError, StoreReader,
};

/// A run with more points than this is shown in outline first.
const MANY: u64 = 200_000;
/// Points per metric in an outline.
const OUTLINE: u64 = 400;

/// A dialogue as it was answered at each evaluation, in order.
pub type OverSteps = Vec<(Stage, u64, SampleDialogue)>;

#[derive(Debug)]
pub struct StoredRun {
    pub detail: RunDetail,
    /// The settings it ran with; `None` when this version cannot read them.
    pub config: Option<Config>,
    pub series: Vec<(MetricKey, Series)>,
    pub samples: Vec<(Stage, u64)>,
    pub rollouts: Vec<(Stage, u64)>,
    pub results: Vec<SystemResults>,
    pub identifiers: Vec<IdentifierScores>,
    pub events: Vec<Event>,
    pub checkpoints: Vec<CheckpointRow>,
}

/// Some points of each series of a long run; `None` for a short one, or one that cannot be read.
pub fn outline(reader: &StoreReader, run: RunId) -> Option<StoredRun> {
    let keys = reader.keys(run).ok()?;
    let points: u64 = keys.iter().map(|key| key.count).sum();
    if points < MANY {
        return None;
    }
    let outline = described(reader, run, |key| {
        reader.outline(run, &key.key, key.last_step, OUTLINE)
    });
    outline.ok()
}

/// A whole run, except for its dialogues.
///
/// # Errors
/// There is no such run, or it cannot be read.
pub fn stored(reader: &StoreReader, run: RunId) -> Result<StoredRun, StoreError> {
    described(reader, run, |key| reader.series(run, &key.key, None))
}

fn described(
    reader: &StoreReader,
    run: RunId,
    points: impl Fn(&KeySummary) -> Result<Vec<(u64, f64, i64)>, StoreError>,
) -> Result<StoredRun, StoreError> {
    let detail = reader.run(run)?;
    let mut series = Vec::new();
    for summary in reader.keys(run)? {
        let points = points(&summary)?;
        let points = points.into_iter().map(|(step, value, wall_ms)| Point {
            step,
            value,
            wall_ms,
        });
        series.push((summary.key, points.collect()));
    }
    Ok(StoredRun {
        config: Config::from_toml(&format!("run {run}"), &detail.config_toml).ok(),
        detail,
        series,
        samples: reader.samples(run)?,
        rollouts: reader.rollouts(run)?,
        results: reader.results(run)?,
        identifiers: reader.identifier_scores(run)?,
        events: reader.events(run)?,
        checkpoints: reader.checkpoints(run)?,
    })
}
