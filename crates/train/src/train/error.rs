//! Why a run failed.

use std::path::PathBuf;

use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::experiment::{Problem, Stage};
use crate::fetch::FetchError;
use crate::nn::lora::LoraError;
use crate::nn::{DeviceError, WeightsError};
use crate::text::TokenizerError;
use crate::text::chat::ChatError;
use crate::train::optimizer::OptimizerFileError;
use crate::train::reward::ScorerError;

/// Why a run failed. Messages say what, where and how to fix it.
#[derive(Debug, Error)]
pub enum TrainError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Optimizer(#[from] OptimizerFileError),
    #[error("{what} has no examples; {fix}")]
    Empty { what: String, fix: String },
    #[error(
        "{} at step {step}: the loss is {loss}. Lower `{setting}` and start again, or resume from an earlier checkpoint",
        .stage.title()
    )]
    NotFinite {
        stage: Stage,
        step: u64,
        loss: f64,
        setting: &'static str,
    },
    #[error(
        "log-probabilities during generation and afterwards differ by {largest} (at most {tolerance} is rounding); this device computes wrongly, choose another with run.device"
    )]
    RolloutDisagrees { largest: f32, tolerance: f32 },
    #[error(
        "the policy was not trained, because a self-check failed: {0}. Choose another device with run.device; if it fails there too, please report it"
    )]
    SelfCheck(#[from] CheckError),
    #[error("run {run} has no finished {stage} stage to reuse; let it finish, or start without it")]
    NothingToReuse { run: String, stage: &'static str },
    #[error(
        "{} needs a T5, and the model of this run is a {architecture}; leave the stage out of run.stages, or give a T5 as model.source",
        .stage.title()
    )]
    NotT5 {
        stage: Stage,
        architecture: &'static str,
    },
    #[error(
        "identifiers.encoder is {encoder:?}, and {}; use \"policy\" to train the identifiers on the run's model, the folder of a BERT or T5 model, or take those of another run as identifiers.source",
        own_model(*.architecture)
    )]
    NoEncoder {
        encoder: String,
        /// Of the run's own model, if it has one.
        architecture: Option<&'static str>,
    },
    #[error("`{}` {}", .0.path, .0.message)]
    Unsuited(Problem),
    #[error(
        "{path}: the authors' identifiers are weights alone; put config.json and tokenizer.json (or spiece.model) of the T5 that they stand on, t5-base, beside them, or give its folder as identifiers.encoder"
    )]
    ReleasedWithoutT5 { path: PathBuf },
    #[error(
        "{path}: there are no identifiers; as {setting}, give the number of a run, a folder identifiers-… of a run's checkpoints, or one with the authors' emotional_reaction.pt, interpretation.pt and exploration.pt"
    )]
    NoIdentifiers {
        path: PathBuf,
        setting: &'static str,
    },
    #[error("{setting} names run {run}, which {why}; {}", with_identifiers(.others))]
    NoIdentifiersOf {
        setting: &'static str,
        run: String,
        why: &'static str,
        /// Runs that have some.
        others: Vec<u64>,
    },
    #[error(
        "the auditor {auditor} has the same weights as the identifiers that give the reward, so it would say what they say; as identifiers.auditors, name those of a run of another seed, or \"logistic\""
    )]
    AuditorRewards { auditor: String },
    #[error(transparent)]
    Scorer(#[from] Box<ScorerError>),
    #[error("a server of the reward: {0}")]
    ScoreServer(#[from] FetchError),
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(
        "the model's chat template alone takes more than the {max_tokens} tokens that a context may have; raise data.max_source, or for preference pairs dpo.max_prompt_length and dpo.max_length"
    )]
    TemplateTooLong { max_tokens: usize },
    #[error("{0}; change lora.targets")]
    Lora(#[from] LoraError),
    #[error("{path}: exists and is not empty; name a new folder, or an empty one")]
    Occupied { path: PathBuf },
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("a setting that was changed during the run, `{}`: {}", .0.path, .0.message)]
    Change(Problem),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("{path}: {problem}. Start the run again, or resume from an earlier checkpoint")]
    Foreign { path: PathBuf, problem: String },
}

fn own_model(architecture: Option<&str>) -> String {
    match architecture {
        Some(architecture) => format!("the model of this run is a {architecture}"),
        None => "this run has no model of its own".into(),
    }
}

impl TrainError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| TrainError::Io { path, source }
    }
}

/// The runs whose identifiers could be named instead.
fn with_identifiers(runs: &[u64]) -> String {
    let numbers: Vec<String> = runs.iter().map(u64::to_string).collect();
    match numbers.as_slice() {
        [] => "no run of this store has any: train some by the stage identifiers".to_string(),
        [only] => format!("run {only} has some"),
        several => format!("runs {} have some", several.join(", ")),
    }
}

/// Which self-check before the training of a policy failed.
#[derive(Debug, Error)]
pub enum CheckError {
    #[error("the untouched policy's ratio is off 1 by {largest} in its logarithm")]
    Ratio { largest: f32 },
    #[error("pads change the {what} by {largest}")]
    Pads { what: &'static str, largest: f64 },
    #[error("the untouched policy's KL to the generator is {largest} at a token, and must be 0")]
    Kl { largest: f32 },
    #[error("`{parameter}` is trained, but no gradient reaches it")]
    NoGradient { parameter: String },
    #[error("`{parameter}` is frozen, but a gradient reaches it")]
    StrayGradient { parameter: String },
    #[error("the gradient norm of {part} is {norm}")]
    Gradient { part: String, norm: f64 },
}
