//! Asks before a system is deleted with its responses.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::people::CasesState;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;

pub(super) fn delete_ui(ui: &Ui, cases: &mut CasesState, commands: &mut Commands) {
    let Some(system) = cases.deleting.clone() else {
        return;
    };
    let ((delete, keep), dismissed) = modal(ui, "delete system", 400.0, |ui| {
        words::heading(ui, &format!("Delete {system}?"));
        words::secondary(
            ui,
            "Its responses and scores are removed from this store. This cannot be undone.",
        );
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let delete = Button::primary("Delete responses").clicked(ui);
            (delete, Button::secondary("Keep them").clicked(ui))
        })
        .inner
    });
    if delete {
        commands.run(|core| core.delete_system(system));
    }
    if delete || keep || dismissed {
        cases.deleting = None;
    }
}
