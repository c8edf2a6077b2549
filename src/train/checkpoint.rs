//! Checkpoints of a run: a folder for each, complete or not there at all.
//!
//! A checkpoint is written under a temporary name, synced and renamed; a listing of its files with
//! their digests is in it, so that a damaged one is known before it is used.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::TrainError;
use crate::experiment::Stage;

const LISTING: &str = "checkpoint.json";

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub stage: Stage,
    pub step: u64,
    /// Whether the stage is over; else it goes on from here.
    pub done: bool,
    /// SHA-256 of every other file, by its name.
    pub files: BTreeMap<String, String>,
}

/// A complete checkpoint on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub folder: PathBuf,
    pub listing: Listing,
    /// Size of its files.
    pub bytes: u64,
}

/// The checkpoints of one run, in `RUN/checkpoints/STAGE-STEP`.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Those of the run whose folder this is.
    pub fn of(run_folder: &Path) -> Self {
        Checkpoints { folder: run_folder.join("checkpoints") }
    }

    /// Where the checkpoint of that stage and step is.
    pub fn folder(&self, stage: Stage, step: u64) -> PathBuf {
        self.folder.join(format!("{stage}-{step}"))
    }

    /// Writes a checkpoint by letting `write` fill a temporary folder, then makes it the real one.
    /// A complete one of the same stage and step is replaced.
    pub fn publish(
        &self,
        stage: Stage,
        step: u64,
        done: bool,
        write: impl FnOnce(&Path) -> Result<(), TrainError>,
    ) -> Result<Checkpoint, TrainError> {
        let folder = self.folder(stage, step);
        let temporary = self.folder.join(format!("{stage}-{step}.tmp"));
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(TrainError::io(&temporary))?;
        }
        fs::create_dir_all(&temporary).map_err(TrainError::io(&temporary))?;
        write(&temporary)?;

        let mut files = BTreeMap::new();
        let mut bytes = 0;
        for name in names(&temporary)? {
            let path = temporary.join(&name);
            sync(&path)?;
            bytes += fs::metadata(&path).map_err(TrainError::io(&path))?.len();
            files.insert(name, digest(&path)?);
        }
        let listing = Listing { stage, step, done, files };
        write_json(&temporary.join(LISTING), &listing)?;
        sync(&temporary.join(LISTING))?;
        sync(&temporary)?;
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(TrainError::io(&folder))?;
        }
        fs::rename(&temporary, &folder).map_err(TrainError::io(&folder))?;
        sync(&self.folder)?;
        Ok(Checkpoint { folder, listing, bytes })
    }

    /// Every complete checkpoint of `stage`, by step. Unfinished writing is passed over.
    pub fn list(&self, stage: Stage) -> Result<Vec<Checkpoint>, TrainError> {
        let mut found = Vec::new();
        if !self.folder.is_dir() {
            return Ok(found);
        }
        for entry in fs::read_dir(&self.folder).map_err(TrainError::io(&self.folder))? {
            let folder = entry.map_err(TrainError::io(&self.folder))?.path();
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let step = name
                .strip_prefix(stage.key())
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|step| step.parse::<u64>().ok());
            if step.is_some() && folder.join(LISTING).is_file() {
                found.push(Self::open(&folder)?);
            }
        }
        found.sort_by_key(|checkpoint| checkpoint.listing.step);
        Ok(found)
    }

    /// The newest checkpoint of `stage`.
    pub fn latest(&self, stage: Stage) -> Result<Option<Checkpoint>, TrainError> {
        Ok(self.list(stage)?.pop())
    }

    /// The checkpoint in `folder`, its files not yet verified.
    pub fn open(folder: &Path) -> Result<Checkpoint, TrainError> {
        let listing: Listing = read_json(&folder.join(LISTING))?;
        let mut bytes = 0;
        for name in listing.files.keys() {
            let path = folder.join(name);
            bytes += fs::metadata(&path).map_err(TrainError::io(&path))?.len();
        }
        Ok(Checkpoint { folder: folder.to_path_buf(), listing, bytes })
    }
}

impl Checkpoint {
    /// Compares every file with its digest.
    pub fn verify(&self) -> Result<(), TrainError> {
        for (name, expected) in &self.listing.files {
            let path = self.folder.join(name);
            if digest(&path)? != *expected {
                return Err(TrainError::Checkpoint {
                    path,
                    problem: "is not as it was written: its digest differs".into(),
                });
            }
        }
        Ok(())
    }
}

/// Files in `folder` and below, by their names relative to it.
fn names(folder: &Path) -> Result<Vec<String>, TrainError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
        let path = entry.map_err(TrainError::io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            names.extend(self::names(&path)?.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn sync(path: &Path) -> Result<(), TrainError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(TrainError::io(path))
}

fn digest(path: &Path) -> Result<String, TrainError> {
    let mut reader = BufReader::new(File::open(path).map_err(TrainError::io(path))?);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer).map_err(TrainError::io(path))? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), TrainError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| TrainError::Checkpoint {
        path: path.to_path_buf(),
        problem: format!("cannot be written as JSON: {error}"),
    })?;
    fs::write(path, text).map_err(TrainError::io(path))
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    serde_json::from_str(&text).map_err(|error| TrainError::Checkpoint {
        path: path.to_path_buf(),
        problem: format!("is not what a checkpoint holds: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(folder.path());
        assert!(checkpoints.latest(Stage::Ppo).unwrap().is_none());
        let failed = checkpoints.publish(Stage::Ppo, 5, false, |folder| {
            fs::write(folder.join("half"), "x").unwrap();
            Err(TrainError::Empty { what: "case".into(), mend: "none".into() })
        });
        assert!(failed.is_err());
        assert!(checkpoints.latest(Stage::Ppo).unwrap().is_none());
        for step in [5, 10] {
            checkpoints
                .publish(Stage::Ppo, step, step == 10, |folder| {
                    fs::create_dir(folder.join("below")).unwrap();
                    fs::write(folder.join("below/file"), "whole").unwrap();
                    Ok(())
                })
                .unwrap();
        }
        let latest = checkpoints.latest(Stage::Ppo).unwrap().unwrap();
        assert_eq!((latest.listing.step, latest.listing.done), (10, true));
        latest.verify().unwrap();
        fs::write(latest.folder.join("below/file"), "hole").unwrap();
        assert!(latest.verify().unwrap_err().to_string().contains("below/file"));
    }
}
