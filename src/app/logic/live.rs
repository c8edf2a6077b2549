//! The run in progress: preparing, starting, resuming, following and controlling it, and changing its settings.

use std::time::Instant;

use crossbeam::channel::TryRecvError;

use super::others::ActiveRun;
use super::{Core, Resumed, read_run};
use crate::app::format;
use crate::app::jobs::{AtClose, Job, Lane, Pending};
use crate::app::naming::without_commands;
use crate::app::place::Place;
use crate::app::state::LiveState;
use crate::app::state::model::RunModel;
use crate::engine::{Control, Listener, Message, MessageKind, RunEnd, RunState, StartRequest};
use crate::experiment::{Change, Event, EventKind, Report};
use crate::operations::OperationError;
use crate::operations::launch::{self, PlannedRun, PreparedRun, promised_memory};
use crate::store::{NewRun, QueueId, RunId, RunRef, RunRow, RunStatus};

impl Core {
    /// Whether a run is about to start or to resume.
    pub(super) fn is_starting(&self) -> bool {
        self.state.live.launching.is_some() || self.resuming.is_some() || self.is_asking
    }

    /// Whether any run is in progress.
    pub fn has_run(&self) -> bool {
        self.active.is_some() || !self.others.is_empty()
    }

    /// Starts a run and shows it.
    pub fn start(&mut self, planned: PlannedRun) {
        self.follow = true;
        self.launch(planned, None);
    }

    /// Prepares a run and starts it; `queued` is its place in the queue, if it comes from there.
    pub(super) fn launch(&mut self, planned: PlannedRun, queued: Option<QueueId>) {
        if self.is_starting() || self.is_full() {
            return;
        }
        if let Err(why) = &self.supervisor {
            self.state.experiments.refused = Some(why.clone());
            return;
        }
        self.state.live.launching = Some(planned.name.clone());
        self.state.experiments.refused = None;
        self.state.experiments.queue.starting = queued;
        let active = self.memory_of_active();
        self.spawn_then(
            "Preparing the run",
            AtClose::Abandon,
            move |context| {
                let prepared = launch::prepare(context.dir(), planned, queued)?;
                let memory = prepared.require_memory(promised_memory(&active));
                if let Err(error @ OperationError::NotEnoughMemory { .. }) = &memory
                    && queued.is_some()
                    && !active.is_empty()
                {
                    return Ok(Launch::Later(without_commands(&error.to_string())));
                }
                Ok(Launch::Now(Box::new(prepared), memory?))
            },
            |core, launch| {
                core.state.live.launching = None;
                match launch {
                    Ok(Launch::Now(prepared, memory)) => {
                        let config = prepared.config.clone();
                        core.once_allowed(vec![config], move |core| {
                            core.start_prepared(*prepared, memory);
                        });
                    }
                    Ok(Launch::Later(why)) => {
                        core.state.experiments.queue.starting = None;
                        core.state.experiments.queue.short_of_memory = Some(why);
                    }
                    Err(why) => core.state.experiments.refused = Some(why),
                }
            },
        );
    }

    fn start_prepared(&mut self, prepared: PreparedRun, memory: u64) {
        let stages = prepared.config.run.stages.clone();
        let mut model = RunModel::new(&row_of(&prepared.new), &stages);
        model.started_with(&prepared.config);
        let request = prepared.request(Listener::Lossy, Some(self.wakers.run.clone()));
        if let Err(why) = self.supervise(request, memory, model) {
            self.state.experiments.refused = Some(why);
            return;
        }
        self.state.experiments.refused = None;
        if self.follow {
            self.state.prefs.place = Place::Live;
        }
    }

    /// Passes a run to the supervisor and shows it in Live; one from the queue only if no other is in progress there.
    fn supervise(
        &mut self,
        request: StartRequest,
        memory: u64,
        model: RunModel,
    ) -> Result<(), String> {
        let supervisor = self.supervisor.as_ref().map_err(String::clone)?;
        let handle = supervisor.start(request);
        let started = ActiveRun { handle, memory };
        if self.active.is_some() && !self.follow {
            self.others.push(started);
            return Ok(());
        }
        self.others.extend(self.active.replace(started));
        self.reloading = None;
        self.held_back.clear();
        self.state.live = LiveState {
            run: Some(model),
            ..LiveState::default()
        };
        Ok(())
    }

    /// Resumes a run that was stopped or interrupted.
    pub fn resume_run(&mut self, run: RunId) {
        if self.is_starting() || self.is_full() {
            return;
        }
        self.follow = true;
        let active = self.memory_of_active();
        let what = "Preparing the run";
        let pending = self
            .jobs
            .spawn(what, AtClose::Abandon, move |context, _: &Job<()>| {
                let from = RunRef { run, step: None };
                let resumable = launch::resume(context.dir(), from)?;
                let memory = resumable.require_memory(promised_memory(&active))?;
                let mut stored = read_run(context, run)?;
                let model = Box::new(RunModel::from_store(&mut stored));
                Ok(Resumed {
                    resumable,
                    memory,
                    model,
                })
            });
        self.resuming = Some((run, pending));
    }

    fn start_resumed(&mut self, run: RunId, resumed: Result<Resumed, String>) {
        let resumed = match resumed {
            Ok(resumed) => resumed,
            Err(why) => {
                self.state.runs.refused = Some((run, why));
                return;
            }
        };
        self.once_allowed(vec![resumed.resumable.config.clone()], move |core| {
            let waker = Some(core.wakers.run.clone());
            let request = resumed.resumable.request(Listener::Lossy, waker);
            let started = core.supervise(request, resumed.memory, *resumed.model);
            core.state.runs.refused = started.err().map(|why| (run, why));
            if core.state.runs.refused.is_none() {
                core.state.prefs.place = Place::Live;
            }
        });
    }

    pub(super) fn poll_live(&mut self) {
        if let Some((run, pending)) = &self.resuming
            && let Some(resumed) = pending.poll()
        {
            let run = *run;
            self.resuming = None;
            self.start_resumed(run, resumed.map_err(|error| error.to_string()));
        }
        if let Some(model) = &mut self.state.live.run {
            model.poll();
        }
        if let Some(reloaded) = self.reloading.as_ref().and_then(Pending::poll) {
            self.reloading = None;
            match reloaded {
                Ok(model) => self.replace_live(*model),
                Err(error) => self.log_error(error.to_string()),
            }
            for message in std::mem::take(&mut self.held_back) {
                self.receive(message);
            }
        }
    }

    fn replace_live(&mut self, mut model: RunModel) {
        if let Some(earlier) = self.state.live.run.take() {
            model.status = earlier.status;
            model.inherit(earlier);
        }
        let waiting = self.active.as_ref().map(|run| run.handle.waiting());
        model.waiting = waiting.unwrap_or_default();
        self.state.live.run = Some(model);
    }

    /// Reads the run in progress again: messages were missed, or are out of date.
    pub(super) fn reload_live(&mut self, run: RunId) {
        self.reloading = Some(self.jobs.ask(Lane::Reader, move |context| {
            let mut stored = read_run(context, run)?;
            Ok(Box::new(RunModel::from_store(&mut stored)))
        }));
    }

    pub(super) fn receive_messages(&mut self, until: Instant) {
        let Some(active) = &self.active else { return };
        let messages = active.handle.messages().clone();
        let mut closed = false;
        loop {
            if Instant::now() >= until {
                (self.wakers.now)();
                return;
            }
            match messages.try_recv() {
                Ok(message) => self.receive(message),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    closed = true;
                    break;
                }
            }
        }
        let Some(active) = &self.active else { return };
        if active.handle.take_lagging()
            && let Some(run) = active.handle.id()
        {
            self.reload_live(run);
        }
        if closed {
            self.ended();
        }
    }

    /// Applies a message of the run in progress.
    fn receive(&mut self, message: Message) {
        if self.reloading.is_some() {
            self.held_back.push(message);
            return;
        }
        self.tell(&message);
        let Some(model) = &mut self.state.live.run else {
            return;
        };
        model.id = message.run;
        let (stage, step, wall_ms) = (message.stage, message.step, message.wall_ms);
        let event = |kind| Event {
            wall_ms,
            stage,
            step,
            kind,
        };
        let ended = |status| event(EventKind::Status { status });
        match message.kind {
            MessageKind::Report(Report::Event {
                at: None,
                kind: EventKind::Status { status },
            }) => {
                model.status = status;
                model.error = None;
                model.add_live_event(event(EventKind::Status { status }));
                if !status.is_active() {
                    model.ended_ms = Some(wall_ms);
                }
                self.list_runs();
            }
            MessageKind::Report(Report::Event {
                kind: kind @ EventKind::Resumed,
                ..
            }) => {
                model.add_live_event(event(kind));
                // The store has set aside what came after the checkpoint; so must this model.
                self.reload_live(message.run);
            }
            MessageKind::Report(Report::Event { at: None, kind }) => {
                model.add_live_event(event(kind));
            }
            MessageKind::Report(report) => model.apply(wall_ms, report),
            MessageKind::Failed { error } => {
                model.status = RunStatus::Failed;
                model.error = Some(error);
                model.ended_ms = Some(wall_ms);
                model.add_live_event(ended(RunStatus::Failed));
                self.list_runs();
            }
            MessageKind::Finished { results } => {
                model.status = RunStatus::Finished;
                model.ended_ms = Some(wall_ms);
                model.results = results;
                model.add_live_event(ended(RunStatus::Finished));
                self.list_runs();
            }
        }
    }

    /// The run's channel is closed: it has ended, or never started.
    fn ended(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        self.state.live.stopping = false;
        self.state.experiments.queue.short_of_memory = None;
        if let RunState::Ended(end) = active.handle.state()
            && let Some(model) = &mut self.state.live.run
        {
            match end {
                RunEnd::Finished(_) => model.status = RunStatus::Finished,
                RunEnd::Stopped(_) => model.status = RunStatus::Stopped,
                RunEnd::Failed(_, error) => {
                    model.status = RunStatus::Failed;
                    model.error = Some(error);
                }
                // Another window has taken it: not an error, the next one follows.
                RunEnd::NotStarted(error) if error.is_elsewhere() => self.state.live.run = None,
                RunEnd::NotStarted(error) => {
                    let why = error.to_string();
                    if model.tracks.is_empty() {
                        self.state.live.run = None;
                        self.state.experiments.refused = Some(why);
                        self.state.prefs.place = Place::Experiments;
                    } else {
                        // The run is unchanged; its page says why it cannot be resumed.
                        self.state.runs.refused = Some((model.id, why));
                        self.state.prefs.place = Place::Runs;
                    }
                }
            }
        }
        self.log_unmade_changes();
        if let Some(run) = &self.state.live.run {
            let mut rows = self.state.runs.list.value_mut().into_iter().flatten();
            if let Some(listed) = rows.find(|listed| listed.entry.row.id == run.id) {
                run.lead(&mut listed.entry.row);
            }
        }
        // Its page was read before it ended.
        let live = self.state.live.run.as_ref().map(|run| run.id);
        let open = self.state.runs.open.as_ref().map(|open| open.id);
        if open.is_some() && open == live {
            self.load_page();
        }
        self.list_runs();
    }

    /// Logs the changes that were still waiting when the run ended.
    fn log_unmade_changes(&mut self) {
        let Some(run) = &mut self.state.live.run else {
            return;
        };
        let (id, waited) = (run.id, std::mem::take(&mut run.waiting));
        if !waited.is_empty() {
            let words: Vec<String> = waited.iter().map(Change::words).collect();
            let words = words.join(", ");
            self.log_error(format!(
                "run {id} ended before these changes were made: {words}"
            ));
        }
    }

    /// Requests a change of a setting, unless it would make no difference, such as a second click.
    pub fn change(&mut self, change: Change) {
        if let (Some(active), Some(run)) = (&self.active, &mut self.state.live.run)
            && run.no_difference(&change).is_none()
        {
            active.handle.control(Control::Set(change));
            run.request(change);
        }
    }

    /// Withdraws a change that is still waiting.
    pub fn withdraw_change(&mut self, change: &Change) {
        if let (Some(active), Some(run)) = (&self.active, &mut self.state.live.run)
            && active.handle.withdraw(change)
        {
            run.waiting.retain(|waiting| waiting != change);
        }
    }

    /// Pauses, resumes or stops the run in progress, or asks for a checkpoint or an evaluation.
    pub fn control(&mut self, control: Control) {
        if let Some(active) = &self.active {
            self.state.live.stopping |= matches!(control, Control::Stop);
            active.handle.control(control);
        }
    }
}

/// What comes of preparing a run.
enum Launch {
    /// With what it needs at its fullest, in bytes.
    Now(Box<PreparedRun>, u64),
    /// It does not fit beside the runs in progress.
    Later(String),
}

/// What is known of a run before the engine starts it.
fn row_of(new: &NewRun) -> RunRow {
    RunRow {
        id: RunId(0),
        name: new.name.clone(),
        experiment: new.experiment.clone(),
        seed: new.seed,
        device: new.device.clone(),
        status: RunStatus::Running,
        stage: None,
        step: 0,
        total: 0,
        started: format::now_ms(),
        ended: None,
        heartbeat: 0,
        error: None,
        note: String::new(),
        tags: Vec::new(),
        archived: false,
        deleted: None,
        summary: Default::default(),
    }
}
