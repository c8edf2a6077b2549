//! Measures systems' responses: Dist-n and length, and with identifiers Emp-F1 and the levels of every answer.

use std::collections::BTreeMap;
use std::path::Path;

use crate::experiment::Config;
use crate::metrics::{Answered, Bootstrap, SystemResults, system_results};
use crate::operations::auditors::Auditors;
use crate::operations::controls::ControlAnswers;
use crate::operations::levels::{ResponseInContext, are_targets, find_levels, targets_of};
use crate::operations::models::{Reference, SavedIdentifiers};
use crate::operations::{OnProgress, OperationError, Progress, require_writable};
use crate::store::{ScoredSystem, Store, SystemAnswer, SystemScore};
use crate::study::cases::AnswerLevels;
use crate::study::contexts::{Context, ContextKey};
use crate::study::display::shown;

/// The split of responses from outside.
pub(in crate::operations) const GIVEN: &str = "given";

/// Which systems to measure, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureRequest {
    /// Empty for all.
    pub systems: Vec<String>,
    /// None for Dist-n and length alone.
    pub identifiers: Option<Reference>,
    /// Judges that give no reward, as `identifiers.auditors` names them; empty for none.
    pub auditors: String,
    /// Instead of the run's.
    pub device: Option<String>,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub systems: Vec<String>,
    /// What a person should know about the figures; each a sentence.
    pub notes: Vec<String>,
}

/// Identifiers with a description.
struct OpenIdentifiers {
    identifiers: SavedIdentifiers,
    controls: Option<ControlAnswers>,
    auditors: Auditors,
    name: String,
}

/// Measures systems one after the other and stores each score.
///
/// Without identifiers, what identifiers found of a system before is kept.
///
/// # Errors
/// There is no system, or none of this name; a named system's responses are the targets themselves; the identifiers
/// cannot be opened; or `on_progress` stopped it, which keeps the scores so far.
pub fn measure(
    store: &Path,
    measuring: &MeasureRequest,
    on_progress: OnProgress<'_>,
) -> Result<Measured, OperationError> {
    require_writable(store)?;
    let mut writer = Store::open(store)?;
    let reader = writer.reader()?;
    let names: Vec<String> = match measuring.systems.as_slice() {
        [] => reader.systems()?.into_iter().map(|row| row.name).collect(),
        names => names.to_vec(),
    };
    if names.is_empty() {
        return Err(OperationError::NoSystem);
    }
    let contexts = reader.contexts()?;
    if measuring.identifiers.is_some() {
        for name in &measuring.systems {
            if are_targets(&in_context(&contexts, &reader.answers(name)?)) {
                let system = name.clone();
                return Err(OperationError::OwnTargets { system });
            }
        }
    }
    let (config, identifiers) = match &measuring.identifiers {
        None => (Config::default(), None),
        Some(reference) => {
            let device = measuring.device.as_deref();
            let (config, open) = open(store, reference, &measuring.auditors, device, on_progress)?;
            (config, Some(open))
        }
    };
    let measurer = Measurer {
        bootstrap: Bootstrap {
            resamples: config.evaluation.resamples,
            seed: config.run.seed,
        },
        identifiers,
        contexts,
    };
    let scores = reader.scores()?;
    let systems = reader.systems()?;
    let mut notes = measurer
        .identifiers
        .as_ref()
        .map_or_else(Vec::new, |open| open.auditors.notes());
    for (at, name) in names.iter().enumerate() {
        let answers = reader.answers(name)?;
        let doing = format!("{name} ({} of {})", at + 1, names.len());
        let tokenized = systems.iter().any(|row| row.name == *name && row.tokenized);
        let mut score = measurer.measure(name, &seen(&answers, tokenized), &doing, on_progress)?;
        if tokenized {
            // Its notes are those of the same contexts.
            let tokens = measurer.measure(
                name,
                &answers,
                &format!("{doing}, as imported"),
                on_progress,
            )?;
            score.results.as_imported = Some(Box::new(tokens.results));
            notes.push(format!(
                "{name} was imported as lower-case tokens: it is ranked as people see it, detokenised; the figures of the \
                 tokens as imported stand beside."
            ));
        }
        notes.extend(score.note.take().map(|note| format!("{name}: {note}")));
        let before = scores.iter().find(|score| score.system == *name);
        writer.put_score(name, &score.stored(before))?;
    }
    Ok(Measured {
        systems: names,
        notes,
    })
}

/// Responses as people see them.
fn seen(answers: &[SystemAnswer], tokenized: bool) -> Vec<SystemAnswer> {
    let mut seen = answers.to_vec();
    for answer in &mut seen {
        answer.response = shown(&answer.response, tokenized).into_owned();
    }
    seen
}

/// What all systems are measured with.
struct Measurer {
    bootstrap: Bootstrap,
    identifiers: Option<OpenIdentifiers>,
    contexts: BTreeMap<ContextKey, Context>,
}

/// What was measured of one system's responses in one form.
struct Score {
    results: SystemResults,
    /// None where there were no identifiers.
    found: Option<(String, Vec<(usize, AnswerLevels)>)>,
    note: Option<String>,
}

impl Measurer {
    fn measure(
        &self,
        name: &str,
        answers: &[SystemAnswer],
        doing: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<Score, OperationError> {
        let responses: Vec<String> = answers
            .iter()
            .map(|answer| answer.response.clone())
            .collect();
        let rows = in_context(&self.contexts, answers);
        let references = targets_of(&rows);
        let words_alone = Answered {
            targets: None,
            ppl_batch: 0,
            responses: &responses,
            references: &references,
            levels: None,
            controls: None,
            truncation: None,
            held_out: &[],
        };
        let Some(open) = &self.identifiers else {
            let progress = Progress {
                doing,
                done: 0,
                of: answers.len(),
            };
            if on_progress(progress).is_break() {
                return Err(OperationError::Stopped);
            }
            return Ok(Score {
                results: system_results(name, GIVEN, words_alone, &self.bootstrap),
                found: None,
                note: None,
            });
        };
        let found = find_levels(
            &open.identifiers,
            &rows,
            open.controls.as_ref(),
            &format!("{doing}, "),
            on_progress,
        )?;
        let audits = open.auditors.audit(
            &rows,
            open.controls.as_ref(),
            &format!("{doing}, "),
            on_progress,
        )?;
        let answered = Answered {
            levels: (!found.gold.is_empty()).then_some((&found.gold, &found.predicted)),
            controls: found.control_levels(),
            truncation: Some(found.truncation),
            held_out: &audits,
            ..words_alone
        };
        let results = system_results(name, GIVEN, answered, &self.bootstrap);
        let positions = answers.iter().map(|answer| answer.position);
        Ok(Score {
            results,
            note: found.note,
            found: Some((open.name.clone(), positions.zip(found.levels).collect())),
        })
    }
}

impl Score {
    /// As it is stored; without identifiers with what they found before.
    fn stored(self, before: Option<&ScoredSystem>) -> SystemScore {
        match self.found {
            Some((identifiers, levels)) => SystemScore {
                results: self.results,
                identifiers: Some(identifiers),
                levels: Some(levels),
            },
            None => SystemScore {
                identifiers: before.and_then(|before| before.identifiers.clone()),
                results: kept(self.results, before.map(|before| &before.results)),
                levels: None,
            },
        }
    }
}

/// The results with what identifiers found before, of each form of the responses.
fn kept(results: SystemResults, before: Option<&SystemResults>) -> SystemResults {
    let tokens = before.and_then(|before| before.as_imported.as_deref());
    // What an earlier version found of a tokenised system was of the tokens.
    let same_form = results.as_imported.is_some() == tokens.is_some();
    let known = before.filter(|_| same_form);
    SystemResults {
        emp_f1: known.and_then(|known| known.emp_f1),
        mechanism_f1: known.and_then(|known| known.mechanism_f1),
        truncation: known.and_then(|known| known.truncation),
        controls: known.and_then(|known| known.controls.clone()),
        held_out: known.and_then(|known| known.held_out.clone()),
        as_imported: results.as_imported.map(|own| Box::new(kept(*own, tokens))),
        ..results
    }
}

fn open(
    store: &Path,
    reference: &Reference,
    auditors: &str,
    device: Option<&str>,
    on_progress: OnProgress<'_>,
) -> Result<(Config, OpenIdentifiers), OperationError> {
    let found = reference.identifiers(store)?;
    let config = found.config();
    let identifiers = SavedIdentifiers::open(&found.folder, device.unwrap_or(&config.run.device))?;
    let auditors = Auditors::open(store, &found, auditors, device)?;
    let controls = ControlAnswers::search(store, &found, &identifiers, on_progress)?;
    let name = match &found.origin {
        Some(origin) => format!("the identifiers of run {}", origin.run.run),
        None => format!("the identifiers in {}", found.folder.display()),
    };
    let open = OpenIdentifiers {
        identifiers,
        controls,
        auditors,
        name,
    };
    Ok((config, open))
}

/// The answers with their contexts and targets.
fn in_context(
    contexts: &BTreeMap<ContextKey, Context>,
    answers: &[SystemAnswer],
) -> Vec<ResponseInContext> {
    let row = |answer: &SystemAnswer| {
        let context = contexts.get(&answer.context);
        ResponseInContext {
            context: context.map_or_else(String::new, |context| context.utterances.join(" ")),
            response: answer.response.clone(),
            target: context.and_then(|context| context.target.clone()),
        }
    };
    answers.iter().map(row).collect()
}
