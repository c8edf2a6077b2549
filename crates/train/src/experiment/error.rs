//! Errors of experiment files: each names the file, the key and the fix.

use std::path::PathBuf;

use thiserror::Error;

/// Why an experiment cannot be read.
#[derive(Debug, Error)]
pub enum ExperimentError {
    #[error(
        "cannot read {path}: {source}. Give the path of an experiment file, such as experiments/quickstart.toml"
    )]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{origin}: this is not TOML, {message}")]
    Syntax { origin: String, message: String },
    #[error("{origin}: `{key}` is not a setting{}", suggestion(.near))]
    UnknownKey {
        origin: String,
        key: String,
        near: Option<String>,
    },
    #[error("{origin}: {}", list(.problems))]
    Refused {
        origin: String,
        problems: Vec<Problem>,
    },
    #[error(
        "{origin}: the parent `{parent}` is not beside it and not among the experiments that come with the program ({known})"
    )]
    UnknownParent {
        origin: String,
        parent: String,
        known: String,
    },
    #[error("{origin}: its parents form a circle: {chain}")]
    Circle { origin: String, chain: String },
    #[error(
        "{origin}: it was recorded by another program, so there are no settings here to run, resume or load it with; \
         what that program logged of it can be plotted, compared, noted and exported"
    )]
    Recorded { origin: String },
    #[error("--set {given}: write it as key=value, such as --set ppo.steps=100")]
    NotAnAssignment { given: String },
}

fn suggestion(near: &Option<String>) -> String {
    match near {
        Some(near) => format!(". Did you mean `{near}`?"),
        None => ". `emprl run --help` says where settings are listed".into(),
    }
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("`{}`: {}", problem.path, problem.message))
        .collect::<Vec<_>>()
        .join("; ")
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as in `ppo.lr`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}
