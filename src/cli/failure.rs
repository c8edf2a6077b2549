//! Errors of commands: the line on stderr and the exit code.

use std::any::Any;
use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::data::DataError;
use crate::engine::{StartError, panic_text, with_sources};
use crate::experiment::ExperimentError;
use crate::fetch::FetchError;
use crate::filter::FilterError;
use crate::operations::OperationError;
use crate::operations::models::{ReferenceError, TrainError};
use crate::store::{RunId, StoreError};
use crate::study::StudyError;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request itself is wrong.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Operation(#[from] OperationError),
    #[error(transparent)]
    Start(#[from] Arc<StartError>),
    /// The run failed; the error is recorded with it.
    #[error("run {run} failed: {error}; once that is fixed, resume it with `{resume}`")]
    Run {
        run: RunId,
        error: String,
        resume: String,
    },
    /// One of several packs was refused, so that none was merged.
    #[error("nothing was merged: {}", one_line(.0.as_ref()))]
    NothingMerged(Box<Failure>),
    /// The user stopped the run and was shown how to resume it.
    #[error("stopped")]
    Stopped,
    /// Stdout is closed or cannot be written.
    #[error("stdout: {0}")]
    Output(#[from] io::Error),
    /// The same, when all but the words about it was done.
    #[error("stdout: {0}; what was asked for is done")]
    DoneUnsaid(io::Error),
}

/// Errors from below are those of an operation.
macro_rules! of_an_operation {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::Operation(OperationError::from(error))
            }
        })+
    };
}

of_an_operation!(
    DataError,
    ExperimentError,
    FetchError,
    ReferenceError,
    StoreError,
    StudyError,
    TrainError,
    serde_json::Error
);

impl Failure {
    /// The error of a filter that an argument gave, with its position, in one line.
    pub fn of_filter(argument: &str, error: &FilterError, text: &str) -> Failure {
        let place = match text.get(error.at.clone()).filter(|part| !part.is_empty()) {
            Some(part) => format!("at `{part}` (letter {})", error.at.start + 1),
            None => "at its end".to_string(),
        };
        Failure::Usage(format!("{argument}: {place}: {}", error.message))
    }

    /// A panic: a bug in the program.
    pub fn internal(panic: &(dyn Any + Send)) -> Failure {
        Failure::Failed(format!(
            "internal error: {}; EMPRL_LOG=debug shows where, please report it",
            panic_text(panic)
        ))
    }

    /// For `map_err` of output after the work. A closed pipe is what it always is.
    pub fn but_done(self) -> Failure {
        match self {
            Failure::Output(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Failure::DoneUnsaid(error)
            }
            failure => failure,
        }
    }

    /// 1 failed, 2 wrong usage or settings, 130 stopped by Ctrl-C.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Operation(error) if error.is_usage() => 2,
            Failure::NothingMerged(why) => why.exit_code(),
            Failure::Stopped => 130,
            // The usual code of a program whose reader has seen enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// What is wrong, where, and how to fix it, in one line; None if there is nothing to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Stopped => None,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            _ => Some(one_line(self)),
        }
    }
}

/// For `map_err` if the user chose the file with `--out`.
pub fn out_refused(error: OperationError) -> Failure {
    match error {
        OperationError::Write { path, source } => Failure::Failed(format!(
            "{}: {source}; choose another place with --out",
            path.display()
        )),
        error => error.into(),
    }
}

/// An error with those of its sources that add something, in one line.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let text = with_sources(error);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
