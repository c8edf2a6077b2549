//! A report: one page that shows chosen runs, systems and studies to a reviewer, each figure with what it was made of.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::OperationError;
use super::bundle::{BundleRequest, Chosen};
use super::exports::write_new;
use crate::metrics::declared;
use crate::report::page::{ReportPage, Source, SourcedFigure, SourcedTable};
use crate::report::provenance::{Provenance, signatures};
use crate::report::{Figure, FigureLine, definitions};
use crate::store::{MetricKey, RunDetail, RunId, StoreReader, StudyRow, SystemRow};
use crate::study::moment::rfc3339;

/// Points of a curve.
const POINTS: u64 = 500;
/// The curves that a report has, by the ends of their metrics' names, in this order.
const CURVES: [&str; 7] = [
    "/reward/total",
    "/kl/full",
    "validation/emp_f1",
    "validation/ppl",
    "validation/dist_1",
    "validation/dist_2",
    "validation/words",
];

/// A report that was written.
#[derive(Clone, Debug, Serialize)]
pub struct Reported {
    pub file: PathBuf,
    pub bytes: u64,
    pub tables: usize,
    pub curves: usize,
    /// Tables that could not be made of these parts, and why; each a sentence.
    pub without: Vec<String>,
}

/// Writes a page of chosen parts of a store into one new file.
///
/// # Errors
/// As of a bundle of them.
pub fn report(
    store: &Path,
    request: &BundleRequest,
    file: &Path,
) -> Result<Reported, OperationError> {
    let reader = StoreReader::open(store)?;
    let chosen = Chosen::of(&reader, request)?;
    let tables = chosen.tables(&reader)?;
    let mut page = ReportPage {
        title: title(&chosen),
        about: vec![
            "Every figure leads to what it was made of. Intervals are of 95 %; definitions stand under Methods, and the \
             signature of each table below it."
                .to_string(),
        ],
        definitions: definitions()
            .map(|(name, words)| (name.replace('_', " "), words.into_owned()))
            .collect(),
        ..ReportPage::default()
    };
    let mut details = Vec::new();
    for run in &chosen.parts.runs {
        details.push(reader.run(*run)?);
    }
    page.sources.extend(details.iter().map(of_run));
    page.sources.extend(chosen.systems.iter().map(of_system));
    for study in &chosen.studies {
        page.sources.push(of_study(&reader, study)?);
    }
    for (table, selection) in tables.made {
        let runs = selection.runs.iter().map(|run| run_anchor(*run));
        let systems = chosen.systems.iter();
        let systems = systems.filter(|system| selection.systems.contains(&system.name));
        let systems = systems.map(system_anchor);
        let studies = selection.studies.iter();
        let studies = studies.map(|study| format!("study-{study}"));
        page.tables.push(SourcedTable {
            made_of: runs.chain(systems).chain(studies).collect(),
            table,
        });
    }
    page.figures = curves(&reader, &details)?;
    let text = page.html();
    write_new(file, text.as_bytes())?;
    Ok(Reported {
        file: file.to_path_buf(),
        bytes: text.len() as u64,
        tables: page.tables.len(),
        curves: page.figures.len(),
        without: tables.without,
    })
}

/// `Runs 1, 3; systems MoEL, CEM; study 2`.
fn title(chosen: &Chosen) -> String {
    let runs: Vec<String> = chosen.parts.runs.iter().map(RunId::to_string).collect();
    let systems: Vec<String> = chosen.systems.iter().map(|of| of.name.clone()).collect();
    let studies: Vec<String> = chosen.studies.iter().map(|of| of.id.to_string()).collect();
    let parts = [
        (runs, "Run", "Runs"),
        (systems, "System", "Systems"),
        (studies, "Study", "Studies"),
    ];
    let named = parts.into_iter().filter(|(of, ..)| !of.is_empty());
    let named = named.map(|(of, one, several)| match of.len() {
        1 => format!("{one} {}", of.join("")),
        _ => format!("{several} {}", of.join(", ")),
    });
    named.collect::<Vec<_>>().join("; ")
}

fn run_anchor(run: RunId) -> String {
    format!("run-{run}")
}

fn system_anchor(system: &SystemRow) -> String {
    format!("system-{}", system.id.0)
}

fn moment(ms: i64) -> String {
    rfc3339(ms).unwrap_or_else(|| "–".to_string())
}

fn fact(name: &str, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn of_run(detail: &RunDetail) -> Source {
    let row = &detail.row;
    let mut facts = vec![
        fact("Experiment", &row.experiment),
        fact("Seed", row.seed),
        fact("Device", &row.device),
        fact("State", row.status.key()),
        fact("Started", moment(row.started)),
    ];
    facts.extend(row.ended.map(|ended| fact("Ended", moment(ended))));
    if let Some(commit) = detail.environment["commit"].as_str() {
        facts.push(fact("Commit", commit));
    }
    let prints = detail.fingerprints.iter();
    facts.extend(prints.map(|(name, sha256)| fact(&format!("SHA-256 of {name}"), sha256)));
    Source {
        anchor: run_anchor(row.id),
        names: vec![format!("run {}", row.id)],
        title: format!("Run {}: {}", row.id, row.name),
        facts,
        texts: vec![
            fact("Settings", &detail.config_toml),
            fact("Environment", format!("{:#}", detail.environment)),
        ],
    }
}

fn of_system(system: &SystemRow) -> Source {
    let problems = system.problems.len();
    let mut facts = vec![
        fact("From", &system.source),
        fact("SHA-256", &system.sha256),
        fact("Responses", system.responses),
        fact("Rows of the file", system.rows),
        fact("Imported", moment(system.imported_ms)),
    ];
    if system.tokenized {
        facts.push(fact("Texts", "lower-case tokens, detokenised for people"));
    }
    if problems > 0 {
        facts.push(fact("Problems of rows", problems));
    }
    Source {
        anchor: system_anchor(system),
        names: vec![system.name.clone()],
        title: format!("System {}", system.name),
        facts,
        texts: Vec::new(),
    }
}

fn of_study(reader: &StoreReader, study: &StudyRow) -> Result<Source, OperationError> {
    let unblinded = reader.unblinded(study.id)?;
    let (record, unblinding) = (unblinded.record, unblinded.unblinding);
    let mut facts = vec![
        fact("Kind", study.head.kind.key()),
        fact("Systems", record.definition.systems.join(", ")),
        fact("Contexts", record.definition.contexts),
        fact("Seed", record.definition.seed),
        fact("Items", record.items.len()),
        fact("Judgements", record.acts.len()),
    ];
    for annotator in &study.annotators {
        let progress = &annotator.progress;
        let judged = format!(
            "{} of {} items judged, {} skipped, {} flagged",
            progress.answered, progress.assigned, progress.skipped, progress.flagged
        );
        facts.push(fact(&annotator.pseudonym, judged));
    }
    facts.push(fact("Unblinded", moment(unblinding.wall_ms)));
    facts.push(fact("Why", &unblinding.reason));
    facts.push(fact("Judgements missing then", unblinding.missing));
    facts.push(fact("Identity", &study.head.uid));
    Ok(Source {
        anchor: format!("study-{}", study.id),
        names: vec![format!("study {}", study.id)],
        title: format!("Study {}: {}", study.id, study.head.title),
        facts,
        texts: vec![fact("Instructions", &study.head.instructions)],
    })
}

/// The main curves, each with a line for every run that logged it.
fn curves(reader: &StoreReader, runs: &[RunDetail]) -> Result<Vec<SourcedFigure>, OperationError> {
    let mut found: Vec<(RunId, MetricKey, u64)> = Vec::new();
    for run in runs {
        for key in reader.keys(run.row.id)? {
            if CURVES.iter().any(|end| key.key.name.ends_with(end)) {
                found.push((run.row.id, key.key, key.last_step));
            }
        }
    }
    let provenance: Vec<Provenance> = runs.iter().map(Provenance::of).collect();
    let place = |key: &MetricKey| {
        let place = CURVES.iter().position(|end| key.name.ends_with(end));
        (place, key.clone())
    };
    let mut keys: Vec<MetricKey> = found.iter().map(|(_, key, _)| key.clone()).collect();
    keys.sort_by_key(place);
    keys.dedup();
    let mut figures = Vec::new();
    for key in keys {
        let mut lines = Vec::new();
        let mut made_of = Vec::new();
        for (at, (run, _, last)) in found.iter().filter(|(_, own, _)| *own == key).enumerate() {
            let points = reader.outline(*run, &key, *last, POINTS)?;
            let finite = points.into_iter().filter(|(_, value, _)| value.is_finite());
            lines.push(FigureLine {
                name: format!("run {run}"),
                colour: at,
                points: finite
                    .map(|(step, value, _)| (step as f64, value))
                    .collect(),
                ..FigureLine::default()
            });
            made_of.push(run_anchor(*run));
        }
        if lines.iter().all(|line| line.points.is_empty()) {
            continue;
        }
        let known = declared::declared(&key.name);
        let name = known
            .as_ref()
            .map_or_else(|| key.name.clone(), |known| known.full_name());
        let figure = Figure {
            title: name.clone(),
            x_label: format!("step of {}", key.stage.title()),
            y_label: name.clone(),
            lines,
            signatures: signatures(&[key.name.as_str()], &provenance),
        };
        figures.push(SourcedFigure {
            title: format!("{name}, {}.", key.stage.title()),
            words: known.map_or_else(String::new, |known| known.definition.into_owned()),
            svg: figure.svg()?,
            made_of,
        });
    }
    Ok(figures)
}
