//! Data sets: import into the store, list, summarize, and open for browsing.

use std::collections::BTreeSet;
use std::path::Path;

use super::OperationError;
pub use crate::data::library::{list, show as summary};
use crate::data::preferences::{PreferencePair, PreferenceSet};
use crate::data::{DialogueSet, Example, ImportReport, LabelledPair, LevelSet, Split, library};
use crate::operations::require_writable;

/// A whole data set in memory.
#[derive(Debug)]
pub struct OpenSet {
    pub name: String,
    pub dialogues: Option<DialogueSet>,
    pub levels: Option<LevelSet>,
    pub preferences: Option<PreferenceSet>,
}

/// One row of an open set.
#[derive(Clone, Copy, Debug)]
pub enum SetEntry<'a> {
    Example(Split, &'a Example),
    Pair(&'a LabelledPair),
    Preference(&'a PreferencePair),
}

/// Imports a data set into the store.
///
/// # Errors
/// The store is read-only; the files are missing or wrong.
pub fn import(store: &Path, name: &str, dir: &Path) -> Result<ImportReport, OperationError> {
    require_writable(store)?;
    Ok(library::import(store, name, dir)?)
}

/// Imports the preference pairs of a JSONL file as the set `name`.
///
/// # Errors
/// The store is read-only; the name cannot be one; a file is missing or malformed.
pub fn import_preferences(
    store: &Path,
    name: &str,
    source: &Path,
    contexts: Option<&Path>,
) -> Result<ImportReport, OperationError> {
    require_writable(store)?;
    Ok(library::import_preferences(store, name, source, contexts)?)
}

/// Opens a whole data set.
pub fn open(store: &Path, name: &str) -> Result<OpenSet, OperationError> {
    let sets = library::list(store)?;
    let set = sets.iter().find(|set| set.name == name);
    let has_dialogues = set.is_some_and(|set| set.has_dialogues);
    let has_levels = set.is_some_and(|set| set.has_levels);
    let dialogues = has_dialogues.then(|| library::open_dialogues(store, name));
    let levels = has_levels.then(|| library::open_levels(store, name));
    let has_preferences = set.is_some_and(|set| set.preference_pairs.is_some());
    let preferences = has_preferences.then(|| library::open_preferences(store, name));
    Ok(OpenSet {
        name: name.to_string(),
        dialogues: dialogues.transpose()?,
        levels: levels.transpose()?,
        preferences: preferences.transpose()?,
    })
}

impl OpenSet {
    pub fn len(&self) -> usize {
        let dialogues = self.dialogues.as_ref();
        let examples = dialogues.map_or(0, |set| {
            Split::ALL.iter().map(|split| set.split(*split).len()).sum()
        });
        let preferences = self.preferences.as_ref().map_or(0, |set| set.pairs.len());
        examples + self.levels.as_ref().map_or(0, |set| set.pairs.len()) + preferences
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at an index: the splits in order, then labelled pairs, then preference pairs.
    pub fn entry(&self, mut index: usize) -> Option<SetEntry<'_>> {
        if let Some(set) = &self.dialogues {
            for split in Split::ALL {
                let examples = set.split(split);
                match examples.get(index) {
                    Some(example) => return Some(SetEntry::Example(split, example)),
                    None => index -= examples.len(),
                }
            }
        }
        if let Some(set) = &self.levels {
            match set.pairs.get(index) {
                Some(pair) => return Some(SetEntry::Pair(pair)),
                None => index -= set.pairs.len(),
            }
        }
        let pair = self.preferences.as_ref()?.pairs.get(index)?;
        Some(SetEntry::Preference(pair))
    }

    /// The emotions of the dialogues, sorted.
    pub fn emotions(&self) -> Vec<String> {
        let splits = self
            .dialogues
            .iter()
            .flat_map(|set| Split::ALL.map(|split| set.split(split)));
        let names = splits.flatten().map(|example| &*example.emotion);
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_string).collect()
    }
}
