//! The one reader of files of rows: responses and contexts, in any of the forms that people keep them in.
//!
//! Recognises the form from the content and reads it whole, or refuses with what it saw. Must not know what is
//! done with the rows.

mod blocks;
mod decode;
mod json;
mod layout;
mod lines;
mod parquet;
pub mod python;
pub mod source;
mod table;
mod unpack;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::import::{hex, read_bytes};
use super::rows::Row;
use source::Found;

/// What a file is read for: the field that every line of plain text, or every string of an array, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Responses,
    Contexts,
}

impl Wanted {
    /// The name of the field.
    pub const fn field(self) -> &'static str {
        match self {
            Wanted::Responses => "response",
            Wanted::Contexts => "context",
        }
    }
}

/// The form in which rows were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain text, one a line.
    Lines,
    /// One JSON object after the other.
    JsonLines,
    /// A JSON array of objects or strings.
    JsonArray,
    /// A JSON object of lists, one for each column.
    JsonColumns,
    /// A header and rows of cells.
    Table(Separator),
    /// Lines such as `Context:…` and `Ref:…`, in groups.
    Blocks,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    Comma,
    Semicolon,
    Tab,
    Bar,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Lines => "plain text, one a line",
            Form::JsonLines => "JSON objects",
            Form::JsonArray => "a JSON array",
            Form::JsonColumns => "a JSON object of lists",
            Form::Table(Separator::Comma) => "a table with commas between cells",
            Form::Table(Separator::Semicolon) => "a table with semicolons between cells",
            Form::Table(Separator::Tab) => "a table with tabs between cells",
            Form::Table(Separator::Bar) => "a table with bars between cells",
            Form::Blocks => "blocks of labelled lines",
            Form::Parquet => "Parquet",
        })
    }
}

/// The rows of a file; there is at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFile {
    /// What messages call it.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    pub form: Form,
    pub rows: Vec<Row>,
    /// What a person should know about how it was read; each a sentence.
    pub notes: Vec<String>,
}

/// Reads the file at `path`.
///
/// # Errors
/// It cannot be read or is not a regular file, is not text, holds no row, is malformed, or no row has the wanted
/// field.
pub fn read(path: &Path, wanted: Wanted) -> Result<RowFile, DataError> {
    let bytes = read_bytes(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DataError::Missing {
            path: path.to_path_buf(),
            fix: "check the path".into(),
        },
        _ => DataError::io(path)(error),
    })?;
    parse(path, bytes, wanted)
}

/// The rows in the bytes of a file; `path` is what messages call it.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, bytes: Vec<u8>, wanted: Wanted) -> Result<RowFile, DataError> {
    let sha256 = hex(&Sha256::digest(&bytes));
    let unpacked = unpack::unpack(path, bytes)?;
    let mut file = RowFile {
        path: path.to_path_buf(),
        sha256,
        form: Form::Lines,
        rows: Vec::new(),
        notes: unpacked.notes,
    };
    if unpacked.bytes.starts_with(parquet::SIGNATURE) {
        file.form = Form::Parquet;
        file.rows = parquet_rows(path, unpacked.bytes)?;
        return settled(file, wanted);
    }
    let decoded = decode::decode(path, unpacked.bytes)?;
    file.notes.extend(decoded.notes);
    let text = decoded.text;
    if text.trim().is_empty() {
        let what = match text.is_empty() {
            true => "has no rows",
            false => "has no rows: every line is blank",
        };
        return Err(DataError::file(path, what, "give at least one"));
    }
    if json::is_json(&text) {
        (file.form, file.rows) = json::rows(path, &text, wanted)?;
    } else if let Some(separator) = table::separator(&unpacked.name, &text) {
        file.form = Form::Table(separator);
        file.rows = table::rows(path, &text, separator, wanted)?;
    } else {
        file.rows = lines::rows(path, &text, wanted, &mut file.notes)?;
    }
    settled(file, wanted)
}

fn parquet_rows(path: &Path, bytes: Vec<u8>) -> Result<Vec<Row>, DataError> {
    let rows = parquet::ParquetFile::new(path, bytes)?.into_rows()?;
    let row = |found: Result<Found, DataError>| match found? {
        Found::Row(row) => Row::from_value(path, row.line, Value::Object(row.fields)),
        Found::Problem { line, what } => {
            Err(DataError::line(path, line, what, "write the file again"))
        }
    };
    rows.map(row).collect()
}

/// The file as commands get it: with the wanted field, and texts as they were meant.
fn settled(mut file: RowFile, wanted: Wanted) -> Result<RowFile, DataError> {
    if file.rows.is_empty() {
        return Err(DataError::file(
            &file.path,
            "has no rows",
            "give at least one",
        ));
    }
    require_field(&file, wanted)?;
    if wanted == Wanted::Responses {
        count_missing_as_empty(&mut file);
    }
    restore_commas(&mut file);
    Ok(file)
}

/// At least one row must have the wanted field; what it has instead is named.
fn require_field(file: &RowFile, wanted: Wanted) -> Result<(), DataError> {
    let has = |row: &Row| match wanted {
        Wanted::Responses => row.response.is_some(),
        Wanted::Contexts => row.context.is_some(),
    };
    let Some(first) = file.rows.first().filter(|_| !file.rows.iter().any(has)) else {
        return Ok(());
    };
    let field = wanted.field();
    let there: Vec<&str> = first.fields.keys().map(String::as_str).collect();
    let what = format!(
        "the row has no \"{field}\"{}, nor has any other",
        match there.is_empty() {
            true => String::new(),
            false => format!(" (it has {})", named(&there)),
        }
    );
    let fix =
        format!("give each row {{\"{field}\": \"…\", …}}; rename a field that is called otherwise");
    Err(DataError::line(&file.path, first.line, what, fix))
}

/// A row without a response, or with null, is an empty answer: the system said nothing.
fn count_missing_as_empty(file: &mut RowFile) {
    let mut lines = Vec::new();
    for row in &mut file.rows {
        if row.response.is_none() {
            row.response = Some(String::new());
            lines.push(row.line);
        }
    }
    let Some(first) = lines.first() else { return };
    file.notes.push(match lines.len() {
        1 => format!("The row of line {first} has no response, or null: it counts as an empty one."),
        more => format!(
            "{more} rows, that of line {first} first, have no response, or null: each counts as an empty one."
        ),
    });
}

/// EmpatheticDialogues writes a comma inside a text as `_comma_`; texts copied from it keep that.
fn restore_commas(file: &mut RowFile) {
    const COMMA: &str = "_comma_";
    fn restore(text: &mut String) -> bool {
        let found = text.contains(COMMA);
        if found {
            *text = text.replace(COMMA, ",");
        }
        found
    }
    let mut restored = 0;
    for row in &mut file.rows {
        let mut any = false;
        if let Some(context) = &mut row.context {
            for utterance in context {
                any |= restore(utterance);
            }
        }
        if let Some(response) = &mut row.response {
            any |= restore(response);
        }
        if any {
            restored += 1;
            if let Some(context) = &row.context {
                let value = match row.fields.get("context") {
                    Some(Value::Array(_)) => Value::from(context.clone()),
                    _ => Value::from(context.join(" ")),
                };
                row.fields.insert("context".into(), value);
            }
            if let Some(response) = &row.response {
                let response = Value::from(response.clone());
                row.fields.insert("response".into(), response);
            }
        }
        if let Some(Value::String(target)) = row.fields.get_mut("target") {
            restored += usize::from(restore(target) && !any);
        }
    }
    if restored > 0 {
        file.notes.push(format!(
            "{restored} {} with EmpatheticDialogues' _comma_ {} read with commas.",
            if restored == 1 { "row" } else { "rows" },
            if restored == 1 { "is" } else { "are" },
        ));
    }
}

/// A row of one text.
fn plain_row(text: String, line: usize, wanted: Wanted) -> Row {
    let fields = Map::from_iter([(wanted.field().to_string(), Value::from(text.clone()))]);
    let (context, response) = match wanted {
        Wanted::Responses => (None, Some(text)),
        Wanted::Contexts => (Some(vec![text]), None),
    };
    Row {
        roles: Vec::new(),
        context,
        response,
        fields,
        line,
    }
}

/// Names for a message: quoted, shortened, not too many.
fn named(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    const LONGEST: usize = 30;
    let shorten = |name: &&str| {
        let mut short: String = name.trim().chars().take(LONGEST).collect();
        if name.trim().chars().count() > LONGEST {
            short.push('…');
        }
        format!("\"{short}\"")
    };
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(shorten).collect();
    if names.len() > SHOWN {
        shown.push(format!("{} more", names.len() - SHOWN));
    }
    shown.join(", ")
}
