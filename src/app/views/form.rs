//! The form of an experiment: every setting, from its descriptor.
//!
//! What is typed is kept in the state; invalid values are refused beside their field.

mod compact;
mod rows;
mod terms;

use eframe::egui::Ui;

use crate::app::state::form::Form;
use crate::app::theme;
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::experiment::{setting, value_words};

/// What the caller has to do after a change.
#[derive(Debug, Default)]
pub struct FormDone {
    /// A setting that decides which inputs the run needs has changed.
    pub needs_changed: bool,
}

impl Form {
    /// A button that reverts a setting to the file's value.
    pub fn revert_ui(&mut self, ui: &mut Ui, path: &str) {
        let Some(value) = self.file.get(path).cloned() else {
            return;
        };
        let hint = format!("Back to the file's {}", value_words(&value));
        if Button::icon(Icon::Revert, &hint).clicked(ui) {
            self.put(path, value);
        }
    }

    /// The field of the seed, above the sections.
    pub fn seed_ui(&mut self, ui: &mut Ui, label: eframe::egui::Id) {
        if let Some(setting) = setting("run.seed") {
            ui.label_inputs_by(label, |ui| self.control_ui(ui, setting, "Seed"));
            if let Some(why) = self.refusal(setting.path) {
                words::small_coloured(ui, why, theme::of(ui).bad);
            }
        }
    }
}
