//! A file of rows as it is: its form and encoding, and its rows one after the other, each with all that it holds.
//!
//! Only the file's text, or its packed bytes, is in memory. Must not know what columns mean.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::blocks::{Blocks, labels_of_blocks};
use super::decode::{Encoding, decode};
use super::layout::Layout;
use super::parquet::{self, ParquetFile};
use super::unpack::unpack;
use super::{Form, json};
use crate::data::error::DataError;
use crate::data::import::{hex, read_bytes};

const FIX: &str = "give rows of JSON, JSONL, CSV, TSV or Parquet, or blocks of labelled lines";

/// A row, or why one cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Row(FoundRow),
    /// `what` continues "line 3 …".
    Problem {
        line: usize,
        what: String,
    },
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRow {
    /// Where it starts, counted from 1; of Parquet and of lists in columns the number of the row.
    pub line: usize,
    pub fields: Map<String, Value>,
}

/// A file of rows.
#[derive(Debug)]
pub struct Source {
    /// What messages call it.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes as they are on disk, in hexadecimal.
    pub sha256: String,
    pub form: Form,
    /// None for Parquet.
    pub encoding: Option<Encoding>,
    /// What a person should know about how it is read; each a sentence.
    pub notes: Vec<String>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    JsonLines(String),
    JsonArray(String),
    /// Values that are in memory, each with its line.
    Values(Vec<(usize, Value)>),
    Columns(Columns),
    Table(String, Layout),
    Blocks(String),
    Parquet(ParquetFile),
}

type Rows<'a> = Box<dyn Iterator<Item = Result<Found, DataError>> + 'a>;

impl Source {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is nothing that holds rows.
    pub fn open(path: &Path) -> Result<Source, DataError> {
        Source::open_as(path, None)
    }

    /// The same, where `header` may say whether the first line of a table names its columns.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn open_as(path: &Path, header: Option<bool>) -> Result<Source, DataError> {
        let bytes = read_bytes(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DataError::Missing {
                path: path.to_path_buf(),
                fix: "check the path".into(),
            },
            _ => DataError::io(path)(error),
        })?;
        Source::parse_as(path, bytes, header)
    }

    /// The rows in the bytes of a file; `path` is what messages call it, and its ending counts.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Source, DataError> {
        Source::parse_as(path, bytes, None)
    }

    /// The same, where `header` may say whether the first line of a table names its columns.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn parse_as(
        path: &Path,
        bytes: Vec<u8>,
        header: Option<bool>,
    ) -> Result<Source, DataError> {
        let sha256 = hex(&Sha256::digest(&bytes));
        let unpacked = unpack(path, bytes)?;
        let mut source = Source {
            path: path.to_path_buf(),
            sha256,
            form: Form::Parquet,
            encoding: None,
            notes: unpacked.notes,
            content: Content::Values(Vec::new()),
        };
        if unpacked.bytes.starts_with(parquet::SIGNATURE) {
            let file = ParquetFile::new(path, unpacked.bytes)?;
            source.notes.extend(file.note());
            source.content = Content::Parquet(file);
            return Ok(source);
        }
        let decoded = decode(path, unpacked.bytes)?;
        source.encoding = Some(decoded.encoding);
        source.notes.extend(decoded.notes);
        source.take_text(&unpacked.name, decoded.text, header)?;
        Ok(source)
    }

    fn take_text(
        &mut self,
        name: &Path,
        text: String,
        header: Option<bool>,
    ) -> Result<(), DataError> {
        let path = &self.path;
        if text.trim().is_empty() {
            return Err(DataError::file(path, "has no rows", "give at least one"));
        }
        (self.form, self.content) = if json::is_json(&text) {
            match text.trim_start().starts_with('[') {
                true => (Form::JsonArray, Content::JsonArray(text)),
                false if json::is_by_line(&text) => (Form::JsonLines, Content::JsonLines(text)),
                false => of_values(json::values(path, &text)?, &mut self.notes),
            }
        } else if header == Some(false) {
            let layout = Layout::without_header(name, &text);
            (Form::Table(layout.separator), Content::Table(text, layout))
        } else if labels_of_blocks(&text).is_some() && !is_table_name(name) {
            (Form::Blocks, Content::Blocks(text))
        } else if let Some((layout, notes)) =
            Layout::find(name, &text).map_err(|error| renamed(error, path))?
        {
            self.notes.extend(notes);
            (Form::Table(layout.separator), Content::Table(text, layout))
        } else {
            let what = "is plain text, which does not say what is a context and what a response";
            return Err(DataError::file(path, what, FIX));
        };
        Ok(())
    }

    /// What is wrong with the row at this place, from 0, with its number where the line does not say which it is.
    pub fn within_line(&self, place: usize, what: String) -> String {
        match &self.content {
            Content::JsonArray(text) if !text.trim().contains('\n') => {
                format!("(element {} of the array) {what}", place + 1)
            }
            _ => what,
        }
    }

    /// The rows, from the first.
    ///
    /// # Errors
    /// A Parquet file is damaged.
    pub fn rows(&self) -> Result<Rows<'_>, DataError> {
        let path = &self.path;
        Ok(match &self.content {
            Content::JsonLines(text) => Box::new(json_lines(text)),
            Content::JsonArray(text) => {
                let elements = json::Elements::new(path, text);
                Box::new(elements.map(|element| element.map(|(line, value)| found(line, value))))
            }
            Content::Values(values) => {
                let values = values.iter();
                Box::new(values.map(|(line, value)| Ok(found(*line, value.clone()))))
            }
            Content::Columns(columns) => Box::new(columns.rows().map(Ok)),
            Content::Table(text, layout) => Box::new(layout.rows(path, text)),
            Content::Blocks(text) => {
                let labels = labels_of_blocks(text).unwrap_or_default();
                Box::new(Blocks::new(text, labels).map(Ok))
            }
            Content::Parquet(file) => Box::new(file.clone().into_rows()?),
        })
    }
}

fn is_table_name(name: &Path) -> bool {
    let ending = name.extension().unwrap_or_default();
    ["csv", "tsv", "tab"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

/// The same error under the name of the file that was opened.
fn renamed(error: DataError, path: &Path) -> DataError {
    match error {
        DataError::Line {
            line, what, fix, ..
        } => DataError::line(path, line, what, fix),
        error => error,
    }
}

fn found(line: usize, value: Value) -> Found {
    match value {
        Value::Object(fields) => Found::Row(FoundRow { line, fields }),
        other => {
            let kind = match other {
                Value::Array(_) => "a list",
                Value::String(_) => "a text",
                _ => "a value",
            };
            let what = format!("is {kind} where an object with named fields is expected");
            Found::Problem { line, what }
        }
    }
}

fn json_lines(text: &str) -> impl Iterator<Item = Result<Found, DataError>> + '_ {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(line, text)| {
        Ok(match serde_json::from_str(text) {
            Ok(value) => found(line, value),
            Err(error) => {
                let what = match error.is_eof() {
                    true => "is cut off".to_string(),
                    false => format!("is no JSON from character {} on", error.column()),
                };
                Found::Problem { line, what }
            }
        })
    })
}

/// What one object, or several over many lines, hold: columns, rows in a list of its own, rows by name, or rows.
fn of_values(mut values: Vec<(usize, Value)>, notes: &mut Vec<String>) -> (Form, Content) {
    if let [(_, Value::Object(object))] = &mut values[..] {
        if let Some(columns) = Columns::of(object) {
            return (Form::JsonColumns, Content::Columns(columns));
        }
        if let Some(name) = list_of_rows(object) {
            let mut rows = object.get_mut(&name).map(Value::take);
            let rows = rows
                .as_mut()
                .and_then(Value::as_array_mut)
                .map(std::mem::take);
            notes.push(format!("The rows are those of {}.", super::named(&[&name])));
            let rows = (1..).zip(rows.unwrap_or_default()).collect();
            return (Form::JsonArray, Content::Values(rows));
        }
        if object.len() > 1 && object.values().all(is_row) {
            let named = std::mem::take(object).into_iter();
            let row = |(line, (key, mut value)): (usize, (String, Value))| {
                if let Value::Object(fields) = &mut value {
                    fields.entry("id").or_insert(key.into());
                }
                (line, value)
            };
            notes.push(
                "The rows are the fields of one object; their names are the ids.".to_string(),
            );
            return (
                Form::JsonArray,
                Content::Values((1..).zip(named).map(row).collect()),
            );
        }
    }
    (Form::JsonLines, Content::Values(values))
}

fn is_row(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty())
}

/// The one field that is a list of objects, of an object that has more besides or not.
fn list_of_rows(object: &Map<String, Value>) -> Option<String> {
    let is_rows = |value: &Value| {
        let list = value.as_array();
        list.is_some_and(|list| list.len() > 1 && list.iter().all(is_row))
    };
    let mut lists = object.iter().filter(|(_, value)| is_rows(value));
    let (name, _) = lists.next()?;
    // A single conversation is a row itself: its list is one of turns.
    let is_row_itself = object.len() > 1 && object.values().any(Value::is_string);
    (lists.next().is_none() && !is_row_itself).then(|| name.clone())
}

/// Lists of the same length, one a column; or as pandas writes them, objects of cells by row.
#[derive(Debug)]
struct Columns {
    columns: Vec<(String, Vec<Value>)>,
    length: usize,
}

impl Columns {
    fn of(object: &mut Map<String, Value>) -> Option<Columns> {
        let cells = |value: &Value| match value {
            Value::Array(list) if !list.iter().any(Value::is_object) => Some(list.len()),
            Value::Object(by_row) => {
                let numbered = by_row.keys().all(|key| key.parse::<u64>().is_ok());
                let plain = by_row.values().all(|cell| !cell.is_object());
                (numbered && plain).then_some(by_row.len())
            }
            _ => None,
        };
        let length = cells(object.values().next()?)?;
        let even = object.values().all(|column| cells(column) == Some(length));
        // One list, or lists of one cell each, may as well be a row with lists.
        if !even || length < 2 {
            return None;
        }
        let column = |(name, value): (String, Value)| match value {
            Value::Array(list) => (name, list),
            Value::Object(by_row) => (name, by_row.into_iter().map(|(_, cell)| cell).collect()),
            _ => (name, Vec::new()),
        };
        let columns = std::mem::take(object).into_iter().map(column).collect();
        Some(Columns { columns, length })
    }

    fn rows(&self) -> impl Iterator<Item = Found> + '_ {
        (0..self.length).map(|at| {
            let cell = |(name, cells): &(String, Vec<Value>)| {
                (name.clone(), cells.get(at).cloned().unwrap_or_default())
            };
            let fields = self.columns.iter().map(cell).collect();
            Found::Row(FoundRow {
                line: at + 1,
                fields,
            })
        })
    }
}
