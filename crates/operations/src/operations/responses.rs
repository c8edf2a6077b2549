//! Systems' responses: import, generate with our own checkpoints, measure, search.

mod generate;
mod measure;
mod remarks;

use std::path::{Path, PathBuf};

pub use generate::{Generate, Responder, answer, generate};
pub(super) use measure::GIVEN;
pub use measure::{MeasureRequest, Measured, measure};
pub use remarks::{CaseRemarks, RecordRemarks, remarks};

use super::{OperationError, read_or_default};
use crate::store::{ScoredSystem, Store, StoreError, StoreReader, SystemRow};
use crate::study::AlignBy;
use crate::study::cases::{Case, CaseFilter, CaseSet, Search};
use crate::study::contexts::OrderedContexts;
use crate::study::responses::{self, SystemResponses};

/// The longest name of a system, in characters.
const SYSTEM_LIMIT: usize = 100;

/// Cases searched in one step.
const SEARCHED: usize = 1000;

/// A file of responses to import as a system.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    pub file: PathBuf,
    /// The system's name.
    pub system: String,
    /// The contexts in the file's order; else the imported test split of EmpatheticDialogues.
    pub contexts: Option<PathBuf>,
    /// How to align rows; else by the best that all rows offer.
    pub by: Option<AlignBy>,
    /// Whether to replace a system of the same name.
    pub replace: bool,
}

/// Responses that are now in the store.
#[derive(Clone, Debug)]
pub struct StoredResponses {
    pub system: String,
    /// A description of the file or checkpoint.
    pub source: String,
    pub responses: SystemResponses,
    pub contexts: OrderedContexts,
    /// Indices of contexts that the imported data set does not have.
    pub foreign: Vec<usize>,
}

impl StoredResponses {
    /// The responses that were stored.
    pub fn texts(&self) -> Vec<&str> {
        let answers = self.responses.answers.iter().flatten();
        answers.map(String::as_str).collect()
    }

    pub(super) fn put(self, store: &Path, replace: bool) -> Result<Self, OperationError> {
        Store::open(store)?.put_system(
            &self.system,
            &self.source,
            &self.responses,
            &self.contexts,
            replace,
        )?;
        Ok(self)
    }
}

/// Imports a system's responses.
///
/// # Errors
/// The name is empty, too long or taken, a file cannot be read, or the responses do not fit the contexts.
pub fn import(store: &Path, import: &Import) -> Result<StoredResponses, OperationError> {
    check_name(store, &import.system, import.replace)?;
    let (mut contexts, foreign) = OrderedContexts::find(store, import.contexts.as_deref())?;
    let mut responses = responses::import(&import.file, &contexts, import.by)?;
    let other = responses::other_targets(&mut contexts, &responses.targets);
    responses.notes.extend(other);
    responses.notes.splice(0..0, contexts.notes.drain(..));
    let name = import.file.file_name().unwrap_or(import.file.as_os_str());
    let stored = StoredResponses {
        system: import.system.clone(),
        source: name.to_string_lossy().into_owned(),
        responses,
        contexts,
        foreign,
    };
    stored.put(store, import.replace)
}

/// Checks that a system can have this name, before a model works for minutes.
///
/// # Errors
/// The name is empty, or taken and not to be replaced, or a study compares the system.
pub fn check_name(store: &Path, name: &str, replace: bool) -> Result<(), OperationError> {
    if name.trim().is_empty() {
        return Err(OperationError::NoSystemName);
    }
    if name.chars().count() > SYSTEM_LIMIT || name.contains(char::is_control) {
        return Err(OperationError::LongSystemName);
    }
    if name.contains(',') || name.trim() != name {
        return Err(OperationError::UnlistableSystemName);
    }
    let systems = read_or_default(store, StoreReader::systems)?;
    if !replace && systems.iter().any(|system| system.name == name) {
        let name = name.to_string();
        return Err(StoreError::SystemExists { name }.into());
    }
    if replace {
        read_or_default(store, |reader| reader.check_unused(name))?;
    }
    Ok(())
}

/// Deletes a system with its responses and scores.
///
/// # Errors
/// There is no such system, or a study compares it.
pub fn delete(store: &mut Store, system: &str) -> Result<(), OperationError> {
    Ok(store.remove_system(system)?)
}

/// The systems with their scores.
#[derive(Clone, Debug, Default)]
pub struct Systems {
    pub systems: Vec<SystemRow>,
    pub scores: Vec<ScoredSystem>,
}

/// Lists the systems; none without a store.
pub fn list(store: &Path) -> Result<Systems, OperationError> {
    Ok(read_or_default(store, |reader| {
        Ok(Systems {
            systems: reader.systems()?,
            scores: reader.scores()?,
        })
    })?)
}

/// All cases; none without a store.
pub fn cases(store: &Path) -> Result<CaseSet, OperationError> {
    Ok(read_or_default(store, StoreReader::cases)?)
}

/// The cases that contain every word; without words, the pinned ones.
pub fn find_cases<'a>(set: &'a CaseSet, words: &[String]) -> Vec<&'a Case> {
    let mut search = Search::new(CaseFilter {
        words: words.join(" "),
        pinned: words.is_empty(),
        ..CaseFilter::default()
    });
    while search.advance(set, SEARCHED) {}
    search.found.iter().map(|at| &set.cases[*at]).collect()
}
