//! A job, as the thread that runs it sees it ([`Job`]) and as the window that waits sees it ([`Pending`]).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};

use crate::app::naming::without_commands;
use crate::engine::Waker;

/// How often a waiting job checks whether it was cancelled.
const NAP: Duration = Duration::from_millis(25);

/// Why a job has no result. Deliberately not a `std::error::Error`, so that `?` converts any error into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    Cancelled,
    Failed(String),
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        JobError::Failed(without_commands(&error.to_string()))
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Cancelled => f.write_str("it was cancelled"),
            JobError::Failed(why) => f.write_str(why),
        }
    }
}

pub type JobResult<T> = Result<T, JobError>;

#[derive(Debug)]
struct Shared<P> {
    cancelled: Arc<AtomicBool>,
    progress: Mutex<Option<P>>,
}

impl<P> Shared<P> {
    fn lock(&self) -> MutexGuard<'_, Option<P>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job's own side: it reports progress and checks whether it was cancelled.
pub struct Job<P> {
    shared: Arc<Shared<P>>,
    wake: Waker,
}

impl<P> Job<P> {
    /// Reports progress to the window; only the latest report counts.
    pub fn report(&self, progress: P) {
        *self.shared.lock() = Some(progress);
        (self.wake)();
    }

    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Sleeps. False when the job was cancelled meanwhile.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_cancelled() && Instant::now() < until {
            std::thread::sleep(NAP);
        }
        !self.is_cancelled()
    }
}

/// The result of a job that has not arrived yet.
pub struct Pending<T, P = ()> {
    result: Receiver<JobResult<T>>,
    shared: Arc<Shared<P>>,
    cancel_on_drop: bool,
}

impl<T, P> Pending<T, P> {
    /// A new job, the window's handle, and the channel for its result.
    pub(super) fn new(wake: Waker) -> (Job<P>, Self, Sender<JobResult<T>>) {
        let (answer, result) = bounded(1);
        let shared = Arc::new(Shared {
            cancelled: Arc::default(),
            progress: Mutex::new(None),
        });
        let pending = Pending {
            result,
            shared: shared.clone(),
            cancel_on_drop: true,
        };
        (Job { shared, wake }, pending, answer)
    }

    pub(super) fn cancelled(&self) -> Arc<AtomicBool> {
        self.shared.cancelled.clone()
    }

    /// The result, once it is there; only the first call gets it.
    pub fn poll(&self) -> Option<JobResult<T>> {
        match self.result.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(fault("The work"))),
        }
    }

    /// The progress reported since the last call.
    pub fn progress(&self) -> Option<P> {
        self.shared.lock().take()
    }

    /// Asks the job to stop; it does not start if it is still queued.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Lets the job run even if this handle is dropped.
    pub fn detach(mut self) -> Self {
        self.cancel_on_drop = false;
        self
    }
}

impl<T, P> Drop for Pending<T, P> {
    fn drop(&mut self) {
        if self.cancel_on_drop {
            self.cancel();
        }
    }
}

impl<T, P> fmt::Debug for Pending<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// A job that panicked.
pub(super) fn fault(what: &str) -> JobError {
    let why = "failed because of a fault in this program; please report it";
    JobError::Failed(format!("{what} {why}"))
}
