//! Loads from the store what a comparison of runs needs: entries, curves, paired differences.
//!
//! Can take seconds: not for the UI thread.

use super::Entry;
use super::compare::{Answers, Paired, PreparedCurves, paired, prepare};
use crate::metrics::{Bootstrap, declared};
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

/// For each run but the first: its metrics on the test split minus those of the first. None if either has no
/// responses there.
pub fn differences(
    reader: &StoreReader,
    runs: &[RunId],
    bootstrap: &Bootstrap,
) -> Result<Vec<Option<Paired>>, StoreError> {
    let Some((first, others)) = runs.split_first() else {
        return Ok(Vec::new());
    };
    let first = answers(reader, *first)?;
    let differ = |run: &RunId| -> Result<Option<Paired>, StoreError> {
        let other = answers(reader, *run)?;
        let both = other.as_ref().zip(first.as_ref());
        Ok(both.map(|(other, first)| paired(other, first, bootstrap)))
    };
    others.iter().map(differ).collect()
}

/// The responses of a run's last system on the test split; None if it was not evaluated.
fn answers(reader: &StoreReader, run: RunId) -> Result<Option<Answers>, StoreError> {
    let results = reader.results(run)?;
    let Some(system) = results.iter().rev().find(|row| row.split == "test") else {
        return Ok(None);
    };
    let rows = reader.test_answers(run, &system.system)?;
    Ok(rows.map(|rows| Answers::new(&rows)))
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
