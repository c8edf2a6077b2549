//! Metric points and their summaries, which always agree with the points.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::RunId;
use super::columns::query_all;
use super::error::Fault;
use crate::experiment::Stage;

/// Writes one value, replacing an earlier one of the same step.
pub(super) fn put(
    db: &Connection,
    run: RunId,
    key: i64,
    step: u64,
    value: f64,
    wall_ms: i64,
) -> Result<(), Fault> {
    let step = step as i64;
    let before: Option<f64> = db
        .prepare_cached("SELECT value FROM points WHERE run = ? AND key = ? AND step = ?")?
        .query_row(params![run.0, key, step], |row| number(row, 0))
        .optional()?;
    let same = |before: f64| before == value || (before.is_nan() && value.is_nan());
    if before.is_some_and(same) {
        return Ok(());
    }
    // SQLite stores NaN as NULL, which reads back as NaN; infinities are stored as they are.
    db.prepare_cached("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)")?
        .execute(params![run.0, key, step, value, wall_ms])?;
    if before.is_some() {
        return summarize(db, run, key);
    }
    let finite = value.is_finite().then_some(value);
    db.prepare_cached(
        "INSERT INTO summary VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7)
         ON CONFLICT (run, key) DO UPDATE SET
            last = CASE WHEN excluded.last_step > last_step THEN excluded.last ELSE last END,
            last_wall = CASE WHEN excluded.last_step > last_step THEN excluded.last_wall
                             ELSE last_wall END,
            last_step = max(last_step, excluded.last_step),
            min = CASE WHEN excluded.min IS NULL THEN min
                       WHEN min IS NULL OR excluded.min < min THEN excluded.min ELSE min END,
            max = CASE WHEN excluded.max IS NULL THEN max
                       WHEN max IS NULL OR excluded.max > max THEN excluded.max ELSE max END,
            count = count + 1,
            nonfinite = nonfinite + excluded.nonfinite",
    )?
    .execute(params![
        run.0,
        key,
        value,
        step,
        wall_ms,
        finite,
        finite.is_none()
    ])?;
    Ok(())
}

/// Recomputes the summary of one key from its points; without points there is none.
fn summarize(db: &Connection, run: RunId, key: i64) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM summary WHERE run = ? AND key = ?")?
        .execute(params![run.0, key])?;
    // A value is finite if it minus itself is 0: NaN is NULL, and infinity minus itself is NULL too.
    db.prepare_cached(
        "INSERT INTO summary
         SELECT run, key, last, step, wall, least, greatest, points, nonfinite
         FROM (SELECT run, key, value AS last, step, wall FROM points
               WHERE run = ?1 AND key = ?2 ORDER BY step DESC LIMIT 1),
              (SELECT min(value) FILTER (WHERE value - value = 0) AS least,
                      max(value) FILTER (WHERE value - value = 0) AS greatest,
                      count(*) AS points,
                      count(*) FILTER (WHERE (value - value = 0) IS NOT TRUE) AS nonfinite
               FROM points WHERE run = ?1 AND key = ?2)",
    )?
    .execute(params![run.0, key])?;
    Ok(())
}

/// The key of a stage's metric, assigned at its first use.
pub(super) fn key(db: &Connection, stage: Stage, name: &str) -> Result<i64, Fault> {
    if let Some(key) = find_key(db, stage, name)? {
        return Ok(key);
    }
    db.prepare_cached("INSERT INTO metric_keys (stage, name) VALUES (?, ?)")?
        .execute(params![stage.key(), name])?;
    Ok(db.last_insert_rowid())
}

pub(super) fn find_key(db: &Connection, stage: Stage, name: &str) -> Result<Option<i64>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM metric_keys WHERE stage = ? AND name = ?")?;
    Ok(query
        .query_row(params![stage.key(), name], |row| row.get(0))
        .optional()?)
}

/// Recomputes the summaries of a stage's metrics.
pub(super) fn summarize_stage(db: &Connection, run: RunId, stage: Stage) -> Result<(), Fault> {
    let sql = "SELECT id FROM metric_keys WHERE stage = ?";
    let keys: Vec<i64> = query_all(db, sql, [stage.key()], |row| Ok(row.get(0)?))?;
    keys.into_iter().try_for_each(|key| summarize(db, run, key))
}

/// A number, where NULL is NaN.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<f64> {
    Ok(row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN))
}
