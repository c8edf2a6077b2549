//! Copies chosen runs, systems' responses and studies into an empty store, for a reviewer: without what is nobody else's
//! business, such as workers' ids, links and their tokens, keys, and names of people.
//!
//! What comes along is named table by table; what a table has that does not is replaced column by column. A new table stays
//! behind until it is named here.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use serde::Serialize;

use super::columns::{columns_of, query_all, to_json};
use super::error::{Fault, StoreError};
use super::studies::{StudyId, SystemId};
use super::{RunId, RunStatus, Store, StoreReader};
use crate::experiment::Stage;
use crate::metrics::identified::SCORES_FILE;
use crate::study::definition::Definition;

/// What is chosen of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    pub runs: Vec<RunId>,
    pub systems: Vec<SystemId>,
    /// Unblinded, and created in that store.
    pub studies: Vec<StudyId>,
}

/// Whose rows a table has, by the column that says it.
#[derive(Clone, Copy)]
enum Of {
    Run(&'static str),
    System(&'static str),
    Study(&'static str),
    /// Names of metrics that the runs' points have.
    MetricKeys,
    /// What the systems answered.
    Contexts,
    Pins,
}

/// A table that comes along, with what stands in place of some of its columns.
type Shared = (&'static str, Of, &'static [(&'static str, &'static str)]);

/// In the order in which they can be filled.
const SHARED: [Shared; 25] = [
    (
        "runs",
        Of::Run("id"),
        &[("holder", "''"), ("note", "''"), ("archived", "NULL")],
    ),
    ("run_tags", Of::Run("run"), &[]),
    ("run_identities", Of::Run("run"), &[]),
    ("metric_keys", Of::MetricKeys, &[]),
    ("points", Of::Run("run"), &[]),
    ("summary", Of::Run("run"), &[]),
    ("samples", Of::Run("run"), &[]),
    ("rollouts", Of::Run("run"), &[]),
    ("events", Of::Run("run"), &[]),
    ("results", Of::Run("run"), &[]),
    ("figures", Of::Run("run"), &[]),
    ("systems", Of::System("id"), &[]),
    ("contexts", Of::Contexts, &[]),
    ("responses", Of::System("system"), &[]),
    ("pins", Of::Pins, &[("note", "''")]),
    ("system_scores", Of::System("system"), &[]),
    ("response_levels", Of::System("system"), &[]),
    ("studies", Of::Study("id"), &[]),
    ("study_annotators", Of::Study("study"), &[("name", "''")]),
    ("study_items", Of::Study("study"), &[]),
    ("study_assignments", Of::Study("study"), &[]),
    // A file's name may be somebody's.
    (
        "study_returns",
        Of::Study("study"),
        &[("name", "'return ' || id")],
    ),
    ("study_acts", Of::Study("study"), &[]),
    ("study_standings", Of::Study("study"), &[]),
    (
        "study_unblindings",
        Of::Study("study"),
        &[(
            "unblinding_json",
            "json_set(unblinding_json, '$.by', 'the lead')",
        )],
    ),
];

/// Tables that stay behind. Checkpoints do as well, but for the scores of identifiers.
#[cfg(test)]
const KEPT_BACK: [&str; 20] = [
    "checkpoints",
    "aside_points",
    "aside_samples",
    "aside_rollouts",
    "aside_events",
    "aside_checkpoints",
    "aside_results",
    "aside_figures",
    "queue",
    "study_keys",
    "study_seals",
    "study_links",
    "study_receipts",
    "study_entrances",
    "study_workers",
    "study_marks",
    "asks",
    "exchanges",
    "judge_scores",
    "judge_verdicts",
];

impl StoreReader {
    /// The parts that are chosen, with the systems that the studies compare.
    ///
    /// # Errors
    /// A run is missing, deleted or in progress; a study is missing, still blind, or was created elsewhere.
    pub fn parts(&self, chosen: &Parts) -> Result<Parts, StoreError> {
        for run in &chosen.runs {
            let row = self.run(*run)?.row;
            if row.deleted.is_some() {
                return Err(StoreError::Deleted { run: *run });
            }
            if row.status.is_active() {
                let holder = row.status.key().to_string();
                return Err(StoreError::Held { run: *run, holder });
            }
        }
        let mut systems: BTreeSet<SystemId> = chosen.systems.iter().copied().collect();
        for study in &chosen.studies {
            let names = self.unblinded(*study)?.record.definition.systems;
            let known = self.read(|db| {
                let sql = "SELECT id FROM systems WHERE name = ?";
                let id = |name: &String| {
                    let found = db.query_row(sql, [name], |row| row.get(0).map(SystemId));
                    Ok(found.optional()?)
                };
                names.iter().map(id).collect::<Result<Vec<_>, Fault>>()
            })?;
            systems.extend(known.into_iter().flatten());
        }
        let parts = Parts {
            systems: systems.into_iter().collect(),
            ..chosen.clone()
        };
        self.read(|db| compares_nothing_blind(db, &parts))?;
        Ok(parts)
    }
}

/// Checks that no study that is still blind compares the systems, which stand beside their responses in a bundle.
fn compares_nothing_blind(db: &Connection, parts: &Parts) -> Result<(), Fault> {
    let sql = format!(
        "SELECT name FROM systems WHERE {}",
        condition(Of::System("id"), parts)
    );
    let names = query_all(db, &sql, [], |row| Ok(row.get::<_, String>(0)?))?;
    let sql = "SELECT id FROM studies WHERE definition_json IS NOT NULL
         AND id NOT IN (SELECT study FROM study_unblindings)";
    for study in query_all(db, sql, [], |row| Ok(StudyId(row.get(0)?)))? {
        let compared = definition(db, study)?.systems;
        if let Some(name) = names.iter().find(|name| compared.contains(name)) {
            let name = name.clone();
            return Err(StoreError::InBlindStudy { name, study }.into());
        }
    }
    Ok(())
}

/// The definition of a study that was created in this store.
fn definition(db: &Connection, study: StudyId) -> Result<Definition, Fault> {
    let sql = "SELECT definition_json FROM studies WHERE id = ?";
    let text: String = db.query_row(sql, [study.0], |row| row.get(0))?;
    serde_json::from_str(&text).map_err(|error| {
        Fault::Unreadable(format!("study {study}, definition_json"), error.to_string())
    })
}

impl Store {
    /// Copies [`StoreReader::parts`] of another store, with their numbers, into this one, which is emptied; afterwards it is
    /// one file, without a log beside it.
    ///
    /// # Errors
    /// A store cannot be read or written, or a file cannot be copied.
    pub fn take_parts(mut self, from: &StoreReader, parts: &Parts) -> Result<(), StoreError> {
        from.read(|there| Ok(self.write(|here| copy_all(there, here, parts))?))?;
        for run in &parts.runs {
            self.take_scores(from, *run)?;
        }
        self.without_log()
    }

    /// Makes the database one file, without a log beside it, and closes it.
    fn without_log(self) -> Result<(), StoreError> {
        let path = self.database.path.clone();
        let Some(connection) = self.database.connection else {
            return Ok(());
        };
        // What was replaced is written over as well.
        let vacuum = connection.execute_batch("VACUUM");
        vacuum.map_err(|error| Fault::Sql(error).at(&path))?;
        let sql = "PRAGMA journal_mode = DELETE";
        let mode = connection.query_row(sql, [], |row| row.get::<_, String>(0));
        mode.map_err(|error| Fault::Sql(error).at(&path))?;
        Ok(())
    }

    /// Takes the scores of a run's identifiers, of which its tables are made, without its checkpoints.
    fn take_scores(&mut self, from: &StoreReader, run: RunId) -> Result<(), StoreError> {
        let mut checkpoints = from.checkpoints(run)?.into_iter();
        let last = checkpoints.rfind(|checkpoint| checkpoint.stage == Stage::Identifiers);
        let Some(last) = last else {
            return Ok(());
        };
        let source = from.run_dir(run).join(&last.path).join(SCORES_FILE);
        if !source.is_file() {
            return Ok(());
        }
        let target = self.run_dir(run).join(&last.path);
        let failed = |source| StoreError::File {
            path: target.clone(),
            doing: "copying the scores of the identifiers",
            source,
        };
        fs::create_dir_all(&target).map_err(failed)?;
        fs::copy(&source, target.join(SCORES_FILE)).map_err(failed)?;
        let path = PathBuf::from(&last.path);
        let path = path.to_string_lossy();
        from.read(|there| {
            Ok(self.write(|here| {
                let rows = format!("run = {} AND path = ?", run.0);
                let rows = Rows {
                    table: "checkpoints",
                    condition: &rows,
                    replaced: &[],
                };
                copy_rows(there, here, &rows, &[&*path])
            })?)
        })
    }
}

fn copy_all(there: &Connection, here: &Connection, parts: &Parts) -> Result<(), Fault> {
    for (table, ..) in SHARED.iter().rev() {
        here.execute(&format!("DELETE FROM {table}"), [])?;
    }
    for (table, of, replaced) in SHARED {
        let condition = condition(of, parts);
        let rows = Rows {
            table,
            condition: &condition,
            replaced,
        };
        copy_rows(there, here, &rows, &[])?;
    }
    let active = [RunStatus::Running, RunStatus::Paused].map(RunStatus::key);
    let interrupted = RunStatus::Interrupted.key();
    let sql = "UPDATE runs SET status = ? WHERE status IN (?, ?)";
    here.execute(sql, (interrupted, active[0], active[1]))?;
    for study in &parts.studies {
        without_names(here, *study)?;
    }
    Ok(())
}

/// Which rows of a table come along.
fn condition(of: Of, parts: &Parts) -> String {
    let list = |numbers: Vec<i64>| {
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        numbers.join(", ")
    };
    let runs = || list(parts.runs.iter().map(|run| run.0).collect());
    let systems = || list(parts.systems.iter().map(|system| system.0).collect());
    match of {
        Of::Run(column) => format!("{column} IN ({})", runs()),
        Of::System(column) => format!("{column} IN ({})", systems()),
        Of::Study(column) => {
            let studies = parts.studies.iter().map(|study| study.0).collect();
            format!("{column} IN ({})", list(studies))
        }
        Of::MetricKeys => format!(
            "id IN (SELECT key FROM points WHERE run IN ({runs}) UNION SELECT key FROM summary WHERE run IN ({runs}))",
            runs = runs()
        ),
        Of::Pins => format!(
            "context IN (SELECT context FROM responses WHERE system IN ({}))",
            systems()
        ),
        Of::Contexts => format!(
            "id IN (SELECT context FROM responses WHERE system IN ({}))",
            systems()
        ),
    }
}

/// Rows of a table, with what stands in place of some columns.
struct Rows<'a> {
    table: &'a str,
    /// Which of them.
    condition: &'a str,
    replaced: &'a [(&'a str, &'a str)],
}

fn copy_rows(
    there: &Connection,
    here: &Connection,
    rows: &Rows<'_>,
    values: &[&str],
) -> Result<(), Fault> {
    let table = rows.table;
    let columns = columns_of(there, table, &[])?;
    let read = columns.iter().map(|column| {
        let mut replaced = rows.replaced.iter();
        let found = replaced.find(|(name, _)| *name == column.as_str());
        found.map_or(column.as_str(), |(_, instead)| *instead)
    });
    let read: Vec<&str> = read.collect();
    let sql = format!(
        "SELECT {} FROM {table} WHERE {}",
        read.join(", "),
        rows.condition
    );
    let marks = vec!["?"; columns.len()].join(", ");
    let names = columns.join(", ");
    let mut insert = here.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({marks})"))?;
    let mut query = there.prepare(&sql)?;
    let mut found = query.query(params_from_iter(values))?;
    while let Some(row) = found.next()? {
        let cells = (0..read.len()).map(|at| row.get::<_, Value>(at));
        insert.execute(params_from_iter(cells.collect::<Result<Vec<_>, _>>()?))?;
    }
    Ok(())
}

/// Puts pseudonyms for the names of annotators in a study's definition.
fn without_names(db: &Connection, study: StudyId) -> Result<(), Fault> {
    let mut definition = definition(db, study)?;
    let sql = "SELECT pseudonym FROM study_annotators WHERE study = ? ORDER BY number";
    let pseudonyms = query_all(db, sql, [study.0], |row| Ok(row.get::<_, String>(0)?))?;
    let named = definition.annotators.len();
    definition.annotators = pseudonyms.into_iter().take(named).collect();
    let fourth = definition.adjudicator.as_ref();
    definition.adjudicator = fourth.map(|_| "the fourth".to_string());
    let text = to_json("the definition of a study", &definition)?;
    db.execute(
        "UPDATE studies SET definition_json = ? WHERE id = ?",
        (text, study.0),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_comes_along_or_stays_behind() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let tables = query_all(
            store.database.connection.as_ref().unwrap(),
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            [],
            |row| Ok(row.get::<_, String>(0)?),
        );
        let Ok(tables) = tables else {
            panic!("the tables cannot be read")
        };
        let shared = SHARED.iter().map(|(table, ..)| *table);
        let named: BTreeSet<&str> = shared.chain(KEPT_BACK).collect();
        let found: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
        // A new table is nobody's until somebody has said whose business it is.
        assert_eq!(named, found);
        assert_eq!(
            named.len(),
            SHARED.len() + KEPT_BACK.len(),
            "one is named twice"
        );
    }
}
