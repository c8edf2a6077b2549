//! How a trainer speaks to whoever started it, and how it is spoken to.
//!
//! Trainers know nothing of threads, stores and windows: they report to an [`Observer`] and ask it,
//! between two steps, what to do next.

use crate::experiment::{Change, Report};

/// What a trainer is told between two steps, once the metrics of the step just done are reported. It is
/// asked again when that is carried out, until the run is to go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Directive {
    Continue,
    /// Save a checkpoint.
    Checkpoint,
    /// Evaluate on the validation subset.
    Evaluate,
    /// Take a setting's new value from the next step on, and save a checkpoint that holds it. Told only in
    /// the stage whose settings may be changed.
    Set(Change),
    /// Save a checkpoint and return.
    Stop,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// Nobody is there who could go on: the trainer must end.
    Nobody,
    /// The run is to stop.
    Stop,
    /// The run goes on, with these changes.
    Go(Vec<Change>),
}

/// Whoever started the trainer.
pub trait Observer {
    /// Takes a report. May block while it is being recorded; never loses one.
    fn report(&mut self, report: Report);

    /// Asked between two steps. Blocks while the run is paused.
    fn directive(&mut self) -> Directive;

    /// Asked after the metrics of a step: whether its rollout is to be shown, though there is no
    /// evaluation.
    fn wants_rollout(&mut self) -> bool {
        false
    }

    /// Waits until a person says how to go on after something went wrong.
    fn wait(&mut self) -> Wait {
        Wait::Nobody
    }
}
