//! Text in the styles of the theme: titles, headings, secondary and error lines.

use eframe::egui;
use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, FontId, Galley, Label, Painter, Pos2, Rect, Response, RichText, Ui,
    WidgetInfo, WidgetText,
};

use crate::app::theme::{self, text};

/// The title of a place or a page.
pub fn title(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::title(), theme::of(ui).text)
}

/// The heading of a part of a page.
pub fn heading(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::heading(), theme::of(ui).text)
}

/// Body text that stands out.
pub fn bold(ui: &mut Ui, words: &str) -> Response {
    strong(ui, words, text::body(), theme::of(ui).text)
}

/// One line in a heavier weight. The one font has one weight: it is drawn twice in place, which
/// fills its thin strokes without widening them.
pub fn strong(ui: &mut Ui, words: &str, font: FontId, colour: Color32) -> Response {
    let label = Label::new(RichText::new(words).font(font).color(colour)).truncate();
    let (at, galley, response) = label.layout_in_ui(ui);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, words));
    if ui.is_rect_visible(response.rect) {
        paint_strong(ui, at, galley, colour);
    }
    response
}

/// Draws a galley in the heavier weight.
pub fn paint_strong(ui: &Ui, at: Pos2, galley: Arc<Galley>, colour: Color32) {
    ui.painter().galley(at, galley.clone(), colour);
    ui.painter().galley(at, galley, colour);
}

/// Body text of lower rank, wrapped.
pub fn secondary(ui: &mut Ui, words: impl Into<String>) -> Response {
    let colour = theme::of(ui).secondary;
    ui.add(Label::new(RichText::new(words).color(colour)).wrap())
}

/// Small text of lower rank, cut with an ellipsis where it does not fit.
pub fn small(ui: &mut Ui, words: impl Into<String>) -> Response {
    let colour = theme::of(ui).secondary;
    ui.add(Label::new(RichText::new(words).font(text::small()).color(colour)).truncate())
}

/// Running text, wrapped.
pub fn body(ui: &mut Ui, words: impl Into<WidgetText>) -> Response {
    ui.add(Label::new(words).wrap())
}

/// Small text in a colour that says something, wrapped.
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

/// Lays words out on one line.
pub fn galley(ui: &Ui, words: impl ToString, font: FontId, colour: Color32) -> Arc<Galley> {
    let painter = ui.painter();
    painter.layout_no_wrap(words.to_string(), font, colour)
}

/// Paints small text; gives where it is.
pub fn paint_small(
    painter: &Painter,
    at: Pos2,
    anchor: Align2,
    words: impl ToString,
    colour: Color32,
) -> Rect {
    painter.text(at, anchor, words, text::small(), colour)
}

/// Paints body text; gives where it is.
pub fn paint_body(
    painter: &Painter,
    at: Pos2,
    anchor: Align2,
    words: impl ToString,
    colour: Color32,
) -> Rect {
    painter.text(at, anchor, words, text::body(), colour)
}
