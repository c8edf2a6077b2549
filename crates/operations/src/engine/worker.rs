//! A run of EmpRL for the supervisor: its record before the start, and its body.
//!
//! The only file of the engine that knows the trainers.

use std::path::{Path, PathBuf};

use super::alert::Watched;
use super::{RunBody, RunOutcome};
use crate::experiment::{
    Config, Environment, Event, ExperimentError, SCRATCH, Scorer, SharedStages, Stage,
};
use crate::store::{NewRun, RunDetail, RunId, StoreError, StoreReader};
use crate::train::TrainError;
use crate::train::auditor;
use crate::train::checkpoint::Checkpoints;
use crate::train::pipeline::{self, PREFERENCES, Reuse};
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
    if config.identifiers.encoder_folder().is_some() {
        absolute(&mut config.identifiers.encoder);
    }
    // The number of a run stays one.
    if Path::new(&config.identifiers.source).is_dir() {
        absolute(&mut config.identifiers.source);
    }
    for term in &mut config.reward.term {
        if let Scorer::Command(own) = &mut term.scorer {
            for (at, word) in own.command.iter_mut().enumerate() {
                // A bare name of a program is looked for where the system looks.
                let names_a_file = Path::new(word).is_file();
                if names_a_file && (at > 0 || word.contains(std::path::is_separator)) {
                    absolute(word);
                }
            }
        }
    }
    let mut auditors: Vec<String> = config.identifiers.auditors().map(str::to_string).collect();
    if !auditors.is_empty() {
        let folders = auditors.iter_mut().filter(|name| Path::new(name).is_dir());
        folders.for_each(absolute);
        config.identifiers.auditors = auditors.join(", ");
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
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("run {run} has no stage in common with this one: {why}")]
    NothingShared { run: RunId, why: String },
}

/// The stages of `new`, a run of `config`, that run `of` has done with the same settings.
///
/// # Errors
/// There is no such run; no stage can be reused, as when the seed or the data differ; or an auditor of the new run has
/// the weights of the identifiers that it would reuse.
pub fn reuse(store: &Path, of: RunId, new: &NewRun, config: &Config) -> Result<Reuse, ReuseError> {
    let reader = StoreReader::open(store)?;
    from_run(&reader, &reader.run(of)?, new, config)
}

/// Runs of an experiment that are searched for stages, the latest first.
const SEARCHED: usize = 50;

/// The most stages of `new`, a run of `config`, that another run of its experiment has done with the same settings.
/// `None` if there are none, or they are damaged.
///
/// # Errors
/// The store cannot be read.
pub fn reusable(store: &Path, new: &NewRun, config: &Config) -> Result<Option<Reuse>, StoreError> {
    let reader = StoreReader::open(store)?;
    let rows = reader.run_rows()?.into_iter();
    let rows = rows.filter(|row| row.experiment == new.experiment);
    let mut best: Option<Reuse> = None;
    for row in rows.take(SEARCHED) {
        let found = reader.run(row.id).map_err(ReuseError::from);
        let found = found.and_then(|detail| from_run(&reader, &detail, new, config));
        // A run that cannot be read has nothing to give.
        let Ok(mut found) = found else { continue };
        let most = best.as_ref().map_or(0, |best| best.stages.len());
        if found.stages.len() > most {
            found.keep_sound();
        }
        if found.stages.len() > most {
            best = Some(found);
        }
    }
    Ok(best)
}

fn from_run(
    reader: &StoreReader,
    detail: &RunDetail,
    new: &NewRun,
    config: &Config,
) -> Result<Reuse, ReuseError> {
    let of = detail.row.id;
    let nothing = |why| ReuseError::NothingShared { run: of, why };
    // What only one of them reads is no input of a stage that they share: auditors, or the pairs that one learns from.
    let other = |name: &String| {
        let then = detail.fingerprints.get(name);
        then.is_some() && then != new.fingerprints.get(name)
    };
    // One stage reads these, and what comes before it can be shared all the same.
    let mut names = new.fingerprints.keys().filter(|name| *name != PREFERENCES);
    if let Some(name) = names.find(|name| other(name)) {
        return Err(nothing(format!("{name} is not what it was then")));
    }
    let mut shared = shared(reader, detail, config)?;
    if other(&PREFERENCES.to_string()) && shared.stages.contains(&Stage::Dpo) {
        shared.stages.retain(|stage| *stage < Stage::Dpo);
        shared.differs = Some("data.preferences");
    }
    if shared.stages.is_empty() {
        let setting = shared.differs.unwrap_or("run.stages");
        return Err(nothing(format!("`{setting}` differs")));
    }
    let run_folder = reader.run_dir(of);
    if shared.stages.contains(&Stage::Identifiers) {
        auditor::refuse_recorded(&new.fingerprints, &run_folder)?;
    }
    Ok(Reuse {
        run: of.to_string(),
        run_folder,
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
