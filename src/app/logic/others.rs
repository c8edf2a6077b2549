//! Runs in progress beside the one in Live: following their ends, and showing one of them there instead.

use crossbeam::channel::TryRecvError;

use super::Core;
use crate::app::place::Place;
use crate::app::state::LiveState;
use crate::engine::{RunEnd, RunHandle, RunState};
use crate::store::RunId;

/// A run of this window in progress.
pub(super) struct ActiveRun {
    pub handle: RunHandle,
    /// What it needs at its fullest, in bytes.
    pub memory: u64,
}

impl Core {
    /// What each run in progress needs at its fullest, in bytes.
    pub(super) fn memory_of_active(&self) -> Vec<u64> {
        let all = self.active.iter().chain(&self.others);
        all.map(|active| active.memory).collect()
    }

    /// Whether as many runs are in progress as may be at once.
    pub(super) fn is_full(&self) -> bool {
        usize::from(self.active.is_some()) + self.others.len() >= self.state.prefs.at_once
    }

    /// Passes the limit of runs at once on to the supervisor.
    pub fn set_at_once(&mut self, runs: usize) {
        self.state.prefs.at_once = runs;
        if let Ok(supervisor) = &self.supervisor {
            supervisor.set_at_once(runs);
        }
    }

    /// Notices which of the other runs have ended. The store has what they report.
    pub(super) fn poll_others(&mut self) {
        let mut ended = Vec::new();
        self.others.retain(|other| {
            loop {
                match other.handle.messages().try_recv() {
                    Ok(_) => {}
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => {
                        ended.push(other.handle.state());
                        return false;
                    }
                }
            }
        });
        let any_ended = !ended.is_empty();
        for state in ended {
            match state {
                RunState::Ended(RunEnd::NotStarted(error)) if error.is_elsewhere() => {}
                RunState::Ended(RunEnd::NotStarted(error)) => {
                    self.state.experiments.refused = Some(error.to_string());
                }
                RunState::Ended(end @ RunEnd::Failed(..)) => self.log_error(end.to_string()),
                _ => {}
            }
        }
        if any_ended {
            self.state.experiments.queue.short_of_memory = None;
            self.list_runs();
        }
        let started = self.others.iter().filter_map(|other| other.handle.id());
        self.state.live.others = started.collect();
    }

    /// Shows another run in progress in Live.
    pub fn bring_to_live(&mut self, run: RunId) {
        let is_it = |other: &ActiveRun| other.handle.id() == Some(run);
        let Some(at) = self.others.iter().position(is_it) else {
            return;
        };
        let chosen = self.others.swap_remove(at);
        self.others.extend(self.active.replace(chosen));
        self.state.live = LiveState::default();
        self.held_back.clear();
        self.reload_live(run);
        self.state.prefs.place = Place::Live;
    }
}
