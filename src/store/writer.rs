//! The store as it is written: runs, what they report, and what becomes of them.

use std::path::{Component, Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::database::Database;
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::rows::{CheckpointRow, EventRow, EventSort, NewRun};
use super::{RunId, RunStatus, StoreReader, checkpoint, now_ms, points, run_dir, samples, schema};
use crate::experiment::{Report, Stage};

/// The store, open for writing.
///
/// Every method is one transaction: it is done and on disk, or it has changed nothing.
pub struct Store {
    dir: PathBuf,
    database: Database,
}

impl Store {
    /// Opens the store in `dir`, made if it is not there, brought up to date if it is older. One
    /// written by a newer program opens too, for reading: [`Store::newer`] tells, and whatever would
    /// write is refused.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        Ok(Store {
            dir: dir.to_path_buf(),
            database: Database::open(dir)?,
        })
    }

    /// The store's version, if this program is too old to write it.
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

    /// Another connection, for reading.
    pub fn reader(&self) -> Result<StoreReader, StoreError> {
        StoreReader::open(&self.dir)
    }

    /// Adds a run, in progress from now on and held by the caller.
    pub fn create_run(&mut self, new: &NewRun) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        let now = now_ms();
        self.write(|db| {
            let environment = serde_json::to_string(&new.environment)
                .map_err(|error| Fault::Unreadable("the environment".into(), error.to_string()))?;
            db.execute(
                "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                                   environment_json, fingerprints_json, holder, heartbeat)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?)",
                params![
                    new.name,
                    new.experiment,
                    new.seed as i64,
                    new.device,
                    RunStatus::Running.key(),
                    now,
                    new.config_toml,
                    environment,
                    holder(),
                    now
                ],
            )?;
            let run = RunId(db.last_insert_rowid());
            put_status(db, run, now, RunStatus::Running)?;
            // Taken before the row can be seen, so that nobody finds the run without its holder.
            take_lock(&store, run, &holder())
        })
    }

    /// Takes up a run that nobody carries out: in progress from now on and held by the caller.
    /// What an interrupted checkpoint left behind in its folder is swept away.
    pub fn resume_run(&mut self, run: RunId) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        let now = now_ms();
        let lock = self.write(|db| {
            let held_by: Option<String> = db
                .query_row("SELECT holder FROM runs WHERE id = ?", [run.0], |row| {
                    row.get(0)
                })
                .optional()?;
            let held_by = held_by.ok_or_else(|| no_run(db, run))?;
            let lock = take_lock(&store, run, &held_by)?;
            db.execute(
                "UPDATE runs SET status = ?, holder = ?, heartbeat = ?, ended = NULL, error = NULL
                 WHERE id = ?",
                params![RunStatus::Running.key(), holder(), now, run.0],
            )?;
            put_status(db, run, now, RunStatus::Running)?;
            Ok(lock)
        })?;
        checkpoint::sweep(lock.dir())?;
        Ok(lock)
    }

    /// Records what a run reported, each with its wall time in milliseconds. Reporting the same again
    /// changes nothing but the notes.
    pub fn record(&mut self, run: RunId, reports: &[(i64, Report)]) -> Result<(), StoreError> {
        let Some(&(last, _)) = reports.last() else {
            return Ok(());
        };
        self.write(|db| {
            beat(db, run, last)?;
            for (wall_ms, report) in reports {
                put_report(db, run, *wall_ms, report)?;
            }
            Ok(())
        })
    }

    /// Records that the status changed, and why if the run failed.
    pub fn set_status(
        &mut self,
        run: RunId,
        status: RunStatus,
        error: Option<&str>,
        wall_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            beat(db, run, wall_ms)?;
            let ended = (!status.is_active()).then_some(wall_ms);
            db.execute(
                "UPDATE runs SET status = ?, error = ?, ended = ? WHERE id = ?",
                params![status.key(), error, ended, run.0],
            )?;
            put_status(db, run, wall_ms, status)
        })
    }

    /// Records that a person asked for something.
    pub fn record_control(
        &mut self,
        run: RunId,
        text: &str,
        wall_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            beat(db, run, wall_ms)?;
            put_event_here(db, run, wall_ms, EventSort::Control, text)
        })
    }

    /// Gives a sign of life.
    pub fn heartbeat(&mut self, run: RunId) -> Result<(), StoreError> {
        self.write(|db| beat(db, run, now_ms()))
    }

    /// Saves the fingerprints of data and weights, by name.
    pub fn set_fingerprints(
        &mut self,
        run: RunId,
        fingerprints: &serde_json::Value,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET fingerprints_json = ? WHERE id = ?",
                params![fingerprints.to_string(), run.0],
            )?;
            found(db, run, changed)
        })
    }

    /// Replaces a person's note on a run.
    pub fn set_note(&mut self, run: RunId, note: &str) -> Result<(), StoreError> {
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET note = ? WHERE id = ?",
                params![note, run.0],
            )?;
            found(db, run, changed)
        })
    }

    /// Takes a run back to where a checkpoint of it stands (None: to its beginning): whatever was
    /// recorded of later steps and stages belongs to a branch that is lost and is forgotten, its
    /// checkpoints' files included. What people asked for and how the status changed is kept.
    pub fn truncate_after(
        &mut self,
        run: RunId,
        to: Option<(Stage, u64)>,
    ) -> Result<(), StoreError> {
        let dir = self.run_dir(run);
        let lost = self.write(|db| truncate(db, run, to))?;
        for path in lost {
            // The row is gone; a folder that cannot be removed costs space only.
            if let Err(error) = std::fs::remove_dir_all(dir.join(&path))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%run, path = %path.display(), %error, "a lost checkpoint remains");
            }
        }
        Ok(())
    }

    /// Marks the runs that are in progress by the record but that nobody carries out as interrupted.
    /// To be called at start.
    pub fn recover(&mut self) -> Result<Vec<RunId>, StoreError> {
        let store = self.dir.clone();
        let now = now_ms();
        let locks = self.write(|db| {
            let active: Vec<RunId> = db
                .prepare("SELECT id FROM runs WHERE status IN (?, ?) ORDER BY id")?
                .query_map([RunStatus::Running.key(), RunStatus::Paused.key()], |row| {
                    row.get(0).map(RunId)
                })?
                .collect::<Result<_, _>>()?;
            let mut locks = Vec::new();
            for run in active {
                let dir = run_dir(&store, run);
                if RunLock::is_held(&dir)? {
                    continue;
                }
                let Some(lock) = RunLock::take(run, &dir)? else {
                    continue;
                };
                db.execute(
                    "UPDATE runs SET status = ?, ended = heartbeat WHERE id = ?",
                    params![RunStatus::Interrupted.key(), run.0],
                )?;
                put_status(db, run, now, RunStatus::Interrupted)?;
                locks.push(lock);
            }
            Ok(locks)
        })?;
        for lock in &locks {
            checkpoint::sweep(lock.dir())?;
        }
        Ok(locks.iter().map(RunLock::run).collect())
    }

    fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let path = &self.database.path;
        if let Some(found) = self.database.newer {
            return Err(StoreError::Newer {
                path: path.clone(),
                found,
                known: schema::VERSION,
            });
        }
        let connection = &mut self.database.connection;
        let done = || -> Result<T, Fault> {
            // Immediate: to wait at the start is possible, to wait in the middle is not.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        done().map_err(|fault| fault.at(path))
    }
}

fn holder() -> String {
    format!("process {}", std::process::id())
}

fn take_lock(store: &Path, run: RunId, holder: &str) -> Result<RunLock, Fault> {
    let lock = RunLock::take(run, &run_dir(store, run))?;
    lock.ok_or_else(|| {
        StoreError::Held {
            run,
            holder: holder.to_string(),
        }
        .into()
    })
}

fn no_run(db: &Connection, run: RunId) -> Fault {
    StoreError::NoRun {
        path: db.path().unwrap_or_default().into(),
        run,
    }
    .into()
}

fn found(db: &Connection, run: RunId, changed: usize) -> Result<(), Fault> {
    if changed == 0 {
        return Err(no_run(db, run));
    }
    Ok(())
}

fn beat(db: &Connection, run: RunId, wall_ms: i64) -> Result<(), Fault> {
    let changed = db
        .prepare_cached("UPDATE runs SET heartbeat = max(heartbeat, ?) WHERE id = ?")?
        .execute(params![wall_ms, run.0])?;
    found(db, run, changed)
}

fn put_report(db: &Connection, run: RunId, wall_ms: i64, report: &Report) -> Result<(), Fault> {
    match report {
        Report::Stage { stage, total } => {
            stand(db, run, *stage, 0, Some(*total))?;
            let text = total.to_string();
            put_event(db, run, &event(wall_ms, *stage, 0, EventSort::Stage, text))
        }
        Report::StageDone { stage, step } => {
            stand(db, run, *stage, *step, None)?;
            let done = event(wall_ms, *stage, *step, EventSort::StageDone, String::new());
            put_event(db, run, &done)
        }
        Report::Metrics {
            stage,
            step,
            total,
            values,
        } => {
            stand(db, run, *stage, *step, Some(*total))?;
            for (name, value) in values {
                let key = points::key(db, *stage, name)?;
                points::put(db, run, key, *step, *value, wall_ms)?;
            }
            Ok(())
        }
        Report::Samples {
            stage,
            step,
            dialogues,
        } => samples::put(db, run, *stage, *step, wall_ms, dialogues),
        Report::Checkpoint {
            stage,
            step,
            path,
            bytes,
        } => put_checkpoint(
            db,
            run,
            &CheckpointRow {
                stage: *stage,
                step: *step,
                path: path.clone(),
                bytes: *bytes,
                wall_ms,
            },
        ),
        Report::Note {
            stage,
            step,
            severity,
            text,
        } => {
            let mut note = event(wall_ms, *stage, *step, EventSort::Note, text.clone());
            note.severity = Some(*severity);
            put_event(db, run, &note)
        }
        Report::Results { system } => samples::put_results(db, run, wall_ms, system),
    }
}

/// Notes where the run stands.
fn stand(
    db: &Connection,
    run: RunId,
    stage: Stage,
    step: u64,
    total: Option<u64>,
) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE runs SET stage = ?, step = ?, total = coalesce(?, total) WHERE id = ?",
    )?
    .execute(params![
        stage.key(),
        step as i64,
        total.map(|total| total as i64),
        run.0
    ])?;
    Ok(())
}

fn event(wall_ms: i64, stage: Stage, step: u64, sort: EventSort, text: String) -> EventRow {
    EventRow {
        wall_ms,
        stage: Some(stage),
        step,
        sort,
        severity: None,
        text,
    }
}

fn put_event(db: &Connection, run: RunId, event: &EventRow) -> Result<(), Fault> {
    let severity = event.severity.map(super::reader::severity_key);
    db.prepare_cached(
        "INSERT INTO events (run, wall, stage, step, sort, severity, text)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        run.0,
        event.wall_ms,
        event.stage.map(Stage::key),
        event.step as i64,
        event.sort.key(),
        severity,
        event.text
    ])?;
    Ok(())
}

/// An event at the stage and step where the run stands.
fn put_event_here(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    sort: EventSort,
    text: &str,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO events (run, wall, stage, step, sort, text)
         SELECT id, ?2, stage, step, ?3, ?4 FROM runs WHERE id = ?1",
    )?
    .execute(params![run.0, wall_ms, sort.key(), text])?;
    Ok(())
}

fn put_status(db: &Connection, run: RunId, wall_ms: i64, status: RunStatus) -> Result<(), Fault> {
    put_event_here(db, run, wall_ms, EventSort::Status, status.key())
}

fn put_checkpoint(db: &Connection, run: RunId, row: &CheckpointRow) -> Result<(), Fault> {
    let outside = || StoreError::OutsideRun {
        path: row.path.clone(),
    };
    let below = row
        .path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let path = row
        .path
        .to_str()
        .filter(|path| below && !path.is_empty())
        .ok_or_else(outside)?;
    db.prepare_cached("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            run.0,
            path,
            row.stage.key(),
            row.step as i64,
            row.bytes as i64,
            row.wall_ms
        ])?;
    Ok(())
}

/// Forgets what comes after; gives the paths of the checkpoints that are lost.
fn truncate(db: &Connection, run: RunId, to: Option<(Stage, u64)>) -> Result<Vec<PathBuf>, Fault> {
    // The beginning of a run is the beginning of its first stage, before any step.
    let (stage, step) = to.unwrap_or((Stage::ALL[0], 0));
    let later: Vec<Stage> = Stage::ALL.into_iter().filter(|s| *s > stage).collect();
    let kept = if to.is_some() { step as i64 } else { -1 };
    points::truncate_after(db, run, stage, kept, &later)?;

    let mut lost = Vec::new();
    let bounds = later
        .iter()
        .map(|stage| (*stage, -1))
        .chain([(stage, kept)]);
    for (of, kept) in bounds {
        let after = params![run.0, of.key(), kept];
        let mut query = db.prepare_cached(
            "SELECT path FROM checkpoints WHERE run = ? AND stage = ? AND step > ?",
        )?;
        for path in query.query_map(after, |row| row.get::<_, String>(0))? {
            lost.push(PathBuf::from(path?));
        }
        for table in ["checkpoints", "samples", "results"] {
            db.execute(
                &format!("DELETE FROM {table} WHERE run = ? AND stage = ? AND step > ?"),
                after,
            )?;
        }
        db.execute(
            "DELETE FROM events WHERE run = ? AND stage = ? AND step > ?
             AND sort IN ('stage', 'stage_done', 'note')",
            after,
        )?;
    }
    let changed = db.execute(
        "UPDATE runs SET total = iif(stage IS ?2, total, 0), stage = ?2, step = ?3 WHERE id = ?1",
        params![
            run.0,
            to.map(|(stage, _)| stage.key()),
            if to.is_some() { step as i64 } else { 0 }
        ],
    )?;
    found(db, run, changed)?;
    Ok(lost)
}
