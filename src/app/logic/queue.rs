//! The store's queue of runs: one after another, in an order that a person may change; and dry runs.

use crossbeam::channel::TryRecvError;

use super::App;
use crate::app::command::{Command, QueueDeed};
use crate::app::state::{Held, Loaded};
use crate::app::workers::keeper::{Edit, QueueEdit};
use crate::app::workers::launch::{self, Planned};
use crate::app::workers::reader::Request;
use crate::engine::queue::{Waiting, to_queue};
use crate::engine::{RunHandle, RunState};
use crate::store::{QueuedRun, StoreError};

impl App {
    /// Reads the queue, which other programs may change as well.
    pub(super) fn ask_queue(&mut self) {
        match self.reader.ask(Request::Queue) {
            Some(id) => self.asked.queue = Some(id),
            None => self.commands.push(Command::ReloadQueue),
        }
    }

    pub(super) fn hear_queue(&mut self, id: u64, runs: Result<Vec<Waiting>, StoreError>) {
        if self.asked.queue != Some(id) {
            return;
        }
        self.asked.queue = None;
        match runs {
            Ok(runs) => {
                let queue = &mut self.state.experiments.queue;
                let is_back =
                    |removed: &mut QueuedRun| runs.iter().any(|run| run.queued.id == removed.id);
                queue.removed.take_if(is_back);
                queue.runs = runs;
            }
            Err(error) => self.wrong_once(error.to_string()),
        }
    }

    /// Puts runs at the end of the queue, which goes on from there unless it is held.
    pub(super) fn enqueue(&mut self, runs: Vec<Planned>) {
        let to_queue = |run: &Planned| to_queue(&run.experiment, &run.name, &run.config, run.reuse);
        let runs = runs.iter().map(to_queue).collect();
        let queue = &mut self.state.experiments.queue;
        if queue.runs.is_empty() && queue.held == Held::Kept {
            queue.held = Held::No;
        }
        self.edit(Edit::Queue(QueueEdit::Add(runs)));
    }

    /// Starts the next run of the queue once nothing else is in progress. After a start that was refused
    /// the queue is held, so that what is wrong is not wrong for all of it.
    pub(super) fn next_of_queue(&mut self) {
        self.note_begun();
        let experiments = &mut self.state.experiments;
        let queue = &mut experiments.queue;
        if queue.held != Held::No || queue.starting.is_some() {
            return;
        }
        let Some(next) = queue.runs.first() else {
            return;
        };
        if experiments.refused.is_some() {
            queue.held = Held::Paused;
            return;
        }
        if self.handle.is_some() || self.launching.is_some() || self.asked.queue.is_some() {
            return;
        }
        let config = match &next.config {
            Ok(config) => config.clone(),
            Err(why) => {
                experiments.refused = Some(why.clone());
                return;
            }
        };
        let next = next.queued.clone();
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
        if self.state.experiments.queue.starting.is_some()
            && self.launching.is_none()
            && !self.handle.as_ref().is_some_and(waits)
        {
            self.state.experiments.queue.starting = None;
            self.ask_queue();
        }
    }

    pub(super) fn change_queue(&mut self, deed: QueueDeed) {
        let experiments = &mut self.state.experiments;
        let queue = &mut experiments.queue;
        match deed {
            QueueDeed::Swap(one, other) => self.edit(Edit::Queue(QueueEdit::Swap(one, other))),
            QueueDeed::Remove(id) => {
                let found = queue.runs.iter().find(|run| run.queued.id == id);
                if let Some(run) = found.filter(|_| queue.starting != Some(id)) {
                    let run = Box::new(run.queued.clone());
                    self.edit(Edit::Queue(QueueEdit::TakeOut(run)));
                }
            }
            QueueDeed::Restore => {
                if let Some(run) = queue.removed.take() {
                    self.edit(Edit::Queue(QueueEdit::PutBack(Box::new(run))));
                }
            }
            QueueDeed::Hold(true) => queue.held = Held::Paused,
            QueueDeed::Hold(false) => {
                queue.held = Held::No;
                experiments.refused = None;
            }
        }
    }

    pub(super) fn dry_run(&mut self, planned: Planned, of: usize) {
        self.state.experiments.dry = Some(Loaded::Nothing);
        match launch::dry_run(self.options.store.clone(), (planned, of), self.waker()) {
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
                Ok(dry) => Loaded::Value(dry),
                Err(why) => Loaded::Failed(why),
            };
        }
    }
}
