//! Whether an annotator of a study judges, pauses, or is excluded.

use serde::{Deserialize, Serialize};

/// Where an annotator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Judging,
    /// Cannot judge for now; what they judged counts.
    Paused,
    /// Cannot judge; what they judged is kept, exported and counts nowhere.
    Excluded,
}

impl Standing {
    /// Whether what they judged counts.
    pub fn counts(self) -> bool {
        self != Standing::Excluded
    }

    /// The name in the store.
    pub const fn key(self) -> &'static str {
        match self {
            Standing::Judging => "judging",
            Standing::Paused => "paused",
            Standing::Excluded => "excluded",
        }
    }

    /// The standing whose [`key`](Standing::key) this is.
    pub fn from_key(key: &str) -> Option<Standing> {
        let all = [Standing::Judging, Standing::Paused, Standing::Excluded];
        all.into_iter().find(|standing| standing.key() == key)
    }
}

/// A change of an annotator's standing, on record with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingChange {
    pub standing: Standing,
    pub reason: String,
    /// In milliseconds since the Unix epoch.
    pub wall_ms: i64,
}
