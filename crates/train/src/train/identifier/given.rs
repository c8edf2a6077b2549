//! Identifiers that a run is given instead of training them: those of another run, of a folder, or the authors'. They are
//! copied into the run, which then stands by itself.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::{SCORES_FILE, STAGE, released};
use crate::experiment::{Config, Report, Severity};
use crate::nn::identifier::IdentifierConfig;
use crate::train::checkpoint::{Checkpoints, read_json};
use crate::train::error::TrainError;
use crate::train::fingerprint;
use crate::train::identifier_set::IdentifierSet;
use crate::train::session::Session;

/// The folder of the identifiers that `source` names: a run's number, whose folder is in `runs`, or a folder. `setting`
/// is where it is named.
///
/// # Errors
/// There is no such run, it has not finished its identifiers, or the folder holds none.
pub fn folder(setting: &'static str, source: &str, runs: &Path) -> Result<PathBuf, TrainError> {
    if is_run(source) {
        let run = runs.join(source);
        return finished(&run)?.ok_or_else(|| TrainError::NoIdentifiersOf {
            setting,
            run: source.to_string(),
            why: match run.is_dir() {
                true => "has no finished identifiers",
                false => "does not exist",
            },
            others: runs_with_identifiers(runs),
        });
    }
    let path = PathBuf::from(source);
    match IdentifierSet::is_in(&path) || released::files(&path).is_some() {
        true => Ok(path),
        false => Err(TrainError::NoIdentifiers { path, setting }),
    }
}

/// Whether `source` names a run. A folder called `3` is one as well, and comes first.
pub fn is_run(source: &str) -> bool {
    let is_number = !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !Path::new(source).is_dir()
}

/// The folder of a run's finished identifiers.
pub fn finished(run_folder: &Path) -> Result<Option<PathBuf>, TrainError> {
    let last = Checkpoints::of(run_folder).latest(STAGE)?;
    let done = last.filter(|found| found.listing.done);
    Ok(done.map(|found| found.folder))
}

/// The numbers of the runs that have finished identifiers, in order.
fn runs_with_identifiers(runs: &Path) -> Vec<u64> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that cannot be read is none that could be named.
    let has_some = |run: &u64| matches!(finished(&runs.join(run.to_string())), Ok(Some(_)));
    let mut found: Vec<u64> = numbers.filter(has_some).collect();
    found.sort_unstable();
    found
}

/// SHA-256 over the set's files, in hexadecimal.
pub fn fingerprint(folder: &Path) -> Result<String, TrainError> {
    match released_in(folder) {
        None => fingerprint::of_files(folder, IdentifierSet::files()),
        Some(files) => {
            let inside = |file: &PathBuf| {
                let inside = file.strip_prefix(folder).unwrap_or(file);
                inside.to_string_lossy().into_owned()
            };
            fingerprint::of_files(folder, files.iter().map(inside))
        }
    }
}

/// The shape of the identifiers in a folder that [`folder`] found.
///
/// # Errors
/// A file is damaged; of the authors' identifiers, the T5 that they stand on is not named.
pub fn network(folder: &Path, config: &Config) -> Result<IdentifierConfig, TrainError> {
    match released_in(folder) {
        None => IdentifierSet::config_in(folder),
        Some(files) => released::network(folder, &files, config),
    }
}

/// Reads the identifiers in a folder that [`folder`] found.
///
/// # Errors
/// As [`network`], or weights cannot be read.
pub fn load(folder: &Path, config: &Config, device: &Device) -> Result<IdentifierSet, TrainError> {
    match released_in(folder) {
        None => IdentifierSet::load(folder, device),
        Some(files) => released::load(folder, &files, config, device),
    }
}

fn released_in(folder: &Path) -> Option<[PathBuf; 3]> {
    match IdentifierSet::is_in(folder) {
        true => None,
        false => released::files(folder),
    }
}

/// Copies the identifiers that `source` names, or reads the copy if there is one.
pub fn run(
    session: &mut Session<'_>,
    run_folder: &Path,
    source: &str,
) -> Result<IdentifierSet, TrainError> {
    let copy = session.checkpoints.latest(STAGE)?;
    if let Some(copy) = copy.filter(|copy| copy.listing.done) {
        return IdentifierSet::load(&copy.folder, &session.device);
    }
    let runs = run_folder.parent().unwrap_or(Path::new(""));
    let from = folder("identifiers.source", source, runs)?;
    let set = load(&from, session.config, &session.device)?;
    session.begin(STAGE, 0, 0);
    let scores = from.join(SCORES_FILE);
    let has_scores = scores.is_file();
    session.checkpoint(STAGE, 0, true, |to| {
        set.save(to)?;
        if has_scores {
            fs::copy(&scores, to.join(SCORES_FILE)).map_err(TrainError::io(&scores))?;
        }
        Ok(())
    })?;
    if has_scores {
        let scores = read_json(&scores)?;
        session.observer.report(Report::Identifiers { scores });
    }
    let text = format!("The identifiers are those of {}", from.display());
    session.note(STAGE, 0, Severity::Info, text);
    session.end(STAGE, 0);
    Ok(set)
}
