//! `DIR` or `RUN[@STEP]`: which folder a person means, and the settings of the run behind it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::SystemsError;
use crate::checkpoint;
use crate::experiment::{Config, Stage};
use crate::store::{CheckpointRow, RunRef, StoreReader};
use crate::train::checkpoint::Checkpoints;

/// A folder, or a checkpoint of a run. What reads as a run is one; a folder called `3` is `./3`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// A folder of a model or of identifiers.
    Folder(PathBuf),
    /// A run, with a step or without.
    Run(RunRef),
}

impl FromStr for Reference {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(run) => Reference::Run(run),
            Err(_) => Reference::Folder(PathBuf::from(text)),
        })
    }
}

/// The stages whose checkpoints answer contexts, the preferred first.
const ANSWERING: [Stage; 2] = [Stage::Ppo, Stage::Generator];

/// A folder that was found.
#[derive(Debug)]
pub struct Found {
    /// Where it is.
    pub folder: PathBuf,
    /// Where it comes from, if from a run.
    pub origin: Option<Origin>,
}

/// Which checkpoint of which run.
#[derive(Debug)]
pub struct Origin {
    /// The run.
    pub run: RunRef,
    /// What was trained.
    pub stage: Stage,
    /// After how many steps.
    pub step: u64,
    /// The run's settings.
    pub config: Config,
}

impl Found {
    /// The settings of the run, or the paper's, which are the defaults.
    pub fn config(&self) -> Config {
        self.origin
            .as_ref()
            .map_or_else(Config::default, |origin| origin.config.clone())
    }
}

impl Reference {
    /// The model: of a run the policy, else the generator.
    ///
    /// # Errors
    /// There is no such run, checkpoint or folder, or it is damaged.
    pub fn model(&self, store: &Path) -> Result<Found, SystemsError> {
        self.find(store, &ANSWERING)
    }

    /// The identifiers.
    ///
    /// # Errors
    /// As [`Reference::model`]; or they are not trained to the end.
    pub fn identifiers(&self, store: &Path) -> Result<Found, SystemsError> {
        self.find(store, &[Stage::Identifiers])
    }

    fn find(&self, store: &Path, stages: &[Stage]) -> Result<Found, SystemsError> {
        match self {
            Reference::Run(run) => find(store, *run, stages),
            Reference::Folder(folder) if folder.is_dir() => Ok(Found {
                folder: folder.clone(),
                origin: None,
            }),
            Reference::Folder(folder) => Err(SystemsError::NoFolder {
                folder: folder.clone(),
            }),
        }
    }
}

/// The latest checkpoint of the first of `stages` that has one at the step that is asked for, if any is.
fn find(store: &Path, of: RunRef, stages: &[Stage]) -> Result<Found, SystemsError> {
    let reader = StoreReader::open(store)?;
    let detail = reader.run(of.run)?;
    let origin = format!("settings of run {}", of.run);
    let config = Config::from_toml(&origin, &detail.config_toml)?;
    let checkpoints = reader.checkpoints(of.run)?;
    let fits = |row: &&CheckpointRow, stage| {
        row.stage == stage && of.step.is_none_or(|step| step == row.step)
    };
    let row = stages
        .iter()
        .find_map(|&stage| checkpoints.iter().rfind(|row| fits(row, stage)))
        .ok_or_else(|| none_there(of, stages, &checkpoints))?;
    let folder = reader.run_dir(of.run).join(&row.path);
    checkpoint::verify(&folder)?;
    let whole = Checkpoints::open(&folder)?.listing.done;
    if row.stage == Stage::Identifiers && !whole {
        return Err(SystemsError::Unfinished {
            run: of.run,
            step: row.step,
        });
    }
    Ok(Found {
        folder,
        origin: Some(Origin {
            run: of,
            stage: row.stage,
            step: row.step,
            config,
        }),
    })
}

fn none_there(of: RunRef, stages: &[Stage], checkpoints: &[CheckpointRow]) -> SystemsError {
    let names: Vec<&str> = stages.iter().map(|stage| stage.key()).collect();
    let there: Vec<String> = checkpoints
        .iter()
        .filter(|row| stages.contains(&row.stage))
        .map(|row| format!("{} {}", row.stage, row.step))
        .collect();
    let there = match there.as_slice() {
        [] => "it has none; let the run come to its end, or to its first checkpoint".to_string(),
        there => format!("it has {}", there.join(", ")),
    };
    let at = of
        .step
        .map_or_else(String::new, |step| format!(" at step {step}"));
    SystemsError::NoCheckpoint {
        run: of.run,
        stages: names.join(" or "),
        at,
        there,
    }
}
