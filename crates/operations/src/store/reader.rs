//! Reads the store, on a connection that cannot write.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, Row, params};

use super::checkpoint_rows::checkpoints;
use super::columns::{json, no_run, query_all, stage, unsigned};
use super::database::Database;
use super::error::{Fault, StoreError};
use super::points::{find_key, number};
use super::rows::{CheckpointRow, KeySummary, MetricKey, RunDetail, RunRow, SetAside};
use super::runs::{RUN_COLUMNS, keys, last_of, run_row, settings, steps_of};
use super::step_rows::StepKey;
use super::{
    CatalogParts, Names, ReadOnly, RunId, aside, identity, results, rollouts, run_dir, samples,
    schema,
};
use crate::data::regular_file::open_regular_file;
use crate::experiment::{Event, EventKind, RolloutResponse, SampleDialogue, Severity, Stage};
use crate::metrics::identified::SCORES_FILE;
use crate::metrics::{IdentifierScores, SystemResults};

/// The store, open for reading. It can be sent to another thread, but each thread needs its own.
pub struct StoreReader {
    dir: PathBuf,
    pub(super) database: Database,
}

impl StoreReader {
    /// Opens the existing store in `dir`; an older one is migrated, a newer one read as far as possible.
    pub fn open(dir: &Path) -> Result<StoreReader, StoreError> {
        Ok(StoreReader {
            dir: dir.to_path_buf(),
            database: Database::open_to_read(dir)?,
        })
    }

    /// Why it cannot be written.
    pub fn read_only(&self) -> Option<&ReadOnly> {
        self.database.read_only.as_ref()
    }

    /// The error of every change, if it cannot be written.
    pub fn refusal(&self) -> Option<StoreError> {
        self.database.refusal()
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn run_dir(&self, run: RunId) -> PathBuf {
        run_dir(&self.dir, run)
    }

    /// All runs that are not deleted, the latest first, with the last value of each metric.
    pub fn list_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let parts = CatalogParts {
            metrics: Names::All,
            ..CatalogParts::default()
        };
        self.catalog(false, &parts, |found| found.row)
    }

    /// One run, with its settings and provenance.
    pub fn run(&self, run: RunId) -> Result<RunDetail, StoreError> {
        let mut detail = self.read(|db| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {RUN_COLUMNS}, config_toml, environment_json, fingerprints_json
                 FROM runs WHERE id = ?"
            ))?;
            let mut rows = query.query([run.0])?;
            let row = rows.next()?.ok_or_else(|| no_run(db, run))?;
            Ok(RunDetail {
                row: RunRow {
                    summary: last_of(&keys(db, run)?),
                    tags: query_all(
                        db,
                        "SELECT tag FROM run_tags WHERE run = ? ORDER BY tag",
                        [run.0],
                        |row| Ok(row.get(0)?),
                    )?,
                    ..run_row(row)?
                },
                config_toml: row.get("config_toml")?,
                environment: json(run, row, "environment_json")?,
                fingerprints: json(run, row, "fingerprints_json")?,
            })
        })?;
        self.detect_interrupted(&mut detail.row)?;
        Ok(detail)
    }

    /// The run that is called `uid` in every store, deleted or not.
    pub fn run_called(&self, uid: &str) -> Result<Option<RunId>, StoreError> {
        self.read(|db| identity::find(db, uid))
    }

    /// The metrics that any run has of a stage, by name.
    pub fn metrics_of(&self, stage: Stage) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM metric_keys WHERE stage = ? ORDER BY name";
        self.read(|db| query_all(db, sql, [stage.key()], |row| Ok(row.get(0)?)))
    }

    /// The settings of a run, as TOML.
    pub fn settings(&self, run: RunId) -> Result<String, StoreError> {
        self.read(|db| settings(db, run))
    }

    /// The metrics of a run, by stage and name.
    pub fn keys(&self, run: RunId) -> Result<Vec<KeySummary>, StoreError> {
        self.read(|db| keys(db, run))
    }

    /// The points of a metric after step `after` (None: all) as (step, value, wall time in milliseconds), by
    /// step. About 0.2 µs a point.
    pub fn series(
        &self,
        run: RunId,
        key: &MetricKey,
        after: Option<u64>,
    ) -> Result<Vec<(u64, f64, i64)>, StoreError> {
        self.read(|db| {
            let Some(id) = find_key(db, key.stage, &key.name)? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT step, value, wall FROM points WHERE run = ? AND key = ? AND step > ?
                 ORDER BY step";
            let after = after.map_or(-1, |step| step as i64);
            query_all(db, sql, params![run.0, id, after], |row| {
                Ok((unsigned(row, 0)?, number(row, 1)?, row.get(2)?))
            })
        })
    }

    /// About `count` points of a metric, evenly spaced from its first to `last`, for a first picture. The
    /// time does not grow with the number of points.
    pub fn outline(
        &self,
        run: RunId,
        key: &MetricKey,
        last: u64,
        count: u64,
    ) -> Result<Vec<(u64, f64, i64)>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT step, value, wall FROM points
                 WHERE run = ? AND key = (SELECT id FROM metric_keys WHERE stage = ? AND name = ?)
                   AND step >= ? ORDER BY step LIMIT 1",
            )?;
            let mut points: Vec<(u64, f64, i64)> = Vec::new();
            let mut from = 0;
            while from <= last {
                let at = params![run.0, key.stage.key(), key.name, from as i64];
                let mut rows = query.query(at)?;
                let Some(row) = rows.next()? else { break };
                let step = unsigned(row, 0)?;
                points.push((step, number(row, 1)?, row.get(2)?));
                let first = points[0].0;
                let apart = (last.saturating_sub(first) / count.max(1)).max(1);
                // Always includes the last point.
                from = if step < last {
                    (step + apart).min(last)
                } else {
                    last + 1
                };
            }
            Ok(points)
        })
    }

    /// The steps that have sample dialogues.
    pub fn samples(&self, run: RunId) -> Result<Vec<(Stage, u64)>, StoreError> {
        self.read(|db| steps_of(db, run, "samples"))
    }

    /// The steps that have a rollout.
    pub fn rollouts(&self, run: RunId) -> Result<Vec<(Stage, u64)>, StoreError> {
        self.read(|db| steps_of(db, run, "rollouts"))
    }

    /// The stored responses of a step's rollout, in order of their index in the batch.
    pub fn rollout_at(
        &self,
        run: RunId,
        stage: Stage,
        step: u64,
    ) -> Result<Vec<RolloutResponse>, StoreError> {
        self.read(|db| rollouts::at(db, StepKey { run, stage, step }))
    }

    /// One sample dialogue at each evaluation, the first one first.
    pub fn sample_over_steps(
        &self,
        run: RunId,
        position: u32,
    ) -> Result<Vec<(Stage, u64, SampleDialogue)>, StoreError> {
        self.read(|db| samples::over_steps(db, run, position))
    }

    /// The sample dialogues of a step; empty if there are none.
    pub fn samples_at(
        &self,
        run: RunId,
        stage: Stage,
        step: u64,
    ) -> Result<Vec<SampleDialogue>, StoreError> {
        self.read(|db| samples::at(db, StepKey { run, stage, step }))
    }

    /// All events, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        let sql =
            "SELECT wall, stage, step, body AS event, id FROM events WHERE run = ? ORDER BY id";
        let event = |row: &Row<'_>| {
            let event = || -> Result<Event, Fault> {
                Ok(Event {
                    wall_ms: row.get(0)?,
                    stage: stage(run, row, 1)?,
                    step: unsigned(row, 2)?,
                    kind: json(run, row, "event")?,
                })
            };
            match event() {
                Err(fault) if fault.is_of_a_row() => Ok(Event {
                    wall_ms: row.get(0).unwrap_or_default(),
                    stage: None,
                    step: row.get::<_, i64>(2).unwrap_or_default() as u64,
                    kind: EventKind::Note {
                        severity: Severity::Warning,
                        text: format!("damaged event {}: {}", row.get::<_, i64>(4)?, fault.words()),
                    },
                }),
                event => event,
            }
        };
        self.read(|db| query_all(db, sql, [run.0], event))
    }

    /// The checkpoints, by stage and step.
    pub fn checkpoints(&self, run: RunId) -> Result<Vec<CheckpointRow>, StoreError> {
        self.read(|db| checkpoints(db, run, "checkpoints"))
    }

    /// What the run had recorded past the checkpoint that it was resumed from, until it has passed that.
    pub fn set_aside(&self, run: RunId) -> Result<Option<SetAside>, StoreError> {
        self.read(|db| aside::of(db, run))
    }

    /// Scores of a run's identifiers on validation pairs; empty until they are complete.
    pub fn identifier_scores(&self, run: RunId) -> Result<Vec<IdentifierScores>, StoreError> {
        let checkpoints = self.checkpoints(run)?;
        let last = checkpoints
            .into_iter()
            .rfind(|checkpoint| checkpoint.stage == Stage::Identifiers);
        let Some(last) = last else {
            return Ok(Vec::new());
        };
        let path = self.run_dir(run).join(last.path).join(SCORES_FILE);
        match read_whole(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| StoreError::Unreadable {
                path,
                place: "the scores of the identifiers".to_string(),
                detail: error.to_string(),
            }),
            // The identifiers are still being trained.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(StoreError::File {
                path,
                doing: "reading",
                source,
            }),
        }
    }

    /// The result table, in the order in which systems were first reported.
    pub fn results(&self, run: RunId) -> Result<Vec<SystemResults>, StoreError> {
        self.read(|db| results::all(db, run))
    }

    /// Runs queries on one consistent snapshot of the database. They may be run again, from the start.
    pub(super) fn read<T>(
        &self,
        queries: impl FnMut(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.database.read(queries).map_err(|fault| {
            // A newer store may contain what this program does not know.
            let unknown = match &fault {
                Fault::Unreadable(..) => true,
                Fault::Sql(error) => {
                    matches!(error.sqlite_error_code(), None | Some(ErrorCode::Unknown))
                }
                Fault::Store(_) => false,
            };
            match self.database.read_only {
                Some(ReadOnly::Newer(found)) if unknown => StoreError::Newer {
                    path: self.database.path.clone(),
                    found,
                    known: schema::VERSION,
                },
                _ => fault.at(&self.database.path),
            }
        })
    }
}

fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
