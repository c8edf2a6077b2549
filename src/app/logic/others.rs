//! Runs in progress beside the one in Live: following their ends, and showing one of them there instead; and notices of
//! all of them.

use crossbeam::channel::TryRecvError;

use super::Core;
use crate::app::jobs::AtClose;
use crate::app::naming::without_commands;
use crate::app::place::Place;
use crate::app::state::LiveState;
use crate::engine::{Message, RunEnd, RunHandle, RunState};
use crate::operations::notices::{NoticeEvent, Recipient, RunNotice};
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
        let (mut ended, mut worth) = (Vec::new(), Vec::new());
        self.others.retain(|other| {
            loop {
                match other.handle.messages().try_recv() {
                    Ok(message) => worth.extend(NoticeEvent::of(&message).map(|_| message)),
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => {
                        ended.push(other.handle.state());
                        return false;
                    }
                }
            }
        });
        for message in worth {
            self.tell(&message);
        }
        let any_ended = !ended.is_empty();
        for state in ended {
            match state {
                RunState::Ended(RunEnd::NotStarted(error)) if error.is_elsewhere() => {}
                RunState::Ended(RunEnd::NotStarted(error)) => {
                    self.state.experiments.refused = Some(without_commands(&error.to_string()));
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

    /// Sends a notice of what a run of this window reports, if it is worth one and somebody wants it.
    pub(super) fn tell(&mut self, message: &Message) {
        let recipients = self.state.prefs.recipients();
        if recipients.is_empty() || NoticeEvent::of(message).is_none() {
            return;
        }
        let message = message.clone();
        self.spawn_then(
            "A notice",
            AtClose::Wait,
            move |context| match RunNotice::of(context.reader()?, &message)? {
                Some(notice) => Ok(deliver(&recipients, &notice)),
                None => Ok(Vec::new()),
            },
            |core, failed| core.log_undelivered(failed),
        );
    }

    /// Sends a notice of no run to all who get notices.
    pub fn try_notices(&mut self) {
        let recipients = self.state.prefs.recipients();
        self.spawn_then(
            "A notice",
            AtClose::Abandon,
            move |_| Ok(deliver(&recipients, &RunNotice::trial())),
            |core, failed| {
                if failed.as_ref().is_ok_and(Vec::is_empty) {
                    let now = core.state.now_ms;
                    let notices = &mut core.state.notices;
                    notices.show(now, "The trial notice was delivered", false);
                }
                core.log_undelivered(failed);
            },
        );
    }

    fn log_undelivered(&mut self, failed: Result<Vec<String>, String>) {
        match failed {
            Ok(failed) => failed.into_iter().for_each(|why| self.log_error(why)),
            Err(why) => self.log_error(format!("a notice was not made: {why}")),
        }
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

/// Delivers a notice, and gives back why it was not, of each recipient that it did not reach.
fn deliver(recipients: &[Recipient], notice: &RunNotice) -> Vec<String> {
    let delivered = recipients.iter().map(|recipient| recipient.deliver(notice));
    let failed = delivered.filter_map(Result::err);
    failed.map(|error| error.to_string()).collect()
}
