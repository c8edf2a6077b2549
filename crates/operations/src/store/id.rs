//! Identifiers of runs and their checkpoints.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A run's number, never reused in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub i64);

/// A run, or a checkpoint of it: `RUN` or `RUN@STEP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunRef {
    pub run: RunId,
    pub step: Option<u64>,
}

/// A text that is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    #[error("`{0}` names no run; a run is a number such as 3, a checkpoint of it 3@1200")]
    Run(String),
    #[error("`{0}` names no study; a study is a number such as 3")]
    Study(String),
    #[error("`{0}` names no link; `emprl study links STUDY` shows the numbers")]
    Link(String),
    #[error("`{0}` names nothing in the queue; `emprl queue list` shows the numbers")]
    Queued(String),
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match number(text) {
            Some(id) if id > 0 => Ok(RunId(id)),
            _ => Err(ParseIdError::Run(text.to_string())),
        }
    }
}

impl fmt::Display for RunRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "{}@{step}", self.run),
            None => self.run.fmt(f),
        }
    }
}

impl FromStr for RunRef {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError::Run(text.to_string());
        let (run, step) = match text.split_once('@') {
            Some((run, step)) => (run, Some(number(step).ok_or_else(wrong)?)),
            None => (text, None),
        };
        Ok(RunRef {
            run: run.parse().map_err(|_| wrong())?,
            step: step.map(|step| step as u64),
        })
    }
}

/// Digits only: the `FromStr` of integers would also accept a plus sign.
pub(super) fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
