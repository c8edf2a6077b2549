//! What a run of EmpRL is to the supervisor: its record before it starts, and its body.
//!
//! The one place of the engine that knows the trainers.

use std::path::Path;

use super::{Outcome, RunBody};
use crate::experiment::{Config, Environment};
use crate::store::NewRun;
use crate::train::TrainError;
use crate::train::pipeline;
use crate::train::session::Ended;

/// The record of a run of `config`. Looks at data and weights, so that what is not there is said
/// before anything is written; this can take a second.
///
/// # Errors
/// A data set, model or device that `config` names is not there.
pub fn new_run(
    store: &Path,
    experiment: &str,
    name: &str,
    config: &Config,
) -> Result<NewRun, TrainError> {
    let fingerprints = pipeline::fingerprints(config, store)?;
    let mut config = config.clone();
    // The run may be taken up again from another folder than this one.
    if let Ok(folder) = std::path::absolute(&config.model.source)
        && config.model.source != "scratch"
    {
        config.model.source = folder.display().to_string();
    }
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

/// Carries out `config`, or what is left of it, in the run's folder.
pub fn body(config: Config) -> RunBody {
    Box::new(move |observer, context| {
        match pipeline::run(&config, &context.store, &context.dir, observer)? {
            Ended::Done => Ok(Outcome::Finished),
            Ended::Stopped => Ok(Outcome::Stopped),
        }
    })
}
