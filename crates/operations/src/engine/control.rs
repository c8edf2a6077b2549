//! Pending requests to a run. Knows no store.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::experiment::{Change, Control};

/// The pending requests to a run. Adding one never waits for the trainer.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pending: Mutex<Pending>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    pause: bool,
    stop: bool,
    checkpoint: bool,
    evaluate: bool,
    /// In the order of the requests.
    changes: VecDeque<Change>,
}

/// The trainer's next action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Go,
    Pause,
    Stop,
    Checkpoint,
    Evaluate,
    Set(Change),
}

impl Requests {
    pub fn add(&self, control: Control) {
        let mut pending = self.lock();
        match control {
            Control::Pause => pending.pause = true,
            Control::Resume => pending.pause = false,
            Control::Stop => pending.stop = true,
            Control::Checkpoint => pending.checkpoint = true,
            Control::Evaluate => pending.evaluate = true,
            Control::Set(change) => {
                pending
                    .changes
                    .retain(|pending| pending.path() != change.path());
                pending.changes.push_back(change);
            }
        }
        self.changed.notify_all();
    }

    /// The pending changes, in the order of the requests.
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes.iter().copied().collect()
    }

    /// False if the change is no longer pending.
    pub fn withdraw(&self, change: &Change) -> bool {
        let changes = &mut self.lock().changes;
        let before = changes.len();
        changes.retain(|pending| pending != change);
        changes.len() < before
    }

    /// Takes the next request. Changes stay pending unless the stage's settings are `changeable`.
    pub fn next(&self, changeable: bool) -> Next {
        self.lock().take(changeable)
    }

    /// Waits for any request but a pause.
    pub fn next_after_pause(&self, changeable: bool) -> Next {
        let mut pending = self.lock();
        loop {
            match pending.take(changeable) {
                Next::Pause => {
                    pending = self
                        .changed
                        .wait(pending)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                next => return next,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // The lock guards flags and a list; no panic can leave them half-changed.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
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
    fn a_change_is_pending_once_and_can_be_withdrawn() {
        let requests = Requests::default();
        let (slow, slower, beta) = (
            change("ppo.lr", 1e-5),
            change("ppo.lr", 1e-6),
            change("reward.beta", 0.3),
        );
        for change in [slow, beta, slower, slower] {
            requests.add(Control::Set(change));
        }
        assert_eq!(requests.changes(), [beta, slower]);
        assert_eq!(requests.next(false), Next::Go, "another stage runs");
        assert!(!requests.withdraw(&slow), "another value replaced it");
        assert!(requests.withdraw(&beta));
        assert_eq!(requests.next(true), Next::Set(slower));
        assert_eq!(requests.next(true), Next::Go);
        assert!(!requests.withdraw(&slower), "it is done");
    }
}
