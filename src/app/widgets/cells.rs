//! Rows and cells of small tables.

use eframe::egui::{Align, Layout, Sense, Ui, Vec2, vec2};

use super::layout;
use crate::app::theme::size;

/// A row of cells over the available width.
pub fn row(ui: &mut Ui, cells: impl FnOnce(&mut Ui)) {
    let room = vec2(ui.available_width(), size::ROW);
    ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(room.y);
        cells(ui);
    });
}

/// A cell of this width, aligned left (`Min`) or right (`Max`).
pub fn cell(ui: &mut Ui, width: f32, align: Align, content: impl FnOnce(&mut Ui)) {
    cell_of(ui, vec2(width, size::ROW), align, content);
}

/// The same, of any height.
pub fn cell_of(ui: &mut Ui, room: Vec2, align: Align, content: impl FnOnce(&mut Ui)) {
    let layout = if align == Align::Max {
        Layout::right_to_left(Align::Center)
    } else {
        Layout::left_to_right(Align::Center)
    };
    ui.allocate_ui_with_layout(room, layout, |ui| {
        ui.set_min_size(room);
        content(ui);
    });
}

/// A separator between rows, at most this wide.
pub fn line(ui: &mut Ui, width: f32) {
    let width = width.min(ui.available_width());
    let (rect, _) = ui.allocate_exact_size(vec2(width, 1.0), Sense::hover());
    layout::rule(ui, rect.x_range(), rect.center().y);
}
