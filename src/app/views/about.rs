//! The place About: what the program is, and its version.

use eframe::egui::{Frame, Margin, Ui};

use crate::app::theme::space;
use crate::app::widgets::text as words;

pub fn about_ui(ui: &mut Ui) {
    let frame = Frame::new().inner_margin(Margin::same(space::L as i8));
    frame.show(ui, |ui| {
        words::heading(ui, "EmpRL Studio");
        words::secondary(ui, env!("CARGO_PKG_VERSION"));
    });
}
