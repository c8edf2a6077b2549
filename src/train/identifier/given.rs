//! Identifiers that a run is given instead of training them: those of another run, or of a folder. They are copied into
//! the run, which then stands by itself.

use std::fs;
use std::path::{Path, PathBuf};

use super::{SCORES_FILE, STAGE};
use crate::experiment::{Report, Severity};
use crate::train::artifacts::Artifacts;
use crate::train::checkpoint::{Checkpoints, read_json};
use crate::train::error::TrainError;
use crate::train::fingerprint;
use crate::train::identifier_set::IdentifierSet;
use crate::train::session::{Ended, Session};

/// The folder of the identifiers that `source` names: a run's number, whose folder is in `runs`, or a folder.
///
/// # Errors
/// The run has not finished its identifiers, or the folder holds none.
pub fn folder(source: &str, runs: &Path) -> Result<PathBuf, TrainError> {
    let is_number = source.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !Path::new(source).is_dir() {
        let last = Checkpoints::of(&runs.join(source)).latest(STAGE)?;
        let done = last.filter(|found| found.listing.done);
        return done
            .map(|found| found.folder)
            .ok_or_else(|| TrainError::NothingToReuse {
                run: source.to_string(),
                stage: STAGE.key(),
            });
    }
    let folder = PathBuf::from(source);
    match IdentifierSet::is_in(&folder) {
        true => Ok(folder),
        false => Err(TrainError::NoIdentifiers { path: folder }),
    }
}

/// SHA-256 over the set's files, in hexadecimal.
pub fn fingerprint(folder: &Path) -> Result<String, TrainError> {
    fingerprint::of_files(folder, IdentifierSet::files())
}

/// Copies the identifiers that `source` names, or reads the copy if there is one.
pub fn run(
    session: &mut Session<'_>,
    artifacts: &mut Artifacts,
    source: &str,
) -> Result<Ended, TrainError> {
    let copy = session.checkpoints.latest(STAGE)?;
    if let Some(copy) = copy.filter(|copy| copy.listing.done) {
        artifacts.identifiers = Some(IdentifierSet::load(&copy.folder, &session.device)?);
        return Ok(Ended::Done);
    }
    let runs = artifacts.run_folder.parent().unwrap_or(Path::new(""));
    let from = folder(source, runs)?;
    let set = IdentifierSet::load(&from, &session.device)?;
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
    artifacts.identifiers = Some(set);
    Ok(Ended::Done)
}
