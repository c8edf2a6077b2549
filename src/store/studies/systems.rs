//! Systems and their responses, by the contexts that they answer.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::parse;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::reader::StoreReader;
use crate::store::writer::{Store, json};
use crate::study::contexts::{Context, ContextKey, OrderedContexts};
use crate::study::display::shown;
use crate::study::make::Candidate;
use crate::study::responses::{AlignBy, Problem, SystemResponses};

/// The number of a system in this store. Numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SystemId(pub i64);

/// A system whose responses are here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemRow {
    /// Its number.
    pub id: SystemId,
    /// Its name.
    pub name: String,
    /// Where its responses come from: a file's name, or a checkpoint.
    pub source: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How rows found their contexts.
    pub aligned_by: AlignBy,
    /// Whether responses are tokens in lower case, so that people are shown another form.
    pub tokenized: bool,
    /// Rows of the file.
    pub rows: u64,
    /// Responses kept.
    pub responses: u64,
    /// When, in milliseconds since the Unix epoch.
    pub imported_ms: i64,
    /// What was wrong with rows and contexts.
    pub problems: Vec<Problem>,
}

/// A system's response to a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SystemAnswer {
    /// Place of the context in the order in which the system answered, from 0.
    pub position: usize,
    /// The context.
    pub context: ContextKey,
    /// The response as it came: what is scored.
    pub response: String,
}

impl Store {
    /// Keeps a system's responses, which were aligned with `order`. `source` says where they come from.
    /// With `replace`, those of a system of the same name go; studies keep what they show.
    ///
    /// # Errors
    /// There is a system of this name and `replace` is not set.
    pub fn put_system(
        &mut self,
        name: &str,
        source: &str,
        responses: &SystemResponses,
        order: &OrderedContexts,
        replace: bool,
    ) -> Result<SystemId, StoreError> {
        self.write(|db| {
            let there = system_id(db, name)?;
            if there.is_some() && !replace {
                let name = name.to_string();
                return Err(StoreError::SystemExists { name }.into());
            }
            db.execute("DELETE FROM systems WHERE name = ?", [name])?;
            db.execute(
                "INSERT INTO systems (name, source, sha256, aligned_by, tokenized, rows, imported,
                                      problems_json)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    name,
                    source,
                    responses.sha256,
                    json("the alignment", &responses.aligned_by)?,
                    responses.tokenized,
                    responses.rows as i64,
                    now_ms(),
                    json("the problems", &responses.problems)?
                ],
            )?;
            let system = SystemId(db.last_insert_rowid());
            let places = order
                .keys()
                .iter()
                .zip(order.contexts())
                .zip(&responses.answers);
            for (position, ((key, context), answer)) in places.enumerate() {
                if let Some(answer) = answer {
                    let context = put_context(db, key, context)?;
                    db.prepare_cached("INSERT INTO responses VALUES (?, ?, ?, ?)")?
                        .execute(params![system.0, position as i64, context, answer])?;
                }
            }
            Ok(system)
        })
    }

    /// Forgets a system and its responses; studies keep what they show.
    ///
    /// # Errors
    /// There is no system of this name.
    pub fn remove_system(&mut self, name: &str) -> Result<(), StoreError> {
        self.write(
            |db| match db.execute("DELETE FROM systems WHERE name = ?", [name])? {
                0 => Err(no_system(db, name)),
                _ => Ok(()),
            },
        )
    }
}

impl StoreReader {
    /// The systems, in the order of their names.
    pub fn systems(&self) -> Result<Vec<SystemRow>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT id, name, source, sha256, aligned_by, tokenized, rows, imported, problems_json,
                        (SELECT count(*) FROM responses WHERE system = id)
                 FROM systems ORDER BY name COLLATE NOCASE",
            )?;
            let mut rows = query.query([])?;
            let mut systems = Vec::new();
            while let Some(row) = rows.next()? {
                let name: String = row.get(1)?;
                systems.push(SystemRow {
                    id: SystemId(row.get(0)?),
                    source: row.get(2)?,
                    sha256: row.get(3)?,
                    aligned_by: parse(&name, &row.get::<_, String>(4)?)?,
                    tokenized: row.get(5)?,
                    rows: row.get::<_, i64>(6)? as u64,
                    imported_ms: row.get(7)?,
                    problems: parse(&name, &row.get::<_, String>(8)?)?,
                    responses: row.get::<_, i64>(9)? as u64,
                    name,
                });
            }
            Ok(systems)
        })
    }

    /// A system's responses, in the order in which it answered.
    ///
    /// # Errors
    /// There is no system of this name.
    pub fn answers(&self, system: &str) -> Result<Vec<SystemAnswer>, StoreError> {
        self.read(|db| {
            let id = system_id(db, system)?.ok_or_else(|| no_system(db, system))?;
            let mut query = db.prepare_cached(
                "SELECT position, key, response FROM responses JOIN contexts ON contexts.id = context
                 WHERE system = ? ORDER BY position",
            )?;
            let rows = query.query_map([id.0], |row| {
                Ok(SystemAnswer {
                    position: row.get::<_, i64>(0)? as usize,
                    context: ContextKey(row.get(1)?),
                    response: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Every context that some system answered.
    pub fn contexts(&self) -> Result<BTreeMap<ContextKey, Context>, StoreError> {
        self.read(contexts)
    }

    /// The contexts that all of these systems answered, with their answers as people are shown them, from
    /// which a study draws.
    ///
    /// # Errors
    /// One of the systems is not there.
    pub fn candidates(&self, systems: &[String]) -> Result<Vec<Candidate>, StoreError> {
        self.read(|db| {
            let mut answers: BTreeMap<ContextKey, Vec<String>> = BTreeMap::new();
            for (at, name) in systems.iter().enumerate() {
                let id = system_id(db, name)?.ok_or_else(|| no_system(db, name))?;
                let mut query = db.prepare_cached(
                    "SELECT key, response, tokenized FROM responses
                     JOIN contexts ON contexts.id = context JOIN systems ON systems.id = system
                     WHERE system = ?",
                )?;
                let mut rows = query.query([id.0])?;
                while let Some(row) = rows.next()? {
                    let given = answers.entry(ContextKey(row.get(0)?)).or_default();
                    // Who is short of an answer by an earlier system is out.
                    if given.len() == at {
                        let response: String = row.get(1)?;
                        given.push(shown(&response, row.get(2)?).into_owned());
                    }
                }
            }
            let mut contexts = contexts(db)?;
            let candidate = |(key, answers): (ContextKey, Vec<String>)| {
                let context = contexts.remove(&key)?;
                (answers.len() == systems.len()).then_some(Candidate {
                    key,
                    emotion: context.emotion,
                    utterances: context.utterances,
                    target: context.target,
                    answers,
                })
            };
            Ok(answers.into_iter().filter_map(candidate).collect())
        })
    }
}

pub(super) fn system_id(db: &Connection, name: &str) -> Result<Option<SystemId>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM systems WHERE name = ?")?;
    Ok(query
        .query_row([name], |row| row.get(0).map(SystemId))
        .optional()?)
}

pub(super) fn no_system(db: &Connection, name: &str) -> Fault {
    let (path, name) = (db.path().unwrap_or_default().into(), name.to_string());
    StoreError::NoSystem { path, name }.into()
}

/// The row of a context, added if it is not there.
fn put_context(db: &Connection, key: &ContextKey, context: &Context) -> Result<i64, Fault> {
    let there = db
        .prepare_cached("SELECT id FROM contexts WHERE key = ?")?
        .query_row([&key.0], |row| row.get(0))
        .optional()?;
    if let Some(id) = there {
        return Ok(id);
    }
    db.prepare_cached("INSERT INTO contexts (key, context_json) VALUES (?, ?)")?
        .execute(params![key.0, json("a context", context)?])?;
    Ok(db.last_insert_rowid())
}

pub(super) fn contexts(db: &Connection) -> Result<BTreeMap<ContextKey, Context>, Fault> {
    let mut query = db.prepare_cached("SELECT key, context_json FROM contexts")?;
    let mut rows = query.query([])?;
    let mut contexts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        let context = parse(&format!("context {key}"), &row.get::<_, String>(1)?)?;
        contexts.insert(ContextKey(key), context);
    }
    Ok(contexts)
}
