//! The run in progress: made ready and started, asked to pause or stop, its settings changed.

use super::App;
use crate::app::command::Ask;
use crate::app::format;
use crate::app::workers::launch::{self, Planned};
use crate::engine::Control;
use crate::experiment::Change;
use crate::store::{NewRun, QueueId, RunId, RunRow, RunStatus};

impl App {
    pub(super) fn launch(&mut self, planned: Planned, queued: Option<QueueId>) {
        if self.handle.is_some() || self.launching.is_some() {
            return;
        }
        if self.supervisor.is_none() {
            self.state.experiments.refused = Some(self.no_supervisor.clone());
            return;
        }
        let name = planned.name.clone();
        match launch::prepare(self.options.store.clone(), planned, queued, self.waker()) {
            Ok(answers) => {
                self.state.experiments.queue.starting = queued;
                self.launching = Some(answers);
                self.state.live.launching = Some(name);
                self.state.experiments.refused = None;
            }
            Err(error) => {
                self.state.experiments.refused = Some(format!("no thread could be made: {error}"))
            }
        }
    }

    /// Asks for a change that would make a difference: a second click on the same one does not.
    pub(super) fn change(&mut self, change: Change) {
        if let (Some(handle), Some(run)) = (&self.handle, &mut self.state.live.run)
            && run.no_difference(&change).is_none()
        {
            handle.control(Control::Set(change));
            run.asked(change);
        }
    }

    pub(super) fn take_back(&mut self, change: &Change) {
        if let (Some(handle), Some(run)) = (&self.handle, &mut self.state.live.run)
            && handle.take_back(change)
        {
            run.waiting.retain(|waiting| waiting != change);
        }
    }

    pub(super) fn ask_run(&mut self, ask: Ask) {
        let Some(handle) = &self.handle else { return };
        handle.control(match ask {
            Ask::Pause => Control::Pause,
            Ask::Resume => Control::Resume,
            Ask::Stop => Control::Stop,
            Ask::Checkpoint => Control::Checkpoint,
            Ask::Evaluate => Control::Evaluate,
        });
        self.state.live.stopping |= ask == Ask::Stop;
    }
}

/// What is known of a run before the engine has begun it.
pub(super) fn row_of(new: &NewRun) -> RunRow {
    RunRow {
        id: RunId(0),
        name: new.name.clone(),
        experiment: new.experiment.clone(),
        seed: new.seed,
        device: new.device.clone(),
        status: RunStatus::Running,
        stage: None,
        step: 0,
        total: 0,
        started: format::now_ms(),
        ended: None,
        heartbeat: 0,
        error: None,
        note: String::new(),
        tags: Vec::new(),
        archived: false,
        deleted: None,
        summary: Default::default(),
    }
}
