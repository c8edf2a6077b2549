//! Loads from the store what a comparison of runs needs: entries, curves, paired differences.
//!
//! Can take seconds: not for the UI thread.

use super::Entry;
use super::compare::{Paired, PreparedCurves, RunAnswers, correct, paired, prepare, seed_groups};
use super::figures::group_names;
use crate::metrics::{Bootstrap, declared};
use crate::report::over_seeds::{OverSeeds, SeededAnswers, over_seeds};
use crate::report::provenance::Provenance;
use crate::store::{CatalogParts, RunId, RunStatus, StoreError, StoreReader};

/// The runs, in this order.
///
/// # Errors
/// One of them does not exist, is deleted or cannot be read.
pub fn load_entries(reader: &StoreReader, runs: &[RunId]) -> Result<Vec<Entry>, StoreError> {
    let entry = |&run: &RunId| {
        let found = reader.catalog_row(run, &CatalogParts::ALL)?;
        match (found.row.deleted, found.row.status) {
            (Some(_), _) => Err(StoreError::Deleted { run }),
            (None, RunStatus::Damaged) => Err(StoreError::Unreadable {
                path: reader.dir().to_path_buf(),
                place: format!("run {run}"),
                detail: found.row.error.unwrap_or_default(),
            }),
            (None, _) => Ok(Entry::new(found)),
        }
    };
    runs.iter().map(entry).collect()
}

/// What the answers of some runs on the test split say of each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// For each run but the first: its metrics minus those of the first. None if either has no answers there.
    pub differences: Vec<Option<Paired>>,
    /// Groups of runs that differ in the seed alone; no groups where none has several runs with answers.
    pub over_seeds: OverSeeds,
    /// By run.
    pub provenance: Vec<Provenance>,
}

/// Compares the answers of runs.
///
/// # Errors
/// The store cannot be read.
pub fn compare(
    reader: &StoreReader,
    entries: &[&Entry],
    bootstrap: &Bootstrap,
) -> Result<Comparison, StoreError> {
    let runs: Vec<RunId> = entries.iter().map(|entry| entry.row.id).collect();
    let all = runs.iter().map(|run| answers(reader, *run));
    let all: Vec<Option<RunAnswers>> = all.collect::<Result<_, _>>()?;
    let mut differences: Vec<Option<Paired>> = match all.split_first() {
        Some((first, others)) => others
            .iter()
            .map(|other| Some(paired(other.as_ref()?, first.as_ref()?, bootstrap)))
            .collect(),
        None => Vec::new(),
    };
    correct(&mut differences);
    Ok(Comparison {
        differences,
        over_seeds: seeds_compared(entries, &all, bootstrap),
        provenance: Provenance::read(reader, &runs)?,
    })
}

/// Groups over seeds, of those runs that have answers.
fn seeds_compared(
    entries: &[&Entry],
    answers: &[Option<RunAnswers>],
    bootstrap: &Bootstrap,
) -> OverSeeds {
    let groups = seed_groups(entries);
    let names = group_names(entries, &groups);
    let seeded = groups.iter().zip(names).map(|(members, name)| {
        let run = |at: &usize| Some((entries[*at].row.seed, answers[*at].clone()?));
        SeededAnswers {
            name,
            runs: members.iter().filter_map(run).collect(),
        }
    });
    let seeded: Vec<SeededAnswers> = seeded.filter(|group| !group.runs.is_empty()).collect();
    match seeded.iter().any(|group| group.runs.len() > 1) {
        true => over_seeds(&seeded, bootstrap),
        false => OverSeeds::default(),
    }
}

/// The responses of a run's last system on the test split; None if it was not evaluated.
fn answers(reader: &StoreReader, run: RunId) -> Result<Option<RunAnswers>, StoreError> {
    let results = reader.results(run)?;
    let Some(system) = results.iter().rev().find(|row| row.split == "test") else {
        return Ok(None);
    };
    let rows = reader.test_answers(run, &system.system)?;
    Ok(rows.map(|rows| RunAnswers::new(&rows)))
}

/// The curves of a metric, of the latest stage that logs it; of a run whose policy another algorithm trained, those of
/// the same quantity.
pub fn curves(
    reader: &StoreReader,
    entries: &[&Entry],
    metric: &str,
) -> Result<PreparedCurves, StoreError> {
    let curve = |entry: &&Entry| -> Result<Vec<(u64, f64)>, StoreError> {
        let run = entry.row.id;
        let mut keys = reader.keys(run)?.into_iter();
        let is_same = |key: &str| declared::as_of_ppo(key) == declared::as_of_ppo(metric);
        let points = match keys.rfind(|summary| is_same(&summary.key.name)) {
            Some(summary) => reader.series(run, &summary.key, None)?,
            None => Vec::new(),
        };
        let points = points.into_iter();
        Ok(points.map(|(step, value, _)| (step, value)).collect())
    };
    let curves = entries.iter().map(curve).collect::<Result<Vec<_>, _>>()?;
    Ok(prepare(entries, &curves, metric))
}
