//! What a person asked for. Views emit commands; the shell carries them out after the frame.

use crate::experiment::{Change, Config, Stage};
use crate::store::RunId;

/// A place of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Place {
    #[default]
    Start,
    Experiments,
    Live,
    Runs,
    Settings,
}

impl Place {
    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Place::Start => "Start",
            Place::Experiments => "Experiments",
            Place::Live => "Live",
            Place::Runs => "Runs",
            Place::Settings => "Settings",
        }
    }
}

/// Asked of the run in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Pause,
    Resume,
    Stop,
    Checkpoint,
    Evaluate,
}

/// Asked of the shell.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Go(Place),
    /// Shows an experiment's form.
    ShowExperiment(String),
    /// Starts a run of an experiment with these settings.
    Start {
        experiment: String,
        config: Box<Config>,
    },
    /// Takes up a run that was stopped or interrupted.
    ResumeRun(RunId),
    Ask(Ask),
    /// Changes a setting of the run in progress.
    Change(Change),
    OpenRun(RunId),
    CloseRun,
    /// Reads the dialogues of a step from the store.
    LoadSamples {
        run: RunId,
        stage: Stage,
        step: u64,
    },
    ReloadRuns,
    /// Looks again at which data and models are there.
    CheckNeeds,
    Copy(String),
}

/// The commands of one frame.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    pub fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}
