//! Text in the styles of the theme.

use eframe::egui;
use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, FontId, Galley, Label, Painter, Pos2, Rect, Response, RichText, Ui,
    WidgetInfo, WidgetText,
};

use crate::app::theme::{self, text};

pub fn title(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::title(), theme::of(ui).text)
}

pub fn heading(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::heading(), theme::of(ui).text)
}

pub fn bold(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::body(), theme::of(ui).text)
}

/// One line of bold text. The font has one weight: drawing it twice in place thickens its strokes.
pub fn strong(ui: &mut Ui, words: &str, font: FontId, colour: Color32) -> Response {
    let label = Label::new(RichText::new(words).font(font).color(colour)).truncate();
    let (at, galley, response) = label.layout_in_ui(ui);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, words));
    if ui.is_rect_visible(response.rect) {
        paint_strong(ui, at, galley, colour);
    }
    response
}

/// Paints a galley in bold.
pub fn paint_strong(ui: &Ui, at: Pos2, galley: Arc<Galley>, colour: Color32) {
    ui.painter().galley(at, galley.clone(), colour);
    ui.painter().galley(at, galley, colour);
}

/// Secondary body text, wrapped.
pub fn secondary(ui: &mut Ui, words: impl Into<String>) -> Response {
    let colour = theme::of(ui).secondary;
    ui.add(Label::new(RichText::new(words).color(colour)).wrap())
}

/// Secondary small text, truncated with an ellipsis.
pub fn small(ui: &mut Ui, words: impl Into<String>) -> Response {
    let colour = theme::of(ui).secondary;
    ui.add(Label::new(RichText::new(words).font(text::small()).color(colour)).truncate())
}

/// Body text, wrapped.
pub fn body(ui: &mut Ui, words: impl Into<WidgetText>) -> Response {
    ui.add(Label::new(words).wrap())
}

/// Small text in a colour, wrapped.
pub fn small_coloured(ui: &mut Ui, words: impl Into<String>, colour: Color32) -> Response {
    ui.add(Label::new(RichText::new(words).font(text::small()).color(colour)).wrap())
}

/// A label in a colour, in the flow of its row.
pub fn label(ui: &mut Ui, words: impl Into<String>, colour: Color32) -> Response {
    ui.label(RichText::new(words).color(colour))
}

/// A small label in a colour, in the flow of its row.
pub fn small_label(ui: &mut Ui, words: impl Into<String>, colour: Color32) -> Response {
    ui.label(RichText::new(words).font(text::small()).color(colour))
}

/// Body text that can be selected, wrapped.
pub fn selectable(ui: &mut Ui, words: impl Into<String>) -> Response {
    let words = RichText::new(words).color(theme::of(ui).text);
    ui.add(Label::new(words).wrap().selectable(true))
}

/// A spinner, and what is in progress.
pub fn busy(ui: &mut Ui, words: impl Into<String>) {
    ui.horizontal(|ui| {
        ui.add(egui::Spinner::new().size(16.0));
        small(ui, words);
    });
}

/// Lays text out on one line.
pub fn galley(ui: &Ui, words: impl ToString, font: FontId, colour: Color32) -> Arc<Galley> {
    let painter = ui.painter();
    painter.layout_no_wrap(words.to_string(), font, colour)
}

/// Paints small text; returns where it is.
pub fn paint_small(
    painter: &Painter,
    at: Pos2,
    anchor: Align2,
    words: impl ToString,
    colour: Color32,
) -> Rect {
    painter.text(at, anchor, words, text::small(), colour)
}

/// Paints body text; returns where it is.
pub fn paint_body(
    painter: &Painter,
    at: Pos2,
    anchor: Align2,
    words: impl ToString,
    colour: Color32,
) -> Rect {
    painter.text(at, anchor, words, text::body(), colour)
}
