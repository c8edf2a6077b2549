//! The data and models that the stages of a run share.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::auditor::Auditor;
use super::checkpoint::Checkpoints;
use super::control_answers::ConstantSearch;
use super::error::TrainError;
use super::evaluate::Examiner;
use super::identifier_set::IdentifierSet;
use super::material::Material;
use super::model_tokenizer::ModelTokenizer;
use super::policy::Policy;
use crate::checkpoint;
use crate::data::LevelSet;
use crate::data::preferences::PreferenceSet;
use crate::experiment::{Config, Precision, Stage, Tuning};
use crate::nn::t5::T5;
use crate::nn::{LanguageModel, in_bf16};

/// Data and models of a run, as far as its stages have come.
pub struct Artifacts {
    pub run_folder: PathBuf,
    pub level_set: Option<LevelSet>,
    pub preferences: Option<PreferenceSet>,
    pub material: Material,
    pub tokenizer: ModelTokenizer,
    /// The model that the generator starts from.
    pub model: LanguageModel,
    /// The folder of the model's weights; `None` while they are untrained.
    pub base: Option<PathBuf>,
    pub identifiers: Option<IdentifierSet>,
    /// Judges that give no reward.
    pub auditors: Vec<Auditor>,
    pub generator: Option<Policy>,
    pub policy: Option<Policy>,
    /// The best constant answer, once it has been searched for.
    pub constant: OnceCell<Option<String>>,
}

impl Artifacts {
    /// The folder of the model's weights relative to a stage's checkpoints; `None` if it trains them.
    pub fn base_under(&self, tuning: Tuning) -> Option<PathBuf> {
        let base = self.base.as_ref().filter(|_| !tuning.trains_model())?;
        Some(relative(base, &self.run_folder))
    }

    /// From now on the model's weights are those of the last checkpoint of `stage`.
    pub fn set_base(&mut self, checkpoints: &Checkpoints, stage: Stage) -> Result<(), TrainError> {
        self.base = checkpoints.latest(stage)?.map(|last| last.folder);
        Ok(())
    }

    /// Puts what none of the `coming` stages trains into the run's precision: identifiers in use, and a model that a
    /// folder has, since any other is written into checkpoints.
    pub fn settle_precision(&mut self, config: &Config, coming: &[Stage]) {
        if config.run.precision == Precision::F32 {
            return;
        }
        self.identifiers = self.identifiers.take().map(IdentifierSet::in_bf16);
        let is_trained = coming.iter().any(|stage| config.trains_model(*stage));
        if is_trained || self.base.is_none() {
            return;
        }
        self.model = in_bf16(self.model.clone());
        for policy in [&mut self.generator, &mut self.policy]
            .into_iter()
            .flatten()
        {
            policy.model = in_bf16(policy.model.clone());
        }
    }

    pub fn examiner(&self, config: &Config, device: &Device) -> Examiner<'_> {
        let search = ConstantSearch {
            train: &self.material.train,
            found: &self.constant,
        };
        let identifiers = self.identifiers.as_ref();
        Examiner::new(
            config,
            &self.tokenizer,
            identifiers,
            &self.auditors,
            search,
            device,
        )
    }
}

/// `model` as the T5 that `stage` needs.
///
/// # Errors
/// It is another model.
pub fn as_t5(model: &LanguageModel, stage: Stage) -> Result<&T5, TrainError> {
    model.t5().ok_or_else(|| TrainError::NotT5 {
        stage,
        architecture: model.config().architecture(),
    })
}

/// A checkpoint of the same run relative to its siblings; any other folder unchanged.
fn relative(base: &Path, run_folder: &Path) -> PathBuf {
    match base.strip_prefix(run_folder.join(checkpoint::FOLDER)) {
        Ok(name) => Path::new("..").join(name),
        Err(_) => base.to_path_buf(),
    }
}
