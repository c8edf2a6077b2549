//! Anybody's corpus or outputs as records: a file of rows is looked at, a mapping says what its columns are, and rows
//! are read as records one after the other.
//!
//! Knows the reader's rows; must not know where records are kept.

mod cells;
mod draft;
mod find;
mod forms;
mod mapping;
mod merging;
mod names;
mod profile;
mod reading;
mod reasoning;
pub mod record;
mod remarks;
mod shape;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use draft::draft;
pub use mapping::{
    ContextColumns, MAPPING_FORMAT, Mapping, ResponseColumns, ScoreColumn, TurnColumn,
    VerdictColumns,
};
pub use reasoning::split_reasoning;
pub use record::Record;
pub use remarks::{Known, Remark, RemarkColumns, RemarkFile};
pub use shape::Shape;

use merging::Merging;
use profile::Profile;

use super::error::DataError;
use super::reader::source::{Found, FoundRow, Source};

/// A file of rows with its mapping.
#[derive(Debug)]
pub struct Corpus {
    pub source: Source,
    pub mapping: Mapping,
    /// Rows that could be read as such.
    pub rows: usize,
    /// What a person should know; each a sentence.
    pub notes: Vec<String>,
}

/// Why a row makes no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Where the row starts, from 1.
    pub line: usize,
    /// The end of "line 3 …".
    pub what: String,
}

/// What the records of a corpus have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows of the file, those that make no record among them.
    pub rows: usize,
    /// Rows that make no record.
    pub skipped: usize,
    pub records: usize,
    pub with_context: usize,
    pub with_target: usize,
    /// With a context and a target, or exactly one response: what dialogues need.
    pub examples: usize,
    /// Those of them that have an empathy level: what identifiers learn from.
    pub labelled: usize,
    /// Records by split, where the file says it.
    pub splits: BTreeMap<String, usize>,
    /// Responses by system.
    pub systems: BTreeMap<String, usize>,
    /// Records by label.
    pub labels: BTreeMap<String, usize>,
    /// Values by score, those of responses among them.
    pub scores: BTreeMap<String, usize>,
    /// By the verdict's name.
    pub verdicts: BTreeMap<String, usize>,
    /// Responses whose reasoning is known.
    pub reasoning: usize,
    /// Records whose id another has before them.
    pub repeated_ids: usize,
}

impl Corpus {
    /// Opens a file; its mapping is found by looking at all rows where none is given.
    ///
    /// # Errors
    /// The file cannot be read or holds no rows; the mapping names a column that is not there; nothing in it is a
    /// response, a target, a conversation or a verdict.
    pub fn open(path: &Path, mapping: Option<Mapping>) -> Result<Corpus, DataError> {
        let header = mapping.as_ref().and_then(|mapping| mapping.header);
        Corpus::of(Source::open_as(path, header)?, mapping)
    }

    /// A source with its mapping.
    ///
    /// # Errors
    /// As [`Corpus::open`].
    pub fn of(source: Source, mapping: Option<Mapping>) -> Result<Corpus, DataError> {
        let mut profile = Profile::default();
        let mut records = true;
        let mut first = None;
        for found in source.rows()? {
            match found? {
                Found::Row(row) => {
                    records &= profile.rows > 0 || record_in(row.fields.clone()).is_ok();
                    profile.add(&cells::columns(row.fields));
                }
                Found::Problem { line, what } => {
                    first.get_or_insert_with(|| format!(": line {line} {what}"));
                }
            }
        }
        if profile.rows == 0 {
            let what = format!("has no rows that can be read{}", first.unwrap_or_default());
            let fix = "give rows with named columns";
            return Err(DataError::file(&source.path, what, fix));
        }
        let mapping = match mapping {
            Some(mapping) if mapping.records => mapping,
            None if records => Mapping::of_records(),
            Some(mapping) => check_columns(&source.path, mapping, &profile)?,
            None => find::find(&profile, &name_of(&source.path)).map_err(|what| {
                let fix = "say which columns they are in a mapping, and give it with --mapping";
                DataError::file(&source.path, what, fix)
            })?,
        };
        Ok(Corpus {
            rows: profile.rows,
            notes: source.notes.clone(),
            source,
            mapping,
        })
    }

    pub fn shape(&self) -> Shape {
        Shape::of(&self.mapping)
    }

    /// The records of each row, or why it makes none, one row after the other.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<Result<Vec<Record>, RowProblem>, DataError>>, DataError>
    {
        let rows = self.source.rows()?;
        Ok(rows.enumerate().map(|(place, found)| {
            let problem = |line, what: String| RowProblem {
                line,
                what: self.source.within_line(place, what),
            };
            Ok(match found? {
                Found::Problem { line, what } => Err(problem(line, what)),
                Found::Row(FoundRow { line, fields }) if self.mapping.records => record_in(fields)
                    .map(|record| vec![record])
                    .map_err(|what| problem(line, what)),
                Found::Row(FoundRow { line, fields }) => {
                    let row = cells::columns(fields);
                    reading::records(&self.mapping, &row, place).map_err(|what| problem(line, what))
                }
            })
        }))
    }

    /// Gives every record to `keep`, and every problem to `refuse`, and counts them.
    ///
    /// # Errors
    /// The file is damaged; no row makes a record; a system that the mapping names has no response in any row; `keep`
    /// fails.
    pub fn each(
        &self,
        mut keep: impl FnMut(&Record) -> Result<(), DataError>,
        mut refuse: impl FnMut(RowProblem),
    ) -> Result<Counts, DataError> {
        let mut counts = Counts::default();
        let mut ids = HashSet::new();
        let mut first = None;
        // Rows of several judges, or of several pairs of systems, are about one record.
        let mut merging =
            (!self.mapping.verdicts.is_empty() && self.mapping.id.is_some()).then(Merging::default);
        for row in self.records()? {
            counts.rows += 1;
            match row? {
                Ok(records) => match &mut merging {
                    Some(merging) => records.into_iter().for_each(|record| merging.add(record)),
                    None => {
                        for record in &records {
                            counts.add(record, &mut ids);
                            keep(record)?;
                        }
                    }
                },
                Err(problem) => {
                    counts.skipped += 1;
                    first.get_or_insert_with(|| format!("line {} {}", problem.line, problem.what));
                    refuse(problem);
                }
            }
        }
        for record in merging.unwrap_or_default().records {
            counts.add(&record, &mut ids);
            keep(&record)?;
        }
        let wrong = |what: String| {
            let fix = "correct the file, or the mapping with --mapping";
            DataError::file(&self.source.path, what, fix)
        };
        if counts.records == 0 {
            let first = first.unwrap_or_default();
            return Err(wrong(format!("no row makes a record: {first}")));
        }
        let is_empty = counts.with_context == 0
            && counts.with_target == 0
            && counts.systems.is_empty()
            && counts.verdicts.is_empty();
        if is_empty {
            let what = "the mapping names no column of responses, targets, contexts or verdicts";
            return Err(wrong(what.to_string()));
        }
        let named = self
            .mapping
            .responses
            .iter()
            .filter_map(|response| response.system.as_ref());
        if let Some(silent) = named
            .into_iter()
            .find(|system| !counts.systems.contains_key(*system))
        {
            return Err(wrong(format!("no row has a response of {silent:?}")));
        }
        Ok(counts)
    }
}

impl Counts {
    fn add(&mut self, record: &Record, ids: &mut HashSet<u64>) {
        let count = |of: &mut BTreeMap<String, usize>, name: &str| match of.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(of.insert(name.to_string(), 1)),
        };
        self.records += 1;
        self.with_context += usize::from(!record.context.is_empty());
        self.with_target += usize::from(record.target.is_some());
        if !record.context.is_empty() && record.answer().is_some() {
            self.examples += 1;
            self.labelled += usize::from(record.levels().iter().any(Option::is_some));
        }
        if let Some(split) = record.split {
            count(&mut self.splits, split.key());
        }
        for response in &record.responses {
            count(&mut self.systems, &response.system);
            self.reasoning += usize::from(response.reasoning.is_some());
        }
        let of_responses = record
            .responses
            .iter()
            .flat_map(|response| response.labels.keys());
        let of_turns = record.context.iter().flat_map(|said| said.labels.keys());
        let labels: BTreeSet<&String> = record
            .labels
            .keys()
            .chain(of_responses)
            .chain(of_turns)
            .collect();
        for label in labels {
            count(&mut self.labels, label);
        }
        let of_responses = record
            .responses
            .iter()
            .flat_map(|response| &response.scores);
        for score in record.scores.iter().chain(of_responses) {
            count(&mut self.scores, &score.name);
        }
        for verdict in &record.verdicts {
            count(&mut self.verdicts, &verdict.name);
        }
        let mut hasher = DefaultHasher::new();
        record.id.hash(&mut hasher);
        self.repeated_ids += usize::from(!ids.insert(hasher.finish()));
    }
}

/// The record that a row is.
fn record_in(fields: Map<String, Value>) -> Result<Record, String> {
    let record: Record = serde_json::from_value(Value::Object(fields))
        .map_err(|error| format!("is no record: {error}"))?;
    let says_nothing = record.context.is_empty()
        && record.responses.is_empty()
        && record.target.is_none()
        && record.verdicts.is_empty();
    match says_nothing {
        true => Err("is a record of nothing".into()),
        false => Ok(record),
    }
}

/// A mapping whose columns are all there; what it says nothing of is left out, and said to be.
fn check_columns(
    path: &Path,
    mut mapping: Mapping,
    profile: &Profile,
) -> Result<Mapping, DataError> {
    let missing = mapping
        .columns()
        .into_iter()
        .find(|name| profile.column(name).is_none());
    if let Some(missing) = missing {
        const SHOWN: usize = 30;
        let there: Vec<&str> = profile
            .columns
            .iter()
            .take(SHOWN)
            .map(|column| column.name.as_str())
            .collect();
        let what = format!(
            "has no column {missing:?}, which the mapping names; it has {}",
            there.join(", ")
        );
        return Err(DataError::file(path, what, "correct the mapping"));
    }
    let read: BTreeSet<String> = mapping.columns().into_iter().map(str::to_string).collect();
    for column in &profile.columns {
        if !read.contains(&column.name) {
            let reason = "the mapping does not name it".to_string();
            mapping
                .left_out
                .entry(column.name.clone())
                .or_insert(reason);
        }
    }
    Ok(mapping)
}

/// The name of a file without what its ends say of its form.
fn name_of(path: &Path) -> String {
    const ENDINGS: [&str; 12] = [
        "gz", "tgz", "zip", "tar", "jsonl", "ndjson", "json", "csv", "tsv", "tab", "txt", "parquet",
    ];
    let mut name = PathBuf::from(path.file_name().unwrap_or_default());
    while name
        .extension()
        .is_some_and(|end| ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)))
    {
        name.set_extension("");
    }
    match name.to_string_lossy().trim() {
        "" => "system".to_string(),
        name => name.to_string(),
    }
}
