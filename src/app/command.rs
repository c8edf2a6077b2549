//! What a person asked for. Views emit commands; the shell carries them out after the frame.

use super::state::ThemeChoice;
use super::widgets::chart::AlongX;
use super::workers::answerer::Question;
use super::workers::desk::Task;
use super::workers::errand::Work;
use super::workers::finder;
use super::workers::keeper::Edit;
use super::workers::launch::Planned;
use super::workers::librarian as library;
use crate::experiment::{Change, Stage};
use crate::report::{Figure, Sheet};
use crate::store::{QueueId, RunId};

/// A place of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Place {
    #[default]
    Start,
    Experiments,
    Live,
    Runs,
    Compare,
    Cases,
    Studies,
    Tables,
    Playground,
    Data,
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
            Place::Compare => "Compare",
            Place::Cases => "Case study",
            Place::Studies => "Studies",
            Place::Tables => "Tables",
            Place::Playground => "Playground",
            Place::Data => "Data and models",
            Place::Settings => "Settings",
        }
    }

    /// The word under its icon.
    pub fn word(self) -> &'static str {
        match self {
            Place::Data => "Data",
            other => other.title(),
        }
    }
}

/// How the size of everything changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    In,
    Out,
    Reset,
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
    /// Starts a run.
    Start(Box<Planned>),
    /// Puts runs at the end of the queue.
    Enqueue(Vec<Planned>),
    Queue(QueueDeed),
    /// Reads the queue again.
    ReloadQueue,
    /// Looks what a run would be, the first of so many, without starting it.
    DryRun(Box<Planned>, usize),
    /// Takes up a run that was stopped or interrupted.
    ResumeRun(RunId),
    Ask(Ask),
    /// Changes a setting of the run in progress.
    Change(Change),
    /// Takes back such a change, which waits.
    TakeBack(Change),
    OpenRun(RunId),
    CloseRun,
    /// Reads the dialogues of a step from the store.
    LoadSamples {
        run: RunId,
        stage: Stage,
        step: u64,
    },
    /// Reads one dialogue over all evaluations from the store.
    LoadOverSteps {
        run: RunId,
        position: u32,
    },
    /// Reads the rollout of a step from the store.
    LoadRollout {
        run: RunId,
        stage: Stage,
        step: u64,
    },
    ReloadRuns,
    /// Changes saved runs.
    Edit(Edit),
    /// Takes the last change back.
    Undo,
    /// Shows these runs beside each other.
    Compare(Vec<RunId>),
    /// Reads what the place Compare shows.
    LoadCompared,
    /// Writes a table or a plot into the store's folder `exports`.
    Save(Box<Export>),
    /// Gives the filter of the table of runs the keyboard.
    FilterRuns,
    /// Opens the list of everything that can be done.
    Palette,
    /// Opens what went wrong.
    ShowLog,
    /// Shows a place of the run in progress: in its plots, by its samples and its rollout.
    ShowStep(Stage, u64),
    /// Light, dark, or as the system is.
    Theme(ThemeChoice),
    Zoom(Zoom),
    /// What is laid along x of the plots.
    Along(AlongX),
    /// Asked of the study desk.
    Desk(Task),
    /// Lets a checkpoint answer, or measures systems.
    Errand(Work),
    /// Stops it after the batch at hand.
    StopErrand,
    /// Ends the sitting of an annotator.
    LeaveJudging,
    /// Looks again at which data and models are there.
    CheckNeeds,
    /// Asks models of the playground.
    Answer(Vec<Question>),
    /// Stops every answer that is on its way.
    StopAnswers,
    /// Gives the memory of models that are open back.
    CloseModels,
    /// Asked for a field of a path.
    Path(finder::Ask),
    /// Asked of the librarian.
    Library(library::Task),
    Copy(String),
}

/// What can be done with the queue.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueDeed {
    /// Lets two change places.
    Swap(QueueId, QueueId),
    Remove(QueueId),
    /// Puts back what was removed last.
    Restore,
    Hold(bool),
}

/// What can be written to files.
#[derive(Clone, Debug, PartialEq)]
pub enum Export {
    Sheet { name: String, sheet: Sheet },
    Figure { name: String, figure: Figure },
}

/// The commands of one frame.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    pub fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    pub fn extend(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.0.extend(commands);
    }

    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}
