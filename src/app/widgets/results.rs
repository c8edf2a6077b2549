//! The result table: systems side by side, each number with its interval.

use eframe::egui::{
    Align, Label, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2,
};
use std::borrow::Cow;

use super::cells::{cell, cell_of, line};
use super::icon::{self, Icon};
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::data::Mechanism;
use crate::metrics::length::length_sentence;
use crate::metrics::{
    AuditFigures, Controls, Digits, Direction, Estimate, SystemResults, declared, judge_sentences,
    truncation_sentences,
};

type Find = Box<dyn Fn(&SystemResults) -> Option<Estimate>>;

/// One row of the table.
struct ResultRow {
    name: String,
    unit: &'static str,
    definition: Cow<'static, str>,
    direction: Direction,
    digits: Digits,
    of: Find,
}

fn figures() -> Vec<ResultRow> {
    let figure = |key: &str, of: Find| {
        declared(key).map(|metric| ResultRow {
            name: metric.name.into_owned(),
            unit: metric.unit,
            definition: metric.definition,
            direction: metric.direction,
            digits: Digits::of(key),
            of,
        })
    };
    let control = |key: &str, of: fn(&Controls) -> Option<Estimate>| {
        figure(key, Box::new(move |s| s.controls.as_ref().and_then(of)))
    };
    let held_out = |key: &str, of: fn(&AuditFigures) -> Option<Estimate>| {
        let of = move |s: &SystemResults| of(&s.held_out.as_ref()?.mean);
        figure(key, Box::new(of))
    };
    let mut all = vec![
        figure(declared::VALIDATION_PPL, Box::new(|s| s.ppl)),
        figure(declared::VALIDATION_DIST_1, Box::new(|s| Some(s.dist_1))),
        figure(declared::VALIDATION_DIST_2, Box::new(|s| Some(s.dist_2))),
        figure(declared::VALIDATION_EAD_1, Box::new(|s| Some(s.ead?[0]))),
        figure(declared::VALIDATION_EAD_2, Box::new(|s| Some(s.ead?[1]))),
        figure(declared::VALIDATION_EMP_F1, Box::new(|s| s.emp_f1)),
        held_out(declared::VALIDATION_EMP_F1_HELD_OUT, |of| Some(of.emp_f1)),
        held_out(declared::VALIDATION_EMP_F1_HELD_OUT_SHUFFLED, |of| {
            of.shuffled
        }),
        held_out(declared::VALIDATION_EMP_F1_HELD_OUT_GAIN, |of| of.gain),
        held_out(declared::VALIDATION_KAPPA_HELD_OUT, |of| of.mean_kappa),
        control(declared::VALIDATION_EMP_F1_SHUFFLED, |c| Some(c.shuffled)),
        control(declared::VALIDATION_EMP_F1_GAIN, |c| Some(c.gain)),
        control(declared::VALIDATION_EMP_F1_CONSTANT, |c| {
            c.constant.as_ref().map(|constant| constant.emp_f1)
        }),
    ];
    for mechanism in Mechanism::ALL {
        let key = declared::VALIDATION_F1_KEYS[mechanism.index()];
        all.push(figure(
            key,
            Box::new(move |s| s.mechanism_f1.map(|f1| f1[mechanism.index()])),
        ));
    }
    for at in Mechanism::ALL.map(Mechanism::index) {
        all.push(figure(
            declared::VALIDATION_MACRO_F1_KEYS[at],
            Box::new(move |s| s.controls.as_ref().map(|of| of.macro_f1[at])),
        ));
    }
    for at in Mechanism::ALL.map(Mechanism::index) {
        all.push(figure(
            declared::VALIDATION_KAPPA_KEYS[at],
            Box::new(move |s| s.controls.as_ref().and_then(|of| of.kappa[at])),
        ));
    }
    for at in Mechanism::ALL.map(Mechanism::index) {
        all.push(figure(
            declared::VALIDATION_KAPPA_HELD_OUT_KEYS[at],
            Box::new(move |s| s.held_out.as_ref().and_then(|of| of.mean.kappa[at])),
        ));
    }
    all.into_iter().flatten().collect()
}

/// The widths of the table: intervals beside their numbers, or below them where it is narrow.
#[derive(Clone, Copy)]
struct Fit {
    name: f32,
    system: f32,
    change: f32,
    row: f32,
    beside: bool,
}

const WIDE: Fit = Fit {
    name: 210.0,
    system: 180.0,
    change: 90.0,
    row: size::ROW,
    beside: true,
};

const NARROW: Fit = Fit {
    name: 200.0,
    system: 92.0,
    change: 80.0,
    row: 40.0,
    beside: false,
};

/// Width of a number left of its interval.
const VALUE: f32 = 74.0;

impl Fit {
    fn of(systems: usize, room: f32) -> Fit {
        match WIDE.width(systems) <= room {
            true => WIDE,
            false => NARROW,
        }
    }

    fn width(self, systems: usize) -> f32 {
        let change = if systems == 2 { self.change } else { 0.0 };
        self.name + systems as f32 * self.system + change
    }
}

/// Draws the table. With two systems the last column is their difference.
pub fn table(ui: &mut Ui, systems: &[SystemResults]) {
    let room = ui.available_width();
    let fit = Fit::of(systems.len(), room);
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    if fit.width(systems.len()) <= room {
        rows_ui(ui, systems, fit);
    } else {
        ScrollArea::horizontal()
            .id_salt("result table")
            .show(ui, |ui| {
                rows_ui(ui, systems, fit);
                ui.add_space(space::M);
            });
    }
    ui.add_space(space::S);
    super::level_shares::shares_ui(ui, systems);
    let best_of = systems.iter().filter_map(SystemResults::best_of);
    let best_of = best_of.map(|best_of| format!("{}.", best_of.sentence()));
    for note in control_notes(systems).into_iter().chain(best_of) {
        ui.scope(|ui| {
            ui.set_max_width(size::PROSE.min(room));
            words::small_coloured(ui, note, theme::of(ui).secondary);
        });
    }
    for caution in systems.iter().filter_map(SystemResults::caution) {
        ui.scope(|ui| {
            ui.set_max_width(size::PROSE.min(room));
            let words = RichText::new(format!("{caution}.")).color(theme::of(ui).warning);
            ui.add(Label::new(words).wrap());
        });
        ui.add_space(space::XS);
    }
    let truncation = systems
        .iter()
        .map(|system| (system.system.as_str(), system.truncation.as_ref()));
    for note in truncation_sentences(truncation) {
        ui.scope(|ui| {
            ui.set_max_width(size::PROSE.min(room));
            words::small_coloured(ui, note, theme::of(ui).secondary);
        });
    }
    let mut note = "Arrows say which way is better. ".to_string();
    if systems.len() == 2 {
        note += "Differences are green or red where the two intervals are apart, and grey where they overlap, \
                 which settles nothing: Compare draws the same examples of both. ";
    }
    note += "Intervals are 95 %, by bootstrap over the examples. Results of a small model trained here are not \
             those of the paper's T5-base.";
    ui.scope(|ui| {
        ui.set_max_width(size::PROSE.min(room));
        let t = theme::of(ui);
        words::small_coloured(ui, note, t.secondary);
    });
}

/// Who judged, what each auditor finds, the best constant answer, the comparisons at equal length, and Emp-F1 by the
/// target's length.
fn control_notes(systems: &[SystemResults]) -> Vec<String> {
    let controls = || {
        systems
            .iter()
            .filter_map(|system| Some((system, system.controls.as_ref()?)))
    };
    let constant = controls().find_map(|(_, controls)| controls.constant.as_ref());
    let constant = constant.map(|constant| format!("The constant answer: {}", constant.response));
    let cut = controls().filter_map(|(system, controls)| {
        let cut = controls.equal_length.as_ref()?;
        Some(cut.sentence(&system.system))
    });
    let held_out = || {
        let audited = systems
            .iter()
            .filter_map(|row| Some((row, row.held_out.as_ref()?)));
        audited.map(|(row, of)| (row.system.as_str(), of))
    };
    let audits = held_out().map(|(system, of)| format!("{system}, Emp-F1 {}.", of.by_auditor()));
    let cut_by_auditors =
        held_out().filter_map(|(system, of)| Some(of.equal_length.as_ref()?.sentence(system)));
    let by_length =
        controls().filter_map(|(system, of)| length_sentence(&system.system, &of.by_target_length));
    let judges = judge_sentences(systems.iter().map(|row| (row.system.as_str(), row)));
    let judges = judges.into_iter().chain(audits);
    let rest = constant
        .into_iter()
        .chain(cut)
        .chain(cut_by_auditors)
        .chain(by_length);
    judges.chain(rest).collect()
}

fn rows_ui(ui: &mut Ui, systems: &[SystemResults], fit: Fit) {
    let width = fit.width(systems.len());
    head_ui(ui, systems, fit);
    for figure in figures() {
        let values: Vec<Option<Estimate>> =
            systems.iter().map(|system| (figure.of)(system)).collect();
        if values.iter().all(Option::is_none) {
            continue;
        }
        line(ui, width);
        row_of(ui, width, fit.row, |ui| {
            cell_of(ui, vec2(fit.name, fit.row), Align::Min, |ui| {
                figure_ui(ui, &figure);
            });
            for value in &values {
                estimate_ui(ui, fit, figure.digits, *value);
            }
            if let [Some(before), Some(after)] = values[..] {
                cell_of(ui, vec2(fit.change, fit.row), Align::Max, |ui| {
                    difference_ui(ui, &figure, before, after);
                });
            }
        });
    }
    line(ui, width);
    row_of(ui, width, size::ROW, |ui| {
        cell(ui, fit.name, Align::Min, |ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            let t = theme::of(ui);
            words::label(ui, "Length", t.text).on_hover_text("Mean words of a generated response");
            words::label(ui, "words", t.secondary);
        });
        for system in systems {
            value_ui(ui, fit, size::ROW, |ui| {
                let words = format::figure(system.mean_words, Digits::WORDS);
                let t = theme::of(ui);
                words::label(ui, words, t.text);
            });
        }
    });
}

fn head_ui(ui: &mut Ui, systems: &[SystemResults], fit: Fit) {
    let Some(first) = systems.first() else { return };
    row_of(ui, fit.width(systems.len()), size::ROW, |ui| {
        cell(ui, fit.name, Align::Min, |ui| {
            let split = format::sentence(&first.split);
            words::small(ui, format!("{split}, n = {}", format::count(first.n)));
        });
        for system in systems {
            value_ui(ui, fit, size::ROW, |ui| {
                words::bold(ui, &system.system);
            });
        }
        if systems.len() == 2 {
            cell(ui, fit.change, Align::Max, |ui| {
                words::small(ui, "Difference");
            });
        }
    });
}

/// The name of a row, its unit, and which direction is better.
fn figure_ui(ui: &mut Ui, figure: &ResultRow) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.x = space::XS;
    words::label(ui, &figure.name, t.text).on_hover_text(&*figure.definition);
    if !figure.unit.is_empty() {
        words::label(ui, figure.unit, t.secondary);
    }
    let (arrow, hint) = match figure.direction {
        Direction::Higher => (Icon::Up, "More is better"),
        Direction::Lower => (Icon::Down, "Less is better"),
        Direction::None => return,
    };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
    let mark = Rect::from_center_size(rect.center(), Vec2::splat(10.0));
    icon::paint(ui.painter(), mark, arrow, t.secondary);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, hint));
    response.on_hover_text(hint);
}

/// A row as wide as the table.
fn row_of(ui: &mut Ui, width: f32, height: f32, cells: impl FnOnce(&mut Ui)) {
    let room = vec2(width, height);
    ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(height);
        cells(ui);
    });
}

/// The right-aligned part of a system's column: all of it, or the part left of the interval.
fn value_ui(ui: &mut Ui, fit: Fit, height: f32, content: impl FnOnce(&mut Ui)) {
    if !fit.beside {
        cell_of(ui, vec2(fit.system, height), Align::Max, content);
        return;
    }
    cell_of(ui, vec2(fit.system, height), Align::Min, |ui| {
        cell_of(ui, vec2(VALUE, height), Align::Max, content);
    });
}

fn estimate_ui(ui: &mut Ui, fit: Fit, digits: Digits, value: Option<Estimate>) {
    let t = theme::of(ui);
    let Some(value) = value else {
        value_ui(ui, fit, fit.row, |ui| {
            words::label(ui, "–", t.secondary)
                .on_hover_text("Not known, or undefined, for this system");
        });
        return;
    };
    let [shown, low, high] =
        [value.value, value.low, value.high].map(|each| format::figure(each, digits));
    let shown = RichText::new(shown).color(t.text);
    let interval = RichText::new(format!("{low} – {high}"))
        .font(text::small())
        .color(t.secondary);
    let size = vec2(fit.system, fit.row);
    if fit.beside {
        cell_of(ui, size, Align::Min, |ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            cell_of(ui, vec2(VALUE, fit.row), Align::Max, |ui| {
                ui.label(shown);
            });
            ui.label(interval).on_hover_text("95 % interval");
        });
        return;
    }
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Max), |ui| {
        ui.set_min_size(size);
        ui.spacing_mut().interact_size.y = 0.0;
        ui.add_space(4.0);
        ui.label(shown);
        ui.label(interval).on_hover_text("95 % interval");
    });
}

fn difference_ui(ui: &mut Ui, figure: &ResultRow, before: Estimate, after: Estimate) {
    let t = theme::of(ui);
    let change = after.value - before.value;
    let better = match figure.direction {
        Direction::Higher => change > 0.0,
        Direction::Lower => change < 0.0,
        Direction::None => false,
    };
    let apart = after.low > before.high || after.high < before.low;
    let (colour, hint) = match (apart, better) {
        (false, _) => (t.secondary, "The intervals overlap, which settles nothing"),
        (true, true) => (t.good, "Better, and the intervals are apart"),
        (true, false) => (t.bad, "Worse, and the intervals are apart"),
    };
    let words = format::signed(change, figure.digits);
    ui.add(Label::new(RichText::new(words).color(colour)).extend())
        .on_hover_text(hint);
}
