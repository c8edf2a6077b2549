//! Table I: how well the identifiers do, beside the paper's values and the least to pass.

use eframe::egui::{
    Align, Align2, CornerRadius, Label, Rect, RichText, Role, ScrollArea, Sense, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::cells::{cell, line, row};
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::data::EmpathyLevel;
use crate::metrics::{Digits, IdentifierScores};
use crate::report::paper;

const GRID_LABEL: f32 = 52.0;
const GRID_CELL: Vec2 = vec2(52.0, 28.0);

const PAPER: (&str, f32, &str) = ("paper", 46.0, "Reported in Table I, from T5-base");
const COMMONEST: (&str, f32, &str) = (
    "commonest",
    62.0,
    "What always saying the commonest level would reach",
);

/// Figures that are told of each identifier: their name, what they are, and whether others stand beside them.
const GROUPS: [(&str, &str, bool); 3] = [
    (
        "Accuracy %",
        "Share of validation pairs whose level is identified rightly",
        true,
    ),
    (
        "Weighted F1 %",
        "F1 of each level, averaged by how many pairs have it",
        true,
    ),
    ("Macro F1 %", "F1 of each level, averaged evenly", false),
];

/// Columns below the name of a group, with their least widths.
fn columns(compared: bool, hint: &'static str) -> Vec<(&'static str, f32, &'static str)> {
    match compared {
        true => vec![("here", 46.0, hint), PAPER, COMMONEST],
        false => vec![("here", 70.0, hint)],
    }
}

/// Draws the table, and below it how often each level was taken for each.
pub fn table(ui: &mut Ui, scores: &[IdentifierScores]) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    let room = ui.available_width();
    let measured = |words: &str| {
        let galley = ui
            .painter()
            .layout_no_wrap(words.to_string(), text::body(), t.text);
        galley.size().x
    };
    let names = scores.iter().map(|row| measured(row.mechanism.title()));
    let name = names.fold(0.0, f32::max) + space::S;
    let all = GROUPS.map(|(_, hint, compared)| columns(compared, hint));
    let least = name + all.iter().flatten().map(|column| column.1).sum::<f32>();
    let columns = all.iter().map(Vec::len).sum::<usize>() as f32;
    let more = ((room - least) / columns).floor().clamp(0.0, 30.0);
    if least <= room {
        figures_ui(ui, scores, name, more);
    } else {
        ScrollArea::horizontal()
            .id_salt("identifiers")
            .show(ui, |ui| {
                figures_ui(ui, scores, name, more);
                ui.add_space(space::M);
            });
    }
    confusions_ui(ui, scores, room);
}

fn figures_ui(ui: &mut Ui, scores: &[IdentifierScores], name: f32, more: f32) {
    let t = theme::of(ui);
    let groups = GROUPS.map(|(title, hint, compared)| (title, columns(compared, hint)));
    let width_of =
        |columns: &[(&str, f32, &str)]| columns.iter().map(|column| column.1 + more).sum::<f32>();
    let width = name + groups.iter().map(|(_, all)| width_of(all)).sum::<f32>();
    row(ui, |ui| {
        let pairs = scores.first().map_or(0, |row| row.report().n);
        cell(ui, name, Align::Min, |ui| {
            words::small(ui, format!("Validation, n = {}", format::count(pairs)));
        });
        for (title, columns) in &groups {
            let wide = width_of(columns);
            cell(ui, wide, Align::Max, |ui| {
                let title = RichText::new(*title).font(text::small()).color(t.text);
                ui.label(title).on_hover_text(columns[0].2);
                let rect = ui.max_rect();
                let from = rect.left() + space::M;
                ui.painter()
                    .hline(from..=rect.right(), rect.bottom() - 2.0, t.line_stroke());
            });
        }
    });
    row(ui, |ui| {
        cell(ui, name, Align::Min, |_| {});
        for (title, wide, hint) in groups.iter().flat_map(|(_, all)| all) {
            cell(ui, wide + more, Align::Max, |ui| {
                let title = RichText::new(*title).font(text::small()).color(t.secondary);
                ui.label(title).on_hover_text(*hint);
            });
        }
    });
    for scores in scores {
        let (report, commonest) = (scores.report(), scores.commonest());
        let (accuracy, weighted_f1) = paper::identifier(scores.mechanism);
        let values = [
            (report.accuracy, true),
            (accuracy, false),
            (commonest.accuracy, false),
            (report.weighted_f1, true),
            (weighted_f1, false),
            (commonest.weighted_f1, false),
            (report.macro_f1, true),
        ];
        line(ui, width);
        row(ui, |ui| {
            cell(ui, name, Align::Min, |ui| {
                ui.label(RichText::new(scores.mechanism.title()).color(t.text));
            });
            let columns = groups.iter().flat_map(|(_, all)| all);
            for ((_, wide, _), (value, measured)) in columns.zip(values) {
                let colour = if measured { t.text } else { t.secondary };
                cell(ui, wide + more, Align::Max, |ui| {
                    let words = format::figure(value, Digits::RESULT);
                    ui.label(RichText::new(words).color(colour));
                });
            }
        });
    }
}

fn confusions_ui(ui: &mut Ui, scores: &[IdentifierScores], room: f32) {
    let t = theme::of(ui);
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
        ui.set_max_width(size::PROSE.min(room));
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
