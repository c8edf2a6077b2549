//! The place Compare: the curves of runs over each other, settings that differ, results with differences from a baseline.

mod sheets;

use std::collections::BTreeSet;

use eframe::egui::{Align, Label, Layout, RichText, Sense, TextWrapMode, Ui, WidgetText, vec2};

use self::sheets::{Sheets, sheets, sheets_ui};
use super::plots::of_compared::{ComparedPlots, PlottedRun, new_tile};
use super::plots::source::PlotSource;
use super::plots::{self, PlotsView, tools};
use crate::app::command::{Command, Commands};
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::state::arrangement::Arrangement;
use crate::app::theme::{self, ThemeTokens, space, text};
use crate::app::widgets::button::{Button, explained_segments};
use crate::app::widgets::chart::AlongX;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::catalog::Entry;
use crate::catalog::figures::colours;
use crate::catalog::sheets::{SeedSpread, run_label};
use crate::metrics::MetricDecl;
use crate::report::LINE_COLOURS;
use crate::store::RunId;

#[derive(Debug, Default)]
pub struct CompareView {
    plots: PlotsView,
    /// What is made of the runs, until these or their comparison are read again.
    made: Option<Made>,
    spread: SeedSpread,
    /// The run whose name is pointed at, by place.
    pointed: Option<usize>,
}

/// What is made of the runs once they have been read.
#[derive(Debug)]
struct Made {
    of: MadeOf,
    entries: Vec<Entry>,
    logged: BTreeSet<String>,
    sheets: Sheets,
}

/// How often runs and comparison had been read, and what stands beside means.
type MadeOf = (Vec<RunId>, u64, u64, SeedSpread);

/// The note beside the first run.
const FIRST: &str = "baseline: the others are compared with it";

/// The share of the window's height that the plots have at least.
const ROOM: f32 = 0.6;

pub fn compare_ui(ui: &mut Ui, state: &mut State, view: &mut CompareView, commands: &mut Commands) {
    let chosen = &state.compare.runs;
    let is_read = state.runs.list.value().is_some();
    let listed = chosen.iter().filter_map(|run| {
        let mut listed = state.runs.listed().iter();
        listed.find(|row| row.entry.row.id == *run)
    });
    if listed.clone().any(|row| !row.is_whole) || (!is_read && !chosen.is_empty()) {
        layout::padded(ui, space::L, |ui| {
            words::secondary(ui, "Reading the runs…");
        });
        return;
    }
    let ids: Vec<RunId> = listed.clone().map(|row| row.entry.row.id).collect();
    if ids.is_empty() {
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
    let of = (
        ids.clone(),
        state.runs.readings,
        state.compare.readings,
        view.spread,
    );
    let made = match view.made.take().filter(|made| made.of == of) {
        Some(made) => made,
        None => {
            let entries = listed.map(|row| row.entry.clone()).collect();
            make(state, of, entries)
        }
    };
    let entries: Vec<&Entry> = made.entries.iter().collect();
    layout::padded(ui, theme::margin(space::L, space::S, space::M, 0.0), |ui| {
        let id = ("compare", ids.clone());
        layout::scrolled(ui, id, |ui| {
            ui.set_max_width(ui.available_width() - space::M);
            runs_ui(ui, state, view, &entries, commands);
            ui.add_space(space::S);
            curves_ui(ui, state, view, &made, commands);
            ui.add_space(space::L);
            let answer = state.compare.compared.value();
            let answer = answer.filter(|compared| compared.runs == ids);
            let found = answer.map(|compared| &compared.comparison);
            if let Some(why) = state.compare.compared.failure() {
                notice::strip(ui, Tone::Bad, "The runs cannot be compared", why, |_| {});
            }
            sheets_ui(ui, &made.sheets, found, &mut view.spread, commands);
        });
    });
    view.made = Some(made);
}

fn make(state: &State, of: MadeOf, entries: Vec<Entry>) -> Made {
    let compared = state.compare.compared.value();
    let compared = compared.filter(|compared| compared.runs == of.0);
    let found = compared.map(|compared| &compared.comparison);
    let each: Vec<&Entry> = entries.iter().collect();
    let sheets = sheets(&each, found, of.3);
    let logged = entries.iter().flat_map(|entry| entry.metrics.keys());
    Made {
        logged: logged.cloned().collect(),
        of,
        sheets,
        entries,
    }
}

/// The runs with their colours: what they are called in every plot below.
fn runs_ui(
    ui: &mut Ui,
    state: &State,
    view: &mut CompareView,
    entries: &[&Entry],
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    let places = colours(entries, t.run_count());
    let mut pointed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
        for (at, (entry, place)) in entries.iter().zip(&places).enumerate() {
            let run = entry.row.id;
            let name = format!("{}, seed {}", run_label(entry), entry.row.seed);
            let first = at == 0 && entries.len() > 1;
            // A run's dot, name and buttons stay on one line.
            let shown = RichText::new(format!("{name}{}", if first { FIRST } else { "" }));
            let words = WidgetText::from(shown).into_galley(
                ui,
                Some(TextWrapMode::Extend),
                f32::INFINITY,
                text::body(),
            );
            if words.size().x + 110.0 > ui.available_size_before_wrap().x {
                ui.end_row();
            }
            let (dot, _) = ui.allocate_exact_size(vec2(12.0, 22.0), Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, t.run(*place));
            let button = ui.add(Button::quiet(&name).low().hint("Open the run"));
            if button.hovered() {
                pointed = Some(at);
            }
            if button.clicked() {
                commands.run(move |core| core.open_run(run));
            }
            let pin = format!("Make run {run} the baseline");
            if !first && entries.len() > 1 && Button::icon(Icon::Pin, &pin).low().clicked(ui) {
                commands.run(move |core| core.make_baseline(run));
            }
            let away = format!("Remove run {run}");
            if Button::icon(Icon::Cross, &away).low().clicked(ui) {
                let runs = state.compare.runs.iter().copied();
                let left: Vec<RunId> = runs.filter(|other| *other != run).collect();
                commands.run(|core| core.compare(left));
            }
            if first {
                words::small(ui, FIRST);
            }
            ui.add_space(space::M);
        }
    });
    if view.pointed != pointed {
        ui.request_repaint();
    }
    view.pointed = pointed;
}

fn plotted(t: &ThemeTokens, entries: &[&Entry]) -> Vec<PlottedRun> {
    let places = colours(entries, t.run_count());
    let papers = colours(entries, LINE_COLOURS.len());
    let places = places.into_iter().zip(papers);
    let run = |(entry, (place, paper)): (&&Entry, (usize, usize))| PlottedRun {
        run: entry.row.id,
        name: run_label(entry),
        colour: t.run(place),
        paper,
    };
    entries.iter().zip(places).map(run).collect()
}

fn curves_ui(
    ui: &mut Ui,
    state: &mut State,
    view: &mut CompareView,
    made: &Made,
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    if let Some(why) = state.compare.news.failure() {
        notice::strip(ui, Tone::Bad, "The curves cannot be read", why, |_| {});
    }
    // They are delivered once the runs have been read.
    let Some(mut arrangement) = state.prefs.compared_plots.take() else {
        words::secondary(ui, "Reading the curves…");
        return;
    };
    let entries: Vec<&Entry> = made.entries.iter().collect();
    let runs = plotted(t, &entries);
    let logged: BTreeSet<&str> = made.logged.iter().map(String::as_str).collect();
    let charts = &mut view.plots.charts;
    charts.set_along(state.prefs.along);
    charts.clock = state.clock;
    let mut source = ComparedPlots::new(&runs, &mut state.compare.curves, &logged);
    source.means = state.prefs.compared_means;
    source.smoothing = state.prefs.smoothing;
    source.pointed = view.pointed;
    let along = state.prefs.along;
    let metrics: Vec<MetricDecl> = arrangement
        .plots()
        .flat_map(|tile| tile.metrics())
        .collect();
    let extent = source.extent(&metrics, along, true);
    let mut put_back = false;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 36.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            tools::reading_ui(ui, &mut state.prefs);
            let means = "Runs with the same settings but for the seed as one line: their mean, and a band of one sample standard deviation either way. A run in which a setting was changed is no seed of one in which it was not.";
            let kinds = [
                (false, "Each run", "One line for each run"),
                (true, "Means over seeds", means),
            ];
            explained_segments(ui, "Lines", &mut state.prefs.compared_means, &kinds);
            let new = |others: &Arrangement| new_tile(&logged, others);
            put_back = tools::arranging_ui(ui, &mut view.plots, &mut arrangement, new, extent);
        },
    );
    if source.means {
        groups_ui(ui, &source, &metrics, along);
    }
    ui.add_space(space::XS);
    if arrangement.tree.root.is_none() {
        words::secondary(ui, "No plot is left; add one above.");
    }
    let room = ui.ctx().content_rect().height() * ROOM;
    plots::arranged_ui(
        ui,
        &mut source,
        &mut arrangement,
        &mut view.plots,
        room,
        commands,
    );
    note_ui(ui, source.means, along);
    state.prefs.compared_plots = (!put_back).then_some(arrangement);
}

/// The means with their colours, as they are called in the plots. How many runs one is of may differ from metric to
/// metric: said is that of the first plot.
fn groups_ui(ui: &mut Ui, source: &ComparedPlots<'_>, metrics: &[MetricDecl], along: AlongX) {
    let first = metrics.get(..1).unwrap_or_default();
    let t = theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        for line in source.lines(first, along, t) {
            if line.band.is_none() {
                continue;
            }
            let (dot, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, line.colour);
            ui.label(&*line.name);
            ui.add_space(space::M);
        }
    });
}

fn note_ui(ui: &mut Ui, means: bool, along: AlongX) {
    let note = match (means, along) {
        (true, AlongX::Wall) => {
            "Along the clock each run is drawn by itself: at one time of day there is nothing to average."
        }
        (true, _) => {
            "A line is a mean at every step that was logged (of more than 2 000, at every so many), with a band of one sample standard deviation either way. Each run is smoothed before. n is how many runs have a value at a step: where that is one, the line is thin and has no band. Along time a step lies at the mean of when its runs reached it."
        }
        (false, _) => {
            "One line for each run, in its colour above. At the pointer, the values of all runs are listed, largest first; runs in progress are followed. A line down a plot marks a setting that was changed on the way."
        }
    };
    let note = RichText::new(note)
        .font(text::small())
        .color(theme::of(ui).secondary);
    ui.add(Label::new(note).wrap());
}
