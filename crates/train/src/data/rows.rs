//! A row: an object with a context and a response; JSONL of the program's own in and out.
//!
//! Fields that are not ours keep their value and their place. Files of others are read by
//! [`reader`](super::reader). Must not know what is computed from rows.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::error::DataError;
use super::import::utf8;
use super::sets::{Role, Turns};

const FIX: &str =
    "each row must be one JSON object such as {\"context\": \"…\", \"response\": \"…\"}";

/// One row: `{"context": "…" or ["…", …], "response": "…", …}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Utterances of the context, oldest first; one if it was given as one string.
    pub context: Option<Vec<String>>,
    /// Who said each; empty where the sides alternate, the speaker first, or the row does not say it of all.
    pub roles: Vec<Role>,
    pub response: Option<String>,
    /// The whole object as it was read, ours and foreign fields, in their order.
    pub fields: Map<String, Value>,
    /// Line it was read from, counted from 1.
    pub line: usize,
}

impl Row {
    /// A row of one's own making.
    pub fn new(context: Vec<String>, response: impl Into<String>) -> Row {
        let response = response.into();
        let mut fields = Map::new();
        fields.insert("context".into(), Value::from(context.clone()));
        fields.insert("response".into(), Value::from(response.clone()));
        Row {
            context: Some(context),
            roles: Vec::new(),
            response: Some(response),
            fields,
            line: 0,
        }
    }

    /// A row from a JSON value; `path` and `line` are for errors.
    ///
    /// # Errors
    /// The value is no object, or its `context` or `response` is of a wrong type.
    pub fn from_value(path: &Path, line: usize, value: Value) -> Result<Row, DataError> {
        let Value::Object(fields) = value else {
            return Err(DataError::line(path, line, "no JSON object", FIX));
        };
        let context = match fields.get("context") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(items)) => {
                let texts: Option<Vec<String>> = items
                    .iter()
                    .map(|item| item.as_str().map(str::to_string))
                    .collect();
                Some(texts.ok_or_else(|| {
                    DataError::line(
                        path,
                        line,
                        "\"context\" holds something that is no text",
                        FIX,
                    )
                })?)
            }
            Some(_) => {
                let what = "\"context\" is neither a text nor a list of texts";
                return Err(DataError::line(path, line, what, FIX));
            }
        };
        let response = match fields.get("response") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                return Err(DataError::line(path, line, "\"response\" is no text", FIX));
            }
        };
        Ok(Row {
            roles: roles(context.as_deref(), &fields),
            context,
            response,
            fields,
            line,
        })
    }

    /// What was said before the response.
    pub fn turns(&self) -> Option<Turns<'_>> {
        let utterances = self.context.as_deref()?;
        let roles = &self.roles;
        Some(Turns { utterances, roles })
    }

    /// The context as one text: utterances joined by one space.
    pub fn context_text(&self) -> Option<String> {
        self.turns().map(|turns| turns.text())
    }

    /// The context, or an error that names the row's line in `path`.
    pub fn require_context(&self, path: &Path) -> Result<&[String], DataError> {
        Ok(self.require_turns(path)?.utterances)
    }

    /// The context with its sides, or an error that names the row's line in `path`.
    pub fn require_turns(&self, path: &Path) -> Result<Turns<'_>, DataError> {
        self.turns().ok_or_else(|| {
            DataError::line(
                path,
                self.line,
                "the row has no \"context\"",
                "give each row {\"context\": \"…\" or [\"…\"], …}",
            )
        })
    }

    /// The response, or an error that names the row's line in `path`.
    pub fn require_response(&self, path: &Path) -> Result<&str, DataError> {
        self.response.as_deref().ok_or_else(|| {
            DataError::line(
                path,
                self.line,
                "the row has no \"response\"",
                "give each row {\"response\": \"…\", …}",
            )
        })
    }

    /// Sets a field of the row, including `response`; an existing field keeps its place.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        if key == "response" {
            self.response = value.as_str().map(str::to_string);
        }
        self.fields.insert(key.to_string(), value);
    }
}

/// Who said each utterance, where the field `roles` says it of all.
fn roles(context: Option<&[String]>, fields: &Map<String, Value>) -> Vec<Role> {
    let given = fields.get("roles").cloned().unwrap_or_default();
    let roles: Vec<Role> = serde_json::from_value(given).unwrap_or_default();
    match context.is_some_and(|context| context.len() == roles.len()) {
        true => Role::kept(&roles),
        false => Vec::new(),
    }
}

/// Reads a JSONL file; blank lines are ignored.
///
/// # Errors
/// The file cannot be read, a line is not a JSON object, or `context` or `response` are of a wrong type.
pub fn read_jsonl(path: &Path) -> Result<Vec<Row>, DataError> {
    parse_jsonl(path, &read(path)?)
}

/// The rows in `text`; `path` is what errors call it.
///
/// # Errors
/// As [`read_jsonl`].
pub fn parse_jsonl(path: &Path, text: &str) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            rows.push(parse_row(path, index + 1, line)?);
        }
    }
    Ok(rows)
}

/// Writes rows, one JSON object a line.
///
/// # Errors
/// What the writer says.
pub fn write_jsonl<'a>(
    out: &mut impl Write,
    rows: impl IntoIterator<Item = &'a Row>,
) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, &row.fields)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads a text file whole, without a byte order mark.
fn read(path: &Path) -> Result<String, DataError> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DataError::Missing {
            path: path.to_path_buf(),
            fix: "check the path".into(),
        },
        _ => DataError::io(path)(error),
    })?;
    let text = utf8(path, bytes, "save the file as UTF-8")?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_string)
        .unwrap_or(text))
}

fn parse_row(path: &Path, line: usize, text: &str) -> Result<Row, DataError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON object is cut off".to_string(),
            _ => format!("no JSON from character {} on", error.column()),
        };
        DataError::line(path, line, what, FIX)
    })?;
    Row::from_value(path, line, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_keep_their_value_and_place() {
        let line = r#"{"id":7,"context":["Hi.","Hello."],"z":{"b":1,"a":2},"response":"Yes."}"#;
        let mut rows = parse_jsonl(Path::new("x.jsonl"), line).unwrap();
        assert_eq!(rows[0].context_text().unwrap(), "Hi. Hello.");
        rows[0].set("nll", 1.5);
        let mut out = Vec::new();
        write_jsonl(&mut out, &rows).unwrap();
        let expected = line.strip_suffix('}').unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("{expected},\"nll\":1.5}}\n")
        );
    }

    #[test]
    fn errors_name_the_line() {
        let text = "{\"context\": \"a\"}\n\n{\"context\": 3}\n";
        let error = parse_jsonl(Path::new("x.jsonl"), text)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("x.jsonl, line 3:"), "{error}");
    }
}
