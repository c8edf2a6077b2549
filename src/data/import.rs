//! The account of an import: every row of every file was kept, or skipped with a reason.
//!
//! Shared by the importers; must not know their formats.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::sets::BySplit;

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRow {
    /// Name of the file inside the folder.
    pub file: String,
    /// Line where the row starts, counted from 1; the header is line 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// What became of the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Name of the file inside the folder.
    pub file: String,
    /// Data rows, the header not counted; `read = kept + skipped`.
    pub read: usize,
    /// Rows that became part of the set.
    pub kept: usize,
    /// Rows that were left out; each is in [`ImportReport::skipped`].
    pub skipped: usize,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Sizes of one split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SplitCount {
    /// Conversations.
    pub conversations: usize,
    /// Context-response pairs.
    pub pairs: usize,
}

/// What an import read, kept and skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Name of the set.
    pub name: String,
    /// One entry for each file.
    pub files: Vec<FileReport>,
    /// Every row that was left out.
    pub skipped: Vec<SkippedRow>,
    /// Conversations and pairs by split; none for sets of labelled pairs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub splits: Option<BySplit<SplitCount>>,
    /// Labelled pairs; none for dialogue sets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub labelled_pairs: Option<usize>,
    /// What a careful reader should know about what was kept.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub remarks: Vec<String>,
}

/// Reads a source file whole and says when it is missing or is not text.
pub(super) fn read_text(path: &Path, mend: &str) -> Result<(String, String), DataError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataError::Missing {
                path: path.to_path_buf(),
                mend: mend.to_string(),
            });
        }
        Err(error) => return Err(DataError::io(path)(error)),
    };
    let sha256 = hex(&Sha256::digest(&bytes));
    match String::from_utf8(bytes) {
        Ok(text) => Ok((text, sha256)),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
            Err(DataError::line(
                path,
                line,
                "the text is not UTF-8",
                "the file is damaged or is not text: get it again",
            ))
        }
    }
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
