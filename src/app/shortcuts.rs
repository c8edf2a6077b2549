//! The keys of the window: of every place, and of what can be done in all of them.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

use super::command::Place;

pub const PAUSE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::P);
pub const STOP: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Period);
pub const CHECKPOINT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::S);
pub const EVALUATE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);
pub const PALETTE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::K);
pub const FILTER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
pub const UNDO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Z);

/// Keys of places, with the command key; the settings have their own.
const PLACES: [(Place, Key); 10] = [
    (Place::Start, Key::Num1),
    (Place::Experiments, Key::Num2),
    (Place::Live, Key::Num3),
    (Place::Runs, Key::Num4),
    (Place::Compare, Key::Num5),
    (Place::Cases, Key::Num6),
    (Place::Studies, Key::Num7),
    (Place::Tables, Key::Num8),
    (Place::Playground, Key::Num9),
    (Place::Data, Key::D),
];

const SETTINGS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Comma);

/// Every place, in the order of the rail.
pub fn places() -> impl Iterator<Item = Place> {
    PLACES
        .iter()
        .map(|(place, _)| *place)
        .chain([Place::Settings])
}

/// The keys that lead to a place.
pub fn key_of(place: Place) -> KeyboardShortcut {
    let key = PLACES
        .iter()
        .find(|(known, _)| *known == place)
        .map(|(_, key)| *key);
    key.map_or(SETTINGS, |key| {
        KeyboardShortcut::new(Modifiers::COMMAND, key)
    })
}
