//! Systems' responses and studies in the store, and what is read of them.
//!
//! Before a study is unblinded nothing here gives one annotator the answers of another, or anybody the
//! systems behind the pages: [`crate::study::page::Worklist`] and counts are all that is read.

mod cases;
mod load;
mod reader;
mod systems;
mod writer;

pub use cases::{ScoredSystem, SystemScore};
pub use systems::{SystemAnswer, SystemId, SystemRow};

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

/// The number of a study in this store. Numbers are never used twice.
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

/// A study as the list shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyRow {
    /// Its number here.
    pub id: StudyId,
    /// What annotators know of it.
    pub head: StudyHead,
    /// Whether it was made in this store; else it came as a pack.
    pub is_own: bool,
    /// Everybody who judges, with counts.
    pub annotators: Vec<AnnotatorRow>,
    /// How it was unblinded; none while it is blind.
    pub unblinding: Option<Unblinding>,
}

/// Somebody who judges, and how far they are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnnotatorRow {
    /// From 1.
    pub number: u32,
    /// What packs and results call them.
    pub pseudonym: String,
    /// Their name, known in this store only; empty where the study came as a pack.
    pub name: String,
    /// Their part.
    pub role: Role,
    /// How far they are.
    pub progress: Progress,
}

/// What a pack brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The study.
    pub study: StudyId,
    /// The annotator.
    pub annotator: u32,
    /// Acts that were new.
    pub added: usize,
    /// Acts that were there already.
    pub known: usize,
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
    parse(
        &format!("study {study}, {column}"),
        &row.get::<_, String>(column)?,
    )
}
