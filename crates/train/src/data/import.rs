//! The report of an import: every row of every file was kept, or skipped with a reason.
//!
//! Shared by the importers; must not know their formats.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::regular_file::open_regular_file;
use super::sets::BySplit;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRow {
    pub file: String,
    /// Line where the row starts, counted from 1; the header is line 1.
    pub line: usize,
    pub reason: String,
}

/// Row counts of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    pub file: String,
    /// Data rows, the header not counted; `read = kept + skipped`.
    pub read: usize,
    pub kept: usize,
    /// Each is in [`ImportReport::skipped`].
    pub skipped: usize,
    pub sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SplitCount {
    pub conversations: usize,
    pub pairs: usize,
}

/// What an import read, kept and skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    pub name: String,
    pub files: Vec<FileReport>,
    pub skipped: Vec<SkippedRow>,
    /// Conversations and pairs by split; none for sets of labelled pairs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub splits: Option<BySplit<SplitCount>>,
    /// Labelled pairs; none for dialogue sets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub labelled_pairs: Option<usize>,
    /// Preference pairs; none for other sets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preference_pairs: Option<usize>,
    /// Notes on the kept rows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub remarks: Vec<String>,
}

/// The bytes of a file that a person named.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Text and SHA-256 of a source file.
pub(super) fn read_text(path: &Path, fix: &str) -> Result<(String, String), DataError> {
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DataError::Missing {
                path: path.to_path_buf(),
                fix: fix.to_string(),
            });
        }
        Err(error) => return Err(DataError::io(path)(error)),
    };
    let sha256 = hex(&Sha256::digest(&bytes));
    let fix = "the file is damaged or is not text: get it again";
    Ok((utf8(path, bytes, fix)?, sha256))
}

/// Bytes of a file as text; the error names the line.
pub(super) fn utf8(path: &Path, bytes: Vec<u8>, fix: &str) -> Result<String, DataError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
        DataError::line(path, line, "the text is not UTF-8", fix)
    })
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
