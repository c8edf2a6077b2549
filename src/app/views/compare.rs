//! The place Compare: overlaid curves, settings that differ, results with paired differences.

use eframe::egui::{
    Align, Color32, Grid, Label, Layout, Popup, PopupCloseBehavior, RichText, ScrollArea, Sense,
    TextWrapMode, Ui, WidgetText, vec2,
};
use std::collections::BTreeSet;

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::state::model::is_evaluation;
use crate::app::theme::{self, ThemeTokens, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::overlay::{OverlayLine, overlay_ui};
use crate::app::widgets::text as words;
use crate::catalog::figures::{Line, colours, figure, profiles, run_lines, seed_lines};
use crate::catalog::load::Comparison;
use crate::catalog::sheets::{
    differences_sheet, over_seeds_sheet, results_sheet, run_label, seed_differences_sheet,
    settings_sheet,
};
use crate::catalog::{Entry, Spread};
use crate::metrics::Digits;
use crate::metrics::declared::{self, MetricDecl, declared};
use crate::report::{Sheet, signature_lines};
use crate::store::RunId;

#[derive(Debug, Default)]
pub struct CompareView {
    pub bands: bool,
}

/// The note beside the first run.
const FIRST: &str = "the others are compared with it";

pub fn compare_ui(ui: &mut Ui, state: &mut State, view: &mut CompareView, commands: &mut Commands) {
    let listed = state.compare.runs.iter().filter_map(|run| {
        let mut listed = state.runs.listed().iter();
        listed.find(|row| row.entry.row.id == *run)
    });
    if listed.clone().any(|row| !row.is_whole) {
        words::secondary(ui, "Reading the runs…");
        return;
    }
    let chosen: Vec<Entry> = listed.map(|row| row.entry.clone()).collect();
    if chosen.is_empty() {
        let explanation = "Choose two runs or more in the table of runs: their curves over each other, the settings in which they differ, and what their results differ by.";
        if notice::empty(
            ui,
            Icon::Compare,
            "Nothing to compare yet",
            explanation,
            "Choose runs",
        ) {
            commands.push(Command::Go(Place::Runs));
        }
        return;
    }
    let entries: Vec<&Entry> = chosen.iter().collect();
    layout::padded(ui, theme::margin(space::L, space::S, space::M, 0.0), |ui| {
        let id = ("compare", state.compare.runs.clone());
        layout::scrolled(ui, id, |ui| {
            ui.set_max_width(ui.available_width() - space::M);
            runs_ui(ui, state, &entries, commands);
            ui.add_space(space::M);
            curves_ui(ui, state, view, &entries, commands);
            ui.add_space(space::L);
            let ids: Vec<RunId> = entries.iter().map(|entry| entry.row.id).collect();
            let answer = state.compare.compared.value();
            let answer = answer.filter(|compared| compared.runs == ids);
            let found = answer.map(|compared| &compared.comparison);
            for (name, sheet) in sheets(&entries, found) {
                sheet_ui(ui, name, sheet, commands);
                if let (SEEDS, Some(found)) = (name, found) {
                    profiles_ui(ui, found, commands);
                }
                ui.add_space(space::L);
            }
        });
    });
}

/// The table over seeds.
const SEEDS: &str = "seeds";

/// The tables below the curves, each with the name of its files.
fn sheets(entries: &[&Entry], found: Option<&Comparison>) -> Vec<(&'static str, Sheet)> {
    let provenance = found.map_or(&[][..], |found| &found.provenance);
    let over_seeds = found.map(|found| &found.over_seeds);
    let means = over_seeds.and_then(|of| over_seeds_sheet(of, provenance));
    let between = over_seeds.and_then(|of| seed_differences_sheet(of, provenance));
    [
        ("settings", Some(settings_sheet(entries))),
        ("results", Some(results_sheet(entries, provenance))),
        (SEEDS, means),
        ("differences", Some(differences_sheet(entries, found))),
        ("seed-differences", between),
    ]
    .into_iter()
    .filter_map(|(name, sheet)| Some((name, sheet?)))
    .collect()
}

fn profiles_ui(ui: &mut Ui, found: &Comparison, commands: &mut Commands) {
    let Some(figure) = profiles(&found.over_seeds, &found.provenance) else {
        return;
    };
    let hint = "Share of F1 of seed × mechanism above each threshold; CSV, SVG, PNG into the store's folder exports";
    let save = Button::quiet("Save the performance profiles").low();
    if save.hint(hint).clicked(ui) {
        let name = "compare-profiles".to_string();
        commands.run(|core| core.save_figure(name, figure));
    }
}

fn runs_ui(ui: &mut Ui, state: &mut State, entries: &[&Entry], commands: &mut Commands) {
    let t = theme::of(ui);
    let places = colours(entries, t.run_count());
    let mut gone = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
        for (at, (entry, place)) in entries.iter().zip(&places).enumerate() {
            let name = format!("{}, seed {}", run_label(entry), entry.row.seed);
            let first = at == 0 && entries.len() > 1;
            // A run's dot, name and cross stay on one line.
            let shown = RichText::new(format!("{name}{}", if first { FIRST } else { "" }));
            let words = WidgetText::from(shown).into_galley(
                ui,
                Some(TextWrapMode::Extend),
                f32::INFINITY,
                text::body(),
            );
            if words.size().x + 80.0 > ui.available_size_before_wrap().x {
                ui.end_row();
            }
            let (dot, _) = ui.allocate_exact_size(vec2(12.0, 22.0), Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, t.run(*place));
            if Button::quiet(&name).low().hint("Open the run").clicked(ui) {
                let run = entry.row.id;
                commands.run(move |core| core.open_run(run));
            }
            let away = format!("Remove run {}", entry.row.id);
            if Button::icon(Icon::Cross, &away).low().clicked(ui) {
                gone = Some(entry.row.id);
            }
            if first {
                words::small(ui, FIRST);
            }
            ui.add_space(space::M);
        }
    });
    if let Some(run) = gone {
        let left = state
            .compare
            .runs
            .iter()
            .copied()
            .filter(|other| *other != run);
        let left: Vec<RunId> = left.collect();
        commands.run(|core| core.compare(left));
    }
}

fn curves_ui(
    ui: &mut Ui,
    state: &mut State,
    view: &mut CompareView,
    entries: &[&Entry],
    commands: &mut Commands,
) {
    let metric = state.compared_metric();
    let logged: BTreeSet<&str> = entries
        .iter()
        .flat_map(|entry| entry.metrics.keys().map(String::as_str))
        .collect();
    // What several algorithms log is one quantity, and one curve for each run.
    let mut quantities = BTreeSet::new();
    let found: Vec<MetricDecl> = declared::all_with(logged.iter().copied())
        .filter(|known| logged.contains(&*known.key))
        .filter(|known| quantities.insert(declared::as_of_ppo(&known.key).into_owned()))
        .collect();
    let name_of = |known: &MetricDecl| {
        let keys = declared::in_every_stage(&known.key);
        match keys
            .iter()
            .filter(|key| logged.contains(key.as_str()))
            .count()
        {
            0 | 1 => known.full_name(),
            _ => known.name.to_string(),
        }
    };
    let lines = drawn(state, view.bands, entries, &metric);
    let title = declared(&metric).map_or(metric.clone(), |known| name_of(&known));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, space::S);
        let names: Vec<String> = found.iter().map(name_of).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some(picked) = field::combo(ui, "Metric", &title, &names, 220.0) {
            let key = names
                .iter()
                .position(|name| *name == picked)
                .map(|at| found[at].key.to_string());
            state.compare.metric = key;
            commands.run(Core::load_compared);
        }
        let kinds = [(false, "Each run"), (true, "Mean and deviation over seeds")];
        segments(ui, "Lines", &mut view.bands, &kinds);
        if !is_evaluation(&metric) {
            let hint = "Smoothing: debiased exponential moving average";
            words::label(ui, "Smoothing", theme::of(ui).secondary);
            field::slider(ui, "Smoothing", &mut state.prefs.smoothing, 0.99, 96.0)
                .on_hover_text(hint);
        }
        if let Some(lines) = &lines {
            let compared = state.compare.compared.value();
            let provenance = compared.map_or(&[][..], |of| &of.comparison.provenance);
            let smoothing = smoothing(state, &metric);
            let figure = figure(entries, &metric, lines, smoothing, provenance);
            let hint = "CSV, SVG, PNG into the store's folder exports";
            let save = Button::secondary("Save the plot").with_icon(Icon::Down);
            if ui.add(save.hint(hint)).clicked() {
                let name = format!("compare-{}", metric.replace('/', "-"));
                commands.run(|core| core.save_figure(name, figure));
            }
        }
    });
    let digits = Digits::of(&metric);
    let lines = lines.map(|lines| overlaid(theme::of(ui), entries, lines, digits));
    let legend: Vec<(Color32, String)> = lines
        .iter()
        .flatten()
        .map(|line| (line.colour, line.name.clone()))
        .collect();
    ui.add_space(space::XS);
    let height = (ui.ctx().content_rect().height() * 0.38).clamp(200.0, 460.0);
    let size = vec2(ui.available_width(), height);
    match (state.compare.compared.failure(), lines) {
        (Some(why), _) => {
            notice::strip(ui, Tone::Bad, "The runs cannot be read", why, |_| {});
        }
        (_, None) => {
            ui.allocate_ui(size, |ui| words::secondary(ui, "Reading the curves…"));
        }
        (_, Some(lines)) => overlay_ui(ui, &title, "step", &lines, digits, size),
    }
    if view.bands {
        ui.horizontal_wrapped(|ui| {
            for (colour, name) in &legend {
                let (dot, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
                ui.painter().circle_filled(dot.center(), 4.0, *colour);
                ui.label(name);
                ui.add_space(space::M);
            }
        });
    }
    let note = match view.bands {
        true => {
            "Runs with the same settings but for the seed are one line: their mean, and a band of one sample standard deviation either way, at every step that was logged (of more than 2 000, at every so many). Each run is smoothed before. n is how many runs have a value at a step: where that is one, the line is thin and has no band. A run in which a setting was changed is no seed of one in which it was not."
        }
        false => {
            "One line per run. At the pointer, the values of all runs are listed, largest first."
        }
    };
    let note = RichText::new(note)
        .font(text::small())
        .color(theme::of(ui).secondary);
    ui.add(Label::new(note).wrap());
}

fn smoothing(state: &State, metric: &str) -> f64 {
    // Evaluations have few points and are never smoothed.
    match is_evaluation(metric) {
        true => 0.0,
        false => state.prefs.smoothing,
    }
}

/// The lines, once they have been read.
fn drawn(state: &State, bands: bool, entries: &[&Entry], metric: &str) -> Option<Vec<Line>> {
    let compared = state.compare.compared.value()?;
    let ids: Vec<RunId> = entries.iter().map(|entry| entry.row.id).collect();
    if compared.metric != metric || compared.runs != ids {
        return None;
    }
    let smoothing = smoothing(state, metric);
    Some(match bands {
        true => seed_lines(entries, &compared.curves, smoothing),
        false => run_lines(entries, &compared.curves, smoothing),
    })
}

fn overlaid(
    t: &ThemeTokens,
    entries: &[&Entry],
    lines: Vec<Line>,
    digits: Digits,
) -> Vec<OverlayLine> {
    let places = colours(entries, t.run_count());
    let remark = |spread: &Spread| {
        let deviation = spread.deviation.map(|by| format::figure(by, digits));
        let deviation = deviation.map_or_else(String::new, |by| format!(" ± {by}"));
        format!("{deviation}, n = {}", spread.n)
    };
    let lines = lines.into_iter().map(|line| OverlayLine {
        colour: t.run(places[line.of]),
        band: line.band(),
        counts: line.counts(),
        remarks: line.spreads.iter().map(remark).collect(),
        name: line.name,
        points: line.points,
    });
    lines.collect()
}

fn sheet_ui(ui: &mut Ui, name: &str, sheet: Sheet, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        words::heading(ui, &sheet.title);
        if !sheet.rows.is_empty() {
            ui.add_space(space::S);
            let button = ui.add(
                Button::quiet("Save or copy")
                    .low()
                    .hint("As CSV, LaTeX or Markdown"),
            );
            Popup::menu(&button)
                .close_behavior(PopupCloseBehavior::CloseOnClick)
                .show(|ui| {
                    if Button::quiet("Save files")
                        .hint("Into the store's folder exports")
                        .clicked(ui)
                    {
                        let name = format!("compare-{name}");
                        let sheet = sheet.clone();
                        commands.run(|core| core.save_sheet(name, sheet));
                    }
                    for (words, text) in [
                        ("Copy CSV", sheet.csv()),
                        ("Copy LaTeX", sheet.latex()),
                        ("Copy Markdown", sheet.markdown()),
                    ] {
                        if Button::quiet(words).clicked(ui) {
                            commands.push(Command::Copy(text));
                        }
                    }
                });
        }
    });
    ui.add_space(space::XS);
    if !sheet.rows.is_empty() {
        let roomy = ui.available_width() > 1000.0;
        ScrollArea::horizontal().id_salt(name).show(ui, |ui| {
            // Rows as high as their text, not as buttons.
            ui.spacing_mut().interact_size.y = 0.0;
            let gap = match roomy {
                true => space::XL,
                false => space::M,
            };
            Grid::new(name).spacing(vec2(gap, space::S)).show(ui, |ui| {
                for (title, number) in &sheet.columns {
                    let title = RichText::new(title).font(text::small()).color(t.secondary);
                    cell_ui(ui, title, *number);
                }
                ui.end_row();
                for row in &sheet.rows {
                    for (cell, (_, number)) in row.iter().zip(&sheet.columns) {
                        let words = match number {
                            true => format::typeset(cell),
                            false => cell.clone(),
                        };
                        cell_ui(ui, RichText::new(words).color(t.text), *number);
                    }
                    ui.end_row();
                }
            });
            // Room for the scroll bar.
            ui.add_space(space::M);
        });
    }
    for note in &sheet.notes {
        words::secondary(ui, note.as_str());
    }
    for line in signature_lines(&sheet.signatures) {
        let line = RichText::new(line).font(text::small()).color(t.secondary);
        ui.add(Label::new(line).wrap().selectable(true));
    }
}

fn cell_ui(ui: &mut Ui, words: RichText, number: bool) {
    let label = Label::new(words).extend().selectable(true);
    match number {
        true => {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.add(label))
                .inner
        }
        false => ui.add(label),
    };
}
