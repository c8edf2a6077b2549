//! Where tests find real data, which is not part of the project.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::{Path, PathBuf};

/// A file or folder of the shared data: in the folder that `EMPRL_DATA` names, else in `../shared/data`.
/// Where it is absent, says so; the test is then skipped.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = place(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// The same for a test that makes rows of its own where the data is absent.
pub fn shared_or_own(name: &str) -> Option<PathBuf> {
    Some(place(name)).filter(|path| path.exists())
}

fn place(name: &str) -> PathBuf {
    let root = std::env::var_os("EMPRL_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    root.join(name)
}
