//! What can be wrong with responses, studies, judgements and packs.

use std::path::PathBuf;

use super::counted;
use crate::data::DataError;

/// Why responses cannot be imported, a study cannot be created, or a pack is refused. A message names a
/// system only to the person who named it.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(
        "{}: has {} where there {} in {order}; give one response for each, in the same order, or the file's own \
         contexts with --contexts FILE",
        path.display(),
        counted(*rows, "response", "responses"),
        match contexts {
            1 => "is 1 context".to_string(),
            _ => format!("are {contexts} contexts"),
        }
    )]
    Count {
        path: PathBuf,
        rows: usize,
        contexts: usize,
        order: String,
    },
    #[error(
        "there are no contexts to align with; give the file's own with --contexts FILE, or import the data \
         set with `emprl data import empathetic-dialogues DIR`"
    )]
    NoContexts,
    #[error(
        "{}: none of its {} answers a context of {order}; the first: {first}",
        path.display(),
        counted(*rows, "row", "rows")
    )]
    NoMatch {
        path: PathBuf,
        rows: usize,
        order: String,
        first: String,
    },
    #[error("{what}; {fix}")]
    Definition { what: String, fix: String },
    #[error("the {place} names the system {system}, which annotators must not know; reword it")]
    NamesSystem { place: &'static str, system: String },
    #[error("only {found} contexts {what}, {wanted} are wanted; {fix}")]
    TooFew {
        found: usize,
        what: &'static str,
        wanted: usize,
        fix: &'static str,
    },
    #[error(
        "nobody is to meet a response twice, which takes {wanted} contexts with so few annotators, and {found} have a \
         response by every system; name {annotators} annotators (then {contexts} are enough), choose fewer contexts, or \
         allow repeats"
    )]
    NeedRepeats {
        found: usize,
        wanted: usize,
        contexts: usize,
        annotators: usize,
    },
    #[error("the study has no preference pairs: {what}")]
    NoPreferences { what: &'static str },
    #[error("item {item}: {what}")]
    Judgement { item: u32, what: &'static str },
    #[error("the pack is refused: {0}")]
    Pack(#[from] PackError),
}

/// Why a pack is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    #[error("it is not a pack of emprl ({detail}); send the file as it was written, not its text")]
    NotAPack { detail: String },
    #[error(
        "it is the page that is judged in a browser, and judgements are not kept in it: open it in the browser in which it was \
         judged, press \"Save the file to send back\" there, and merge what it saves, a file that ends in .emprl.json"
    )]
    IsPage,
    #[error("it has version {found}, this program reads {known}; update emprl on the older side")]
    Version { found: u32, known: u32 },
    #[error("its content is not what was written (the checksum differs); ask for the file again")]
    Changed,
    #[error("{what}; ask for the file again")]
    Texts { what: String },
    #[error(
        "it is not as it was sent: {what}; ask for the file again, or take it in all the same with --take-edited, which \
         marks its judgements"
    )]
    Edited { what: String },
    #[error("it belongs to another study; merge it where its study was created")]
    ForeignStudy,
    #[error("the study has no annotator {pseudonym}; merge it where its study was created")]
    ForeignAnnotator { pseudonym: String },
    #[error("item {item} is not what the study shows; send the annotator a new pack")]
    ForeignItem { item: u32 },
    #[error("its judgement {number} is invalid: {what}; ask for the file again")]
    Judgement {
        /// In the file, from 1.
        number: usize,
        what: String,
    },
}
