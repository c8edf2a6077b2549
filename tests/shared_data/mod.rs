//! Where tests find real data, which is not part of the project.

use std::path::{Path, PathBuf};

/// A file or folder of the shared data: in the folder that `EMPRL_DATA` names, else in `../shared/data`.
/// Where it is absent, says so; the test is then skipped.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("EMPRL_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}
