//! Rows in and out: JSONL objects with a context and a response, and plain files of responses.
//!
//! Fields that are not ours keep their value and their place. Must not know what is computed from rows.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::error::DataError;
use super::import::utf8;

/// One row: `{"context": "…" or ["…", …], "response": "…", …}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Utterances of the context, oldest first; one if it was given as one string.
    pub context: Option<Vec<String>>,
    /// The response.
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
            response: Some(response),
            fields,
            line: 0,
        }
    }

    /// The context as the model reads it: utterances joined by one space.
    pub fn context_text(&self) -> Option<String> {
        self.context.as_ref().map(|utterances| utterances.join(" "))
    }

    /// The context, or an error that names the row's line in `path`.
    pub fn require_context(&self, path: &Path) -> Result<&[String], DataError> {
        self.context.as_deref().ok_or_else(|| {
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

/// Whether a text is meant as JSON: it starts with `{` or `[{` after white space. An array is not JSONL, and is
/// refused rather than read as plain text.
pub fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let array = text.strip_prefix('[').map(str::trim_start);
    text.starts_with('{') || array.is_some_and(|rest| rest.starts_with('{'))
}

/// Reads responses: a plain text file, one a line, or JSONL rows when it [is JSON](is_json).
///
/// In a plain file every line counts, an empty one as an empty response; only the end of the
/// last line adds none.
///
/// # Errors
/// As [`read_jsonl`].
pub fn read_responses(path: &Path) -> Result<Vec<Row>, DataError> {
    let text = read(path)?;
    if is_json(&text) {
        let rows = parse_jsonl(path, &text)?;
        for row in &rows {
            row.require_response(path)?;
        }
        return Ok(rows);
    }
    Ok(text
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let mut fields = Map::new();
            fields.insert("response".into(), Value::from(line));
            Row {
                context: None,
                response: Some(line.to_string()),
                fields,
                line: index + 1,
            }
        })
        .collect())
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
///
/// # Errors
/// The file cannot be read or is not UTF-8; the error names the line.
pub fn read(path: &Path) -> Result<String, DataError> {
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
    let fix = "each line must be one JSON object such as {\"context\": \"…\", \"response\": \"…\"}";
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON object is cut off".to_string(),
            _ => format!("no JSON from character {} on", error.column()),
        };
        DataError::line(path, line, what, fix)
    })?;
    let Value::Object(fields) = value else {
        return Err(DataError::line(path, line, "no JSON object", fix));
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
                    fix,
                )
            })?)
        }
        Some(_) => {
            let what = "\"context\" is neither a text nor a list of texts";
            return Err(DataError::line(path, line, what, fix));
        }
    };
    let response = match fields.get("response") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            return Err(DataError::line(path, line, "\"response\" is no text", fix));
        }
    };
    Ok(Row {
        context,
        response,
        fields,
        line,
    })
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

    #[test]
    fn plain_responses_are_one_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("responses.txt");
        let read = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            read_responses(&path)
        };
        let texts = |rows: Vec<Row>| -> Vec<String> {
            rows.into_iter().filter_map(|row| row.response).collect()
        };
        let plain = read("\u{feff}First.\r\n\nThird.\n".as_bytes()).unwrap();
        assert_eq!(texts(plain), ["First.", "", "Third."]);
        let jsonl = read(b"{\"response\": \"Yes.\", \"id\": 4}\n").unwrap();
        assert_eq!(jsonl[0].fields["id"], 4);
        assert_eq!(texts(jsonl), ["Yes."]);
        let none = read(b"{\"context\": \"Hi.\"}\n").unwrap_err().to_string();
        assert!(
            none.contains("responses.txt, line 1: the row has no \"response\""),
            "{none}"
        );
        let binary = read(b"ok\n\xff\n").unwrap_err().to_string();
        assert!(
            binary.contains("responses.txt, line 2: the text is not UTF-8"),
            "{binary}"
        );
        fs::remove_file(&path).unwrap();
        let missing = read_responses(&path).unwrap_err().to_string();
        assert!(missing.contains("responses.txt: not found"), "{missing}");
    }
}
