//! Rows of the table of runs, with their metrics and tags. Callers open the transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::columns::{json, query_all, required_stage, stage, unreadable, unsigned};
use super::error::Fault;
use super::points::number;
use super::rows::{KeySummary, MetricKey, RunRow};
use super::{RunId, RunStatus};
use crate::experiment::{EventKind, MadeChange, Stage, changes_made};

/// Columns of `runs` in the order in which [`run_row`] reads them.
pub(super) const RUN_COLUMNS: &str = "id, name, experiment, seed, device, status, stage, step, total, started, \
                           ended, heartbeat, error, note, archived IS NOT NULL, deleted";

pub(super) fn run_row(row: &Row<'_>) -> Result<RunRow, Fault> {
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

/// The steps that have rows in a table.
pub(super) fn steps_of(
    db: &Connection,
    run: RunId,
    table: &str,
) -> Result<Vec<(Stage, u64)>, Fault> {
    let sql = format!("SELECT DISTINCT stage, step FROM {table} WHERE run = ?");
    let mut steps = query_all(db, &sql, [run.0], |row| {
        Ok((required_stage(run, row, 0)?, unsigned(row, 1)?))
    })?;
    steps.sort();
    Ok(steps)
}

/// The metrics of a run, by stage and name.
pub(super) fn keys(db: &Connection, run: RunId) -> Result<Vec<KeySummary>, Fault> {
    let sql = "SELECT stage, name, last, last_step, last_wall, min, max, count, nonfinite
         FROM summary JOIN metric_keys ON metric_keys.id = key WHERE run = ?";
    let mut keys = query_all(db, sql, [run.0], |row| {
        Ok(KeySummary {
            key: MetricKey {
                stage: required_stage(run, row, 0)?,
                name: row.get(1)?,
            },
            last: number(row, 2)?,
            last_step: unsigned(row, 3)?,
            last_wall_ms: row.get(4)?,
            min: row.get(5)?,
            max: row.get(6)?,
            count: unsigned(row, 7)?,
            nonfinite: unsigned(row, 8)?,
        })
    })?;
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(keys)
}

/// All runs that are deleted, or all that are not, the latest first.
pub(super) fn all_rows(db: &Connection, deleted: bool) -> Result<Vec<RunRow>, Fault> {
    let sql =
        format!("SELECT {RUN_COLUMNS} FROM runs WHERE (deleted IS NOT NULL) = ? ORDER BY id DESC");
    let mut runs = query_all(db, &sql, [deleted], run_row)?;
    let mut summaries = last_values(db, None)?;
    let mut tags = tags(db, None)?;
    for run in &mut runs {
        run.summary = summaries.remove(&run.id).unwrap_or_default();
        run.tags = tags.remove(&run.id).unwrap_or_default();
    }
    Ok(runs)
}

/// The last value of each metric, by run.
pub(super) fn last_values(
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

/// The settings changed during a run.
pub(super) fn changes(db: &Connection, run: RunId) -> Result<Vec<MadeChange>, Fault> {
    let sql = "SELECT step, body AS event, stage FROM events
               WHERE run = ? AND kind IN ('control', 'resumed') ORDER BY id";
    let events = query_all(db, sql, [run.0], |row| {
        let kind: EventKind = json(run, row, "event")?;
        Ok((stage(run, row, 2)?, unsigned(row, 0)?, kind))
    })?;
    let events = events
        .iter()
        .map(|(stage, step, kind)| (*stage, *step, kind));
    Ok(changes_made(events))
}

/// The tags of each run, in order.
pub(super) fn tags(
    db: &Connection,
    run: Option<RunId>,
) -> Result<BTreeMap<RunId, Vec<String>>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT run, tag FROM run_tags WHERE ?1 IS NULL OR run = ?1 ORDER BY run, tag",
    )?;
    let mut rows = query.query([run.map(|run| run.0)])?;
    let mut tags: BTreeMap<RunId, Vec<String>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        tags.entry(RunId(row.get(0)?))
            .or_default()
            .push(row.get(1)?);
    }
    Ok(tags)
}
