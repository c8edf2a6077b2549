//! Labels, scores and verdicts in a file of their own, added to the answers of a corpus that they are about.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::super::{OperationError, require_writable};
use super::answers::Answer;
use crate::data::corpus::record::{Score, TARGET, Verdict};
use crate::data::corpus::{Known, Record, Remark, RemarkColumns, RemarkFile, RowProblem};
use crate::data::library::{self, AddedTo, Adding, Remarks};

/// Records between two commits.
const RECORDS_AT_ONCE: usize = 10_000;
/// Ids that are named of each kind of rows.
const NAMED: usize = 5;

/// What was found in a file, and what of it is about answers of the corpus.
#[derive(Debug, Default, Serialize)]
pub struct Joined {
    /// Column of the record's id.
    pub id: String,
    /// Column of the system.
    pub system: Option<String>,
    /// All rows of the file: those that are joined, those that are not, by the reasons below, and those with a problem.
    pub rows: usize,
    /// Rows that say something of an answer of the corpus.
    pub joined: usize,
    /// Answers that were given something.
    pub answers: usize,
    /// Rows whose id no record has.
    pub without_record: usize,
    /// The first of these.
    pub unknown_ids: Vec<FoundId>,
    /// Rows whose record has no response of their system.
    pub without_response: usize,
    /// The first of these.
    pub unanswered_ids: Vec<FoundId>,
    /// Rows with neither a label, a score nor a verdict, such as an empty winner.
    pub without_remark: usize,
    /// The first of these.
    pub silent_ids: Vec<FoundId>,
    /// Rows that give an answer another value of a label than a row before; the first is kept.
    pub other_labels: usize,
    /// Answers by label.
    pub labels: BTreeMap<String, usize>,
    /// Values by score; an answer has several where rows repeat.
    pub scores: BTreeMap<String, usize>,
    /// By the verdict's name.
    pub verdicts: BTreeMap<String, usize>,
    pub left_out: BTreeMap<String, String>,
    /// What a person should know; each a sentence.
    pub notes: Vec<String>,
    pub problems: Vec<RowProblem>,
}

/// The id of a row that is not joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundId {
    pub id: String,
    /// Where the row begins, from 1.
    pub line: usize,
}

impl FoundId {
    /// Adds the id of a row to those that are named, unless there are enough.
    fn note(named: &mut Vec<FoundId>, remark: &Remark) {
        let is_named = named.iter().any(|known| known.id == remark.id);
        if named.len() < NAMED && !is_named {
            named.push(FoundId {
                id: remark.id.clone(),
                line: remark.line,
            });
        }
    }
}

/// Adds the labels, scores and verdicts of a file to the answers that its rows are about, under names that begin with `name`
/// and `_`. A row is about the response of its system (`target` is the listener's own); without a system, about a record's
/// only answer, else about the record. A verdict is about the answers of its two systems.
/// With `dry_run` nothing is written.
///
/// # Errors
/// There is no such corpus, it is damaged, or it has another addition of this name; see [`RemarkFile::open`]; no row is
/// about an answer; the store cannot be written.
pub fn join(
    store: &Path,
    corpus: &str,
    name: &str,
    file: &Path,
    columns: &RemarkColumns,
    dry_run: bool,
) -> Result<Joined, OperationError> {
    require_writable(store)?;
    let (manifest, entry) = library::require_corpus(store, corpus)?;
    let mapping = library::corpus_mapping(store, corpus)?;
    let mut known = Known::of_systems(entry.counts.systems.keys().cloned(), &mapping);
    library::each_imported_record(store, corpus, |record| {
        known.add(&record);
        Ok::<_, OperationError>(())
    })?;
    let found = RemarkFile::open(file, &known, columns)?;
    let mut joined = Joined {
        id: found.id.clone(),
        system: found.system.clone(),
        left_out: found.left_out.clone(),
        ..Joined::default()
    };
    let mut by_id: HashMap<String, Vec<Remark>> = HashMap::new();
    let mut problems = Vec::new();
    let notes = found.each(
        &known,
        |remark| {
            joined.rows += 1;
            let says_nothing =
                remark.labels.is_empty() && remark.scores.is_empty() && remark.verdicts.is_empty();
            match &remark.record {
                None => {
                    joined.without_record += 1;
                    FoundId::note(&mut joined.unknown_ids, &remark);
                }
                Some(_) if says_nothing => {
                    joined.without_remark += 1;
                    FoundId::note(&mut joined.silent_ids, &remark);
                }
                Some(record) => by_id.entry(record.clone()).or_default().push(remark),
            }
        },
        |problem| problems.push(problem),
    )?;
    joined.rows += problems.len();
    joined.problems = problems;
    joined.notes = [found.notes.clone(), notes].concat();

    let mut adding = match dry_run {
        true => None,
        false => {
            let by = file.file_name().unwrap_or_default().to_string_lossy();
            let fingerprint = format!(
                "{} {} {columns:?} {}",
                found.source.sha256,
                found.id,
                library::records_of(&manifest).unwrap_or_default()
            );
            Some(Adding::begin(store, corpus, name, &by, &fingerprint)?)
        }
    };
    let from = adding
        .as_ref()
        .map_or(0, |adding| adding.addition().records);
    let (mut place, mut lines) = (0, Vec::new());
    // What other files and this one added is not needed for that.
    library::each_imported_record(store, corpus, |record| {
        if let Some(remarks) = by_id.get(&record.id) {
            let given = given(name, &record, remarks, &mut joined);
            if place >= from && !given.is_empty() {
                lines.push(AddedTo {
                    record: place,
                    remarks: given,
                });
            }
        }
        place += 1;
        if let Some(adding) = &mut adding
            && lines.len() >= RECORDS_AT_ONCE
        {
            adding.commit(&lines, place, &BTreeMap::new())?;
            lines.clear();
        }
        Ok::<_, OperationError>(())
    })?;
    if joined.joined == 0 {
        return Err(OperationError::NothingJoined {
            path: file.to_path_buf(),
            corpus: corpus.to_string(),
            without_record: joined.without_record,
            without_response: joined.without_response,
            without_remark: joined.without_remark,
        });
    }
    if let Some(mut adding) = adding {
        adding.commit(&lines, place.max(from), &BTreeMap::new())?;
        adding.finish()?;
    }
    Ok(joined)
}

/// What a record's answers are given by the rows with its id.
fn given(name: &str, record: &Record, rows: &[Remark], joined: &mut Joined) -> Vec<Remarks> {
    let only = match (&record.target, record.responses.len()) {
        (None, 1) => Some(0),
        _ => None,
    };
    let mut given: BTreeMap<Option<usize>, Remarks> = BTreeMap::new();
    let answers = Answer::of(record);
    for row in rows {
        // Of a record without any answers nobody knows which systems it is about.
        let is_there = |system: &str| {
            let mut systems = answers.iter();
            systems.any(|answer| answer.text.is_none() || answer.system == system)
        };
        if !row.verdicts.iter().flat_map(Verdict::pair).all(is_there) {
            joined.without_response += 1;
            FoundId::note(&mut joined.unanswered_ids, row);
            continue;
        }
        let response = match &row.system {
            None => only,
            Some(system) if system == TARGET && record.target.is_some() => None,
            Some(system) => {
                let mut responses = record.responses.iter();
                match responses.position(|response| response.system == *system) {
                    Some(place) => Some(place),
                    None => {
                        joined.without_response += 1;
                        FoundId::note(&mut joined.unanswered_ids, row);
                        continue;
                    }
                }
            }
        };
        joined.joined += 1;
        let remarks = given.entry(response).or_insert_with(|| Remarks {
            response,
            ..Remarks::default()
        });
        let mut differs = false;
        for (label, value) in &row.labels {
            let label = own_name(name, label);
            match remarks.labels.get(&label) {
                Some(before) => differs |= before != value,
                None => {
                    *joined.labels.entry(label.clone()).or_default() += 1;
                    remarks.labels.insert(label, value.clone());
                }
            }
        }
        joined.other_labels += usize::from(differs);
        for score in &row.scores {
            let score = Score {
                name: own_name(name, &score.name),
                ..score.clone()
            };
            *joined.scores.entry(score.name.clone()).or_default() += 1;
            remarks.scores.push(score);
        }
        for verdict in &row.verdicts {
            let verdict = Verdict {
                name: own_name(name, &verdict.name),
                ..verdict.clone()
            };
            *joined.verdicts.entry(verdict.name.clone()).or_default() += 1;
            remarks.verdicts.push(verdict);
        }
    }
    joined.answers += given.len();
    given.into_values().collect()
}

/// What a column is called beside those of the corpus and of other additions.
fn own_name(addition: &str, column: &str) -> String {
    let plain = column
        .strip_prefix("scores.")
        .or_else(|| column.strip_prefix("labels."));
    format!("{addition}_{}", plain.unwrap_or(column))
}
