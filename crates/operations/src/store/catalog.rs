//! The list of runs, each with those of its parts that are asked for.
//!
//! A run of which a part cannot be read is listed as damaged, with the reason, and hides no other.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{CachedStatement, Connection};

use super::by_run::{self, ByRun, Runs};
use super::columns::{no_run, query_all};
use super::error::{Fault, StoreError};
use super::lock::RunLock;
use super::rows::{CatalogRow, KeySummary, MetricKey, RunRow};
use super::runs::{
    RUN_COLUMNS, changes_of, last_of, listed_row, read_changes, settings, summary_row,
};
use super::{RunId, RunStatus, StoreReader, results};
use crate::experiment::Stage;

/// Which parts of runs are read, besides their rows and tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogParts {
    pub settings: bool,
    /// Settings changed during the run.
    pub changes: bool,
    /// Rows of results, and which of their figures.
    pub results: Option<Names>,
    /// The controls of results, and what auditors found.
    pub controls: bool,
    /// Summaries of metrics, of every stage.
    pub metrics: Names,
}

/// Which of many named values are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    All,
    These(BTreeSet<String>),
}

impl Default for Names {
    fn default() -> Self {
        Names::These(BTreeSet::new())
    }
}

impl Names {
    pub(super) fn include(&self, name: &str) -> bool {
        match self {
            Names::All => true,
            Names::These(names) => names.contains(name),
        }
    }

    fn is_within(&self, other: &Names) -> bool {
        match (self, other) {
            (_, Names::All) => true,
            (Names::All, Names::These(_)) => false,
            (Names::These(mine), Names::These(theirs)) => mine.is_subset(theirs),
        }
    }
}

impl CatalogParts {
    pub const ALL: CatalogParts = CatalogParts {
        settings: true,
        changes: true,
        results: Some(Names::All),
        controls: true,
        metrics: Names::All,
    };

    /// Whether these parts are all among the `other` ones.
    pub fn is_within(&self, other: &CatalogParts) -> bool {
        let results = match (&self.results, &other.results) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => mine.is_within(theirs),
        };
        results
            && self.metrics.is_within(&other.metrics)
            && self.settings <= other.settings
            && self.changes <= other.changes
            && self.controls <= other.controls
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
        self.read(|db| self.rows_of(db, Runs::All { deleted }, parts, &mut made))
    }

    /// One run, deleted or not, with these parts.
    pub fn catalog_row(&self, run: RunId, parts: &CatalogParts) -> Result<CatalogRow, StoreError> {
        self.read(|db| {
            let found = self.rows_of(db, Runs::One(run), parts, |row| row)?;
            found.into_iter().next().ok_or_else(|| no_run(db, run))
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

    fn rows_of<T>(
        &self,
        db: &Connection,
        runs: Runs,
        parts: &CatalogParts,
        mut made: impl FnMut(CatalogRow) -> T,
    ) -> Result<Vec<T>, Fault> {
        let mut statements = Statements::prepare(db, runs, parts)?;
        let mut source = statements.source(db, runs)?;
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE {} ORDER BY id DESC",
            runs.condition()
        );
        query_all(db, &sql, [runs.value()], |row| {
            let mut found = source.read(listed_row(row)?)?;
            if let Err(error) = self.detect_interrupted(&mut found.row) {
                set_damaged(&mut found.row, error.to_string());
            }
            Ok(made(found))
        })
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

fn set_damaged(run: &mut RunRow, why: String) {
    // The first reason is the one to fix first.
    if run.status != RunStatus::Damaged {
        run.status = RunStatus::Damaged;
        run.error = Some(why);
    }
}

/// The prepared queries of the parts that are asked for.
struct Statements<'db> {
    tags: CachedStatement<'db>,
    changes: Option<CachedStatement<'db>>,
    results: Option<[CachedStatement<'db>; 2]>,
    summaries: Option<CachedStatement<'db>>,
    /// The metrics that are read, by their number.
    keys: HashMap<i64, MetricKey>,
    /// Whether the settings of every run are read.
    settings: bool,
}

impl<'db> Statements<'db> {
    fn prepare(db: &'db Connection, runs: Runs, parts: &CatalogParts) -> Result<Self, Fault> {
        let tags = by_run::prepare(db, runs, "tag", "run_tags", "true", "tag")?;
        let changes = parts.changes.then(|| changes_of(db, runs)).transpose()?;
        let results = parts.results.as_ref();
        let results = results.map(|figures| results::prepare(db, runs, figures, parts.controls));
        let mut keys = HashMap::new();
        let summaries = match parts.metrics == Names::default() {
            true => None,
            false => Some(summaries(db, runs, &parts.metrics, &mut keys)?),
        };
        Ok(Statements {
            tags,
            changes,
            results: results.transpose()?,
            summaries,
            keys,
            settings: parts.settings,
        })
    }

    fn source<'a>(&'a mut self, db: &'a Connection, runs: Runs) -> rusqlite::Result<Source<'a>> {
        let by_run = |statement| ByRun::new(statement, runs);
        let results = match &mut self.results {
            Some([rows, figures]) => Some([by_run(rows)?, by_run(figures)?]),
            None => None,
        };
        Ok(Source {
            db,
            tags: by_run(&mut self.tags)?,
            changes: self.changes.as_mut().map(by_run).transpose()?,
            results,
            summaries: self.summaries.as_mut().map(by_run).transpose()?,
            keys: &self.keys,
            settings: self.settings,
        })
    }
}

/// The summaries of these metrics, whose names are put into `keys`.
fn summaries<'db>(
    db: &'db Connection,
    runs: Runs,
    metrics: &Names,
    keys: &mut HashMap<i64, MetricKey>,
) -> Result<CachedStatement<'db>, Fault> {
    let known = query_all(db, "SELECT id, stage, name FROM metric_keys", [], |row| {
        let name = |column| Ok::<_, Fault>(row.get::<_, Option<String>>(column).ok().flatten());
        Ok((row.get::<_, i64>(0)?, name(1)?, name(2)?))
    })?;
    let mut ids = Vec::new();
    for (id, stage, name) in known {
        match (stage.as_deref().and_then(Stage::from_key), name) {
            (Some(_), Some(name)) if !metrics.include(&name) => continue,
            (Some(stage), Some(name)) => drop(keys.insert(id, MetricKey { stage, name })),
            // It may be a wanted one: the runs that have it are damaged.
            _ => {}
        }
        ids.push(id.to_string());
    }
    let condition = match metrics {
        Names::All => "true".to_string(),
        Names::These(_) => format!("key IN ({})", ids.join(", ")),
    };
    let columns = "key, last, last_step, last_wall, min, max, count, nonfinite";
    Ok(by_run::prepare(
        db, runs, columns, "summary", &condition, "key",
    )?)
}

/// Reads the parts of one run after another.
struct Source<'a> {
    db: &'a Connection,
    tags: ByRun<'a>,
    changes: Option<ByRun<'a>>,
    results: Option<[ByRun<'a>; 2]>,
    summaries: Option<ByRun<'a>>,
    keys: &'a HashMap<i64, MetricKey>,
    settings: bool,
}

impl Source<'_> {
    fn read(&mut self, row: RunRow) -> Result<CatalogRow, Fault> {
        let run = row.id;
        let mut found = CatalogRow {
            row,
            config_toml: String::new(),
            changes: Vec::new(),
            keys: Vec::new(),
            results: Vec::new(),
        };
        found.row.tags = self.tags.of(run, |row| Ok(row.get(1)?))?;
        if let Some(changes) = &mut self.changes {
            found.changes = part(&mut found.row, read_changes(changes, run))?;
        }
        // What a change changed is known from the settings before it.
        if self.settings || !found.changes.is_empty() {
            let read = settings(self.db, run);
            found.config_toml = part(&mut found.row, read)?;
        }
        if let Some([rows, figures]) = &mut self.results {
            found.results = part(&mut found.row, results::read(rows, figures, run))?;
        }
        if let Some(summaries) = &mut self.summaries {
            let read = read_summaries(summaries, self.keys, run);
            found.keys = part(&mut found.row, read)?;
            found.row.summary = last_of(&found.keys);
        }
        Ok(found)
    }
}

/// By stage and name.
fn read_summaries(
    rows: &mut ByRun<'_>,
    keys: &HashMap<i64, MetricKey>,
    run: RunId,
) -> Result<Vec<KeySummary>, Fault> {
    let mut keys = rows.of(run, |row| {
        let id: i64 = row.get(1)?;
        let key = keys.get(&id).cloned().ok_or_else(|| {
            let place = format!("run {run}, metric {id}");
            Fault::Unreadable(place, "its name or stage is unknown".into())
        })?;
        summary_row(key, row, 2)
    })?;
    keys.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(keys)
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
