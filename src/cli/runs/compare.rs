//! `emprl runs compare`: settings that differ, results with intervals, paired differences.

use serde_json::{Value, json};

use super::super::{Failure, Place};
use crate::catalog::Entry;
use crate::catalog::compare::{Answers, Paired, differing_settings, paired};
use crate::catalog::sheets::{differences_sheet, results_sheet, settings_sheet};
use crate::engine::results_to_json;
use crate::metrics::Bootstrap;
use crate::store::{RunId, StoreReader};

#[derive(Debug, clap::Args)]
pub struct Compare {
    /// Two runs or more; differences are those from the first
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<RunId>,
    /// Resamples of the bootstrap
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    resamples: u32,
    /// How tables are written
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
    Latex,
    Csv,
}

impl Compare {
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let reader = StoreReader::open(&place.store)?;
        let all: Vec<Entry> = reader.catalog()?.into_iter().map(Entry::new).collect();
        let mut entries = Vec::new();
        for run in &self.runs {
            match all.iter().find(|entry| entry.row.id == *run) {
                Some(entry) => entries.push(entry),
                // Says whether there is none or it is deleted.
                None => {
                    let row = reader.run(*run)?.row;
                    return Err(crate::store::StoreError::Deleted { run: row.id }.into());
                }
            }
        }
        let bootstrap = Bootstrap {
            resamples: self.resamples as usize,
            ..Bootstrap::default()
        };
        let first = answers(&reader, self.runs[0])?;
        let mut differences = Vec::new();
        for run in &self.runs[1..] {
            let other = answers(&reader, *run)?;
            let found = first.as_ref().zip(other.as_ref());
            differences.push(found.map(|(first, other)| paired(other, first, &bootstrap)));
        }
        if place.out.json {
            return place.out.document(&document(&entries, &differences));
        }
        let sheets = [
            settings_sheet(&entries, ToString::to_string),
            results_sheet(&entries),
            differences_sheet(&entries, Some(&differences)),
        ];
        let texts = sheets.iter().map(|sheet| match self.format {
            Format::Text => sheet.text(),
            Format::Markdown => sheet.markdown(),
            Format::Latex => sheet.latex(),
            Format::Csv => sheet.csv(),
        });
        place.out.text(&texts.collect::<Vec<_>>().join("\n"))
    }
}

/// What a run's last system answered; none where it was not evaluated.
fn answers(reader: &StoreReader, run: RunId) -> Result<Option<Answers>, Failure> {
    let results = reader.results(run)?;
    let Some(system) = results.iter().rev().find(|row| row.split == "test") else {
        return Ok(None);
    };
    Ok(reader
        .test_answers(run, &system.system)?
        .map(|rows| Answers::new(&rows)))
}

fn document(entries: &[&Entry], differences: &[Option<Paired>]) -> Value {
    let settings: serde_json::Map<String, Value> = differing_settings(entries)
        .into_iter()
        .map(|row| (row.path, json!(row.values)))
        .collect();
    let differences: Vec<Value> = entries
        .iter()
        .skip(1)
        .zip(differences)
        .map(|(entry, found)| {
            let figures: Option<serde_json::Map<String, Value>> = found.as_ref().map(|found| {
                let figure = |row: &crate::catalog::compare::PairedRow| match &row.outcome {
                    Ok(e) => json!({"value": e.value, "low": e.low, "high": e.high}),
                    Err(why) => json!({"missing": why.to_string()}),
                };
                found
                    .rows
                    .iter()
                    .map(|row| (row.metric.to_string(), figure(row)))
                    .collect()
            });
            json!({
                "run": entry.row.id,
                "n": found.as_ref().map(|found| found.n),
                "same_identifiers": found.as_ref().map(|found| found.same_identifiers),
                "figures": figures,
            })
        })
        .collect();
    json!({
        "runs": entries.iter().map(|entry| json!({
            "id": entry.row.id, "name": entry.row.name, "results": results_to_json(&entry.results),
        })).collect::<Vec<_>>(),
        "settings": settings,
        "differences": differences,
    })
}
