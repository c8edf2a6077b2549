//! The body of a run, live or saved: its stages, their plots, and beside them its dialogues and events.

use eframe::egui;
use std::collections::BTreeMap;

use eframe::egui::{Align, Frame, Layout, Margin, Panel, RichText, ScrollArea, Sense, Ui, vec2};

use super::plots::{self, PlotsView, TILE_WIDTH};
use super::side;
use super::tiles::{self, Tile};
use crate::app::command::Commands;
use crate::app::format::Clock;
use crate::app::model::RunModel;
use crate::app::state::Prefs;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::chart::ChartView;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::{identifiers, results, stages, text as words};
use crate::experiment::Stage;
use crate::metrics::declared;
use crate::series::XAxis;
use crate::store::MetricKey;

/// How a run's body is looked at.
#[derive(Debug, Default)]
pub struct CurvesView {
    /// The stage that was chosen; the one in progress when none was.
    pub pinned: Option<Stage>,
    plots: BTreeMap<Stage, PlotsView>,
    pub side: side::SideView,
}

impl CurvesView {
    /// Which stage is in sight: the pinned one, else the one in progress, else the first.
    pub fn shown(&self, run: &RunModel) -> Option<Stage> {
        let there = |stage: &Stage| run.stages.iter().any(|progress| progress.stage == *stage);
        self.pinned
            .filter(there)
            .or(run.current)
            .or(run.stages.first().map(|progress| progress.stage))
    }
}

/// What the body is drawn with.
pub struct BodyContext<'a> {
    pub prefs: &'a mut Prefs,
    pub commands: &'a mut Commands,
    pub clock: Clock,
}

/// Draws the body over all the room there is.
pub fn body_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    mut context: BodyContext<'_>,
) {
    let t = theme::of(ui);
    let Some(shown) = view.shown(run) else {
        words::secondary(ui, "Nothing was recorded of this run.");
        return;
    };
    let row = Margin {
        left: space::L as i8,
        right: space::L as i8,
        top: space::M as i8,
        bottom: space::S as i8,
    };
    Frame::new().inner_margin(row).show(ui, |ui| {
        if let Some(stage) = stages::strip(ui, &run.stages, shown, run.status) {
            view.pinned = (run.current != Some(stage) || !run.status.is_active()).then_some(stage);
        }
    });
    let width = ui.available_width();
    let widest = (width - TILE_WIDTH - 40.0)
        .min(width * 0.45)
        .clamp(260.0, 560.0);
    Panel::right(ui.scope_id().with("side"))
        .resizable(true)
        .default_size((width * 0.32).clamp(260.0, widest))
        .size_range(260.0..=widest)
        .frame(Frame::new().fill(t.panel).inner_margin(Margin::ZERO))
        .show(ui, |ui| {
            side::side_ui(ui, run, &mut view.side, &mut context)
        });
    Frame::new()
        .inner_margin(Margin {
            left: space::L as i8,
            ..Margin::ZERO
        })
        .show(ui, |ui| {
            if shown == Stage::Evaluation {
                results_ui(ui, run, view, context.prefs);
            } else {
                plots_ui(ui, run, view, shown, context.prefs);
            }
        });
}

/// The result table, and below it how the same figures moved during reinforcement learning.
fn results_ui(ui: &mut Ui, run: &mut RunModel, view: &mut CurvesView, prefs: &Prefs) {
    ui.add_space(space::S);
    words::heading(ui, "Results");
    ui.add_space(space::S);
    if run.results.is_empty() {
        words::secondary(
            ui,
            "The result table stands here once the test examples have been answered.",
        );
        return;
    }
    ScrollArea::both()
        .id_salt("results")
        .auto_shrink(false)
        .show(ui, |ui| {
            results::table(ui, &run.results);
            let key = |name: &str| MetricKey {
                stage: Stage::Ppo,
                name: name.into(),
            };
            let evaluated = run.tracks.contains_key(&key(declared::VALIDATION_EMP_F1));
            if evaluated {
                ui.add_space(space::XL);
                words::heading(ui, "On the way there");
                ui.add_space(space::XS);
                let plots = view.plots.entry(Stage::Ppo).or_default();
                plots.charts.set_axis(axis(prefs));
                let mut tiles = tiles::evaluation_tiles();
                plots::fixed_ui(ui, run, Stage::Ppo, &mut tiles, plots, prefs.smoothing);
            }
        });
}

fn plots_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    stage: Stage,
    prefs: &mut Prefs,
) {
    let plots = view.plots.entry(stage).or_default();
    plots.charts.set_axis(axis(prefs));
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 36.0),
        Layout::left_to_right(Align::Center),
        |ui| tools_ui(ui, stage, &mut plots.charts, prefs),
    );
    let smoothing = prefs.smoothing;
    let mut removed = None;
    ScrollArea::vertical()
        .id_salt(("plots", stage))
        .auto_shrink(false)
        .show(ui, |ui| {
            let tiles = prefs.tiles(stage);
            removed = plots::grid_ui(ui, run, stage, tiles, plots, smoothing);
            if stage == Stage::Identifiers && !run.identifiers.is_empty() {
                ui.add_space(space::L);
                words::heading(ui, "How well they identify");
                identifiers::table(ui, &run.identifiers);
                ui.add_space(space::L);
            }
        });
    if let Some(n) = removed {
        prefs.tiles(stage).remove(n);
    }
}

fn axis(prefs: &Prefs) -> XAxis {
    if prefs.time_axis {
        XAxis::Wall
    } else {
        XAxis::Step
    }
}

fn tools_ui(ui: &mut Ui, stage: Stage, charts: &mut ChartView, prefs: &mut Prefs) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.x = space::S;
    let label = ui.label(RichText::new("Smoothing").color(t.secondary)).on_hover_text(
        "Debiased exponential moving average, drawn over the faint raw values. Evaluations are never smoothed.",
    );
    field::slider(ui, "Smoothing", &mut prefs.smoothing, 0.99, 108.0).labelled_by(label.id);
    let (rect, _) = ui.allocate_exact_size(vec2(30.0, size::ROW), Sense::hover());
    let value = format!("{:.2}", prefs.smoothing);
    ui.painter().text(
        rect.left_center(),
        egui::Align2::LEFT_CENTER,
        value,
        text::small(),
        t.secondary,
    );
    let mut axis = prefs.time_axis;
    segments(ui, "Along x", &mut axis, &[(false, "Step"), (true, "Time")]);
    prefs.time_axis = axis;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(space::M);
        let add = if ui.available_width() < 120.0 {
            Button::icon(Icon::Plus, "Add plot")
        } else {
            Button::quiet("Add plot").with_icon(Icon::Plus)
        };
        if ui.add(add).clicked() {
            let first = tiles::choices(stage)
                .next()
                .map(|metric| metric.key.to_string());
            prefs.tiles(stage).push(Tile {
                keys: first.into_iter().collect(),
            });
        }
        let delivered = *prefs.tiles(stage) == tiles::default_tiles(stage);
        if !delivered
            && ui
                .add(Button::icon(
                    Icon::Revert,
                    "Put the plots back as they were delivered",
                ))
                .clicked()
        {
            prefs.reset_tiles(stage);
        }
        if charts.zoom.is_some()
            && ui
                .add(Button::quiet("Show all").hint("Leave the zoom; so does a double click"))
                .clicked()
        {
            charts.zoom = None;
        }
    });
}
