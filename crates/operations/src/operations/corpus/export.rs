//! A corpus as a file: records, a table, or the rows that others' trainers read.

mod columns;
mod rows;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::{Answer, Judging, Narrowing};
use super::verdicts::of_answers;
use crate::data::corpus::Record;
use crate::data::corpus::record::Response;
use crate::data::parquet_table::{Cell, ParquetTable};
use crate::data::quoted_cell::quoted_cell;
use columns::Columns;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorpusForm {
    /// Everything, a record a line; what `import` reads as records again.
    Records,
    /// A row a record and a column for each label, score, system's response and pair of systems that there are verdicts on,
    /// beside one of all verdicts, and one of all scores where they have raters, origins or ranges: `import` reads the same
    /// records again.
    Csv,
    /// The same table, with tabs between cells.
    Tsv,
    /// The same table.
    Parquet,
    /// A row an answer: `messages` of the roles user and assistant.
    Messages,
    /// A row an answer: `conversations` from human and gpt.
    ShareGpt,
    /// A row an answer: instruction, input, output and history.
    Alpaca,
    /// The context with a better and a worse answer, as TRL reads it: a row a record by a score, or a row a pair of answers
    /// by verdicts.
    Preferences,
}

impl CorpusForm {
    pub const ALL: [CorpusForm; 8] = [
        CorpusForm::Records,
        CorpusForm::Csv,
        CorpusForm::Tsv,
        CorpusForm::Parquet,
        CorpusForm::Messages,
        CorpusForm::ShareGpt,
        CorpusForm::Alpaca,
        CorpusForm::Preferences,
    ];

    pub fn key(self) -> &'static str {
        match self {
            CorpusForm::Records => "records",
            CorpusForm::Csv => "csv",
            CorpusForm::Tsv => "tsv",
            CorpusForm::Parquet => "parquet",
            CorpusForm::Messages => "messages",
            CorpusForm::ShareGpt => "sharegpt",
            CorpusForm::Alpaca => "alpaca",
            CorpusForm::Preferences => "preferences",
        }
    }

    /// The form that a file's ending says.
    pub fn of(path: &Path) -> Option<CorpusForm> {
        match ending(path).as_str() {
            "jsonl" => Some(CorpusForm::Records),
            "csv" => Some(CorpusForm::Csv),
            "tsv" => Some(CorpusForm::Tsv),
            "parquet" => Some(CorpusForm::Parquet),
            _ => None,
        }
    }

    /// The endings of its files; the first is the usual one.
    fn endings(self) -> &'static [&'static str] {
        match self {
            CorpusForm::Csv => &["csv"],
            CorpusForm::Tsv => &["tsv"],
            CorpusForm::Parquet => &["parquet"],
            _ => &["jsonl", "json"],
        }
    }
}

fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// What is exported, and how.
#[derive(Debug)]
pub struct ExportRequest<'a> {
    pub form: CorpusForm,
    /// The answers that are exported, with their records.
    pub narrowing: &'a Narrowing,
    /// The score or the verdicts by which answers are chosen and rejected, for [`CorpusForm::Preferences`]; else the only
    /// verdicts.
    pub prefer: Option<&'a str>,
}

/// What was exported.
#[derive(Debug, Default, Serialize)]
pub struct Exported {
    pub rows: usize,
    /// Answers in the rows, where a row is a record with several.
    pub answers: usize,
    /// Records or answers that make no row, by the reason.
    pub left_out: BTreeMap<String, usize>,
    /// Answers whose scores of several raters, or given several times, stand as their mean.
    pub averaged: usize,
    /// Preference pairs for which several answers had the best or the worst score, so that one of them was drawn.
    pub drawn: usize,
}

/// Writes the answers of a corpus to a new file. It is on disk when this returns.
///
/// # Errors
/// There is no such corpus or score, the corpus is damaged, the file's ending is of another form, nothing makes a row, or
/// the file is there already or cannot be written. Nothing half-written is left.
pub fn export(
    store: &Path,
    name: &str,
    out: &Path,
    request: &ExportRequest<'_>,
) -> Result<Exported, OperationError> {
    if !request.form.endings().contains(&ending(out).as_str()) {
        return Err(OperationError::ExportEnding {
            path: out.to_path_buf(),
            form: request.form.key(),
            ending: request.form.endings()[0],
        });
    }
    let cannot_write = OperationError::write(out);
    let file = File::create_new(out).map_err(&cannot_write)?;
    let written = match request.form {
        CorpusForm::Csv | CorpusForm::Tsv | CorpusForm::Parquet => {
            write_table(store, name, &file, request)
        }
        _ => write_json(store, name, &file, request, ending(out) == "json"),
    };
    let done = written
        .and_then(|exported| match exported.rows {
            0 => Err(OperationError::NothingExported {
                why: reasons(&exported.left_out),
            }),
            _ => Ok(exported),
        })
        .and_then(|exported| {
            file.sync_all().map_err(&cannot_write)?;
            Ok(exported)
        });
    if done.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(out);
    }
    done.map_err(|error| match error {
        OperationError::Io(source) => cannot_write(source),
        error => error,
    })
}

impl Exported {
    fn leave_out(&mut self, reason: &str) {
        *self.left_out.entry(reason.to_string()).or_default() += 1;
    }
}

fn reasons(left_out: &BTreeMap<String, usize>) -> String {
    let reasons: Vec<&str> = left_out.keys().map(String::as_str).collect();
    match reasons.is_empty() {
        true => "the filter lets no answer through".to_string(),
        false => reasons.join("; "),
    }
}

fn write_json(
    store: &Path,
    name: &str,
    file: &File,
    request: &ExportRequest<'_>,
    array: bool,
) -> Result<Exported, OperationError> {
    let mut exported = Exported::default();
    let mut out = JsonFile::new(file, array);
    let narrowing = request.narrowing;
    match request.form {
        CorpusForm::Records => narrowing.each(store, name, |record, answers| {
            exported.answers += answers.len();
            out.put(&narrowed(record, &answers))
        })?,
        CorpusForm::Preferences => {
            let by = narrowing.names.preference(request.prefer)?;
            narrowing.each(store, name, |record, answers| {
                let rows = match by {
                    Judging::Score(score) => vec![rows::preference(&answers, score)],
                    Judging::Verdict(name) => rows::preferred(record, &answers, name),
                };
                for row in rows {
                    match row {
                        Ok(row) => {
                            exported.drawn += usize::from(row["drawn"] == true);
                            out.put(&row)?;
                        }
                        Err(reason) => exported.leave_out(reason),
                    }
                }
                Ok(())
            })?;
        }
        _ => {
            narrowing.each(store, name, |_, answers| {
                for answer in &answers {
                    match rows::answer(request.form, answer) {
                        Ok(row) => {
                            exported.averaged += usize::from(rows::is_averaged(answer));
                            out.put(&row)?;
                        }
                        Err(reason) => exported.leave_out(reason),
                    }
                }
                Ok(())
            })?;
        }
    }
    exported.rows = out.finish()?;
    Ok(exported)
}

fn write_table(
    store: &Path,
    name: &str,
    file: &File,
    request: &ExportRequest<'_>,
) -> Result<Exported, OperationError> {
    let columns = Columns::of(store, name, request)?;
    let mut table = match request.form {
        CorpusForm::Parquet => Table::parquet(file, &columns)?,
        CorpusForm::Tsv => Table::separated(file, &columns, b'\t')?,
        _ => Table::separated(file, &columns, b',')?,
    };
    let mut exported = Exported::default();
    request.narrowing.each(store, name, |record, answers| {
        exported.rows += 1;
        let mut record = narrowed(record, &answers);
        let before = record.responses.len();
        let mut systems = HashSet::new();
        let is_first = |response: &Response| systems.insert(response.system.clone());
        record.responses.retain(is_first);
        let again = before - record.responses.len();
        for _ in 0..again {
            exported.leave_out("a second response of one system in a record, which has one column");
        }
        exported.answers += answers.len() - again;
        table.put(columns.cells(&record)?)
    })?;
    table.finish()?;
    Ok(exported)
}

/// The record with these of its answers alone.
fn narrowed(record: &Record, answers: &[Answer<'_>]) -> Record {
    let has_target = answers.iter().any(|answer| answer.response.is_none());
    let responses = answers.iter().filter_map(|answer| answer.response.cloned());
    Record {
        target: record.target.clone().filter(|_| has_target),
        responses: responses.collect(),
        verdicts: of_answers(record, answers).cloned().collect(),
        ..record.clone()
    }
}

/// Rows as JSON: an array, or one a line.
struct JsonFile<'a> {
    out: BufWriter<&'a File>,
    array: bool,
    rows: usize,
}

impl<'a> JsonFile<'a> {
    fn new(file: &'a File, array: bool) -> Self {
        JsonFile {
            out: BufWriter::new(file),
            array,
            rows: 0,
        }
    }

    fn put(&mut self, row: &impl Serialize) -> Result<(), OperationError> {
        let before = match (self.array, self.rows) {
            (true, 0) => "[\n",
            (true, _) => ",\n",
            (false, 0) => "",
            (false, _) => "\n",
        };
        self.out.write_all(before.as_bytes())?;
        serde_json::to_writer(&mut self.out, row).map_err(io::Error::from)?;
        self.rows += 1;
        Ok(())
    }

    /// Returns how many rows there are.
    fn finish(mut self) -> Result<usize, OperationError> {
        self.out
            .write_all(if self.array { b"\n]\n" } else { b"\n" })?;
        self.out.flush()?;
        Ok(self.rows)
    }
}

/// Rows as a table.
enum Table<'a> {
    Csv(csv::Writer<BufWriter<&'a File>>),
    Parquet(ParquetTable<&'a File>),
}

impl<'a> Table<'a> {
    fn separated(file: &'a File, columns: &Columns, separator: u8) -> Result<Self, OperationError> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(separator)
            .from_writer(BufWriter::new(file));
        writer.write_record(
            columns
                .titled()
                .map(|(title, _)| quoted_cell(title).into_owned()),
        )?;
        Ok(Table::Csv(writer))
    }

    fn parquet(file: &'a File, columns: &Columns) -> Result<Self, OperationError> {
        Ok(Table::Parquet(ParquetTable::new(file, columns.titled())?))
    }

    fn put(&mut self, cells: Vec<Option<Cell>>) -> Result<(), OperationError> {
        match self {
            Table::Csv(writer) => {
                let texts: Vec<String> = cells
                    .iter()
                    .map(|one| match one {
                        Some(one) => quoted_cell(&one.text()).into_owned(),
                        None => String::new(),
                    })
                    .collect();
                Ok(writer.write_record(&texts)?)
            }
            Table::Parquet(table) => Ok(table.put(cells)?),
        }
    }

    fn finish(self) -> Result<(), OperationError> {
        match self {
            Table::Csv(mut writer) => Ok(writer.flush()?),
            Table::Parquet(table) => Ok(table.finish()?),
        }
    }
}
