//! Fingerprints of files that a run starts from.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::TrainError;

/// SHA-256 over these files of a folder with their names, in order, in hexadecimal.
pub fn of_files(
    folder: &Path,
    names: impl IntoIterator<Item = String>,
) -> Result<String, TrainError> {
    let mut hasher = Sha256::new();
    add_files(&mut hasher, folder, names)?;
    Ok(written(hasher))
}

/// Adds these files of a folder with their names.
pub fn add_files(
    hasher: &mut Sha256,
    folder: &Path,
    names: impl IntoIterator<Item = String>,
) -> Result<(), TrainError> {
    for name in names {
        let path = folder.join(&name);
        hasher.update(name.as_bytes());
        let mut file = File::open(&path).map_err(TrainError::io(&path))?;
        io::copy(&mut file, &mut HashWriter(hasher)).map_err(TrainError::io(&path))?;
    }
    Ok(())
}

/// The digest in hexadecimal.
pub fn written(hasher: Sha256) -> String {
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes into a digest.
struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
