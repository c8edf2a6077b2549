//! Any system's responses: read from a file, aligned with their contexts, and checked row by row.
//!
//! Knows rows and contexts; must not know studies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::align_by::AlignBy;
use super::contexts::OrderedContexts;
use super::counted;
use super::display::is_tokenized;
use super::error::StudyError;
use super::hex;
use super::matching::match_rows;
use super::shift::suspicion;
use crate::data::reader::{self, Form, RowFile, Wanted};
use crate::data::rows::Row;

/// A problem with a row or a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    /// The context has no response. `place` is its index, from 0; `line` a line of the file, from 1.
    Missing { place: usize },
    /// A second row answers the same context; the first counts.
    #[serde(rename = "doubled")]
    Duplicate {
        place: usize,
        line: usize,
        /// Line of the first.
        first: usize,
    },
    /// The response is empty: it counts in scores, but no study shows it.
    Empty { place: usize, line: usize },
    /// The row's context is not the one it is aligned with; it is left out.
    Misaligned { line: usize, why: String },
}

impl Problem {
    /// A sentence without its full stop, for a person; contexts are called as in `order`.
    pub fn words(&self, order: &OrderedContexts) -> String {
        match self {
            Problem::Missing { place } => format!("{}: no response", order.name_of(*place)),
            Problem::Duplicate { place, line, first } => format!(
                "line {line}: a second response to {}, after line {first}; the first counts",
                order.name_of(*place)
            ),
            Problem::Empty { place, line } => {
                format!(
                    "line {line}: the response to {} is empty",
                    order.name_of(*place)
                )
            }
            Problem::Misaligned { line, why } => format!("line {line}: {why}; left out"),
        }
    }
}

/// A system's responses, by the index of their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemResponses {
    /// Rows of the file.
    pub rows: usize,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    pub aligned_by: AlignBy,
    /// Whether they are lower-case tokens, which are detokenized for people.
    pub tokenized: bool,
    /// By context, as in the file.
    pub answers: Vec<Option<String>>,
    /// Those of contexts last.
    pub problems: Vec<Problem>,
    /// The targets that rows give, by context.
    pub targets: BTreeMap<usize, String>,
    /// What a person should know about how the file was read and aligned; each a sentence.
    pub notes: Vec<String>,
}

impl SystemResponses {
    /// Responses that our own model generated for every context, in order.
    pub fn generated(answers: Vec<String>) -> SystemResponses {
        let mut hasher = Sha256::new();
        let mut problems = Vec::new();
        for (place, answer) in answers.iter().enumerate() {
            hasher.update(format!("{answer}\n").as_bytes());
            if answer.trim().is_empty() {
                let line = place + 1;
                problems.push(Problem::Empty { place, line });
            }
        }
        SystemResponses {
            rows: answers.len(),
            sha256: hex(&hasher.finalize()),
            aligned_by: AlignBy::Order,
            tokenized: is_tokenized(answers.iter().map(String::as_str)),
            answers: answers.into_iter().map(Some).collect(),
            problems,
            targets: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// See [`duplicate_share`].
    pub fn duplicate_share(&self) -> Option<f64> {
        duplicate_share(self.answers.iter().flatten().map(String::as_str))
    }
}

/// The fraction of responses that repeat an earlier one exactly; None without responses.
pub fn duplicate_share<'a>(responses: impl IntoIterator<Item = &'a str>) -> Option<f64> {
    let (mut seen, mut all) = (HashSet::new(), 0usize);
    for response in responses {
        seen.insert(response);
        all += 1;
    }
    (all > 0).then(|| (all - seen.len()) as f64 / all as f64)
}

/// Reads a file of responses, in any form that [`reader`] knows, and aligns it with `order`. Without `by`, rows are
/// aligned by the best that all of them offer: conversation and turn, index, words, order.
///
/// # Errors
/// The file cannot be read, has no responses, cannot be aligned as requested or without a guess (see
/// [`match_rows`]), or no row matches a context.
pub fn import(
    path: &Path,
    order: &OrderedContexts,
    by: Option<AlignBy>,
) -> Result<SystemResponses, StudyError> {
    let file = reader::read(path, Wanted::Responses)?;
    let mut imported = align(&file, order, by)?.responses;
    let mut notes = file.notes;
    if !matches!(file.form, Form::Lines | Form::JsonLines) {
        notes.push(format!("The file is read as {}.", file.form));
    }
    imported.notes.splice(0..0, notes);
    Ok(imported)
}

/// A file's responses at their contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignedResponses {
    pub responses: SystemResponses,
    /// By row: the index of the context that it answers; None for a row that does not count.
    pub places: Vec<Option<usize>>,
}

/// Aligns the rows of a file with `order`: the one rule for every command. Its notes are of the alignment alone.
///
/// # Errors
/// As [`import`], except for reading.
pub fn align(
    file: &RowFile,
    order: &OrderedContexts,
    by: Option<AlignBy>,
) -> Result<AlignedResponses, StudyError> {
    let matched = match_rows(&file.path, &file.rows, order, by)?;
    let mut imported = SystemResponses {
        rows: file.rows.len(),
        sha256: file.sha256.clone(),
        aligned_by: matched.by,
        tokenized: false,
        answers: vec![None; order.len()],
        problems: Vec::new(),
        targets: BTreeMap::new(),
        notes: matched.notes,
    };
    let places = imported.take(&file.rows, matched.places);
    let answered = imported.answers.iter().flatten();
    if answered.clone().next().is_none() {
        return Err(StudyError::NoMatch {
            path: file.path.clone(),
            rows: file.rows.len(),
            order: order.name.clone(),
            first: imported
                .problems
                .first()
                .map(|problem| problem.words(order))
                .unwrap_or_default(),
        });
    }
    imported.tokenized = is_tokenized(answered.map(String::as_str));
    imported.notes.extend(suspicion(order, &imported.answers));
    Ok(AlignedResponses {
        responses: imported,
        places,
    })
}

/// Gives contexts without a target those of the rows; a sentence where rows have another than their context.
pub fn other_targets(
    order: &mut OrderedContexts,
    targets: &BTreeMap<usize, String>,
) -> Option<String> {
    let other = targets
        .iter()
        .filter(|(place, target)| !order.fill_target(**place, target))
        .count();
    (other > 0).then(|| {
        format!(
            "{} another target than the context; the contexts' targets are kept.",
            counted(other, "row has", "rows have")
        )
    })
}

impl SystemResponses {
    /// Puts the rows to their places and lists what does not fit; returns the places of those that count.
    fn take(&mut self, rows: &[Row], places: Vec<Result<usize, String>>) -> Vec<Option<usize>> {
        let mut counting = vec![None; rows.len()];
        let mut lines: HashMap<usize, usize> = HashMap::new();
        for ((row, place), counts) in rows.iter().zip(places).zip(&mut counting) {
            let line = row.line;
            let place = match place {
                Ok(place) => place,
                Err(why) => {
                    self.problems.push(Problem::Misaligned { line, why });
                    continue;
                }
            };
            if let Some(&first) = lines.get(&place) {
                self.problems
                    .push(Problem::Duplicate { place, line, first });
                continue;
            }
            lines.insert(place, line);
            *counts = Some(place);
            let response = row.response.clone().unwrap_or_default();
            if response.trim().is_empty() {
                self.problems.push(Problem::Empty { place, line });
            }
            self.answers[place] = Some(response);
            let target = row.fields.get("target").and_then(Value::as_str);
            if let Some(target) = target.filter(|target| !target.trim().is_empty()) {
                self.targets.insert(place, target.to_string());
            }
        }
        let missing = (0..self.answers.len()).filter(|place| self.answers[*place].is_none());
        let missing: Vec<Problem> = missing.map(|place| Problem::Missing { place }).collect();
        self.problems.extend(missing);
        counting
    }
}
