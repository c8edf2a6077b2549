//! Queued runs, kept until a program starts them or they are removed.
//!
//! A run leaves the queue in the transaction that starts it, so that no two programs start the same one
//! and none is lost.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::columns::query_all;
use super::error::{Fault, StoreError};
use super::id::{ParseIdError, number};
use super::lock::RunLock;
use super::rows::{NewRun, rfc3339};
use super::writer::create_run;
use super::{RunId, Store, StoreReader, now_ms};

/// The number of a queued run; the run it becomes gets another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct QueueId(pub i64);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for QueueId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError::Queued(text.to_string());
        number(text).map(QueueId).ok_or_else(wrong)
    }
}

/// A run to be queued, with all of its settings: later changes of the experiment file do not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewQueuedRun {
    pub experiment: String,
    pub name: String,
    #[serde(skip)]
    pub config_toml: String,
    /// The run whose finished stages are reused where they are the same.
    pub reuse: Option<RunId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueuedRun {
    pub id: QueueId,
    #[serde(flatten)]
    pub run: NewQueuedRun,
    /// When it was queued, in milliseconds since the Unix epoch; RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub queued: i64,
    /// The lowest is started first.
    #[serde(skip)]
    position: i64,
    /// What of it cannot be read; it can only be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

impl Store {
    /// Appends runs to the queue.
    pub fn enqueue(&mut self, runs: &[NewQueuedRun]) -> Result<Vec<QueueId>, StoreError> {
        let now = now_ms();
        self.write(|db| {
            let mut ids = Vec::new();
            for run in runs {
                db.prepare_cached(
                    "INSERT INTO queue (position, experiment, name, config_toml, reuse, queued)
                     SELECT coalesce(max(position), 0) + 1, ?, ?, ?, ?, ? FROM queue",
                )?
                .execute(params![
                    run.experiment,
                    run.name,
                    run.config_toml,
                    run.reuse.map(|run| run.0),
                    now
                ])?;
                ids.push(QueueId(db.last_insert_rowid()));
            }
            Ok(ids)
        })
    }

    /// Swaps two runs in the queue; does nothing if one has left it.
    pub fn swap_queued(&mut self, one: QueueId, other: QueueId) -> Result<(), StoreError> {
        self.write(|db| {
            let (Some(a), Some(b)) = (find(db, one)?, find(db, other)?) else {
                return Ok(());
            };
            for (id, position) in [(one, b.position), (other, a.position)] {
                db.execute(
                    "UPDATE queue SET position = ? WHERE id = ?",
                    params![position, id.0],
                )?;
            }
            Ok(())
        })
    }

    /// Removes runs from the queue, all or none of them; [`Store::requeue`] puts one back.
    ///
    /// # Errors
    /// One of them was started or removed.
    pub fn unqueue(&mut self, ids: &[QueueId]) -> Result<Vec<QueuedRun>, StoreError> {
        let now = now_ms();
        self.write(|db| {
            db.execute("DELETE FROM queue WHERE taken_out < ?", [now - UNDO_MS])?;
            let mut removed = Vec::with_capacity(ids.len());
            for &id in ids {
                removed.push(find(db, id)?.ok_or(StoreError::NotQueued { id })?);
                db.execute(
                    "UPDATE queue SET taken_out = ? WHERE id = ?",
                    params![now, id.0],
                )?;
            }
            Ok(removed)
        })
    }

    /// Puts a removed run back where it was.
    ///
    /// # Errors
    /// It was started, or removed too long ago.
    pub fn requeue(&mut self, id: QueueId) -> Result<(), StoreError> {
        self.write(|db| {
            let found = db.execute("UPDATE queue SET taken_out = NULL WHERE id = ?", [id.0])?;
            match found {
                0 => Err(StoreError::NotQueued { id }.into()),
                _ => Ok(()),
            }
        })
    }

    /// Creates a run, as [`Store::create_run`] does, and takes it from the queue: both or neither.
    ///
    /// # Errors
    /// Another program has started it, or it was removed.
    pub fn create_queued_run(&mut self, id: QueueId, new: &NewRun) -> Result<RunLock, StoreError> {
        let store = self.dir().to_path_buf();
        self.write(|db| {
            let sql = "DELETE FROM queue WHERE id = ? AND taken_out IS NULL";
            if db.execute(sql, [id.0])? == 0 {
                return Err(StoreError::NotQueued { id }.into());
            }
            create_run(db, &store, new)
        })
    }
}

impl StoreReader {
    /// The queued runs, the next first.
    pub fn queue(&self) -> Result<Vec<QueuedRun>, StoreError> {
        let sql = format!("{QUEUED} ORDER BY position, id");
        self.read(|db| query_all(db, &sql, [], |row| Ok(queued(row)?)))
    }
}

/// How long a removed run can be put back.
const UNDO_MS: i64 = 30 * 24 * 3_600 * 1_000;

const QUEUED: &str = "SELECT id, position, experiment, name, config_toml, reuse, queued
     FROM queue WHERE taken_out IS NULL";

fn find(db: &Connection, id: QueueId) -> Result<Option<QueuedRun>, Fault> {
    Ok(db
        .prepare_cached(&format!("{QUEUED} AND id = ?"))?
        .query_row([id.0], queued)
        .optional()?)
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedRun> {
    let error = match readable(row) {
        Err(error) if Fault::from_row(&error) => error,
        read => return read,
    };
    let text = |column| row.get::<_, String>(column).unwrap_or_default();
    Ok(QueuedRun {
        id: QueueId(row.get(0)?),
        position: row.get(1).unwrap_or_default(),
        run: NewQueuedRun {
            experiment: text(2),
            name: text(3),
            config_toml: String::new(),
            reuse: None,
        },
        queued: row.get(6).unwrap_or_default(),
        damage: Some(error.to_string()),
    })
}

fn readable(row: &Row<'_>) -> rusqlite::Result<QueuedRun> {
    Ok(QueuedRun {
        damage: None,
        id: QueueId(row.get(0)?),
        position: row.get(1)?,
        run: NewQueuedRun {
            experiment: row.get(2)?,
            name: row.get(3)?,
            config_toml: row.get(4)?,
            reuse: row.get::<_, Option<i64>>(5)?.map(RunId),
        },
        queued: row.get(6)?,
    })
}
