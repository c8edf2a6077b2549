//! What can be wrong with responses, studies, judgements and packs, said so that a person can fix it.

use std::path::PathBuf;

use crate::data::DataError;

/// Why responses were not taken, a study not made, or a pack refused. No message names a system unless it
/// answers who named it.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file without a row.
    #[error("{}: there is no response; give a file with a response a line", path.display())]
    NoResponses {
        /// The file.
        path: PathBuf,
    },
    /// Lines cannot be counted off against contexts.
    #[error(
        "{}: has {rows} responses where there are {contexts} contexts in {order}; give one response for each, \
         in the same order, or the file's own contexts with --contexts FILE", path.display()
    )]
    Count {
        /// The file of responses.
        path: PathBuf,
        /// Its rows.
        rows: usize,
        /// The contexts they should answer.
        contexts: usize,
        /// What the contexts are.
        order: String,
    },
    /// There is nothing to align responses with.
    #[error(
        "there are no contexts to align with; give the file's own with --contexts FILE, or import the data \
         set with `emprl data import empathetic-dialogues DIR`"
    )]
    NoContexts,
    /// Rows do not all have what they are to be aligned by.
    #[error("{}: {rows} rows have no {field}, so they cannot be aligned by it", path.display())]
    NoField {
        /// The file of responses.
        path: PathBuf,
        /// How many.
        rows: usize,
        /// What they lack.
        field: &'static str,
    },
    /// Not one row answers a context.
    #[error(
        "{}: none of its {rows} rows answers a context of {order}; the first: {first}", path.display()
    )]
    NoMatch {
        /// The file of responses.
        path: PathBuf,
        /// Its rows.
        rows: usize,
        /// What the contexts are.
        order: String,
        /// What is wrong with the first row.
        first: String,
    },
    /// A setting of a study cannot be.
    #[error("{what}; {fix}")]
    Definition {
        /// What is wrong.
        what: String,
        /// What to do.
        fix: String,
    },
    /// Something that annotators read names a system.
    #[error(
        "the {place} names the system {system}, which annotators must not know; word it otherwise"
    )]
    NamesSystem {
        /// Title or instructions.
        place: &'static str,
        /// The system.
        system: String,
    },
    /// Too few contexts have what is needed.
    #[error("only {found} contexts {what}, {wanted} are wanted; {fix}")]
    TooFew {
        /// How many there are.
        found: usize,
        /// What they have.
        what: &'static str,
        /// How many are needed.
        wanted: usize,
        /// What to do.
        fix: &'static str,
    },
    /// A judgement does not fit its item.
    #[error("item {item}: {what}")]
    Judgement {
        /// Number of the item.
        item: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// A pack is refused.
    #[error("the pack is refused: {0}")]
    Pack(#[from] PackError),
}

/// Why a pack is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is no pack at all.
    #[error("it is no pack of emprl ({detail}); send the file as it was written, not its text")]
    NotAPack {
        /// What the parser says.
        detail: String,
    },
    /// Its form is one that this program does not know.
    #[error("it has form {found}, this program reads {known}; update emprl on the older side")]
    Version {
        /// Form of the file.
        found: u32,
        /// Form this program knows.
        known: u32,
    },
    /// Its checksum is not that of its content.
    #[error("its content is not what was written (the checksum differs); ask for the file again")]
    Changed,
    /// It belongs to another study.
    #[error("it belongs to another study; merge it where its study was made")]
    ForeignStudy,
    /// The study has no such annotator.
    #[error("the study has no annotator {pseudonym}; merge it where its study was made")]
    ForeignAnnotator {
        /// Pseudonym in the pack.
        pseudonym: String,
    },
    /// What it shows is not what the study shows.
    #[error("item {item} is not what the study shows; send the annotator a new pack")]
    ForeignItem {
        /// Number of the item.
        item: u32,
    },
    /// A judgement in it cannot be.
    #[error("its judgement {number} cannot be: {what}; ask for the file again")]
    Judgement {
        /// Place of the judgement in the file, from 1.
        number: usize,
        /// What is wrong.
        what: String,
    },
}
