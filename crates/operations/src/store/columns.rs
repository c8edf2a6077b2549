//! Reads rows and columns; errors name the run and the column.

use std::sync::Arc;

use rusqlite::{Connection, Params, Row};
use serde::de::DeserializeOwned;

use super::RunId;
use super::error::{Fault, StoreError};
use crate::experiment::Stage;

/// Runs a query and reads all of its rows.
pub(super) fn query_all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut query = db.prepare_cached(sql)?;
    query.query_and_then(params, read)?.collect()
}

/// SQLite's integers are signed; ours are stored with the same bits.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)? as u64)
}

pub(super) fn stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Option<Stage>, Fault> {
    let key: Option<Arc<str>> = row.get(column)?;
    key.map(|key| Stage::from_key(&key).ok_or_else(|| unreadable(run, "stage", key.to_string())))
        .transpose()
}

pub(super) fn required_stage(run: RunId, row: &Row<'_>, column: usize) -> Result<Stage, Fault> {
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

/// The names of a table's columns in their order, but for some.
pub(super) fn columns_of(db: &Connection, table: &str, but: &[&str]) -> Result<Vec<String>, Fault> {
    let sql = "SELECT name FROM pragma_table_info(?) ORDER BY cid";
    let mut columns = query_all(db, sql, [table], |row| Ok(row.get::<_, String>(0)?))?;
    columns.retain(|column| !but.contains(&column.as_str()));
    Ok(columns)
}

/// Fails if the run does not exist, so that no row was changed.
pub(super) fn require_changed(db: &Connection, run: RunId, changed: usize) -> Result<(), Fault> {
    match changed {
        0 => Err(no_run(db, run)),
        _ => Ok(()),
    }
}

/// A value as JSON for a column; `what` names it in the error.
pub(in crate::store) fn to_json(
    what: &str,
    value: &impl serde::Serialize,
) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Unreadable(what.into(), error.to_string()))
}
