//! The trainer's end of a run: takes its reports, and tells it what to do.
//!
//! Knows the way to the recorder, not what happens there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::channel::Sender;

use super::control::Next;
use super::run::Shared;
use super::{Control, Event, EventKind};
use crate::experiment::{CHANGEABLE_STAGE, Report, Severity, Stage};
use crate::store::{RunId, RunStatus, now_ms};
use crate::train::observer::{Directive, Observer, Wait};

pub(super) struct Reporter {
    run: RunId,
    shared: Arc<Shared>,
    recorder: Sender<Vec<Event>>,
    stage: Option<Stage>,
    step: u64,
    paused: bool,
    /// The recorder has given up: what is done from now on would be on no record.
    deaf: bool,
}

impl Reporter {
    pub fn new(run: RunId, shared: Arc<Shared>, recorder: Sender<Vec<Event>>) -> Self {
        Reporter {
            run,
            shared,
            recorder,
            stage: None,
            step: 0,
            paused: false,
            deaf: false,
        }
    }

    /// Hands events to the recorder, waiting for room if need be.
    fn send(&mut self, kinds: impl IntoIterator<Item = EventKind>) {
        let wall_ms = now_ms();
        let events = kinds
            .into_iter()
            .map(|kind| Event {
                run: self.run,
                wall_ms,
                stage: self.stage,
                step: self.step,
                kind,
            })
            .collect();
        self.deaf |= self.recorder.send(events).is_err();
    }

    /// Changes that were asked for and that no step has taken are lost when the run stops: that is on record.
    fn note_waiting(&mut self) {
        let Some(stage) = self.stage else { return };
        let step = self.step;
        let notes = self.shared.requests.changes().into_iter().map(|change| {
            EventKind::Report(Report::Note {
                stage,
                step,
                severity: Severity::Warning,
                text: format!(
                    "{} was asked for and not taken before the run stopped; ask again once it goes on",
                    change.words()
                ),
            })
        });
        let notes: Vec<EventKind> = notes.collect();
        if !notes.is_empty() {
            self.send(notes);
        }
    }

    /// What is wanted next; waits while that is a pause.
    fn next(&mut self) -> Next {
        let changeable = self.stage == Some(CHANGEABLE_STAGE);
        let mut next = self.shared.requests.next(changeable);
        if next == Next::Pause {
            if !self.paused {
                self.paused = true;
                self.send([
                    EventKind::Control(Control::Pause),
                    EventKind::Status(RunStatus::Paused),
                ]);
            }
            if !self.deaf {
                next = self.shared.requests.next_after_pause(changeable);
            }
        }
        if matches!(next, Next::Go | Next::Set(_)) && self.paused {
            self.paused = false;
            self.send([
                EventKind::Control(Control::Resume),
                EventKind::Status(RunStatus::Running),
            ]);
        }
        if self.deaf { Next::Stop } else { next }
    }
}

impl Observer for Reporter {
    fn report(&mut self, report: Report) {
        let at = match &report {
            Report::Stage { stage, .. } => Some((*stage, 0)),
            Report::StageDone { stage, step }
            | Report::Metrics { stage, step, .. }
            | Report::Samples { stage, step, .. }
            | Report::Rollout { stage, step, .. }
            | Report::Checkpoint { stage, step, .. }
            | Report::Note { stage, step, .. } => Some((*stage, *step)),
            Report::Identifiers { .. } | Report::Results { .. } => None,
        };
        if let Some((stage, step)) = at {
            self.stage = Some(stage);
            self.step = step;
        }
        self.send([EventKind::Report(report)]);
    }

    fn directive(&mut self) -> Directive {
        let (control, directive) = match self.next() {
            Next::Stop => {
                self.note_waiting();
                (Control::Stop, Directive::Stop)
            }
            Next::Checkpoint => (Control::Checkpoint, Directive::Checkpoint),
            Next::Evaluate => (Control::Evaluate, Directive::Evaluate),
            Next::Set(change) => (Control::Set(change), Directive::Set(change)),
            Next::Go | Next::Pause => return Directive::Continue,
        };
        self.send([EventKind::Control(control)]);
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
                    self.send([EventKind::Control(Control::Set(change))]);
                    changes.push(change);
                }
                // There is nothing yet to save or to look at.
                Next::Checkpoint | Next::Evaluate => {}
                Next::Go | Next::Pause => return Wait::Go(changes),
            }
        }
    }
}
