//! Data sets: imported into the store, listed, summed up, and opened whole to be browsed.

use std::path::Path;

use super::OperationError;
pub use crate::data::library::{import, list, show as summary};
use crate::data::{DialogueSet, Example, LabelledPair, LevelSet, Split, library};

/// A whole data set in memory.
#[derive(Debug)]
pub struct OpenSet {
    pub name: String,
    pub dialogues: Option<DialogueSet>,
    pub levels: Option<LevelSet>,
}

/// One row of an open set.
#[derive(Clone, Copy, Debug)]
pub enum SetEntry<'a> {
    Example(Split, &'a Example),
    Pair(&'a LabelledPair),
}

/// Opens all that a set holds.
///
/// # Errors
/// The set is not imported or cannot be read.
pub fn open(store: &Path, name: &str) -> Result<OpenSet, OperationError> {
    let sets = library::list(store)?;
    let set = sets.iter().find(|set| set.name == name);
    let dialogues = set
        .filter(|set| set.has_dialogues)
        .map(|_| library::open_dialogues(store, name));
    let levels = set
        .filter(|set| set.has_levels)
        .map(|_| library::open_levels(store, name));
    Ok(OpenSet {
        name: name.to_string(),
        dialogues: dialogues.transpose()?,
        levels: levels.transpose()?,
    })
}

impl OpenSet {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        let dialogues = self.dialogues.as_ref();
        let examples = dialogues.map_or(0, |set| {
            Split::ALL.iter().map(|split| set.split(*split).len()).sum()
        });
        examples + self.levels.as_ref().map_or(0, |set| set.pairs.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at an index: the splits one after the other, then the labelled pairs.
    pub fn entry(&self, index: usize) -> Option<SetEntry<'_>> {
        let mut index = index;
        if let Some(set) = &self.dialogues {
            for split in Split::ALL {
                let examples = set.split(split);
                match examples.get(index) {
                    Some(example) => return Some(SetEntry::Example(split, example)),
                    None => index -= examples.len(),
                }
            }
        }
        let pair = self.levels.as_ref()?.pairs.get(index)?;
        Some(SetEntry::Pair(pair))
    }

    /// Every emotion of the dialogues once, in alphabetical order.
    pub fn emotions(&self) -> Vec<String> {
        let Some(set) = &self.dialogues else {
            return Vec::new();
        };
        let all = Split::ALL.iter().flat_map(|split| set.split(*split));
        let mut names: Vec<&str> = all.map(|example| example.emotion.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_string).collect()
    }
}
