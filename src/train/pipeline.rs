//! A run from its settings to trained models and a result table: its stages one after the other.
//!
//! Every stage resumes from its checkpoints in the run's folder, so a stopped run continues where it stopped.

mod reuse;
mod start;

use std::collections::BTreeMap;
use std::path::Path;

use super::artifacts::as_t5;
use super::checkpoint::Checkpoints;
use super::error::TrainError;
use super::group::GroupMethod;
use super::material::Texts;
use super::observer::Observer;
use super::policy::Policy;
use super::policy_gradient::trainer as policy_gradient;
use super::ppo::Ppo;
use super::session::{Ended, Session};
use super::{evaluation_stage, generator, identifier, pretraining};
use crate::checkpoint;
use crate::experiment::{Config, SCRATCH, Stage};
use crate::nn::device;

pub use reuse::Reuse;
pub(super) use start::{scratch_t5, scratch_tokenizer};

/// The tokenizer of a model trained from scratch, in the run's folder.
const TOKENIZER: &str = "tokenizer.json";

/// Fingerprints of the texts and weights that a run starts from, by name. Opens them all, so that anything
/// missing or damaged is reported before anything is written.
pub fn fingerprints(config: &Config, store: &Path) -> Result<BTreeMap<String, String>, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let mut found = BTreeMap::new();
    let texts = Texts::open(config, store)?;
    found.extend(texts.dialogues.map(|set| (set.name, set.fingerprint)));
    found.extend(texts.levels.map(|set| (set.name, set.fingerprint)));
    if config.model.source != SCRATCH {
        let folder = Path::new(&config.model.source);
        let (policy, _) = Policy::load(folder, &device)?;
        for stage in [Stage::Pretraining, Stage::Identifiers] {
            let is_given = stage == Stage::Identifiers && config.identifiers.given().is_some();
            if config.run.stages.contains(&stage) && !is_given {
                as_t5(&policy.model, stage)?;
            }
        }
        found.insert("model".into(), Policy::fingerprint(folder)?);
    }
    if let Some(source) = config.given_identifiers() {
        let folder = identifier::given::folder(source, &store.join(checkpoint::RUNS))?;
        found.insert(
            "identifiers".into(),
            identifier::given::fingerprint(&folder)?,
        );
    }
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
    let mut artifacts = start::artifacts(&session, store, run_folder)?;
    start::say_dequantised(&mut session)?;
    for stage in &config.run.stages {
        let ended = match stage {
            Stage::Pretraining => pretraining::run(&mut session, &mut artifacts)?,
            Stage::Identifiers => identifier::run(&mut session, &mut artifacts)?,
            Stage::Generator => generator::run(&mut session, &mut artifacts)?,
            Stage::Ppo => policy_gradient::run(&Ppo, &mut session, &mut artifacts)?,
            Stage::Grpo => policy_gradient::run(&GroupMethod::Grpo, &mut session, &mut artifacts)?,
            Stage::Rloo => policy_gradient::run(&GroupMethod::Rloo, &mut session, &mut artifacts)?,
            Stage::Evaluation => evaluation_stage::run(&mut session, &artifacts)?,
        };
        if ended == Ended::Stopped {
            return Ok(Ended::Stopped);
        }
    }
    Ok(Ended::Done)
}
