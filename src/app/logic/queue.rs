//! The store's queue of runs, in an order that the user may change.

use super::Core;
use super::others::ActiveRun;
use crate::app::format;
use crate::app::jobs::Lane;
use crate::app::state::QueueMode;
use crate::engine::RunState;
use crate::operations::launch::PlannedRun;
use crate::operations::queue::{self, LostReuse, QueueEntry, to_queue};
use crate::operations::runs::Edit;
use crate::store::{QueueId, QueuedRun};

impl Core {
    /// Loads the queue, which other programs may change as well.
    pub fn load_queue(&mut self) {
        let own = self.options.experiments.clone();
        self.watch.changed.queue = false;
        self.state.experiments.queue.reading += 1;
        self.ask_then(
            Lane::Reader,
            move |context| Ok(queue::list(context.dir(), &own)?),
            |core, runs| {
                core.state.experiments.queue.reading -= 1;
                match runs {
                    Ok(runs) => core.show_queue(runs),
                    Err(why) => core.log_error_once(why),
                }
            },
        );
    }

    fn show_queue(&mut self, runs: Vec<QueueEntry>) {
        let queue = &mut self.state.experiments.queue;
        let is_back = |removed: &mut QueuedRun| runs.iter().any(|run| run.queued.id == removed.id);
        queue.removed.take_if(is_back);
        queue.runs = runs;
    }

    /// Appends runs to the queue, which continues unless it is paused.
    pub fn enqueue(&mut self, runs: Vec<PlannedRun>) {
        let configs = runs.iter().map(|run| run.config.clone()).collect();
        self.once_allowed(configs, move |core| core.enqueue_allowed(&runs));
    }

    fn enqueue_allowed(&mut self, runs: &[PlannedRun]) {
        let to_queue =
            |run: &PlannedRun| to_queue(&run.experiment, &run.name, &run.config, run.reuse);
        let runs: Vec<_> = runs.iter().map(to_queue).collect();
        let queue = &mut self.state.experiments.queue;
        if queue.runs.is_empty() && queue.mode == QueueMode::Untouched {
            queue.mode = QueueMode::Running;
        }
        let count = runs.len();
        let words = match runs.as_slice() {
            [run] => format!("{} queued", run.name),
            many => format!("{} runs queued", format::count(many.len() as u64)),
        };
        self.ask_then(
            Lane::Changes,
            move |context| Ok(queue::enqueue(context.store()?, &runs)?),
            move |core, enqueued| {
                core.load_queue();
                match enqueued {
                    Ok(enqueued) => {
                        let lost = enqueued.lost_reuse.map(|lost| lost_words(&lost, count));
                        core.show_done(words + &lost.unwrap_or_default(), false);
                    }
                    Err(why) => core.log_error(why),
                }
            },
        );
    }

    pub fn swap_queued(&mut self, one: QueueId, other: QueueId) {
        self.edit(Edit::SwapQueued(one, other));
    }

    /// Removes a run, unless it is starting.
    pub fn unqueue(&mut self, id: QueueId) {
        let queue = &self.state.experiments.queue;
        let found = queue.runs.iter().find(|run| run.queued.id == id);
        if let Some(run) = found.filter(|_| queue.starting != Some(id)) {
            let run = Box::new(run.queued.clone());
            self.edit(Edit::Unqueue(run));
        }
    }

    /// Puts back the run that was removed last.
    pub fn requeue(&mut self) {
        if let Some(run) = self.state.experiments.queue.removed.take() {
            self.edit(Edit::Requeue(Box::new(run)));
        }
    }

    /// Pauses or resumes the queue.
    pub fn pause_queue(&mut self, pause: bool) {
        let experiments = &mut self.state.experiments;
        if pause {
            experiments.queue.mode = QueueMode::Paused;
        } else {
            experiments.queue.mode = QueueMode::Running;
            experiments.refused = None;
        }
    }

    /// Starts the next queued run once nothing else is in progress. A start that fails pauses the queue, so that
    /// the rest does not fail as well.
    pub(super) fn start_next_queued(&mut self) {
        self.note_begun();
        let is_busy = self.is_starting() || self.is_full();
        let experiments = &mut self.state.experiments;
        let queue = &mut experiments.queue;
        if queue.mode != QueueMode::Running || queue.starting.is_some() {
            return;
        }
        let Some(next) = queue.runs.first() else {
            return;
        };
        if experiments.refused.is_some() {
            queue.mode = QueueMode::Paused;
            return;
        }
        if is_busy || queue.reading > 0 || queue.short_of_memory.is_some() {
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
        // Do not take the user away from another place.
        self.follow = false;
        let planned = PlannedRun {
            experiment: next.run.experiment,
            name: next.run.name,
            config,
            reuse: next.run.reuse,
        };
        self.launch(planned, Some(next.id));
    }

    /// Reloads the queue when the run that was starting has started or failed to.
    fn note_begun(&mut self) {
        let waits = |active: &ActiveRun| matches!(active.handle.state(), RunState::Queued);
        let mut active = self.active.iter().chain(&self.others);
        if self.state.experiments.queue.starting.is_some()
            && self.state.live.launching.is_none()
            && !active.any(waits)
        {
            self.state.experiments.queue.starting = None;
            self.load_queue();
        }
    }
}

/// The notice about queued runs that cannot reuse another's stages.
fn lost_words(LostReuse { count, differs }: &LostReuse, queued: usize) -> String {
    match queued {
        1 => format!("; it takes nothing over, since `{differs}` differs"),
        _ => format!("; {count} of them take nothing over, since `{differs}` differs"),
    }
}
