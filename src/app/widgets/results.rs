//! The result table: systems beside each other, each figure with its interval.

use eframe::egui::{Align, Label, Rect, RichText, Sense, Ui, Vec2};

use super::cells::{cell, line, row};
use super::icon::{self, Icon};
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::data::Mechanism;
use crate::metrics::{Direction, Estimate, SystemResults, declared};

/// Finds one figure in a system's results.
type Find = Box<dyn Fn(&SystemResults) -> Option<Estimate>>;

/// One figure of the table, and where it stands in a system's results.
struct Figure {
    name: String,
    unit: &'static str,
    definition: &'static str,
    direction: Direction,
    of: Find,
}

fn figures() -> Vec<Figure> {
    let figure = |key: &str, of: Find| {
        declared(key).map(|metric| Figure {
            name: metric.name.to_string(),
            unit: metric.unit,
            definition: metric.definition,
            direction: metric.direction,
            of,
        })
    };
    let mut all = vec![
        figure(declared::VALIDATION_PPL, Box::new(|s| s.ppl)),
        figure(declared::VALIDATION_DIST_1, Box::new(|s| Some(s.dist_1))),
        figure(declared::VALIDATION_DIST_2, Box::new(|s| Some(s.dist_2))),
        figure(declared::VALIDATION_EMP_F1, Box::new(|s| s.emp_f1)),
    ];
    for mechanism in Mechanism::ALL {
        let key = declared::VALIDATION_F1_KEYS[mechanism.index()];
        all.push(figure(
            key,
            Box::new(move |s| s.mechanism_f1.map(|f1| f1[mechanism.index()])),
        ));
    }
    all.into_iter().flatten().collect()
}

const NAME: f32 = 190.0;
const SYSTEM: f32 = 180.0;
const VALUE: f32 = 84.0;
const CHANGE: f32 = 110.0;

/// Draws the table. With two systems a last column says how the second differs from the first.
pub fn table(ui: &mut Ui, systems: &[SystemResults]) {
    let t = theme::of(ui);
    let Some(first) = systems.first() else { return };
    let width = NAME + 2.0 * SYSTEM + CHANGE;
    ui.spacing_mut().item_spacing = Vec2::ZERO;

    row(ui, |ui| {
        cell(ui, NAME, Align::Min, |ui| {
            words::small(
                ui,
                format!(
                    "{}, n = {}",
                    crate::app::format::sentence(&first.split),
                    format::count(first.n)
                ),
            );
        });
        for system in systems {
            cell(ui, SYSTEM, Align::Min, |ui| {
                value_ui(ui, |ui| {
                    words::bold(ui, &system.system);
                })
            });
        }
        if systems.len() == 2 {
            cell(ui, CHANGE, Align::Max, |ui| {
                words::small(ui, "Difference");
            });
        }
    });
    for figure in figures() {
        let values: Vec<Option<Estimate>> =
            systems.iter().map(|system| (figure.of)(system)).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        line(ui, width);
        row(ui, |ui| {
            cell(ui, NAME, Align::Min, |ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                ui.label(RichText::new(&figure.name).color(t.text))
                    .on_hover_text(figure.definition);
                if !figure.unit.is_empty() {
                    ui.label(RichText::new(figure.unit).color(t.secondary));
                }
                let (arrow, hint) = match figure.direction {
                    Direction::Higher => (Icon::Up, "More is better"),
                    Direction::Lower => (Icon::Down, "Less is better"),
                    Direction::None => return,
                };
                let (rect, response) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
                icon::paint(
                    ui.painter(),
                    Rect::from_center_size(rect.center(), Vec2::splat(10.0)),
                    arrow,
                    t.secondary,
                );
                response.on_hover_text(hint);
            });
            for value in &values {
                cell(ui, SYSTEM, Align::Min, |ui| estimate_ui(ui, *value));
            }
            if let [Some(before), Some(after)] = values[..] {
                cell(ui, CHANGE, Align::Max, |ui| {
                    difference_ui(ui, &figure, before, after)
                });
            }
        });
    }
    line(ui, width);
    row(ui, |ui| {
        cell(ui, NAME, Align::Min, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            ui.label(RichText::new("Length").color(t.text))
                .on_hover_text("Mean words of a generated response");
            ui.label(RichText::new("words").color(t.secondary));
        });
        for system in systems {
            cell(ui, SYSTEM, Align::Min, |ui| {
                value_ui(ui, |ui| {
                    ui.label(RichText::new(format::number(system.mean_words)).color(t.text));
                })
            });
        }
    });
    ui.add_space(space::S);
    let note = "Intervals are 95 %, by bootstrap over the examples. Results of a small model trained here are not \
                those of the paper's T5-base.";
    ui.scope(|ui| {
        ui.set_max_width(size::PROSE);
        ui.add(Label::new(RichText::new(note).font(text::small()).color(t.secondary)).wrap());
    });
}

/// The right-aligned part of a system's column, left of the interval.
fn value_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    cell(ui, VALUE, Align::Max, content);
}

fn estimate_ui(ui: &mut Ui, value: Option<Estimate>) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.x = space::S;
    let Some(value) = value else {
        value_ui(ui, |ui| {
            ui.label(RichText::new("–").color(t.secondary))
                .on_hover_text("Not known for this system");
        });
        return;
    };
    value_ui(ui, |ui| {
        ui.label(RichText::new(format::number(value.value)).color(t.text));
    });
    let interval = format!(
        "{} – {}",
        format::number(value.low),
        format::number(value.high)
    );
    ui.label(
        RichText::new(interval)
            .font(text::small())
            .color(t.secondary),
    )
    .on_hover_text("95 % interval");
}

fn difference_ui(ui: &mut Ui, figure: &Figure, before: Estimate, after: Estimate) {
    let t = theme::of(ui);
    let change = after.value - before.value;
    let better = match figure.direction {
        Direction::Higher => change > 0.0,
        Direction::Lower => change < 0.0,
        Direction::None => false,
    };
    let apart = after.low > before.high || after.high < before.low;
    let (colour, hint) = match (apart, better) {
        (false, _) => (t.secondary, "The intervals overlap: this may be chance"),
        (true, true) => (t.good, "Better, and the intervals are apart"),
        (true, false) => (t.bad, "Worse, and the intervals are apart"),
    };
    let sign = if change > 0.0 { "+" } else { "" };
    // As many decimals as the figures have that it lies between.
    let decimals = format::number(after.value)
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    ui.spacing_mut().item_spacing.x = space::XS;
    let words = format!("{sign}{}", format::fixed(change, decimals));
    ui.label(RichText::new(words).color(colour))
        .on_hover_text(hint);
    let arrow = if change > 0.0 { Icon::Up } else { Icon::Down };
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
    icon::paint(
        ui.painter(),
        Rect::from_center_size(rect.center(), Vec2::splat(10.0)),
        arrow,
        colour,
    );
}
