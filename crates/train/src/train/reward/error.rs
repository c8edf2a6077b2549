//! Why a program or a server could not score responses.

use thiserror::Error;

/// A term's scorer failed as often as it may be tried.
#[derive(Debug, Error)]
#[error(
    "the reward's term \"{term}\" could not be scored by {scorer}: {why}{}{}. Try it by hand, or raise its timeout or \
     its retries", times(*.attempts), said(.stderr)
)]
pub struct ScorerError {
    /// Its name.
    pub term: String,
    /// The program with its arguments, or the address.
    pub scorer: String,
    /// What was wrong at the last attempt.
    pub why: String,
    pub attempts: u64,
    /// The end of what the program wrote on its standard error.
    pub stderr: String,
}

fn times(attempts: u64) -> String {
    match attempts {
        0 | 1 => String::new(),
        attempts => format!(" (the last of {attempts} attempts)"),
    }
}

fn said(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        words => format!(". On its standard error it said: {words}"),
    }
}

/// What went wrong at one attempt.
#[derive(Debug)]
pub(super) struct Trouble {
    pub why: String,
    pub stderr: String,
}

impl Trouble {
    pub fn new(why: impl Into<String>) -> Trouble {
        Trouble {
            why: why.into(),
            stderr: String::new(),
        }
    }
}
