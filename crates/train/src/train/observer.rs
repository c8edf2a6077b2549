//! The interface between a trainer and whoever started it.
//!
//! Trainers know no threads, stores or windows: they report to an [`Observer`] and ask it, between two steps,
//! what to do next.

use crate::experiment::{Change, Report};

/// What a trainer does next. Requested between two steps, once the metrics of the last one are reported, and
/// again after each directive until the trainer is to continue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Directive {
    Continue,
    /// Save a checkpoint.
    Checkpoint,
    /// Evaluate on the validation subset.
    Evaluate,
    /// Use a setting's new value from the next step on, and save a checkpoint with it. Only in the stage whose
    /// settings may be changed.
    Set(Change),
    /// Save a checkpoint and return.
    Stop,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// Nobody is there to resume the run: the trainer must end.
    Nobody,
    /// The run is to stop.
    Stop,
    /// The run continues, with these changes.
    Go(Vec<Change>),
}

/// Whoever started the trainer.
pub trait Observer {
    /// Takes a report. May block while it is being recorded; never loses one.
    fn report(&mut self, report: Report);

    /// Called between two steps. Blocks while the run is paused.
    fn directive(&mut self) -> Directive;

    /// Called once the metrics of a step are reported: whether to record its rollout although it was not
    /// evaluated.
    fn wants_rollout(&mut self) -> bool {
        false
    }

    /// After a failed step: waits until a person decides how to continue.
    fn wait(&mut self) -> Wait {
        Wait::Nobody
    }
}
