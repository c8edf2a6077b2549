//! The list of runs, each with those of its parts that are asked for.
//!
//! A run of which a part cannot be read is listed as damaged, with the reason, and hides no other.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Row};

use super::columns::{no_run, query_all};
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::rows::{CatalogRow, KeySummary, MetricKey, RunRow};
use super::runs::{RUN_COLUMNS, changes, last_of, listed_row, summary_row, tags};
use super::{RunId, RunStatus, StoreReader, results};
use crate::experiment::Stage;

/// Which parts of runs are read, besides their rows and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogParts {
    pub settings: bool,
    /// Settings changed during the run.
    pub changes: bool,
    pub results: bool,
    pub metrics: MetricParts,
}

/// Of which metrics the summaries are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricParts {
    All,
    /// By name, of every stage.
    These(BTreeSet<String>),
}

impl Default for MetricParts {
    fn default() -> Self {
        MetricParts::These(BTreeSet::new())
    }
}

impl CatalogParts {
    pub const ALL: CatalogParts = CatalogParts {
        settings: true,
        changes: true,
        results: true,
        metrics: MetricParts::All,
    };

    /// Whether these parts are all among the `other` ones.
    pub fn is_within(&self, other: &CatalogParts) -> bool {
        let metrics = match (&self.metrics, &other.metrics) {
            (_, MetricParts::All) => true,
            (MetricParts::All, MetricParts::These(_)) => false,
            (MetricParts::These(mine), MetricParts::These(theirs)) => mine.is_subset(theirs),
        };
        metrics
            && self.settings <= other.settings
            && self.changes <= other.changes
            && self.results <= other.results
    }
}

impl StoreReader {
    /// Every run that is not deleted (or every one that is), the latest first, with these parts, as what `made` makes
    /// of it; so that only one is whole in memory.
    pub fn catalog<T>(
        &self,
        deleted: bool,
        parts: &CatalogParts,
        mut made: impl FnMut(CatalogRow) -> T,
    ) -> Result<Vec<T>, StoreError> {
        self.read(|db| {
            let sql = format!(
                "SELECT {RUN_COLUMNS} FROM runs WHERE (deleted IS NOT NULL) = ? ORDER BY id DESC"
            );
            let source = Source::new(db, parts)?;
            let mut tags = tags(db, None)?;
            query_all(db, &sql, [deleted], |row| {
                let mut row = listed_row(row)?;
                row.tags = tags.remove(&row.id).unwrap_or_default();
                Ok(made(self.with_parts(&source, row)?))
            })
        })
    }

    /// One run, deleted or not, with these parts.
    pub fn catalog_row(&self, run: RunId, parts: &CatalogParts) -> Result<CatalogRow, StoreError> {
        self.read(|db| {
            let source = Source::new(db, parts)?;
            let mut row = one(db, run)?;
            row.tags = tags(db, Some(run))?.remove(&run).unwrap_or_default();
            self.with_parts(&source, row)
        })
    }

    /// All runs that are not deleted, the latest first, without their metrics.
    pub fn run_rows(&self) -> Result<Vec<RunRow>, StoreError> {
        self.catalog(false, &CatalogParts::default(), |found| found.row)
    }

    /// One run's row, deleted or not, without its metrics.
    pub fn run_row(&self, run: RunId) -> Result<RunRow, StoreError> {
        Ok(self.catalog_row(run, &CatalogParts::default())?.row)
    }

    fn with_parts(&self, source: &Source<'_>, row: RunRow) -> Result<CatalogRow, Fault> {
        let mut found = source.read(row)?;
        if let Err(error) = self.detect_interrupted(&mut found.row) {
            set_damaged(&mut found.row, error.to_string());
        }
        Ok(found)
    }

    /// Corrects the status of an active run whose process is gone.
    pub(super) fn detect_interrupted(&self, run: &mut RunRow) -> Result<(), StoreError> {
        if run.status.is_active() && !RunLock::is_held(&self.run_dir(run.id))? {
            run.status = RunStatus::Interrupted;
            run.ended = Some(run.heartbeat);
        }
        Ok(())
    }
}

fn one(db: &Connection, run: RunId) -> Result<RunRow, Fault> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE id = ?");
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([run.0])?;
    match rows.next()? {
        Some(row) => listed_row(row),
        None => Err(no_run(db, run)),
    }
}

fn set_damaged(run: &mut RunRow, why: String) {
    // The first reason is the one to fix first.
    if run.status != RunStatus::Damaged {
        run.status = RunStatus::Damaged;
        run.error = Some(why);
    }
}

/// Reads the parts of one run after another.
struct Source<'a> {
    db: &'a Connection,
    parts: &'a CatalogParts,
    /// The metrics that are read, by their number.
    keys: HashMap<i64, MetricKey>,
    summaries: String,
}

impl<'a> Source<'a> {
    fn new(db: &'a Connection, parts: &'a CatalogParts) -> Result<Self, Fault> {
        let wanted = |name: &str| match &parts.metrics {
            MetricParts::All => true,
            MetricParts::These(names) => names.contains(name),
        };
        let sql = "SELECT id, stage, name FROM metric_keys";
        let known = query_all(db, sql, [], |row| {
            let name = |column| Ok::<_, Fault>(row.get::<_, Option<String>>(column).ok().flatten());
            Ok((row.get::<_, i64>(0)?, name(1)?, name(2)?))
        })?;
        let (mut keys, mut ids) = (HashMap::new(), Vec::new());
        for (id, stage, name) in known {
            match (stage.as_deref().and_then(Stage::from_key), name) {
                (Some(_), Some(name)) if !wanted(&name) => continue,
                (Some(stage), Some(name)) => drop(keys.insert(id, MetricKey { stage, name })),
                // It may be a wanted one: the runs that have it are damaged.
                _ => {}
            }
            ids.push(id.to_string());
        }
        let of_these = match &parts.metrics {
            MetricParts::All => String::new(),
            MetricParts::These(_) => format!(" AND key IN ({})", ids.join(", ")),
        };
        let summaries = format!(
            "SELECT key, last, last_step, last_wall, min, max, count, nonfinite FROM summary
             WHERE run = ?{of_these}"
        );
        Ok(Source {
            db,
            parts,
            keys,
            summaries,
        })
    }

    fn read(&self, row: RunRow) -> Result<CatalogRow, Fault> {
        let run = row.id;
        let mut found = CatalogRow {
            row,
            config_toml: String::new(),
            changes: Vec::new(),
            keys: Vec::new(),
            results: Vec::new(),
        };
        if self.parts.changes {
            let read = changes(self.db, run);
            found.changes = part(&mut found.row, read)?;
        }
        // What a change changed is known from the settings before it.
        if self.parts.settings || !found.changes.is_empty() {
            let read = self.settings(run);
            found.config_toml = part(&mut found.row, read)?;
        }
        if self.parts.results {
            let read = results::all(self.db, run);
            found.results = part(&mut found.row, read)?;
        }
        if self.parts.metrics != MetricParts::default() {
            let read = self.summaries(run);
            found.keys = part(&mut found.row, read)?;
            found.row.summary = last_of(&found.keys);
        }
        Ok(found)
    }

    fn settings(&self, run: RunId) -> Result<String, Fault> {
        let mut query = (self.db).prepare_cached("SELECT config_toml FROM runs WHERE id = ?")?;
        let text = query.query_row([run.0], |row| row.get(0)).optional()?;
        text.ok_or_else(|| no_run(self.db, run))
    }

    /// By stage and name.
    fn summaries(&self, run: RunId) -> Result<Vec<KeySummary>, Fault> {
        let mut keys = query_all(self.db, &self.summaries, [run.0], |row: &Row<'_>| {
            let id: i64 = row.get(0)?;
            let key = self.keys.get(&id).cloned().ok_or_else(|| {
                let place = format!("run {run}, metric {id}");
                Fault::Unreadable(place, "its name or stage is unknown".into())
            })?;
            summary_row(key, row, 1)
        })?;
        keys.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(keys)
    }
}

/// The part of a run, or nothing and a damaged run.
fn part<T: Default>(run: &mut RunRow, read: Result<T, Fault>) -> Result<T, Fault> {
    match read {
        Err(fault) if fault.is_of_a_row() => {
            let why = match &fault {
                Fault::Unreadable(..) => fault.words(),
                other => format!("run {}: {}", run.id, other.words()),
            };
            set_damaged(run, why);
            Ok(T::default())
        }
        read => read,
    }
}
