//! Labels, scores and verdicts in a file of their own, added to the answers of a corpus that they are about.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::super::{OperationError, require_writable};
use super::answers::Answer;
use crate::data::corpus::record::{Score, TARGET, Verdict};
use crate::data::corpus::{
    About, Known, Record, Remark, RemarkColumns, RemarkFile, RemarkPart, RowProblem,
};
use crate::data::library::{self, AddedTo, Adding, Remarks};

/// Records between two commits.
const RECORDS_AT_ONCE: usize = 10_000;
/// Which rows are about which answers: what was joined by other rules is none of the same addition.
const RULES: &str = "rules 3";
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
    /// Rows that say something of an answer or a record of the corpus.
    pub joined: usize,
    /// Answers that were given something.
    pub answers: usize,
    /// Records that were given something which is about none of their answers, or about two.
    pub records: usize,
    /// Rows whose id no record has.
    pub without_record: usize,
    /// The first of these.
    pub unknown_ids: Vec<FoundId>,
    /// Rows whose id several records with different answers have, and which do not say whose answer they are about.
    pub of_several: usize,
    /// The first of these.
    pub several_ids: Vec<FoundId>,
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
    /// Whether the store had all of it already, from the same file.
    pub already: bool,
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
    let mut rows = Rows::default();
    let mut problems = Vec::new();
    let notes = found.each(
        &known,
        |remark| rows.add(remark),
        |problem| problems.push(problem),
    )?;
    joined.rows = rows.remarks.len() + problems.len();
    joined.problems = problems;
    joined.notes = [found.notes.clone(), notes].concat();

    let mut adding = match dry_run {
        true => None,
        false => {
            let by = file.file_name().unwrap_or_default().to_string_lossy();
            let fingerprint = format!(
                "{RULES} {} {} {columns:?} {}",
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
    joined.already = adding
        .as_ref()
        .is_some_and(|adding| adding.addition().finished);
    let (mut place, mut lines) = (0, Vec::new());
    // What other files and this one added is not needed for that.
    library::each_imported_record(store, corpus, |record| {
        if rows.by_record.contains_key(&place) {
            let given = rows.given(name, place, &record, &mut joined);
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
    rows.count(&mut joined);
    if joined.joined == 0 {
        return Err(OperationError::NothingJoined {
            path: file.to_path_buf(),
            corpus: corpus.to_string(),
            without_record: joined.without_record,
            of_several: joined.of_several,
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

/// What becomes of a row; of one with several parts, the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    WithoutRecord,
    WithoutRemark,
    OfSeveral,
    WithoutResponse,
    Joined,
}

/// The rows of a file, by the records that they are about.
#[derive(Default)]
struct Rows {
    remarks: Vec<(Remark, Outcome)>,
    /// Places of remarks and of their parts, by the place of the record.
    by_record: HashMap<usize, Vec<(usize, usize)>>,
    /// Parts of joined rows whose system has no response in the record.
    without_response: usize,
}

impl Rows {
    fn add(&mut self, remark: Remark) {
        let place = self.remarks.len();
        let mut outcome = Outcome::WithoutRecord;
        for (at, part) in remark.parts.iter().enumerate() {
            let of_part = match &part.about {
                About::Nothing => Outcome::WithoutRecord,
                _ if part.says_nothing() => Outcome::WithoutRemark,
                About::Several => Outcome::OfSeveral,
                About::Records(records) => {
                    for record in records {
                        self.by_record.entry(*record).or_default().push((place, at));
                    }
                    Outcome::WithoutResponse
                }
            };
            outcome = outcome.max(of_part);
        }
        self.remarks.push((remark, outcome));
    }

    /// What the answers of the record at a place are given.
    fn given(
        &mut self,
        name: &str,
        place: usize,
        record: &Record,
        joined: &mut Joined,
    ) -> Vec<Remarks> {
        let mut given = Given {
            name,
            record,
            answers: Answer::of(record),
            found: BTreeMap::new(),
            of_record: false,
            of_target: false,
        };
        for (place, at) in self.by_record.get(&place).into_iter().flatten() {
            let (remark, outcome) = &mut self.remarks[*place];
            match given.add(&remark.parts[*at], joined) {
                true => *outcome = Outcome::Joined,
                false => self.without_response += 1,
            }
        }
        let responses = given.found.keys().flatten().count();
        joined.answers += responses + usize::from(given.of_target);
        joined.records += usize::from(given.of_record);
        given.found.into_values().collect()
    }

    /// Counts the rows by what became of them.
    fn count(&self, joined: &mut Joined) {
        for (remark, outcome) in &self.remarks {
            let (n, ids) = match outcome {
                Outcome::Joined => {
                    joined.joined += 1;
                    continue;
                }
                Outcome::WithoutRecord => (&mut joined.without_record, &mut joined.unknown_ids),
                Outcome::WithoutRemark => (&mut joined.without_remark, &mut joined.silent_ids),
                Outcome::OfSeveral => (&mut joined.of_several, &mut joined.several_ids),
                Outcome::WithoutResponse => {
                    (&mut joined.without_response, &mut joined.unanswered_ids)
                }
            };
            *n += 1;
            FoundId::note(ids, remark);
        }
        let of_several = |(remark, outcome): &&(Remark, Outcome)| {
            let mut parts = remark.parts.iter();
            *outcome == Outcome::Joined && parts.any(|part| part.about == About::Several)
        };
        let unclear = self.remarks.iter().filter(of_several).count();
        if unclear > 0 {
            joined.notes.push(format!(
                "Of joined rows {unclear} do not say which of several records other columns are about, which are left out of \
                 them."
            ));
        }
        let parts = self
            .without_response
            .saturating_sub(joined.without_response);
        if parts > 0 && joined.joined > 0 {
            joined.notes.push(format!(
                "In joined rows {parts} of the columns' systems have no response in the record, and what is said of them is \
                 left out."
            ));
        }
    }
}

/// What the answers of a record are given.
struct Given<'a> {
    name: &'a str,
    record: &'a Record,
    answers: Vec<Answer<'a>>,
    /// By the response; None: the target, else the record.
    found: BTreeMap<Option<usize>, Remarks>,
    of_record: bool,
    of_target: bool,
}

impl Given<'_> {
    /// Adds what a part of a row says; false where the record has no response of its systems.
    fn add(&mut self, row: &RemarkPart, joined: &mut Joined) -> bool {
        let record = self.record;
        // Of a record without any answers nobody knows which systems it is about.
        let is_there = |system: &str| {
            let mut systems = self.answers.iter();
            systems.any(|answer| answer.text.is_none() || answer.system == system)
        };
        if !row.verdicts.iter().flat_map(Verdict::pair).all(is_there) {
            return false;
        }
        let response = match &row.system {
            None if record.target.is_none() && record.responses.len() == 1 => Some(0),
            None => None,
            Some(system) if system == TARGET && record.target.is_some() => None,
            Some(system) => {
                let mut responses = record.responses.iter();
                match responses.position(|response| response.system == *system) {
                    Some(place) => Some(place),
                    None => return false,
                }
            }
        };
        if response.is_none() {
            let only = record.target.is_some() && record.responses.is_empty();
            match row.system.is_some() || only {
                true => self.of_target = true,
                false => self.of_record = true,
            }
        }
        let remarks = self.found.entry(response).or_insert_with(|| Remarks {
            response,
            ..Remarks::default()
        });
        let mut differs = false;
        for (label, value) in &row.labels {
            let label = own_name(self.name, label);
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
                name: own_name(self.name, &score.name),
                ..score.clone()
            };
            *joined.scores.entry(score.name.clone()).or_default() += 1;
            remarks.scores.push(score);
        }
        for verdict in &row.verdicts {
            let verdict = Verdict {
                name: own_name(self.name, &verdict.name),
                ..verdict.clone()
            };
            *joined.verdicts.entry(verdict.name.clone()).or_default() += 1;
            remarks.verdicts.push(verdict);
        }
        true
    }
}

/// What a column is called beside those of the corpus and of other additions.
fn own_name(addition: &str, column: &str) -> String {
    let plain = column
        .strip_prefix("scores.")
        .or_else(|| column.strip_prefix("labels."));
    format!("{addition}_{}", plain.unwrap_or(column))
}
