//! Starts runs, so many at once, and ends them all with the program.
//!
//! Knows the runs of this program, not what they do.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::Control;
use super::recorder::{self, Job, Outlet};
use super::run::{Listener, RunEnd, RunHandle, RunState, Shared, StartError, StartRequest};
use crate::experiment::{MachineMemory, size_words};
use crate::metrics::declared;
use crate::store::{RunId, Store, StoreError};

/// Runs that may be active at once.
pub const MOST_AT_ONCE: usize = 8;

/// Capacity of a listener's channel.
const LISTENER_BACKLOG: usize = 4_096;
/// How long a dropped supervisor waits for its runs to end.
const DROP_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs one run at a time, or as many as [`Supervisor::set_at_once`] allows; others are queued.
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

/// Why a run was probably interrupted, as far as its record tells.
fn likely_reason(store: &Store, run: RunId) -> Result<Option<String>, StoreError> {
    let last = store.reader()?.run(run)?.row.summary;
    let held = last.get(declared::RESIDENT_MEMORY).copied();
    let machine = MachineMemory::now();
    Ok(held.zip(machine).and_then(|(held, machine)| {
        machine.is_nearly_filled_by(held).then(|| {
            format!(
                "It was interrupted when the program held {} of this machine's {} of memory: the system probably \
                 ended it for want of memory. Use smaller batches or a smaller model in a new run, or close other \
                 programs before resuming it",
                size_words(held as u64),
                size_words(machine.total)
            )
        })
    }))
}

struct Inner {
    store: PathBuf,
    schedule: Mutex<Schedule>,
}

struct Schedule {
    /// Runs that may be active.
    at_once: usize,
    active: Vec<Arc<Shared>>,
    waiting: VecDeque<Job>,
    recorders: Vec<JoinHandle<()>>,
    closing: bool,
}

impl Supervisor {
    /// Opens or creates the store in `dir`, and marks runs whose program is gone as interrupted. In a store
    /// that is read-only no run will start.
    pub fn new(dir: &Path) -> Result<Supervisor, StoreError> {
        let mut store = Store::open(dir)?;
        if store.read_only().is_none() {
            for run in store.recover()? {
                tracing::info!(%run, "was interrupted");
                if let Some(why) = likely_reason(&store, run)? {
                    store.explain(run, &why)?;
                }
            }
        }
        Ok(Supervisor {
            inner: Arc::new(Inner {
                store: dir.to_path_buf(),
                schedule: Mutex::new(Schedule {
                    at_once: 1,
                    active: Vec::new(),
                    waiting: VecDeque::new(),
                    recorders: Vec::new(),
                    closing: false,
                }),
            }),
        })
    }

    /// Starts a run, or queues it. Never waits; the handle tells whether it could start.
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
        let mut schedule = self.inner.lock();
        if schedule.closing {
            shared.ask(Control::Stop);
        } else {
            schedule.waiting.push_back(job);
            self.inner.start_queued(&mut schedule);
        }
        drop(schedule);
        RunHandle { shared, messages }
    }

    /// Lets so many runs be active at once, from one to [`MOST_AT_ONCE`]. Those that are active already go on.
    pub fn set_at_once(&self, runs: usize) {
        let mut schedule = self.inner.lock();
        schedule.at_once = runs.clamp(1, MOST_AT_ONCE);
        self.inner.start_queued(&mut schedule);
    }

    /// Number of queued runs.
    pub fn waiting(&self) -> usize {
        let schedule = self.inner.lock();
        schedule
            .waiting
            .iter()
            .filter(|job| !job.shared.has_ended())
            .count()
    }

    /// Ends everything: queued runs are cancelled, those in progress save a checkpoint and stop, and their reports
    /// are on disk. Waits at most `timeout`.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), StillRunning> {
        let deadline = Instant::now() + timeout;
        let (active, recorders) = {
            let mut schedule = self.inner.lock();
            schedule.closing = true;
            for job in schedule.waiting.drain(..) {
                job.shared.ask(Control::Stop);
            }
            for shared in &schedule.active {
                shared.closing.store(true, Ordering::Release);
                shared.ask(Control::Stop);
            }
            (
                schedule.active.clone(),
                std::mem::take(&mut schedule.recorders),
            )
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
                // A panic there was reported when it happened.
                let _ = recorder.join();
            }
            return Ok(());
        }
        Err(StillRunning { runs })
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // A caller of `shutdown` has waited already.
        if !self.inner.lock().closing
            && let Err(still) = self.shutdown(DROP_TIMEOUT)
        {
            tracing::warn!(%still);
        }
    }
}

impl Inner {
    /// Starts queued runs while there is room.
    fn start_queued(self: &Arc<Self>, schedule: &mut Schedule) {
        schedule
            .recorders
            .retain(|recorder| !recorder.is_finished());
        while !schedule.closing
            && schedule.active.len() < schedule.at_once
            && let Some(job) = schedule.waiting.pop_front()
        {
            if job.shared.has_ended() {
                continue;
            }
            let shared = job.shared.clone();
            schedule.active.push(shared.clone());
            let inner = self.clone();
            let recorder = thread::Builder::new()
                .name("recorder".to_string())
                .spawn(move || {
                    let shared = job.shared.clone();
                    let turn = Turn { inner, shared };
                    recorder::run(&turn.inner.store, job);
                });
            match recorder {
                Ok(recorder) => schedule.recorders.push(recorder),
                Err(error) => {
                    shared.end(RunEnd::NotStarted(Arc::new(StartError::Thread(error))));
                    schedule.active.retain(|other| !Arc::ptr_eq(other, &shared));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run's place among the active ones. However its recorder ends, the next run starts.
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
        let mut schedule = self.inner.lock();
        schedule
            .active
            .retain(|other| !Arc::ptr_eq(other, &self.shared));
        self.inner.start_queued(&mut schedule);
    }
}
