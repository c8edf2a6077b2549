//! Reads a table for many runs in one pass, beside the list of the runs.
//!
//! A statement a run takes longer than all that it reads, once there are thousands.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{CachedStatement, Connection, Row, Rows};

use super::RunId;
use super::error::Fault;

/// Which runs are read, the latest first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runs {
    /// One, deleted or not.
    One(RunId),
    /// All that are not deleted, or all that are.
    All { deleted: bool },
}

impl Runs {
    /// Of the table `runs`, with [`Runs::value`] as its only parameter.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Runs::One(_) => "id = ?1",
            Runs::All { .. } => "(deleted IS NOT NULL) = ?1",
        }
    }

    pub(super) fn value(self) -> i64 {
        match self {
            Runs::One(run) => run.0,
            Runs::All { deleted } => i64::from(deleted),
        }
    }
}

/// Prepares reading `columns` of a table `from`, which has a column `run`; `order` is that within a run.
pub(super) fn prepare<'db>(
    db: &'db Connection,
    runs: Runs,
    columns: &str,
    from: &str,
    condition: &str,
    order: &str,
) -> rusqlite::Result<CachedStatement<'db>> {
    // A cross join keeps the order of its tables: runs outside, and of each its own rows by the key.
    db.prepare_cached(&format!(
        "SELECT run, {columns} FROM (SELECT id AS of FROM runs WHERE {}) CROSS JOIN {from} ON run = of
         WHERE {condition} ORDER BY of DESC, {order}",
        runs.condition()
    ))
}

/// The rows of a prepared table, run by run.
pub(super) struct ByRun<'a> {
    rows: Rows<'a>,
}

impl<'a> ByRun<'a> {
    pub(super) fn new(
        statement: &'a mut CachedStatement<'_>,
        runs: Runs,
    ) -> rusqlite::Result<Self> {
        let mut rows = statement.query([runs.value()])?;
        rows.advance()?;
        Ok(ByRun { rows })
    }

    /// Reads the rows of a run, whose columns begin at 1. Runs are asked for in the order in which they are listed.
    ///
    /// # Errors
    /// Of the first row that cannot be read; the next run can still be asked for.
    pub(super) fn of<T>(
        &mut self,
        run: RunId,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut found = Vec::new();
        while let Some(row) = self.rows.get() {
            let id = RunId(row.get(0)?);
            if id < run {
                break;
            }
            if id == run {
                found.push(read(row)?);
            }
            self.rows.advance()?;
        }
        Ok(found)
    }
}
