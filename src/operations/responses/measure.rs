//! Measures systems' responses: Dist-n and length, and with identifiers Emp-F1 and the levels of every answer.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::{EmpathyLevel, Mechanism};
use crate::experiment::Config;
use crate::metrics::{Answered, Bootstrap, SystemResults, Truncation, system_results};
use crate::operations::models::{Reference, SavedIdentifiers, identify, truncation};
use crate::operations::{OnProgress, OperationError, Progress};
use crate::store::{ScoredSystem, Store, SystemAnswer, SystemScore};
use crate::study::cases::{AnswerLevels, Levels};
use crate::study::contexts::{Context, ContextKey};

/// The split of responses from outside.
pub(in crate::operations) const GIVEN: &str = "given";

/// Which systems to measure, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasureRequest {
    /// Empty for all.
    pub systems: Vec<String>,
    /// None for Dist-n and length alone.
    pub identifiers: Option<Reference>,
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
            if is_own_target(&contexts, &reader.answers(name)?) {
                let system = name.clone();
                return Err(OperationError::OwnTargets { system });
            }
        }
    }
    let (config, identifiers) = match &measuring.identifiers {
        None => (Config::default(), None),
        Some(reference) => {
            let (config, open) = open(store, reference, measuring.device.as_deref())?;
            (config, Some(open))
        }
    };
    let bootstrap = Bootstrap {
        resamples: config.evaluation.resamples,
        seed: config.run.seed,
    };
    let scores = reader.scores()?;
    let mut notes = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let answers = reader.answers(name)?;
        let doing = format!("{name} ({} of {})", at + 1, names.len());
        let responses: Vec<String> = answers
            .iter()
            .map(|answer| answer.response.clone())
            .collect();
        let score = match &identifiers {
            Some(open) => {
                let (levels, truncation) = levels(open, &contexts, &answers, &doing, on_progress)?;
                let own = is_own_target(&contexts, &answers);
                notes.extend(level_notes(name, &levels, own));
                let targeted = levels.iter().filter(|_| !own);
                let pairs =
                    targeted.filter_map(|(_, levels)| Some((levels.target?, levels.response)));
                let (gold, predicted): (Vec<Levels>, Vec<Levels>) = pairs.unzip();
                let answered = Answered {
                    targets: None,
                    ppl_batch: 0,
                    responses: &responses,
                    levels: (!gold.is_empty()).then_some((&gold, &predicted)),
                    truncation: Some(truncation),
                };
                SystemScore {
                    results: system_results(name, GIVEN, answered, &bootstrap),
                    identifiers: Some(open.name.clone()),
                    levels: Some(levels),
                }
            }
            None => {
                let progress = Progress {
                    doing: &doing,
                    done: 0,
                    of: answers.len(),
                };
                if on_progress(progress).is_break() {
                    return Err(OperationError::Stopped);
                }
                let answered = Answered {
                    targets: None,
                    ppl_batch: 0,
                    responses: &responses,
                    levels: None,
                    truncation: None,
                };
                let results = system_results(name, GIVEN, answered, &bootstrap);
                let before = scores.iter().find(|score| score.system == *name);
                kept(results, before)
            }
        };
        writer.put_score(name, &score)?;
    }
    Ok(Measured {
        systems: names,
        notes,
    })
}

/// The results with what identifiers found before.
fn kept(results: SystemResults, before: Option<&ScoredSystem>) -> SystemScore {
    let by = before.and_then(|before| before.identifiers.clone());
    let known = before.map(|before| &before.results);
    SystemScore {
        results: SystemResults {
            emp_f1: known.and_then(|known| known.emp_f1),
            mechanism_f1: known.and_then(|known| known.mechanism_f1),
            truncation: known.and_then(|known| known.truncation),
            ..results
        },
        identifiers: by,
        levels: None,
    }
}

/// Whether a system's responses are the targets: then Emp-F1 would be 100 and mean nothing.
fn is_own_target(contexts: &BTreeMap<ContextKey, Context>, answers: &[SystemAnswer]) -> bool {
    let pairs: Vec<(&str, &str)> = answers
        .iter()
        .filter_map(|answer| {
            let target = contexts.get(&answer.context)?.target.as_deref()?;
            Some((answer.response.trim(), target.trim()))
        })
        .collect();
    are_targets(&pairs)
}

/// Whether several responses are, each, its own target.
pub(in crate::operations) fn are_targets(pairs: &[(&str, &str)]) -> bool {
    pairs.len() > 1 && pairs.iter().all(|(response, target)| response == target)
}

/// Why Emp-F1 is not known, or of how many responses it is; and the levels themselves where there is no Emp-F1.
fn level_notes(name: &str, levels: &[(usize, AnswerLevels)], own: bool) -> Vec<String> {
    let targeted = levels.iter().filter(|(_, levels)| levels.target.is_some());
    let (targeted, all) = (targeted.count(), levels.len());
    let why = match targeted {
        _ if own => {
            "the responses are the targets themselves, so Emp-F1 would be 100 and is not given"
        }
        0 => {
            "no context has a target, so there is no Emp-F1; a \"target\" in rows that are imported adds it"
        }
        _ if targeted < all => {
            let others = format!(
                "{name}: Emp-F1 is over {targeted} of {all} responses: the others have no target."
            );
            return vec![others];
        }
        _ => return Vec::new(),
    };
    let of = |mechanism: Mechanism| {
        let counts = EmpathyLevel::ALL.map(|level| {
            let has =
                |(_, levels): &&(usize, AnswerLevels)| levels.response[mechanism.index()] == level;
            levels.iter().filter(has).count()
        });
        let [no, weak, strong] = counts;
        format!("{} {no}/{weak}/{strong}", mechanism.title().to_lowercase())
    };
    vec![format!(
        "{name}: {why}. Levels of its responses (no/weak/strong): {}.",
        Mechanism::ALL.map(of).join(", ")
    )]
}

fn open(
    store: &Path,
    reference: &Reference,
    device: Option<&str>,
) -> Result<(Config, OpenIdentifiers), OperationError> {
    let found = reference.identifiers(store)?;
    let config = found.config();
    let identifiers = SavedIdentifiers::open(&found.folder, device.unwrap_or(&config.run.device))?;
    let name = match &found.origin {
        Some(origin) => format!("the identifiers of run {}", origin.run.run),
        None => format!("the identifiers in {}", found.folder.display()),
    };
    Ok((config, OpenIdentifiers { identifiers, name }))
}

/// Levels of the answers, and of the targets where there are any, by the answer's position; and what of the texts
/// was not read.
fn levels(
    open: &OpenIdentifiers,
    contexts: &BTreeMap<ContextKey, Context>,
    answers: &[SystemAnswer],
    doing: &str,
    on_progress: OnProgress<'_>,
) -> Result<(Vec<(usize, AnswerLevels)>, Truncation), OperationError> {
    let of_answer = answers.iter().map(|answer| {
        let context = contexts.get(&answer.context);
        let text = context.map_or_else(String::new, |context| context.utterances.join(" "));
        let target = context.and_then(|context| context.target.as_deref());
        (text, target)
    });
    let of_answer: Vec<(String, Option<&str>)> = of_answer.collect();
    let responses: Vec<(&str, &str)> = of_answer
        .iter()
        .zip(answers)
        .map(|((context, _), answer)| (&**context, &*answer.response))
        .collect();
    let targets: Vec<(&str, &str)> = of_answer
        .iter()
        .filter_map(|(context, target)| Some((&**context, (*target)?)))
        .collect();
    let truncation = truncation(&open.identifiers, &responses, &targets);
    let responses = identify(
        &open.identifiers,
        &responses,
        &format!("{doing}, answers"),
        on_progress,
    )?;
    let targets = identify(
        &open.identifiers,
        &targets,
        &format!("{doing}, targets"),
        on_progress,
    )?;
    let mut targets = targets.into_iter();
    let both = answers.iter().zip(&of_answer).zip(responses);
    let levels = both.map(|((answer, (_, target)), response)| {
        let target = target.and_then(|_| targets.next());
        (answer.position, AnswerLevels { response, target })
    });
    Ok((levels.collect(), truncation))
}
