//! Table I: how well the identifiers do, beside the paper's values and the least to pass.

use eframe::egui::{
    Align, Align2, CornerRadius, Label, Rect, RichText, Role, Sense, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::cells::{cell, line, row};
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::data::EmpathyLevel;
use crate::metrics::IdentifierScores;
use crate::report::paper;

const NAME: f32 = 150.0;
const FIGURE: f32 = 92.0;
const GRID_LABEL: f32 = 52.0;
const GRID_CELL: Vec2 = vec2(52.0, 28.0);

/// Draws the table, and below it how often each level was taken for each.
pub fn table(ui: &mut Ui, scores: &[IdentifierScores]) {
    let t = theme::of(ui);
    let width = NAME + 7.0 * FIGURE;
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    row(ui, |ui| {
        let pairs = scores.first().map_or(0, |row| row.report().n);
        cell(ui, NAME, Align::Min, |ui| {
            words::small(
                ui,
                format!("Validation pairs, n = {}", format::count(pairs)),
            );
        });
        for (title, hint) in [
            (
                "Accuracy %",
                "Share of validation pairs whose level is identified rightly",
            ),
            ("paper", "Reported in Table I, from T5-base"),
            (
                "commonest",
                "What always saying the commonest level would reach",
            ),
            (
                "Weighted F1 %",
                "F1 of each level, averaged by how many pairs have it",
            ),
            ("paper", "Reported in Table I, from T5-base"),
            (
                "commonest",
                "What always saying the commonest level would reach",
            ),
            ("Macro F1 %", "F1 of each level, averaged evenly"),
        ] {
            cell(ui, FIGURE, Align::Max, |ui| {
                let title = RichText::new(title).font(text::small()).color(t.secondary);
                ui.label(title).on_hover_text(hint);
            });
        }
    });
    for scores in scores {
        let (report, commonest) = (scores.report(), scores.commonest());
        let (accuracy, weighted_f1) = paper::identifier(scores.mechanism);
        line(ui, width);
        row(ui, |ui| {
            cell(ui, NAME, Align::Min, |ui| {
                ui.label(RichText::new(scores.mechanism.title()).color(t.text));
            });
            for (value, measured) in [
                (report.accuracy, true),
                (accuracy, false),
                (commonest.accuracy, false),
                (report.weighted_f1, true),
                (weighted_f1, false),
                (commonest.weighted_f1, false),
                (report.macro_f1, true),
            ] {
                let colour = if measured { t.text } else { t.secondary };
                cell(ui, FIGURE, Align::Max, |ui| {
                    ui.label(RichText::new(format::fixed(value, 1)).color(colour));
                });
            }
        });
    }
    ui.add_space(space::L);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(space::L);
        for scores in scores {
            ui.vertical(|ui| confusion_ui(ui, scores));
        }
    });
    ui.add_space(space::S);
    let note = "Levels as labelled in rows, as identified in columns. Identifiers of a small model made from \
                nothing are not those of the paper's T5-base.";
    ui.scope(|ui| {
        ui.set_max_width(size::PROSE);
        ui.add(Label::new(RichText::new(note).font(text::small()).color(t.secondary)).wrap());
    });
}

/// Counts of levels, the more of a row the stronger the colour.
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
        painter.text(
            centre,
            Align2::CENTER_CENTER,
            title,
            text::small(),
            t.secondary,
        );
    }
    let mut spoken = format!("{}.", scores.mechanism.title());
    for (row, level) in levels.iter().enumerate() {
        let left = pos2(rect.left(), place(row + 1, 0).center().y);
        painter.text(
            left,
            Align2::LEFT_CENTER,
            level.title(),
            text::small(),
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
            painter.text(
                tile.center(),
                Align2::CENTER_CENTER,
                number,
                text::body(),
                t.text,
            );
            spoken.push_str(&format!(" {} {count},", identified.title()));
        }
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, spoken.as_str()));
}
