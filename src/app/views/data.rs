//! The place Data and models: data sets, fetching models, known folders, and exporting models.

mod browse;
mod corpus_browse;
mod corpus_export;
mod corpus_import;
mod fetch;
mod import;
mod models;
mod sets;

use eframe::egui::{Margin, Ui};

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::state::library::DataTab;
use crate::app::theme::{self, space};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;

pub fn data_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let dropped = ui.input(|input| {
        let file = input.raw.dropped_files.first();
        file.map(|file| file.path().to_path_buf())
    });
    if let Some(file) = dropped {
        commands.run(|core| core.look_at_file(file));
    }
    layout::padded(
        ui,
        theme::margin(space::L, space::L, space::M, space::S),
        |ui| {
            let parts = [(DataTab::Sets, "Data sets"), (DataTab::Models, "Models")];
            let library = &mut state.library;
            ui.horizontal(|ui| {
                segments(ui, "Show", &mut library.part, &parts);
                if library.part == DataTab::Sets {
                    ui.add_space(space::S);
                    let hint = "A file of anybody's: conversations, responses, labels, scores";
                    let import = Button::secondary("Import a corpus…").with_icon(Icon::Plus);
                    if import.hint(hint).clicked(ui) {
                        library.importing = true;
                    }
                }
            });
        },
    );
    match state.library.part {
        DataTab::Models => models::models_ui(ui, state, commands),
        DataTab::Sets if state.library.sets.value().is_some() => sets::sets_ui(ui, state, commands),
        DataTab::Sets => padded(ui, |ui| {
            let words =
                RemoteWords::retry("Reading the data sets…", "The data sets cannot be read");
            if remote_ui(ui, &state.library.sets, words) {
                commands.run(Core::load_sets);
            }
        }),
    }
}

fn padded(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    layout::padded(
        ui,
        Margin::symmetric(space::L as i8, space::S as i8),
        content,
    );
}

/// Text of several lines.
fn prose(ui: &mut Ui, text: &str) {
    ui.scope(|ui| {
        ui.set_max_width(theme::size::PROSE.min(ui.available_width()));
        words::secondary(ui, text);
    });
}

/// A name and its value, in two columns.
fn fact(ui: &mut Ui, name: &str, value: &str) {
    use eframe::egui::{Align, Label, Layout, RichText, vec2};
    let t = theme::of(ui);
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(vec2(120.0, 18.0), Layout::left_to_right(Align::Min), |ui| {
            ui.set_min_width(120.0);
            words::label(ui, name, t.secondary);
        });
        let value = RichText::new(value).color(t.text);
        ui.add(Label::new(value).wrap().selectable(true));
    });
}
