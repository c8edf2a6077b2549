//! Records of a corpus, narrowed by a filter.

use std::path::Path;

use serde::Serialize;

use super::super::{OperationError, read_or_default};
use super::answers::Narrowing;
use super::systems::source_of;
use crate::data::corpus::Record;

/// Some of the records that a filter lets through.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Records of the corpus with an answer that the filter lets through.
    pub matching: usize,
    /// Those left out before the first of `records`.
    pub from: usize,
    /// Records that are left out of everything else here, as a study that is still blind has them.
    pub withheld: usize,
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
        withheld: 0,
        records: Vec::new(),
    };
    let blind = read_or_default(store, |reader| reader.blind_positions(&source_of(corpus)))?;
    narrowing.each_placed(store, corpus, |place, record, _| {
        if blind.contains(&place) {
            shown.withheld += 1;
            return Ok(());
        }
        if shown.matching >= from && shown.records.len() < limit {
            shown.records.push(record.clone());
        }
        shown.matching += 1;
        Ok(())
    })?;
    Ok(shown)
}
