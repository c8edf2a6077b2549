//! Checkpoints of a run by stage and step.

use std::collections::BTreeSet;
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
    /// The folders that belong to the run; `None`: all that are there.
    own: Option<BTreeSet<PathBuf>>,
}

impl Checkpoints {
    /// All that are in the run's folder.
    pub fn of(run_folder: &Path) -> Self {
        Checkpoints {
            run_folder: run_folder.to_path_buf(),
            own: None,
        }
    }

    /// Only those at `paths`, relative to the run's folder, and those published from now on. Others that are there
    /// lie past the one that the run is resumed from.
    pub fn among<'a>(run_folder: &Path, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let own = paths.into_iter().map(|path| run_folder.join(path));
        Checkpoints {
            run_folder: run_folder.to_path_buf(),
            own: Some(own.collect()),
        }
    }

    pub fn run_folder(&self) -> &Path {
        &self.run_folder
    }

    /// Writes a checkpoint, which appears complete or not at all; `write` fills its folder.
    pub fn publish(
        &mut self,
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
        if let Some(own) = &mut self.own {
            own.insert(self.run_folder.join(&published.path));
        }
        Ok(published)
    }

    /// Every complete checkpoint of `stage`, by step.
    ///
    /// # Errors
    /// One that belongs to the run cannot be read.
    pub fn list(&self, stage: Stage) -> Result<Vec<Checkpoint>, TrainError> {
        let of_stage = |folder: &PathBuf| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let rest = name.strip_prefix(stage.key());
            let step = rest.and_then(|rest| rest.strip_prefix('-'));
            step.is_some_and(|step| step.parse::<u64>().is_ok())
        };
        let folders = match &self.own {
            Some(own) => own
                .iter()
                .filter(|folder| of_stage(folder))
                .cloned()
                .collect(),
            None => {
                let mut there = self.there()?;
                there.retain(|folder| of_stage(folder) && folder.join(LISTING).is_file());
                there
            }
        };
        let mut found = folders
            .iter()
            .map(|folder| Self::open(folder))
            .collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|checkpoint| checkpoint.listing.step);
        Ok(found)
    }

    /// All folders that are there.
    fn there(&self) -> Result<Vec<PathBuf>, TrainError> {
        let all = self.run_folder.join(checkpoint::FOLDER);
        if !all.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&all).map_err(TrainError::io(&all))?;
        entries
            .map(|entry| Ok(entry.map_err(TrainError::io(&all))?.path()))
            .collect()
    }

    /// Whether any stage has a checkpoint.
    pub fn any(&self) -> Result<bool, TrainError> {
        for stage in Stage::ALL {
            if self.latest(stage)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
        let mut checkpoints = Checkpoints::of(folder.path());
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

    #[test]
    fn a_checkpoint_of_another_branch_is_not_seen_and_one_that_is_gone_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Checkpoints::of(folder.path());
        for step in [5, 10] {
            all.publish(Stage::Ppo, step, false, |_| Ok(())).unwrap();
        }
        let first = Path::new("checkpoints/ppo-5");
        let mut own = Checkpoints::among(folder.path(), [first]);
        let steps = |checkpoints: &Checkpoints| -> Vec<u64> {
            let found = checkpoints.list(Stage::Ppo).unwrap();
            found.iter().map(|found| found.listing.step).collect()
        };
        assert_eq!((steps(&all), steps(&own)), (vec![5, 10], vec![5]));
        own.publish(Stage::Ppo, 7, false, |_| Ok(())).unwrap();
        assert_eq!(steps(&own), [5, 7]);
        fs::remove_dir_all(folder.path().join(first)).unwrap();
        assert!(own.list(Stage::Ppo).is_err());
        assert_eq!(steps(&all), [7, 10]);
    }
}
