//! Reads the input of commands: experiment files; contexts and responses, from files or stdin.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use super::output::line_on_stderr;
use crate::data::DataError;
use crate::data::reader::{self, RowFile, Wanted};
use crate::experiment::{ExperimentFile, presets};
use crate::study::AlignBy;
use crate::study::contexts::OrderedContexts;
use crate::study::matching::match_rows;
use crate::study::shift::suspicion;

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

/// Contexts to answer, from a file or from stdin.
pub fn contexts(path: Option<&Path>) -> Result<RowFile, DataError> {
    let file = match path {
        Some(path) if path != Path::new("-") => reader::read(path, Wanted::Contexts)?,
        _ => {
            let path = PathBuf::from("stdin");
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(DataError::io(&path))?;
            reader::parse(&path, bytes, Wanted::Contexts)?
        }
    };
    for row in &file.rows {
        row.require_context(&file.path)?;
    }
    Ok(file)
}

/// Responses alone.
pub fn responses(path: &Path) -> Result<RowFile, DataError> {
    let file = reader::read(path, Wanted::Responses)?;
    for row in &file.rows {
        row.require_response(path)?;
    }
    Ok(file)
}

/// Responses with their contexts, which are in the same rows or in a second file. Rows find theirs as those of
/// `emprl responses import` do; every row must.
pub fn pairs(responses: &Path, contexts: Option<&Path>) -> Result<RowFile, Failure> {
    let mut file = self::responses(responses)?;
    let Some(path) = contexts else {
        return match file.rows.iter().find(|row| row.context.is_none()) {
            Some(row) => Err(DataError::line(
                responses,
                row.line,
                "the response has no context",
                "give rows {\"context\": \"…\", \"response\": \"…\"}, or the contexts with --contexts FILE",
            )
            .into()),
            None => Ok(file),
        };
    };
    let (order, _) = OrderedContexts::from_file(path, &[])?;
    let matched = match_rows(responses, &file.rows, &order, None)?;
    let unmatched = matched.places.iter().zip(&file.rows);
    if let Some((why, row)) = unmatched
        .filter_map(|(place, row)| Some((place.as_ref().err()?, row)))
        .next()
    {
        let fix = "give each response a context of --contexts FILE, or leave it out";
        return Err(DataError::line(responses, row.line, why, fix).into());
    }
    let places: Vec<usize> = matched.places.into_iter().flatten().collect();
    let mut answers = vec![None; order.len()];
    for (row, place) in file.rows.iter_mut().zip(places) {
        let context = &order.contexts()[place];
        row.set("context", context.utterances.clone());
        row.context = Some(context.utterances.clone());
        if let Some(target) = &context.target {
            row.set("target", target.clone());
        }
        answers[place].clone_from(&row.response);
    }
    if matched.by != AlignBy::Order {
        let by = matched.by.words();
        file.notes
            .push(format!("Responses are matched to contexts {by}."));
    }
    file.notes.extend(order.notes.iter().cloned());
    file.notes.extend(matched.notes);
    file.notes.extend(suspicion(&order, &answers));
    Ok(file)
}

/// Writes notes to stderr, where they are not taken for rows.
pub fn show_notes(notes: &[String]) {
    for note in notes {
        line_on_stderr(&format!("note: {note}"));
    }
}
