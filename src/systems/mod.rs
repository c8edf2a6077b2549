//! Systems at work: our own checkpoints answer contexts, and any system is measured.
//!
//! What takes minutes: told how far it is, and stopped, through one function. Knows the store and the trainers;
//! must not know who asks, a thread or a screen.

mod answer;
mod measure;

use std::ops::ControlFlow;
use std::path::Path;

pub use answer::{Answering, answer};
pub use measure::{Measuring, measure};

use crate::engine::reference::ReferenceError;
use crate::store::{StoreError, StoreReader};
use crate::study::StudyError;
use crate::train::TrainError;

/// Rows that a model takes at once.
const BATCH: usize = 32;

/// How far a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is done, and with what.
    pub doing: &'a str,
    /// Rows done.
    pub done: usize,
    /// Rows in all.
    pub of: usize,
}

/// Hears how far it is and says whether to go on.
pub type Hear<'a> = &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>;

/// Why a system cannot answer or be measured.
#[derive(Debug, thiserror::Error)]
pub enum SystemsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error("the name of the system is empty; give one")]
    NoName,
    #[error("there is no system to score; take in a system's responses first")]
    NoSystem,
    /// Whoever hears of the progress said so.
    #[error("stopped; nothing of it is kept")]
    Stopped,
}

/// Whether a system can have this name: looked at before a model works for minutes.
///
/// # Errors
/// The name is empty; or there is a system of this name, which is not to be replaced.
pub fn check_name(store: &Path, name: &str, replace: bool) -> Result<(), SystemsError> {
    if name.trim().is_empty() {
        return Err(SystemsError::NoName);
    }
    let systems = match StoreReader::open(store) {
        Ok(reader) => reader.systems()?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    match !replace && systems.iter().any(|system| system.name == name) {
        true => Err(StoreError::SystemExists {
            name: name.to_string(),
        }
        .into()),
        false => Ok(()),
    }
}
