//! What a run reports, row by row, and how it is forgotten when the run goes back.

use std::path::{Component, PathBuf};

use rusqlite::{Connection, params};

use super::columns::{found, severity_key};
use super::error::{Fault, StoreError};
use super::rows::{CheckpointRow, EventRow, EventSort};
use super::step_rows::StepKey;
use super::{RunId, RunStatus, points, results, rollouts, samples};
use crate::experiment::{Report, Stage};

pub(super) fn put_report(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    report: &Report,
) -> Result<(), Fault> {
    match report {
        Report::Stage { stage, total } => {
            stand(db, run, *stage, 0, Some(*total))?;
            let text = total.to_string();
            put_event(db, run, &event(wall_ms, *stage, 0, EventSort::Stage, text))
        }
        Report::StageDone { stage, step } => {
            stand(db, run, *stage, *step, None)?;
            let done = event(wall_ms, *stage, *step, EventSort::StageDone, String::new());
            put_event(db, run, &done)
        }
        Report::Metrics {
            stage,
            step,
            total,
            values,
        } => {
            stand(db, run, *stage, *step, Some(*total))?;
            for (name, value) in values {
                let key = points::key(db, *stage, name)?;
                points::put(db, run, key, *step, *value, wall_ms)?;
            }
            Ok(())
        }
        Report::Samples {
            stage,
            step,
            dialogues,
        } => samples::put(
            db,
            StepKey {
                run,
                stage: *stage,
                step: *step,
            },
            wall_ms,
            dialogues,
        ),
        Report::Rollout {
            stage,
            step,
            responses,
        } => rollouts::put(
            db,
            StepKey {
                run,
                stage: *stage,
                step: *step,
            },
            wall_ms,
            responses,
        ),
        Report::Checkpoint {
            stage,
            step,
            path,
            bytes,
        } => put_checkpoint(
            db,
            run,
            &CheckpointRow {
                stage: *stage,
                step: *step,
                path: path.clone(),
                bytes: *bytes,
                wall_ms,
            },
        ),
        Report::Note {
            stage,
            step,
            severity,
            text,
        } => {
            let mut note = event(wall_ms, *stage, *step, EventSort::Note, text.clone());
            note.severity = Some(*severity);
            put_event(db, run, &note)
        }
        Report::Identifiers { .. } => Ok(()),
        Report::Results { system } => results::put(db, run, wall_ms, system),
    }
}

/// Notes where the run stands.
fn stand(
    db: &Connection,
    run: RunId,
    stage: Stage,
    step: u64,
    total: Option<u64>,
) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE runs SET stage = ?, step = ?, total = coalesce(?, total) WHERE id = ?",
    )?
    .execute(params![
        stage.key(),
        step as i64,
        total.map(|total| total as i64),
        run.0
    ])?;
    Ok(())
}

fn event(wall_ms: i64, stage: Stage, step: u64, sort: EventSort, text: String) -> EventRow {
    EventRow {
        wall_ms,
        stage: Some(stage),
        step,
        sort,
        severity: None,
        text,
    }
}

fn put_event(db: &Connection, run: RunId, event: &EventRow) -> Result<(), Fault> {
    let severity = event.severity.map(severity_key);
    db.prepare_cached(
        "INSERT INTO events (run, wall, stage, step, sort, severity, text)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        run.0,
        event.wall_ms,
        event.stage.map(Stage::key),
        event.step as i64,
        event.sort.key(),
        severity,
        event.text
    ])?;
    Ok(())
}

/// An event at the stage and step where the run stands.
pub(super) fn put_event_here(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    sort: EventSort,
    text: &str,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO events (run, wall, stage, step, sort, text)
         SELECT id, ?2, stage, step, ?3, ?4 FROM runs WHERE id = ?1",
    )?
    .execute(params![run.0, wall_ms, sort.key(), text])?;
    Ok(())
}

pub(super) fn put_status(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    status: RunStatus,
) -> Result<(), Fault> {
    put_event_here(db, run, wall_ms, EventSort::Status, status.key())
}

fn put_checkpoint(db: &Connection, run: RunId, row: &CheckpointRow) -> Result<(), Fault> {
    let outside = || StoreError::OutsideRun {
        path: row.path.clone(),
    };
    let below = row
        .path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let path = row
        .path
        .to_str()
        .filter(|path| below && !path.is_empty())
        .ok_or_else(outside)?;
    db.prepare_cached("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            run.0,
            path,
            row.stage.key(),
            row.step as i64,
            row.bytes as i64,
            row.wall_ms
        ])?;
    Ok(())
}

/// Forgets what comes after; gives the paths of the checkpoints that remain.
pub(super) fn truncate(
    db: &Connection,
    run: RunId,
    to: Option<(Stage, u64)>,
) -> Result<Vec<PathBuf>, Fault> {
    // The beginning of a run is the beginning of its first stage, before any step.
    let (stage, step) = to.unwrap_or((Stage::ALL[0], 0));
    let later: Vec<Stage> = Stage::ALL.into_iter().filter(|s| *s > stage).collect();
    let kept = if to.is_some() { step as i64 } else { -1 };
    points::truncate_after(db, run, stage, kept, &later)?;

    let bounds = later
        .iter()
        .map(|stage| (*stage, -1))
        .chain([(stage, kept)]);
    for (of, kept) in bounds {
        let after = params![run.0, of.key(), kept];
        for table in ["checkpoints", "samples", "rollouts", "results"] {
            db.execute(
                &format!("DELETE FROM {table} WHERE run = ? AND stage = ? AND step > ?"),
                after,
            )?;
        }
        db.execute(
            "DELETE FROM events WHERE run = ? AND stage = ? AND step > ?
             AND sort IN ('stage', 'stage_done', 'note')",
            after,
        )?;
    }
    let changed = db.execute(
        "UPDATE runs SET total = iif(stage IS ?2, total, 0), stage = ?2, step = ?3 WHERE id = ?1",
        params![
            run.0,
            to.map(|(stage, _)| stage.key()),
            if to.is_some() { step as i64 } else { 0 }
        ],
    )?;
    found(db, run, changed)?;
    let mut query = db.prepare_cached("SELECT path FROM checkpoints WHERE run = ?")?;
    let paths = query.query_map([run.0], |row| row.get::<_, String>(0))?;
    Ok(paths
        .map(|path| path.map(PathBuf::from))
        .collect::<Result<_, _>>()?)
}
