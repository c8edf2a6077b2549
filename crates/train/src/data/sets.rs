//! Data sets in memory: examples by split, or pairs with levels. Must not know files.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::empathy::EmpathyLevel;

/// EmpatheticDialogues (Rashkin et al. 2019), dialogues.
pub const EMPATHETIC_DIALOGUES: &str = "empathetic-dialogues";
/// EPITOME's public part (Sharma et al. 2020), labelled pairs.
pub const MENTAL_HEALTH_SUBREDDITS: &str = "mental-health-subreddits";
/// The project's own small corpus, dialogues and labelled pairs; always there.
pub const BUILTIN: &str = "builtin";

/// All names, in the order in which they are listed.
pub const NAMES: [&str; 3] = [BUILTIN, EMPATHETIC_DIALOGUES, MENTAL_HEALTH_SUBREDDITS];

/// A context and the listener's answer. In JSONL the target is called `response`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    pub conversation: String,
    /// Position of the target in the conversation; the first utterance is 1.
    pub turn: u32,
    /// The speaker's, one word.
    pub emotion: String,
    /// As the speaker described it before the conversation.
    pub situation: String,
    /// Utterances before the target, oldest first.
    pub context: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// The listener's answer.
    #[serde(rename = "response", alias = "target")]
    pub target: String,
}

impl Example {
    /// What was said before the response.
    pub fn turns(&self) -> Turns<'_> {
        Turns {
            utterances: &self.context,
            roles: &self.roles,
        }
    }

    /// The context `c` of the method: all utterances, joined by one space.
    pub fn context_text(&self) -> String {
        self.turns().text()
    }
}

/// What was said before a response, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Turns<'a> {
    pub utterances: &'a [String],
    /// Who said each; empty where the sides alternate, the speaker first.
    pub roles: &'a [Role],
}

impl<'a> Turns<'a> {
    /// Of sides that alternate, the speaker first.
    pub fn alternating(utterances: &'a [String]) -> Self {
        Turns {
            utterances,
            roles: &[],
        }
    }

    /// The context `c` of the method: all utterances, joined by one space.
    pub fn text(&self) -> String {
        self.utterances.join(" ")
    }

    /// Each utterance with who said it.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &'a str)> {
        let roles = self.roles;
        let utterances = self.utterances.iter().enumerate();
        utterances.map(move |(turn, utterance)| (Role::of(roles, turn), utterance.as_str()))
    }
}

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Speaker,
    Listener,
}

impl Role {
    /// Who said an utterance: as `roles` say, else the sides alternate, the speaker first.
    pub fn of(roles: &[Role], turn: usize) -> Role {
        let by_turn = [Role::Speaker, Role::Listener][turn % 2];
        roles.get(turn).copied().unwrap_or(by_turn)
    }

    /// Name for a person: `Speaker`.
    pub const fn title(self) -> &'static str {
        match self {
            Role::Speaker => "Speaker",
            Role::Listener => "Listener",
        }
    }

    /// Roles as they are kept: none where the sides alternate, the speaker first.
    pub fn kept(roles: &[Role]) -> Vec<Role> {
        let alternate = roles
            .iter()
            .enumerate()
            .all(|(turn, role)| *role == Role::of(&[], turn));
        match alternate {
            true => Vec::new(),
            false => roles.to_vec(),
        }
    }
}

/// A post of a support seeker, a peer's response, and its annotated empathy levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledPair {
    /// Pairs with the same one are on the same side of a split.
    pub seeker_id: String,
    pub response_id: String,
    pub seeker_post: String,
    pub response_post: String,
    /// In the order of [`Mechanism::ALL`](super::Mechanism::ALL); `None` where not annotated.
    pub levels: [Option<EmpathyLevel>; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    pub const fn key(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

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
    pub train: T,
    pub validation: T,
    pub test: T,
}

impl<T> BySplit<T> {
    pub fn get(&self, split: Split) -> &T {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    pub fn get_mut(&mut self, split: Split) -> &mut T {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }
}

/// Dialogues as examples, by split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialogueSet {
    /// Name in the library: `empathetic-dialogues`, `builtin`.
    pub name: String,
    /// SHA-256 over the examples, in hexadecimal.
    pub fingerprint: String,
    /// Including those without any answer.
    pub conversations: BySplit<usize>,
    pub train: Vec<Example>,
    pub validation: Vec<Example>,
    pub test: Vec<Example>,
}

impl DialogueSet {
    pub fn split(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }
}

/// One of two sets of seeker posts that have none in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    First,
    Second,
}

impl LabelledPair {
    /// The half of its seeker post: by the last bit of the SHA-256 of the post's identifier, so that it is the same whatever
    /// the order and the size of the set.
    pub fn half(&self) -> Half {
        let digest = Sha256::digest(self.seeker_id.as_bytes());
        match digest.last().is_some_and(|byte| byte % 2 == 0) {
            true => Half::First,
            false => Half::Second,
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
    pub pairs: Vec<LabelledPair>,
}
