//! A run's result table as stored rows: one for each system and split, one for each figure.

use rusqlite::{Connection, params};

use super::RunId;
use super::error::Fault;
use super::points::number;
use crate::metrics::{Estimate, SystemResults, Truncation};

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
    db.execute(
        "INSERT INTO results
         SELECT id, ?2, ?3, ?4, stage, step, ?5, ?6, ?7 FROM runs WHERE id = ?1",
        params![
            run.0,
            position,
            results.system,
            results.split,
            wall_ms,
            results.n as i64,
            results.mean_words
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

/// The result table, in the order in which systems were first reported.
pub(super) fn all(db: &Connection, run: RunId) -> Result<Vec<SystemResults>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT system, split, n, mean_words FROM results WHERE run = ? ORDER BY position",
    )?;
    let mut rows = query.query([run.0])?;
    let mut results = Vec::new();
    while let Some(row) = rows.next()? {
        let (system, split): (String, String) = (row.get(0)?, row.get(1)?);
        let figure = |name: &str| -> Result<Option<Estimate>, Fault> {
            let mut query = db.prepare_cached(
                "SELECT value, low, high FROM figures
                 WHERE run = ? AND system = ? AND split = ? AND name = ?",
            )?;
            let mut rows = query.query(params![run.0, system, split, name])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            Ok(Some(Estimate {
                value: number(row, 0)?,
                low: number(row, 1)?,
                high: number(row, 2)?,
            }))
        };
        let required = |name: &str| -> Result<Estimate, Fault> {
            figure(name)?.ok_or_else(|| {
                let place = format!("the results of run {run}, {system}, {split}");
                Fault::Unreadable(place, format!("{name} is missing"))
            })
        };
        let mechanisms = [
            figure(MECHANISM_F1[0])?,
            figure(MECHANISM_F1[1])?,
            figure(MECHANISM_F1[2])?,
        ];
        results.push(SystemResults {
            ppl: figure("ppl")?,
            ppl_hf: figure("ppl_hf")?,
            dist_1: required("dist_1")?,
            dist_2: required("dist_2")?,
            emp_f1: figure("emp_f1")?,
            mechanism_f1: match mechanisms {
                [Some(a), Some(b), Some(c)] => Some([a, b, c]),
                _ => None,
            },
            n: row.get::<_, i64>(2)? as u64,
            mean_words: number(row, 3)?,
            truncation: truncation(&figure)?,
            system,
            split,
        });
    }
    Ok(results)
}

/// Names of what the identifiers did not read: two limits in tokens, two shares and perhaps a third.
const LIMITS: [&str; 2] = ["max_context", "max_response"];
const TRUNCATED: [&str; 3] = [
    "truncated_contexts",
    "truncated_responses",
    "truncated_targets",
];

fn truncation(
    figure: &impl Fn(&str) -> Result<Option<Estimate>, Fault>,
) -> Result<Option<Truncation>, Fault> {
    let value = |name: &str| Ok::<_, Fault>(figure(name)?.map(|figure| figure.value));
    let limits = LIMITS.map(value);
    let shares = TRUNCATED.map(value);
    let [max_context, max_response] = limits;
    let [contexts, responses, targets] = shares;
    let targets = targets?;
    Ok(match (max_context?, max_response?, contexts?, responses?) {
        (Some(max_context), Some(max_response), Some(contexts), Some(responses)) => {
            Some(Truncation {
                max_context: max_context as u64,
                max_response: max_response as u64,
                contexts,
                responses,
                targets,
            })
        }
        _ => None,
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

const MECHANISM_F1: [&str; 3] = [
    "emotional_reaction_f1",
    "interpretation_f1",
    "exploration_f1",
];

fn figures(results: &SystemResults) -> Vec<(&'static str, &Estimate)> {
    let mut figures = vec![("dist_1", &results.dist_1), ("dist_2", &results.dist_2)];
    figures.extend(results.ppl.iter().map(|figure| ("ppl", figure)));
    figures.extend(results.ppl_hf.iter().map(|figure| ("ppl_hf", figure)));
    figures.extend(results.emp_f1.iter().map(|figure| ("emp_f1", figure)));
    if let Some(by_mechanism) = &results.mechanism_f1 {
        figures.extend(MECHANISM_F1.into_iter().zip(by_mechanism));
    }
    figures
}
