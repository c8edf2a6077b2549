//! JSON in its forms: one object a line or one after the other, an array of objects or of strings, an object of
//! lists.

use std::path::Path;

use serde_json::{Deserializer, Map, Value};

use super::{Form, Wanted, named, plain_row};
use crate::data::error::DataError;
use crate::data::rows::{Row, parse_jsonl};

const FIX: &str = "give one JSON object a line such as {\"context\": \"…\", \"response\": \"…\"}, or one array of them";

/// Whether a text is meant as JSON: it starts with `{`, or with `[` and what an array of rows goes on with.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    match text.strip_prefix('[') {
        Some(rest) => rest.trim_start().starts_with(['{', '[', '"', ']']),
        None => text.starts_with('{'),
    }
}

pub(super) fn rows(path: &Path, text: &str, wanted: Wanted) -> Result<(Form, Vec<Row>), DataError> {
    if text.trim_start().starts_with('[') {
        return Ok((Form::JsonArray, array(path, text, wanted)?));
    }
    if is_by_line(text) {
        return Ok((Form::JsonLines, parse_jsonl(path, text)?));
    }
    // An object over several lines, or a single one.
    let mut values = values(path, text)?;
    if let [(_, Value::Object(object))] = &values[..]
        && is_columns(object, wanted)
    {
        return Ok((Form::JsonColumns, columns(path, object, wanted)?));
    }
    let rows = values
        .drain(..)
        .map(|(line, value)| Row::from_value(path, line, value));
    Ok((Form::JsonLines, rows.collect::<Result<_, _>>()?))
}

/// Whether there is an object a line, as opposed to one over several lines or a single one.
pub(super) fn is_by_line(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let several = lines.next().is_some();
    match serde_json::from_str::<Value>(first) {
        Ok(_) => several,
        Err(error) => !error.is_eof() || !several,
    }
}

/// All values, one after the other, with the lines where they start.
pub(super) fn values(path: &Path, text: &str) -> Result<Vec<(usize, Value)>, DataError> {
    let mut stream = Deserializer::from_str(text).into_iter::<Value>();
    let mut found = Vec::new();
    let mut lines = Lines::new(text);
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return Ok(found),
            Some(Ok(value)) => found.push((lines.of(start), value)),
            Some(Err(error)) => return Err(broken(path, error.line(), &error)),
        }
    }
}

fn broken(path: &Path, line: usize, error: &serde_json::Error) -> DataError {
    let what = match error.is_eof() {
        true => "the JSON is cut off".to_string(),
        false => format!("no JSON from character {} on", error.column()),
    };
    DataError::line(path, line, what, FIX)
}

/// The rows of an array.
fn array(path: &Path, text: &str, wanted: Wanted) -> Result<Vec<Row>, DataError> {
    let row = |found: Result<(usize, Value), DataError>| {
        let (line, value) = found?;
        element(path, line, value, wanted)
    };
    Elements::new(path, text).map(row).collect()
}

/// The elements of the array that a text is, each with its line; after an error there are no more.
pub(super) struct Elements<'a> {
    path: &'a Path,
    text: &'a str,
    lines: Lines<'a>,
    at: usize,
    /// Elements that were read.
    read: usize,
    state: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Start,
    Between,
    Done,
}

impl<'a> Elements<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        Elements {
            path,
            text,
            lines: Lines::new(text),
            at: text.len() - text.trim_start().len() + 1,
            read: 0,
            state: Reading::Start,
        }
    }

    fn skip(&mut self, to: usize) {
        let rest = &self.text[to..];
        self.at = to + (rest.len() - rest.trim_start().len());
    }

    fn wrong(&mut self, at: usize, what: &str) -> DataError {
        let what = format!("{what} after {} of its elements", self.read);
        DataError::line(self.path, self.lines.of(at), what, FIX)
    }

    fn element(&mut self) -> Result<Option<(usize, Value)>, DataError> {
        const CUT: &str = "the JSON array is cut off";
        self.skip(self.at);
        match (self.text[self.at..].chars().next(), self.state) {
            (None, _) => return Err(self.wrong(self.text.len(), CUT)),
            (Some(']'), _) => {
                self.skip(self.at + 1);
                return match self.at < self.text.len() {
                    true => Err(self.wrong(self.at, "something follows the JSON array")),
                    false => Ok(None),
                };
            }
            (Some(','), Reading::Between) => self.skip(self.at + 1),
            (Some(_), Reading::Between) => {
                return Err(self.wrong(self.at, "a comma is missing in the JSON array"));
            }
            _ => {}
        }
        let line = self.lines.of(self.at);
        let mut stream = Deserializer::from_str(&self.text[self.at..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                self.at += stream.byte_offset();
                self.read += 1;
                self.state = Reading::Between;
                Ok(Some((line, value)))
            }
            Some(Err(error)) if !error.is_eof() => {
                let line = line + error.line().saturating_sub(1);
                let (column, number) = (error.column(), self.read + 1);
                let what = match error.line() {
                    1 => format!("no JSON from character {column} of element {number} on"),
                    _ => format!("no JSON from character {column} on, in element {number}"),
                };
                Err(DataError::line(self.path, line, what, FIX))
            }
            _ => {
                let what = format!("{CUT} in element {}", self.read + 1);
                Err(DataError::line(self.path, line, what, FIX))
            }
        }
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<(usize, Value), DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == Reading::Done {
            return None;
        }
        let element = self.element().transpose();
        if !matches!(element, Some(Ok(_))) {
            self.state = Reading::Done;
        }
        element
    }
}

fn element(path: &Path, line: usize, value: Value, wanted: Wanted) -> Result<Row, DataError> {
    match value {
        Value::String(text) => Ok(plain_row(text, line, wanted)),
        Value::Array(_) if wanted == Wanted::Contexts => {
            let fields = Map::from_iter([("context".to_string(), value)]);
            Row::from_value(path, line, Value::Object(fields))
        }
        Value::Object(_) => Row::from_value(path, line, value),
        _ => {
            let what = "the array holds something that is neither an object nor a text";
            Err(DataError::line(path, line, what, FIX))
        }
    }
}

/// Whether an object holds a list for each column, or as pandas writes them an object of cells by row.
fn is_columns(object: &Map<String, Value>, wanted: Wanted) -> bool {
    let Some(main) = object.get(wanted.field()) else {
        return false;
    };
    match (wanted, main) {
        (_, Value::Object(_)) => true,
        (Wanted::Responses, Value::Array(_)) => true,
        // The list of a single row's context is its utterances.
        (Wanted::Contexts, Value::Array(list)) => object.iter().any(|(name, other)| {
            name != wanted.field()
                && other
                    .as_array()
                    .is_some_and(|other| other.len() == list.len())
        }),
        _ => false,
    }
}

fn columns(
    path: &Path,
    object: &Map<String, Value>,
    wanted: Wanted,
) -> Result<Vec<Row>, DataError> {
    let fix = "give every field a list of the same length";
    let keys: Option<Vec<&String>> = match &object[wanted.field()] {
        Value::Object(cells) => Some(cells.keys().collect()),
        _ => None,
    };
    let length = |value: &Value| match value {
        Value::Array(list) => list.len(),
        Value::Object(cells) => cells.len(),
        _ => 0,
    };
    let count = length(&object[wanted.field()]);
    let uneven: Vec<&str> = object
        .iter()
        .filter(|(_, value)| length(value) != count)
        .map(|(name, _)| name.as_str())
        .collect();
    if !uneven.is_empty() {
        let what = format!(
            "\"{}\" is a list of {count}, which {} {} not",
            wanted.field(),
            named(&uneven),
            if uneven.len() == 1 { "is" } else { "are" }
        );
        return Err(DataError::file(path, what, fix));
    }
    let cell = |value: &Value, at: usize| match (value, &keys) {
        (Value::Array(list), _) => list.get(at).cloned(),
        (Value::Object(cells), Some(keys)) => cells.get(keys[at]).cloned(),
        _ => None,
    };
    let numbered = ["idx", "index", "id"]
        .iter()
        .any(|name| object.contains_key(*name));
    let row = |at: usize| {
        let mut fields = Map::new();
        if let Some(keys) = keys.as_ref().filter(|_| !numbered) {
            fields.insert("index".into(), keys[at].as_str().into());
        }
        for (name, value) in object {
            let value = cell(value, at).ok_or_else(|| {
                let what = format!("\"{name}\" has no cell of row {}", at + 1);
                DataError::file(path, what, fix)
            })?;
            fields.insert(name.clone(), value);
        }
        Row::from_value(path, at + 1, Value::Object(fields))
    };
    (0..count).map(row).collect()
}

/// Lines of places in a text that are asked for in order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Lines {
            text,
            at: 0,
            line: 1,
        }
    }

    /// The line of the first thing at or after `place`.
    fn of(&mut self, place: usize) -> usize {
        let blank = self.text[place..].len() - self.text[place..].trim_start().len();
        let place = place + blank;
        let passed = &self.text.as_bytes()[self.at..place.max(self.at)];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = place.max(self.at);
        self.line
    }
}
