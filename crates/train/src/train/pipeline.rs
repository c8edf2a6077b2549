//! A run from its settings to trained models and a result table: its stages one after the other.
//!
//! Every stage resumes from its checkpoints in the run's folder, so a stopped run continues where it stopped.

mod reuse;
mod start;

use std::collections::BTreeMap;
use std::path::Path;

use super::artifacts::{Artifacts, as_t5};
use super::checkpoint::Checkpoints;
use super::dpo::trainer as dpo;
use super::error::TrainError;
use super::group::GroupMethod;
use super::identifier::OwnModel;
use super::material::Texts;
use super::observer::Observer;
use super::policy::Policy;
use super::policy_gradient::trainer as policy_gradient;
use super::ppo::Ppo;
use super::session::{Ended, Session};
use super::{auditor, evaluation_stage, generator, identifier, pretraining};
use crate::checkpoint;
use crate::experiment::{Config, IdentifierInit, SCRATCH, Stage};
use crate::nn::device;

pub use reuse::Reuse;
pub(super) use start::{scratch_t5, scratch_tokenizer};

/// The tokenizer of a model trained from scratch, in the run's folder.
const TOKENIZER: &str = "tokenizer.json";

/// The name of the preference pairs among a run's fingerprints.
pub const PREFERENCES: &str = "preferences";

/// Fingerprints of the texts and weights that a run starts from, by name. Opens them all, so that anything
/// missing or damaged is reported before anything is written.
pub fn fingerprints(config: &Config, store: &Path) -> Result<BTreeMap<String, String>, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let mut found = BTreeMap::new();
    let texts = Texts::open(config, store)?;
    found.extend(texts.dialogues.map(|set| (set.name, set.fingerprint)));
    found.extend(texts.levels.map(|set| (set.name, set.fingerprint)));
    let preferences = texts.preferences.map(|set| set.fingerprint);
    found.extend(preferences.map(|found| (PREFERENCES.to_string(), found)));
    let shape = if config.reads_model() && config.model.source != SCRATCH {
        let folder = Path::new(&config.model.source);
        let (policy, _) = Policy::load(folder, &device)?;
        if config.run.stages.contains(&Stage::Pretraining) {
            as_t5(&policy.model, Stage::Pretraining)?;
        }
        found.insert("model".into(), Policy::fingerprint(folder)?);
        Some(policy.model.config())
    } else {
        None
    };
    // One made from nothing is a T5.
    if config.trains_identifiers() && (shape.is_some() || config.encoder_folder().is_some()) {
        identifier::network(&config.identifiers, shape.as_ref())?;
    }
    if let Some(folder) = config.encoder_folder() {
        found.insert("encoder".into(), Policy::fingerprint(folder)?);
    }
    if let Some(source) = config.given_identifiers() {
        let runs = store.join(checkpoint::RUNS);
        let folder = identifier::given::folder("identifiers.source", source, &runs)?;
        identifier::given::network(&folder, config)?;
        found.insert(
            "identifiers".into(),
            identifier::given::fingerprint(&folder)?,
        );
    }
    found.extend(auditor::fingerprints(config, store)?);
    Ok(found)
}

/// Runs the stages of `config`, or what is left of them after the run's `checkpoints`; those of `reuse` are copied
/// from another run.
///
/// # Errors
/// Data, a model or a device is missing; a stage fails.
pub fn run(
    config: &Config,
    store: &Path,
    checkpoints: Checkpoints,
    reuse: Option<&Reuse>,
    observer: &mut dyn Observer,
) -> Result<Ended, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let run_folder = &checkpoints.run_folder().to_path_buf();
    let mut session = Session {
        config,
        device,
        checkpoints,
        observer,
    };
    if let Some(reuse) = reuse {
        reuse.copy(&mut session, run_folder)?;
    }
    if !config.reads_model() {
        let texts = Texts::open(config, store)?;
        let set = identifier::run(&mut session, run_folder, texts.levels.as_ref(), None)?;
        return Ok(set.map_or(Ended::Stopped, |_| Ended::Done));
    }
    let mut artifacts = start::artifacts(&session, store, run_folder)?;
    start::say_dequantised(&mut session)?;
    start::open_auditors(&mut session, store, &mut artifacts)?;
    for (index, stage) in config.run.stages.iter().enumerate() {
        artifacts.settle_precision(config, &config.run.stages[index..]);
        let ended = match stage {
            Stage::Pretraining => pretraining::run(&mut session, &mut artifacts)?,
            Stage::Identifiers => identifiers(&mut session, &mut artifacts)?,
            Stage::Generator => generator::run(&mut session, &mut artifacts)?,
            Stage::Ppo => policy_gradient::run(&Ppo, &mut session, &mut artifacts)?,
            Stage::Grpo => policy_gradient::run(&GroupMethod::Grpo, &mut session, &mut artifacts)?,
            Stage::Rloo => policy_gradient::run(&GroupMethod::Rloo, &mut session, &mut artifacts)?,
            Stage::Dpo => dpo::run(&mut session, &mut artifacts)?,
            Stage::Evaluation => evaluation_stage::run(&mut session, &artifacts)?,
            // No setting names it.
            Stage::Recorded => Ended::Done,
        };
        if ended == Ended::Stopped {
            return Ok(Ended::Stopped);
        }
        if let (Stage::Identifiers, Some(own)) = (stage, session.checkpoints.latest(*stage)?) {
            auditor::refuse_reward(&artifacts.auditors, &own.folder)?;
        }
    }
    Ok(Ended::Done)
}

/// The identifiers stage of a run that has a model.
fn identifiers(session: &mut Session<'_>, artifacts: &mut Artifacts) -> Result<Ended, TrainError> {
    let model = match (session.config.identifiers.init, &artifacts.generator) {
        (IdentifierInit::Generator, Some(generator)) => &generator.model,
        _ => &artifacts.model,
    };
    let own = OwnModel {
        model,
        tokenizer: &artifacts.tokenizer,
    };
    let levels = artifacts.level_set.as_ref();
    let set = identifier::run(session, &artifacts.run_folder, levels, Some(own))?;
    artifacts.identifiers = set;
    Ok(match artifacts.identifiers {
        Some(_) => Ended::Done,
        None => Ended::Stopped,
    })
}
