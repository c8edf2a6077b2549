//! Records of a corpus, narrowed by a filter.

use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::Narrowing;
use crate::data::corpus::Record;

/// Some of the records that a filter lets through.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Records of the corpus with an answer that the filter lets through.
    pub matching: usize,
    /// Those left out before the first of `records`.
    pub from: usize,
    /// Whole, with all their answers.
    pub records: Vec<Record>,
}

/// At most `limit` records with an answer that the filter lets through, after the first `from`.
///
/// # Errors
/// There is no such corpus, or it is damaged.
pub fn show(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    from: usize,
    limit: usize,
) -> Result<Shown, OperationError> {
    let mut shown = Shown {
        matching: 0,
        from,
        records: Vec::new(),
    };
    narrowing.each(store, corpus, |record, _| {
        if shown.matching >= from && shown.records.len() < limit {
            shown.records.push(record.clone());
        }
        shown.matching += 1;
        Ok(())
    })?;
    Ok(shown)
}
