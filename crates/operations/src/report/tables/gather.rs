//! Collects the figures of a table from selected runs, systems and studies of a store.

use serde_json::Value;

use super::fill::{self, Ours, automatic_cells, beside};
use super::notes::{metric_notes, study_notes};
use super::seeds::Seeds;
use super::{Table, TableNumber, cases};
use crate::data::library::BUILTIN;
use crate::experiment::{Config, Event, Held, SCRATCH, Stage, changes_made};
use crate::metrics::length::length_sentence;
use crate::metrics::{Bootstrap, SystemResults, judge_sentences};
use crate::report::paper;
use crate::report::provenance::{
    IDENTIFIER_METRICS, Provenance, RESULT_METRICS, signatures, system_signature,
};
use crate::store::{RunDetail, RunId, StoreError, StoreReader, StudyId};
use crate::study::definition::StudyKind;
use crate::study::results::{Findings, Results, results};
use crate::text::shown::shell_last;

/// The runs, studies and systems for a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSelection {
    /// For Tables I, II and V.
    pub runs: Vec<RunId>,
    /// For Tables III and IV.
    pub studies: Vec<StudyId>,
    /// For Tables II and VI, by name; Table VI shows them in this order, by default all in the paper's order.
    pub systems: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something selected lacks what the table needs.
    #[error("{what}; {fix}")]
    Incomplete {
        /// What lacks what.
        what: String,
        fix: String,
    },
}

fn incomplete(what: impl Into<String>, fix: impl Into<String>) -> GatherError {
    GatherError::Incomplete {
        what: what.into(),
        fix: fix.into(),
    }
}

/// Fills a table from a store. Without a selection it contains only the paper's values; Table VI needs a pinned
/// case.
///
/// # Errors
/// Something selected does not exist, has not been measured, or is a study that is still blind.
pub fn gather(
    reader: &StoreReader,
    table: TableNumber,
    chosen: &TableSelection,
) -> Result<Table, GatherError> {
    match table {
        TableNumber::Identifiers => identifiers(reader, &chosen.runs),
        TableNumber::Automatic => automatic(reader, chosen),
        TableNumber::Rating => studies(reader, &chosen.studies, StudyKind::Rating),
        TableNumber::AbTest => studies(reader, &chosen.studies, StudyKind::AbTest),
        TableNumber::Ablation => ablation(reader, &chosen.runs),
        TableNumber::Cases => pinned(reader, &chosen.systems),
    }
}

fn identifiers(reader: &StoreReader, runs: &[RunId]) -> Result<Table, GatherError> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    for run in runs {
        let detail = reader.run(*run)?;
        let scores = reader.identifier_scores(*run)?;
        if scores.is_empty() {
            let what = format!("run {run} has no complete identifiers");
            return Err(incomplete(
                what,
                "choose a run whose stage identifiers is done",
            ));
        }
        let n = scores.first().map_or(0, |row| row.report().n);
        notes.push(format!(
            "{}, {n} validation pairs.",
            run_note(reader, &detail)?
        ));
        found.push((format!("run {run}"), scores));
    }
    let mut table = fill::identifiers(&found);
    table.notes = notes;
    if found.len() > 1 {
        let words = format!(
            "Mean and sample standard deviation over {} runs.",
            found.len()
        );
        table.notes.push(words);
    }
    let provenance = Provenance::read(reader, runs)?;
    table.signatures = signatures(&IDENTIFIER_METRICS, &provenance);
    Ok(table)
}

/// The system of this name; else the only one that differs from it in upper and lower case alone.
fn find_name<'a>(
    systems: impl Iterator<Item = &'a str> + Clone,
    name: &str,
) -> Result<&'a str, GatherError> {
    let mut alike = systems
        .clone()
        .filter(|known| known.eq_ignore_ascii_case(name));
    let only = match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let found = systems.into_iter().find(|known| *known == name).or(only);
    found.ok_or_else(|| {
        incomplete(
            format!("there is no system {name}"),
            "`emprl responses list` shows those there are",
        )
    })
}

fn automatic(reader: &StoreReader, chosen: &TableSelection) -> Result<Table, GatherError> {
    let mut ours = Vec::new();
    let mut notes = Vec::new();
    let mut judged: Vec<(String, SystemResults)> = Vec::new();
    let scores = reader.scores()?;
    let systems = reader.systems()?;
    let mut signed = Vec::new();
    for name in &chosen.systems {
        let named = find_name(systems.iter().map(|system| &*system.name), name)?;
        let Some(scored) = scores.iter().find(|scored| scored.system == named) else {
            let what = format!("the system {name} has not been scored");
            let name = shell_last(name);
            let fix = format!("score it with `emprl responses score {name}`");
            return Err(incomplete(what, fix));
        };
        let identifiers = match &scored.identifiers {
            Some(identifiers) => format!("Emp-F1 by {identifiers}"),
            None => "Emp-F1 not measured".to_string(),
        };
        let n = scored.results.n;
        notes.push(format!("{}: {n} responses, {identifiers}.", scored.system));
        let truncation = scored.results.truncation.as_ref();
        notes.extend(truncation.map(|cut| format!("{}: {}", scored.system, cut.sentence())));
        judged.push((scored.system.clone(), scored.results.clone()));
        ours.push(Ours {
            of: scored.system.clone(),
            label: scored.system.clone(),
            cells: automatic_cells(&scored.results),
            beside: beside(&scored.results),
        });
        if let Some(tokens) = &scored.results.as_imported {
            notes.push(format!(
                "{}: imported as lower-case tokens. The row by its name, by which it is ranked, is of its responses as \
                 people see them, detokenised; the next one of the tokens as imported.",
                scored.system
            ));
            ours.push(Ours {
                of: scored.system.clone(),
                label: format!("{}, tokens as imported", scored.system),
                cells: automatic_cells(tokens),
                beside: beside(tokens),
            });
        }
        let row = systems.iter().find(|row| row.name == scored.system);
        signed.extend(row.map(|row| system_signature(&RESULT_METRICS, row)));
    }
    let mut seeds = Seeds::default();
    for run in &chosen.runs {
        let detail = reader.run(*run)?;
        let results = required_results(reader, *run)?;
        notes.push(format!("{}.", run_note(reader, &detail)?));
        for row in &results {
            notes.push(format!(
                "{} (run {run}): {} examples of the {} split.",
                row.system, row.n, row.split
            ));
            notes.extend(
                row.caution()
                    .map(|caution| format!("Run {run}: {caution}.")),
            );
            notes.extend(
                row.best_of()
                    .map(|best_of| format!("Run {run}, {}.", best_of.sentence())),
            );
            let truncation = row.truncation.as_ref();
            notes.extend(
                truncation.map(|cut| format!("{} (run {run}): {}", row.system, cut.sentence())),
            );
            let cut = row
                .controls
                .as_ref()
                .and_then(|of| of.equal_length.as_ref());
            notes.extend(cut.map(|cut| cut.sentence(&format!("Run {run}: {}", row.system))));
            let held_out = row.held_out.as_ref();
            let cut = held_out.and_then(|of| of.equal_length.as_ref());
            notes.extend(cut.map(|cut| cut.sentence(&format!("Run {run}: {}", row.system))));
            judged.push((format!("{} (run {run})", row.system), row.clone()));
            notes.extend(by_length(row, &format!("Run {run}: {}", row.system)));
            ours.push(Ours {
                of: row.system.clone(),
                label: format!("{} ({}, run {run})", row.system, detail.row.name),
                cells: automatic_cells(row),
                beside: beside(row),
            });
            if row.split == "test" {
                seeds.add(reader, &detail, &row.system, &row.system)?;
            }
        }
    }
    seeds.rows(&mut ours, &mut notes);
    let mut table = fill::automatic(&ours);
    table.notes = notes;
    let judged = judged.iter().map(|(name, row)| (name.as_str(), row));
    table.notes.extend(judge_sentences(judged));
    signed.extend(signatures(
        &RESULT_METRICS,
        &Provenance::read(reader, &chosen.runs)?,
    ));
    table.signatures = signed;
    table
        .notes
        .extend(metric_notes(&ours, !table.bold.is_empty()));
    Ok(table)
}

fn ablation(reader: &StoreReader, runs: &[RunId]) -> Result<Table, GatherError> {
    let mut ours = Vec::new();
    let mut notes = Vec::new();
    let mut judged: Vec<(String, SystemResults)> = Vec::new();
    let mut seeds = Seeds::default();
    for run in runs {
        let detail = reader.run(*run)?;
        let results = required_results(reader, *run)?;
        // The policy if there is one, else the generator.
        let mut own = results.iter().filter(|row| row.best_of().is_none());
        let Some(own) = own.next_back() else {
            continue;
        };
        let experiment = &detail.row.experiment;
        // What another algorithm trained is none of the paper's rows.
        let of_paper = [Stage::Grpo, Stage::Rloo, Stage::Dpo]
            .iter()
            .all(|stage| stage.system() != Some(&own.system));
        let row = paper::ABLATION_OF
            .iter()
            .rfind(|(part, _)| experiment.contains(part))
            .map(|(_, row)| *row)
            .or(experiment.contains("emprl").then_some(paper::EMPRL))
            .filter(|_| of_paper);
        notes.push(format!(
            "{}; {}: {} examples of the {} split.",
            run_note(reader, &detail)?,
            own.system,
            own.n,
            own.split
        ));
        notes.extend(
            own.caution()
                .map(|caution| format!("Run {run}: {caution}.")),
        );
        let truncation = own.truncation.as_ref();
        notes.extend(truncation.map(|cut| format!("Run {run}: {}", cut.sentence())));
        judged.push((format!("run {run}"), own.clone()));
        ours.push(Ours {
            of: row.unwrap_or("").to_string(),
            label: match row {
                Some(row) => format!("{row} ({}, run {run})", detail.row.name),
                None if of_paper => format!("{} (run {run})", detail.row.name),
                None => format!("{} ({}, run {run})", own.system, detail.row.name),
            },
            cells: automatic_cells(own),
            beside: beside(own),
        });
        notes.extend(by_length(own, &format!("Run {run}: {}", own.system)));
        if own.split == "test" {
            seeds.add(
                reader,
                &detail,
                &own.system,
                row.unwrap_or(&detail.row.experiment),
            )?;
        }
    }
    seeds.rows(&mut ours, &mut notes);
    let mut table = fill::ablation(&ours);
    table.notes = notes;
    let judged = judged.iter().map(|(name, row)| (name.as_str(), row));
    table.notes.extend(judge_sentences(judged));
    table.signatures = signatures(&RESULT_METRICS, &Provenance::read(reader, runs)?);
    table
        .notes
        .extend(metric_notes(&ours, !table.bold.is_empty()));
    Ok(table)
}

/// Emp-F1 by the target's length, as a note.
fn by_length(results: &SystemResults, name: &str) -> Option<String> {
    length_sentence(name, &results.controls.as_ref()?.by_target_length)
}

fn required_results(reader: &StoreReader, run: RunId) -> Result<Vec<SystemResults>, GatherError> {
    let results = reader.results(run)?;
    match results.is_empty() {
        true => Err(incomplete(
            format!("run {run} has no results"),
            "choose a run whose stage evaluation is done",
        )),
        false => Ok(results),
    }
}

/// The provenance of a run's figures.
fn run_note(reader: &StoreReader, detail: &RunDetail) -> Result<String, GatherError> {
    let row = &detail.row;
    let known = |name: &str| match &detail.environment[name] {
        Value::String(text) => text.clone(),
        _ => "unknown".to_string(),
    };
    let origin = format!("settings of run {}", row.id);
    let config = Config::from_toml(&origin, &detail.config_toml);
    let (model, data) = match &config {
        Ok(config) => (
            match config.model.source.as_str() {
                _ if config.encoder_folder().is_some() && !config.reads_model() => {
                    "the encoder its settings name"
                }
                SCRATCH => "a small T5 made from nothing, which is not T5-base",
                source if source.to_lowercase().ends_with(".gguf") => {
                    "the weights of a GGUF file, dequantised where they are quantised"
                }
                _ => "the weights its settings name",
            },
            match config.data.dialogues.as_str() {
                _ if !config.reads_dialogues() => format!("the set {}", config.data.levels),
                BUILTIN => "the built-in corpus, which is not EmpatheticDialogues".to_string(),
                set => format!("the set {set}"),
            },
        ),
        Err(_) => ("unknown weights", "unknown dialogues".to_string()),
    };
    let events = reader.events(row.id)?;
    let changes = changes_made(events.iter().map(Event::placed));
    let mut changed = String::new();
    for (path, first) in config.map(|config| config.values()).unwrap_or_default() {
        let held = Held::over(&first, &path, &changes);
        if held.is_changed() {
            changed += &format!(", {path} {}", held.words());
        }
    }
    Ok(format!(
        "Run {}: {}, seed {}{changed}, from {model}, on {data}, emprl {} ({})",
        row.id,
        row.experiment,
        row.seed,
        known("program"),
        known("commit")
    ))
}

fn studies(reader: &StoreReader, ids: &[StudyId], kind: StudyKind) -> Result<Table, GatherError> {
    let mut found: Vec<(String, Results)> = Vec::new();
    for id in ids {
        let head = reader.study(*id)?.head;
        if head.kind != kind {
            let (is, other) = match kind {
                StudyKind::Rating => ("an A/B test", "4"),
                StudyKind::AbTest => ("a rating", "3"),
            };
            let what = format!("study {id} is {is}");
            return Err(incomplete(what, format!("it belongs in table {other}")));
        }
        let study = results(&reader.unblinded(*id)?, &Bootstrap::default());
        found.push((format!("study {id}"), study));
    }
    let mut table = match kind {
        StudyKind::Rating => {
            let ratings: Vec<_> = found
                .iter()
                .filter_map(|(mark, results)| match &results.found {
                    Findings::Rating(rating) => Some((mark.clone(), rating)),
                    Findings::AbTest(_) => None,
                })
                .collect();
            fill::rating(&ratings)
        }
        StudyKind::AbTest => {
            let tests: Vec<_> = found
                .iter()
                .filter_map(|(mark, results)| match &results.found {
                    Findings::AbTest(test) => Some((mark.clone(), test)),
                    Findings::Rating(_) => None,
                })
                .collect();
            fill::ab_test(&tests)
        }
    };
    table.notes = found
        .iter()
        .flat_map(|(mark, results)| study_notes(mark, results))
        .collect();
    table.notes.push(match kind {
        StudyKind::Rating => {
            "In brackets: 95 % bootstrap intervals of the means over contexts.".to_string()
        }
        StudyKind::AbTest => {
            "Majority of three annotators, a fourth where three differ. In brackets: \
                              Wilson's 95 % intervals."
                .to_string()
        }
    });
    Ok(table)
}

fn pinned(reader: &StoreReader, names: &[String]) -> Result<Table, GatherError> {
    let book = reader.cases()?;
    let places = book.pinned();
    if places.is_empty() && book.withheld_pins > 0 {
        return Err(incomplete(
            "every pinned case is in a study that is still blind, where its answers are hidden",
            "unblind that study first, or pin a case that is in none",
        ));
    }
    if places.is_empty() {
        return Err(incomplete(
            "no case is pinned",
            "pin cases in the window, in Case study, or with `emprl responses pin`",
        ));
    }
    let mut systems = Vec::new();
    for name in names {
        let named = find_name(book.systems.iter().map(String::as_str), name)?;
        systems.extend(book.systems.iter().position(|known| known == named));
    }
    if systems.is_empty() {
        systems = (0..book.systems.len()).collect();
        systems.sort_by_key(|system| paper::rank(&book.systems[*system]));
    }
    Ok(cases::table(&book, &places, &systems))
}
