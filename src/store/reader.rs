//! The store as it is read, on a connection that cannot write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::database::Database;
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::points::number;
use super::rows::{CheckpointRow, EventRow, EventSort, KeySummary, MetricKey, RunDetail, RunRow};
use super::{RunId, RunStatus, keeping, rollouts, run_dir, samples, schema};
use crate::experiment::{RolloutResponse, SampleDialogue, Severity, Stage};
use crate::metrics::identified::SCORES_FILE;
use crate::metrics::{IdentifierScores, SystemResults};

/// The store, open for reading. It may go to another thread; each thread has its own.
pub struct StoreReader {
    dir: PathBuf,
    pub(super) database: Database,
}

/// Columns of `runs` in the order in which [`run_row`] reads them.
const RUN_COLUMNS: &str = "id, name, experiment, seed, device, status, stage, step, total, started, \
                           ended, heartbeat, error, note, archived IS NOT NULL, deleted";

impl StoreReader {
    /// Opens the store in `dir`, which must be there; an older one is brought up to date, a newer one read as
    /// far as it is understood.
    pub fn open(dir: &Path) -> Result<StoreReader, StoreError> {
        Ok(StoreReader {
            dir: dir.to_path_buf(),
            database: Database::open_to_read(dir)?,
        })
    }

    /// The store's version, if it is newer than this program.
    pub fn newer(&self) -> Option<u32> {
        self.database.newer
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of a run.
    pub fn run_dir(&self, run: RunId) -> PathBuf {
        run_dir(&self.dir, run)
    }

    /// Every run that is not deleted, the latest first.
    pub fn list_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        let mut runs = self.read(|db| all_rows(db, false))?;
        for run in &mut runs {
            self.look_for_holder(run)?;
        }
        Ok(runs)
    }

    /// One run, with its settings and all that was saved of how it was made.
    pub fn run(&self, run: RunId) -> Result<RunDetail, StoreError> {
        let mut detail = self.read(|db| {
            let mut query = db.prepare_cached(&format!(
                "SELECT {RUN_COLUMNS}, config_toml, environment_json, fingerprints_json
                 FROM runs WHERE id = ?"
            ))?;
            let mut rows = query.query([run.0])?;
            let row = rows.next()?.ok_or_else(|| self.no_run(run))?;
            Ok(RunDetail {
                row: RunRow {
                    summary: last_values(db, Some(run))?.remove(&run).unwrap_or_default(),
                    tags: keeping::tags(db, Some(run))?
                        .remove(&run)
                        .unwrap_or_default(),
                    ..run_row(row)?
                },
                config_toml: row.get("config_toml")?,
                environment: json(run, row, "environment_json")?,
                fingerprints: json(run, row, "fingerprints_json")?,
            })
        })?;
        self.look_for_holder(&mut detail.row)?;
        Ok(detail)
    }

    /// The settings of a run, as TOML.
    pub fn settings(&self, run: RunId) -> Result<String, StoreError> {
        self.read(|db| {
            let settings = db
                .query_row(
                    "SELECT config_toml FROM runs WHERE id = ?",
                    [run.0],
                    |row| row.get(0),
                )
                .optional()?;
            settings.ok_or_else(|| self.no_run(run))
        })
    }

    /// The metrics of a run, by stage and name.
    pub fn keys(&self, run: RunId) -> Result<Vec<KeySummary>, StoreError> {
        self.read(|db| keys(db, run))
    }

    /// The points of a metric after step `after` (None: all), in order of step: step, value, wall time
    /// in milliseconds. About 0.2 µs a point.
    pub fn series(
        &self,
        run: RunId,
        key: &MetricKey,
        after: Option<u64>,
    ) -> Result<Vec<(u64, f64, i64)>, StoreError> {
        self.read(|db| {
            let id: Option<i64> = db
                .prepare_cached("SELECT id FROM metric_keys WHERE stage = ? AND name = ?")?
                .query_row(params![key.stage.key(), key.name], |row| row.get(0))
                .optional()?;
            let Some(id) = id else {
                return Ok(Vec::new());
            };
            let mut query = db.prepare_cached(
                "SELECT step, value, wall FROM points WHERE run = ? AND key = ? AND step > ?
                 ORDER BY step",
            )?;
            let after = after.map_or(-1, |step| step as i64);
            let mut rows = query.query(params![run.0, id, after])?;
            let mut points = Vec::new();
            while let Some(row) = rows.next()? {
                points.push((unsigned(row, 0)?, number(row, 1)?, row.get(2)?));
            }
            Ok(points)
        })
    }

    /// About `count` points of a metric, at even distances from its first to `last`: what a first
    /// picture needs, in a time that does not grow with the number of points.
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
                // The last point is always among them.
                from = if step < last {
                    (step + apart).min(last)
                } else {
                    last + 1
                };
            }
            Ok(points)
        })
    }

    /// The steps at which sample dialogues were answered.
    pub fn samples(&self, run: RunId) -> Result<Vec<(Stage, u64)>, StoreError> {
        self.read(|db| steps_of(db, run, "samples"))
    }

    /// The steps whose rollout was kept.
    pub fn rollouts(&self, run: RunId) -> Result<Vec<(Stage, u64)>, StoreError> {
        self.read(|db| steps_of(db, run, "rollouts"))
    }

    /// Responses of a step's rollout, in order of their place in the batch; empty when none were kept.
    pub fn rollout_at(
        &self,
        run: RunId,
        stage: Stage,
        step: u64,
    ) -> Result<Vec<RolloutResponse>, StoreError> {
        self.read(|db| rollouts::at(db, run, stage, step))
    }

    /// The sample dialogue at this place of the fixed list as it was answered at each evaluation, the
    /// first one first.
    pub fn sample_over_steps(
        &self,
        run: RunId,
        position: u32,
    ) -> Result<Vec<(Stage, u64, SampleDialogue)>, StoreError> {
        self.read(|db| samples::over_steps(db, run, position))
    }

    /// The sample dialogues of a step; empty when there are none.
    pub fn samples_at(
        &self,
        run: RunId,
        stage: Stage,
        step: u64,
    ) -> Result<Vec<SampleDialogue>, StoreError> {
        self.read(|db| samples::at(db, run, stage, step))
    }

    /// What happened, in order.
    pub fn events(&self, run: RunId) -> Result<Vec<EventRow>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT wall, stage, step, sort, severity, text FROM events WHERE run = ?
                 ORDER BY id",
            )?;
            let mut rows = query.query([run.0])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.push(EventRow {
                    wall_ms: row.get(0)?,
                    stage: stage(run, row, 1)?,
                    step: unsigned(row, 2)?,
                    sort: event_sort(run, row, 3)?,
                    severity: severity(run, row, 4)?,
                    text: row.get(5)?,
                });
            }
            Ok(events)
        })
    }

    /// The checkpoints, in order of stage and step.
    pub fn checkpoints(&self, run: RunId) -> Result<Vec<CheckpointRow>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT stage, step, path, bytes, wall FROM checkpoints WHERE run = ?",
            )?;
            let mut rows = query.query([run.0])?;
            let mut checkpoints = Vec::new();
            while let Some(row) = rows.next()? {
                checkpoints.push(CheckpointRow {
                    stage: needed_stage(run, row, 0)?,
                    step: unsigned(row, 1)?,
                    path: row.get::<_, String>(2)?.into(),
                    bytes: unsigned(row, 3)?,
                    wall_ms: row.get(4)?,
                });
            }
            checkpoints.sort_by_key(|row| (row.stage, row.step, row.wall_ms));
            Ok(checkpoints)
        })
    }

    /// How well a run's identifiers do on validation pairs; empty until they are complete.
    pub fn identifier_scores(&self, run: RunId) -> Result<Vec<IdentifierScores>, StoreError> {
        let checkpoints = self.checkpoints(run)?;
        let last = checkpoints
            .into_iter()
            .rfind(|checkpoint| checkpoint.stage == Stage::Identifiers);
        let Some(last) = last else {
            return Ok(Vec::new());
        };
        let path = self.run_dir(run).join(last.path).join(SCORES_FILE);
        match std::fs::read(&path) {
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
        self.read(|db| samples::results(db, run))
    }

    /// One consistent look at the database.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let looked = || -> Result<T, Fault> {
            let transaction = self.database.connection.unchecked_transaction()?;
            let value = look(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        looked().map_err(|fault| {
            // A newer store may hold what this program has no word for.
            let unknown = match &fault {
                Fault::Unreadable(..) => true,
                Fault::Sql(error) => {
                    matches!(error.sqlite_error_code(), None | Some(ErrorCode::Unknown))
                }
                Fault::Store(_) => false,
            };
            match self.database.newer {
                Some(found) if unknown => StoreError::Newer {
                    path: self.database.path.clone(),
                    found,
                    known: schema::VERSION,
                },
                _ => fault.at(&self.database.path),
            }
        })
    }

    pub(super) fn look_for_holder(&self, run: &mut RunRow) -> Result<(), StoreError> {
        if run.status.is_active() && !RunLock::is_held(&self.run_dir(run.id))? {
            run.status = RunStatus::Interrupted;
            run.ended = Some(run.heartbeat);
        }
        Ok(())
    }

    fn no_run(&self, run: RunId) -> Fault {
        StoreError::NoRun {
            path: self.database.path.clone(),
            run,
        }
        .into()
    }
}

fn run_row(row: &Row<'_>) -> Result<RunRow, Fault> {
    let id = RunId(row.get(0)?);
    let status: String = row.get(5)?;
    Ok(RunRow {
        id,
        name: row.get(1)?,
        experiment: row.get(2)?,
        seed: unsigned(row, 3)?,
        device: row.get(4)?,
        status: RunStatus::from_key(&status).ok_or_else(|| unreadable(id, "status", status))?,
        stage: stage(id, row, 6)?,
        step: unsigned(row, 7)?,
        total: unsigned(row, 8)?,
        started: row.get(9)?,
        ended: row.get(10)?,
        heartbeat: row.get(11)?,
        error: row.get(12)?,
        note: row.get(13)?,
        tags: Vec::new(),
        archived: row.get(14)?,
        deleted: row.get(15)?,
        summary: BTreeMap::new(),
    })
}

/// The steps of which a table holds something.
fn steps_of(db: &Connection, run: RunId, table: &str) -> Result<Vec<(Stage, u64)>, Fault> {
    let mut query = db.prepare_cached(&format!(
        "SELECT DISTINCT stage, step FROM {table} WHERE run = ?"
    ))?;
    let mut rows = query.query([run.0])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push((needed_stage(run, row, 0)?, unsigned(row, 1)?));
    }
    steps.sort();
    Ok(steps)
}

/// The metrics of a run, by stage and name.
pub(super) fn keys(db: &Connection, run: RunId) -> Result<Vec<KeySummary>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT stage, name, last, last_step, last_wall, min, max, count, nonfinite
         FROM summary JOIN metric_keys ON metric_keys.id = key WHERE run = ?",
    )?;
    let mut rows = query.query([run.0])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(KeySummary {
            key: MetricKey {
                stage: needed_stage(run, row, 0)?,
                name: row.get(1)?,
            },
            last: number(row, 2)?,
            last_step: unsigned(row, 3)?,
            last_wall_ms: row.get(4)?,
            min: row.get(5)?,
            max: row.get(6)?,
            count: unsigned(row, 7)?,
            nonfinite: unsigned(row, 8)?,
        });
    }
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(keys)
}

/// Every run, or every deleted one, the latest first.
pub(super) fn all_rows(db: &Connection, deleted: bool) -> Result<Vec<RunRow>, Fault> {
    let mut runs: Vec<RunRow> = Vec::new();
    let mut query = db.prepare_cached(&format!(
        "SELECT {RUN_COLUMNS} FROM runs WHERE (deleted IS NOT NULL) = ? ORDER BY id DESC"
    ))?;
    let mut rows = query.query([deleted])?;
    while let Some(row) = rows.next()? {
        runs.push(run_row(row)?);
    }
    let mut summaries = last_values(db, None)?;
    let mut tags = keeping::tags(db, None)?;
    for run in &mut runs {
        run.summary = summaries.remove(&run.id).unwrap_or_default();
        run.tags = tags.remove(&run.id).unwrap_or_default();
    }
    Ok(runs)
}

/// The last value of each metric, by run.
fn last_values(
    db: &Connection,
    run: Option<RunId>,
) -> Result<BTreeMap<RunId, BTreeMap<String, f64>>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT run, name, last FROM summary JOIN metric_keys ON metric_keys.id = key
         WHERE ?1 IS NULL OR run = ?1 ORDER BY last_wall",
    )?;
    let mut rows = query.query([run.map(|run| run.0)])?;
    let mut values: BTreeMap<RunId, BTreeMap<String, f64>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let of = values.entry(RunId(row.get(0)?)).or_default();
        of.insert(row.get(1)?, number(row, 2)?);
    }
    Ok(values)
}

fn json<T: DeserializeOwned>(run: RunId, row: &Row<'_>, column: &str) -> Result<T, Fault> {
    serde_json::from_str(&row.get::<_, String>(column)?)
        .map_err(|error| unreadable(run, column, error.to_string()))
}

/// SQLite's integers are signed; ours were written bit by bit.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

fn stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Option<Stage>, Fault> {
    let key: Option<Arc<str>> = row.get(column)?;
    key.map(|key| Stage::from_key(&key).ok_or_else(|| unreadable(run, "stage", key.to_string())))
        .transpose()
}

pub(super) fn needed_stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Stage, Fault> {
    stage(run, row, column)?.ok_or_else(|| unreadable(run, "stage", "it is empty".to_string()))
}

fn event_sort(run: RunId, row: &Row<'_>, column: usize) -> Result<EventSort, Fault> {
    let key: String = row.get(column)?;
    let found = EventSort::ALL.into_iter().find(|sort| sort.key() == key);
    found.ok_or_else(|| unreadable(run, "sort of an event", key))
}

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Alert];

/// The name of a severity in the table.
pub(super) fn severity_key(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Alert => "alert",
    }
}

fn severity(run: RunId, row: &Row<'_>, column: usize) -> Result<Option<Severity>, Fault> {
    let key: Option<String> = row.get(column)?;
    key.map(|key| {
        let found = SEVERITIES.into_iter().find(|s| severity_key(*s) == key);
        found.ok_or_else(|| unreadable(run, "severity", key))
    })
    .transpose()
}

fn unreadable(run: RunId, what: &str, detail: String) -> Fault {
    Fault::Unreadable(format!("run {run}, {what}"), detail)
}
