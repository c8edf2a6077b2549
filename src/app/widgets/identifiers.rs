//! Table I: the scores of the identifiers, with the paper's values and a baseline.

use eframe::egui::{
    Align, Align2, CornerRadius, Label, Rect, RichText, Role, Sense, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::cells::{cell, line, row};
use super::layout;
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::data::EmpathyLevel;
use crate::metrics::{Digits, IdentifierScores};
use crate::report::paper;

const GRID_LABEL: f32 = 52.0;
const GRID_CELL: Vec2 = vec2(52.0, 28.0);

const NAME: f32 = 124.0;

/// Draws the table, and the confusion matrices below.
pub fn table(ui: &mut Ui, scores: &[IdentifierScores]) {
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    let room = ui.available_width();
    figures_ui(ui, scores, room);
    confusions_ui(ui, scores, room);
}

type Of = fn(&IdentifierScores) -> f64;

/// Rows: name, tooltip, whether it was measured here, and how to get it.
fn rows() -> [(&'static str, &'static str, bool, Of); 7] {
    const PAPER: &str = "Reported in Table I, from T5-base";
    const COMMONEST: &str = "What always saying the commonest level would reach";
    [
        (
            "Accuracy %",
            "Share of validation pairs whose level is identified rightly",
            true,
            |scores| scores.report().accuracy,
        ),
        ("paper", PAPER, false, |scores| {
            paper::identifier(scores.mechanism).0
        }),
        ("commonest level", COMMONEST, false, |scores| {
            scores.commonest().accuracy
        }),
        (
            "Weighted F1 %",
            "F1 of each level, averaged by how many pairs have it",
            true,
            |scores| scores.report().weighted_f1,
        ),
        ("paper", PAPER, false, |scores| {
            paper::identifier(scores.mechanism).1
        }),
        ("commonest level", COMMONEST, false, |scores| {
            scores.commonest().weighted_f1
        }),
        (
            "Macro F1 %",
            "F1 of each level, averaged evenly",
            true,
            |scores| scores.report().macro_f1,
        ),
    ]
}

fn figures_ui(ui: &mut Ui, scores: &[IdentifierScores], room: f32) {
    let t = theme::of(ui);
    let each = ((room - NAME) / scores.len().max(1) as f32)
        .floor()
        .clamp(60.0, 140.0);
    let width = NAME + each * scores.len() as f32;
    row(ui, |ui| {
        let pairs = scores.first().map_or(0, |row| row.report().n);
        cell(ui, NAME, Align::Min, |ui| {
            words::small(ui, format!("Validation, n = {}", format::count(pairs)));
        });
        for scores in scores {
            cell(ui, each, Align::Max, |ui| {
                let title = RichText::new(scores.mechanism.title());
                ui.add(Label::new(title.font(text::small()).color(t.text)).truncate());
            });
        }
    });
    for (name, hint, here, of) in rows() {
        let colour = if here { t.text } else { t.secondary };
        if here {
            line(ui, width);
        }
        row(ui, |ui| {
            cell(ui, NAME, Align::Min, |ui| {
                ui.add_space(if here { 0.0 } else { space::M });
                words::label(ui, name, colour).on_hover_text(hint);
            });
            for scores in scores {
                cell(ui, each, Align::Max, |ui| {
                    let words = format::figure(of(scores), Digits::RESULT);
                    words::label(ui, words, colour);
                });
            }
        });
    }
    line(ui, width);
}

fn confusions_ui(ui: &mut Ui, scores: &[IdentifierScores], room: f32) {
    let t = theme::of(ui);
    ui.add_space(space::L);
    let each = GRID_LABEL + GRID_CELL.x * EmpathyLevel::ALL.len() as f32 + space::L;
    let across = ((room / each) as usize).max(1);
    for scores in scores.chunks(across) {
        ui.horizontal_top(|ui| {
            for scores in scores {
                layout::column(ui, each, |ui| {
                    confusion_ui(ui, scores);
                });
            }
        });
        ui.add_space(space::L);
    }
    ui.add_space(space::S);
    let note = "Levels as labelled in rows, as identified in columns. Identifiers of a small model made from \
                nothing are not those of the paper's T5-base.";
    ui.scope(|ui| {
        ui.set_max_width(size::PROSE.min(room));
        words::small_coloured(ui, note, t.secondary);
    });
}

/// A confusion matrix, shaded by the share within each row.
fn confusion_ui(ui: &mut Ui, scores: &IdentifierScores) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    words::bold(ui, scores.mechanism.title());
    ui.add_space(space::XS);
    let levels = EmpathyLevel::ALL;
    let across = GRID_LABEL + GRID_CELL.x * levels.len() as f32;
    let down = GRID_CELL.y * (levels.len() + 1) as f32;
    let (rect, response) = ui.allocate_exact_size(vec2(across, down), Sense::hover());
    let painter = ui.painter();
    let place = |row: usize, column: usize| {
        let corner = vec2(
            GRID_LABEL + GRID_CELL.x * column as f32,
            GRID_CELL.y * row as f32,
        );
        Rect::from_min_size(rect.min + corner, GRID_CELL)
    };
    for (column, level) in levels.iter().enumerate() {
        let centre = place(0, column).center();
        let title = level.title();
        words::paint_small(painter, centre, Align2::CENTER_CENTER, title, t.secondary);
    }
    let mut spoken = format!("{}.", scores.mechanism.title());
    for (row, level) in levels.iter().enumerate() {
        let left = pos2(rect.left(), place(row + 1, 0).center().y);
        words::paint_small(
            painter,
            left,
            Align2::LEFT_CENTER,
            level.title(),
            t.secondary,
        );
        let all = scores.confusion.support(row).max(1);
        spoken.push_str(&format!(" {} identified as", level.title()));
        for (column, identified) in levels.iter().enumerate() {
            let count = scores.confusion.counts[row][column];
            let share = count as f32 / all as f32;
            let tile = place(row + 1, column).shrink(1.0);
            let fill = t.panel.lerp_to_gamma(t.selected, share);
            painter.rect_filled(tile, CornerRadius::same(3), fill);
            let number = format::count(count);
            words::paint_body(
                painter,
                tile.center(),
                Align2::CENTER_CENTER,
                number,
                t.text,
            );
            spoken.push_str(&format!(" {} {count},", identified.title()));
        }
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, spoken.as_str()));
}
