//! What a run had recorded past the checkpoint that it is resumed from: set aside until the run has passed it.
//!
//! Nobody reads these rows as the run's own. They are brought back if the run is resumed from a checkpoint among
//! them. Callers open the transaction.

use std::cmp::Ordering;
use std::path::PathBuf;

use rusqlite::{Connection, params};

use super::RunId;
use super::checkpoint_rows::checkpoints;
use super::columns::{query_all, required_stage, unsigned};
use super::error::Fault;
use super::points;
use super::rows::{CheckpointRow, SetAside};
use crate::experiment::Stage;

/// Tables whose rows name their stage and step, with their stored columns.
const TABLES: [(&str, &str); 4] = [
    ("samples", "run, stage, step, position, wall, dialogue_json"),
    (
        "rollouts",
        "run, stage, step, position, wall, response_json",
    ),
    ("checkpoints", "run, path, stage, step, bytes, wall"),
    ("events", "run, wall, stage, step, body"),
];

/// People's requests and changes of the status stay where they are; changes of settings belong to the steps that were
/// made with them.
const OF_THE_BRANCH: &str = "(coalesce(body ->> '$.kind', '') NOT IN ('control', 'status')
     OR body -> '$.control.set' IS NOT NULL)";

/// A first and a last step.
type Extent = ((Stage, u64), (Stage, u64));

/// Steps of a stage, both ends included.
#[derive(Clone, Copy)]
struct Steps {
    stage: Stage,
    from: i64,
    to: i64,
}

impl Steps {
    /// Those of them after a step; None: all.
    fn after(self, place: Option<(Stage, u64)>) -> Option<Steps> {
        let Some((stage, step)) = place else {
            return Some(self);
        };
        let from = match self.stage.cmp(&stage) {
            Ordering::Less => return None,
            Ordering::Equal => self.from.max(step as i64 + 1),
            Ordering::Greater => self.from,
        };
        (from <= self.to).then_some(Steps { from, ..self })
    }
}

/// All after a step; None: all there are.
fn after(place: Option<(Stage, u64)>) -> Vec<Steps> {
    let all = Stage::ALL.into_iter().map(|stage| Steps {
        stage,
        from: 0,
        to: i64::MAX,
    });
    all.filter_map(|steps| steps.after(place)).collect()
}

/// All from one step to another.
fn between(first: (Stage, u64), last: (Stage, u64)) -> Vec<Steps> {
    let stages = Stage::ALL.into_iter();
    let within = stages.filter(|stage| (first.0..=last.0).contains(stage));
    let steps = within.map(|stage| Steps {
        stage,
        from: if stage == first.0 { first.1 as i64 } else { 0 },
        to: if stage == last.0 {
            last.1 as i64
        } else {
            i64::MAX
        },
    });
    steps.collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Aside,
    Back,
}

impl Direction {
    /// The tables that rows of `table` move from and to.
    fn names(self, table: &str) -> (String, String) {
        let (own, aside) = (table.to_string(), format!("aside_{table}"));
        match self {
            Direction::Aside => (own, aside),
            Direction::Back => (aside, own),
        }
    }
}

/// Takes a run back to one of its checkpoints (None: to its start). What it had recorded after that is set aside;
/// what was set aside up to there is its own again.
pub(super) fn return_to(
    db: &Connection,
    run: RunId,
    to: Option<(Stage, u64)>,
    from_aside: bool,
) -> Result<(), Fault> {
    let aside = extent(db, run)?;
    if let Some((first, last)) = aside {
        // What another branch has there already stays as it is, so that it can be returned to whole; from the
        // checkpoint of this one, its own steps are repeated exactly.
        let known = between(first, last).into_iter();
        for steps in known.filter_map(|steps| steps.after(to)) {
            remove(db, run, steps)?;
        }
    }
    for steps in after(to) {
        shift(db, run, steps, Direction::Aside)?;
    }
    if let (Some(to), Some((first, _))) = (to, aside)
        && from_aside
    {
        // Of the branch that is left, what the other has too is replaced by it.
        for steps in between(first, to) {
            remove(db, run, steps)?;
            shift(db, run, steps, Direction::Back)?;
        }
    }
    for stage in Stage::ALL {
        points::summarize_stage(db, run, stage)?;
    }
    Ok(())
}

/// Moves rows.
fn shift(db: &Connection, run: RunId, steps: Steps, direction: Direction) -> Result<(), Fault> {
    let Steps { stage, from, to } = steps;
    let range = params![run.0, stage.key(), from, to];
    let within = "run = ?1 AND stage = ?2 AND step BETWEEN ?3 AND ?4";
    let moved = |table: &str, columns: &str, condition: &str| -> Result<(), Fault> {
        let (source, target) = direction.names(table);
        db.execute(
            &format!(
                "INSERT OR IGNORE INTO {target} ({columns})
                 SELECT {columns} FROM {source} WHERE {condition}"
            ),
            range,
        )?;
        Ok(())
    };
    let cleared = |table: &str, condition: &str| -> Result<(), Fault> {
        let (source, _) = direction.names(table);
        db.execute(&format!("DELETE FROM {source} WHERE {condition}"), range)?;
        Ok(())
    };
    let of_stage = "run = ?1 AND key IN (SELECT id FROM metric_keys WHERE stage = ?2)
         AND step BETWEEN ?3 AND ?4";
    moved("points", "run, key, step, value, wall", of_stage)?;
    cleared("points", of_stage)?;
    for (table, columns) in TABLES {
        let condition = match table {
            "events" => format!("{within} AND {OF_THE_BRANCH}"),
            _ => within.to_string(),
        };
        moved(table, columns, &condition)?;
        cleared(table, &condition)?;
    }
    let (results, _) = direction.names("results");
    let of_results = format!(
        "(run, system, split) IN (SELECT run, system, split FROM {results} WHERE {within})"
    );
    moved(
        "results",
        "run, position, system, split, stage, step, wall, n, mean_words, controls_json, held_out_json",
        within,
    )?;
    moved(
        "figures",
        "run, system, split, name, value, low, high",
        &of_results,
    )?;
    // Takes its figures along.
    cleared("results", within)
}

/// Deletes rows of the run itself.
fn remove(db: &Connection, run: RunId, steps: Steps) -> Result<(), Fault> {
    let Steps { stage, from, to } = steps;
    let range = params![run.0, stage.key(), from, to];
    db.execute(
        "DELETE FROM points WHERE run = ?1 AND step BETWEEN ?3 AND ?4
         AND key IN (SELECT id FROM metric_keys WHERE stage = ?2)",
        range,
    )?;
    for table in ["samples", "rollouts", "checkpoints", "results"] {
        db.execute(
            &format!(
                "DELETE FROM {table} WHERE run = ?1 AND stage = ?2 AND step BETWEEN ?3 AND ?4"
            ),
            range,
        )?;
    }
    db.execute(
        &format!(
            "DELETE FROM events WHERE run = ?1 AND stage = ?2 AND step BETWEEN ?3 AND ?4
             AND {OF_THE_BRANCH}"
        ),
        range,
    )?;
    Ok(())
}

/// The first and the last step that are set aside.
fn extent(db: &Connection, run: RunId) -> Result<Option<Extent>, Fault> {
    let sql = "SELECT stage, min(step), max(step) FROM (
            SELECT stage, step FROM aside_points JOIN metric_keys ON id = key WHERE run = ?1
            UNION ALL SELECT stage, step FROM aside_samples WHERE run = ?1
            UNION ALL SELECT stage, step FROM aside_rollouts WHERE run = ?1
            UNION ALL SELECT stage, step FROM aside_checkpoints WHERE run = ?1
            UNION ALL SELECT stage, step FROM aside_events WHERE run = ?1
            UNION ALL SELECT stage, step FROM aside_results WHERE run = ?1
         ) WHERE stage IS NOT NULL GROUP BY stage";
    let mut stages = query_all(db, sql, [run.0], |row| {
        Ok((
            required_stage(run, row, 0)?,
            unsigned(row, 1)?,
            unsigned(row, 2)?,
        ))
    })?;
    stages.sort();
    Ok(match (stages.first(), stages.last()) {
        (Some(&(first, from, _)), Some(&(last, _, to))) => Some(((first, from), (last, to))),
        _ => None,
    })
}

/// What is set aside of a run, if anything is.
pub(super) fn of(db: &Connection, run: RunId) -> Result<Option<SetAside>, Fault> {
    let Some((first, last)) = extent(db, run)? else {
        return Ok(None);
    };
    let checkpoints = checkpoints(db, run, "aside_checkpoints")?;
    Ok(Some(SetAside {
        first,
        last,
        checkpoints,
    }))
}

/// Drops what is set aside once a checkpoint of the run is at its last step or past it. Returns the paths of
/// checkpoints that are then no longer needed.
pub(super) fn drop_if_passed(
    db: &Connection,
    run: RunId,
    at: (Stage, u64),
) -> Result<Vec<PathBuf>, Fault> {
    match extent(db, run)? {
        Some((_, last)) if last <= at => drop_all(db, run),
        _ => Ok(Vec::new()),
    }
}

/// Drops what is set aside. Returns the paths of checkpoints that are then no longer needed.
pub(super) fn drop_all(db: &Connection, run: RunId) -> Result<Vec<PathBuf>, Fault> {
    let own = checkpoints(db, run, "checkpoints")?;
    let aside = checkpoints(db, run, "aside_checkpoints")?;
    for table in [
        "points",
        "samples",
        "rollouts",
        "checkpoints",
        "events",
        "results",
    ] {
        let sql = format!("DELETE FROM aside_{table} WHERE run = ?");
        db.execute(&sql, [run.0])?;
    }
    let unneeded = |row: &CheckpointRow| own.iter().all(|own| own.path != row.path);
    let paths = aside.into_iter().filter(unneeded).map(|row| row.path);
    Ok(paths.collect())
}
