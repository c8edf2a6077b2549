//! A table of text in the place Studies.

use eframe::egui::{Align, Label, RichText, ScrollArea, Ui, Vec2};

use crate::app::theme::{self, space, text};
use crate::app::widgets::cells::{cell, line, row};
use crate::app::widgets::text as words;

const MAX_WIDTH: f32 = 260.0;

/// A table of text with columns as wide as their content: the first left-aligned, the others right-aligned.
pub(super) fn table(ui: &mut Ui, id: &str, head: &[&str], rows: &[Vec<String>]) {
    let t = theme::of(ui);
    let measure = |words: &str| {
        let galley = words::galley(ui, words, text::body(), t.text);
        galley.size().x + space::L
    };
    let widths: Vec<f32> = (0..head.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widest = cells
                .map(|words| measure(words))
                .fold(measure(head[at]), f32::max);
            widest.min(MAX_WIDTH)
        })
        .collect();
    let width = widths.iter().sum();
    ScrollArea::horizontal().id_salt(id).show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.set_min_width(width);
        let align = |at: usize| if at == 0 { Align::Min } else { Align::Max };
        row(ui, |ui| {
            for (at, (title, width)) in head.iter().zip(&widths).enumerate() {
                cell(ui, *width, align(at), |ui| {
                    words::small(ui, *title);
                });
            }
        });
        for cells in rows {
            line(ui, width);
            row(ui, |ui| {
                for (at, (words, width)) in cells.iter().zip(&widths).enumerate() {
                    cell(ui, *width, align(at), |ui| {
                        ui.spacing_mut().item_spacing.x = space::XS;
                        // The interval is smaller than its number.
                        let (figure, interval) = words.split_once('[').unwrap_or((words, ""));
                        if !interval.is_empty() {
                            let interval = RichText::new(format!("[{interval}"));
                            ui.label(interval.font(text::small()).color(t.secondary));
                        }
                        let figure = RichText::new(figure.trim_end()).color(t.text);
                        ui.add(Label::new(figure).truncate());
                    });
                }
            });
        }
        ui.add_space(space::M);
    });
}
