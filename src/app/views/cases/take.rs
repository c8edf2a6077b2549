//! The form by which a system's responses are taken in, and what was taken in last.

use eframe::egui::Ui;

use super::parts::padded;
use crate::app::command::{Command, Commands};
use crate::app::desk::Task;
use crate::app::people::{CasesState, TakeForm};
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};

/// The fields of responses to take in. True when the form is to be closed.
pub(super) fn take_ui(ui: &mut Ui, form: &mut TakeForm, commands: &mut Commands) -> bool {
    ui.spacing_mut().item_spacing.y = space::S;
    let width = ui.available_width().min(420.0);
    field::search(
        ui,
        &mut form.file,
        "File of responses",
        "File of responses (.txt, .jsonl, .csv)",
        width,
    );
    field::search(
        ui,
        &mut form.system,
        "Name of the system",
        "Name of the system",
        width,
    );
    let hint = "File of its contexts; else the imported test split";
    field::search(ui, &mut form.contexts, "File of contexts", hint, width);
    if let Some(why) = &form.refused {
        notice::strip(
            ui,
            Tone::Bad,
            "The responses were not taken in",
            why,
            |_| {},
        );
    }
    let mut close = false;
    ui.horizontal(|ui| {
        let ready = !form.file.trim().is_empty() && !form.system.trim().is_empty();
        let take = Button::primary("Take in responses");
        if ui.add_enabled_ui(ready, |ui| ui.add(take).clicked()).inner {
            let contexts = form.contexts.trim();
            commands.push(Command::Desk(Task::TakeResponses {
                file: form.file.trim().into(),
                system: form.system.trim().to_string(),
                contexts: (!contexts.is_empty()).then(|| contexts.into()),
            }));
        }
        close = ui.add(Button::quiet("Cancel")).clicked();
    });
    close
}

/// What was taken in last, and the form while it is open.
pub(super) fn taking_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    let mut close = false;
    if cases.told.is_some() || cases.taking.is_some() {
        padded(ui, |ui| {
            if let Some(told) = cases.told.clone() {
                notice::strip(ui, Tone::Info, &told, "", |ui| {
                    if ui.add(Button::icon(Icon::Cross, "Dismiss")).clicked() {
                        cases.told = None;
                    }
                });
            }
            if let Some(form) = &mut cases.taking {
                close = take_ui(ui, form, commands);
            }
        });
    }
    if close {
        cases.taking = None;
    }
}
