//! Judging in a browser, as far as this window serves it.

use super::remote::Remote;
use crate::store::StudyId;

/// Where a study can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedAt {
    /// Pseudonym, name and link of each annotator.
    pub links: Vec<(String, String, String)>,
    /// Whether only this machine can reach it.
    pub is_private: bool,
}

/// The study that is served, or is to be.
#[derive(Debug)]
pub struct Serving {
    /// None while nothing is served.
    pub study: Option<StudyId>,
    /// Where to listen, as typed.
    pub address: String,
    /// Of the pages.
    pub language: &'static str,
    pub job: Remote<(), JudgedAt>,
    /// None before the first link is there.
    pub at: Option<JudgedAt>,
}

impl Default for Serving {
    fn default() -> Self {
        Serving {
            study: None,
            address: "127.0.0.1:8420".to_string(),
            language: "en",
            job: Remote::default(),
            at: None,
        }
    }
}

impl Serving {
    pub fn poll(&mut self) {
        if let Some(at) = self.job.progress() {
            self.at = Some(at);
        }
        if self.job.poll() {
            self.study = None;
            self.at = None;
        }
    }
}
