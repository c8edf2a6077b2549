//! A run of EmpRL for the supervisor: its record before the start, and its body.
//!
//! The only file of the engine that knows the trainers.

use std::path::{Path, PathBuf};

use super::alert::Watched;
use super::{RunBody, RunOutcome};
use crate::experiment::{Config, Environment, Event, ExperimentError, SCRATCH, SharedStages};
use crate::store::{NewRun, RunDetail, RunId, StoreError, StoreReader};
use crate::train::TrainError;
use crate::train::checkpoint::Checkpoints;
use crate::train::pipeline::{self, Reuse};
use crate::train::session::Ended;

/// The record of a run of `config`. Opens data and weights, so that anything missing is reported before
/// anything is written; this can take a second.
///
/// # Errors
/// A data set, model or device that `config` names is missing.
pub fn new_run(
    store: &Path,
    experiment: &str,
    name: &str,
    config: &Config,
) -> Result<NewRun, TrainError> {
    let fingerprints = pipeline::fingerprints(config, store)?;
    let config = with_absolute_paths(config);
    Ok(NewRun {
        name: name.to_string(),
        experiment: experiment.to_string(),
        seed: config.run.seed,
        device: config.run.device.clone(),
        config_toml: config.to_toml(),
        environment: Environment::capture(),
        fingerprints,
    })
}

/// The settings with absolute paths.
pub fn with_absolute_paths(config: &Config) -> Config {
    let mut config = config.clone();
    let absolute = |path: &mut String| {
        if let Ok(whole) = std::path::absolute(&*path) {
            *path = whole.display().to_string();
        }
    };
    if config.model.source != SCRATCH {
        absolute(&mut config.model.source);
    }
    // The number of a run stays one.
    if Path::new(&config.identifiers.source).is_dir() {
        absolute(&mut config.identifiers.source);
    }
    config
}

/// Why no stage of another run can be reused.
#[derive(Debug, thiserror::Error)]
pub enum ReuseError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    #[error("run {run} has no stage in common with this one: {why}")]
    NothingShared { run: RunId, why: String },
}

/// The stages of `new`, a run of `config`, that run `of` has done with the same settings.
///
/// # Errors
/// There is no such run, or no stage can be reused, as when the seed or the data differ.
pub fn reuse(store: &Path, of: RunId, new: &NewRun, config: &Config) -> Result<Reuse, ReuseError> {
    let reader = StoreReader::open(store)?;
    let detail = reader.run(of)?;
    let nothing = |why| ReuseError::NothingShared { run: of, why };
    let other = |name: &String| detail.fingerprints.get(name) != new.fingerprints.get(name);
    if let Some(name) = new.fingerprints.keys().find(|name| other(name)) {
        return Err(nothing(format!("{name} is not what it was then")));
    }
    let shared = shared(&reader, &detail, config)?;
    if shared.stages.is_empty() {
        let setting = shared.differs.unwrap_or("run.stages");
        return Err(nothing(format!("`{setting}` differs")));
    }
    Ok(Reuse {
        run: of.to_string(),
        run_folder: reader.run_dir(of),
        stages: shared.stages,
        differs: shared.differs,
    })
}

/// The stages of `config` that another run has done, by its settings alone.
pub fn shared(
    reader: &StoreReader,
    other: &RunDetail,
    config: &Config,
) -> Result<SharedStages, ReuseError> {
    let of = other.row.id;
    let origin = format!("settings of run {of}");
    let mut shared = config.shared_stages(&Config::from_toml(&origin, &other.config_toml)?);
    if let Some(path) = changed_setting(&reader.events(of)?)
        && shared.stages.iter().any(|stage| stage.trains_policy())
    {
        // Its settings were changed during the run.
        shared.stages.retain(|stage| !stage.trains_policy());
        shared.differs = Some(path);
    }
    Ok(shared)
}

/// A setting that was changed during a run.
fn changed_setting(events: &[Event]) -> Option<&'static str> {
    let mut changes = events.iter().filter_map(|event| event.kind.change());
    changes.next().map(|change| change.path())
}

/// Runs `config`, or what is left of it, in the run's folder; stages of `reuse` are copied.
pub fn body(config: Config, reuse: Option<Reuse>) -> RunBody {
    Box::new(move |observer, context| {
        let own = context.checkpoints.iter().map(PathBuf::as_path);
        let checkpoints = Checkpoints::among(&context.dir, own);
        let observer = &mut Watched::new(observer, config.alerts.clone());
        match pipeline::run(
            &config,
            &context.store,
            checkpoints,
            reuse.as_ref(),
            observer,
        )? {
            Ended::Done => Ok(RunOutcome::Finished),
            Ended::Stopped => Ok(RunOutcome::Stopped),
        }
    })
}
