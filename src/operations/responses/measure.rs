//! Measures systems' responses: Dist-n and length, and with identifiers Emp-F1 and the levels of every answer.

use std::collections::BTreeMap;
use std::path::Path;

use crate::experiment::Config;
use crate::metrics::{Answered, Bootstrap, system_results};
use crate::operations::models::{Reference, SavedIdentifiers, identify};
use crate::operations::{OnProgress, OperationError, Progress, require_writable};
use crate::store::{Store, SystemAnswer, SystemScore};
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

/// Identifiers with a description.
struct OpenIdentifiers {
    identifiers: SavedIdentifiers,
    name: String,
}

/// Measures systems one after the other and stores each score. Returns their names.
///
/// # Errors
/// There is no system, or none of this name; the identifiers cannot be opened; or `on_progress` stopped it, which
/// keeps the scores so far.
pub fn measure(
    store: &Path,
    measuring: &MeasureRequest,
    on_progress: OnProgress<'_>,
) -> Result<Vec<String>, OperationError> {
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
    let contexts = reader.contexts()?;
    for (at, name) in names.iter().enumerate() {
        let answers = reader.answers(name)?;
        let doing = format!("{name} ({} of {})", at + 1, names.len());
        let levels = match &identifiers {
            Some(open) => levels(open, &contexts, &answers, &doing, on_progress)?,
            None => {
                let progress = Progress {
                    doing: &doing,
                    done: 0,
                    of: answers.len(),
                };
                if on_progress(progress).is_break() {
                    return Err(OperationError::Stopped);
                }
                Vec::new()
            }
        };
        let gold: Vec<Levels> = levels.iter().map(|(_, levels)| levels.target).collect();
        let predicted: Vec<Levels> = levels.iter().map(|(_, levels)| levels.response).collect();
        let responses: Vec<String> = answers.into_iter().map(|answer| answer.response).collect();
        let answered = Answered {
            targets: None,
            ppl_batch: 0,
            responses: &responses,
            levels: (!levels.is_empty()).then_some((&gold, &predicted)),
        };
        let by = identifiers.as_ref().map(|open| open.name.clone());
        let score = SystemScore {
            results: system_results(name, GIVEN, answered, &bootstrap),
            identifiers: by.filter(|_| !levels.is_empty()),
            levels,
        };
        writer.put_score(name, &score)?;
    }
    Ok(names)
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

/// Levels of the answers whose contexts have a target, and of those targets, by the answer's position.
fn levels(
    open: &OpenIdentifiers,
    contexts: &BTreeMap<ContextKey, Context>,
    answers: &[SystemAnswer],
    doing: &str,
    on_progress: OnProgress<'_>,
) -> Result<Vec<(usize, AnswerLevels)>, OperationError> {
    let mut places = Vec::new();
    let mut texts = Vec::new();
    for answer in answers {
        let context = contexts.get(&answer.context);
        if let Some((context, target)) =
            context.and_then(|context| Some((context, context.target.as_deref()?)))
        {
            places.push(answer.position);
            let context = context.utterances.join(" ");
            texts.push((context, answer.response.as_str(), target));
        }
    }
    let responses: Vec<(&str, &str)> = texts.iter().map(|(c, r, _)| (&**c, *r)).collect();
    let targets: Vec<(&str, &str)> = texts.iter().map(|(c, _, t)| (&**c, *t)).collect();
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
    let both = responses.into_iter().zip(targets);
    let both = both.map(|(response, target)| AnswerLevels { response, target });
    Ok(places.into_iter().zip(both).collect())
}
