//! Makes a run ready to start, on a thread of its own: looks at data and weights, which takes time.
//!
//! Knows the engine; must not know a widget.

use std::path::{Path, PathBuf};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::engine::{Listener, StartRequest, Waker, What, worker};
use crate::experiment::{Config, ExperimentFile, Stage};
use crate::store::{NewRun, QueueId, RunId, RunRef};
use crate::train::pipeline::Reuse;
use crate::train::plan::Foreseen;

/// A run that is to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub experiment: String,
    pub name: String,
    pub config: Config,
    /// The run whose finished stages are taken over where they are the same.
    pub reuse: Option<RunId>,
}

impl Planned {
    /// An experiment as its file has it.
    pub fn of(file: &ExperimentFile) -> Self {
        Planned {
            experiment: file.name.clone(),
            name: file.name.clone(),
            config: file.config.clone(),
            reuse: None,
        }
    }
}

/// A run that can start.
#[derive(Debug)]
pub struct Ready {
    pub new: NewRun,
    pub config: Config,
    /// Stages that are taken over from another run.
    pub reuse: Option<Reuse>,
    /// Where it waits, if it does.
    pub queued: Option<QueueId>,
}

/// A run that can start, or why it cannot.
pub type Prepared = Result<Box<Ready>, String>;

/// Prepares a run, which waits in the queue where `queued` says so; the answer comes over the channel, then
/// `wake` is called.
///
/// # Errors
/// The system refuses another thread.
pub fn prepare(
    store: PathBuf,
    planned: Planned,
    queued: Option<QueueId>,
    wake: Waker,
) -> std::io::Result<Receiver<Prepared>> {
    let (answer, answers): (Sender<Prepared>, _) = bounded(1);
    std::thread::Builder::new()
        .name("run preparation".into())
        .spawn(move || {
            // The receiver is gone when the window is: then nobody waits for the answer.
            let _ = answer.send(ready(&store, planned, queued).map(Box::new));
            wake();
        })?;
    Ok(answers)
}

fn ready(store: &Path, planned: Planned, queued: Option<QueueId>) -> Result<Ready, String> {
    let Planned {
        experiment,
        name,
        config,
        reuse,
    } = planned;
    let new = worker::new_run(store, &experiment, &name, &config);
    let new = new.map_err(|error| error.to_string())?;
    let reuse = reuse.map(|run| worker::reuse(store, run, &new, &config));
    let reuse = reuse.transpose().map_err(|error| error.to_string())?;
    Ok(Ready {
        new,
        config,
        reuse,
        queued,
    })
}

/// What a run would be.
#[derive(Debug)]
pub struct Dry {
    pub foreseen: Foreseen,
    /// The stages that are taken over from another run.
    pub taken: Vec<Stage>,
    /// It is the first of so many.
    pub of: usize,
}

/// What a run would be, or why it cannot start.
pub type Dried = Result<Box<Dry>, String>;

/// Looks what a run would be; the answer comes over the channel, then `wake` is called.
///
/// # Errors
/// The system refuses another thread.
pub fn dry_run(
    store: PathBuf,
    (planned, of): (Planned, usize),
    wake: Waker,
) -> std::io::Result<Receiver<Dried>> {
    let (answer, answers) = bounded(1);
    std::thread::Builder::new()
        .name("dry run".into())
        .spawn(move || {
            let _ = answer.send(dried(&store, planned, of).map(Box::new));
            wake();
        })?;
    Ok(answers)
}

fn dried(store: &Path, planned: Planned, of: usize) -> Result<Dry, String> {
    let ready = ready(store, planned, None)?;
    let foreseen = Foreseen::of(&ready.config, store).map_err(|error| error.to_string())?;
    let taken = ready.reuse.map_or_else(Vec::new, |reuse| reuse.stages);
    Ok(Dry {
        foreseen,
        taken,
        of,
    })
}

/// A new run, to be handed to the supervisor.
pub fn start(ready: Ready, wake: Waker) -> StartRequest {
    let new = Box::new(ready.new);
    StartRequest {
        what: match ready.queued {
            Some(id) => What::Queued(id, new),
            None => What::New(new),
        },
        listener: Listener::Lossy,
        waker: Some(wake),
        body: worker::body(ready.config, ready.reuse),
    }
}

/// A run that ended early, to be handed to the supervisor.
pub fn resume(run: RunId, config: Config, wake: Waker) -> StartRequest {
    let what = What::Resume(RunRef { run, step: None });
    StartRequest {
        what,
        listener: Listener::Lossy,
        waker: Some(wake),
        body: worker::body(config, None),
    }
}
