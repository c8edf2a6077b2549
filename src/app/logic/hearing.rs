//! What the window hears: prepared runs, replies of the store, events of the run in progress.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::TryRecvError;
use eframe::egui::Context;

use super::running::row_of;
use super::{App, LOOK_AGAIN};
use crate::app::command::Place;
use crate::app::state::form::Form;
use crate::app::state::model::RunModel;
use crate::app::state::{Held, LiveState, Loaded, OpenRun, RunPage};
use crate::app::views::start::QUICKSTART;
use crate::app::workers::launch;
use crate::app::workers::reader::{Answer, Listed, Reply, Request, StoredRun};
use crate::engine::{Message, MessageKind, RunEnd, RunHandle, RunState};
use crate::experiment::{Change, Event, EventKind, Report};
use crate::store::{RunId, RunRow, RunStatus, StoreError};

impl App {
    /// Runs of other programs move on without telling: look at them while they are in sight.
    pub(super) fn look_again(&mut self, ctx: &Context) {
        let Some(rows) = self.state.runs.rows.value() else {
            return;
        };
        let here = self.state.active().map(|run| run.id);
        let elsewhere = rows
            .iter()
            .any(|row| row.status.is_active() && Some(row.id) != here);
        let in_sight = matches!(self.state.prefs.place, Place::Start | Place::Runs);
        if !elsewhere || !in_sight {
            return;
        }
        let since = self.looked.elapsed();
        if since >= LOOK_AGAIN {
            self.ask_runs();
            if let Some(open) = &self.state.runs.open
                && rows_active(&self.state.runs.rows, open.id)
            {
                let id = open.id;
                self.asked.page = self.reader.ask(Request::Run(id));
            }
        }
        ctx.request_repaint_after(
            LOOK_AGAIN
                .saturating_sub(since)
                .max(Duration::from_millis(100)),
        );
    }

    pub(super) fn hear_launch(&mut self) {
        let Some(answers) = &self.launching else {
            return;
        };
        let prepared = match answers.try_recv() {
            Ok(prepared) => prepared,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                Err("preparing the run ended without an answer".into())
            }
        };
        self.launching = None;
        self.state.live.launching = None;
        match prepared {
            Ok(ready) => self.start(*ready),
            Err(why) => self.state.experiments.refused = Some(why),
        }
    }

    fn start(&mut self, ready: launch::Ready) {
        let row = row_of(&ready.new);
        let stages = ready.config.run.stages.clone();
        let started = ready.config.clone();
        let request = launch::start(ready, self.waker());
        match &self.supervisor {
            Some(supervisor) => self.handle = Some(supervisor.start(request)),
            None => {
                self.state.experiments.refused = Some(self.no_supervisor.clone());
                return;
            }
        }
        let mut model = RunModel::new(&row, &stages);
        model.started_with(&started);
        self.state.live = LiveState {
            run: Some(model),
            ..LiveState::default()
        };
        self.state.experiments.refused = None;
        if self.follow {
            self.state.prefs.place = Place::Live;
        }
    }

    pub(super) fn hear_store(&mut self, until: Instant) {
        while Instant::now() < until {
            let Some(Reply { id, answer }) = self.reader.reply() else {
                return;
            };
            match answer {
                Answer::Runs { deleted, entries } => self.hear_runs(id, deleted, entries),
                Answer::Compare(compared) if self.asked.compared == Some(id) => {
                    self.state.compare.answer = match compared {
                        Ok(compared) => Loaded::Value(compared),
                        Err(error) => Loaded::Failed(error.to_string()),
                    };
                }
                Answer::Fault(why) => {
                    self.asked.queue.take_if(|asked| *asked == id);
                    self.wrong(why);
                }
                Answer::Changed => {
                    if matches!(self.state.prefs.place, Place::Start | Place::Runs) {
                        self.ask_runs();
                    }
                    let experiments = &self.state.experiments;
                    if self.state.prefs.place == Place::Experiments
                        || experiments.queue.held == Held::No
                        || !experiments.queue.runs.is_empty()
                    {
                        self.ask_queue();
                    }
                }
                Answer::Queue(queue) => self.hear_queue(id, queue),
                Answer::Run(run, stored) => self.hear_stored(id, run, stored),
                Answer::Samples {
                    run,
                    stage,
                    step,
                    dialogues,
                } => {
                    for model in self.models_of(run) {
                        model.put_samples(
                            stage,
                            step,
                            dialogues.as_ref().map_err(ToString::to_string),
                        );
                    }
                }
                Answer::OverSteps {
                    run,
                    position,
                    answers,
                } => {
                    let answers = answers.map(Arc::new).map_err(|error| error.to_string());
                    for model in self.models_of(run) {
                        model.over_steps.put(position, answers.clone());
                    }
                }
                Answer::Rollout {
                    run,
                    stage,
                    step,
                    responses,
                } => {
                    let responses = responses.map(Arc::new).map_err(|error| error.to_string());
                    for model in self.models_of(run) {
                        model.rollout.put((stage, step), responses.clone());
                    }
                }
                Answer::Needs(needs) if self.asked.needs == Some(id) => {
                    self.state.experiments.needs.extend(needs);
                }
                Answer::Experiments(files) => {
                    self.state.experiments.files = Loaded::Value(files);
                    if self.state.experiments.form.is_none() {
                        self.state.experiments.form =
                            self.state.experiment(QUICKSTART).map(Form::new);
                    }
                    self.check_needs();
                }
                Answer::Compare(_) | Answer::Needs(_) => {}
            }
        }
        self.ctx.request_repaint();
    }

    /// What is in sight of a run: it may be live, and opened in Runs.
    fn models_of(&mut self, run: RunId) -> impl Iterator<Item = &mut RunModel> {
        let models = [
            self.state.live.run.as_mut(),
            self.state.runs.open.as_mut().and_then(OpenRun::model_mut),
        ];
        let of_run = move |model: &&mut RunModel| model.id == run;
        models.into_iter().flatten().filter(of_run)
    }

    fn hear_runs(&mut self, id: u64, deleted: bool, entries: Result<Vec<Listed>, StoreError>) {
        let awaited = if deleted {
            self.asked.deleted
        } else {
            self.asked.runs
        };
        if awaited != Some(id) {
            return;
        }
        match entries {
            Ok(entries) if deleted => self.state.runs.deleted = entries,
            Ok(entries) => {
                let rows = entries.iter().map(|listed| listed.entry.row.clone());
                self.state.runs.rows = Loaded::Value(rows.collect());
                self.state.runs.entries = entries;
            }
            Err(error) => self.state.runs.rows = Loaded::Failed(error.to_string()),
        }
    }

    fn hear_stored(&mut self, id: u64, run: RunId, stored: Result<Box<StoredRun>, StoreError>) {
        let outline = stored.as_ref().is_ok_and(|stored| stored.outline);
        if outline && self.asked.page != Some(id) {
            // Only a page that is looked at has use for it.
            return;
        }
        if self.asked.page == Some(id)
            && let Some(open) = self.state.runs.open.as_mut().filter(|open| open.id == run)
        {
            if !outline {
                self.asked.page = None;
            } else if open.page.value().is_some() {
                // The whole of an earlier look is more.
                return;
            }
            let earlier = std::mem::take(&mut open.page);
            open.page = match stored {
                Ok(mut stored) => {
                    let mut model = RunModel::from_store(&mut stored);
                    if let Loaded::Value(earlier) = earlier {
                        model.inherit(earlier.model);
                    }
                    Loaded::Value(Box::new(RunPage {
                        model,
                        stored: *stored,
                    }))
                }
                Err(error) => Loaded::Failed(error.to_string()),
            };
        } else if self.asked.live == Some(id) {
            self.asked.live = None;
            if let Ok(mut stored) = stored {
                let status = self.state.live.run.as_ref().map(|run| run.status);
                let mut model = RunModel::from_store(&mut stored);
                model.status = status.unwrap_or(model.status);
                if let Some(earlier) = self.state.live.run.take() {
                    model.inherit(earlier);
                }
                model.waiting = self.handle.as_ref().map_or(Vec::new(), RunHandle::waiting);
                self.state.live.run = Some(model);
            }
            for message in std::mem::take(&mut self.held) {
                self.receive(message);
            }
        } else if self.asked.resume == Some(id) {
            self.asked.resume = None;
            match stored {
                Ok(stored) => self.resume(run, *stored),
                Err(error) => self.state.runs.refused = Some((run, error.to_string())),
            }
        }
    }

    fn resume(&mut self, run: RunId, mut stored: StoredRun) {
        let Some(config) = stored.config.clone() else {
            let why = "its settings were written by another version of the program; this one cannot read them";
            self.state.runs.refused = Some((run, why.into()));
            return;
        };
        let request = launch::resume(run, config, self.waker());
        match &self.supervisor {
            Some(supervisor) => self.handle = Some(supervisor.start(request)),
            None => {
                self.state.runs.refused = Some((run, self.no_supervisor.clone()));
                return;
            }
        }
        let model = RunModel::from_store(&mut stored);
        self.state.live = LiveState {
            run: Some(model),
            ..LiveState::default()
        };
        self.state.runs.refused = None;
        self.state.prefs.place = Place::Live;
    }

    pub(super) fn hear_run(&mut self, until: Instant) {
        let Some(handle) = &self.handle else { return };
        let messages = handle.messages().clone();
        let mut closed = false;
        loop {
            if Instant::now() >= until {
                self.ctx.request_repaint();
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
            self.asked.live = self.reader.ask(Request::Run(run));
        }
        if closed {
            self.ended();
        }
    }

    /// Takes a message of the run in progress.
    pub fn receive(&mut self, message: Message) {
        if self.asked.live.is_some() {
            self.held.push(message);
            return;
        }
        let Some(model) = &mut self.state.live.run else {
            return;
        };
        model.id = message.run;
        let (stage, step, wall_ms) = (message.stage, message.step, message.wall_ms);
        let happened = |kind| Event {
            wall_ms,
            stage,
            step,
            kind,
        };
        let ended = |status| happened(EventKind::Status { status });
        match message.kind {
            MessageKind::Report(Report::Event {
                at: None,
                kind: EventKind::Status { status },
            }) => {
                let resumed = status == RunStatus::Running
                    && !model.tracks.is_empty()
                    && !model.status.is_active();
                model.status = status;
                model.error = None;
                model.happened(happened(EventKind::Status { status }));
                if resumed {
                    // What came after its checkpoint is forgotten in the store; so it is here.
                    self.asked.live = self.reader.ask(Request::Run(message.run));
                }
                if !status.is_active() {
                    model.ended_ms = Some(wall_ms);
                }
                self.ask_runs();
            }
            MessageKind::Report(Report::Event { at: None, kind }) => {
                model.happened(happened(kind));
            }
            MessageKind::Report(report) => model.apply(wall_ms, report),
            MessageKind::Failed { error } => {
                model.status = RunStatus::Failed;
                model.error = Some(error);
                model.ended_ms = Some(wall_ms);
                model.happened(ended(RunStatus::Failed));
                self.ask_runs();
            }
            MessageKind::Finished { results } => {
                model.status = RunStatus::Finished;
                model.ended_ms = Some(wall_ms);
                model.results = results;
                model.happened(ended(RunStatus::Finished));
                self.ask_runs();
            }
        }
    }

    /// The run's channel is closed: it has ended, or never began.
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
                // Another window has it: nothing is wrong, and the next one follows.
                RunEnd::NotStarted(error) if error.is_elsewhere() => self.state.live.run = None,
                RunEnd::NotStarted(error) => {
                    let why = error.to_string();
                    if model.tracks.is_empty() {
                        self.state.live.run = None;
                        self.state.experiments.refused = Some(why);
                        self.state.prefs.place = Place::Experiments;
                    } else {
                        // The run is as it was; why it does not go on is said on its page.
                        self.state.runs.refused = Some((model.id, why));
                        self.state.prefs.place = Place::Runs;
                    }
                }
            }
        }
        self.tell_what_waited();
        // Its page was read when it was not over yet.
        if let Some(open) = &self.state.runs.open
            && self
                .state
                .live
                .run
                .as_ref()
                .is_some_and(|run| run.id == open.id)
        {
            self.asked.page = self.reader.ask(Request::Run(open.id));
        }
        self.ask_runs();
    }

    /// Changes that still waited when the run ended were never made.
    fn tell_what_waited(&mut self) {
        let Some(run) = &mut self.state.live.run else {
            return;
        };
        let waited = std::mem::take(&mut run.waiting);
        if !waited.is_empty() {
            let words: Vec<String> = waited.iter().map(Change::words).collect();
            let told = format!(
                "run {} ended before these changes were made: {}",
                run.id,
                words.join(", ")
            );
            self.wrong(told);
        }
    }
}

fn rows_active(rows: &Loaded<Vec<RunRow>>, run: RunId) -> bool {
    rows.value().is_some_and(|rows| {
        rows.iter()
            .any(|row| row.id == run && row.status.is_active())
    })
}
