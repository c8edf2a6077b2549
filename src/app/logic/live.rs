//! The run in progress: preparing, starting, resuming, following and controlling it, and changing its settings.

use std::time::Instant;

use crossbeam::channel::TryRecvError;

use super::{Core, Resumed, read_run};
use crate::app::format;
use crate::app::jobs::{AtClose, Job, Lane, Pending};
use crate::app::place::Place;
use crate::app::state::LiveState;
use crate::app::state::model::RunModel;
use crate::engine::{
    Control, Listener, Message, MessageKind, RunEnd, RunHandle, RunState, StartRequest,
};
use crate::experiment::{Change, Event, EventKind, Report};
use crate::operations::launch::{self, PlannedRun, PreparedRun};
use crate::store::{NewRun, QueueId, RunId, RunRef, RunRow, RunStatus};

impl Core {
    /// Whether a run is in progress or about to start.
    pub(super) fn is_busy(&self) -> bool {
        self.handle.is_some()
            || self.state.live.launching.is_some()
            || self.resuming.is_some()
            || self.is_asking
    }

    pub fn has_run(&self) -> bool {
        self.handle.is_some()
    }

    /// Starts a run and shows it.
    pub fn start(&mut self, planned: PlannedRun) {
        self.follow = true;
        self.launch(planned, None);
    }

    /// Prepares a run and starts it; `queued` is its place in the queue, if it comes from there.
    pub(super) fn launch(&mut self, planned: PlannedRun, queued: Option<QueueId>) {
        if self.is_busy() {
            return;
        }
        if let Err(why) = &self.supervisor {
            self.state.experiments.refused = Some(why.clone());
            return;
        }
        self.state.live.launching = Some(planned.name.clone());
        self.state.experiments.refused = None;
        self.state.experiments.queue.starting = queued;
        self.spawn_then(
            "Preparing the run",
            AtClose::Abandon,
            move |context| {
                let prepared = launch::prepare(context.dir(), planned, queued)?;
                prepared.require_memory()?;
                Ok(Box::new(prepared))
            },
            |core, prepared| {
                core.state.live.launching = None;
                match prepared {
                    Ok(prepared) => {
                        let config = prepared.config.clone();
                        core.once_allowed(vec![config], |core| core.start_prepared(*prepared));
                    }
                    Err(why) => core.state.experiments.refused = Some(why),
                }
            },
        );
    }

    fn start_prepared(&mut self, prepared: PreparedRun) {
        let stages = prepared.config.run.stages.clone();
        let mut model = RunModel::new(&row_of(&prepared.new), &stages);
        model.started_with(&prepared.config);
        let request = prepared.request(Listener::Lossy, Some(self.wakers.run.clone()));
        if let Err(why) = self.supervise(request, model) {
            self.state.experiments.refused = Some(why);
            return;
        }
        self.state.experiments.refused = None;
        if self.follow {
            self.state.prefs.place = Place::Live;
        }
    }

    /// Passes a run to the supervisor and shows it as the one in progress.
    fn supervise(&mut self, request: StartRequest, model: RunModel) -> Result<(), String> {
        let supervisor = self.supervisor.as_ref().map_err(String::clone)?;
        self.handle = Some(supervisor.start(request));
        self.state.live = LiveState {
            run: Some(model),
            ..LiveState::default()
        };
        Ok(())
    }

    /// Resumes a run that was stopped or interrupted.
    pub fn resume_run(&mut self, run: RunId) {
        if self.handle.is_some() {
            return;
        }
        let what = "Preparing the run";
        let pending = self
            .jobs
            .spawn(what, AtClose::Abandon, move |context, _: &Job<()>| {
                let from = RunRef { run, step: None };
                let resumable = launch::resume(context.dir(), from)?;
                resumable.require_memory()?;
                let mut stored = read_run(context, run)?;
                Ok((resumable, Box::new(RunModel::from_store(&mut stored))))
            });
        self.resuming = Some((run, pending));
    }

    fn start_resumed(&mut self, run: RunId, resumed: Result<Resumed, String>) {
        let (resumable, model) = match resumed {
            Ok(resumed) => resumed,
            Err(why) => {
                self.state.runs.refused = Some((run, why));
                return;
            }
        };
        self.once_allowed(vec![resumable.config.clone()], move |core| {
            let request = resumable.request(Listener::Lossy, Some(core.wakers.run.clone()));
            let started = core.supervise(request, *model);
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
        model.waiting = self.handle.as_ref().map_or(Vec::new(), RunHandle::waiting);
        self.state.live.run = Some(model);
    }

    /// Reads the run in progress again: messages were missed, or are out of date.
    fn reload_live(&mut self, run: RunId) {
        self.reloading = Some(self.jobs.ask(Lane::Reader, move |context| {
            let mut stored = read_run(context, run)?;
            Ok(Box::new(RunModel::from_store(&mut stored)))
        }));
    }

    pub(super) fn receive_messages(&mut self, until: Instant) {
        let Some(handle) = &self.handle else { return };
        let messages = handle.messages().clone();
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
        let Some(handle) = &self.handle else { return };
        if handle.take_lagging()
            && let Some(run) = handle.id()
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
        let Some(handle) = self.handle.take() else {
            return;
        };
        self.state.live.stopping = false;
        if let RunState::Ended(end) = handle.state()
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
        if let (Some(handle), Some(run)) = (&self.handle, &mut self.state.live.run)
            && run.no_difference(&change).is_none()
        {
            handle.control(Control::Set(change));
            run.request(change);
        }
    }

    /// Withdraws a change that is still waiting.
    pub fn withdraw_change(&mut self, change: &Change) {
        if let (Some(handle), Some(run)) = (&self.handle, &mut self.state.live.run)
            && handle.withdraw(change)
        {
            run.waiting.retain(|waiting| waiting != change);
        }
    }

    /// Pauses, resumes or stops the run in progress, or asks for a checkpoint or an evaluation.
    pub fn control(&mut self, control: Control) {
        if let Some(handle) = &self.handle {
            self.state.live.stopping |= matches!(control, Control::Stop);
            handle.control(control);
        }
    }
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
