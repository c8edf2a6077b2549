//! The queue of runs: one after another, in an order that a person may change; and dry runs.

use crossbeam::channel::TryRecvError;

use super::App;
use crate::app::command::QueueDeed;
use crate::app::state::Loaded;
use crate::app::workers::launch;
use crate::app::workers::launch::Planned;
use crate::experiment::Config;

impl App {
    /// Starts the next run of the queue once nothing else is in progress. After a start that was refused
    /// the queue is held, so that what is wrong is not wrong for all of it.
    pub(super) fn next_of_queue(&mut self) {
        let experiments = &mut self.state.experiments;
        if experiments.queue.is_empty() || experiments.held {
            return;
        }
        if experiments.refused.is_some() {
            experiments.held = true;
            return;
        }
        if self.handle.is_some() || self.launching.is_some() {
            return;
        }
        let next: Planned = self.state.experiments.queue.remove(0);
        // Whoever is doing something else is left there.
        self.follow = false;
        self.launch(next);
    }

    pub(super) fn change_queue(&mut self, deed: QueueDeed) {
        let experiments = &mut self.state.experiments;
        let queue = &mut experiments.queue;
        match deed {
            QueueDeed::Earlier(at) if at > 0 && at < queue.len() => queue.swap(at, at - 1),
            QueueDeed::Later(at) if at + 1 < queue.len() => queue.swap(at, at + 1),
            QueueDeed::Remove(at) if at < queue.len() => {
                let removed = queue.remove(at);
                experiments.removed = Some((at, removed));
            }
            QueueDeed::Restore => {
                if let Some((at, removed)) = experiments.removed.take() {
                    queue.insert(at.min(queue.len()), removed);
                }
            }
            QueueDeed::Hold(held) => {
                experiments.held = held;
                if !held {
                    experiments.refused = None;
                }
            }
            QueueDeed::Earlier(_) | QueueDeed::Later(_) | QueueDeed::Remove(_) => {}
        }
    }

    pub(super) fn dry_run(&mut self, config: Config) {
        self.state.experiments.dry = Some(Loaded::Nothing);
        match launch::dry_run(self.options.store.clone(), config, self.waker()) {
            Ok(answers) => self.planning = Some(answers),
            Err(error) => {
                let why = format!("no thread could be made: {error}");
                self.state.experiments.dry = Some(Loaded::Failed(why));
            }
        }
    }

    pub(super) fn hear_plan(&mut self) {
        let Some(answers) = &self.planning else {
            return;
        };
        let answer = match answers.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err("the dry run ended without an answer".into()),
        };
        self.planning = None;
        // Put away before the answer came, it stays so.
        if let Some(dry) = &mut self.state.experiments.dry {
            *dry = match answer {
                Ok(plan) => Loaded::Value(plan),
                Err(why) => Loaded::Failed(why),
            };
        }
    }
}
