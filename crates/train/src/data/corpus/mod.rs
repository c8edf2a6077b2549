//! Anybody's corpus or outputs as records: a file of rows is looked at, a mapping says what its columns are, and rows
//! are read as records one after the other.
//!
//! Knows the reader's rows; must not know where records are kept.

mod aspects;
mod cells;
mod checks;
mod counts;
mod draft;
mod find;
mod forms;
mod ids;
mod judges;
mod long;
mod mapping;
mod merging;
mod names;
mod profile;
mod raters;
mod reading;
mod reasoning;
pub mod record;
mod remarks;
mod scores;
mod shape;
mod titles;
mod verdicts;
mod windows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

pub use counts::Counts;
pub use draft::draft;
pub use mapping::{
    ContextColumns, MAPPING_FORMAT, Mapping, RaterColumn, ResponseColumns, ScoreColumn, TurnColumn,
    VerdictColumns,
};
pub use reasoning::split_reasoning;
pub use record::Record;
pub use remarks::{About, Known, Remark, RemarkColumns, RemarkFile, RemarkPart};
pub use shape::Shape;
pub use titles::{FIXED, TableColumn, Titles, says_more};

use checks::Checks;
use ids::RowIds;
use merging::Merging;
use profile::Profile;
use reading::ReadRow;
use record::TARGET;
use windows::Windows;

use super::error::DataError;
use super::reader::Form;
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

/// What was read of a file.
#[derive(Debug)]
pub struct Counted {
    pub counts: Counts,
    /// What a person should know of the rows; each a sentence.
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
        let mut ids = RowIds::default();
        let mut records = true;
        let mut first = None;
        for found in source.rows()? {
            match found? {
                Found::Row(row) => {
                    records &= profile.rows > 0 || record_in(row.fields.clone()).is_ok();
                    let fields = cells::columns(row.fields);
                    ids.add(&fields, row.line);
                    profile.add(&fields, row.line);
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
        let found = mapping.is_none();
        let mut proposals = Vec::new();
        let mut mapping = match mapping {
            Some(mapping) if mapping.records => mapping,
            None if records => Mapping::of_records(),
            Some(mapping) => {
                let mut mapping = check_columns(&source.path, mapping, &profile)?;
                proposals.extend(long::scores_of_answers(&mut mapping));
                mapping
            }
            None => match find::own_table(&source, &profile)? {
                Some((own, differing)) => {
                    proposals.extend(differing);
                    own
                }
                None => {
                    let found = find::find(&profile, &name_of(&source.path)).map_err(|what| {
                        let fix =
                            "say which columns they are in a mapping, and give it with --mapping";
                        DataError::file(&source.path, what, fix)
                    })?;
                    let found = ids.check(found, profile.rows);
                    let (found, of_aspects) = aspects::find(&source, &profile, found)?;
                    let (with_raters, note) = raters::find(&source, &profile, found)?;
                    let (found, of_ids) = long::find(&source, &profile, ids.keep(with_raters))?;
                    proposals.extend(of_aspects);
                    proposals.extend(note);
                    proposals.extend(of_ids);
                    found
                }
            },
        };
        let mut notes = source.notes.clone();
        notes.extend(proposals);
        notes.extend(judges::tell_apart(&mut mapping, &profile, found));
        notes.extend(profile.odd_columns(&mapping));
        notes.extend(ids.note(&mapping));
        notes.extend(whole_conversations(&mapping));
        notes.extend(raters::in_columns(&mapping));
        Ok(Corpus {
            rows: profile.rows,
            notes,
            source,
            mapping,
        })
    }

    pub fn shape(&self) -> Shape {
        Shape::of(&self.mapping)
    }

    /// What a row comes to whose place in the file, from 0, is `place`; with the line where it begins.
    fn read(&self, place: usize, found: Found) -> Result<(usize, ReadRow), RowProblem> {
        let (line, read) = match found {
            Found::Problem { line, what } => (line, Err(what)),
            Found::Row(FoundRow { line, fields }) if self.mapping.records => {
                let record = record_in(fields);
                let of_one = |record| ReadRow {
                    records: vec![record],
                    unread: Vec::new(),
                    undecided: Vec::new(),
                    without: Vec::new(),
                    opening: 0,
                };
                (line, record.map(of_one))
            }
            Found::Row(FoundRow { line, fields }) => {
                let mut row = cells::columns(fields);
                if self.mapping.table && matches!(self.source.form, Form::Table(_)) {
                    row.values_mut().for_each(cells::without_apostrophe);
                }
                (line, reading::read(&self.mapping, &row, place))
            }
        };
        let problem = |what| RowProblem {
            line,
            what: self.source.within_line(place, what),
        };
        read.map(|read| (line, read)).map_err(problem)
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
    ) -> Result<Counted, DataError> {
        let mut counts = Counts::default();
        let mut checks = Checks::default();
        let mut first = None;
        // Rows of several judges, or of several pairs of systems, are about one record.
        let gathers = self.mapping.gathers();
        let has_id = self.mapping.id.is_some() || self.mapping.records;
        let mut merging = Merging::of(&self.mapping);
        let is_window = self.mapping.turns.as_ref().is_some_and(|turns| turns.last);
        let mut windows = Windows::default();
        for (place, found) in self.source.rows()?.enumerate() {
            counts.rows += 1;
            match self.read(place, found?) {
                Ok((line, read)) => {
                    checks.unread(read.unread, line);
                    checks.undecided(read.undecided, line);
                    checks.without(read.without, line);
                    checks.opening(read.opening, line);
                    for mut record in read.records {
                        checks.reasoning(&record, line);
                        if is_window && record.conversation.is_none() {
                            windows.place(&mut record);
                        }
                        if gathers {
                            checks.said(&record, merging.about(&record), has_id, line);
                            merging.add(line, record);
                        } else {
                            checks.said(&record, place as u64, has_id, line);
                            checks.id(&record, line);
                            checks.split(&record, line);
                            counts.add(&record);
                            keep(&record)?;
                        }
                    }
                }
                Err(problem) => {
                    counts.skipped += 1;
                    first.get_or_insert_with(|| format!("line {} {}", problem.line, problem.what));
                    refuse(problem);
                }
            }
        }
        let mut notes = merging.notes();
        notes.extend(windows.note());
        for (line, record) in merging.records {
            checks.id(&record, line);
            checks.split(&record, line);
            counts.add(&record);
            keep(&record)?;
        }
        counts.repeated_ids = checks.repeated_ids();
        notes.extend(checks.notes());
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
            .find(|system| *system != TARGET && !counts.systems.contains_key(*system))
        {
            return Err(wrong(format!("no row has a response of {silent:?}")));
        }
        Ok(Counted { counts, notes })
    }
}

/// How scores of whole conversations are counted, as a sentence.
fn whole_conversations(mapping: &Mapping) -> Option<String> {
    let scores: Vec<String> = mapping
        .conversation_scores()
        .map(|score| format!("{score:?}"))
        .collect();
    (!scores.is_empty()).then(|| {
        format!(
            "Scores of whole conversations ({}) stand with each of their records, and tables and agreement count them once for \
             each conversation.",
            scores.join(", ")
        )
    })
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
    // The listener's own answer is called so, of which a record has one.
    let is_target = |response: &ResponseColumns| response.system.as_deref() == Some(TARGET);
    if let (Some(target), Some(other)) = (
        &mapping.target,
        mapping
            .responses
            .iter()
            .find(|response| is_target(response)),
    ) {
        let what = format!(
            "the mapping has target = {target:?} and, in {:?}, system = {TARGET:?}, which is the target as well",
            other.text
        );
        let fix = "take one of them out of the mapping, or call the system by another name";
        return Err(DataError::file(path, what, fix));
    }
    // Who rated is no score and no label of what they rated.
    if let Some(raters) = &mapping.raters {
        let rater = raters.column.clone();
        mapping.labels.retain(|_, column| *column != rater);
        mapping.scores.retain(|_, score| score.column != rater);
        for response in &mut mapping.responses {
            response.labels.retain(|_, column| *column != rater);
            response.scores.retain(|_, score| score.column != rater);
        }
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
