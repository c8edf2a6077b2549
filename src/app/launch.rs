//! Makes a run ready to start, on a thread of its own: looks at data and weights, which takes time.
//!
//! Knows the engine; must not know a widget.

use std::path::PathBuf;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::engine::{Listener, StartRequest, Waker, What, worker};
use crate::experiment::Config;
use crate::store::{NewRun, RunId, RunRef};

/// A run that can start, or why it cannot.
pub type Prepared = Result<Box<NewRun>, String>;

/// Prepares a run; the answer comes over the channel, then `wake` is called.
///
/// # Errors
/// The system refuses another thread.
pub fn prepare(
    store: PathBuf,
    experiment: String,
    config: Config,
    wake: Waker,
) -> std::io::Result<Receiver<Prepared>> {
    let (answer, answers): (Sender<Prepared>, _) = bounded(1);
    std::thread::Builder::new()
        .name("run preparation".into())
        .spawn(move || {
            // The receiver is gone when the window is: then nobody waits for the answer.
            let new = worker::new_run(&store, &experiment, &experiment, &config);
            let _ = answer.send(new.map(Box::new).map_err(|error| error.to_string()));
            wake();
        })?;
    Ok(answers)
}

/// A new run, to be handed to the supervisor.
pub fn start(new: Box<NewRun>, config: Config, wake: Waker) -> StartRequest {
    StartRequest {
        what: What::New(new),
        listener: Listener::Lossy,
        waker: Some(wake),
        body: worker::body(config, None),
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
