//! `emprl runs compare`: settings that differ, results with intervals, paired differences.

use serde_json::{Value, json};
use toml::Value as Setting;

use super::super::{Failure, Place};
use crate::catalog::Entry;
use crate::catalog::compare::{Answers, Paired, differing_settings, paired};
use crate::engine::results_to_json;
use crate::metrics::{Bootstrap, Estimate};
use crate::report::Sheet;
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
            differences.push((
                *run,
                found.map(|(first, other)| paired(other, first, &bootstrap)),
            ));
        }
        if place.out.json {
            return place.out.document(&document(&entries, &differences));
        }
        let sheets = [
            settings_sheet(&entries),
            results_sheet(&entries),
            differences_sheet(self.runs[0], &differences),
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

fn called(entry: &Entry) -> String {
    format!("{} #{}", entry.row.name, entry.row.id)
}

fn setting_words(value: Option<&Setting>) -> String {
    value.map_or("–".to_string(), ToString::to_string)
}

fn settings_sheet(entries: &[&Entry]) -> Sheet {
    let mut columns = vec![("Setting".to_string(), false)];
    columns.extend(entries.iter().map(|entry| (called(entry), false)));
    let mut sheet = Sheet::new("Settings that differ", columns);
    for row in differing_settings(entries) {
        let values = row.values.iter().map(|value| setting_words(value.as_ref()));
        let values: Vec<String> = values.collect();
        sheet.row([row.path].into_iter().chain(values));
    }
    if sheet.rows.is_empty() {
        sheet.notes.push("None.".into());
    }
    sheet
}

fn estimate(value: Option<&Estimate>) -> String {
    value.map_or("–".to_string(), |e| {
        format!("{:.2} [{:.2}, {:.2}]", e.value, e.low, e.high)
    })
}

fn results_sheet(entries: &[&Entry]) -> Sheet {
    let heads = [
        "Run",
        "System",
        "n",
        "PPL",
        "Dist-1 (%)",
        "Dist-2 (%)",
        "Emp-F1 (%)",
    ];
    let columns = heads
        .iter()
        .enumerate()
        .map(|(at, head)| (head.to_string(), at > 1))
        .collect();
    let mut sheet = Sheet::new("Results on the test split", columns);
    for entry in entries {
        for row in entry.results.iter().filter(|row| row.split == "test") {
            sheet.row([
                called(entry),
                row.system.clone(),
                row.n.to_string(),
                estimate(row.ppl.as_ref()),
                estimate(Some(&row.dist_1)),
                estimate(Some(&row.dist_2)),
                estimate(row.emp_f1.as_ref()),
            ]);
        }
    }
    sheet
        .notes
        .push("In brackets: 95 % bootstrap intervals.".into());
    sheet
}

fn differences_sheet(first: RunId, differences: &[(RunId, Option<Paired>)]) -> Sheet {
    let heads = ["Run", "Figure", "Difference", "n"];
    let columns = heads
        .iter()
        .enumerate()
        .map(|(at, head)| (head.to_string(), at > 1))
        .collect();
    let mut sheet = Sheet::new(
        format!("Differences from run {first}, paired by example"),
        columns,
    );
    for (run, found) in differences {
        let Some(found) = found else {
            sheet.notes.push(format!(
                "Run {run} or run {first} has no answers on the test split to compare."
            ));
            continue;
        };
        for row in &found.rows {
            let words = match &row.outcome {
                Ok(difference) => estimate(Some(difference)),
                Err(why) => format!("– ({why})"),
            };
            sheet.row([
                run.to_string(),
                row.title().to_string(),
                words,
                found.n.to_string(),
            ]);
        }
        if !found.same_identifiers {
            sheet.notes.push(format!(
                "The identifiers of run {run} and run {first} are not the same; each run is measured by its own."
            ));
        }
    }
    sheet
        .notes
        .push("95 % intervals by a bootstrap that draws the same examples of both runs.".into());
    sheet
}

fn document(entries: &[&Entry], differences: &[(RunId, Option<Paired>)]) -> Value {
    let settings: serde_json::Map<String, Value> = differing_settings(entries)
        .into_iter()
        .map(|row| (row.path, json!(row.values)))
        .collect();
    let differences: Vec<Value> = differences
        .iter()
        .map(|(run, found)| {
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
                "run": run,
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
