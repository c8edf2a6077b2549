//! Resolves `DIR` or `RUN[@STEP]` to a model's folder and its run's settings, and lists what can be named.
//!
//! Knows the store and the layout of checkpoints; opens no model.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::checkpoint::{self, CheckpointError};
use crate::experiment::{Config, ExperimentError, Stage};
use crate::operations::reader_if_present;
use crate::store::{CheckpointRow, RunId, RunRef, RunRow, StoreError, StoreReader};
use crate::train::TrainError;
use crate::train::base::is_gguf;
use crate::train::checkpoint::Checkpoints;

/// A folder, or a run's checkpoint. What parses as a run is one; a folder called `3` is `./3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Folder(PathBuf),
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

/// Why a reference cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Settings(#[from] ExperimentError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Listing(#[from] TrainError),
    #[error("{}: there is no such folder or GGUF file; give one, or the number of a run such as 3 or 3@1200", .0.display())]
    NoFolder(PathBuf),
    #[error("run {run} has no {stages} checkpoint{at}; {there}")]
    NoCheckpoint {
        run: RunId,
        stages: String,
        /// The requested step, or empty.
        at: String,
        /// The checkpoints that exist instead.
        there: String,
    },
    #[error("run {run}: its identifiers are not fully trained (step {step}); resume the run first")]
    Unfinished { run: RunId, step: u64 },
}

/// The stages whose checkpoints can answer contexts, in order of preference.
const ANSWERING: [Stage; 5] = [
    Stage::Ppo,
    Stage::Grpo,
    Stage::Rloo,
    Stage::Dpo,
    Stage::Generator,
];

/// A resolved reference.
#[derive(Clone, Debug)]
pub struct ResolvedModel {
    pub folder: PathBuf,
    /// None for a folder.
    pub origin: Option<CheckpointOrigin>,
}

#[derive(Clone, Debug)]
pub struct CheckpointOrigin {
    pub run: RunRef,
    pub stage: Stage,
    pub step: u64,
    pub config: Config,
}

impl ResolvedModel {
    /// The run's settings, or the defaults, which are the paper's.
    pub fn config(&self) -> Config {
        self.origin
            .as_ref()
            .map_or_else(Config::default, |origin| origin.config.clone())
    }
}

impl Reference {
    /// The model, verified against its checksums: a run's policy, else its generator.
    ///
    /// # Errors
    /// There is no such folder, run or checkpoint, or it is damaged.
    pub fn model(&self, store: &Path) -> Result<ResolvedModel, ReferenceError> {
        self.find(store, &ANSWERING)
    }

    /// The identifiers.
    ///
    /// # Errors
    /// As [`Reference::model`]; or they are not fully trained.
    pub fn identifiers(&self, store: &Path) -> Result<ResolvedModel, ReferenceError> {
        self.find(store, &[Stage::Identifiers])
    }

    /// The identifiers of the run that this model is of; `None` for a folder.
    pub fn of_own_run(&self) -> Option<Reference> {
        match self {
            Reference::Run(run) => Some(Reference::Run(RunRef { step: None, ..*run })),
            Reference::Folder(_) => None,
        }
    }

    /// The model saved by a certain stage, if several have a checkpoint at the step.
    pub fn model_of(&self, store: &Path, stage: Stage) -> Result<ResolvedModel, ReferenceError> {
        self.find(store, &[stage])
    }

    fn find(&self, store: &Path, stages: &[Stage]) -> Result<ResolvedModel, ReferenceError> {
        match self {
            Reference::Run(run) => find(store, *run, stages),
            Reference::Folder(folder) if folder.is_dir() || is_model_file(folder) => {
                Ok(ResolvedModel {
                    folder: folder.clone(),
                    origin: None,
                })
            }
            Reference::Folder(folder) => Err(ReferenceError::NoFolder(folder.clone())),
        }
    }
}

fn is_model_file(path: &Path) -> bool {
    is_gguf(path) && path.is_file()
}

/// The latest checkpoint of the first of `stages` that has one, or the one at the requested step.
fn find(store: &Path, of: RunRef, stages: &[Stage]) -> Result<ResolvedModel, ReferenceError> {
    let reader = StoreReader::open(store)?;
    let origin = format!("settings of run {}", of.run);
    let config = Config::from_toml(&origin, &reader.settings(of.run)?)?;
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
    if row.stage == Stage::Identifiers && !Checkpoints::open(&folder)?.listing.done {
        return Err(ReferenceError::Unfinished {
            run: of.run,
            step: row.step,
        });
    }
    Ok(ResolvedModel {
        folder,
        origin: Some(CheckpointOrigin {
            run: of,
            stage: row.stage,
            step: row.step,
            config,
        }),
    })
}

fn none_there(of: RunRef, stages: &[Stage], checkpoints: &[CheckpointRow]) -> ReferenceError {
    let there: Vec<String> = checkpoints
        .iter()
        .filter(|row| stages.contains(&row.stage))
        .map(|row| format!("{} {}", row.stage, row.step))
        .collect();
    let there = match there.as_slice() {
        [] => "it has none; let the run come to its end, or to its first checkpoint".to_string(),
        there => format!("it has {}", there.join(", ")),
    };
    ReferenceError::NoCheckpoint {
        run: of.run,
        stages: match stages {
            [only] => only.key().to_string(),
            _ => "policy or generator".to_string(),
        },
        at: of
            .step
            .map_or_else(String::new, |step| format!(" at step {step}")),
        there,
    }
}

/// A run with the models it saved.
#[derive(Clone, Debug)]
pub struct RunModels {
    pub row: RunRow,
    pub config: Config,
    /// The generator's and then the policy's checkpoints, each by step.
    pub answering: Vec<CheckpointRow>,
    /// Whether its identifiers are fully trained.
    pub identifiers: bool,
}

impl RunModels {
    /// The checkpoint that [`Reference::model`] resolves the run to.
    pub fn latest(&self) -> Option<&CheckpointRow> {
        self.answering.last()
    }

    /// How to write a checkpoint in a command; None if another stage's takes precedence.
    pub fn written(&self, stage: Stage, step: u64) -> Option<RunRef> {
        let first = ANSWERING.iter().find(|first| {
            let same = |row: &&CheckpointRow| row.stage == **first && row.step == step;
            self.answering.iter().any(|row| same(&row))
        });
        (first == Some(&stage)).then_some(RunRef {
            run: self.row.id,
            step: Some(step),
        })
    }
}

/// Runs that saved a model or identifiers, the latest first, without those whose settings cannot be read.
pub(super) fn saved_models(store: &Path) -> Result<Vec<RunModels>, StoreError> {
    let Some(reader) = reader_if_present(store)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for row in reader.run_rows()? {
        let checkpoints = match reader.checkpoints(row.id) {
            // Deleted since the runs were listed.
            Err(StoreError::NoRun { .. } | StoreError::Deleted { .. }) => continue,
            checkpoints => checkpoints?,
        };
        let identifiers = finished_identifiers(&reader, row.id, &checkpoints);
        let answering: Vec<CheckpointRow> = checkpoints
            .into_iter()
            .filter(|row| ANSWERING.contains(&row.stage))
            .collect();
        let settings = reader.settings(row.id)?;
        let config = Config::from_toml(&format!("settings of run {}", row.id), &settings);
        if let (Ok(config), true) = (config, identifiers || !answering.is_empty()) {
            found.push(RunModels {
                row,
                config,
                answering,
                identifiers,
            });
        }
    }
    Ok(found)
}

fn finished_identifiers(reader: &StoreReader, run: RunId, checkpoints: &[CheckpointRow]) -> bool {
    checkpoints
        .iter()
        .rfind(|row| row.stage == Stage::Identifiers)
        .and_then(|last| Checkpoints::open(&reader.run_dir(run).join(&last.path)).ok())
        .is_some_and(|checkpoint| checkpoint.listing.done)
}
