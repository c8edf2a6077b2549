//! Automatic metrics of a run's checkpoint, or of any system's responses.

use std::path::Path;

use super::models::{Reference, SavedIdentifiers, identify, truncation};
use super::responses::{GIVEN, are_targets};
use super::{OnProgress, OperationError};
use crate::data::Split;
use crate::experiment::{Config, Stage};
use crate::metrics::{Answered, Bootstrap, SystemResults, system_results};
use crate::store::{RunRef, StoreReader};
use crate::train::saved::examine;

/// A checkpoint to evaluate on its run's own data.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointEvaluation {
    pub run: RunRef,
    /// Instead of the run's own.
    pub identifiers: Option<Reference>,
    pub split: Split,
    /// Instead of the run's device.
    pub device: Option<String>,
}

/// Evaluates a checkpoint with its run's sampling settings, and with the run's identifiers if it has any.
///
/// # Errors
/// The checkpoint, its data or the identifiers do not exist.
pub fn checkpoint(
    store: &Path,
    evaluation: &CheckpointEvaluation,
) -> Result<SystemResults, OperationError> {
    let run = evaluation.run;
    let found = Reference::Run(run).model(store)?;
    let mut config = found.config();
    if let Some(device) = &evaluation.device {
        config.run.device.clone_from(device);
    }
    let step = None;
    let own = Reference::Run(RunRef { step, ..run });
    let identifiers = match &evaluation.identifiers {
        Some(others) => Some(others),
        None => has_identifiers(store, run)?.then_some(&own),
    };
    let identifiers = identifiers
        .map(|found| found.identifiers(store))
        .transpose()?;
    let system = match &found.origin {
        Some(origin) if origin.stage == Stage::Ppo => "EmpRL",
        _ => "Generator",
    };
    Ok(examine(
        store,
        &config,
        &found.folder,
        identifiers.as_ref().map(|found| &*found.folder),
        system,
        evaluation.split,
    )?)
}

fn has_identifiers(store: &Path, run: RunRef) -> Result<bool, OperationError> {
    let checkpoints = StoreReader::open(store)?.checkpoints(run.run)?;
    Ok(checkpoints
        .iter()
        .any(|row| row.stage == Stage::Identifiers))
}

/// A response with a target to compare it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetedResponse {
    pub context: String,
    pub target: String,
    pub response: String,
}

/// How to find the levels of targets and responses.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification<'a> {
    pub identifiers: &'a Reference,
    /// Instead of the run's device.
    pub device: Option<&'a str>,
    /// Emp-F1 is over these.
    pub targeted: &'a [TargetedResponse],
}

/// Measures any system's responses: Dist-n and length, and Emp-F1 with `identification`.
///
/// # Errors
/// The identifiers cannot be opened, the responses are their own targets, or `on_progress` stopped it.
pub fn responses(
    store: &Path,
    system: &str,
    responses: &[String],
    identification: Option<Identification<'_>>,
    on_progress: OnProgress<'_>,
) -> Result<SystemResults, OperationError> {
    let mut config = Config::default();
    let mut levels = None;
    let mut truncated = None;
    if let Some(identification) = identification {
        let found = identification.identifiers.identifiers(store)?;
        config = found.config();
        let device = identification.device.unwrap_or(&config.run.device);
        let identifiers = SavedIdentifiers::open(&found.folder, device)?;
        let pairs_of = |text: fn(&TargetedResponse) -> &str| -> Vec<(&str, &str)> {
            let rows = identification.targeted.iter();
            rows.map(|row| (&*row.context, text(row))).collect()
        };
        let (targets, given) = (pairs_of(|row| &row.target), pairs_of(|row| &row.response));
        let same = given.iter().zip(&targets);
        let same: Vec<(&str, &str)> = same.map(|(a, b)| (a.1.trim(), b.1.trim())).collect();
        if are_targets(&same) {
            let system = system.to_string();
            return Err(OperationError::OwnTargets { system });
        }
        truncated = Some(truncation(&identifiers, &given, &targets));
        let targets = identify(&identifiers, &targets, "Targets", on_progress)?;
        let given = identify(&identifiers, &given, "Responses", on_progress)?;
        levels = Some((targets, given));
    }
    let answered = Answered {
        targets: None,
        ppl_batch: 0,
        responses,
        levels: levels
            .as_ref()
            .map(|(targets, predicted)| (targets.as_slice(), predicted.as_slice())),
        truncation: truncated,
    };
    let bootstrap = Bootstrap {
        resamples: config.evaluation.resamples,
        seed: config.run.seed,
    };
    Ok(system_results(system, GIVEN, answered, &bootstrap))
}
