//! The three communication mechanisms and the three empathy levels (Sec. III-D of the paper).
//!
//! Must not know how levels are identified or shown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way in which a response can be empathetic; one identifier is trained for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Warmth, compassion or concern that the response expresses.
    EmotionalReaction,
    /// Understanding of feelings and experiences that the response communicates.
    Interpretation,
    /// Interest in what was not said: the response asks about it.
    Exploration,
}

impl Mechanism {
    /// All mechanisms, in the order of every `[_; 3]` of the program.
    pub const ALL: [Mechanism; 3] = [
        Mechanism::EmotionalReaction,
        Mechanism::Interpretation,
        Mechanism::Exploration,
    ];

    /// Place in [`Mechanism::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name in files, keys of metrics and settings: `emotional_reaction`.
    pub const fn key(self) -> &'static str {
        match self {
            Mechanism::EmotionalReaction => "emotional_reaction",
            Mechanism::Interpretation => "interpretation",
            Mechanism::Exploration => "exploration",
        }
    }

    /// Name for a person: `Emotional reaction`.
    pub const fn title(self) -> &'static str {
        match self {
            Mechanism::EmotionalReaction => "Emotional reaction",
            Mechanism::Interpretation => "Interpretation",
            Mechanism::Exploration => "Exploration",
        }
    }

    /// The mechanism whose [`key`](Mechanism::key) this is.
    pub fn from_key(key: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|m| m.key() == key)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How strongly a response uses a mechanism. In files a number: 0, 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum EmpathyLevel {
    No,
    Weak,
    Strong,
}

impl EmpathyLevel {
    /// All levels, from none to strong.
    pub const ALL: [EmpathyLevel; 3] = [EmpathyLevel::No, EmpathyLevel::Weak, EmpathyLevel::Strong];

    /// The class that identifiers predict: 0, 1 or 2.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The level of a class, if there is one.
    pub fn from_index(index: usize) -> Option<EmpathyLevel> {
        EmpathyLevel::ALL.get(index).copied()
    }

    /// Name for a person: `No`, `Weak`, `Strong`.
    pub const fn title(self) -> &'static str {
        match self {
            EmpathyLevel::No => "No",
            EmpathyLevel::Weak => "Weak",
            EmpathyLevel::Strong => "Strong",
        }
    }
}

impl fmt::Display for EmpathyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

impl FromStr for EmpathyLevel {
    type Err = UnreadLevel;

    /// Reads a level as people write it: 0, 1 or 2, also as 1.0; or no, none, weak or strong.
    fn from_str(text: &str) -> Result<Self, UnreadLevel> {
        let plain = text.trim().to_lowercase();
        let by_number = || {
            let number: f64 = plain.parse().ok()?;
            EmpathyLevel::ALL
                .into_iter()
                .find(|level| level.index() as f64 == number)
        };
        let level = match plain.as_str() {
            "no" | "none" => Some(EmpathyLevel::No),
            "weak" => Some(EmpathyLevel::Weak),
            "strong" => Some(EmpathyLevel::Strong),
            _ => by_number(),
        };
        level.ok_or_else(|| UnreadLevel(text.to_string()))
    }
}

/// A text that is no empathy level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no level: levels are 0 (no), 1 (weak) and 2 (strong)")]
pub struct UnreadLevel(pub String);

/// A number that is no empathy level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no empathy level; levels are 0 (no), 1 (weak) and 2 (strong)")]
pub struct NoSuchLevel(pub u8);

impl TryFrom<u8> for EmpathyLevel {
    type Error = NoSuchLevel;

    fn try_from(level: u8) -> Result<Self, NoSuchLevel> {
        EmpathyLevel::from_index(level.into()).ok_or(NoSuchLevel(level))
    }
}

impl From<EmpathyLevel> for u8 {
    fn from(level: EmpathyLevel) -> u8 {
        level as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_numbers_in_files_and_others_are_refused() {
        let text = serde_json::to_string(&EmpathyLevel::ALL).unwrap();
        assert_eq!(text, "[0,1,2]");
        let error = serde_json::from_str::<EmpathyLevel>("3").unwrap_err();
        assert!(error.to_string().contains("3 is no empathy level"));
    }

    #[test]
    fn levels_are_read_as_people_write_them() {
        for (texts, level) in [
            (["0", "0.0", " no", "None"], EmpathyLevel::No),
            (["1", "1.0", "weak", "WEAK "], EmpathyLevel::Weak),
            (["2", "2.0", "strong", "2.00"], EmpathyLevel::Strong),
        ] {
            assert!(
                texts.iter().all(|text| text.parse() == Ok(level)),
                "{texts:?}"
            );
        }
        for text in ["3", "0.5", "-1", "", "nan", "medium"] {
            let error = text.parse::<EmpathyLevel>().unwrap_err().to_string();
            assert!(error.contains("is no level: levels are 0 (no)"), "{error}");
        }
    }

    #[test]
    fn mechanisms_are_found_by_their_keys() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_key(mechanism.key()), Some(mechanism));
            assert_eq!(
                serde_json::to_value(mechanism).unwrap(),
                serde_json::Value::from(mechanism.key())
            );
        }
        assert_eq!(Mechanism::from_key("warmth"), None);
    }
}
