//! Makes a run ready to start, on a thread of its own: looks at data and weights, which takes time.
//!
//! Knows the engine and the pipeline; must not know a widget.

use std::path::{Path, PathBuf};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::engine::{Listener, Outcome, RunBody, StartRequest, Waker, What};
use crate::experiment::{Config, Environment};
use crate::store::{NewRun, RunId, RunRef};
use crate::train::pipeline;
use crate::train::session::Ended;

/// A run that can start, or why it cannot.
pub type Prepared = Result<Box<NewRun>, String>;

/// Prepares a run; the answer comes over the channel, then `wake` is called.
///
/// # Errors
/// The system refuses another thread.
pub fn prepare(store: PathBuf, experiment: String, config: Config, wake: Waker) -> std::io::Result<Receiver<Prepared>> {
    let (answer, answers): (Sender<Prepared>, _) = bounded(1);
    std::thread::Builder::new().name("run preparation".into()).spawn(move || {
        // The receiver is gone when the window is: then nobody waits for the answer.
        let _ = answer.send(new_run(&store, experiment, &config));
        wake();
    })?;
    Ok(answers)
}

fn new_run(store: &Path, experiment: String, config: &Config) -> Prepared {
    let fingerprints = pipeline::fingerprints(config, store).map_err(|error| error.to_string())?;
    Ok(Box::new(NewRun {
        name: experiment.clone(),
        experiment,
        seed: config.run.seed,
        device: config.run.device.clone(),
        config_toml: config.to_toml(),
        environment: Environment::capture(),
        fingerprints,
    }))
}

/// A new run, to be handed to the supervisor.
pub fn start(new: Box<NewRun>, config: Config, wake: Waker) -> StartRequest {
    StartRequest { what: What::New(new), listener: Listener::Lossy, waker: Some(wake), body: body(config) }
}

/// A run that ended early, to be handed to the supervisor.
pub fn resume(run: RunId, config: Config, wake: Waker) -> StartRequest {
    let what = What::Resume(RunRef { run, step: None });
    StartRequest { what, listener: Listener::Lossy, waker: Some(wake), body: body(config) }
}

fn body(config: Config) -> RunBody {
    Box::new(move |observer, context| match pipeline::run(&config, &context.store, &context.dir, observer)? {
        Ended::Done => Ok(Outcome::Finished),
        Ended::Stopped => Ok(Outcome::Stopped),
    })
}
