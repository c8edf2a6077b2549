//! Why a command ends early: the one line that says so, and the exit code.

use std::any::Any;
use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::engine::StartError;
use crate::engine::reference::ReferenceError;
use crate::engine::worker::ReuseError;
use crate::experiment::ExperimentError;
use crate::report::tables::GatherError;
use crate::store::{ParseIdError, RunId, StoreError};
use crate::study::StudyError;
use crate::systems::SystemsError;
use crate::train::TrainError;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for cannot be asked.
    #[error("{0}")]
    Usage(String),
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    #[error(transparent)]
    Id(#[from] ParseIdError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error(transparent)]
    Table(#[from] GatherError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Reuse(#[from] ReuseError),
    #[error(transparent)]
    Start(#[from] Arc<StartError>),
    /// The run ended by an error, which is on record with it.
    #[error("run {run} failed: {error}; once that is mended, go on with `{go_on}`")]
    Run {
        run: RunId,
        error: String,
        go_on: String,
    },
    /// A person stopped the run, and was told how to go on.
    #[error("stopped")]
    Stopped,
    /// Whoever reads stdout is gone, or it cannot be written.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
}

impl From<SystemsError> for Failure {
    fn from(error: SystemsError) -> Failure {
        match error {
            SystemsError::Store(error) => error.into(),
            SystemsError::Reference(error) => error.into(),
            SystemsError::Train(error) => error.into(),
            SystemsError::Study(error) => error.into(),
            SystemsError::NoName => Failure::Usage(format!("--system: {error}")),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl Failure {
    /// What becomes of a panic: a fault of the program, not of its user.
    pub fn internal(panic: &(dyn Any + Send)) -> Failure {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Failure::Failed(format!(
            "internal error: {}; EMPRL_LOG=debug shows where, please report it",
            text.unwrap_or("a panic without a word")
        ))
    }

    /// 1 failed, 2 wrong usage or settings, 130 stopped by Ctrl-C.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_)
            | Failure::Id(_)
            | Failure::Reuse(ReuseError::NothingShared { .. }) => 2,
            Failure::Experiment(ExperimentError::Unreadable { .. }) => 1,
            Failure::Experiment(_) => 2,
            Failure::Data(DataError::UnknownSet { .. } | DataError::WrongKind { .. }) => 2,
            Failure::Study(
                StudyError::Definition { .. }
                | StudyError::NamesSystem { .. }
                | StudyError::NoContexts,
            ) => 2,
            Failure::Train(TrainError::Device(_)) => 2,
            Failure::Train(TrainError::Data(
                DataError::UnknownSet { .. } | DataError::WrongKind { .. },
            )) => 2,
            Failure::Stopped => 130,
            // As programs end whose reader has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// What is wrong, where, and how to mend it, in one line; None where there is nothing to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Stopped => None,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            _ => Some(one_line(self)),
        }
    }
}

/// An error with those of its sources that say something new, in one line.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
