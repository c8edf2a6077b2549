//! Reads the input of commands: experiment files; contexts and responses, from files or stdin.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use super::output::{line_on_stderr, number_of};
use crate::data::DataError;
use crate::data::reader::{self, RowFile, Wanted};
use crate::experiment::{ExperimentFile, presets};
use crate::study::AlignBy;
use crate::study::contexts::OrderedContexts;
use crate::study::responses::{AlignedResponses, Problem, align, other_targets};
use crate::text::shown::one_line;

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
    reader::read(path, Wanted::Responses)
}

/// Responses with their contexts, which are in the same rows or in a second file. Rows find theirs as those of
/// `emprl responses import` do, and those that it leaves out are left out with the same words.
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
    let (mut order, _) = OrderedContexts::from_file(path, &[])?;
    let AlignedResponses {
        responses: aligned,
        places,
    } = align(&file, &order, None)?;
    let mut rows = Vec::with_capacity(file.rows.len());
    for (mut row, place) in file.rows.into_iter().zip(places) {
        let Some(place) = place else { continue };
        let context = &order.contexts()[place];
        row.set("context", context.utterances.clone());
        row.context = Some(context.utterances.clone());
        if let Some(target) = &context.target {
            row.set("target", target.clone());
        }
        rows.push(row);
    }
    file.rows = rows;
    if aligned.aligned_by != AlignBy::Order {
        let by = aligned.aligned_by.words();
        file.notes
            .push(format!("Responses are matched to contexts {by}."));
    }
    file.notes.append(&mut order.notes);
    let other = other_targets(&mut order, &aligned.targets);
    file.notes.extend(aligned.notes);
    file.notes.extend(other);
    file.notes.extend(problem_lines(&aligned.problems, &order));
    Ok(file)
}

/// Problems that are shown; the rest is only counted.
const SHOWN_PROBLEMS: usize = 20;

/// The problems of a file of responses, a line each, and how many more there are.
pub fn problem_lines(problems: &[Problem], order: &OrderedContexts) -> Vec<String> {
    let shown = problems.iter().take(SHOWN_PROBLEMS);
    let mut lines: Vec<String> = shown
        .map(|problem| one_line(&problem.words(order)).into_owned())
        .collect();
    let more = problems.len() - lines.len();
    if more > 0 {
        let more = number_of(more as u64, "more problem", "more problems");
        lines.push(format!(
            "{more}; `emprl responses import --json` lists them all"
        ));
    }
    lines
}

/// Writes notes to stderr, where they are not taken for rows.
pub fn show_notes(notes: &[String]) {
    for note in notes {
        line_on_stderr(&format!("note: {note}"));
    }
}
