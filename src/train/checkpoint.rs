//! Checkpoints of a run by stage and step.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use crate::checkpoint;
use crate::experiment::Stage;

const LISTING: &str = "stage.json";

/// Stage and step of a checkpoint; stored in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub stage: Stage,
    pub step: u64,
    /// Whether the stage is complete; otherwise it resumes from here.
    pub done: bool,
}

/// A complete checkpoint on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub folder: PathBuf,
    pub listing: Listing,
}

/// The checkpoints of one run, in `RUN/checkpoints/STAGE-STEP`.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    run_folder: PathBuf,
}

impl Checkpoints {
    pub fn of(run_folder: &Path) -> Self {
        Checkpoints {
            run_folder: run_folder.to_path_buf(),
        }
    }

    /// Writes a checkpoint, which appears complete or not at all; `write` fills its folder.
    pub fn publish(
        &self,
        stage: Stage,
        step: u64,
        done: bool,
        write: impl FnOnce(&Path) -> Result<(), TrainError>,
    ) -> Result<checkpoint::Published, TrainError> {
        let published =
            checkpoint::publish(&self.run_folder, &format!("{stage}-{step}"), |folder| {
                write(folder)?;
                Ok(write_json(
                    &folder.join(LISTING),
                    &Listing { stage, step, done },
                )?)
            })?;
        Ok(published)
    }

    /// Every complete checkpoint of `stage`, by step.
    pub fn list(&self, stage: Stage) -> Result<Vec<Checkpoint>, TrainError> {
        let mut found = Vec::new();
        let all = self.run_folder.join(checkpoint::FOLDER);
        if !all.is_dir() {
            return Ok(found);
        }
        for entry in fs::read_dir(&all).map_err(TrainError::io(&all))? {
            let folder = entry.map_err(TrainError::io(&all))?.path();
            let name = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
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
        Ok(Checkpoint {
            listing: read_json(&folder.join(LISTING))?,
            folder: folder.to_path_buf(),
        })
    }
}

impl Checkpoint {
    /// Compares every file with its checksum.
    pub fn verify(&self) -> Result<(), TrainError> {
        checkpoint::verify(&self.folder)?;
        Ok(())
    }

    /// Verifies its files and copies them to the empty `folder` of another checkpoint.
    pub fn copy_to(&self, folder: &Path) -> Result<(), TrainError> {
        for file in checkpoint::verify(&self.folder)?.files {
            let to = folder.join(&file.path);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(TrainError::io(parent))?;
            }
            fs::copy(self.folder.join(&file.path), &to).map_err(TrainError::io(&to))?;
        }
        Ok(())
    }
}

pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), TrainError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| TrainError::Foreign {
        path: path.to_path_buf(),
        problem: format!("cannot be written as JSON: {error}"),
    })?;
    fs::write(path, text).map_err(TrainError::io(path))
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io(path))?;
    serde_json::from_str(&text).map_err(|error| TrainError::Foreign {
        path: path.to_path_buf(),
        problem: format!("is not a valid checkpoint file: {error}"),
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
            Err(TrainError::Empty {
                what: "case".into(),
                fix: "none".into(),
            })
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
        assert!(
            latest
                .verify()
                .unwrap_err()
                .to_string()
                .contains("below/file")
        );
    }
}
