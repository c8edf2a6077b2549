//! Starting, watching and controlling a run.
//!
//! Knows no SQL; the body of a run is a closure.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::Receiver;

use super::control::Requests;
use super::{Control, Message};
use crate::experiment::{Change, Stage};
use crate::store::{CheckpointRow, NewRun, QueueId, RunId, RunRef, StoreError};
use crate::train::observer::Observer;

/// Called when a listener has something to read, from another thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Why a run failed. Its whole chain of sources is recorded.
pub type RunError = Box<dyn Error + Send + Sync>;

/// The body of a run, called on a thread of its own.
pub type RunBody =
    Box<dyn FnOnce(&mut dyn Observer, &RunContext) -> Result<RunOutcome, RunError> + Send>;

/// How the body of a run ended, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// All stages are done.
    Finished,
    /// On request; a checkpoint was saved.
    Stopped,
}

/// The context of a run's body.
#[derive(Clone, Debug)]
pub struct RunContext {
    pub run: RunId,
    /// The store's folder.
    pub store: PathBuf,
    /// The run's own folder in it.
    pub dir: PathBuf,
    /// The checkpoint to resume from, its files verified. `None` for a run that is new or has no checkpoint yet.
    pub from: Option<CheckpointRow>,
    /// The paths of the checkpoints it builds on, relative to `dir`. Others there lie past `from`.
    pub checkpoints: Vec<PathBuf>,
}

/// A request to start a run.
pub struct StartRequest {
    pub what: What,
    pub listener: Listener,
    pub waker: Option<Waker>,
    pub body: RunBody,
}

/// Which run.
#[derive(Clone, Debug)]
pub enum What {
    New(Box<NewRun>),
    /// One from the store's queue; starting removes it there.
    Queued(QueueId, Box<NewRun>),
    /// One that ended early, from its last checkpoint or from that of the given step.
    Resume(RunRef),
}

/// How events reach whoever started the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    Nobody,
    /// For a window: dropped while the channel is full; see [`RunHandle::take_lagging`].
    Lossy,
    /// For a command: the run waits until they are read.
    Lossless,
}

/// Why a run did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("run {run} is finished; there is nothing to resume")]
    Finished { run: RunId },
    #[error("run {run} has no checkpoint at step {step}{}", known(.steps))]
    NoCheckpoint {
        run: RunId,
        step: u64,
        /// In the order of the stages.
        steps: Vec<(Stage, u64)>,
    },
    #[error(
        "run {run} cannot be resumed from step {step}: {wrong}. Nothing of the run was changed{}",
        or_from(.usable)
    )]
    Unusable {
        run: RunId,
        step: u64,
        wrong: String,
        /// The steps it can be resumed from, in words.
        usable: Vec<String>,
    },
    #[error(
        "run {run} cannot be resumed: it has saved {count} checkpoints, and none can be used. {wrong}. Nothing of \
         the run was changed{}. Put them back where they were (is their disk mounted?) and resume again, or start a \
         new run",
        or_from(.usable)
    )]
    NoneUsable {
        run: RunId,
        count: usize,
        wrong: String,
        /// The steps it can be resumed from, in words.
        usable: Vec<String>,
    },
    #[error("cannot create a thread for the run: {0}")]
    Thread(std::io::Error),
    #[error("the run was cancelled before it started")]
    Cancelled,
}

impl StartError {
    /// Whether another program has started the queued run, or removed it from the queue.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, StartError::Store(StoreError::NotQueued { .. }))
    }
}

fn known(steps: &[(Stage, u64)]) -> String {
    if steps.is_empty() {
        return "; it has none".to_string();
    }
    let stages = steps.chunk_by(|one, next| one.0 == next.0);
    let words: Vec<String> = stages
        .map(|of| {
            let steps: Vec<String> = of.iter().map(|(_, step)| step.to_string()).collect();
            format!("{} {}", of[0].0.title(), steps.join(", "))
        })
        .collect();
    format!("; it has {}", words.join("; "))
}

fn or_from(usable: &[String]) -> String {
    match usable {
        [] => String::new(),
        usable => format!("; it can be resumed from {}", usable.join(", ")),
    }
}

/// The state of a run of this program.
#[derive(Clone, Debug)]
pub enum RunState {
    Queued,
    Active(RunId),
    Ended(RunEnd),
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum RunEnd {
    Finished(RunId),
    Stopped(RunId),
    Failed(RunId, String),
    NotStarted(Arc<StartError>),
}

/// Controls a run. Dropping it does not affect the run.
pub struct RunHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) messages: Receiver<Message>,
}

impl RunHandle {
    /// Messages in order, each already on disk. The channel closes at the end of the run.
    pub fn messages(&self) -> &Receiver<Message> {
        &self.messages
    }

    /// Sends a request to the run. Never waits.
    pub fn control(&self, control: Control) {
        self.shared.ask(control);
    }

    /// Changes of settings that are pending until their stage, or until the run is resumed.
    pub fn waiting(&self) -> Vec<Change> {
        self.shared.requests.changes()
    }

    /// Withdraws a pending change; false when the trainer has it already.
    pub fn withdraw(&self, change: &Change) -> bool {
        self.shared.requests.withdraw(change)
    }

    pub fn state(&self) -> RunState {
        self.shared.lock().clone()
    }

    /// The run's number, once it has begun.
    pub fn id(&self) -> Option<RunId> {
        match self.state() {
            RunState::Active(run) => Some(run),
            RunState::Ended(end) => end.run(),
            RunState::Queued => None,
        }
    }

    /// Waits until the run has started or failed to.
    pub fn wait_for_start(&self) -> Result<RunId, Arc<StartError>> {
        let state = self
            .shared
            .wait(None, |state| !matches!(state, RunState::Queued));
        match state {
            Some(RunState::Active(run)) => Ok(run),
            Some(RunState::Ended(RunEnd::NotStarted(error))) => Err(error),
            Some(RunState::Ended(end)) => end.run().ok_or(Arc::new(StartError::Cancelled)),
            Some(RunState::Queued) | None => Err(Arc::new(StartError::Cancelled)),
        }
    }

    /// Waits for the end; `None` on timeout.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<RunEnd> {
        let state = self
            .shared
            .wait(timeout, |state| matches!(state, RunState::Ended(_)));
        match state {
            Some(RunState::Ended(end)) => Some(end),
            _ => None,
        }
    }

    /// Whether events were dropped since the last call because they were not read in time. They are in the
    /// store; read it again.
    pub fn take_lagging(&self) -> bool {
        self.shared.lagging.swap(false, Ordering::AcqRel)
    }
}

impl RunEnd {
    pub fn run(&self) -> Option<RunId> {
        match self {
            RunEnd::Finished(run) | RunEnd::Stopped(run) | RunEnd::Failed(run, _) => Some(*run),
            RunEnd::NotStarted(_) => None,
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunEnd::Finished(run) => write!(f, "run {run} is finished"),
            RunEnd::Stopped(run) => write!(f, "run {run} was stopped"),
            RunEnd::Failed(run, error) => write!(f, "run {run} failed: {error}"),
            RunEnd::NotStarted(error) => error.fmt(f),
        }
    }
}

/// State shared by the threads of a run and its handle.
pub(super) struct Shared {
    pub requests: Requests,
    /// Events were dropped because the listener's channel was full.
    pub lagging: AtomicBool,
    /// The program is ending: stop waiting for the listener.
    pub closing: AtomicBool,
    /// A person is there who can resume a paused run.
    pub attended: AtomicBool,
    state: Mutex<RunState>,
    changed: Condvar,
}

impl Shared {
    pub fn new() -> Arc<Shared> {
        Arc::new(Shared {
            requests: Requests::default(),
            lagging: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            attended: AtomicBool::new(false),
            state: Mutex::new(RunState::Queued),
            changed: Condvar::new(),
        })
    }

    pub fn ask(&self, control: Control) {
        self.requests.add(control);
        let mut state = self.lock();
        if control == Control::Stop && matches!(*state, RunState::Queued) {
            *state = RunState::Ended(RunEnd::NotStarted(Arc::new(StartError::Cancelled)));
            self.changed.notify_all();
        }
    }

    /// From queued to active; false if it was cancelled meanwhile.
    pub fn begin(&self, run: RunId) -> bool {
        let mut state = self.lock();
        let waiting = matches!(*state, RunState::Queued);
        if waiting {
            *state = RunState::Active(run);
            self.changed.notify_all();
        }
        waiting
    }

    /// The first end counts.
    pub fn end(&self, end: RunEnd) {
        let mut state = self.lock();
        if !matches!(*state, RunState::Ended(_)) {
            *state = RunState::Ended(end);
            self.changed.notify_all();
        }
    }

    pub fn has_ended(&self) -> bool {
        matches!(*self.lock(), RunState::Ended(_))
    }

    pub fn run(&self) -> Option<RunId> {
        match &*self.lock() {
            RunState::Active(run) => Some(*run),
            _ => None,
        }
    }

    pub fn wait(
        &self,
        timeout: Option<Duration>,
        until: impl Fn(&RunState) -> bool,
    ) -> Option<RunState> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.lock();
        while !until(&state) {
            state = match deadline {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let (state, _) = self
                        .changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner);
                    state
                }
            };
        }
        Some(state.clone())
    }

    fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
