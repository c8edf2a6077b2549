//! The status of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Paused,
    /// Every stage is done.
    Finished,
    /// Ended by an error, which is kept with the run.
    Failed,
    /// Ended because a person asked; it can be resumed.
    Stopped,
    /// The process that ran it is gone; it can be resumed.
    Interrupted,
    /// A part of it cannot be read; never written.
    Damaged,
}

impl RunStatus {
    pub const ALL: [RunStatus; 7] = [
        RunStatus::Running,
        RunStatus::Paused,
        RunStatus::Finished,
        RunStatus::Failed,
        RunStatus::Stopped,
        RunStatus::Interrupted,
        RunStatus::Damaged,
    ];

    /// The name in files and within a sentence.
    pub fn key(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Paused => "paused",
            RunStatus::Finished => "finished",
            RunStatus::Failed => "failed",
            RunStatus::Stopped => "stopped",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Damaged => "damaged",
        }
    }

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            RunStatus::Running => "Running",
            RunStatus::Paused => "Paused",
            RunStatus::Finished => "Finished",
            RunStatus::Failed => "Failed",
            RunStatus::Stopped => "Stopped",
            RunStatus::Interrupted => "Interrupted",
            RunStatus::Damaged => "Damaged",
        }
    }

    pub fn from_key(key: &str) -> Option<RunStatus> {
        RunStatus::ALL
            .into_iter()
            .find(|status| status.key() == key)
    }

    /// Whether some process must be running it.
    pub fn is_active(self) -> bool {
        matches!(self, RunStatus::Running | RunStatus::Paused)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
