//! Starts runs one after another, and ends them all when the program does.
//!
//! Knows which runs there are in this program, not what they do.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::Control;
use super::recorder::{Job, Outlet, carry_out};
use super::run::{Listener, RunEnd, RunHandle, RunState, Shared, StartError, StartRequest};
use crate::store::{RunId, Store, StoreError};

/// Events that may wait for a listener.
const LISTENER_BACKLOG: usize = 4_096;
/// How long runs are given to end when the supervisor is dropped.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries out runs, one at a time; others wait for their turn.
pub struct Supervisor {
    inner: Arc<Inner>,
}

/// Runs that did not end in time. They end with the program and can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("still in progress: {}; resume them later from their last checkpoint", list(.runs))]
pub struct StillRunning {
    pub runs: Vec<RunId>,
}

fn list(runs: &[RunId]) -> String {
    let runs: Vec<String> = runs.iter().map(|run| format!("run {run}")).collect();
    runs.join(", ")
}

struct Inner {
    store: PathBuf,
    at_once: usize,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    active: Vec<Arc<Shared>>,
    waiting: VecDeque<Job>,
    recorders: Vec<JoinHandle<()>>,
    closing: bool,
}

impl Supervisor {
    /// Opens the store in `dir`, made if need be, and marks runs whose program is gone as interrupted.
    /// With a store of a newer program it is there, but no run will start.
    pub fn new(dir: &Path) -> Result<Supervisor, StoreError> {
        let mut store = Store::open(dir)?;
        if store.newer().is_none() {
            for run in store.recover()? {
                tracing::info!(%run, "was interrupted");
            }
        }
        Ok(Supervisor {
            inner: Arc::new(Inner {
                store: dir.to_path_buf(),
                at_once: 1,
                line: Mutex::default(),
            }),
        })
    }

    /// Starts a run, or puts it at the end of the queue. Never waits: whether it could start is told by
    /// the handle.
    pub fn start(&self, request: StartRequest) -> RunHandle {
        let shared = Shared::new();
        let attended = request.listener == Listener::Lossy;
        shared.attended.store(attended, Ordering::Release);
        let (sender, messages) = bounded(LISTENER_BACKLOG);
        let job = Job {
            what: request.what,
            body: request.body,
            shared: shared.clone(),
            outlet: Outlet {
                messages: (request.listener != Listener::Nobody).then_some(sender),
                lossless: request.listener == Listener::Lossless,
                waker: request.waker,
            },
        };
        let mut line = self.inner.lock();
        if line.closing {
            shared.ask(Control::Stop);
        } else {
            line.waiting.push_back(job);
            self.inner.go_on(&mut line);
        }
        drop(line);
        RunHandle { shared, messages }
    }

    /// How many runs wait for their turn.
    pub fn waiting(&self) -> usize {
        let line = self.inner.lock();
        line.waiting
            .iter()
            .filter(|job| !job.shared.has_ended())
            .count()
    }

    /// Ends everything: runs that wait are taken back, those in progress save a checkpoint and stop,
    /// what they reported is on disk. Waits for that at most `timeout`.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), StillRunning> {
        let deadline = Instant::now() + timeout;
        let (active, recorders) = {
            let mut line = self.inner.lock();
            line.closing = true;
            for job in line.waiting.drain(..) {
                job.shared.ask(Control::Stop);
            }
            for shared in &line.active {
                shared.closing.store(true, Ordering::Release);
                shared.ask(Control::Stop);
            }
            (line.active.clone(), std::mem::take(&mut line.recorders))
        };
        let mut runs = Vec::new();
        for shared in active {
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = shared.wait(Some(left), |state| matches!(state, RunState::Ended(_)));
            if ended.is_none() {
                runs.extend(shared.run());
            }
        }
        if runs.is_empty() {
            for recorder in recorders {
                // A panic there was told when it happened.
                let _ = recorder.join();
            }
            return Ok(());
        }
        Err(StillRunning { runs })
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Whoever called `shutdown` has waited already.
        if !self.inner.lock().closing
            && let Err(still) = self.shutdown(DROP_TIMEOUT)
        {
            tracing::warn!(%still);
        }
    }
}

impl Inner {
    /// Starts runs while there is room for them.
    fn go_on(self: &Arc<Self>, line: &mut Line) {
        line.recorders.retain(|recorder| !recorder.is_finished());
        while !line.closing
            && line.active.len() < self.at_once
            && let Some(job) = line.waiting.pop_front()
        {
            if job.shared.has_ended() {
                continue;
            }
            let shared = job.shared.clone();
            line.active.push(shared.clone());
            let inner = self.clone();
            let recorder = thread::Builder::new()
                .name("recorder".to_string())
                .spawn(move || {
                    let shared = job.shared.clone();
                    let turn = Turn { inner, shared };
                    carry_out(&turn.inner.store, job);
                });
            match recorder {
                Ok(recorder) => line.recorders.push(recorder),
                Err(error) => {
                    shared.end(RunEnd::NotStarted(Arc::new(StartError::Thread(error))));
                    line.active.retain(|other| !Arc::ptr_eq(other, &shared));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run's place among the active ones; however its recorder ends, the next one's turn comes.
struct Turn {
    inner: Arc<Inner>,
    shared: Arc<Shared>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(run) = self.shared.run() {
            let error = "internal error: its recorder ended before it".to_string();
            self.shared.end(RunEnd::Failed(run, error));
        }
        let mut line = self.inner.lock();
        line.active
            .retain(|other| !Arc::ptr_eq(other, &self.shared));
        self.inner.go_on(&mut line);
    }
}
