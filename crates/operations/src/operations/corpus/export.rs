//! A corpus as a file: JSONL of everything, or a table.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

use super::super::OperationError;
use crate::data::corpus::record::{Record, Score};
use crate::data::{Role, library};
use crate::text::shown::cell;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// Everything; what [`import`] reads as records again.
    JsonLines,
    /// A row a record and a column for each label, score and system's response, without ranges and origins of scores and
    /// labels of single utterances.
    Csv,
}

impl ExportForm {
    /// The form that a file's ending says.
    pub fn of(path: &Path) -> Option<ExportForm> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" => Some(ExportForm::JsonLines),
            "csv" => Some(ExportForm::Csv),
            _ => None,
        }
    }
}

/// Writes the records of a corpus to a new file; returns how many.
///
/// # Errors
/// There is no such corpus, it is damaged, the file is there already or cannot be written.
pub fn export(
    store: &Path,
    name: &str,
    out: &Path,
    form: ExportForm,
) -> Result<usize, OperationError> {
    let columns = match form {
        ExportForm::JsonLines => None,
        ExportForm::Csv => Some(CsvColumns::of(store, name)?),
    };
    let wrong = OperationError::write(out);
    let mut file = BufWriter::new(File::create_new(out).map_err(&wrong)?);
    let mut written = 0;
    let done = (|| {
        if let Some(columns) = &columns {
            file.write_all(&columns.head().map_err(&wrong)?)
                .map_err(&wrong)?;
        }
        library::each_record(store, name, |record| {
            let line = match &columns {
                Some(columns) => columns.row(&record),
                None => serde_json::to_vec(&record)
                    .map(|mut line| {
                        line.push(b'\n');
                        line
                    })
                    .map_err(std::io::Error::from),
            };
            written += 1;
            line.and_then(|line| file.write_all(&line)).map_err(&wrong)
        })?;
        file.flush().map_err(&wrong)
    })();
    if done.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(out);
    }
    done.map(|()| written)
}

/// The columns of a corpus as a table.
#[derive(Debug, Default)]
struct CsvColumns {
    systems: BTreeSet<String>,
    /// Labels and scores of responses, by system.
    of_systems: BTreeSet<(String, String)>,
    labels: BTreeSet<String>,
    scores: BTreeSet<String>,
}

/// Columns that every table has.
const FIXED: [&str; 6] = ["id", "conversation", "turn", "split", "context", "target"];

impl CsvColumns {
    fn of(store: &Path, name: &str) -> Result<Self, OperationError> {
        let mut columns = CsvColumns::default();
        library::each_record(store, name, |record| {
            for response in &record.responses {
                columns.systems.insert(response.system.clone());
                let scores = response.scores.iter().map(|score| &score.name);
                for of in response.labels.keys().chain(scores) {
                    columns
                        .of_systems
                        .insert((response.system.clone(), of.clone()));
                }
                let texts = [
                    ("reasoning", &response.reasoning),
                    ("audio", &response.audio),
                ];
                for (of, _) in texts.iter().filter(|(_, text)| text.is_some()) {
                    columns
                        .of_systems
                        .insert((response.system.clone(), of.to_string()));
                }
            }
            columns.labels.extend(record.labels.into_keys());
            columns
                .scores
                .extend(record.scores.into_iter().map(|score| score.name));
            Ok::<_, OperationError>(())
        })?;
        Ok(columns)
    }

    fn head(&self) -> std::io::Result<Vec<u8>> {
        let named = |kind: &str, name: &String| match FIXED.contains(&name.as_str()) {
            true => format!("{kind}_{name}"),
            false => name.clone(),
        };
        let twice = |name: &String| match self.labels.contains(name) {
            true => format!("score_{name}"),
            false => named("score", name),
        };
        let fixed = FIXED.iter().map(|name| name.to_string());
        let systems = self
            .systems
            .iter()
            .map(|system| format!("response_{system}"));
        let of_systems = self
            .of_systems
            .iter()
            .map(|(system, of)| format!("{of}_{system}"));
        let labels = self.labels.iter().map(|name| named("label", name));
        let scores = self.scores.iter().map(twice);
        line(
            fixed
                .chain(systems)
                .chain(of_systems)
                .chain(labels)
                .chain(scores),
        )
    }

    fn row(&self, record: &Record) -> std::io::Result<Vec<u8>> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let score = |scores: &[Score], name: &str| {
            let found = scores.iter().find(|score| score.name == name);
            found.map(|score| score.value.to_string())
        };
        let fixed = [
            record.id.clone(),
            text(&record.conversation),
            record
                .turn
                .map_or_else(String::new, |turn| turn.to_string()),
            record
                .split
                .map_or_else(String::new, |split| split.to_string()),
            context(record),
            text(&record.target),
        ];
        let response = |system: &str| {
            record
                .responses
                .iter()
                .find(|response| response.system == system)
        };
        let systems = self.systems.iter().map(|system| {
            response(system).map_or_else(String::new, |response| response.text.clone())
        });
        let of_systems = self.of_systems.iter().map(|(system, of)| {
            let found = response(system).and_then(|response| {
                let label = response.labels.get(of).cloned();
                label
                    .or_else(|| score(&response.scores, of))
                    .or_else(|| match of.as_str() {
                        "reasoning" => response.reasoning.clone(),
                        "audio" => response.audio.clone(),
                        _ => None,
                    })
            });
            found.unwrap_or_default()
        });
        let labels = self
            .labels
            .iter()
            .map(|name| record.labels.get(name).cloned().unwrap_or_default());
        let scores = self
            .scores
            .iter()
            .map(|name| score(&record.scores, name).unwrap_or_default());
        line(
            fixed
                .into_iter()
                .chain(systems)
                .chain(of_systems)
                .chain(labels)
                .chain(scores),
        )
    }
}

/// The context as JSON: a list of texts where the sides alternate, the speaker first, else of turns.
fn context(record: &Record) -> String {
    if record.context.is_empty() {
        return String::new();
    }
    let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
    let turns = record.context.iter();
    match Role::kept(&roles).is_empty() {
        true => json!(turns.map(|said| &said.text).collect::<Vec<_>>()).to_string(),
        false => json!(
            turns
                .map(|said| json!({"role": said.role, "text": said.text}))
                .collect::<Vec<_>>()
        )
        .to_string(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells: Vec<String> = cells.map(|text| cell(&text).into_owned()).collect();
    writer.write_record(&cells)?;
    writer.into_inner().map_err(|error| error.into_error())
}
