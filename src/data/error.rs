//! What can be wrong with data, said so that a person can mend it: file, place, mend.

use std::io;
use std::path::{Path, PathBuf};

/// Why data could not be read, imported or written.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder that should be there is not.
    #[error("{path}: not found; {mend}", path = path.display())]
    Missing {
        /// What was looked for.
        path: PathBuf,
        /// What to do.
        mend: String,
    },
    /// The system refused to read or write.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{path}, line {line}: {what}; {mend}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: String,
    },
    /// A file as a whole is not what it should be.
    #[error("{path}: {what}; {mend}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: String,
    },
    /// The set is known but not in this store.
    #[error("{name} is not imported yet: run `emprl data import {name} DIR`")]
    NotImported {
        /// Name of the set.
        name: String,
    },
    /// The set holds something else.
    #[error("{name} holds no {what}; sets that do: {with}")]
    WrongKind {
        /// Name of the set.
        name: String,
        /// `dialogues` or `levels`.
        what: &'static str,
        /// Names that would do.
        with: String,
    },
    /// No set of this name exists.
    #[error("there is no data set {name:?}; known are {known}")]
    UnknownSet {
        /// The name that was asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
}

impl DataError {
    /// For `map_err`: the system's error with the path it concerns.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> DataError + '_ {
        move |source| DataError::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn line(
        path: &Path,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> DataError {
        DataError::Line {
            path: path.to_path_buf(),
            line,
            what: what.into(),
            mend: mend.into(),
        }
    }

    pub(crate) fn file(path: &Path, what: impl Into<String>, mend: impl Into<String>) -> DataError {
        DataError::File {
            path: path.to_path_buf(),
            what: what.into(),
            mend: mend.into(),
        }
    }
}
