//! Writes a run's reports, and takes a run back to a checkpoint.

use std::path::Component;

use rusqlite::{Connection, params};

use super::columns::{require_changed, to_json};
use super::error::{Fault, StoreError};
use super::rows::CheckpointRow;
use super::step_rows::StepKey;
use super::{RunId, aside, points, results, rollouts, samples};
use crate::experiment::{EventKind, Report, RunStatus, Stage};

pub(super) fn put_report(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    report: &Report,
) -> Result<(), Fault> {
    match report {
        Report::Event { at, kind } => match (kind, at) {
            (EventKind::Checkpoint { path, bytes }, Some((stage, step))) => {
                let row = CheckpointRow {
                    stage: *stage,
                    step: *step,
                    path: path.clone(),
                    bytes: *bytes,
                    wall_ms,
                };
                put_checkpoint(db, run, &row)
            }
            (EventKind::Status { status }, _) => set_status(db, run, wall_ms, *status, None),
            (EventKind::StageBegun { total }, Some((stage, step))) => {
                set_position(db, run, *stage, *step, Some(*total))?;
                put_event(db, run, wall_ms, *at, kind)
            }
            (EventKind::StageDone, Some((stage, step))) => {
                set_position(db, run, *stage, *step, None)?;
                put_event(db, run, wall_ms, *at, kind)
            }
            _ => put_event(db, run, wall_ms, *at, kind),
        },
        Report::Metrics {
            stage,
            step,
            total,
            values,
        } => {
            set_position(db, run, *stage, *step, Some(*total))?;
            for (name, value) in values {
                let key = points::key(db, *stage, name)?;
                points::put(db, run, key, *step, *value, wall_ms)?;
            }
            Ok(())
        }
        &Report::Samples {
            stage,
            step,
            ref dialogues,
        } => samples::put(db, StepKey { run, stage, step }, wall_ms, dialogues),
        &Report::Rollout {
            stage,
            step,
            ref responses,
        } => rollouts::put(db, StepKey { run, stage, step }, wall_ms, responses),
        Report::Identifiers { .. } => Ok(()),
        Report::Results { system } => results::put(db, run, wall_ms, system),
    }
}

/// Records the run's current stage and step.
fn set_position(
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

/// Records an event at a stage and step; None: the run's current ones.
pub(super) fn put_event(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    at: Option<(Stage, u64)>,
    kind: &EventKind,
) -> Result<(), Fault> {
    let body = to_json("an event", kind)?;
    let (stage, step) = at.unzip();
    db.prepare_cached(
        "INSERT INTO events (run, wall, stage, step, body)
         SELECT id, ?2, coalesce(?3, stage), coalesce(?4, step), ?5 FROM runs WHERE id = ?1",
    )?
    .execute(params![
        run.0,
        wall_ms,
        stage.map(Stage::key),
        step.map(|step| step as i64),
        body
    ])?;
    Ok(())
}

/// Records a change of the status as an event.
pub(super) fn put_status(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    status: RunStatus,
) -> Result<(), Fault> {
    put_event(db, run, wall_ms, None, &EventKind::Status { status })
}

/// Changes the status, with the error if the run failed.
pub(super) fn set_status(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    status: RunStatus,
    error: Option<&str>,
) -> Result<(), Fault> {
    let ended = (!status.is_active()).then_some(wall_ms);
    db.prepare_cached("UPDATE runs SET status = ?, error = ?, ended = ? WHERE id = ?")?
        .execute(params![status.key(), error, ended, run.0])?;
    put_status(db, run, wall_ms, status)
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
    // Its folder has taken the place of one that is set aside.
    db.prepare_cached("DELETE FROM aside_checkpoints WHERE run = ? AND path = ?")?
        .execute(params![run.0, path])?;
    Ok(())
}

/// Takes a run back to one of its checkpoints (None: to its start); see [`aside::return_to`].
pub(super) fn return_to(
    db: &Connection,
    run: RunId,
    to: Option<(Stage, u64)>,
    from_aside: bool,
) -> Result<(), Fault> {
    aside::return_to(db, run, to, from_aside)?;
    let (stage, step) = to.unzip();
    let changed = db.execute(
        "UPDATE runs SET total = iif(stage IS ?2, total, 0), stage = ?2, step = ?3 WHERE id = ?1",
        params![run.0, stage.map(Stage::key), step.unwrap_or(0) as i64],
    )?;
    require_changed(db, run, changed)
}
