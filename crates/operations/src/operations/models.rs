//! Saved models: list, describe, export.

mod facts;
mod reference;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use facts::facts;
use reference::saved_models;
pub use reference::{CheckpointOrigin, Reference, ReferenceError, ResolvedModel, RunModels};

use super::{OnProgress, OperationError, Progress};
use crate::data::EmpathyLevel;
use crate::experiment::SCRATCH;
pub use crate::metrics::BestOf;
use crate::metrics::Truncation;
pub use crate::train::TrainError;
pub use crate::train::best_of::Targeted;
pub use crate::train::export::Exported;
pub use crate::train::saved::{
    Anatomy, Drawing, GeneratedResponse, Identified, SavedIdentifiers, SavedModel,
};

/// Rows in a batch.
pub(super) const BATCH: usize = 32;
/// The device for a model whose weights are only read.
const READING: &str = "flex";

/// The saved models to choose from.
#[derive(Clone, Debug)]
pub struct SavedModels {
    /// The latest first.
    pub runs: Vec<RunModels>,
    /// The T5 folders that those runs started from, sorted.
    pub folders: Vec<PathBuf>,
}

/// Lists the saved models of the store; none without a store.
pub fn list(store: &Path) -> Result<SavedModels, OperationError> {
    let runs = saved_models(store)?;
    let folders: BTreeSet<PathBuf> = runs
        .iter()
        .map(|run| run.config.model.source.as_str())
        .filter(|source| *source != SCRATCH)
        .map(PathBuf::from)
        .collect();
    Ok(SavedModels {
        runs,
        folders: folders.into_iter().collect(),
    })
}

/// Reads the whole model in `folder`, so that damage is found, and describes it.
///
/// # Errors
/// The folder contains no model, or a damaged one.
pub fn describe(folder: &Path) -> Result<Anatomy, OperationError> {
    Ok(SavedModel::open(folder, READING)?.anatomy())
}

/// Writes the model in `folder` as a Hugging Face folder `to`, which is new or empty.
///
/// # Errors
/// As [`describe`]; or `to` is not empty or cannot be written.
pub fn export(folder: &Path, to: &Path) -> Result<Exported, OperationError> {
    Ok(SavedModel::open(folder, READING)?.export(to)?)
}

/// What the identifiers do not read of contexts with responses, and of contexts with targets.
pub(super) fn truncation(
    identifiers: &SavedIdentifiers,
    responses: &[(&str, &str)],
    targets: &[(&str, &str)],
) -> Truncation {
    Truncation::new(
        identifiers.limits(),
        &identifiers.truncated(responses),
        &identifiers.truncated(targets),
    )
}

/// The levels of each (context, response), by mechanism; `doing` is for the progress.
pub(super) fn identify(
    identifiers: &SavedIdentifiers,
    pairs: &[(&str, &str)],
    doing: &str,
    on_progress: OnProgress<'_>,
) -> Result<Vec<[EmpathyLevel; 3]>, OperationError> {
    let of = pairs.len();
    let mut flow = ControlFlow::Continue(());
    let identified = identifiers.identify_while(pairs, BATCH, &mut |done| {
        flow = on_progress(Progress { doing, done, of });
        flow
    });
    match flow {
        ControlFlow::Break(()) => Err(OperationError::Stopped),
        ControlFlow::Continue(()) => {
            let levels = |row: [Identified; 3]| row.map(|identified| identified.level);
            Ok(identified.into_iter().map(levels).collect())
        }
    }
}

/// Opens the identifiers whose reward chooses the best of n responses of `model`: the given ones, else its run's.
///
/// # Errors
/// There are none, or they cannot be opened.
pub fn judge(
    store: &Path,
    model: &Reference,
    given: Option<&Reference>,
    device: &str,
) -> Result<SavedIdentifiers, OperationError> {
    let own = model.of_own_run();
    let found = given.or(own.as_ref()).ok_or(OperationError::NoJudge)?;
    Ok(SavedIdentifiers::open(
        &found.identifiers(store)?.folder,
        device,
    )?)
}
