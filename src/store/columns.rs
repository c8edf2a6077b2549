//! Values as the tables hold them, read back; what cannot be read says which run and column.

use std::sync::Arc;

use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

use super::RunId;
use super::error::{Fault, StoreError};
use crate::experiment::Stage;

/// SQLite's integers are signed; ours were written bit by bit.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

pub(super) fn stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Option<Stage>, Fault> {
    let key: Option<Arc<str>> = row.get(column)?;
    key.map(|key| Stage::from_key(&key).ok_or_else(|| unreadable(run, "stage", key.to_string())))
        .transpose()
}

pub(super) fn needed_stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Stage, Fault> {
    stage(run, row, column)?.ok_or_else(|| unreadable(run, "stage", "it is empty".to_string()))
}

pub(super) fn json<T: DeserializeOwned>(
    run: RunId,
    row: &Row<'_>,
    column: &str,
) -> Result<T, Fault> {
    serde_json::from_str(&row.get::<_, String>(column)?)
        .map_err(|error| unreadable(run, column, error.to_string()))
}

pub(super) fn unreadable(run: RunId, what: &str, detail: String) -> Fault {
    Fault::Unreadable(format!("run {run}, {what}"), detail)
}

pub(super) fn no_run(db: &Connection, run: RunId) -> Fault {
    StoreError::NoRun {
        path: db.path().unwrap_or_default().into(),
        run,
    }
    .into()
}

/// Tells of a run that is not there by that no row was changed.
pub(super) fn found(db: &Connection, run: RunId, changed: usize) -> Result<(), Fault> {
    if changed == 0 {
        return Err(no_run(db, run));
    }
    Ok(())
}
