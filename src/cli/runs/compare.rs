//! `emprl runs compare`: settings that differ, results with intervals, paired differences, a plot of curves.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::output::csv_mark;
use super::super::{CommandContext, Failure};
use crate::catalog::Entry;
use crate::catalog::compare::{Paired, PairedRow, differing_settings};
use crate::catalog::figures::{figure, profiles, run_lines, seed_lines};
use crate::catalog::load::{Comparison, compare, curves, load_entries};
use crate::catalog::sheets::{
    SeedSpread, changes_sheet, differences_sheet, over_seeds_sheet, results_sheet,
    seed_differences_sheet, settings_sheet,
};
use crate::engine::results_to_json;
use crate::metrics::{Bootstrap, Estimate, declared};
use crate::operations::exports;
use crate::report::Sheet;
use crate::report::over_seeds::OverSeeds;
use crate::report::provenance::{Provenance, RESULT_METRICS, signatures};
use crate::report::tables::latex_sheets;
use crate::store::{RunId, StoreReader};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Compare {
    /// Two runs or more; the first is the baseline, from which differences are
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
    /// Also writes performance profiles over seeds and mechanisms into this file: .svg, .png, or .csv
    #[arg(long, value_name = "FILE")]
    profiles: Option<PathBuf>,
    /// Means over seeds with their standard deviation instead of an interval
    #[arg(long, conflicts_with = "json")]
    deviations: bool,
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

/// The key of a metric that another program recorded, which may be asked for by the name that program gave it.
fn full_name(entries: &[&Entry], metric: &str) -> String {
    let logged = |key: &str| entries.iter().any(|entry| entry.metrics.contains_key(key));
    let recorded = declared::recorded_key(metric).filter(|key| logged(key) && !logged(metric));
    recorded.unwrap_or_else(|| metric.to_string())
}

impl Compare {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let mark = csv_mark(self.excel, self.format == Format::Csv)?;
        let reader = StoreReader::open(&ctx.store)?;
        let entries = load_entries(&reader, &self.runs)?;
        let entries: Vec<&Entry> = entries.iter().collect();
        // Refuse what can be refused before the slow part.
        if let (Some(metric), Some(file)) = (&self.plot, &self.file) {
            self.draw(&reader, &entries, &full_name(&entries, metric), file)?;
        }
        let bootstrap = Bootstrap {
            resamples: self.resamples as usize,
            ..Bootstrap::default()
        };
        let found = compare(&reader, &entries, &bootstrap)?;
        if let Some(file) = &self.profiles {
            let Some(figure) = profiles(&found.over_seeds, &found.provenance) else {
                return Err(Failure::Usage(
                    "--profiles: no two of these runs differ in the seed alone and have levels of their answers; compare runs \
                     of one experiment over several seeds that were evaluated with identifiers"
                        .into(),
                ));
            };
            exports::write_figure(file, &figure)?;
        }
        if ctx.out.json {
            let mut document = document(&entries, &found);
            document["plot"] = json!(self.file);
            document["profiles"] = json!(self.profiles);
            return ctx.out.document(&document);
        }
        let mut sheets = vec![settings_sheet(&entries)];
        sheets.extend(changes_sheet(&entries));
        sheets.push(results_sheet(&entries, Some(&found)));
        let spread = match self.deviations {
            true => SeedSpread::Deviation,
            false => SeedSpread::Interval,
        };
        sheets.extend(over_seeds_sheet(
            &found.over_seeds,
            &found.provenance,
            spread,
        ));
        sheets.push(differences_sheet(&entries, Some(&found)));
        sheets.extend(seed_differences_sheet(&found.over_seeds, &found.provenance));
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
        let provenance = Provenance::read(reader, &self.runs)?;
        let figure = figure(entries, metric, &lines, self.smoothing, &provenance);
        Ok(exports::write_figure(file, &figure)?)
    }
}

fn smoothing(text: &str) -> Result<f64, String> {
    let weight: Option<f64> = text.parse().ok();
    let weight = weight.filter(|weight| (0.0..=0.99).contains(weight));
    weight.ok_or_else(|| "a number from 0 to 0.99".to_string())
}

fn document(entries: &[&Entry], found: &Comparison) -> Value {
    let settings: serde_json::Map<String, Value> = differing_settings(entries)
        .into_iter()
        .map(|row| (row.path, json!(row.values)))
        .collect();
    let others = entries.iter().skip(1).zip(&found.differences);
    let differences: Vec<Value> = others
        .map(|(entry, found)| difference(entry, found.as_ref()))
        .collect();
    json!({
        "runs": entries.iter().map(|entry| json!({
            "id": entry.row.id, "name": entry.row.name, "results": results_to_json(&entry.results),
        })).collect::<Vec<_>>(),
        "settings": settings,
        "differences": differences,
        "over_seeds": over_seeds(&found.over_seeds),
        "signatures": signatures(&RESULT_METRICS, &found.provenance),
    })
}

fn difference(entry: &Entry, found: Option<&Paired>) -> Value {
    let figure = |row: &PairedRow| match &row.outcome {
        Ok(found) => {
            let mut value = interval(&found.estimate);
            value["p"] = json!(found.p);
            value["p_holm"] = json!(found.corrected_p);
            value
        }
        Err(why) => json!({"missing": why.to_string()}),
    };
    let figures: Option<serde_json::Map<String, Value>> = found.map(|found| {
        let rows = found.rows.iter();
        rows.map(|row| (row.metric.to_string(), figure(row)))
            .collect()
    });
    let matched = found.and_then(|found| found.matched_length.as_ref());
    json!({
        "run": entry.row.id,
        "n": found.map(|found| found.n),
        "same_identifiers": found.map(|found| found.same_identifiers),
        "figures": figures,
        "matched_length": matched.map(|matched| json!({
            "overlap": matched.overlap,
            "emp_f1": interval(&matched.first),
            "first_emp_f1": interval(&matched.second),
            "difference": interval(&matched.difference),
        })),
    })
}

fn over_seeds(found: &OverSeeds) -> Value {
    let groups = found.groups.iter().map(|group| {
        let figures: serde_json::Map<String, Value> = group
            .rows
            .iter()
            .map(|row| {
                let mut value = interval(&row.mean);
                value["interquartile_mean"] = interval(&row.interquartile_mean);
                value["deviation"] = json!(row.deviation);
                (row.metric.to_string(), value)
            })
            .collect();
        let aggregates = group.aggregates.as_ref();
        json!({
            "name": group.name,
            "seeds": group.seeds,
            "figures": figures,
            "interquartile_mean": aggregates.map(|of| interval(&of.interquartile_mean)),
            "optimality_gap": aggregates.map(|of| interval(&of.optimality_gap)),
        })
    });
    let differences = found.differences.iter().map(|group| {
        let figures: serde_json::Map<String, Value> = group
            .rows
            .iter()
            .map(|row| {
                let mut value = interval(&row.difference);
                value["improvement"] = json!(row.improvement.as_ref().map(interval));
                value["p"] = json!(row.p);
                value["p_holm"] = json!(row.corrected_p);
                (row.metric.to_string(), value)
            })
            .collect();
        json!({
            "name": group.name,
            "first": group.first,
            "seeds": group.seeds,
            "paired": group.paired,
            "figures": figures,
        })
    });
    json!({
        "n": found.examples,
        "caution": found.caution(),
        "groups": groups.collect::<Vec<_>>(),
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn interval(estimate: &Estimate) -> Value {
    json!({"value": estimate.value, "low": estimate.low, "high": estimate.high})
}
