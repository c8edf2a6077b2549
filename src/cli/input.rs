//! Reads the input of commands: experiment files; contexts and responses, from files or stdin.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::data::DataError;
use crate::data::rows::{Row, is_json, parse_jsonl, read_responses};
use crate::experiment::{ExperimentFile, presets};

/// Reads an experiment file, or a built-in one if the name is not a file.
pub fn experiment(name: &str) -> Result<ExperimentFile, Failure> {
    let path = Path::new(name);
    if !path.exists() {
        if let Some(preset) = ExperimentFile::preset(name) {
            return Ok(preset?);
        }
        if path.extension().is_none() && path.components().count() == 1 {
            return Err(Failure::Usage(format!(
                "{name}: is neither a file here nor an experiment that comes with the program ({})",
                preset_names()?
            )));
        }
    }
    Ok(ExperimentFile::read(path)?)
}

/// The names of the built-in experiments.
pub fn preset_names() -> Result<String, Failure> {
    let names: Vec<String> = presets()?.into_iter().map(|preset| preset.name).collect();
    Ok(names.join(", "))
}

/// Contexts to answer: JSONL rows, or plain text with one context a line.
pub fn contexts(path: Option<&Path>) -> Result<(PathBuf, Vec<Row>), DataError> {
    let (path, text) = match path {
        Some(path) if path != Path::new("-") => {
            let bytes = std::fs::read(path).map_err(|error| missing_or(path, error))?;
            (path.to_path_buf(), bytes)
        }
        _ => {
            let path = PathBuf::from("stdin");
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(DataError::io(&path))?;
            (path, bytes)
        }
    };
    let text = String::from_utf8(text).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        DataError::line(
            &path,
            line,
            "the text is not UTF-8",
            "save the file as UTF-8",
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    if is_json(text) {
        let rows = parse_jsonl(&path, text)?;
        for row in &rows {
            row.require_context(&path)?;
        }
        return Ok((path, rows));
    }
    let rows = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| Row {
            context: Some(vec![line.to_string()]),
            response: None,
            fields: serde_json::Map::from_iter([("context".to_string(), line.into())]),
            line: index + 1,
        })
        .collect();
    not_empty(&path, rows).map(|rows| (path, rows))
}

/// Refuses an empty file: it is more likely a mistake than a request to do nothing.
fn not_empty(path: &Path, rows: Vec<Row>) -> Result<Vec<Row>, DataError> {
    if rows.is_empty() {
        return Err(DataError::file(path, "has no rows", "give at least one"));
    }
    Ok(rows)
}

/// Responses alone: JSONL rows, or plain text with one a line.
pub fn responses(path: &Path) -> Result<Vec<Row>, DataError> {
    not_empty(path, read_responses(path)?)
}

/// Responses with their contexts, which are in the same rows, or in as many rows of a second file.
pub fn pairs(responses: &Path, contexts: Option<&Path>) -> Result<Vec<Row>, DataError> {
    let mut rows = self::responses(responses)?;
    if let Some(path) = contexts {
        let (_, others) = self::contexts(Some(path))?;
        if others.len() != rows.len() {
            return Err(DataError::file(
                responses,
                format!(
                    "has {} responses where {} has {} rows",
                    rows.len(),
                    path.display(),
                    others.len()
                ),
                "give one response for each context, in the same order",
            ));
        }
        for (row, other) in rows.iter_mut().zip(others) {
            let context = other.require_context(path)?.to_vec();
            row.set("context", context.clone());
            row.context = Some(context);
            if let Some(target) = other.response {
                row.set("target", target);
            }
        }
    }
    let missing = rows.iter().find(|row| row.context.is_none());
    match missing.filter(|_| contexts.is_none()) {
        Some(row) => Err(DataError::line(
            responses,
            row.line,
            "the response has no context",
            "give rows {\"context\": \"…\", \"response\": \"…\"}, or the contexts with --contexts FILE",
        )),
        None => Ok(rows),
    }
}

fn missing_or(path: &Path, error: std::io::Error) -> DataError {
    match error.kind() {
        std::io::ErrorKind::NotFound => DataError::Missing {
            path: path.to_path_buf(),
            fix: "check the path".to_string(),
        },
        _ => DataError::io(path)(error),
    }
}
