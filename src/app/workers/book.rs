//! A data set that is open: all its examples and pairs, by their places.

use crate::data::{DialogueSet, Example, LabelledPair, LevelSet, Split};

/// A whole data set, in memory.
#[derive(Debug)]
pub struct Book {
    pub name: String,
    pub dialogues: Option<DialogueSet>,
    pub levels: Option<LevelSet>,
}

/// One example of a book.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    Example(Split, &'a Example),
    Pair(&'a LabelledPair),
}

impl Book {
    /// How many examples and pairs there are.
    pub fn len(&self) -> usize {
        let dialogues = self.dialogues.as_ref();
        let examples = dialogues.map_or(0, |set| {
            Split::ALL.iter().map(|split| set.split(*split).len()).sum()
        });
        examples + self.levels.as_ref().map_or(0, |set| set.pairs.len())
    }

    /// The example or pair at a place: the splits one after the other, then the pairs.
    pub fn entry(&self, at: usize) -> Option<Entry<'_>> {
        let mut at = at;
        if let Some(set) = &self.dialogues {
            for split in Split::ALL {
                let examples = set.split(split);
                match examples.get(at) {
                    Some(example) => return Some(Entry::Example(split, example)),
                    None => at -= examples.len(),
                }
            }
        }
        let pair = self.levels.as_ref()?.pairs.get(at)?;
        Some(Entry::Pair(pair))
    }

    /// Every emotion, in order.
    pub fn emotions(&self) -> Vec<String> {
        let mut emotions: Vec<String> = Vec::new();
        if let Some(set) = &self.dialogues {
            let all = Split::ALL.iter().flat_map(|split| set.split(*split));
            let mut names: Vec<&str> = all.map(|example| example.emotion.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            emotions = names.into_iter().map(str::to_string).collect();
        }
        emotions
    }
}
