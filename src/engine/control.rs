//! How what a person asks of a run reaches the trainer.
//!
//! Knows no store.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::experiment::{Change, Control};

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
    /// In the order they were asked for.
    changes: VecDeque<Change>,
}

/// What the trainer is to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Go,
    Pause,
    Stop,
    Checkpoint,
    Evaluate,
    Set(Change),
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
            Control::Set(change) => {
                wanted
                    .changes
                    .retain(|waiting| waiting.path() != change.path());
                wanted.changes.push_back(change);
            }
        }
        self.changed.notify_all();
    }

    /// The changes that wait, in the order they were asked for.
    pub fn waiting(&self) -> Vec<Change> {
        self.lock().changes.iter().copied().collect()
    }

    /// Takes a change back; false when it does not wait any more.
    pub fn take_back(&self, change: &Change) -> bool {
        let changes = &mut self.lock().changes;
        let before = changes.len();
        changes.retain(|waiting| waiting != change);
        changes.len() < before
    }

    /// What is wanted now; a checkpoint, an evaluation or a change is wanted once. Changes wait while
    /// they are not `changeable`.
    pub fn next(&self, changeable: bool) -> Next {
        self.lock().take(changeable)
    }

    /// Waits until something other than a pause is wanted.
    pub fn next_after_pause(&self, changeable: bool) -> Next {
        let mut wanted = self.lock();
        loop {
            match wanted.take(changeable) {
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
        // The lock guards flags and a list; no panic can leave them half-changed.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn take(&mut self, changeable: bool) -> Next {
        if self.stop {
            Next::Stop
        } else if std::mem::take(&mut self.checkpoint) {
            Next::Checkpoint
        } else if std::mem::take(&mut self.evaluate) {
            Next::Evaluate
        } else if self.pause {
            Next::Pause
        } else if changeable && let Some(change) = self.changes.pop_front() {
            Next::Set(change)
        } else {
            Next::Go
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, value: f64) -> Change {
        Change::new(path, value).unwrap()
    }

    #[test]
    fn a_change_waits_once_and_can_be_taken_back() {
        let wishes = Wishes::default();
        let (slow, slower, beta) = (
            change("ppo.lr", 1e-5),
            change("ppo.lr", 1e-6),
            change("reward.beta", 0.3),
        );
        for change in [slow, beta, slower, slower] {
            wishes.ask(Control::Set(change));
        }
        assert_eq!(wishes.waiting(), [beta, slower]);
        assert_eq!(wishes.next(false), Next::Go, "another stage runs");
        assert!(!wishes.take_back(&slow), "another value took its place");
        assert!(wishes.take_back(&beta));
        assert_eq!(wishes.next(true), Next::Set(slower));
        assert_eq!(wishes.next(true), Next::Go);
        assert!(!wishes.take_back(&slower), "it was heard");
    }
}
