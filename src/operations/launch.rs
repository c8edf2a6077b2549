//! Prepares runs: everything that can be wrong is found before anything is written.

use std::path::Path;

use super::OperationError;
use crate::engine::{Listener, StartRequest, Waker, What, worker};
use crate::experiment::{Config, ExperimentFile, Stage};
use crate::store::{NewRun, QueueId, RunId, RunRef, StoreReader};
use crate::train::pipeline::Reuse;
pub use crate::train::plan::{Parameters, TimedPlan};

/// A run to start.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    pub experiment: String,
    pub name: String,
    pub config: Config,
    /// The run whose finished stages are reused where they are the same.
    pub reuse: Option<RunId>,
}

impl PlannedRun {
    /// An experiment as in its file.
    pub fn of(file: &ExperimentFile) -> Self {
        PlannedRun {
            experiment: file.name.clone(),
            name: file.name.clone(),
            config: file.config.clone(),
            reuse: None,
        }
    }
}

/// A run that is ready to start.
#[derive(Debug)]
pub struct PreparedRun {
    pub new: NewRun,
    pub config: Config,
    /// Stages that are reused from another run.
    pub reuse: Option<Reuse>,
    /// Its place in the queue, if it was queued.
    pub queued: Option<QueueId>,
}

/// A run that ended early and can be resumed.
#[derive(Debug)]
pub struct ResumableRun {
    /// With a step, if not from the last checkpoint.
    pub run: RunRef,
    /// The settings it was started with.
    pub config: Config,
}

/// The plan of a run.
#[derive(Debug)]
pub struct DryRun {
    pub foreseen: TimedPlan,
    /// The stages that would be reused from another run.
    pub taken_over: Vec<Stage>,
}

/// Checks data and weights, which can take a second; `queued` is the run's place in the queue, if it is queued.
///
/// # Errors
/// Data, weights or device are missing, or the run to reuse shares no stage.
pub fn prepare(
    store: &Path,
    planned: PlannedRun,
    queued: Option<QueueId>,
) -> Result<PreparedRun, OperationError> {
    let PlannedRun {
        experiment,
        name,
        config,
        reuse,
    } = planned;
    let new = worker::new_run(store, &experiment, &name, &config)?;
    let reuse = reuse.map(|run| worker::reuse(store, run, &new, &config));
    Ok(PreparedRun {
        reuse: reuse.transpose()?,
        new,
        config,
        queued,
    })
}

/// The plan of a run: sizes, memory, time. Takes about a second and writes nothing.
pub fn dry_run(store: &Path, planned: PlannedRun) -> Result<DryRun, OperationError> {
    prepare(store, planned, None)?.dry_run(store)
}

/// Prepares a run that ended early, from its last checkpoint or from that of a step.
///
/// # Errors
/// There is no such run; its settings cannot be read; data or weights have changed since it started.
pub fn resume(store: &Path, run: RunRef) -> Result<ResumableRun, OperationError> {
    let detail = StoreReader::open(store)?.run(run.run)?;
    let origin = format!("settings of run {} in {}", run.run, store.display());
    let config = Config::from_toml(&origin, &detail.config_toml)?;
    let row = &detail.row;
    let now = worker::new_run(store, &row.experiment, &row.name, &config)?;
    let changed = detail
        .fingerprints
        .iter()
        .find(|(name, then)| now.fingerprints.get(*name) != Some(*then));
    match changed {
        Some((name, _)) => Err(OperationError::DataChanged {
            run: run.run,
            name: name.clone(),
        }),
        None => Ok(ResumableRun { run, config }),
    }
}

impl PreparedRun {
    /// The request for the supervisor.
    pub fn request(self, listener: Listener, waker: Option<Waker>) -> StartRequest {
        let new = Box::new(self.new);
        StartRequest {
            what: match self.queued {
                Some(id) => What::Queued(id, new),
                None => What::New(new),
            },
            listener,
            waker,
            body: worker::body(self.config, self.reuse),
        }
    }

    /// As [`dry_run`], for a prepared run.
    ///
    /// # Errors
    /// The device is missing or the data cannot be read.
    pub fn dry_run(&self, store: &Path) -> Result<DryRun, OperationError> {
        let taken_over = self.reuse.as_ref().map(|reuse| reuse.stages.clone());
        Ok(DryRun {
            foreseen: TimedPlan::of(&self.config, store)?,
            taken_over: taken_over.unwrap_or_default(),
        })
    }
}

impl ResumableRun {
    /// The request for the supervisor.
    pub fn request(self, listener: Listener, waker: Option<Waker>) -> StartRequest {
        StartRequest {
            what: What::Resume(self.run),
            listener,
            waker,
            body: worker::body(self.config, None),
        }
    }
}
