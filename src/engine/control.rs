//! What a person asks of a run, and how it reaches the trainer.
//!
//! Knows no store.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// What a person may ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Wait after this step.
    Pause,
    /// Go on.
    Resume,
    /// Save a checkpoint and end; the run can be resumed.
    Stop,
    /// Save a checkpoint after this step.
    Checkpoint,
    /// Evaluate on the validation subset after this step.
    Evaluate,
}

impl Control {
    /// The name in events.
    pub fn key(self) -> &'static str {
        match self {
            Control::Pause => "pause",
            Control::Resume => "resume",
            Control::Stop => "stop",
            Control::Checkpoint => "checkpoint",
            Control::Evaluate => "evaluate",
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What is wanted of a run now. Setting it never waits for the trainer.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    pause: bool,
    stop: bool,
    checkpoint: bool,
    evaluate: bool,
}

/// What the trainer is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    Pause,
    Stop,
    Checkpoint,
    Evaluate,
}

impl Wishes {
    pub fn ask(&self, control: Control) {
        let mut wanted = self.lock();
        match control {
            Control::Pause => wanted.pause = true,
            Control::Resume => wanted.pause = false,
            Control::Stop => wanted.stop = true,
            Control::Checkpoint => wanted.checkpoint = true,
            Control::Evaluate => wanted.evaluate = true,
        }
        self.changed.notify_all();
    }

    /// What is wanted now; a checkpoint or an evaluation is wanted once.
    pub fn next(&self) -> Next {
        self.lock().take()
    }

    /// Waits until something other than a pause is wanted.
    pub fn next_after_pause(&self) -> Next {
        let mut wanted = self.lock();
        loop {
            match wanted.take() {
                Next::Pause => {
                    wanted = self
                        .changed
                        .wait(wanted)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                next => return next,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        // The lock guards flags only; no panic can leave them half-changed.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn take(&mut self) -> Next {
        if self.stop {
            Next::Stop
        } else if std::mem::take(&mut self.checkpoint) {
            Next::Checkpoint
        } else if std::mem::take(&mut self.evaluate) {
            Next::Evaluate
        } else if self.pause {
            Next::Pause
        } else {
            Next::Go
        }
    }
}
