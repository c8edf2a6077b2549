//! A folder of one's own for a while. Knows nothing of bundles.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::OperationError;

/// A folder that only its owner can enter, and that goes with all that is in it when this is dropped.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// A new one where the system has such folders.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<TemporaryFolder, OperationError> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| OperationError::NoChance {
            what: "name of a folder",
            detail: error.to_string(),
        })?;
        let name = u64::from_le_bytes(name);
        let path = std::env::temp_dir().join(format!("emprl-bundle-{name:016x}"));
        let mut folder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            folder.mode(0o700);
        }
        folder.create(&path).map_err(OperationError::write(&path))?;
        Ok(TemporaryFolder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a temporary folder stays");
        }
    }
}
