//! Runs beside each other, as the place Compare shows them.

use crate::catalog::compare::PreparedCurves;
use crate::catalog::load::{Comparison, compare, curves, load_entries};
use crate::metrics::Bootstrap;
use crate::store::{RunId, StoreError, StoreReader};

#[derive(Debug)]
pub struct Compared {
    pub runs: Vec<RunId>,
    pub metric: String,
    /// The runs' curves of the metric.
    pub curves: PreparedCurves,
    /// Of their answers on the test split.
    pub comparison: Comparison,
}

/// Compares runs with the first: results on the test split, and the curves of a metric.
///
/// # Errors
/// The store cannot be read.
pub fn compared(
    reader: &StoreReader,
    runs: Vec<RunId>,
    metric: String,
) -> Result<Compared, StoreError> {
    let entries = load_entries(reader, &runs)?;
    let entries: Vec<_> = entries.iter().collect();
    Ok(Compared {
        curves: curves(reader, &entries, &metric)?,
        comparison: compare(reader, &entries, &Bootstrap::default())?,
        runs,
        metric,
    })
}
