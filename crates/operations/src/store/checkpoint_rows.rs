//! Checkpoints on record: a run's own, and those set aside.

use rusqlite::Connection;

use super::RunId;
use super::columns::{query_all, required_stage, unsigned};
use super::error::Fault;
use super::rows::CheckpointRow;

/// The checkpoints in a table, by stage and step.
pub(super) fn checkpoints(
    db: &Connection,
    run: RunId,
    table: &str,
) -> Result<Vec<CheckpointRow>, Fault> {
    let sql = format!("SELECT stage, step, path, bytes, wall FROM {table} WHERE run = ?");
    let mut checkpoints = query_all(db, &sql, [run.0], |row| {
        Ok(CheckpointRow {
            stage: required_stage(run, row, 0)?,
            step: unsigned(row, 1)?,
            path: row.get::<_, String>(2)?.into(),
            bytes: unsigned(row, 3)?,
            wall_ms: row.get(4)?,
        })
    })?;
    checkpoints.sort_by_key(|row| (row.stage, row.step, row.wall_ms));
    Ok(checkpoints)
}
