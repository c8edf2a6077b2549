//! Sample dialogues and results as they are kept in rows, non-finite numbers included.

use rusqlite::{Connection, Row, params};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::RunId;
use super::error::Fault;
use super::points::number;
use super::reader::{needed_stage, unsigned};
use crate::data::{EmpathyLevel, Mechanism};
use crate::experiment::{SampleDialogue, SampleLevel, Stage};
use crate::metrics::{Estimate, SystemResults};

/// Writes the dialogues of a step in place of what was there.
pub(super) fn put(
    db: &Connection,
    run: RunId,
    stage: Stage,
    step: u64,
    wall_ms: i64,
    dialogues: &[SampleDialogue],
) -> Result<(), Fault> {
    let step = step as i64;
    db.prepare_cached("DELETE FROM samples WHERE run = ? AND stage = ? AND step = ?")?
        .execute(params![run.0, stage.key(), step])?;
    let mut insert = db.prepare_cached("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)")?;
    for (position, dialogue) in dialogues.iter().enumerate() {
        let json = serde_json::to_string(&StoredDialogue::from(dialogue.clone()))
            .map_err(|error| Fault::Unreadable("a sample dialogue".into(), error.to_string()))?;
        insert.execute(params![
            run.0,
            stage.key(),
            step,
            position as i64,
            wall_ms,
            json
        ])?;
    }
    Ok(())
}

/// The dialogues of a step.
pub(super) fn at(
    db: &Connection,
    run: RunId,
    stage: Stage,
    step: u64,
) -> Result<Vec<SampleDialogue>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT dialogue_json FROM samples WHERE run = ? AND stage = ? AND step = ?
         ORDER BY position",
    )?;
    let mut rows = query.query(params![run.0, stage.key(), step as i64])?;
    let mut dialogues = Vec::new();
    while let Some(row) = rows.next()? {
        dialogues.push(dialogue(row, 0, run, (stage, step))?);
    }
    Ok(dialogues)
}

/// The dialogue at a place of the fixed list, at every step at which it was answered, in order.
pub(super) fn over_steps(
    db: &Connection,
    run: RunId,
    position: u32,
) -> Result<Vec<(Stage, u64, SampleDialogue)>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT stage, step, dialogue_json FROM samples WHERE run = ? AND position = ?",
    )?;
    let mut rows = query.query(params![run.0, position])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let at = (needed_stage(run, row, 0)?, unsigned(row, 1)?);
        found.push((at.0, at.1, dialogue(row, 2, run, at)?));
    }
    found.sort_by_key(|(stage, step, _)| (*stage, *step));
    Ok(found)
}

fn dialogue(
    row: &Row<'_>,
    column: usize,
    run: RunId,
    (stage, step): (Stage, u64),
) -> Result<SampleDialogue, Fault> {
    let json = row.get_ref(column)?;
    let stored: StoredDialogue =
        serde_json::from_str(json.as_str().map_err(rusqlite::Error::from)?).map_err(|error| {
            let place = format!("a sample dialogue of run {run}, {stage}, step {step}");
            Fault::Unreadable(place, error.to_string())
        })?;
    Ok(stored.into())
}

/// Writes a row of the result table in place of the one of the same system and split.
pub(super) fn put_results(
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
    for (name, figure) in figures(results) {
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

/// The result table of a run, in the order in which systems were first reported.
pub(super) fn results(db: &Connection, run: RunId) -> Result<Vec<SystemResults>, Fault> {
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
        let needed = |name: &str| -> Result<Estimate, Fault> {
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
            dist_1: needed("dist_1")?,
            dist_2: needed("dist_2")?,
            emp_f1: figure("emp_f1")?,
            mechanism_f1: match mechanisms {
                [Some(a), Some(b), Some(c)] => Some([a, b, c]),
                _ => None,
            },
            n: row.get::<_, i64>(2)? as u64,
            mean_words: number(row, 3)?,
            system,
            split,
        });
    }
    Ok(results)
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

/// [`SampleDialogue`] as it is kept.
#[derive(Serialize, Deserialize)]
struct StoredDialogue {
    index: u32,
    emotion: String,
    situation: String,
    context: Vec<String>,
    target: String,
    generated: String,
    levels: Vec<StoredLevel>,
    reward: Option<Number>,
}

#[derive(Serialize, Deserialize)]
struct StoredLevel {
    mechanism: Mechanism,
    target: EmpathyLevel,
    generated: EmpathyLevel,
    reward: Number,
}

/// A number in JSON, which has no word for non-finite ones: those are kept as text.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.serialize_str(&self.0.to_string())
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Number(number)),
            Either::Text(text) => text.parse().map(Number).map_err(D::Error::custom),
        }
    }
}

impl From<SampleDialogue> for StoredDialogue {
    fn from(dialogue: SampleDialogue) -> Self {
        StoredDialogue {
            index: dialogue.index,
            emotion: dialogue.emotion,
            situation: dialogue.situation,
            context: dialogue.context,
            target: dialogue.target,
            generated: dialogue.generated,
            levels: dialogue
                .levels
                .into_iter()
                .map(|level| StoredLevel {
                    mechanism: level.mechanism,
                    target: level.target,
                    generated: level.generated,
                    reward: Number(level.reward),
                })
                .collect(),
            reward: dialogue.reward.map(Number),
        }
    }
}

impl From<StoredDialogue> for SampleDialogue {
    fn from(stored: StoredDialogue) -> Self {
        SampleDialogue {
            index: stored.index,
            emotion: stored.emotion,
            situation: stored.situation,
            context: stored.context,
            target: stored.target,
            generated: stored.generated,
            levels: stored
                .levels
                .into_iter()
                .map(|level| SampleLevel {
                    mechanism: level.mechanism,
                    target: level.target,
                    generated: level.generated,
                    reward: level.reward.0,
                })
                .collect(),
            reward: stored.reward.map(|reward| reward.0),
        }
    }
}
