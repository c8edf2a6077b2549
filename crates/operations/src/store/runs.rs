//! Rows of the table of runs, with their metrics and tags. Callers open the transaction.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use super::by_run::{self, ByRun, Runs};
use super::columns::{json, no_run, query_all, required_stage, stage, unreadable, unsigned};
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

/// The same for a list: a row of which something cannot be read is damaged, with what can be read.
pub(super) fn listed_row(row: &Row<'_>) -> Result<RunRow, Fault> {
    let fault = match run_row(row) {
        Err(fault) if fault.is_of_a_row() => fault,
        read => return read,
    };
    let id = RunId(row.get(0)?);
    let text = |column| row.get::<_, String>(column).unwrap_or_default();
    let number = |column| row.get::<_, i64>(column).unwrap_or_default();
    let why = match &fault {
        Fault::Unreadable(..) => fault.words(),
        other => format!("run {id}: {}", other.words()),
    };
    Ok(RunRow {
        id,
        name: text(1),
        experiment: text(2),
        seed: number(3) as u64,
        device: text(4),
        status: RunStatus::Damaged,
        stage: stage(id, row, 6).ok().flatten(),
        step: number(7) as u64,
        total: number(8) as u64,
        started: number(9),
        ended: row.get(10).unwrap_or_default(),
        heartbeat: number(11),
        error: Some(why),
        note: text(13),
        tags: Vec::new(),
        archived: row.get(14)?,
        deleted: row.get(15).unwrap_or_default(),
        summary: BTreeMap::new(),
    })
}

/// The settings of a run, as TOML.
pub(super) fn settings(db: &Connection, run: RunId) -> Result<String, Fault> {
    let mut query = db.prepare_cached("SELECT config_toml FROM runs WHERE id = ?")?;
    let text = query.query_row([run.0], |row| row.get(0)).optional()?;
    text.ok_or_else(|| no_run(db, run))
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
        let key = MetricKey {
            stage: required_stage(run, row, 0)?,
            name: row.get(1)?,
        };
        summary_row(key, row, 2)
    })?;
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(keys)
}

/// A metric's summary, from this column on.
pub(super) fn summary_row(
    key: MetricKey,
    row: &Row<'_>,
    first: usize,
) -> Result<KeySummary, Fault> {
    Ok(KeySummary {
        key,
        last: number(row, first)?,
        last_step: unsigned(row, first + 1)?,
        last_wall_ms: row.get(first + 2)?,
        min: row.get(first + 3)?,
        max: row.get(first + 4)?,
        count: unsigned(row, first + 5)?,
        nonfinite: unsigned(row, first + 6)?,
    })
}

/// The last value of each metric; the later one's if two stages log it.
pub(super) fn last_of(keys: &[KeySummary]) -> BTreeMap<String, f64> {
    let mut latest: BTreeMap<&str, &KeySummary> = BTreeMap::new();
    for key in keys {
        let of = latest.entry(&key.key.name).or_insert(key);
        if key.last_wall_ms >= of.last_wall_ms {
            *of = key;
        }
    }
    let latest = latest.into_iter();
    latest
        .map(|(name, key)| (name.to_string(), key.last))
        .collect()
}

/// Prepares reading the settings changed during runs.
pub(super) fn changes_of(db: &Connection, runs: Runs) -> rusqlite::Result<CachedStatement<'_>> {
    let columns = "step, body AS event, stage";
    let kinds = "kind IN ('control', 'resumed')";
    by_run::prepare(db, runs, columns, "events", kinds, "id")
}

/// The settings changed during a run.
pub(super) fn read_changes(rows: &mut ByRun<'_>, run: RunId) -> Result<Vec<MadeChange>, Fault> {
    let events = rows.of(run, |row| {
        let kind: EventKind = json(run, row, "event")?;
        Ok((stage(run, row, 3)?, unsigned(row, 1)?, kind))
    })?;
    let events = events
        .iter()
        .map(|(stage, step, kind)| (*stage, *step, kind));
    Ok(changes_made(events))
}
