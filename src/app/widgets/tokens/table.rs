//! The table of a response's tokens with all quantities.

use eframe::egui::{Align, Align2, Color32, FontId, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Scale, describe, readable};
use crate::app::format;
use crate::app::theme::{self, size, text};
use crate::app::widgets::layout;
use crate::experiment::{RolloutResponse, RolloutToken, TokenQuantity};

const PLACE: f32 = 26.0;
const PIECE: f32 = 84.0;
const FIGURE: f32 = 64.0;

/// A table of tokens and all quantities, with sums below where they make sense. `scrolled` is the horizontal scroll
/// offset: tokens and headers stay visible. Returns the row that was clicked.
pub fn table(
    ui: &mut Ui,
    response: &RolloutResponse,
    scale: &Scale,
    chosen: usize,
    scrolled: f32,
) -> Option<usize> {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
    let width = PLACE + PIECE + FIGURE * scale.order().len() as f32;
    let mut pointed = None;
    let room = vec2(width, size::ROW);
    let (head, _) = ui.allocate_exact_size(room, Sense::hover());
    for (place, token) in response.tokens.iter().enumerate() {
        let (row, _) = ui.allocate_exact_size(room, Sense::hover());
        let id = ui.scope_id().with(("row", place));
        let touched = ui.interact(row, id, Sense::CLICK | Sense::HOVER);
        let label = describe("Row of token", token, place, scale.quantity);
        touched.widget_info(|| WidgetInfo::labeled(Role::Row, true, &label));
        if touched.clicked() {
            pointed = Some(place);
        }
        if ui.is_rect_visible(row) {
            let fill = layout::fill(t, place == chosen, touched.hovered(), t.panel);
            ui.painter().rect_filled(row, 0, fill);
            figures_ui(ui, row, token, scale);
            let row = kept_ui(ui, row, scrolled, fill);
            let number = (place + 1).to_string();
            let (_, piece) = readable(&token.piece);
            paint(
                ui,
                cell(row, 0),
                &number,
                Align::Max,
                text::small(),
                t.secondary,
            );
            paint(ui, cell(row, 1), piece, Align::Min, text::body(), t.text);
        }
    }
    let (sums, _) = ui.allocate_exact_size(room, Sense::hover());
    sums_ui(ui, sums, response, scale, scrolled);
    let above = (ui.clip_rect().top() - head.top()).clamp(0.0, sums.top() - head.bottom());
    heads_ui(ui, head.translate(vec2(0.0, above)), scale, scrolled);
    pointed
}

/// The headers, above the rows scrolled below them.
fn heads_ui(ui: &Ui, row: Rect, scale: &Scale, right: f32) {
    let t = theme::of(ui);
    ui.painter().rect_filled(row, 0, t.panel);
    for (n, quantity) in scale.order().into_iter().enumerate() {
        let at = cell(row, n + 2);
        let words = quantity.short();
        paint(ui, at, words, Align::Max, text::small(), t.secondary);
        let head = ui.interact(at, ui.scope_id().with(("head", n)), Sense::HOVER);
        let label = format!("{}: {}", quantity.title(), quantity.definition());
        head.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &label));
        head.on_hover_text(label);
    }
    let kept = kept_ui(ui, row, right, t.panel);
    paint(
        ui,
        cell(kept, 1),
        "Token",
        Align::Min,
        text::small(),
        t.secondary,
    );
    line(ui, row);
}

fn sums_ui(ui: &Ui, row: Rect, response: &RolloutResponse, scale: &Scale, right: f32) {
    let t = theme::of(ui);
    for (n, quantity) in scale.order().into_iter().enumerate() {
        let adds_up = !matches!(
            quantity,
            TokenQuantity::Value | TokenQuantity::Return | TokenQuantity::Advantage
        );
        if adds_up {
            let sum = format::number(response.sum(quantity));
            paint(ui, cell(row, n + 2), &sum, Align::Max, text::body(), t.text);
        }
    }
    let kept = kept_ui(ui, row, right, t.panel);
    paint(
        ui,
        cell(kept, 1),
        "Sum",
        Align::Min,
        text::body(),
        t.secondary,
    );
    line(ui, row.translate(vec2(0.0, -size::ROW)));
}

/// Covers what was scrolled below the fixed columns. Returns the row to paint those in.
fn kept_ui(ui: &Ui, row: Rect, right: f32, fill: Color32) -> Rect {
    let t = theme::of(ui);
    let moved = row.translate(vec2(right, 0.0));
    if right > 0.0 {
        let kept = moved.with_max_x(moved.left() + PLACE + PIECE);
        ui.painter().rect_filled(kept, 0, fill);
        ui.painter()
            .vline(kept.right(), kept.y_range(), t.line_stroke());
    }
    moved
}

fn figures_ui(ui: &Ui, row: Rect, token: &RolloutToken, scale: &Scale) {
    let t = theme::of(ui);
    for (n, quantity) in scale.order().into_iter().enumerate() {
        let at = cell(row, n + 2);
        let figures = token.figures.as_ref();
        let Some(value) = figures.and_then(|figures| figures.get(quantity)) else {
            paint(ui, at, "–", Align::Max, text::body(), t.secondary);
            continue;
        };
        let mut colour = if value.is_finite() { t.text } else { t.bad };
        if quantity == scale.quantity
            && let Some(place) = scale.place(value)
        {
            let fill;
            (fill, colour) = t.on_scale(place);
            ui.painter()
                .rect_filled(at.shrink2(vec2(0.0, 3.0)), 4, fill);
        }
        let number = format::number(f64::from(value));
        paint(ui, at, &number, Align::Max, text::body(), colour);
    }
}

/// The rect of a column in a row.
fn cell(row: Rect, column: usize) -> Rect {
    let (left, width) = match column {
        0 => (0.0, PLACE),
        1 => (PLACE, PIECE),
        n => (PLACE + PIECE + FIGURE * (n - 2) as f32, FIGURE),
    };
    Rect::from_min_size(
        pos2(row.left() + left, row.top()),
        vec2(width, row.height()),
    )
}

fn paint(ui: &Ui, at: Rect, words: &str, align: Align, font: FontId, colour: Color32) {
    let inner = at.shrink2(vec2(6.0, 0.0));
    let painter = ui.painter().with_clip_rect(at.intersect(ui.clip_rect()));
    let (x, anchor) = match align {
        Align::Max => (inner.right(), Align2::RIGHT_CENTER),
        Align::Min | Align::Center => (inner.left(), Align2::LEFT_CENTER),
    };
    painter.text(pos2(x, inner.center().y), anchor, words, font, colour);
}

fn line(ui: &Ui, row: Rect) {
    layout::rule(ui, row.x_range(), row.bottom() - 0.5);
}
