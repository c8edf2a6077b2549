//! The body of a run, live or saved: its stages, their plots, and a side panel with dialogues and events.

use std::collections::BTreeMap;

use eframe::egui::{Align, Frame, Layout, Margin, Panel, ScrollArea, Ui, vec2};

use super::baseline::{baseline_line_ui, baseline_ui};
use super::lengths::lengths_ui;
use super::plots::of_run::{self, RunPlots};
use super::plots::{self, PlotsView, tools};
use super::side;
use super::side::parts::BodyContext;
use crate::app::state::arrangement::{Arrangement, MIN_WIDTH};
use crate::app::state::model::RunModel;
use crate::app::state::tiles::{self, Tile};
use crate::app::theme::{self, space};
use crate::app::widgets::chart::{AlongX, ChartView};
use crate::app::widgets::layout;
use crate::app::widgets::{identifiers, results, stages, text as words};
use crate::experiment::Stage;
use crate::metrics::declared;
use crate::store::{MetricKey, RunId};

/// The least width of the side panel: its tabs and an answer's levels fit in one row.
const SIDE_WIDTH: f32 = 344.0;

#[derive(Debug, Default)]
pub struct CurvesView {
    /// The run that zooms, pins and typed values belong to.
    run: Option<RunId>,
    /// The stage the user chose; otherwise the one in progress is shown.
    pub pinned: Option<Stage>,
    plots: BTreeMap<Stage, PlotsView>,
    /// The plots below the result table.
    evaluations: PlotsView,
    pub side: side::SideView,
}

impl CurvesView {
    fn reset_for(&mut self, run: RunId) {
        // A run being prepared has no number yet.
        let same = self
            .run
            .is_none_or(|known| known == run || known == RunId(0));
        if !same {
            *self = CurvesView {
                side: side::SideView::at(self.side.tab),
                ..CurvesView::default()
            };
        }
        self.run = Some(run);
    }

    /// The stage shown: the pinned one, else the one in progress, else the first.
    pub fn shown(&self, run: &RunModel) -> Option<Stage> {
        let there = |stage: &Stage| run.stages.iter().any(|progress| progress.stage == *stage);
        self.pinned
            .filter(there)
            .or(run.current)
            .or(run.stages.first().map(|progress| progress.stage))
    }

    /// Shows a step: a pin in the plots of its stage, and the samples nearest to it.
    fn show_step(&mut self, run: &RunModel, place: (Stage, u64), along: AlongX) {
        let (stage, step) = place;
        self.pinned = Some(stage);
        self.side.open_step(run, place);
        let x = match along {
            AlongX::Step => Some(step as f64),
            AlongX::Relative | AlongX::Wall => run
                .events
                .iter()
                .find(|event| (event.stage, event.step) == (Some(stage), step))
                .map(|event| event.wall_ms as f64 / 1e3),
        };
        let charts = &mut self.plots.entry(stage).or_default().charts;
        charts.set_along(along);
        if let Some(x) = x {
            charts.clear_pins();
            charts.toggle_pin(x, 0.0);
        }
    }
}

pub fn body_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    mut context: BodyContext<'_>,
) {
    let t = theme::of(ui);
    view.reset_for(run.id);
    let Some(shown) = view.shown(run) else {
        words::secondary(ui, "Nothing was recorded of this run.");
        return;
    };
    let row = theme::margin(space::L, space::L, space::M, space::S);
    layout::padded(ui, row, |ui| {
        if let Some(stage) = stages::strip(ui, &run.stages, shown, run.status) {
            view.pinned = (run.current != Some(stage) || !run.status.is_active()).then_some(stage);
        }
    });
    let width = ui.available_width();
    let widest = (width - MIN_WIDTH - 40.0)
        .min(width * 0.45)
        .clamp(SIDE_WIDTH, 560.0);
    Panel::right(ui.scope_id().with("side"))
        .resizable(true)
        .default_size((width * 0.32).clamp(SIDE_WIDTH, widest))
        .size_range(SIDE_WIDTH..=widest)
        .frame(Frame::new().fill(t.panel).inner_margin(Margin::ZERO))
        .show(ui, |ui| {
            side::side_ui(ui, run, &mut view.side, &mut context)
        });
    if let Some(place) = view.side.jump_to.take() {
        view.show_step(run, place, context.prefs.along);
        ui.request_repaint();
    }
    layout::padded(
        ui,
        Margin {
            left: space::L as i8,
            ..Margin::ZERO
        },
        |ui| {
            if shown == Stage::Evaluation {
                results_ui(ui, run, view, &mut context);
            } else {
                plots_ui(ui, run, view, shown, &mut context);
            }
        },
    );
}

/// The result table, and below it the same metrics during reinforcement learning.
fn results_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    context: &mut BodyContext<'_>,
) {
    ui.add_space(space::S);
    words::heading(ui, "Results");
    ui.add_space(space::S);
    if run.results.is_empty() {
        words::secondary(
            ui,
            "The result table appears here once the test examples have been answered.",
        );
        return;
    }
    layout::scrolled(ui, ("results", run.id), |ui| {
        ui.set_max_width(ui.available_width() - space::M);
        results::table(ui, &run.results);
        let key = |stage: Stage| MetricKey {
            stage,
            name: declared::VALIDATION_EMP_F1.into(),
        };
        let mut policies = Stage::OF_POLICIES.into_iter();
        let evaluated = policies.find(|stage| run.tracks.contains_key(&key(*stage)));
        if let Some(stage) = evaluated {
            ui.add_space(space::XL);
            words::heading(ui, "On the way there");
            let note = format!(
                "Evaluations during {}, on the validation subset. Triangles below a plot mark \
                            evaluations and events; point at one to read what it was.",
                stage.title()
            );
            words::secondary(ui, note);
            ui.add_space(space::XS);
            let plots = &mut view.evaluations;
            plots.charts.set_along(context.prefs.along);
            plots.charts.clock = context.clock;
            let mut tiles = tiles::evaluation_tiles();
            let pins = plots.charts.pins().len();
            let mut source = RunPlots {
                baseline: context.baseline.model_under(run.id),
                run: &mut *run,
                stage,
                smoothing: context.prefs.smoothing,
            };
            plots::fixed_ui(ui, &mut source, &mut tiles, plots, context.commands);
            follow_pin(run, stage, &plots.charts, pins, &mut view.side);
        }
    });
}

fn plots_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    stage: Stage,
    context: &mut BodyContext<'_>,
) {
    let BodyContext {
        prefs,
        commands,
        clock,
        baseline,
        finished,
        ..
    } = context;
    let plots = view.plots.entry(stage).or_default();
    plots.charts.set_along(prefs.along);
    plots.charts.clock = *clock;
    let extent = of_run::extent(run, stage, prefs.along).unwrap_or((0.0, 1.0));
    let pins = plots.charts.pins().len();
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 36.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            tools::reading_ui(ui, prefs);
            baseline_ui(ui, run.id, baseline, finished, commands);
            let arrangement = prefs.arrangement(&run.experiment, stage);
            let own = run.own_metrics();
            let new = |others: &Arrangement| Tile::next_to(stage, &own, others.plots());
            if tools::arranging_ui(ui, plots, arrangement, new, extent) {
                prefs.reset_arrangement(&run.experiment, stage);
            }
        },
    );
    baseline_line_ui(ui, run.id, baseline, commands);
    let smoothing = prefs.smoothing;
    ScrollArea::vertical()
        .id_salt(("plots", stage, run.id))
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            let experiment = run.experiment.clone();
            let arrangement = prefs.arrangement(&experiment, stage);
            if stage == Stage::Recorded {
                arrangement.follow(&run.own_metrics());
            }
            let mut source = RunPlots {
                baseline: baseline.model_under(run.id),
                run: &mut *run,
                stage,
                smoothing,
            };
            let room = viewport.height();
            plots::arranged_ui(ui, &mut source, arrangement, plots, room, commands);
            follow_pin(run, stage, &plots.charts, pins, &mut view.side);
            lengths_ui(ui, run, stage, commands);
            if stage == Stage::Identifiers && !run.identifiers.is_empty() {
                ui.add_space(space::L);
                words::heading(ui, "How well they identify");
                ui.scope(|ui| {
                    ui.set_max_width(ui.available_width() - space::M);
                    identifiers::table(ui, &run.identifiers);
                });
                ui.add_space(space::L);
            }
        });
}

/// Where pins have changed in number, moves the side panel to the step of the last pin, or to the latest step where
/// none is left.
fn follow_pin(
    run: &RunModel,
    stage: Stage,
    charts: &ChartView,
    before: usize,
    side: &mut side::SideView,
) {
    let pins = charts.pins();
    if pins.is_empty() && before > 0 {
        side.show_latest();
    } else if pins.len() > before
        && let Some(x) = pins.last()
        && let Some(step) = run.step_at(stage, charts.along.axis(), *x)
    {
        side.show_step(run, (stage, step));
    }
}
