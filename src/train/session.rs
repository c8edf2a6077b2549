//! What every stage shares: whom it reports to, where it saves, when it stops.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;

use super::checkpoint::Checkpoints;
use super::error::TrainError;
use super::observer::{Directive, Observer, Wait};
use super::schedule::{Decay, Schedule};
use crate::checkpoint::Published;
use crate::experiment::{
    Change, Config, EventKind, LrSchedule, Report, RolloutResponse, SampleDialogue, Severity, Stage,
};
use crate::metrics::declared;

/// Where a run is carried out.
pub struct Session<'a> {
    pub config: &'a Config,
    /// Without autodiff; trainers switch it on where they need gradients.
    pub device: Device,
    pub checkpoints: Checkpoints,
    pub observer: &'a mut dyn Observer,
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It did all it was asked to.
    Done,
    /// It was told to stop, and can go on from its last checkpoint.
    Stopped,
}

/// What a person asks for between two steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// Save a checkpoint.
    Checkpoint,
    /// Evaluate on the validation subset.
    Evaluate,
    /// Take a setting's new value, and save a checkpoint that holds it.
    Set(Change),
}

impl Session<'_> {
    /// Says that a stage begins.
    pub fn begin(&mut self, stage: Stage, total: u64) {
        let begun = EventKind::StageBegun { total };
        self.observer.report(Report::event(stage, 0, begun));
    }

    /// Says that a stage is over.
    pub fn end(&mut self, stage: Stage, step: u64) {
        let done = EventKind::StageDone;
        self.observer.report(Report::event(stage, step, done));
    }

    /// Says that a step is done, and what was measured at it.
    pub fn metrics(&mut self, stage: Stage, step: u64, total: u64, values: Vec<(String, f64)>) {
        self.observer.report(Report::Metrics {
            stage,
            step,
            total,
            values,
        });
    }

    /// Shows how the sample dialogues are answered now.
    pub fn samples(&mut self, stage: Stage, step: u64, dialogues: Vec<SampleDialogue>) {
        self.observer.report(Report::Samples {
            stage,
            step,
            dialogues,
        });
    }

    /// Shows responses of the step's rollout, token by token.
    pub fn rollout(&mut self, stage: Stage, step: u64, responses: Vec<RolloutResponse>) {
        self.observer.report(Report::Rollout {
            stage,
            step,
            responses,
        });
    }

    /// Tells a person something.
    pub fn note(&mut self, stage: Stage, step: u64, severity: Severity, text: impl Into<String>) {
        let text = text.into();
        let note = EventKind::Note { severity, text };
        self.observer.report(Report::event(stage, step, note));
    }

    /// Does what is asked of the run after the step just reported, one thing after the other, until it is to
    /// go on or to stop: a run that is paused makes no step meanwhile. True where it is to stop.
    pub fn attend(
        &mut self,
        mut carry_out: impl FnMut(&mut Self, Asked) -> Result<(), TrainError>,
    ) -> Result<bool, TrainError> {
        loop {
            let asked = match self.observer.directive() {
                Directive::Continue => return Ok(false),
                Directive::Stop => return Ok(true),
                Directive::Checkpoint => Asked::Checkpoint,
                Directive::Evaluate => Asked::Evaluate,
                Directive::Set(change) => Asked::Set(change),
            };
            carry_out(self, asked)?;
        }
    }

    /// After a loss that is not finite: waits for a person, where the settings ask for it and one is
    /// there.
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

    /// Writes a checkpoint, then says so.
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

/// The schedule that a stage's settings ask for.
pub fn schedule(lr: f64, decay: LrSchedule, total: u64) -> Schedule {
    Schedule {
        peak: lr,
        warmup: 0,
        total,
        decay: match decay {
            LrSchedule::Constant => Decay::Constant,
            LrSchedule::Linear => Decay::Linear,
        },
    }
}

/// Tokens and seconds since the last look.
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

/// Resident memory of the program, as a metric.
pub fn memory() -> Option<(String, f64)> {
    let bytes = memory_stats::memory_stats()?.physical_mem;
    Some((declared::RESIDENT_MEMORY.to_string(), bytes as f64))
}
