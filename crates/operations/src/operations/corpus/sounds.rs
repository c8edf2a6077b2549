//! Where the sounds of a corpus lie.

use std::path::{Path, PathBuf};

use super::super::OperationError;
use crate::data::library;

/// The file of a sound as a record names it: a path from the root, else from the folder that the corpus was imported from.
///
/// # Errors
/// There is no such corpus; the sound is an address of the web; the file is not there.
pub fn sound_file(store: &Path, corpus: &str, audio: &str) -> Result<PathBuf, OperationError> {
    let (_, entry) = library::require_corpus(store, corpus)?;
    if audio.contains("://") {
        return Err(OperationError::SoundAddress {
            address: audio.to_string(),
        });
    }
    let folder = entry.folder.unwrap_or_default();
    let path = folder.join(audio);
    match path.is_file() {
        true => Ok(path),
        false => Err(OperationError::NoSound { path }),
    }
}
