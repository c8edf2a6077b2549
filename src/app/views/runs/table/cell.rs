//! A cell of the table of runs: a figure, a word, a moment, or the sketch of a curve.

use eframe::egui::{
    Align, Label, Layout, Rect, RichText, Shape, Stroke, Ui, UiBuilder, pos2, vec2,
};

use crate::app::format::{self, Now};
use crate::app::theme;
use crate::app::widgets::status;
use crate::catalog::{Cell, Column, Entry, Group, Spread};
use crate::metrics::Digits;
use crate::store::RunRow;

/// The text of a cell.
pub(super) fn words(column: &Column, entry: &Entry, now: Now) -> String {
    let row = &entry.row;
    match column.name() {
        "status" => return status::word(row.status).to_string(),
        "stage" => {
            return row.stage.map_or_else(String::new, |stage| {
                stage_words(row, stage.title(), row.step)
            });
        }
        _ => {}
    }
    match column.cell(entry) {
        Cell::Missing if column.is_number() => "–".into(),
        Cell::Missing => String::new(),
        Cell::Number(value) => match column.digits() {
            Some(digits) => format::figure(value, digits),
            // Names and settings stay as they are written elsewhere.
            None if matches!(column.name(), "id" | "seed") || column.name().contains('.') => {
                format!("{value}")
            }
            None => format::typeset(&format!("{value}")),
        },
        Cell::Held(held) => held.words(),
        Cell::Moment(at) => now.relative(at),
        Cell::Text(words) => words,
    }
}

/// The longest text that the cell may get during its run.
pub(super) fn longest_words(column: &Column, entry: &Entry, now: Now) -> String {
    let row = &entry.row;
    match (column.name(), row.stage) {
        ("stage", Some(stage)) => stage_words(row, stage.title(), row.total),
        _ => words(column, entry, now),
    }
}

/// Draws a cell, truncated with an ellipsis.
pub(super) fn cell_ui(ui: &mut Ui, rect: Rect, column: &Column, entry: &Entry, now: Now) {
    let t = theme::of(ui);
    let row = &entry.row;
    let layout = match column.is_number() {
        true => Layout::right_to_left(Align::Center),
        false => Layout::left_to_right(Align::Center),
    };
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        if column.name() == "status" {
            let response = status::status(ui, row.status);
            if let Some(error) = &row.error {
                response.on_hover_text(error);
            }
            return;
        }
        let cell = column.cell(entry);
        let colour = match (column.name(), &cell) {
            ("id" | "seed" | "experiment" | "stage", _) | (_, Cell::Moment(_)) => t.secondary,
            (_, Cell::Missing) => t.faint,
            _ => t.text,
        };
        let label = RichText::new(words(column, entry, now)).color(colour);
        let response = ui.add(Label::new(label).truncate().selectable(false));
        match cell {
            Cell::Moment(at) => {
                response.on_hover_text(now.clock.exact(at));
            }
            Cell::Held(held) => {
                response.on_hover_text(format!("Changed during the run: {}", held.words()));
            }
            _ => {}
        }
    });
}

/// A sparkline.
pub(super) fn sketch_ui(ui: &Ui, cell: Rect, values: &[f32]) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if values.len() < 2 || !low.is_finite() {
        return;
    }
    let t = theme::of(ui);
    let inner = cell.shrink2(vec2(2.0, 6.0));
    let span = (high - low).max(f32::MIN_POSITIVE);
    let at = |place: usize, value: f32| {
        let x = inner.left() + inner.width() * place as f32 / (values.len() - 1) as f32;
        let y = if high == low {
            inner.center().y
        } else {
            inner.bottom() - inner.height() * (value - low) / span
        };
        pos2(x, y)
    };
    let painter = ui.painter().with_clip_rect(cell);
    let mut stretch = Vec::new();
    for (place, value) in values.iter().enumerate() {
        if value.is_finite() {
            stretch.push(at(place, *value));
        } else if !stretch.is_empty() {
            painter.add(Shape::line(
                std::mem::take(&mut stretch),
                Stroke::new(1.2, t.secondary),
            ));
        }
    }
    painter.add(Shape::line(stretch, Stroke::new(1.2, t.secondary)));
}

fn stage_words(run: &RunRow, stage: &str, step: u64) -> String {
    match run.total {
        0 => stage.to_string(),
        total => format!("{stage} {}/{}", format::count(step), format::count(total)),
    }
}

/// A group's metric as text: the mean, and the mean with the deviation.
pub(super) fn spread_words(group: &Group<'_>, column: &Column) -> Option<(Spread, [String; 2])> {
    let spread = group.spread(column).filter(|_| column.is_figure())?;
    let digits = column.digits().unwrap_or(Digits::LOGGED);
    let mean = format::figure(spread.mean, digits);
    let whole = match spread.deviation {
        Some(deviation) => format!("{mean} ± {}", format::figure(deviation, digits)),
        None => mean.clone(),
    };
    Some((spread, [mean, whole]))
}
