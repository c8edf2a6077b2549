//! The experiment files: the presets, and the user's own.

use std::path::{Path, PathBuf};

use crate::experiment::{ExperimentError, ExperimentFile, presets};

/// An experiment file that cannot be used.
#[derive(Debug)]
pub struct Broken {
    pub name: String,
    pub error: ExperimentError,
}

/// The presets first, then the files in `folder` by name.
pub fn experiments(folder: &Path) -> Vec<Result<ExperimentFile, Broken>> {
    let mut found: Vec<Result<ExperimentFile, Broken>> = match presets() {
        Ok(presets) => presets.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(Broken {
            name: "experiments".into(),
            error,
        })],
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if ExperimentFile::preset(&name).is_none() {
            let name = name.into_owned();
            found.push(ExperimentFile::read(path).map_err(|error| Broken { name, error }));
        }
    }
    found
}
