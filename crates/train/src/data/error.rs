//! Errors of data: each message names file, line and how to fix it.

use std::io;
use std::path::{Path, PathBuf};

/// Why data could not be read, imported or written.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("{path}: not found; {fix}", path = path.display())]
    Missing { path: PathBuf, fix: String },
    #[error("{path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A line is malformed; `line` counts from 1.
    #[error("{path}, line {line}: {what}; {fix}", path = path.display())]
    Line {
        path: PathBuf,
        line: usize,
        what: String,
        fix: String,
    },
    /// A file as a whole is malformed.
    #[error("{path}: {what}; {fix}", path = path.display())]
    File {
        path: PathBuf,
        what: String,
        fix: String,
    },
    #[error(
        "{name} is not imported yet: run `emprl data fetch {name}` or `emprl data import {name} DIR`"
    )]
    NotImported { name: String },
    /// The set has no dialogues, or no levels.
    #[error("{name} holds no {what}; sets that do: {with}")]
    WrongKind {
        name: String,
        what: &'static str,
        with: String,
    },
    #[error(
        "there is no set of preference pairs {name:?}: run `emprl data import preferences FILE --name {name}`, or \
         choose one that `emprl data list` shows"
    )]
    NoPreferences { name: String },
    #[error(
        "a set of your own cannot be called {name:?}; use lower-case letters, digits, - and _, and not the name of a \
         set that the program knows"
    )]
    SetName { name: String },
    #[error("there is a data set called {name} already; {fix}")]
    NameTaken { name: String, fix: &'static str },
    #[error("there is no corpus {name:?}; {known}")]
    NoCorpus { name: String, known: String },
    #[error(
        "{corpus} has scores called {name} already, by {by}; choose another name with --as, or delete them with \
         `emprl corpus delete {corpus} --addition {name}`"
    )]
    AdditionTaken {
        corpus: String,
        name: String,
        by: String,
    },
    /// A corpus that would be replaced by other records.
    #[error(
        "{corpus} has scores that were added to it ({names}), and the new records are not the same; import them under \
         another name, or delete what was added with `emprl corpus delete {corpus} --addition NAME`"
    )]
    HasAdditions { corpus: String, names: String },
    #[error("{corpus} has no addition {name:?}; {known}")]
    NoAddition {
        corpus: String,
        name: String,
        known: String,
    },
    /// A corpus has not what a setting needs.
    #[error(
        "the corpus {name} has no {what}; import its file again with --replace and a --mapping that says which columns \
         they are"
    )]
    CorpusLacks { name: String, what: &'static str },
    /// Several sets that cannot be read as one.
    #[error(
        "{names:?}: {why}; name sets with commas between, such as \"empathetic-dialogues, support:0.5\""
    )]
    Mixture { names: String, why: String },
    #[error("there is no data set {name:?}; known are {known}")]
    UnknownSet { name: String, known: String },
}

impl DataError {
    /// For `map_err`.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> DataError + '_ {
        move |source| DataError::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub fn line(
        path: &Path,
        line: usize,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> DataError {
        DataError::Line {
            path: path.to_path_buf(),
            line,
            what: what.into(),
            fix: fix.into(),
        }
    }

    pub fn file(path: &Path, what: impl Into<String>, fix: impl Into<String>) -> DataError {
        DataError::File {
            path: path.to_path_buf(),
            what: what.into(),
            fix: fix.into(),
        }
    }
}
