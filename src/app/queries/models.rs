//! A model as the user chooses it, to talk to or to export.

use std::path::{Path, PathBuf};

use crate::experiment::Stage;
use crate::operations::models::{Reference, ReferenceError, ResolvedModel};
use crate::store::{RunId, RunRef};

/// A model, as the user chooses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelRef {
    Checkpoint { run: RunId, stage: Stage, step: u64 },
    Folder(PathBuf),
}

impl ModelRef {
    pub fn words(&self) -> String {
        match self {
            ModelRef::Checkpoint { run, stage, step } => {
                format!("run {run}, {} {step}", stage.title())
            }
            ModelRef::Folder(folder) => folder.display().to_string(),
        }
    }

    /// Where it lies.
    ///
    /// # Errors
    /// There is no such model.
    pub fn find(&self, store: &Path) -> Result<ResolvedModel, ReferenceError> {
        match self {
            ModelRef::Checkpoint { run, stage, step } => Reference::Run(RunRef {
                run: *run,
                step: Some(*step),
            })
            .model_of(store, *stage),
            ModelRef::Folder(folder) => Reference::Folder(folder.clone()).model(store),
        }
    }
}
