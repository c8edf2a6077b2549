//! Why a run failed.

use std::path::PathBuf;

use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::experiment::{Problem, Stage};
use crate::nn::lora::LoraError;
use crate::nn::{DeviceError, WeightsError};
use crate::text::TokenizerError;
use crate::text::chat::ChatError;
use crate::train::optimizer::OptimizerFileError;

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
        "{} needs a T5, and the model of this run is a {architecture}; leave the stage out of run.stages, or give a T5 as model.source (of identifiers, those of another run as identifiers.source)",
        .stage.title()
    )]
    NotT5 {
        stage: Stage,
        architecture: &'static str,
    },
    #[error(
        "{path}: there are no identifiers; as identifiers.source, give the number of a run, or a folder identifiers-… of a run's checkpoints"
    )]
    NoIdentifiers { path: PathBuf },
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(
        "the model's chat template alone takes more than the {max_tokens} tokens that a context may have; raise data.max_source"
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

impl TrainError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| TrainError::Io { path, source }
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
