//! The trainer's observer: sends its reports to the recorder, and tells it what to do next.
//!
//! Knows the channel to the recorder, not the recorder.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::channel::Sender;

use super::control::Next;
use super::run::Shared;
use super::{Message, MessageKind};
use crate::experiment::{Change, Control, EventKind, Report, RunStatus, Stage};
use crate::store::{RunId, now_ms};
use crate::train::observer::{Directive, Observer, Wait};

pub(super) struct Reporter {
    run: RunId,
    shared: Arc<Shared>,
    recorder: Sender<Vec<Message>>,
    stage: Option<Stage>,
    step: u64,
    paused: bool,
    /// The recorder has ended: later reports would not be recorded.
    disconnected: bool,
}

impl Reporter {
    pub fn new(run: RunId, shared: Arc<Shared>, recorder: Sender<Vec<Message>>) -> Self {
        Reporter {
            run,
            shared,
            recorder,
            stage: None,
            step: 0,
            paused: false,
            disconnected: false,
        }
    }

    /// Sends reports to the recorder in one batch; waits while its queue is full.
    fn send(&mut self, reports: impl IntoIterator<Item = Report>) {
        let wall_ms = now_ms();
        let messages = reports
            .into_iter()
            .map(|report| Message {
                run: self.run,
                wall_ms,
                stage: self.stage,
                step: self.step,
                kind: MessageKind::Report(report),
            })
            .collect();
        self.disconnected |= self.recorder.send(messages).is_err();
    }

    /// Sends events of the current stage and step.
    fn send_events(&mut self, kinds: impl IntoIterator<Item = EventKind>) {
        let reports = kinds.into_iter();
        self.send(reports.map(|kind| Report::Event { at: None, kind }));
    }

    fn send_control(&mut self, control: Control) {
        self.send_events([EventKind::Control { control }]);
    }

    /// Changes that are still pending when the run stops are lost; that is recorded.
    fn record_dropped_changes(&mut self) {
        let Some(stage) = self.stage else { return };
        let step = self.step;
        let waiting = self.shared.requests.changes();
        if !waiting.is_empty() {
            let dropped =
                |change: Change| Report::event(stage, step, EventKind::ChangeDropped(change));
            self.send(waiting.into_iter().map(dropped));
        }
    }

    /// The next request; waits during a pause.
    fn next(&mut self) -> Next {
        let changeable = self.stage.is_some_and(Stage::trains_policy);
        let status = |status| EventKind::Status { status };
        let mut next = self.shared.requests.next(changeable);
        if next == Next::Pause {
            if !self.paused {
                self.paused = true;
                let control = Control::Pause;
                self.send_events([EventKind::Control { control }, status(RunStatus::Paused)]);
            }
            if !self.disconnected {
                next = self.shared.requests.next_after_pause(changeable);
            }
        }
        if matches!(next, Next::Go | Next::Set(_)) && self.paused {
            self.paused = false;
            let control = Control::Resume;
            self.send_events([EventKind::Control { control }, status(RunStatus::Running)]);
        }
        if self.disconnected { Next::Stop } else { next }
    }
}

impl Observer for Reporter {
    fn report(&mut self, report: Report) {
        if let Some((stage, step)) = report.at() {
            self.stage = Some(stage);
            self.step = step;
        }
        self.send([report]);
    }

    fn directive(&mut self) -> Directive {
        let (control, directive) = match self.next() {
            Next::Stop => {
                self.record_dropped_changes();
                (Control::Stop, Directive::Stop)
            }
            Next::Checkpoint => (Control::Checkpoint, Directive::Checkpoint),
            Next::Evaluate => (Control::Evaluate, Directive::Evaluate),
            Next::Set(change) => (Control::Set(change), Directive::Set(change)),
            Next::Go | Next::Pause => return Directive::Continue,
        };
        self.send_control(control);
        directive
    }

    fn wait(&mut self) -> Wait {
        if !self.shared.attended.load(Ordering::Acquire) {
            return Wait::Nobody;
        }
        self.shared.ask(Control::Pause);
        let mut changes = Vec::new();
        loop {
            match self.next() {
                Next::Stop => return Wait::Stop,
                Next::Set(change) => {
                    self.send_control(Control::Set(change));
                    changes.push(change);
                }
                // There is nothing to save or evaluate.
                Next::Checkpoint | Next::Evaluate => {}
                Next::Go | Next::Pause => return Wait::Go(changes),
            }
        }
    }
}
