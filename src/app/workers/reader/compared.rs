//! Runs beside each other, with what their answers differ by.

use crate::catalog::Entry;
use crate::catalog::compare::{Answers, BandPoint, Paired, Prepared, paired, prepare};
use crate::metrics::Bootstrap;
use crate::store::{RunId, StoreError, StoreReader};

/// Runs beside each other.
#[derive(Debug)]
pub struct Compared {
    pub runs: Vec<RunId>,
    pub metric: String,
    /// Of each run its curve, of few enough points to draw.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Runs with the same settings but for the seed, by their places among `runs`, and their bands.
    pub groups: Vec<Vec<usize>>,
    pub bands: Vec<Vec<BandPoint>>,
    /// Of each run but the first: its figures minus those of the first. None where one of them has no
    /// answers on the test split.
    pub differences: Vec<Option<Paired>>,
}

pub(super) fn compared(
    reader: &StoreReader,
    runs: Vec<RunId>,
    metric: String,
) -> Result<Compared, StoreError> {
    let catalog: Vec<Entry> = reader.catalog()?.into_iter().map(Entry::new).collect();
    let mut entries = Vec::new();
    let mut curves = Vec::new();
    let mut answers = Vec::new();
    for run in &runs {
        match catalog.iter().find(|entry| entry.row.id == *run) {
            Some(entry) => entries.push(entry),
            None => return Err(StoreError::Deleted { run: *run }),
        }
        let key = reader
            .keys(*run)?
            .into_iter()
            .rfind(|summary| summary.key.name == metric);
        let points = match key {
            Some(summary) => reader.series(*run, &summary.key, None)?,
            None => Vec::new(),
        };
        let curve: Vec<(u64, f64)> = points
            .into_iter()
            .map(|(step, value, _)| (step, value))
            .collect();
        curves.push(curve);
        let results = reader.results(*run)?;
        let system = results.iter().rev().find(|row| row.split == "test");
        let rows = match system {
            Some(system) => reader.test_answers(*run, &system.system)?,
            None => None,
        };
        answers.push(rows.map(|rows| Answers::new(&rows)));
    }
    let first = answers.first().and_then(Option::as_ref);
    let differences = answers
        .iter()
        .skip(1)
        .map(|other| Some(paired(other.as_ref()?, first?, &Bootstrap::default())))
        .collect();
    let Prepared {
        lines,
        groups,
        bands,
    } = prepare(&entries, &curves);
    Ok(Compared {
        runs,
        metric,
        lines,
        groups,
        bands,
        differences,
    })
}
