//! The environment of a run: program version, commit, system, processors.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// Saved with every run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of this program.
    pub program: String,
    /// Commit that was checked out when it was built; none outside a checkout.
    pub commit: Option<String>,
    /// Version of the tensor library.
    pub burn: String,
    /// Operating system and processor family.
    pub system: String,
    /// Processors that the program may use.
    pub processors: usize,
    /// Instruction sets that matter for speed.
    pub instructions: Vec<String>,
}

static COMMIT: OnceLock<&str> = OnceLock::new();

/// Says which commit the program was built from, once, before anything asks. The program says it at its start, so
/// that a new commit recompiles the program alone.
pub fn set_commit(commit: Option<&'static str>) {
    if let Some(commit) = commit {
        COMMIT.get_or_init(|| commit);
    }
}

/// The commit that the program was built from; `None` outside a checkout, and in a program that has not said it.
pub fn commit() -> Option<&'static str> {
    COMMIT.get().copied()
}

impl Environment {
    pub fn capture() -> Self {
        Environment {
            program: env!("CARGO_PKG_VERSION").to_string(),
            commit: commit().map(str::to_string),
            burn: "0.22.1".to_string(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processors: std::thread::available_parallelism().map_or(1, |n| n.get()),
            instructions: instructions(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<String> {
    let mut found = Vec::new();
    if std::arch::is_x86_feature_detected!("avx2") {
        found.push("avx2".to_string());
    }
    if std::arch::is_x86_feature_detected!("avx512f") {
        found.push("avx512f".to_string());
    }
    found
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<String> {
    Vec::new()
}
