//! The form that scores the chosen systems, with a run's identifiers or without.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::people::ScoreForm;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::notice::{self};
use crate::app::widgets::text as words;
use crate::operations::responses::MeasureRequest;

/// The form. True when it is to be closed.
pub(super) fn score_ui(
    ui: &mut Ui,
    form: &mut ScoreForm,
    systems: &[&str],
    busy: bool,
    commands: &mut Commands,
) -> bool {
    ui.spacing_mut().item_spacing.y = space::S;
    words::heading(ui, "Score systems");
    let named = match systems {
        [] => "Choose systems above first.".to_string(),
        systems => format!(
            "{}: Dist-1/2 and length, and with identifiers Emp-F1 and the level of every answer.",
            systems.join(", ")
        ),
    };
    words::secondary(ui, named);
    let width = ui.available_width().min(420.0);
    let hint = "Run whose identifiers judge, such as 3, or their folder; or nothing";
    field::search(ui, &mut form.identifiers, "Identifiers", hint, width);
    if !form.identifiers.trim().is_empty() {
        let hint = "Runs or folders whose identifiers judge as well, or logistic; or nothing";
        field::search(ui, &mut form.auditors, "Auditors", hint, width);
    }
    notice::failed(ui, "The systems were not scored", form.refused.as_deref());
    let mut close = false;
    ui.horizontal(|ui| {
        let ready = !systems.is_empty() && !busy;
        let score = Button::primary("Score");
        if score.clicked_if(ui, ready) {
            form.refused = None;
            let identifiers = form.identifiers.trim();
            let measuring = MeasureRequest {
                systems: systems.iter().map(|name| name.to_string()).collect(),
                // Parsing cannot fail: it is a run or else a folder.
                identifiers: (!identifiers.is_empty())
                    .then(|| identifiers.parse().unwrap_or_else(|never| match never {})),
                auditors: form.auditors.trim().to_string(),
                device: None,
            };
            commands.run(|core| core.score_systems(measuring));
        }
        close = Button::quiet("Cancel").clicked(ui);
    });
    close
}
