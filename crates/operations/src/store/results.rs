//! A run's result table as stored rows: one for each system and split, one for each figure.

use std::collections::BTreeSet;

use rusqlite::{CachedStatement, Connection, params};
use serde::de::DeserializeOwned;

use super::by_run::{self, ByRun, Runs};
use super::columns::to_json;
use super::error::Fault;
use super::points::number;
use super::{Names, RunId};
use crate::metrics::{Controls, Estimate, HeldOut, SystemResults, Truncation};

/// Replaces the row of this system and split.
pub(super) fn put(
    db: &Connection,
    run: RunId,
    wall_ms: i64,
    results: &SystemResults,
) -> Result<(), Fault> {
    let id = params![run.0, results.system, results.split];
    let position: i64 = db.query_row(
        "SELECT coalesce((SELECT position FROM results WHERE run = ?1 AND system = ?2 AND split = ?3),
                         (SELECT max(position) + 1 FROM results WHERE run = ?1), 0)",
        id,
        |row| row.get(0),
    )?;
    db.execute(
        "DELETE FROM results WHERE run = ? AND system = ? AND split = ?",
        id,
    )?;
    let controls = results.controls.as_ref();
    let controls = controls.map(|controls| to_json("the controls", controls));
    let held_out = results.held_out.as_ref();
    let held_out = held_out.map(|held_out| to_json("what the auditors found", held_out));
    db.execute(
        "INSERT INTO results (run, position, system, split, stage, step, wall, n, mean_words, controls_json,
                              held_out_json)
         SELECT id, ?2, ?3, ?4, stage, step, ?5, ?6, ?7, ?8, ?9 FROM runs WHERE id = ?1",
        params![
            run.0,
            position,
            results.system,
            results.split,
            wall_ms,
            results.n as i64,
            results.mean_words,
            controls.transpose()?,
            held_out.transpose()?
        ],
    )?;
    let mut insert = db.prepare_cached("INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    let truncated = results.truncation.as_ref().map(truncation_figures);
    let truncated = truncated
        .iter()
        .flatten()
        .map(|(name, figure)| (*name, figure));
    for (name, figure) in figures(results).into_iter().chain(truncated) {
        insert.execute(params![
            run.0,
            results.system,
            results.split,
            name,
            figure.value,
            figure.low,
            figure.high
        ])?;
    }
    Ok(())
}

/// The result table of one run.
pub(super) fn all(db: &Connection, run: RunId) -> Result<Vec<SystemResults>, Fault> {
    let runs = Runs::One(run);
    let [mut rows, mut figures] = prepare(db, runs, &Names::All, true)?;
    read(
        &mut ByRun::new(&mut rows, runs)?,
        &mut ByRun::new(&mut figures, runs)?,
        run,
    )
}

/// Prepares reading rows of result tables and these of their figures, with those that no result is without; their
/// controls and what auditors found, which take longer than all the rest, only where they are asked for.
pub(super) fn prepare<'db>(
    db: &'db Connection,
    runs: Runs,
    figures: &Names,
    controls: bool,
) -> rusqlite::Result<[CachedStatement<'db>; 2]> {
    let controls = match controls {
        true => "controls_json, held_out_json",
        false => "NULL, NULL",
    };
    let rows = format!("position, system, split, n, mean_words, {controls}");
    let condition = match figures {
        Names::All => "true".to_string(),
        Names::These(names) => {
            let read = REQUIRED.into_iter().chain(figures_of(names));
            let read: Vec<String> = read.map(|name| format!("'{name}'")).collect();
            format!("name IN ({})", read.join(", "))
        }
    };
    let prepare = |columns: &str, from, condition: &str| {
        by_run::prepare(db, runs, columns, from, condition, "system, split")
    };
    Ok([
        prepare(&rows, "results", "true")?,
        prepare(
            "system, split, name, value, low, high",
            "figures",
            &condition,
        )?,
    ])
}

/// The stored figures that have these names; those of the mechanisms are read together, and both EAD.
fn figures_of(names: &BTreeSet<String>) -> impl Iterator<Item = &'static str> + '_ {
    let is_asked = |name: &str| names.contains(name);
    let any_mechanism = MECHANISM_F1.into_iter().any(is_asked);
    let mechanisms = any_mechanism.then_some(MECHANISM_F1);
    let ead = EAD.into_iter().any(is_asked).then_some(EAD);
    let all = NAMES.into_iter().flatten().copied();
    let others = all.filter(move |name| is_asked(name));
    let together = mechanisms.into_iter().flatten();
    others.chain(together).chain(ead.into_iter().flatten())
}

/// A row of `results`, still without its figures.
struct Reported {
    position: i64,
    system: String,
    split: String,
    n: u64,
    mean_words: f64,
    controls: Option<Controls>,
    held_out: Option<HeldOut>,
}

/// The result table, in the order in which systems were first reported.
pub(super) fn read(
    rows: &mut ByRun<'_>,
    figures: &mut ByRun<'_>,
    run: RunId,
) -> Result<Vec<SystemResults>, Fault> {
    let mut rows = rows.of(run, |row| {
        let of: (String, String) = (row.get(2)?, row.get(3)?);
        Ok(Reported {
            position: row.get(1)?,
            controls: json(run, "controls", &of, row.get(6)?)?,
            held_out: json(run, "auditors' figures", &of, row.get(7)?)?,
            n: row.get::<_, i64>(4)? as u64,
            mean_words: number(row, 5)?,
            system: of.0,
            split: of.1,
        })
    })?;
    rows.sort_by_key(|row| row.position);
    // Of a store of many runs there are hundreds of thousands: their texts are compared where they lie.
    let figures = figures.of(run, |row| {
        let text = |column| {
            let value = row.get_ref(column)?;
            Ok::<_, Fault>(value.as_str().map_err(rusqlite::Error::from)?)
        };
        let (system, split, name) = (text(1)?, text(2)?, text(3)?);
        let place = rows
            .iter()
            .position(|row| row.system == system && row.split == split);
        let name = NAMES.into_iter().flatten().find(|known| **known == name);
        let figure = Estimate {
            value: number(row, 4)?,
            low: number(row, 5)?,
            high: number(row, 6)?,
        };
        Ok((place, name.copied(), figure))
    })?;
    let results = rows.into_iter().enumerate().map(|(place, row)| {
        let figure = |name: &str| {
            let mut own = figures.iter().filter(|(other, ..)| *other == Some(place));
            own.find(|(_, known, _)| *known == Some(name))
                .map(|(.., figure)| *figure)
        };
        let required = |name: &str| {
            figure(name).ok_or_else(|| {
                let place = format!("the results of run {run}, {}, {}", row.system, row.split);
                Fault::Unreadable(place, format!("{name} is missing"))
            })
        };
        let mechanisms = MECHANISM_F1.map(figure);
        Ok(SystemResults {
            ppl: figure("ppl"),
            ppl_hf: figure("ppl_hf"),
            dist_1: required(REQUIRED[0])?,
            dist_2: required(REQUIRED[1])?,
            ead: figure(EAD[0])
                .zip(figure(EAD[1]))
                .map(<[Estimate; 2]>::from),
            emp_f1: figure("emp_f1"),
            mechanism_f1: match mechanisms {
                [Some(a), Some(b), Some(c)] => Some([a, b, c]),
                _ => None,
            },
            n: row.n,
            mean_words: row.mean_words,
            truncation: truncation(figure),
            controls: row.controls,
            held_out: row.held_out,
            // A run's own responses are never tokens from elsewhere.
            as_imported: None,
            system: row.system,
            split: row.split,
        })
    });
    results.collect()
}

/// A part of a system's row that is stored as JSON; NULL where there is none.
fn json<T: DeserializeOwned>(
    run: RunId,
    what: &str,
    (system, split): &(String, String),
    json: Option<String>,
) -> Result<Option<T>, Fault> {
    let Some(json) = json else {
        return Ok(None);
    };
    let unreadable = |error: serde_json::Error| {
        let place = format!("the {what} of run {run}, {system}, {split}");
        Fault::Unreadable(place, error.to_string())
    };
    serde_json::from_str(&json).map_err(unreadable)
}

/// Names of what the identifiers did not read: two limits in tokens, two shares and perhaps a third.
const LIMITS: [&str; 2] = ["max_context", "max_response"];
const TRUNCATED: [&str; 3] = [
    "truncated_contexts",
    "truncated_responses",
    "truncated_targets",
];

fn truncation(figure: impl Fn(&str) -> Option<Estimate>) -> Option<Truncation> {
    let value = |name: &str| figure(name).map(|figure| figure.value);
    let ([max_context, max_response], [contexts, responses, targets]) =
        (LIMITS.map(value), TRUNCATED.map(value));
    Some(Truncation {
        max_context: max_context? as u64,
        max_response: max_response? as u64,
        contexts: contexts?,
        responses: responses?,
        targets,
    })
}

/// The same as figures, each its own interval.
fn truncation_figures(truncation: &Truncation) -> Vec<(&'static str, Estimate)> {
    let limits = [truncation.max_context, truncation.max_response];
    let limits = LIMITS.into_iter().zip(limits.map(|limit| limit as f64));
    let shares = [truncation.contexts, truncation.responses]
        .into_iter()
        .chain(truncation.targets);
    let all = limits.chain(TRUNCATED.into_iter().zip(shares));
    let exact = |value| Estimate {
        value,
        low: value,
        high: value,
    };
    all.map(|(name, value)| (name, exact(value))).collect()
}

/// Figures of every result.
const REQUIRED: [&str; 2] = ["dist_1", "dist_2"];

/// The names of all figures.
const NAMES: [&[&str]; 5] = [
    &["ppl", "ppl_hf", "dist_1", "dist_2", "emp_f1"],
    &EAD,
    &MECHANISM_F1,
    &LIMITS,
    &TRUNCATED,
];

const EAD: [&str; 2] = ["ead_1", "ead_2"];

const MECHANISM_F1: [&str; 3] = [
    "emotional_reaction_f1",
    "interpretation_f1",
    "exploration_f1",
];

fn figures(results: &SystemResults) -> Vec<(&'static str, &Estimate)> {
    let mut figures = vec![("dist_1", &results.dist_1), ("dist_2", &results.dist_2)];
    figures.extend(results.ppl.iter().map(|figure| ("ppl", figure)));
    figures.extend(results.ppl_hf.iter().map(|figure| ("ppl_hf", figure)));
    figures.extend(EAD.into_iter().zip(results.ead.iter().flatten()));
    figures.extend(results.emp_f1.iter().map(|figure| ("emp_f1", figure)));
    if let Some(by_mechanism) = &results.mechanism_f1 {
        figures.extend(MECHANISM_F1.into_iter().zip(by_mechanism));
    }
    figures
}
