//! `emprl runs compare`: settings that differ, results with intervals, paired differences, a plot of curves.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::output::csv_mark;
use super::super::{CommandContext, Failure};
use crate::catalog::Entry;
use crate::catalog::compare::{Paired, differing_settings};
use crate::catalog::figures::{figure, run_lines, seed_lines};
use crate::catalog::load::{curves, differences, load_entries};
use crate::catalog::sheets::{differences_sheet, results_sheet, settings_sheet};
use crate::engine::results_to_json;
use crate::metrics::{Bootstrap, declared};
use crate::operations::exports;
use crate::report::Sheet;
use crate::report::tables::latex_sheets;
use crate::store::{RunId, StoreReader};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Compare {
    /// Two runs or more; differences are those from the first
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<RunId>,
    /// Resamples of the bootstrap
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    resamples: u32,
    /// Also writes a plot of this metric into --file
    #[arg(long, value_name = "METRIC", requires = "file")]
    plot: Option<String>,
    /// Where the plot is written: .svg, .png, or .csv for its points; a file that is there is not written over
    #[arg(long, value_name = "FILE", requires = "plot")]
    file: Option<PathBuf>,
    /// One line for runs that differ in the seed only: their mean, and a band of one standard deviation
    #[arg(long, requires = "plot")]
    bands: bool,
    /// Smooths each run's line, before a band is made of it: weight of the debiased moving average, 0 to 0.99
    #[arg(long, requires = "plot", default_value_t = 0.0, value_parser = smoothing)]
    smoothing: f64,
    /// How tables are written
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,
    /// CSV with the mark by which Excel knows UTF-8
    #[arg(long)]
    excel: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
    Latex,
    Csv,
}

impl Compare {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let mark = csv_mark(self.excel, self.format == Format::Csv)?;
        let reader = StoreReader::open(&ctx.store)?;
        let entries = load_entries(&reader, &self.runs)?;
        let entries: Vec<&Entry> = entries.iter().collect();
        // Refuse what can be refused before the slow part.
        if let (Some(metric), Some(file)) = (&self.plot, &self.file) {
            self.draw(&reader, &entries, metric, file)?;
        }
        let bootstrap = Bootstrap {
            resamples: self.resamples as usize,
            ..Bootstrap::default()
        };
        let differences = differences(&reader, &self.runs, &bootstrap)?;
        if ctx.out.json {
            let mut document = document(&entries, &differences);
            document["plot"] = json!(self.file);
            return ctx.out.document(&document);
        }
        let sheets = [
            settings_sheet(&entries),
            results_sheet(&entries),
            differences_sheet(&entries, Some(&differences)),
        ];
        let each = |write: fn(&Sheet) -> String| {
            let texts: Vec<String> = sheets.iter().map(write).collect();
            texts.join("\n")
        };
        let written = match self.format {
            Format::Text => each(Sheet::text),
            Format::Markdown => each(Sheet::markdown),
            Format::Latex => latex_sheets(&sheets),
            Format::Csv => each(Sheet::csv),
        };
        let mut text = mark.to_string() + &written;
        if let (Some(file), Format::Text) = (&self.file, self.format) {
            let file = file.to_string_lossy();
            text += &format!("\nThe plot is in {}.\n", one_line(&file));
        }
        ctx.out.content(&text)
    }

    fn draw(
        &self,
        reader: &StoreReader,
        entries: &[&Entry],
        metric: &str,
        file: &Path,
    ) -> Result<(), Failure> {
        let keys = declared::in_every_stage(metric);
        let known = |entry: &&Entry| keys.iter().any(|key| entry.metrics.contains_key(key));
        if !entries.iter().any(known) {
            let logged = entries.iter().flat_map(|entry| entry.metrics.keys());
            let likeness = |name: &&String| strsim::jaro_winkler(name, metric);
            let near = logged
                .filter(|name| likeness(name) > 0.7)
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let near = near.map_or(String::new(), |name| format!("did you mean {name}? "));
            return Err(Failure::Usage(format!(
                "none of these runs has logged {metric}; {near}`emprl runs show RUN` names all that a run has"
            )));
        }
        let curves = curves(reader, entries, metric)?;
        let lines = match self.bands {
            true => seed_lines(entries, &curves, self.smoothing),
            false => run_lines(entries, &curves, self.smoothing),
        };
        let figure = figure(entries, metric, &lines, self.smoothing);
        Ok(exports::write_figure(file, &figure)?)
    }
}

fn smoothing(text: &str) -> Result<f64, String> {
    let weight: Option<f64> = text.parse().ok();
    let weight = weight.filter(|weight| (0.0..=0.99).contains(weight));
    weight.ok_or_else(|| "a number from 0 to 0.99".to_string())
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
