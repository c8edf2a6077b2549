//! Tables of text: a header that names the columns, then a row of cells a line, quoted as RFC 4180 says.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Separator, Wanted, named};
use crate::data::error::DataError;
use crate::data::rows::Row;

/// Column names that make the first line of a file without a telling extension a header.
const TELLING: [&str; 6] = ["response", "context", "target", "idx", "index", "id"];
/// Column names that are read whatever their case.
const KNOWN: [&str; 12] = [
    "response",
    "context",
    "target",
    "idx",
    "index",
    "id",
    "conversation",
    "conv_id",
    "conversation_id",
    "turn",
    "utterance_idx",
    "emotion",
];

/// Columns in which a whole number is one, as it would be in JSON.
const NUMBERS: [&str; 5] = ["idx", "index", "id", "turn", "utterance_idx"];

impl Separator {
    pub(super) const ALL: [Separator; 4] = [
        Separator::Comma,
        Separator::Tab,
        Separator::Semicolon,
        Separator::Bar,
    ];

    pub(super) const fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
            Separator::Bar => b'|',
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Separator::Comma => "comma",
            Separator::Semicolon => "semicolon",
            Separator::Tab => "tab",
            Separator::Bar => "bar",
        }
    }
}

/// How the cells of a table are separated; none where the text is not a table. A file whose name ends in `.csv` or
/// `.tsv` is one; of others the first line must be names alone, a telling one among them.
pub(super) fn separator(path: &Path, text: &str) -> Option<Separator> {
    let heads = Separator::ALL.map(|separator| (separator, header(text, separator)));
    let best = heads.into_iter().rev().max_by_key(|(_, names)| {
        let known = names.iter().filter(|name| KNOWN.contains(&name.as_str()));
        (known.count().min(1), names.len())
    });
    let (separator, names) = best?;
    let extension = path.extension().map(|end| end.to_ascii_lowercase());
    let end = extension.as_ref().and_then(|end| end.to_str());
    if matches!(end, Some("csv" | "tsv" | "tab")) {
        return Some(separator);
    }
    let telling = names.iter().any(|name| TELLING.contains(&name.as_str()));
    let is_name = |(at, name): (usize, &String)| {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        (at == 0 && names.len() > 1) || (!name.is_empty() && name.chars().all(word))
    };
    let only_names = names.iter().enumerate().all(is_name);
    (telling && only_names).then_some(separator)
}

/// The names of the columns, as fields are called.
fn header(text: &str, separator: Separator) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.byte())
        .has_headers(false)
        .flexible(true)
        .from_reader(text.trim_start_matches(['\n', '\r']).as_bytes());
    let mut first = csv::StringRecord::new();
    match reader.read_record(&mut first) {
        Ok(true) => first
            .iter()
            .enumerate()
            .map(|(at, name)| column(at, name))
            .collect(),
        _ => Vec::new(),
    }
}

fn column(at: usize, name: &str) -> String {
    let name = name.trim();
    let lower = name.to_lowercase();
    // The row numbers that pandas writes first.
    let unnamed = name.is_empty() || lower == "unnamed: 0";
    match (at, unnamed) {
        (0, true) => "index".to_string(),
        _ if KNOWN.contains(&lower.as_str()) => lower,
        _ => name.to_string(),
    }
}

pub(super) fn rows(
    path: &Path,
    text: &str,
    separator: Separator,
    wanted: Wanted,
) -> Result<Vec<Row>, DataError> {
    let fix = format!(
        "give a header that names the columns, `{}` among them",
        wanted.field()
    );
    let wrong = |line: usize, what: String| DataError::line(path, line.max(1), what, fix.clone());
    let mut names = header(text, separator);
    if names.iter().filter(|name| *name == "index").count() > 1 && names[0] == "index" {
        names[0] = String::new();
    }
    let field = wanted.field();
    if !names.iter().any(|name| name == field) {
        let seen: Vec<&str> = names.iter().map(String::as_str).collect();
        let between = match seen.len() {
            1 => String::new(),
            _ => format!(" between {}s", separator.title()),
        };
        let what = format!(
            "no column is called `{field}`; the first line has {}{between}",
            named(&seen)
        );
        return Err(wrong(1, what));
    }
    if let Some((at, twice)) = names
        .iter()
        .enumerate()
        .find(|(at, name)| names[..*at].contains(name))
    {
        let what = format!(
            "two columns are called `{twice}`, the last of them column {}",
            at + 1
        );
        return Err(wrong(1, what));
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.byte())
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut last_spans = None;
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line) as usize;
            let what = match error.kind() {
                csv::ErrorKind::UnequalLengths {
                    expected_len, len, ..
                } => {
                    format!("the row has {len} cells where the header has {expected_len}")
                }
                _ => error.to_string(),
            };
            DataError::line(
                path,
                line,
                what,
                "put a text with a separator or a quotation mark in quotation marks",
            )
        })?;
        let line = record.position().map_or(0, csv::Position::line) as usize;
        let spans = record.iter().any(|cell| cell.contains('\n'));
        last_spans = spans.then_some(line);
        rows.push(row(path, &names, &record, line)?);
    }
    if let Some(line) = last_spans.filter(|_| text.matches('"').count() % 2 == 1) {
        let what = "a quotation mark is opened and never closed";
        return Err(DataError::line(
            path,
            line,
            what,
            "close it, or double a mark inside a text",
        ));
    }
    Ok(rows)
}

fn row(
    path: &Path,
    names: &[String],
    record: &csv::StringRecord,
    line: usize,
) -> Result<Row, DataError> {
    let cells = || names.iter().map(String::as_str).zip(record);
    let cell = |wanted: &str| {
        let found = cells().find(|(name, _)| *name == wanted);
        found.map(|(_, cell)| cell)
    };
    let context = cell("context").filter(|cell| !cell.trim().is_empty());
    let context = context
        .map(|text| utterances(path, line, text))
        .transpose()?;
    let mut fields = Map::new();
    for (name, cell) in cells() {
        if name == "response" {
            // An empty cell is an empty response: the system said nothing.
            fields.insert(name.to_string(), cell.into());
        } else if let Some(number) = whole_number(cell).filter(|_| NUMBERS.contains(&name)) {
            fields.insert(name.to_string(), number.into());
        } else if !cell.trim().is_empty() {
            fields.insert(name.to_string(), cell.into());
        }
    }
    if let Some(list) = context.as_ref().filter(|list| list.len() > 1) {
        fields.insert("context".into(), Value::from(list.clone()));
    }
    Ok(Row {
        roles: Vec::new(),
        context,
        response: cell("response").map(str::to_string),
        fields,
        line,
    })
}

/// A whole number in its one spelling, or as pandas writes it (`7.0`); `007` may be a name.
fn whole_number(cell: &str) -> Option<u64> {
    let cell = cell.trim();
    let cell = cell.strip_suffix(".0").unwrap_or(cell);
    let number: u64 = cell.parse().ok()?;
    (number.to_string() == cell).then_some(number)
}

/// A context in a cell: one text, or a JSON list of utterances.
fn utterances(path: &Path, line: usize, cell: &str) -> Result<Vec<String>, DataError> {
    let trimmed = cell.trim();
    if trimmed.starts_with('[') && trimmed.ends_with(']') {
        if let Ok(list) = serde_json::from_str::<Vec<String>>(trimmed) {
            return Ok(list);
        }
        if trimmed.starts_with("['") {
            let what = "the context is a list as Python prints it";
            let fix = "write it with json.dumps, or as one text";
            return Err(DataError::line(path, line, what, fix));
        }
    }
    Ok(vec![cell.to_string()])
}
