//! Whole stores: the runs of others taken over into this one.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::OperationError;
use crate::store::{CheckpointFiles, MergedRuns, Store, StoreError, StoreReader};

/// The folder of data sets in a store.
pub(super) const DATA: &str = "data";

/// What became of one store's runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedStore {
    pub store: PathBuf,
    #[serde(flatten)]
    pub runs: MergedRuns,
}

/// Takes over the runs of the stores in `from`, one after the other, into the one in `into`, which is made if need be.
///
/// # Errors
/// A store is missing, is the one they are taken into, or cannot be read or written. Those before it are taken over.
pub fn merge(
    into: &Path,
    from: &[PathBuf],
    files: CheckpointFiles,
) -> Result<Vec<MergedStore>, OperationError> {
    let readers = from.iter().map(|folder| reader(folder));
    let readers = readers.collect::<Result<Vec<_>, _>>()?;
    let mut store = Store::open(into)?.writable()?;
    let own = into.canonicalize().ok();
    if let Some(same) = from
        .iter()
        .find(|folder| own.is_some() && folder.canonicalize().ok() == own)
    {
        return Err(OperationError::SameStore { path: same.clone() });
    }
    let mut merged = Vec::new();
    for (reader, folder) in readers.iter().zip(from) {
        let runs = match reader {
            Some(reader) => store.merge_runs(reader, files)?,
            None => MergedRuns::default(),
        };
        merged.push(MergedStore {
            store: folder.clone(),
            runs,
        });
    }
    Ok(merged)
}

/// None of a store that has data sets alone.
fn reader(folder: &Path) -> Result<Option<StoreReader>, StoreError> {
    match StoreReader::open(folder) {
        Err(StoreError::Missing { .. }) if folder.join(DATA).is_dir() => Ok(None),
        opened => opened.map(Some),
    }
}
