//! The driver of every training stage, and the trait that a stage implements.
//!
//! [`train`] resumes from the last checkpoint, takes step after step, evaluates and saves when due, handles
//! requests between two steps, and saves the trained model at the end. Each stage implements
//! [`StageTrainer`]; this file knows no network, loss or data.

use std::path::Path;

use super::checkpoint::Checkpoint;
use super::error::TrainError;
use super::observer::{Directive, Wait};
use super::session::{Session, Values, memory};
use crate::experiment::{Change, RolloutResponse, SampleDialogue, Severity, Stage};

/// A training stage, as [`train`] drives it.
pub trait StageTrainer {
    /// Everything that a step changes: models, optimizer, counters. Passed by value, so that parameters are
    /// updated in place.
    type Learner;
    /// The result, for later stages.
    type Trained;

    fn stage(&self) -> Stage;

    /// Steps of the stage, if it does not stop early.
    fn total(&self) -> u64;

    /// The learner before the first step, or as [`StageTrainer::save`] wrote it.
    ///
    /// # Errors
    /// The checkpoint cannot be read.
    fn start(&mut self, from: Option<&Checkpoint>) -> Result<Self::Learner, TrainError>;

    /// Writes all that [`StageTrainer::start`] reads.
    fn save(&self, learner: &Self::Learner, folder: &Path) -> Result<(), TrainError>;

    /// Steps done. May skip numbers where a part of the stage stopped early.
    fn steps(&self, learner: &Self::Learner) -> u64;

    /// Whether no step is left.
    fn is_complete(&self, learner: &Self::Learner) -> bool {
        self.steps(learner) >= self.total()
    }

    /// Takes one step; returns its metrics, which the driver reports. The session is for notes.
    ///
    /// # Errors
    /// The step failed; the learner is lost with it.
    fn step(
        &mut self,
        session: &mut Session<'_>,
        learner: Self::Learner,
    ) -> Result<(Self::Learner, Values), StepError>;

    /// Called once a step's metrics, and its evaluation if there was one, are reported.
    fn after_step(
        &mut self,
        _session: &mut Session<'_>,
        _learner: &mut Self::Learner,
        _evaluated: bool,
    ) {
    }

    /// Whether to save a checkpoint if due and to handle requests after the step just taken.
    fn can_pause(&self, learner: &Self::Learner) -> bool {
        !self.is_complete(learner)
    }

    /// Evaluates on validation data, if there are any. The driver calls this before the first step and after each,
    /// and on request. Only a scheduled evaluation may change the learner (its best model so far).
    fn evaluate(&self, learner: &mut Self::Learner, when: When) -> Option<Evaluation>;

    /// Applies a changed setting from the next step on. Called only in the stage whose settings may change.
    ///
    /// # Errors
    /// The value is out of the setting's range.
    fn set(&mut self, _learner: &mut Self::Learner, _change: &Change) -> Result<(), TrainError> {
        Ok(())
    }

    /// The trained model, once the stage is complete.
    fn finish(&mut self, learner: Self::Learner) -> Self::Trained;

    /// Writes the final checkpoint.
    fn save_trained(&self, trained: &Self::Trained, folder: &Path) -> Result<(), TrainError>;

    /// Reads the final checkpoint of a stage that is done.
    fn load_trained(&self, folder: &Path) -> Result<Self::Trained, TrainError>;

    /// Reports results of the trained model besides metrics.
    fn report_trained(&self, _session: &mut Session<'_>, _trained: &Self::Trained) {}
}

/// When to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// If it is due by the settings.
    Scheduled,
    /// In any case.
    Requested,
}

/// Results of an evaluation.
#[derive(Debug, Default)]
pub struct Evaluation {
    pub values: Values,
    pub samples: Option<Vec<SampleDialogue>>,
    /// Responses of the last step, token by token.
    pub rollout: Option<Vec<RolloutResponse>>,
}

/// Why a step failed.
#[derive(Debug)]
pub enum StepError {
    /// The run ends.
    Fatal(TrainError),
    /// The loss is not finite. The stage can go back to its last checkpoint.
    Diverged {
        error: TrainError,
        rollout: Vec<RolloutResponse>,
    },
}

impl From<TrainError> for StepError {
    fn from(error: TrainError) -> Self {
        StepError::Fatal(error)
    }
}

/// Runs a stage to its end, from its last checkpoint if there is one. `None` if it was stopped; it can then be
/// resumed.
///
/// # Errors
/// A step fails, or a checkpoint cannot be read or written.
pub fn train<T: StageTrainer>(
    session: &mut Session<'_>,
    trainer: &mut T,
) -> Result<Option<T::Trained>, TrainError> {
    let stage = trainer.stage();
    let last = last_checkpoint(session, stage)?;
    if let Some(done) = last.as_ref().filter(|last| last.listing.done) {
        let trained = trainer.load_trained(&done.folder)?;
        trainer.report_trained(session, &trained);
        return Ok(Some(trained));
    }
    let learner = trainer.start(last.as_ref())?;
    let step = last.as_ref().map_or(0, |last| last.listing.step);
    session.begin(stage, step, trainer.total());
    let mut driver = Driver { session, trainer };
    match driver.run(learner, last.is_none())? {
        Some(learner) => driver.finish(learner).map(Some),
        None => Ok(None),
    }
}

/// The newest checkpoint of a stage, its files verified.
fn last_checkpoint(session: &Session<'_>, stage: Stage) -> Result<Option<Checkpoint>, TrainError> {
    let last = session.checkpoints.latest(stage)?;
    if let Some(last) = &last {
        last.verify()?;
    }
    Ok(last)
}

struct Driver<'d, 's, T> {
    session: &'d mut Session<'s>,
    trainer: &'d mut T,
}

impl<T: StageTrainer> Driver<'_, '_, T> {
    /// Runs the remaining steps; `None` if the run is to stop before the last.
    fn run(
        &mut self,
        mut learner: T::Learner,
        fresh: bool,
    ) -> Result<Option<T::Learner>, TrainError> {
        // Requests from earlier stages take effect before the first step.
        if fresh
            && self.evaluate(&mut learner, When::Scheduled)
            && self.handle_requests(&mut learner, false)?
        {
            return Ok(None);
        }
        while !self.trainer.is_complete(&learner) {
            let step = self.trainer.steps(&learner) + 1;
            let mut values;
            (learner, values) = match self.trainer.step(self.session, learner) {
                Ok(done) => done,
                Err(StepError::Fatal(error)) => return Err(error),
                Err(StepError::Diverged { error, rollout }) => {
                    match self.recover(step, error, rollout)? {
                        Some(last) => {
                            learner = last;
                            continue;
                        }
                        None => return Ok(None),
                    }
                }
            };
            values.extend(memory());
            let evaluation = self.trainer.evaluate(&mut learner, When::Scheduled);
            let evaluated = evaluation.is_some();
            self.report(step, values, evaluation.unwrap_or_default());
            self.trainer
                .after_step(self.session, &mut learner, evaluated);
            if !self.trainer.can_pause(&learner) {
                continue;
            }
            // The end of the stage is saved in any case.
            let complete = self.trainer.is_complete(&learner);
            let saved = complete || self.session.checkpoint_is_due(step);
            if saved && !complete {
                self.save(&learner)?;
            }
            if self.handle_requests(&mut learner, saved)? && !complete {
                return Ok(None);
            }
        }
        Ok(Some(learner))
    }

    /// Handles requests until the run is to continue (false), or to stop (true) with a checkpoint saved. A paused
    /// run waits here. `saved` says whether the learner's current state is in a checkpoint.
    fn handle_requests(
        &mut self,
        learner: &mut T::Learner,
        mut saved: bool,
    ) -> Result<bool, TrainError> {
        loop {
            let request = self.session.observer.directive();
            match request {
                Directive::Continue => return Ok(false),
                Directive::Evaluate => {
                    self.evaluate(learner, When::Requested);
                    continue;
                }
                Directive::Set(change) => {
                    self.trainer.set(learner, &change)?;
                    // Saved before the next step uses it, so that no resumed run forgets it.
                    saved = self.trainer.is_complete(learner);
                }
                Directive::Checkpoint | Directive::Stop => {}
            }
            if !saved {
                self.save(learner)?;
                saved = true;
            }
            if request == Directive::Stop {
                return Ok(true);
            }
        }
    }

    /// Reports an evaluation apart from a step; false if there is none.
    fn evaluate(&mut self, learner: &mut T::Learner, when: When) -> bool {
        let evaluation = self.trainer.evaluate(learner, when);
        let evaluated = evaluation.is_some();
        if let Some(evaluation) = evaluation {
            self.report(self.trainer.steps(learner), Values::new(), evaluation);
        }
        evaluated
    }

    fn report(&mut self, step: u64, mut values: Values, evaluation: Evaluation) {
        let (stage, total) = (self.trainer.stage(), self.trainer.total());
        values.extend(evaluation.values);
        self.session.metrics(stage, step, total, values);
        if let Some(samples) = evaluation.samples {
            self.session.samples(stage, step, samples);
        }
        if let Some(rollout) = evaluation.rollout {
            self.session.rollout(stage, step, rollout);
        }
    }

    fn save(&mut self, learner: &T::Learner) -> Result<(), TrainError> {
        let (trainer, session) = (&*self.trainer, &mut *self.session);
        let step = trainer.steps(learner);
        session.checkpoint(trainer.stage(), step, false, |folder| {
            trainer.save(learner, folder)
        })
    }

    /// After `step` diverged: records its rollout and waits for a person, who may change settings; then returns
    /// to the last checkpoint. `None` if the run is to stop.
    ///
    /// # Errors
    /// `error` itself, if nobody is there.
    fn recover(
        &mut self,
        step: u64,
        error: TrainError,
        rollout: Vec<RolloutResponse>,
    ) -> Result<Option<T::Learner>, TrainError> {
        let stage = self.trainer.stage();
        self.session.rollout(stage, step, rollout);
        let text = format!(
            "{error}. The last good checkpoint is kept; the run resumes from there, with any settings changed meanwhile"
        );
        self.session.note(stage, step, Severity::Alert, text);
        let changes = match self.session.wait() {
            Wait::Nobody => return Err(error),
            Wait::Stop => return Ok(None),
            Wait::Go(changes) => changes,
        };
        let last = last_checkpoint(self.session, stage)?;
        let mut learner = self.trainer.start(last.as_ref())?;
        // The record says from where it goes on, and what holds from there: the changes were made at a later step.
        let back = self.trainer.steps(&learner);
        self.session.back(stage, back);
        for change in &changes {
            self.trainer.set(&mut learner, change)?;
            self.session.changed(stage, back, *change);
        }
        Ok(Some(learner))
    }

    fn finish(self, learner: T::Learner) -> Result<T::Trained, TrainError> {
        let (trainer, session) = (self.trainer, self.session);
        let (stage, step) = (trainer.stage(), trainer.steps(&learner));
        let trained = trainer.finish(learner);
        session.checkpoint(stage, step, true, |folder| {
            trainer.save_trained(&trained, folder)
        })?;
        trainer.report_trained(session, &trained);
        session.end(stage, step);
        Ok(trained)
    }
}
