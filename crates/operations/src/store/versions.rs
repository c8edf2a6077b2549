//! Which parts of a store have changed, so that a reader asks anew for what depends on them and for nothing else.
//!
//! Small enough to be asked twice a second: no table of points, dialogues or texts is read.

use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::unwritable::Stamp;
use super::{RunId, RunStatus, StoreReader, run_dir};

/// The versions of a store's parts: each number differs once something of its part has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreVersions {
    /// Runs with their progress, results, names and tags.
    pub runs: u64,
    pub checkpoints: u64,
    pub queue: u64,
    /// Systems with their scores, and pinned cases; what was asked of endpoints.
    pub systems: u64,
    /// Studies, assignments and judgements.
    pub studies: u64,
    /// Whether a run is in progress: it may be interrupted, which leaves the database as it is.
    pub active: bool,
}

/// What tells whether a table has changed.
#[derive(Clone, Copy)]
enum Sign {
    /// These columns of all rows, or figures over them.
    Columns(&'static str),
    /// Its rows change only together with a row of another table of the part.
    Follows,
}

/// The tables of a part.
type Tables = &'static [(&'static str, Sign)];

use Sign::{Columns, Follows};

const RUNS: Tables = &[
    (
        "runs",
        Columns(
            "id, name, status, stage, step, total, ended, heartbeat, error, note, archived, deleted",
        ),
    ),
    ("run_tags", Columns("run, tag")),
    ("run_identities", Follows),
    ("results", Columns("run, system, split, wall")),
    ("figures", Follows),
    ("events", Columns("max(id)")),
    ("metric_keys", Follows),
    ("points", Follows),
    ("summary", Follows),
    ("samples", Follows),
    ("rollouts", Follows),
    ("aside_events", Follows),
    ("aside_figures", Follows),
    ("aside_points", Follows),
    ("aside_results", Follows),
    ("aside_rollouts", Follows),
    ("aside_samples", Follows),
];

const CHECKPOINTS: Tables = &[
    ("checkpoints", Columns("run, stage, step, wall")),
    ("aside_checkpoints", Follows),
];

const QUEUE: Tables = &[("queue", Columns("id, position, taken_out"))];

const SYSTEMS: Tables = &[
    ("systems", Columns("id, name, sha256, imported")),
    ("contexts", Follows),
    ("responses", Follows),
    ("system_scores", Columns("system, scored")),
    ("response_levels", Follows),
    ("pins", Columns("context, pinned, note")),
    // Their rows count once the series is complete.
    ("asks", Columns("id, ended")),
    ("exchanges", Follows),
    ("judge_scores", Follows),
    ("judge_verdicts", Follows),
];

const STUDIES: Tables = &[
    ("studies", Columns("id, uid, added")),
    ("study_annotators", Columns("study, number, name, role")),
    ("study_items", Follows),
    ("study_assignments", Columns("count(*)")),
    ("study_acts", Columns("count(*), max(wall), sum(counts)")),
    ("study_returns", Columns("count(*), max(id)")),
    ("study_keys", Follows),
    ("study_seals", Follows),
    ("study_unblindings", Columns("study, unblinding_json")),
    (
        "study_links",
        Columns("id, study, annotator, expires, seen, revoked"),
    ),
    ("study_standings", Columns("max(id)")),
    (
        "study_marks",
        Columns("study, name, note, archived, deleted"),
    ),
    ("study_receipts", Follows),
    ("study_entrances", Columns("study, expires")),
    (
        "study_workers",
        Columns("link, consented, tries, passed, practised, finished, left_at"),
    ),
];

impl StoreReader {
    /// A number that changes when any other connection, of this program or another, has written.
    pub fn changes(&self) -> Result<i64, StoreError> {
        // Without a connection of its own, nothing counts them.
        if self.database.connection.is_none() {
            return Ok(Stamp::of(&self.database.path).digest());
        }
        self.read(|db| Ok(db.query_row("PRAGMA data_version", [], |row| row.get(0))?))
    }

    /// The versions of all parts now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn versions(&self) -> Result<StoreVersions, StoreError> {
        let (mut versions, active) = self.read(|db| {
            let versions = StoreVersions {
                runs: digest(db, RUNS)?,
                checkpoints: digest(db, CHECKPOINTS)?,
                queue: digest(db, QUEUE)?,
                systems: digest(db, SYSTEMS)?,
                studies: digest(db, STUDIES)?,
                active: false,
            };
            Ok((versions, active_runs(db)?))
        })?;
        versions.active = !active.is_empty();
        let mut held = DefaultHasher::new();
        versions.runs.hash(&mut held);
        for run in active {
            RunLock::is_held(&run_dir(self.dir(), run))?.hash(&mut held);
        }
        versions.runs = held.finish();
        Ok(versions)
    }
}

fn active_runs(db: &Connection) -> Result<Vec<RunId>, Fault> {
    let statuses = [RunStatus::Running.key(), RunStatus::Paused.key()];
    let mut query = db.prepare_cached("SELECT id FROM runs WHERE status IN (?, ?)")?;
    let mut rows = query.query(params_from_iter(statuses))?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(RunId(row.get(0)?));
    }
    Ok(runs)
}

fn digest(db: &Connection, tables: Tables) -> Result<u64, Fault> {
    let mut digest = DefaultHasher::new();
    for (table, sign) in tables {
        let Columns(columns) = sign else { continue };
        table.hash(&mut digest);
        let mut query = db.prepare_cached(&format!("SELECT {columns} FROM {table}"))?;
        let count = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            for at in 0..count {
                match row.get_ref(at)? {
                    ValueRef::Null => 0u8.hash(&mut digest),
                    ValueRef::Integer(value) => value.hash(&mut digest),
                    ValueRef::Real(value) => value.to_bits().hash(&mut digest),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.hash(&mut digest),
                }
            }
        }
    }
    Ok(digest.finish())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Store;

    #[test]
    fn every_table_belongs_to_one_part() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let reader = StoreReader::open(dir.path()).unwrap();
        let tables = reader.database.connection.as_ref().unwrap().prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        );
        let tables: BTreeSet<String> = tables
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let parts = [RUNS, CHECKPOINTS, QUEUE, SYSTEMS, STUDIES].concat();
        let named: Vec<String> = parts.iter().map(|(table, _)| table.to_string()).collect();
        // A table that no part names would change without notice.
        assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), tables);
        assert_eq!(named.len(), tables.len(), "one is named twice");
    }
}
