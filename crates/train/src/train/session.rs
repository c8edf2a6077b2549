//! What the stages of a run share: settings, device, checkpoints and the observer.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;

use super::checkpoint::Checkpoints;
use super::error::TrainError;
use super::observer::{Directive, Observer, Wait};
use crate::checkpoint::Published;
use crate::experiment::{
    Alert, Change, Config, Control, EventKind, Report, RolloutResponse, SampleDialogue, Severity,
    Stage, resident_memory,
};
use crate::metrics::declared;

/// A run in progress.
pub struct Session<'a> {
    pub config: &'a Config,
    /// Without autodiff; trainers switch it on where they need gradients.
    pub device: Device,
    pub checkpoints: Checkpoints,
    pub observer: &'a mut dyn Observer,
}

/// How a run or one of its stages ended, if nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// On request; it can be resumed from its last checkpoint.
    Stopped,
}

/// Metrics by their declared names.
pub type Values = Vec<(String, f64)>;

impl Session<'_> {
    /// Reports the beginning of a stage of `total` steps, of which `step` have been done before.
    pub fn begin(&mut self, stage: Stage, step: u64, total: u64) {
        let begun = EventKind::StageBegun { total };
        self.observer.report(Report::event(stage, step, begun));
    }

    /// Reports the end of a stage.
    pub fn end(&mut self, stage: Stage, step: u64) {
        let done = EventKind::StageDone;
        self.observer.report(Report::event(stage, step, done));
    }

    /// Reports a step with its metrics.
    pub fn metrics(&mut self, stage: Stage, step: u64, total: u64, values: Values) {
        self.observer.report(Report::Metrics {
            stage,
            step,
            total,
            values,
        });
    }

    /// Reports the current answers to the sample dialogues.
    pub fn samples(&mut self, stage: Stage, step: u64, dialogues: Vec<SampleDialogue>) {
        self.observer.report(Report::Samples {
            stage,
            step,
            dialogues,
        });
    }

    /// Reports responses of a step's rollout, token by token.
    pub fn rollout(&mut self, stage: Stage, step: u64, responses: Vec<RolloutResponse>) {
        self.observer.report(Report::Rollout {
            stage,
            step,
            responses,
        });
    }

    /// Reports a message for a person.
    pub fn note(&mut self, stage: Stage, step: u64, severity: Severity, text: impl Into<String>) {
        let text = text.into();
        let note = EventKind::Note { severity, text };
        self.observer.report(Report::event(stage, step, note));
    }

    /// Reports what the trainer itself found wrong.
    pub fn alerts(&mut self, stage: Stage, step: u64, alerts: Vec<Alert>) {
        for alert in alerts.into_iter().map(EventKind::Alert) {
            self.observer.report(Report::event(stage, step, alert));
        }
    }

    /// Reports that the run goes on from an earlier step.
    pub fn back(&mut self, stage: Stage, step: u64) {
        let resumed = EventKind::Resumed;
        self.observer.report(Report::event(stage, step, resumed));
    }

    /// Reports that a changed setting holds after this step.
    pub fn changed(&mut self, stage: Stage, step: u64, change: Change) {
        let control = Control::Set(change);
        let set = EventKind::Control { control };
        self.observer.report(Report::event(stage, step, set));
    }

    /// Waits while the run is paused; true if it is to stop. For a stage without anything to save, evaluate or
    /// change between two steps.
    pub fn is_stopped(&mut self) -> bool {
        loop {
            match self.observer.directive() {
                Directive::Continue => return false,
                Directive::Stop => return true,
                Directive::Checkpoint | Directive::Evaluate | Directive::Set(_) => {}
            }
        }
    }

    /// After a loss that is not finite: waits for a person, if the settings ask for it and one is there.
    pub fn wait(&mut self) -> Wait {
        if self.config.alerts.pause {
            self.observer.wait()
        } else {
            Wait::Nobody
        }
    }

    /// Whether the settings ask for a checkpoint after `step`.
    pub fn checkpoint_is_due(&self, step: u64) -> bool {
        let every = self.config.run.checkpoint_every;
        every > 0 && step.is_multiple_of(every)
    }

    /// Writes a checkpoint, then reports it.
    pub fn checkpoint(
        &mut self,
        stage: Stage,
        step: u64,
        done: bool,
        write: impl FnOnce(&Path) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let Published { path, bytes } = self.checkpoints.publish(stage, step, done, write)?;
        let saved = EventKind::Checkpoint { path, bytes };
        self.observer.report(Report::event(stage, step, saved));
        Ok(())
    }
}

/// Tokens and seconds since the last measurement.
pub struct Speed {
    since: Instant,
    tokens: usize,
}

impl Speed {
    pub fn start() -> Self {
        Speed {
            since: Instant::now(),
            tokens: 0,
        }
    }

    pub fn count(&mut self, tokens: usize) {
        self.tokens += tokens;
    }

    /// Tokens a second since the last call.
    pub fn take(&mut self) -> f64 {
        let rate = self.tokens as f64 / self.since.elapsed().as_secs_f64().max(1e-9);
        *self = Speed::start();
        rate
    }
}

/// The program's resident memory, as a metric.
pub fn memory() -> Option<(String, f64)> {
    let bytes = resident_memory()?;
    Some((declared::RESIDENT_MEMORY.to_string(), bytes as f64))
}
