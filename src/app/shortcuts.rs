//! The keys of what can be done everywhere; those of the places are in `place`.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use crate::engine::Control;
use crate::store::RunStatus;

pub const PALETTE: KeyboardShortcut = command(Key::K);
pub const FILTER: KeyboardShortcut = command(Key::F);
pub const UNDO: KeyboardShortcut = command(Key::Z);

const fn command(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

/// The controls of a run with their keys: pause or resume, stop, checkpoint, evaluate.
pub fn run_controls(status: RunStatus) -> [(Control, KeyboardShortcut); 4] {
    let pause = match status {
        RunStatus::Paused => Control::Resume,
        _ => Control::Pause,
    };
    [
        (pause, command(Key::P)),
        (Control::Stop, command(Key::Period)),
        (Control::Checkpoint, command(Key::S)),
        (Control::Evaluate, command(Key::E)),
    ]
}
