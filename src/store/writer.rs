//! The store as it is written: runs, what they report, and what becomes of them.

use std::borrow::Borrow;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::columns::{found, no_run};
use super::database::Database;
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::record::{put_report, put_status, set_status, truncate};
use super::rows::NewRun;
use super::{RunId, RunStatus, StoreReader, now_ms, run_dir, schema};
use crate::checkpoint;
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
        self.write(|db| begin_run(db, &store, new))
    }

    /// Takes up a run that nobody carries out: in progress from now on and held by the caller.
    /// What an interrupted checkpoint left behind in its folder is swept away.
    pub fn resume_run(&mut self, run: RunId) -> Result<RunLock, StoreError> {
        let store = self.dir.clone();
        let now = now_ms();
        let lock = self.write(|db| {
            let found: Option<(String, bool)> = db
                .query_row(
                    "SELECT holder, deleted IS NOT NULL FROM runs WHERE id = ?",
                    [run.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let (held_by, deleted) = found.ok_or_else(|| no_run(db, run))?;
            if deleted {
                return Err(StoreError::Deleted { run }.into());
            }
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
    /// adds nothing but events.
    pub fn record(
        &mut self,
        run: RunId,
        reports: &[(i64, impl Borrow<Report>)],
    ) -> Result<(), StoreError> {
        let Some(&(last, _)) = reports.last() else {
            return Ok(());
        };
        self.write(|db| {
            beat(db, run, last)?;
            for (wall_ms, report) in reports {
                put_report(db, run, *wall_ms, report.borrow())?;
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
            set_status(db, run, wall_ms, status, error)
        })
    }

    /// Gives a sign of life.
    pub fn heartbeat(&mut self, run: RunId) -> Result<(), StoreError> {
        self.write(|db| beat(db, run, now_ms()))
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
    /// recorded of later steps and stages belongs to a branch that is lost and is forgotten. What people
    /// asked for and how the status changed is kept. Checkpoints that are not on record, those of the
    /// lost branch among them, are removed from the disk, so that nobody goes on from one of them. Only
    /// for who holds the run.
    pub fn truncate_after(
        &mut self,
        run: RunId,
        to: Option<(Stage, u64)>,
    ) -> Result<(), StoreError> {
        let recorded = self.write(|db| truncate(db, run, to))?;
        Ok(checkpoint::keep_only(&self.run_dir(run), &recorded)?)
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

    pub(super) fn write<T>(
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

/// Adds a run, in progress and held by the caller.
pub(super) fn begin_run(db: &Connection, store: &Path, new: &NewRun) -> Result<RunLock, Fault> {
    let now = now_ms();
    let environment = json("the environment", &new.environment)?;
    let fingerprints = json("the fingerprints", &new.fingerprints)?;
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
    // Taken before the row can be seen, so that nobody finds the run without its holder.
    take_lock(store, run, &holder())
}

pub(super) fn json(what: &str, value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Unreadable(what.into(), error.to_string()))
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

fn beat(db: &Connection, run: RunId, wall_ms: i64) -> Result<(), Fault> {
    let changed = db
        .prepare_cached("UPDATE runs SET heartbeat = max(heartbeat, ?) WHERE id = ?")?
        .execute(params![wall_ms, run.0])?;
    found(db, run, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Environment;

    #[test]
    fn a_full_disk_is_told_and_what_was_recorded_stays() {
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
        let db = &store.database.connection;
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
                    let values = vec![("ppo/reward".to_string(), step as f64)];
                    let (stage, total) = (Stage::Ppo, 9);
                    (
                        0,
                        Report::Metrics {
                            stage,
                            step,
                            total,
                            values,
                        },
                    )
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
