//! The place About: what the program is called, and its version.

use eframe::egui::{Margin, Ui};

use crate::app::theme::space;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;

pub fn about_ui(ui: &mut Ui) {
    layout::padded(ui, Margin::same(space::L as i8), |ui| {
        words::heading(ui, "About EmpRL Studio");
        words::secondary(ui, format!("Version {}", env!("CARGO_PKG_VERSION")));
    });
}
