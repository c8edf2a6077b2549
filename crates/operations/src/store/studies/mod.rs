//! Systems' responses and studies in the store.
//!
//! Before a study is unblinded only [`crate::study::page::Worklist`] and counts can be read: no annotator
//! sees another's answers, and no one sees which systems wrote the responses.

mod cases;
mod judging;
mod links;
mod load;
mod marks;
mod reader;
mod returns;
mod standing;
mod systems;
mod workers;
mod writer;

pub use cases::{CaseSource, ScoredSystem, SystemScore};
pub use links::{LinkId, LinkRow, NewLink, OpenLink, Receipt, WorklistStamp};
pub use marks::{StudyMark, StudyMarks};
pub use returns::{AnswerSource, MergeTerms, PackDoubts, PackReturn, SourcedAnswer};
pub use systems::{SystemAnswer, SystemId, SystemRow};
pub use workers::{Entrance, Leaving, PlatformIds, WorkerRow, WorkerState, WorkerStep};

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ParseIdError;
use super::error::{Fault, StoreError};
use crate::study::make::Role;
use crate::study::page::{Progress, StudyHead};
use crate::study::record::Unblinding;
use crate::study::seal::SealState;
use crate::study::standing::Standing;

/// A study's number, never reused in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StudyId(pub i64);

impl fmt::Display for StudyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for StudyId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        super::id::number(text)
            .filter(|id| *id > 0)
            .map(StudyId)
            .ok_or_else(|| ParseIdError::Study(text.to_string()))
    }
}

/// A study in the list of studies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyRow {
    pub id: StudyId,
    pub head: StudyHead,
    pub marks: StudyMarks,
    /// Whether it was created in this store; else it came as a pack.
    pub is_own: bool,
    pub annotators: Vec<AnnotatorRow>,
    /// Items on which three differ and that wait to be given to a fourth; those given are the fourth's to judge.
    pub split_unassigned: usize,
    /// None while the study is blind.
    pub unblinding: Option<Unblinding>,
}

impl StudyRow {
    /// The lead's own name of it, or the title.
    pub fn name(&self) -> &str {
        match self.marks.name.is_empty() {
            true => &self.head.title,
            false => &self.marks.name,
        }
    }

    /// Whether it is neither archived nor deleted.
    pub fn is_current(&self) -> bool {
        !self.marks.archived && !self.marks.deleted
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnnotatorRow {
    /// From 1.
    pub number: u32,
    /// The name in packs and results.
    pub pseudonym: String,
    /// Known in this store only; empty if the study came as a pack.
    pub name: String,
    pub role: Role,
    pub standing: Standing,
    pub progress: Progress,
}

/// The outcome of opening or merging a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MergedPack {
    pub study: StudyId,
    pub annotator: u32,
    /// Records that were new: answers, skips, undos, flags and comments.
    pub added: usize,
    /// Records that were already there.
    pub known: usize,
    /// Items that the pack answers by a new record.
    pub new_answers: usize,
    /// Items that it answers as was known.
    pub known_answers: usize,
    /// Items with a new flag.
    pub flags: usize,
    /// Items with a new comment.
    pub comments: usize,
    /// The annotator's items that are answered differently at several places, so that no answer counts.
    pub contested: usize,
    /// Whether all but the judgements is as it was sent; None where it is to be judged here, without the key.
    pub seal: Option<SealState>,
    /// Whether it came in after the unblinding.
    pub is_late: bool,
    /// Of the new answers, those that came in after the unblinding and are kept without counting.
    pub late_left_out: usize,
    /// Late answers that were left out before and count now.
    pub late_counted: usize,
}

fn role_key(role: Role) -> &'static str {
    match role {
        Role::Rater => "rater",
        Role::Adjudicator => "adjudicator",
    }
}

fn no_study(db: &Connection, study: StudyId) -> Fault {
    let path = db.path().unwrap_or_default().into();
    StoreError::NoStudy { path, study }.into()
}

fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Unreadable(what.to_string(), error.to_string()))
}

fn parse_column<T: DeserializeOwned>(
    study: StudyId,
    row: &Row<'_>,
    column: &str,
) -> Result<T, Fault> {
    let text: String = row.get(column)?;
    parse(&format!("study {study}, {column}"), &text)
}
