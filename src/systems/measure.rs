//! Systems' responses are measured: Dist-n and length always, Emp-F1 and the level of every answer by identifiers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use super::{BATCH, Hear, Progress, SystemsError};
use crate::data::Mechanism;
use crate::engine::reference::Reference;
use crate::experiment::Config;
use crate::metrics::{Answered, Bootstrap, system_results};
use crate::store::{Store, SystemAnswer, SystemScore};
use crate::study::cases::{AnswerLevels, Levels};
use crate::study::contexts::{Context, ContextKey};
use crate::train::saved::SavedIdentifiers;

/// Stands for the split of responses that come from elsewhere.
const GIVEN: &str = "given";

/// Which systems are measured, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct Measuring {
    /// The systems; without any, all of them.
    pub systems: Vec<String>,
    /// The identifiers that judge; none for Dist-n and length alone.
    pub identifiers: Option<Reference>,
    /// Where to compute; else the run's device.
    pub device: Option<String>,
}

/// Identifiers at hand, with what they are in words.
struct Judge {
    identifiers: SavedIdentifiers,
    name: String,
}

/// Measures systems and keeps what is found, one after the other. Gives their names.
///
/// # Errors
/// There is no system, or not one of this name; the identifiers cannot be opened; or `hear` said to stop: what was
/// measured before is kept.
pub fn measure(
    store: &Path,
    measuring: &Measuring,
    hear: Hear<'_>,
) -> Result<Vec<String>, SystemsError> {
    let mut store_of = Store::open(store)?;
    let reader = store_of.reader()?;
    let names: Vec<String> = match measuring.systems.as_slice() {
        [] => reader.systems()?.into_iter().map(|row| row.name).collect(),
        names => names.to_vec(),
    };
    if names.is_empty() {
        return Err(SystemsError::NoSystem);
    }
    let (config, judge) = match &measuring.identifiers {
        None => (Config::default(), None),
        Some(reference) => {
            let (config, judge) = open(store, reference, measuring.device.as_deref())?;
            (config, Some(judge))
        }
    };
    let bootstrap = Bootstrap {
        resamples: config.evaluation.resamples,
        seed: config.run.seed,
    };
    let contexts = reader.contexts()?;
    for (at, name) in names.iter().enumerate() {
        let answers = reader.answers(name)?;
        let of = format!("{name} ({} of {})", at + 1, names.len());
        let levels = match &judge {
            Some(judge) => levels(judge, &contexts, &answers, &of, hear)?,
            None => {
                let progress = Progress {
                    doing: &of,
                    done: 0,
                    of: answers.len(),
                };
                if hear(progress).is_break() {
                    return Err(SystemsError::Stopped);
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
        let by = judge.as_ref().map(|judge| judge.name.clone());
        let score = SystemScore {
            results: system_results(name, GIVEN, answered, &bootstrap),
            identifiers: by.filter(|_| !levels.is_empty()),
            levels,
        };
        store_of.put_score(name, &score)?;
    }
    Ok(names)
}

fn open(
    store: &Path,
    reference: &Reference,
    device: Option<&str>,
) -> Result<(Config, Judge), SystemsError> {
    let found = reference.identifiers(store)?;
    let config = found.config();
    let identifiers = SavedIdentifiers::open(&found.folder, device.unwrap_or(&config.run.device))?;
    let name = match &found.origin {
        Some(origin) => format!("the identifiers of run {}", origin.run.run),
        None => format!("the identifiers in {}", found.folder.display()),
    };
    Ok((config, Judge { identifiers, name }))
}

/// Levels of the answers whose contexts have a target, and of those targets, by the place of the answer.
fn levels(
    judge: &Judge,
    contexts: &BTreeMap<ContextKey, Context>,
    answers: &[SystemAnswer],
    of: &str,
    hear: Hear<'_>,
) -> Result<Vec<(usize, AnswerLevels)>, SystemsError> {
    let mut places = Vec::new();
    let mut texts = Vec::new();
    for answer in answers {
        let context = contexts.get(&answer.context);
        if let Some((context, target)) =
            context.and_then(|context| Some((context, context.target.as_deref()?)))
        {
            places.push(answer.position);
            texts.push((
                context.utterances.join(" "),
                answer.response.as_str(),
                target,
            ));
        }
    }
    let said: Vec<(&str, &str)> = texts.iter().map(|(c, r, _)| (&**c, *r)).collect();
    let wanted: Vec<(&str, &str)> = texts.iter().map(|(c, _, t)| (&**c, *t)).collect();
    let response = identify(judge, &said, &format!("{of}, answers"), hear)?;
    let target = identify(judge, &wanted, &format!("{of}, targets"), hear)?;
    let both = response.into_iter().zip(target);
    let both = both.map(|(response, target)| AnswerLevels { response, target });
    Ok(places.into_iter().zip(both).collect())
}

fn identify(
    judge: &Judge,
    pairs: &[(&str, &str)],
    doing: &str,
    hear: Hear<'_>,
) -> Result<Vec<Levels>, SystemsError> {
    let mut stopped = false;
    let identified = judge.identifiers.identify_while(pairs, BATCH, &mut |done| {
        let of = pairs.len();
        let going_on = hear(Progress { doing, done, of });
        stopped = going_on == ControlFlow::Break(());
        going_on
    });
    if stopped {
        return Err(SystemsError::Stopped);
    }
    let levels = |row: [crate::train::saved::Identified; 3]| {
        Mechanism::ALL.map(|mechanism| row[mechanism.index()].level)
    };
    Ok(identified.into_iter().map(levels).collect())
}
