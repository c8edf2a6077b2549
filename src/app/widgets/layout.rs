//! The arrangements that pages have in common: scrolled and padded areas, columns, panels, rules.

use std::fmt::Debug;
use std::hash::Hash;

use eframe::egui::{
    Align, CentralPanel, Color32, CornerRadius, Frame, Layout, Margin, Panel, Rangef, Rect,
    ScrollArea, Stroke, StrokeKind, Ui, vec2,
};

use crate::app::theme::{self, ThemeTokens};

/// Scrolls its content vertically, over all the room there is.
pub fn scrolled(ui: &mut Ui, id: impl Hash + Debug, content: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(id)
        .auto_shrink(false)
        .show(ui, content);
}

pub fn padded(ui: &mut Ui, margin: impl Into<Margin>, content: impl FnOnce(&mut Ui)) {
    Frame::new().inner_margin(margin).show(ui, content);
}

/// A column of this width, from the top.
pub fn column<R>(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
        ui.set_width(width);
        content(ui)
    })
    .inner
}

/// A panel of a fixed width at the left.
pub fn left_panel(ui: &mut Ui, id: &'static str, width: f32, content: impl FnOnce(&mut Ui)) {
    Panel::left(id)
        .exact_size(width)
        .resizable(false)
        .frame(Frame::new())
        .show(ui, content);
}

/// What the panels leave.
pub fn central(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    CentralPanel::default()
        .frame(Frame::new())
        .show(ui, content);
}

/// A horizontal separator.
pub fn rule(ui: &Ui, x: Rangef, y: f32) {
    ui.painter().hline(x, y, theme::of(ui).line_stroke());
}

/// A separator below what has been drawn so far.
pub fn rule_below(ui: &mut Ui, x: Rangef) {
    let y = ui.cursor().top();
    rule(ui, x, y);
    ui.add_space(1.0);
}

/// The fill of something that can be selected: `idle` while it is neither selected nor pointed at.
pub fn fill(t: &ThemeTokens, selected: bool, hovered: bool, idle: Color32) -> Color32 {
    match (selected, hovered) {
        (true, _) => t.selected,
        (false, true) => t.hover,
        (false, false) => idle,
    }
}

/// Fills a row that is selected or pointed at.
pub fn fill_row(
    ui: &Ui,
    rect: Rect,
    radius: impl Into<CornerRadius>,
    selected: bool,
    hovered: bool,
) {
    if selected || hovered {
        let colour = fill(theme::of(ui), selected, hovered, Color32::TRANSPARENT);
        ui.painter().rect_filled(rect, radius, colour);
    }
}

/// A filled area with a border inside its edges.
pub fn surface(
    ui: &Ui,
    rect: Rect,
    radius: impl Into<CornerRadius>,
    fill: Color32,
    border: impl Into<Stroke>,
) {
    ui.painter()
        .rect(rect, radius, fill, border, StrokeKind::Inside);
}
