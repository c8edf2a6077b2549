//! A job as the thread sees it that does it, and as the window sees it that waits for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};

use crate::engine::Waker;

/// Between two looks at whether a waiting job was cancelled.
const NAP: Duration = Duration::from_millis(25);

/// Why a job gave nothing. Deliberately no `std::error::Error`, so that any error turns into one by `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// Nobody wanted it any more.
    Cancelled,
    Failed(String),
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        JobError::Failed(error.to_string())
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

/// A job's own view of itself: it tells how far it is, and asks whether to go on.
pub struct Job<P> {
    shared: Arc<Shared<P>>,
    wake: Waker,
}

impl<P> Job<P> {
    /// Tells the window how far it is; only the latest counts.
    pub fn report(&self, progress: P) {
        *self.shared.lock() = Some(progress);
        (self.wake)();
    }

    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Waits that long. False when it was cancelled meanwhile.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_cancelled() && Instant::now() < until {
            std::thread::sleep(NAP);
        }
        !self.is_cancelled()
    }
}

/// An answer that is on its way.
pub struct Pending<T, P = ()> {
    result: Receiver<JobResult<T>>,
    shared: Arc<Shared<P>>,
    cancel_on_drop: bool,
}

impl<T, P> Pending<T, P> {
    /// A job that is to be done, the window's end of it, and where it is answered.
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

    /// Cancels it when set.
    pub(super) fn cancelled(&self) -> Arc<AtomicBool> {
        self.shared.cancelled.clone()
    }

    /// The answer, once, when it is there.
    pub fn poll(&self) -> Option<JobResult<T>> {
        match self.result.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(fault("The work"))),
        }
    }

    /// What was reported since the last call.
    pub fn progress(&self) -> Option<P> {
        self.shared.lock().take()
    }

    /// Asks the job to stop. It is not begun where it still waits.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// The job is done even if nobody waits for it any more.
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
