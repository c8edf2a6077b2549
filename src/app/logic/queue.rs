//! The store's queue of runs: one after another, in an order that a person may change; and dry runs.

use crossbeam::channel::TryRecvError;

use super::App;
use crate::app::command::{Command, QueueDeed};
use crate::app::state::form::shown;
use crate::app::state::{Held, Loaded};
use crate::app::workers::keeper::{Edit, QueueEdit};
use crate::app::workers::launch::{self, Planned};
use crate::app::workers::reader::Request;
use crate::engine::{RunHandle, RunState, worker};
use crate::experiment::Config;
use crate::store::{QueuedRun, StoreError};

impl App {
    /// Reads the queue, which other programs may change as well.
    pub(super) fn ask_queue(&mut self) {
        match self.reader.ask(Request::Queue) {
            Some(id) => self.asked.queue = Some(id),
            None => self.commands.push(Command::ReloadQueue),
        }
    }

    pub(super) fn hear_queue(&mut self, id: u64, queue: Result<Vec<QueuedRun>, StoreError>) {
        if self.asked.queue != Some(id) {
            return;
        }
        self.asked.queue = None;
        match queue {
            Ok(queue) => {
                let differs = queue.iter().map(|run| self.differs(run)).collect();
                let experiments = &mut self.state.experiments;
                experiments.queue_differs = differs;
                let is_back =
                    |removed: &mut QueuedRun| queue.iter().any(|run| run.id == removed.id);
                experiments.removed.take_if(is_back);
                experiments.queue = queue;
            }
            Err(error) => self.wrong_once(error.to_string()),
        }
    }

    /// The seed of a run that waits, and what is not as its experiment's file has it.
    fn differs(&self, queued: &QueuedRun) -> String {
        let Ok(config) = worker::queued_config(queued) else {
            return "settings of another version".into();
        };
        let file = self.state.experiment(&queued.run.experiment);
        let base = file.map_or_else(|| config.clone(), |file| file.config.clone());
        let all = config.differences(&base);
        let mut words = vec![format!("seed {}", config.run.seed)];
        let changed = all.iter().filter(|one| one.path != "run.seed");
        words.extend(changed.map(|one| format!("{} {}", one.path, shown(&one.value))));
        const SHOWN: usize = 3;
        let more = words.len().saturating_sub(SHOWN);
        words.truncate(SHOWN);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words.join(", ")
    }

    /// Puts runs at the end of the queue, which goes on from there unless it is held.
    pub(super) fn enqueue(&mut self, runs: Vec<Planned>) {
        let to_queue =
            |run: &Planned| worker::to_queue(&run.experiment, &run.name, &run.config, run.reuse);
        let runs = runs.iter().map(to_queue).collect();
        let experiments = &mut self.state.experiments;
        if experiments.queue.is_empty() && experiments.held == Held::Kept {
            experiments.held = Held::No;
        }
        self.edit(Edit::Queue(QueueEdit::Add(runs)));
    }

    /// Starts the next run of the queue once nothing else is in progress. After a start that was refused
    /// the queue is held, so that what is wrong is not wrong for all of it.
    pub(super) fn next_of_queue(&mut self) {
        self.note_begun();
        let experiments = &mut self.state.experiments;
        if experiments.held != Held::No || experiments.starting.is_some() {
            return;
        }
        let Some(next) = experiments.queue.first().cloned() else {
            return;
        };
        if experiments.refused.is_some() {
            experiments.held = Held::Paused;
            return;
        }
        if self.handle.is_some() || self.launching.is_some() || self.asked.queue.is_some() {
            return;
        }
        let config = match worker::queued_config(&next) {
            Ok(config) => config,
            Err(error) => {
                experiments.refused = Some(error.to_string());
                return;
            }
        };
        // Whoever is doing something else is left there.
        self.follow = false;
        let planned = Planned {
            experiment: next.run.experiment,
            name: next.run.name,
            config,
            reuse: next.run.reuse,
        };
        self.launch(planned, Some(next.id));
    }

    /// A run that was begun has left the queue; one that was refused waits as before.
    fn note_begun(&mut self) {
        let waits = |handle: &RunHandle| matches!(handle.state(), RunState::Queued);
        if self.state.experiments.starting.is_some()
            && self.launching.is_none()
            && !self.handle.as_ref().is_some_and(waits)
        {
            self.state.experiments.starting = None;
            self.ask_queue();
        }
    }

    pub(super) fn change_queue(&mut self, deed: QueueDeed) {
        let experiments = &mut self.state.experiments;
        match deed {
            QueueDeed::Swap(one, other) => self.edit(Edit::Queue(QueueEdit::Swap(one, other))),
            QueueDeed::Remove(id) => {
                let found = experiments.queue.iter().find(|run| run.id == id).cloned();
                if let Some(run) = found.filter(|_| experiments.starting != Some(id)) {
                    self.edit(Edit::Queue(QueueEdit::TakeOut(Box::new(run))));
                }
            }
            QueueDeed::Restore => {
                if let Some(run) = experiments.removed.take() {
                    self.edit(Edit::Queue(QueueEdit::PutBack(Box::new(run))));
                }
            }
            QueueDeed::Hold(true) => experiments.held = Held::Paused,
            QueueDeed::Hold(false) => {
                experiments.held = Held::No;
                experiments.refused = None;
            }
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
