//! A few settings of a form in a narrow column: label, field and revert button, with errors below.

use eframe::egui::{Align, Layout, Ui};

use crate::app::state::form::Form;
use crate::app::theme::{self, size, space};
use crate::app::widgets::text as words;
use crate::experiment::{Setting, setting};

impl Form {
    /// Draws the settings at `paths`, one per row.
    pub fn compact_ui(&mut self, ui: &mut Ui, paths: &[&str]) {
        for setting in paths.iter().filter_map(|path| setting(path)) {
            ui.push_id(setting.path, |ui| self.compact_row_ui(ui, setting));
        }
    }

    fn compact_row_ui(&mut self, ui: &mut Ui, setting: &'static Setting) {
        let t = theme::of(ui);
        let name = setting.label();
        ui.horizontal(|ui| {
            ui.set_min_height(size::ROW);
            let label = words::label(ui, &name, t.text);
            let unit = setting
                .unit
                .map_or(String::new(), |unit| format!(" {unit}"));
            let hint = format!("{} From {}{unit}.", setting.help(), setting.range());
            let label = label.on_hover_text(hint);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                match self.is_changed(setting.path) {
                    true => self.revert_ui(ui, setting.path),
                    false => ui.add_space(size::ROW + space::XS),
                }
                ui.label_inputs_by(label.id, |ui| self.control_ui(ui, setting, &name));
            });
        });
        if let Some(why) = self.refusal(setting.path).map(str::to_string) {
            words::small_coloured(ui, why, t.bad);
        }
    }
}
