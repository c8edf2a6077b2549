//! Systems and their responses, by context.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::{StudyId, load, parse};
use crate::store::columns::{query_all, to_json};
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::reader::StoreReader;
use crate::store::writer::Store;
use crate::study::AlignBy;
use crate::study::contexts::{Context, ContextKey, OrderedContexts};
use crate::study::display::shown;
use crate::study::make::Candidate;
use crate::study::responses::{Problem, SystemResponses};

/// A system's number, never reused in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SystemId(pub i64);

/// A system whose responses are in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemRow {
    pub id: SystemId,
    pub name: String,
    /// A file's name, or a checkpoint.
    pub source: String,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    pub aligned_by: AlignBy,
    /// Whether responses are lower-case tokens, which are detokenized for people.
    pub tokenized: bool,
    /// Rows of the file.
    pub rows: u64,
    /// Responses stored.
    pub responses: u64,
    /// In milliseconds since the Unix epoch.
    pub imported_ms: i64,
    pub problems: Vec<Problem>,
}

/// A system's response to a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SystemAnswer {
    /// The context's index in the order that the system answered, from 0.
    pub position: usize,
    pub context: ContextKey,
    /// As imported: this is what is scored.
    pub response: String,
}

impl Store {
    /// Stores a system's responses, which were aligned with `order`. `source` is a file's name or a
    /// checkpoint. `replace` removes those of a system of the same name.
    ///
    /// # Errors
    /// There is a system of this name and `replace` is false, or a study compares it.
    pub fn put_system(
        &mut self,
        name: &str,
        source: &str,
        responses: &SystemResponses,
        order: &OrderedContexts,
        replace: bool,
    ) -> Result<SystemId, StoreError> {
        self.write(|db| {
            if system_id(db, name)?.is_some() {
                if !replace {
                    let name = name.to_string();
                    return Err(StoreError::SystemExists { name }.into());
                }
                check_unused(db, name)?;
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
                    to_json("the alignment", &responses.aligned_by)?,
                    responses.tokenized,
                    responses.rows as i64,
                    now_ms(),
                    to_json("the problems", &responses.problems)?
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

    /// Removes a system with its responses and scores.
    ///
    /// # Errors
    /// There is no such system, or a study compares it.
    pub fn remove_system(&mut self, name: &str) -> Result<(), StoreError> {
        self.write(|db| {
            check_unused(db, name)?;
            match db.execute("DELETE FROM systems WHERE name = ?", [name])? {
                0 => Err(no_system(db, name)),
                _ => Ok(()),
            }
        })
    }
}

/// Refuses a system that a study compares.
fn check_unused(db: &Connection, name: &str) -> Result<(), Fault> {
    let sql = "SELECT id FROM studies WHERE definition_json IS NOT NULL ORDER BY id";
    for study in query_all(db, sql, [], |row| Ok(StudyId(row.get(0)?)))? {
        let systems = load::definition(db, study)?.systems;
        if systems.iter().any(|system| system == name) {
            let name = name.to_string();
            return Err(StoreError::UsedByStudy { name, study }.into());
        }
    }
    Ok(())
}

impl StoreReader {
    /// Checks that a system may be replaced or deleted.
    ///
    /// # Errors
    /// A study compares it.
    pub fn check_unused(&self, name: &str) -> Result<(), StoreError> {
        self.read(|db| check_unused(db, name))
    }

    /// All systems, by name.
    pub fn systems(&self) -> Result<Vec<SystemRow>, StoreError> {
        let sql =
            "SELECT id, name, source, sha256, aligned_by, tokenized, rows, imported, problems_json,
                    (SELECT count(*) FROM responses WHERE system = id)
             FROM systems ORDER BY name COLLATE NOCASE";
        let system = |row: &Row<'_>| {
            let name: String = row.get(1)?;
            Ok(SystemRow {
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
            })
        };
        self.read(|db| query_all(db, sql, [], system))
    }

    /// A system's responses, in the order that it answered.
    pub fn answers(&self, system: &str) -> Result<Vec<SystemAnswer>, StoreError> {
        self.read(|db| {
            let id = system_id(db, system)?.ok_or_else(|| no_system(db, system))?;
            let sql = "SELECT position, key, response FROM responses
                 JOIN contexts ON contexts.id = context WHERE system = ? ORDER BY position";
            query_all(db, sql, [id.0], |row| {
                Ok(SystemAnswer {
                    position: row.get::<_, i64>(0)? as usize,
                    context: ContextKey(row.get(1)?),
                    response: row.get(2)?,
                })
            })
        })
    }

    /// All contexts that any system answered.
    pub fn contexts(&self) -> Result<BTreeMap<ContextKey, Context>, StoreError> {
        self.read(contexts)
    }

    /// The contexts that all of these systems answered, with the answers as shown to people. A study draws
    /// from them.
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
                    // A context without an answer by an earlier system is skipped.
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
                    roles: context.roles,
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

pub(super) fn context_id(db: &Connection, key: &ContextKey) -> Result<Option<i64>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM contexts WHERE key = ?")?;
    Ok(query.query_row([&key.0], |row| row.get(0)).optional()?)
}

/// The id of a context, inserted if it is new; one whose target or roles were not known gets them.
fn put_context(db: &Connection, key: &ContextKey, context: &Context) -> Result<i64, Fault> {
    if let Some(id) = context_id(db, key)? {
        if let Some(target) = &context.target {
            db.prepare_cached(
                "UPDATE contexts SET context_json = json_set(context_json, '$.target', ?)
                 WHERE id = ? AND json_extract(context_json, '$.target') IS NULL",
            )?
            .execute(params![target, id])?;
        }
        if !context.roles.is_empty() {
            db.prepare_cached(
                "UPDATE contexts SET context_json = json_set(context_json, '$.roles', json(?))
                 WHERE id = ? AND json_extract(context_json, '$.roles') IS NULL",
            )?
            .execute(params![to_json("the roles", &context.roles)?, id])?;
        }
        return Ok(id);
    }
    db.prepare_cached("INSERT INTO contexts (key, context_json) VALUES (?, ?)")?
        .execute(params![key.0, to_json("a context", context)?])?;
    Ok(db.last_insert_rowid())
}

pub(super) fn contexts(db: &Connection) -> Result<BTreeMap<ContextKey, Context>, Fault> {
    let contexts = query_all(db, "SELECT key, context_json FROM contexts", [], |row| {
        let key: String = row.get(0)?;
        let context = parse(&format!("context {key}"), &row.get::<_, String>(1)?)?;
        Ok((ContextKey(key), context))
    })?;
    Ok(contexts.into_iter().collect())
}
