//! The environment of a run: program version, commit, system, processors.

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

/// The commit that the program was built from, if it was built from a repository.
pub const COMMIT: Option<&str> = option_env!("EMPRL_COMMIT");

impl Environment {
    pub fn capture() -> Self {
        Environment {
            program: env!("CARGO_PKG_VERSION").to_string(),
            commit: COMMIT.map(str::to_string),
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
