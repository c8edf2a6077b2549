//! The levels of responses in their contexts, and of the targets where they are known; what Emp-F1 is computed from.

use super::controls::{ControlAnswers, FoundControls};
use super::models::{SavedIdentifiers, identify, truncation};
use super::{OnProgress, OperationError};
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::{ControlLevels, Levels, Truncation};
use crate::study::cases::AnswerLevels;

/// A response with its context and, if it is known, the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseInContext {
    pub context: String,
    pub response: String,
    pub target: Option<String>,
}

/// What identifiers found of a system's responses.
pub(super) struct FoundLevels {
    /// By response.
    pub levels: Vec<AnswerLevels>,
    pub truncation: Truncation,
    /// Levels of targets and of their responses; empty where there is no Emp-F1.
    pub gold: Vec<Levels>,
    pub predicted: Vec<Levels>,
    /// Of the control answers; None where there is no Emp-F1 or no controls.
    pub controls: Option<FoundControls>,
    /// What a person should know about them.
    pub note: Option<String>,
}

impl FoundLevels {
    /// All levels behind the controls of Emp-F1.
    pub(super) fn control_levels(&self) -> Option<ControlLevels<'_>> {
        let controls = self.controls.as_ref()?;
        Some(controls.beside(&self.gold, &self.predicted))
    }
}

/// Identifies responses, targets and control answers; `doing` is for the progress.
pub(super) fn find_levels(
    identifiers: &SavedIdentifiers,
    rows: &[ResponseInContext],
    answers: Option<&ControlAnswers>,
    doing: &str,
    on_progress: OnProgress<'_>,
) -> Result<FoundLevels, OperationError> {
    let responses: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (&*row.context, &*row.response))
        .collect();
    let targets: Vec<(&str, &str)> = rows
        .iter()
        .filter_map(|row| Some((&*row.context, row.target.as_deref()?)))
        .collect();
    let truncation = truncation(identifiers, &responses, &targets);
    let of_responses = identify(
        identifiers,
        &responses,
        &format!("{doing}answers"),
        on_progress,
    )?;
    let of_targets = identify(
        identifiers,
        &targets,
        &format!("{doing}targets"),
        on_progress,
    )?;
    let mut of_targets = of_targets.into_iter();
    let both = rows.iter().zip(of_responses);
    let levels: Vec<AnswerLevels> = both
        .map(|(row, response)| AnswerLevels {
            response,
            target: row.target.as_ref().and_then(|_| of_targets.next()),
        })
        .collect();
    let own = are_targets(rows);
    let compared = levels.iter().filter(|_| !own);
    let compared = compared.filter_map(|levels| Some((levels.target?, levels.response)));
    let (gold, predicted): (Vec<Levels>, Vec<Levels>) = compared.unzip();
    let targeted: Vec<(&str, &str)> = rows
        .iter()
        .filter(|row| row.target.is_some())
        .map(|row| (&*row.context, &*row.response))
        .collect();
    let controls = answers
        .filter(|_| gold.len() > 1)
        .map(|answers| answers.levels(identifiers, &targeted, &targets, doing, on_progress));
    Ok(FoundLevels {
        note: note(&levels, own),
        levels,
        truncation,
        gold,
        predicted,
        controls: controls.transpose()?,
    })
}

/// The targets that are known.
pub(super) fn targets_of(rows: &[ResponseInContext]) -> Vec<&str> {
    rows.iter()
        .filter_map(|row| row.target.as_deref())
        .collect()
}

/// Whether several responses are, each, its own target: then Emp-F1 would be 100 and mean nothing.
pub(super) fn are_targets(rows: &[ResponseInContext]) -> bool {
    let targeted = || {
        rows.iter()
            .filter_map(|row| Some((row.response.trim(), row.target.as_deref()?.trim())))
    };
    targeted().nth(1).is_some() && targeted().all(|(response, target)| response == target)
}

/// Why Emp-F1 is not known, with the levels themselves; or of how many responses it is.
fn note(levels: &[AnswerLevels], own: bool) -> Option<String> {
    let targeted = levels
        .iter()
        .filter(|levels| levels.target.is_some())
        .count();
    let all = levels.len();
    let why = match targeted {
        _ if own => {
            "the responses are the targets themselves, so Emp-F1 would be 100 and is not given"
        }
        0 => {
            "no response has a target to compare it with, so there is no Emp-F1; a \"target\" in the rows of contexts \
              or responses gives one"
        }
        _ if targeted < all => {
            return Some(format!(
                "Emp-F1 is over {targeted} of {all} responses: the others have no target."
            ));
        }
        _ => return None,
    };
    let of = |mechanism: Mechanism| {
        let [no, weak, strong] = EmpathyLevel::ALL.map(|level| {
            let has = |levels: &&AnswerLevels| levels.response[mechanism.index()] == level;
            levels.iter().filter(has).count()
        });
        format!("{} {no}/{weak}/{strong}", mechanism.title().to_lowercase())
    };
    Some(format!(
        "{why}. Levels of the responses (no/weak/strong): {}.",
        Mechanism::ALL.map(of).join(", ")
    ))
}
