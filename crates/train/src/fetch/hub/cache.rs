//! The cache on disk, in the layout of Hugging Face's library, so that each finds what the other has fetched.
//!
//! ```text
//! models--OWNER--NAME/blobs/ETAG                   the content of a file
//! models--OWNER--NAME/snapshots/COMMIT/FILE        a link to it
//! models--OWNER--NAME/refs/REVISION                the commit of a branch or tag
//! .locks/models--OWNER--NAME/ETAG.lock             held while a file is written
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::name::{ModelName, Revision, is_commit};
use crate::fetch::FetchError;
use crate::fetch::disk::create_parent;

/// A model's part of the cache.
pub(super) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    pub fn new(cache: &Path, name: &ModelName) -> RepoCache {
        RepoCache {
            folder: cache.join(name.folder()),
            locks: cache.join(".locks").join(name.folder()),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    pub fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    /// The commit that a revision had when it was fetched last.
    pub fn commit(&self, revision: &Revision) -> Option<String> {
        if revision.is_commit() {
            return Some(revision.as_str().to_string());
        }
        let text = fs::read_to_string(self.reference(revision)).ok()?;
        Some(text.trim().to_string()).filter(|commit| is_commit(commit))
    }

    /// Notes the commit of a branch or tag.
    pub fn set_commit(&self, revision: &Revision, commit: &str) -> Result<(), FetchError> {
        if revision.is_commit() {
            return Ok(());
        }
        let path = self.reference(revision);
        create_parent(&path)?;
        let temporary = self.folder.join(format!("tmp_{}", std::process::id()));
        fs::write(&temporary, commit).map_err(FetchError::io(&temporary))?;
        fs::rename(&temporary, &path).map_err(FetchError::io(&path))
    }

    /// Puts a blob into a snapshot under the file's name.
    pub fn link(&self, etag: &str, commit: &str, file: &str) -> Result<(), FetchError> {
        let path = self.snapshot(commit).join(file);
        create_parent(&path)?;
        if path.symlink_metadata().is_ok() && !path.exists() {
            // A link to a blob that somebody has removed.
            fs::remove_file(&path).map_err(FetchError::io(&path))?;
        }
        match link(&self.blob(etag), etag, file, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(FetchError::io(&path)),
        }
    }

    /// The files of a snapshot, by their names in the repository.
    pub fn files(&self, commit: &str) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.snapshot(commit), "", &mut found);
        found.sort();
        found
    }

    fn reference(&self, revision: &Revision) -> PathBuf {
        self.folder.join("refs").join(revision.as_str())
    }
}

#[cfg(unix)]
fn link(_: &Path, etag: &str, file: &str, path: &Path) -> std::io::Result<()> {
    // Relative, so that the cache can be moved: out of the snapshot and its folders.
    let up = "../".repeat(2 + file.matches('/').count());
    std::os::unix::fs::symlink(format!("{up}blobs/{etag}"), path)
}

#[cfg(not(unix))]
fn link(blob: &Path, _: &str, _: &str, path: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, path)
}

/// What cannot be read is not there for a fetch either.
fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, &format!("{name}/"), found),
            // Links to blobs that are gone do not count.
            false if path.is_file() => found.push(name),
            false => {}
        }
    }
}
