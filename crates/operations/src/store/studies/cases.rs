//! Scores of systems' responses, pinned cases, and all cases with their answers.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::parse;
use super::systems::{context_id, contexts, no_system, system_id};
use crate::data::EmpathyLevel;
use crate::metrics::SystemResults;
use crate::store::columns::{query_all, to_json};
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::reader::StoreReader;
use crate::store::writer::Store;
use crate::study::cases::{AnswerLevels, Case, CaseAnswer, CaseSet, Levels};
use crate::study::contexts::ContextKey;
use crate::study::display::shown;

/// A system's automatic metrics, and the levels that Emp-F1 is computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemScore {
    pub results: SystemResults,
    /// A description of the identifiers; None if none were used.
    pub identifiers: Option<String>,
    /// Levels by the answer's position; None keeps those in the store.
    pub levels: Option<Vec<(usize, AnswerLevels)>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredSystem {
    pub system: String,
    /// The identifiers behind Emp-F1; None if it was not measured.
    pub identifiers: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub scored_ms: i64,
    pub results: SystemResults,
}

impl Store {
    /// Replaces a system's metrics and levels.
    pub fn put_score(&mut self, system: &str, score: &SystemScore) -> Result<(), StoreError> {
        self.write(|db| {
            let id = system_id(db, system)?.ok_or_else(|| no_system(db, system))?;
            db.execute(
                "INSERT OR REPLACE INTO system_scores VALUES (?, ?, ?, ?)",
                params![
                    id.0,
                    score.identifiers,
                    now_ms(),
                    to_json("the results", &score.results)?
                ],
            )?;
            let Some(all) = &score.levels else {
                return Ok(());
            };
            db.execute("DELETE FROM response_levels WHERE system = ?", [id.0])?;
            for (position, levels) in all {
                db.prepare_cached("INSERT INTO response_levels VALUES (?, ?, ?, ?)")?
                    .execute(params![
                        id.0,
                        *position as i64,
                        digits(levels.response),
                        levels.target.map_or_else(String::new, digits)
                    ])?;
            }
            Ok(())
        })
    }

    /// Pins a case, replacing its note; None removes the pin.
    pub fn set_pin(&mut self, case: &ContextKey, note: Option<&str>) -> Result<(), StoreError> {
        self.write(|db| {
            let id = context_id(db, case)?.ok_or_else(|| StoreError::NoCase { case: case.clone() })?;
            match note {
                Some(note) => db.execute(
                    "INSERT INTO pins VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET note = excluded.note",
                    params![id, now_ms(), note],
                )?,
                None => db.execute("DELETE FROM pins WHERE context = ?", [id])?,
            };
            Ok(())
        })
    }
}

impl StoreReader {
    /// The scored systems, by name.
    pub fn scores(&self) -> Result<Vec<ScoredSystem>, StoreError> {
        let sql = "SELECT name, identifiers, scored, results_json FROM system_scores
             JOIN systems ON id = system ORDER BY name COLLATE NOCASE";
        let score = |row: &Row<'_>| {
            let system: String = row.get(0)?;
            Ok(ScoredSystem {
                identifiers: row.get(1)?,
                scored_ms: row.get(2)?,
                results: parse(&format!("scores of {system}"), &row.get::<_, String>(3)?)?,
                system,
            })
        };
        self.read(|db| query_all(db, sql, [], score))
    }

    /// All cases with all systems' answers, except those in studies that are still blind: an annotator could
    /// look up whose answers they judge.
    pub fn cases(&self) -> Result<CaseSet, StoreError> {
        self.read(|db| {
            let sql = "SELECT name, id, tokenized FROM systems ORDER BY name COLLATE NOCASE";
            let rows: Vec<(String, (i64, bool))> = query_all(db, sql, [], |row| {
                Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
            })?;
            let (systems, sources): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            // By the first system with an answer, and its position there.
            let mut places: BTreeMap<(usize, usize), ContextKey> = BTreeMap::new();
            let mut answers: HashMap<ContextKey, Vec<Option<CaseAnswer>>> = HashMap::new();
            let mut query = db.prepare_cached(
                "SELECT responses.position, key, responses.response, l.response, l.target
                 FROM responses JOIN contexts ON contexts.id = context
                 LEFT JOIN response_levels l ON l.system = responses.system
                   AND l.position = responses.position
                 WHERE responses.system = ?",
            )?;
            for (at, (id, tokenized)) in sources.iter().enumerate() {
                let mut rows = query.query([id])?;
                while let Some(row) = rows.next()? {
                    let key = ContextKey(row.get(1)?);
                    let text: String = row.get(2)?;
                    let of_context = answers.entry(key.clone()).or_insert_with(|| {
                        places.insert((at, row.get::<_, i64>(0).unwrap_or(0) as usize), key);
                        vec![None; systems.len()]
                    });
                    of_context[at] = Some(CaseAnswer {
                        text: shown(&text, *tokenized).into_owned(),
                        levels: levels(row.get(3)?, row.get(4)?)?,
                    });
                }
            }
            let mut known = contexts(db)?;
            let mut pins = pins(db)?;
            let all = places.len();
            let blind = blind_contexts(db)?;
            let withheld_pins = places
                .values()
                .filter(|key| blind.contains(*key) && pins.contains_key(*key))
                .count();
            places.retain(|_, key| !blind.contains(key));
            let withheld = all - places.len();
            let case = |key: ContextKey| {
                let context = known.remove(&key)?;
                let pin = pins.remove(&key);
                let answers = answers.remove(&key)?;
                let case = Case::new(key, context, answers);
                Some(Case { pin, ..case })
            };
            let cases = places.into_values().filter_map(case).collect();
            Ok(CaseSet {
                systems,
                cases,
                withheld,
                withheld_pins,
            })
        })
    }
}

/// A system's answer to a case, and where the system has it from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseSource {
    pub system: String,
    /// A file's name, a checkpoint, or a corpus.
    pub source: String,
    /// The case's index in the order that the system answered, from 0.
    pub position: usize,
    /// As imported.
    pub response: String,
}

impl StoreReader {
    /// Where the answers to a case are from; none of a case in a study that is still blind.
    pub fn case_sources(&self, case: &ContextKey) -> Result<Vec<CaseSource>, StoreError> {
        self.read(|db| {
            if blind_contexts(db)?.contains(case) {
                return Ok(Vec::new());
            }
            let sql = "SELECT name, source, position, response FROM responses
                 JOIN systems ON systems.id = system JOIN contexts ON contexts.id = context
                 WHERE key = ? ORDER BY name COLLATE NOCASE, position";
            query_all(db, sql, [&case.0], |row| {
                Ok(CaseSource {
                    system: row.get(0)?,
                    source: row.get(1)?,
                    position: row.get::<_, i64>(2)? as usize,
                    response: row.get(3)?,
                })
            })
        })
    }
}

impl StoreReader {
    /// Where the systems of this source answered contexts of studies that are still blind, from 0.
    pub fn blind_positions(&self, source: &str) -> Result<HashSet<usize>, StoreError> {
        self.read(|db| {
            let blind = blind_contexts(db)?;
            if blind.is_empty() {
                return Ok(HashSet::new());
            }
            let sql = "SELECT DISTINCT position, key FROM responses
                 JOIN systems ON systems.id = system JOIN contexts ON contexts.id = context
                 WHERE source = ?";
            let all = query_all(db, sql, [source], |row| {
                Ok((row.get::<_, i64>(0)? as usize, ContextKey(row.get(1)?)))
            })?;
            let withheld = all.into_iter().filter(|(_, key)| blind.contains(key));
            Ok(withheld.map(|(position, _)| position).collect())
        })
    }
}

/// The contexts of studies that were created here and are not unblinded.
fn blind_contexts(db: &Connection) -> Result<HashSet<ContextKey>, Fault> {
    let sql = "SELECT DISTINCT json_extract(item_json, '$.context') FROM study_items
         WHERE study NOT IN (SELECT study FROM study_unblindings)";
    let contexts = query_all(db, sql, [], |row| Ok(ContextKey(row.get(0)?)))?;
    Ok(contexts.into_iter().collect())
}

fn pins(db: &Connection) -> Result<HashMap<ContextKey, String>, Fault> {
    let sql = "SELECT key, note FROM pins JOIN contexts ON contexts.id = context";
    let pins = query_all(db, sql, [], |row| {
        Ok((ContextKey(row.get(0)?), row.get(1)?))
    })?;
    Ok(pins.into_iter().collect())
}

fn digits(levels: Levels) -> String {
    let digits = levels.iter().map(|level| level.index().to_string());
    digits.collect()
}

fn levels(response: Option<String>, target: Option<String>) -> Result<Option<AnswerLevels>, Fault> {
    let (Some(response), Some(target)) = (response, target) else {
        return Ok(None);
    };
    let read = |text: String| {
        let level = |digit: char| {
            let index = digit.to_digit(10)? as usize;
            EmpathyLevel::ALL.into_iter().nth(index)
        };
        let levels: Option<Vec<EmpathyLevel>> = text.chars().map(level).collect();
        let levels: Option<Levels> = levels.and_then(|levels| levels.try_into().ok());
        levels.ok_or_else(|| Fault::Unreadable("levels of a response".to_string(), text))
    };
    Ok(Some(AnswerLevels {
        response: read(response)?,
        // The column holds a text; an empty one is no target.
        target: match target.is_empty() {
            true => None,
            false => Some(read(target)?),
        },
    }))
}
