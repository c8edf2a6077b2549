//! What a person asked for while a frame was drawn; it is done after the frame.

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
    /// Shows an experiment's form.
    SetUp(String),
    /// Gives the filter of the table of runs the keyboard.
    FilterRuns,
    /// Opens the list of everything that can be done, or closes it.
    Palette,
    /// Shows a moment of the run in progress: in its plots, by its samples and its rollout.
    ShowStep(Stage, u64),
    Zoom(Zoom),
    Copy(String),
    /// An action of a place: a method of the core, with what it is about.
    Run(Box<dyn FnOnce(&mut Core)>),
}

impl Command {
    /// An action of a place.
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
