//! Runs that wait for their turn: kept until they are started or taken out, whoever keeps them.
//!
//! A run leaves the queue in the transaction that begins it, so that no two programs begin the same one
//! and none is lost on the way.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::error::{Fault, StoreError};
use super::id::{ParseIdError, number};
use super::lock::RunLock;
use super::rows::{NewRun, moment};
use super::writer::begin_run;
use super::{RunId, Store, StoreReader, now_ms};

/// The number of a run that waits; not that of the run it becomes.
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

/// A run that is to wait. Its settings are whole: what becomes of the file they came from does not
/// change them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewQueuedRun {
    pub experiment: String,
    pub name: String,
    #[serde(skip)]
    pub config_toml: String,
    /// The run whose finished stages are taken over where they are the same.
    pub reuse: Option<RunId>,
}

/// A run that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueuedRun {
    pub id: QueueId,
    #[serde(flatten)]
    pub run: NewQueuedRun,
    /// When it was queued, in milliseconds since the Unix epoch; RFC 3339 in JSON.
    #[serde(serialize_with = "moment")]
    pub queued: i64,
    /// Its place: the least goes first.
    #[serde(skip)]
    position: i64,
}

impl Store {
    /// Puts runs at the end of the queue, in this order.
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

    /// Lets two runs change places in the queue. Nothing changes where one of them waits no more.
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

    /// Takes a run out of the queue; [`Store::requeue`] puts it back.
    ///
    /// # Errors
    /// It waits no more: it was started or taken out.
    pub fn unqueue(&mut self, id: QueueId) -> Result<QueuedRun, StoreError> {
        let now = now_ms();
        self.write(|db| {
            let run = find(db, id)?.ok_or(StoreError::NotQueued { id })?;
            db.execute("DELETE FROM queue WHERE taken_out < ?", [now - KEPT_MS])?;
            db.execute(
                "UPDATE queue SET taken_out = ? WHERE id = ?",
                params![now, id.0],
            )?;
            Ok(run)
        })
    }

    /// Puts a run that was taken out back in its place.
    ///
    /// # Errors
    /// It was started, or taken out too long ago.
    pub fn requeue(&mut self, id: QueueId) -> Result<(), StoreError> {
        self.write(|db| {
            let found = db.execute("UPDATE queue SET taken_out = NULL WHERE id = ?", [id.0])?;
            match found {
                0 => Err(StoreError::NotQueued { id }.into()),
                _ => Ok(()),
            }
        })
    }

    /// Adds a run, as [`Store::create_run`] does, and takes it out of the queue at once: both or neither.
    ///
    /// # Errors
    /// It waits no more: another program has begun it, or it was taken out.
    pub fn create_queued_run(&mut self, id: QueueId, new: &NewRun) -> Result<RunLock, StoreError> {
        let store = self.dir().to_path_buf();
        self.write(|db| {
            let waits = "DELETE FROM queue WHERE id = ? AND taken_out IS NULL";
            let taken = db.execute(waits, [id.0])?;
            if taken == 0 {
                return Err(StoreError::NotQueued { id }.into());
            }
            begin_run(db, &store, new)
        })
    }
}

impl StoreReader {
    /// The runs that wait, the next first.
    pub fn queue(&self) -> Result<Vec<QueuedRun>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(&format!("{WAITING} ORDER BY position, id"))?;
            let rows = query.query_map([], queued)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// How long what was taken out can be put back.
const KEPT_MS: i64 = 30 * 24 * 3_600 * 1_000;

const WAITING: &str = "SELECT id, position, experiment, name, config_toml, reuse, queued
     FROM queue WHERE taken_out IS NULL";

fn find(db: &Connection, id: QueueId) -> Result<Option<QueuedRun>, Fault> {
    Ok(db
        .prepare_cached(&format!("{WAITING} AND id = ?"))?
        .query_row([id.0], queued)
        .optional()?)
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedRun> {
    Ok(QueuedRun {
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
