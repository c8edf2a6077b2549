//! Automatic metrics of a run's checkpoint, or of any system's responses.

use std::path::Path;

use super::auditors::{Auditors, with_auditors};
use super::controls::ControlAnswers;
use super::levels::{ResponseInContext, are_targets, find_levels, targets_of};
use super::models::{Reference, SavedIdentifiers};
use super::responses::GIVEN;
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
    /// Instead of the run's own, as `identifiers.auditors` names them.
    pub auditors: Option<String>,
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
    if let Some(auditors) = &evaluation.auditors {
        config = with_auditors(config, auditors)?;
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
    let stage = found.origin.as_ref().map(|origin| origin.stage);
    let system = stage.and_then(Stage::system).unwrap_or("Generator");
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

/// How to find the levels of targets and responses.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification<'a> {
    pub identifiers: &'a Reference,
    /// Judges that give no reward, as `identifiers.auditors` names them; empty for none.
    pub auditors: &'a str,
    /// Instead of the run's device.
    pub device: Option<&'a str>,
    /// Emp-F1 is over those with a target.
    pub rows: &'a [ResponseInContext],
}

/// A system's results, and what a person should know about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    pub results: SystemResults,
    pub notes: Vec<String>,
}

/// Measures any system's responses: Dist-n and length, and Emp-F1 with `identification` where there are targets.
///
/// # Errors
/// The identifiers cannot be opened, the responses are their own targets, or `on_progress` stopped it.
pub fn responses(
    store: &Path,
    system: &str,
    responses: &[String],
    identification: Option<Identification<'_>>,
    on_progress: OnProgress<'_>,
) -> Result<Evaluated, OperationError> {
    let mut config = Config::default();
    let (mut found, mut audits, mut notes) = (None, Vec::new(), Vec::new());
    let rows = identification.as_ref().map_or(&[][..], |of| of.rows);
    let references = targets_of(rows);
    if let Some(identification) = identification {
        if are_targets(identification.rows) {
            let system = system.to_string();
            return Err(OperationError::OwnTargets { system });
        }
        let saved = identification.identifiers.identifiers(store)?;
        config = saved.config();
        let device = identification.device.unwrap_or(&config.run.device);
        let identifiers = SavedIdentifiers::open(&saved.folder, device)?;
        let rows = identification.rows;
        let names = identification.auditors;
        let auditors = Auditors::open(store, &saved, names, identification.device)?;
        let controls = ControlAnswers::search(store, &saved, &identifiers, on_progress)?;
        let doing = "Levels of ";
        let levels = find_levels(&identifiers, rows, controls.as_ref(), doing, on_progress)?;
        found = Some(levels);
        notes = auditors.notes();
        audits = auditors.audit(rows, controls.as_ref(), doing, on_progress)?;
    }
    let levels = found.as_ref().filter(|found| !found.gold.is_empty());
    let answered = Answered {
        targets: None,
        ppl_batch: 0,
        responses,
        references: &references,
        levels: levels.map(|found| (&*found.gold, &*found.predicted)),
        controls: levels.and_then(|found| found.control_levels()),
        truncation: found.as_ref().map(|found| found.truncation),
        held_out: &audits,
    };
    let bootstrap = Bootstrap {
        resamples: config.evaluation.resamples,
        seed: config.run.seed,
    };
    let results = system_results(system, GIVEN, answered, &bootstrap);
    notes.extend(found.and_then(|found| found.note));
    Ok(Evaluated { results, notes })
}
