//! What the user asked for while a frame was drawn; run after the frame.

use super::logic::Core;
use super::place::Place;
use crate::experiment::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    In,
    Out,
    Reset,
}

pub enum Command {
    Go(Place),
    SetUp(String),
    /// Focuses the filter of the table of runs.
    FilterRuns,
    /// Opens or closes the command palette.
    Palette,
    /// Shows a moment of the run in progress: in its plots, by its samples and its rollout.
    ShowStep(Stage, u64),
    Zoom(Zoom),
    Copy(String),
    /// An action on the core.
    Run(Box<dyn FnOnce(&mut Core)>),
}

impl Command {
    pub fn run(action: impl FnOnce(&mut Core) + 'static) -> Self {
        Command::Run(Box::new(action))
    }
}

#[derive(Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    pub fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    pub fn run(&mut self, action: impl FnOnce(&mut Core) + 'static) {
        self.push(Command::run(action));
    }

    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}
