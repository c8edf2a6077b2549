//! What must happen even when the window is hidden: results arrive, runs are followed, and the user's actions
//! are started. One file per place: its actions, and what happens with their results.
//!
//! Knows the state, the jobs and the engine; knows no view and no widget.

mod cases;
mod compare;
mod consent;
mod corpora;
mod experiments;
mod judging;
mod library;
mod live;
mod others;
mod paths;
mod playground;
mod queue;
mod runs;
mod serving;
#[cfg(feature = "audio")]
mod sound;
mod studies;
mod tables;
mod watch;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::others::ActiveRun;
use self::watch::Watch;
use super::Options;
use super::format::{self, Clock};
use super::jobs::{AtClose, Job, JobContext, JobResult, Jobs, Lane, Pending};
use super::place::Place;
use super::queries::stored::StoredRun;
use super::state::model::RunModel;
use super::state::{Prefs, State, listed_parts};
use crate::engine::{Message, Supervisor, Waker};
use crate::nn::device;
use crate::operations::launch::ResumableRun;
use crate::store::{self, RunId};

/// How long a frame may spend on results and messages.
const BUDGET: Duration = Duration::from_millis(5);
/// How long a run may take to save itself when the window closes.
const CLOSING: Duration = Duration::from_secs(20);

/// Polls a job and handles its result. True when that is done.
type FollowUp = Box<dyn FnMut(&mut Core) -> bool>;

/// How the window is woken.
pub struct Wakers {
    /// At once.
    pub now: Waker,
    /// For a run: at the rate at which its progress is shown.
    pub run: Waker,
}

/// The window's state and actions, everything but the drawing.
pub struct Core {
    // Declared before the jobs: dropping it cancels what is pending when the window closes.
    pub(in crate::app) state: State,
    follow_ups: VecDeque<FollowUp>,
    /// The run in progress, being read again from the store because messages were missed.
    reloading: Option<Pending<Box<RunModel>>>,
    /// Messages that arrived meanwhile.
    held_back: Vec<Message>,
    /// The run that is about to resume.
    resuming: Option<(RunId, Pending<Resumed>)>,
    watch: Watch,
    jobs: Jobs,
    wakers: Wakers,
    options: Options,
    /// Or why runs cannot be started.
    supervisor: Result<Supervisor, String>,
    /// The run in progress that Live shows.
    active: Option<ActiveRun>,
    /// The others in progress.
    others: Vec<ActiveRun>,
    /// Whether to show the place Live when the run being prepared starts.
    follow: bool,
    /// Whether a person's word for a program is being looked for or waited for.
    is_asking: bool,
    /// What goes on with it.
    allowed_then: Option<consent::Waiting>,
}

/// A resumable run, as read from the store.
struct Resumed {
    resumable: ResumableRun,
    /// What the rest of it needs at its fullest, in bytes.
    memory: u64,
    model: Box<RunModel>,
}

impl Core {
    /// See [`super::App::is_idle`].
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_idle()
    }

    /// Creates the state and starts the threads.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn new(
        options: Options,
        prefs: Prefs,
        clock: Clock,
        wakers: Wakers,
    ) -> std::io::Result<Self> {
        let mut jobs = Jobs::start(options.store.clone(), wakers.now.clone())?;
        let watch = Watch::start(&mut jobs);
        let access = store::access(&options.store);
        let supervisor = Supervisor::new(&options.store).map_err(|error| error.to_string());
        let devices = device::available().into_iter();
        let mut state = State {
            prefs,
            clock,
            now_ms: format::now_ms(),
            store: options.store.display().to_string(),
            devices: devices.map(|device| (device.name, device.title)).collect(),
            read_only: access
                .read_only
                .map(|why| format!("Nothing can be changed: {why}")),
            ..State::default()
        };
        state.runs.parts = listed_parts(&state.prefs);
        if access.closed {
            let words = "Other users could read this store; now only its owner can";
            state.notices.show(state.now_ms, words, false);
        }
        let mut core = Core {
            state,
            follow_ups: VecDeque::new(),
            reloading: None,
            held_back: Vec::new(),
            resuming: None,
            watch,
            jobs,
            wakers,
            options,
            supervisor,
            active: None,
            others: Vec::new(),
            follow: true,
            is_asking: false,
            allowed_then: None,
        };
        core.set_at_once(core.state.prefs.at_once);
        core.recall_runs();
        core.load_experiments();
        core.list_runs();
        core.load_queue();
        core.load_place(core.state.prefs.place);
        Ok(core)
    }

    /// Handles what arrived since the last frame, for at most [`BUDGET`].
    pub fn update(&mut self) {
        let until = Instant::now() + BUDGET;
        self.state.now_ms = format::now_ms();
        self.run_follow_ups(until);
        self.poll_experiments();
        self.poll_runs();
        self.poll_live();
        self.poll_others();
        self.poll_compared();
        self.poll_cases();
        self.poll_studies();
        self.state.people.tables.made.poll();
        self.state.library.sound.playing.poll();
        self.poll_library();
        self.poll_corpora();
        self.poll_playground();
        self.state.paths.completions.poll();
        self.start_next_queued();
        self.note_failures();
        self.receive_messages(until);
        self.state.agree();
        self.poll_watch();
    }

    /// Switches to a place and loads what it shows.
    pub fn go(&mut self, place: Place) {
        if place == Place::Runs && self.state.prefs.place == Place::Runs {
            self.state.runs.open = None;
        }
        self.state.prefs.place = place;
        self.load_place(place);
    }

    fn load_place(&mut self, place: Place) {
        match place {
            Place::Start | Place::Runs | Place::Compare => self.list_runs(),
            Place::Experiments => {
                self.check_needs();
                self.load_queue();
            }
            Place::Cases => self.load_cases(),
            Place::Studies => {
                self.load_studies();
                self.load_systems();
            }
            Place::Tables => {
                self.load_systems();
                self.load_studies();
                // Its inputs may have changed.
                self.watch.changed.tables = false;
                self.state.people.tables.made.invalidate();
            }
            Place::Playground => {
                self.load_models();
                self.load_cached_models();
            }
            Place::Data => {
                // A study may have become blind, or not be any more.
                self.state.library.records.forget_found();
                self.load_sets();
                self.load_models();
                self.load_cached_models();
            }
            Place::Live | Place::Settings => {}
        }
    }

    /// Queues a job and calls `then` with its result in a later frame. The job runs even if the window closes
    /// first.
    fn ask_then<T: Send + 'static>(
        &mut self,
        lane: Lane,
        work: impl FnOnce(&mut JobContext) -> JobResult<T> + Send + 'static,
        then: impl FnOnce(&mut Core, Result<T, String>) + 'static,
    ) {
        let pending = self.jobs.ask(lane, work).detach();
        self.follow_up(pending, then);
    }

    /// The same for long work on a thread of its own.
    fn spawn_then<T: Send + 'static>(
        &mut self,
        what: &'static str,
        at_close: AtClose,
        work: impl FnOnce(&mut JobContext) -> JobResult<T> + Send + 'static,
        then: impl FnOnce(&mut Core, Result<T, String>) + 'static,
    ) {
        let work = |context: &mut JobContext, _: &Job<()>| work(context);
        let pending = self.jobs.spawn(what, at_close, work);
        self.follow_up(pending, then);
    }

    /// Calls `then` with the result of a pending job.
    fn follow_up<T: 'static>(
        &mut self,
        pending: Pending<T>,
        then: impl FnOnce(&mut Core, Result<T, String>) + 'static,
    ) {
        let mut then = Some(then);
        self.follow_ups.push_back(Box::new(move |core| {
            let Some(result) = pending.poll() else {
                return false;
            };
            if let Some(then) = then.take() {
                then(core, result.map_err(|error| error.to_string()));
            }
            true
        }));
    }

    fn run_follow_ups(&mut self, until: Instant) {
        let mut left = std::mem::take(&mut self.follow_ups);
        left.retain_mut(|follow_up| {
            if Instant::now() < until {
                return !follow_up(self);
            }
            (self.wakers.now)();
            true
        });
        // Follow-ups may have added more.
        left.append(&mut self.follow_ups);
        self.follow_ups = left;
    }

    fn log_error(&mut self, words: impl Into<String>) {
        let now = self.state.now_ms;
        self.state.notices.log_error(now, words);
    }

    /// Logs an error that several places report only once.
    fn log_error_once(&mut self, words: String) {
        let known = &self.state.notices.log;
        if !known.iter().any(|(_, line)| *line == words) {
            self.log_error(words);
        }
    }

    /// Logs the failures that pages show, too.
    fn note_failures(&mut self) {
        let runs = &self.state.runs;
        let resume = runs.refused.as_ref();
        let found = [
            self.state.experiments.refused.clone(),
            resume.map(|(run, why)| format!("Run {run}: {why}")),
            runs.list.failure().map(str::to_string),
        ];
        for words in found.into_iter().flatten() {
            self.log_error_once(words);
        }
    }

    /// Stops the run in progress, if there is one, and waits until it has saved itself.
    pub fn shut_down(&mut self) {
        if let Ok(supervisor) = &self.supervisor
            && let Err(still) = supervisor.shutdown(CLOSING)
        {
            tracing::warn!(%still);
        }
    }
}

fn read_run(context: &mut JobContext, run: RunId) -> JobResult<StoredRun> {
    Ok(super::queries::stored::stored(context.reader()?, run)?)
}
