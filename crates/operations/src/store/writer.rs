//! Writes the store: creates runs, resumes them from a checkpoint, and records their reports.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::checkpoint_rows::checkpoints;
use super::columns::{no_run, query_all, require_changed, to_json};
use super::database::Database;
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::record::{put_event, put_report, put_status, return_to, set_status};
use super::rows::NewRun;
use super::{ReadOnly, RunId, RunStatus, StoreReader, aside, identity, now_ms, run_dir};
use crate::checkpoint;
use crate::experiment::{EventKind, Report, Severity, Stage};

/// The store, open for writing.
///
/// Every method is one transaction: either it is on disk, or it has changed nothing.
pub struct Store {
    dir: PathBuf,
    pub(super) database: Database,
}

impl Store {
    /// Opens the store in `dir`, creating or migrating it if needed. One of a newer version, or that cannot be
    /// written, is opened for reading: see [`Store::read_only`]; writing to it fails.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let mut store = Store {
            dir: dir.to_path_buf(),
            database: Database::open(dir)?,
        };
        if store.read_only().is_none()
            && let Err(error) = store.finish_removals()
        {
            tracing::warn!(%error, "a removed run still takes up room on the disk");
        }
        Ok(store)
    }

    /// Why it cannot be written.
    pub fn read_only(&self) -> Option<&ReadOnly> {
        self.database.read_only.as_ref()
    }

    /// The store, if it can be written: to be asked before work whose result is to be saved in it.
    ///
    /// # Errors
    /// It is read-only.
    pub fn writable(self) -> Result<Store, StoreError> {
        match self.database.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn run_dir(&self, run: RunId) -> PathBuf {
        run_dir(&self.dir, run)
    }

    /// Opens another connection, for reading.
    pub fn reader(&self) -> Result<StoreReader, StoreError> {
        StoreReader::open(&self.dir)
    }

    /// Creates a run that is in progress, locked by the caller.
    pub fn create_run(&mut self, new: &NewRun) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        self.write(|db| create_run(db, &store, new))
    }

    /// Creates a run that another program made and that is called `uid` in every store, as if it had begun `started`
    /// milliseconds after the Unix epoch. It counts as in progress, locked by the caller, until its status is set.
    pub fn create_recorded_run(
        &mut self,
        new: &NewRun,
        uid: &str,
        started: i64,
    ) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        self.write(|db| {
            let run = put_run(db, new, started)?;
            identity::put(db, run, uid, None)?;
            acquire_lock(&store, run, &holder())
        })
    }

    /// Replaces what is known of how a run began: the settings, the seed if one is given, and the fingerprints. Of a run
    /// that another program made this comes piece by piece.
    pub fn set_beginning(
        &mut self,
        run: RunId,
        config_toml: &str,
        seed: Option<u64>,
        fingerprints: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let fingerprints = to_json("the fingerprints", fingerprints);
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET config_toml = ?, seed = coalesce(?, seed), fingerprints_json = ? WHERE id = ?",
                params![config_toml, seed.map(|seed| seed as i64), fingerprints?, run.0],
            )?;
            require_changed(db, run, changed)
        })
    }

    /// Locks a run that is not in progress. Removes what an interrupted checkpoint left in its folder, and changes
    /// nothing else.
    pub fn hold_run(&mut self, run: RunId) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        let lock = self.write(|db| {
            let sql = "SELECT holder, deleted IS NOT NULL FROM runs WHERE id = ?";
            let found: Option<(String, bool)> = db
                .query_row(sql, [run.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (held_by, deleted) = found.ok_or_else(|| no_run(db, run))?;
            if deleted {
                return Err(StoreError::Deleted { run }.into());
            }
            acquire_lock(&store, run, &held_by)
        })?;
        sweep(&lock);
        Ok(lock)
    }

    /// Marks a run as in progress again.
    pub fn resume_run(&mut self, lock: &RunLock) -> Result<(), StoreError> {
        let (run, now) = (lock.run(), now_ms());
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET status = ?, holder = ?, heartbeat = ?, ended = NULL, error = NULL
                 WHERE id = ?",
                params![RunStatus::Running.key(), holder(), now, run.0],
            )?;
            require_changed(db, run, changed)?;
            put_status(db, run, now, RunStatus::Running)
        })
    }

    /// Records a run's reports, each with its wall time in milliseconds. Recording one again only adds
    /// events.
    pub fn record(
        &mut self,
        run: RunId,
        reports: &[(i64, impl Borrow<Report>)],
    ) -> Result<(), StoreError> {
        let Some(&(last, _)) = reports.last() else {
            return Ok(());
        };
        let passed = self.write(|db| {
            heartbeat(db, run, last)?;
            let mut saved = None;
            for (wall_ms, report) in reports {
                let report = report.borrow();
                put_report(db, run, *wall_ms, report)?;
                if let Report::Event { at, kind } = report
                    && matches!(kind, EventKind::Checkpoint { .. })
                {
                    saved = saved.max(*at);
                }
            }
            saved.map_or_else(
                || Ok(Vec::new()),
                |saved| aside::drop_if_passed(db, run, saved),
            )
        })?;
        for path in passed {
            let folder = self.run_dir(run).join(path);
            if let Err(error) = std::fs::remove_dir_all(&folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                // It only takes up room; the end of the run removes it.
                tracing::warn!(folder = %folder.display(), %error, "could not be removed");
            }
        }
        Ok(())
    }

    /// Changes the status, with the error if the run failed.
    pub fn set_status(
        &mut self,
        run: RunId,
        status: RunStatus,
        error: Option<&str>,
        wall_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            heartbeat(db, run, wall_ms)?;
            set_status(db, run, wall_ms, status, error)
        })
    }

    /// Records that the run is still in progress.
    pub fn heartbeat(&mut self, run: RunId) -> Result<(), StoreError> {
        self.write(|db| heartbeat(db, run, now_ms()))
    }

    /// Takes a run back to one of its checkpoints (None: to its start). What was recorded after it, except people's
    /// requests and changes of the status, is set aside until the run has saved a checkpoint at or past its last
    /// step; see [`StoreReader::set_aside`]. With `from_aside`, the checkpoint is one of those set aside, and what was
    /// recorded up to it is the run's own again. No file is touched.
    pub fn return_to(
        &mut self,
        run: RunId,
        to: Option<(Stage, u64)>,
        from_aside: bool,
    ) -> Result<(), StoreError> {
        self.write(|db| return_to(db, run, to, from_aside))
    }

    /// Drops what is set aside of a finished run, and removes checkpoints that are not on record from the disk. The
    /// caller must hold the run's lock.
    pub fn drop_set_aside(&mut self, run: RunId) -> Result<(), StoreError> {
        let recorded = self.write(|db| {
            aside::drop_all(db, run)?;
            checkpoints(db, run, "checkpoints")
        })?;
        let recorded: Vec<PathBuf> = recorded.into_iter().map(|row| row.path).collect();
        Ok(checkpoint::keep_only(&self.run_dir(run), &recorded)?)
    }

    /// Records why a run was probably interrupted.
    pub fn explain(&mut self, run: RunId, why: &str) -> Result<(), StoreError> {
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET error = ? WHERE id = ?",
                params![why, run.0],
            )?;
            require_changed(db, run, changed)?;
            let note = EventKind::Note {
                severity: Severity::Warning,
                text: why.to_string(),
            };
            put_event(db, run, now_ms(), None, &note)
        })
    }

    /// Marks runs that are recorded as in progress, but that no process is running, as interrupted when they were last
    /// heard of. Called at start.
    pub fn recover(&mut self) -> Result<Vec<RunId>, StoreError> {
        let store = self.dir.clone();
        let locks = self.write(|db| {
            let sql = "SELECT id, heartbeat FROM runs WHERE status IN (?, ?) ORDER BY id";
            let statuses = [RunStatus::Running.key(), RunStatus::Paused.key()];
            let active = query_all(db, sql, statuses, |row| {
                Ok((RunId(row.get(0)?), row.get::<_, i64>(1)?))
            })?;
            let mut locks = Vec::new();
            for (run, heartbeat) in active {
                let dir = run_dir(&store, run);
                if RunLock::is_held(&dir)? {
                    continue;
                }
                let Some(lock) = RunLock::acquire(run, &dir)? else {
                    continue;
                };
                db.execute(
                    "UPDATE runs SET status = ?, ended = heartbeat WHERE id = ?",
                    params![RunStatus::Interrupted.key(), run.0],
                )?;
                put_status(db, run, heartbeat, RunStatus::Interrupted)?;
                locks.push(lock);
            }
            Ok(locks)
        })?;
        locks.iter().for_each(sweep);
        Ok(locks.iter().map(RunLock::run).collect())
    }

    pub(super) fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let path = &self.database.path;
        let Some(connection) = &mut self.database.connection else {
            let unreachable = || StoreError::NotWritable {
                path: path.clone(),
                why: "it is open for reading only".into(),
            };
            return Err(self.database.refusal().unwrap_or_else(unreachable));
        };
        let write = || -> Result<T, Fault> {
            // Immediate: SQLite can wait for a lock at the start of a transaction, but not in the middle.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        write().map_err(|fault| fault.at(path))
    }
}

/// Creates a run that is in progress, locked by the caller.
pub(super) fn create_run(db: &Connection, store: &Path, new: &NewRun) -> Result<RunLock, Fault> {
    let run = put_run(db, new, now_ms())?;
    identity::name_new(db, run)?;
    // Before the row is visible, so that no one sees the run unlocked.
    acquire_lock(store, run, &holder())
}

/// The row of a run that is in progress.
fn put_run(db: &Connection, new: &NewRun, now: i64) -> Result<RunId, Fault> {
    let environment = to_json("the environment", &new.environment)?;
    let fingerprints = to_json("the fingerprints", &new.fingerprints)?;
    db.execute(
        "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                           environment_json, fingerprints_json, holder, heartbeat)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            new.name,
            new.experiment,
            new.seed as i64,
            new.device,
            RunStatus::Running.key(),
            now,
            new.config_toml,
            environment,
            fingerprints,
            holder(),
            now
        ],
    )?;
    let run = RunId(db.last_insert_rowid());
    put_status(db, run, now, RunStatus::Running)?;
    Ok(run)
}

/// Removes what an interrupted checkpoint left. If that fails, the run can still be read, and who resumes it learns
/// which checkpoint cannot be used.
fn sweep(lock: &RunLock) {
    if let Err(error) = checkpoint::sweep(lock.dir()) {
        tracing::warn!(run = %lock.run(), %error, "could not be tidied up");
    }
}

fn holder() -> String {
    format!("process {}", std::process::id())
}

fn acquire_lock(store: &Path, run: RunId, holder: &str) -> Result<RunLock, Fault> {
    let lock = RunLock::acquire(run, &run_dir(store, run))?;
    lock.ok_or_else(|| {
        StoreError::Held {
            run,
            holder: holder.to_string(),
        }
        .into()
    })
}

fn heartbeat(db: &Connection, run: RunId, wall_ms: i64) -> Result<(), Fault> {
    let changed = db
        .prepare_cached("UPDATE runs SET heartbeat = max(heartbeat, ?) WHERE id = ?")?
        .execute(params![wall_ms, run.0])?;
    require_changed(db, run, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Environment;

    #[test]
    fn a_full_disk_is_an_error_and_keeps_what_was_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let new = NewRun {
            name: "full".to_string(),
            experiment: "quickstart".to_string(),
            seed: 1,
            device: "flex".to_string(),
            config_toml: String::new(),
            environment: Environment::capture(),
            fingerprints: Default::default(),
        };
        let lock = store.create_run(&new).unwrap();
        let run = lock.run();
        // SQLite answers as it does on a full disk when a database may not grow.
        let db = store.database.connection.as_ref().unwrap();
        let pages: i64 = db
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        db.query_row(
            &format!("PRAGMA max_page_count = {}", pages + 4),
            [],
            |_| Ok(()),
        )
        .unwrap();
        let batch = |first: u64| -> Vec<(i64, Report)> {
            (first..first + 100)
                .map(|step| {
                    let report = Report::Metrics {
                        stage: Stage::Ppo,
                        step,
                        total: 9,
                        values: vec![("ppo/reward".to_string(), step as f64)],
                    };
                    (0, report)
                })
                .collect()
        };
        let mut recorded = 0;
        let error = loop {
            match store.record(run, &batch(recorded)) {
                Ok(()) => recorded += 100,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(error.to_string().contains("free some space"), "{error}");
        assert!(recorded > 0);
        let keys = store.reader().unwrap().keys(run).unwrap();
        assert_eq!(keys[0].count, recorded);
    }
}
