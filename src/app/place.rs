//! The places of the window in one table: title, icon and key. `views::place_ui` draws them, `logic` loads what
//! they show.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};

use super::widgets::icon::Icon;

/// A place of the window. The names are stored in the preferences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

struct Row {
    place: Place,
    title: &'static str,
    /// The word under the icon.
    short_title: &'static str,
    icon: Icon,
    /// Pressed with the command key.
    key: Key,
}

const fn row(place: Place, title: &'static str, icon: Icon, key: Key) -> Row {
    Row {
        place,
        title,
        short_title: title,
        icon,
        key,
    }
}

/// In the order of the rail, which is that of the enum.
const PLACES: [Row; 11] = [
    row(Place::Start, "Start", Icon::Start, Key::Num1),
    row(
        Place::Experiments,
        "Experiments",
        Icon::Experiments,
        Key::Num2,
    ),
    row(Place::Live, "Live", Icon::Live, Key::Num3),
    row(Place::Runs, "Runs", Icon::Runs, Key::Num4),
    row(Place::Compare, "Compare", Icon::Compare, Key::Num5),
    row(Place::Cases, "Case study", Icon::Cases, Key::Num6),
    row(Place::Studies, "Studies", Icon::Studies, Key::Num7),
    row(Place::Tables, "Tables", Icon::Tables, Key::Num8),
    row(Place::Playground, "Playground", Icon::Playground, Key::Num9),
    Row {
        short_title: "Data",
        ..row(Place::Data, "Data and models", Icon::Data, Key::D)
    },
    row(Place::Settings, "Settings", Icon::Settings, Key::Comma),
];

impl Place {
    /// Every place, in the order of the rail.
    pub fn all() -> impl Iterator<Item = Place> {
        PLACES.iter().map(|row| row.place)
    }

    fn row(self) -> &'static Row {
        &PLACES[self as usize]
    }

    pub fn title(self) -> &'static str {
        self.row().title
    }

    pub fn short_title(self) -> &'static str {
        self.row().short_title
    }

    pub fn icon(self) -> Icon {
        self.row().icon
    }

    pub fn shortcut(self) -> KeyboardShortcut {
        KeyboardShortcut::new(Modifiers::COMMAND, self.row().key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for place in Place::all() {
            assert_eq!(place.row().place, place);
        }
    }
}
