//! The place Settings: theme, zoom, runs at once, and the store.

use eframe::egui::{Align, Align2, Label, Layout, RichText, TextEdit, Ui, vec2};

use crate::app::command::{Command, Commands};
use crate::app::logic::Core;
use crate::app::state::{State, ThemeChoice};
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::field::tick;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::experiment::commit;
use crate::operations::notices::Recipient;

const ZOOMS: [(f32, &str); 6] = [
    (0.8, "80 %"),
    (0.9, "90 %"),
    (1.0, "100 %"),
    (1.1, "110 %"),
    (1.25, "125 %"),
    (1.5, "150 %"),
];

const AT_ONCE: [(usize, &str); 4] = [(1, "1"), (2, "2"), (4, "4"), (8, "8")];

pub fn settings_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    layout::padded(ui, space::L, |ui| {
        ui.set_max_width(size::PROSE);
        ui.spacing_mut().item_spacing.y = space::XS;
        words::heading(ui, "Look");
        row(ui, "Theme", "", |ui| {
            segments(
                ui,
                "Theme",
                &mut state.prefs.theme,
                &[
                    (ThemeChoice::System, "System"),
                    (ThemeChoice::Light, "Light"),
                    (ThemeChoice::Dark, "Dark"),
                ],
            );
        });
        row(ui, "Zoom", "Ctrl + and Ctrl − do the same", |ui| {
            let mut chosen = ZOOMS
                .iter()
                .map(|(zoom, _)| *zoom)
                .find(|zoom| (zoom - state.prefs.zoom).abs() < 0.01);
            let options: Vec<(Option<f32>, &str)> = ZOOMS
                .iter()
                .map(|(zoom, words)| (Some(*zoom), *words))
                .collect();
            if segments(ui, "Zoom", &mut chosen, &options) {
                state.prefs.zoom = chosen.unwrap_or(1.0);
            }
        });
        ui.add_space(space::XL);
        words::heading(ui, "Runs");
        let hint = "The queue starts them where memory allows; they share the processor, so each takes longer";
        row(ui, "At once", hint, |ui| {
            let mut chosen = state.prefs.at_once;
            if segments(ui, "Runs at once", &mut chosen, &AT_ONCE) {
                commands.run(move |core| core.set_at_once(chosen));
            }
        });
        notices_ui(ui, state, commands);
        ui.add_space(space::XL);
        words::heading(ui, "Where things are kept");
        row(
            ui,
            "Store",
            "Another folder: start the program with --store FOLDER, or set the variable EMPRL_STORE",
            |ui| {
                ui.add(
                    Label::new(RichText::new(&state.store).color(theme::of(ui).text))
                        .truncate()
                        .selectable(true),
                );
                if Button::icon(Icon::Copy, "Copy the folder").clicked(ui) {
                    commands.push(Command::Copy(state.store.clone()));
                }
            },
        );
        row(ui, "Program", "", |ui| {
            let commit = commit().unwrap_or("unknown commit");
            words::secondary(
                ui,
                format!("EmpRL Studio {}, {commit}", env!("CARGO_PKG_VERSION")),
            );
        });
    });
}

/// Who is told when a run of this window is finished, fails or raises an alert.
fn notices_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let prefs = &mut state.prefs;
    row(
        ui,
        "Notices",
        "When a run of this window is finished, fails or raises an alert",
        |ui| {
            tick(ui, "On the desktop", &mut prefs.desktop_notices);
        },
    );
    let written = prefs.notices_to.trim();
    let hint = match written.is_empty() || written.parse::<Recipient>().is_ok() {
        true => "Gets JSON with a \"text\", as Slack and Mattermost take it; empty for none",
        false => "This is no address: it begins with https:// or http://",
    };
    row(ui, "Sent to", hint, |ui| {
        let button = Button::secondary("Send a trial notice");
        let width = (ui.available_width() - 180.0).clamp(120.0, 360.0);
        let field = TextEdit::singleline(&mut prefs.notices_to)
            .align(Align2::LEFT_CENTER)
            .hint_text("https://…")
            .min_size(vec2(width, size::ROW))
            .desired_width(width);
        ui.add(field).accessible_name("Address of notices");
        if button.clicked_if(ui, !prefs.recipients().is_empty()) {
            commands.run(Core::try_notices);
        }
    });
}

fn row(ui: &mut Ui, name: &str, hint: &str, control: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    ui.add_space(space::XS);
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(
            vec2(140.0, size::ROW),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_size(vec2(140.0, size::ROW));
                words::label(ui, name, t.text);
            },
        );
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.horizontal(|ui| {
                ui.set_min_height(size::ROW);
                control(ui);
            });
            if !hint.is_empty() {
                words::small(ui, hint);
            }
        });
    });
    ui.add_space(space::XS);
}
