//! What a data set is once it was read: examples by split, or pairs with levels.
//!
//! Plain values: must not know files.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::empathy::EmpathyLevel;

/// EmpatheticDialogues (Rashkin et al. 2019), dialogues.
pub const EMPATHETIC_DIALOGUES: &str = "empathetic-dialogues";
/// EPITOME's public part (Sharma et al. 2020), labelled pairs.
pub const MENTAL_HEALTH_SUBREDDITS: &str = "mental-health-subreddits";
/// The project's own small corpus, dialogues and labelled pairs; always there.
pub const BUILTIN: &str = "builtin";

/// All names, in the order in which they are listed.
pub const NAMES: [&str; 3] = [BUILTIN, EMPATHETIC_DIALOGUES, MENTAL_HEALTH_SUBREDDITS];

/// One context with the listener's answer to it. In JSONL the target is called `response`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Identifier of the conversation in its source.
    pub conversation: String,
    /// Place of the target in the conversation; the first utterance is 1.
    pub turn: u32,
    /// What the speaker feels, one word.
    pub emotion: String,
    /// What happened, as the speaker described it before the conversation.
    pub situation: String,
    /// Utterances before the target, oldest first.
    pub context: Vec<String>,
    /// The listener's own answer.
    #[serde(rename = "response", alias = "target")]
    pub target: String,
}

impl Example {
    /// The context `c` of the method: all utterances, joined by one space.
    pub fn context_text(&self) -> String {
        self.context.join(" ")
    }
}

/// One post, one response to it, and what people said of the response's empathy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledPair {
    /// Identifier of the post; pairs with the same one belong to the same side of a split.
    pub seeker_id: String,
    /// Identifier of the response.
    pub response_id: String,
    /// Who seeks support wrote this.
    pub seeker_post: String,
    /// A peer answered this.
    pub response_post: String,
    /// Level of each mechanism, in the order of [`Mechanism::ALL`](super::Mechanism::ALL);
    /// none where it was not annotated.
    pub levels: [Option<EmpathyLevel>; 3],
}

/// Part of a dialogue set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What is learned from.
    Train,
    /// What decides when to stop.
    Validation,
    /// What is reported.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Name in files and arguments.
    pub const fn key(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// The split whose [`key`](Split::key) this is.
    pub fn from_key(key: &str) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.key() == key)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// One value for each split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BySplit<T> {
    /// Of the training split.
    pub train: T,
    /// Of the validation split.
    pub validation: T,
    /// Of the test split.
    pub test: T,
}

impl<T> BySplit<T> {
    /// The value of one split.
    pub fn get(&self, split: Split) -> &T {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// The value of one split, to be changed.
    pub fn get_mut(&mut self, split: Split) -> &mut T {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }
}

/// Dialogues as examples, by split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogueSet {
    /// Name in the library: `empathetic-dialogues`, `builtin`.
    pub name: String,
    /// SHA-256 over the examples, in hexadecimal: two sets with the same one are the same.
    pub fingerprint: String,
    /// Conversations in each split, those without any answer included.
    pub conversations: BySplit<usize>,
    /// Examples to learn from.
    pub train: Vec<Example>,
    /// Examples that decide when to stop.
    pub validation: Vec<Example>,
    /// Examples to report on.
    pub test: Vec<Example>,
}

impl DialogueSet {
    /// The examples of one split.
    pub fn split(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }
}

/// Pairs with empathy levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelSet {
    /// Name in the library: `mental-health-subreddits`, `builtin`.
    pub name: String,
    /// SHA-256 over the pairs, in hexadecimal.
    pub fingerprint: String,
    /// The pairs, in the order of their source.
    pub pairs: Vec<LabelledPair>,
}
