//! The body of a run, live or saved: its stages, their plots, and beside them its dialogues and events.

use eframe::egui;
use std::collections::BTreeMap;

use eframe::egui::{
    Align, Color32, CornerRadius, Frame, Id, Label, Layout, Margin, Panel, Popup,
    PopupCloseBehavior, Rect, Response, RichText, Role, ScrollArea, Sense, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::side;
use super::tiles::{self, Tile};
use crate::app::command::Commands;
use crate::app::format::Clock;
use crate::app::model::{RunModel, is_evaluation, mechanism_of};
use crate::app::state::Prefs;
use crate::app::theme::{self, Tokens, size, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::chart::{Chart, ChartLine, ChartView};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::{results, stages, text as words};
use crate::experiment::Stage;
use crate::metrics::declared::MetricDecl;
use crate::series::XAxis;
use crate::store::MetricKey;

/// A tile is never lower, and no higher than this.
const TILE_HEIGHT: f32 = 214.0;
const TILE_TALLEST: f32 = 340.0;
/// A tile is never narrower, where there is room for two.
const TILE_WIDTH: f32 = 320.0;

/// How a run's body is looked at.
#[derive(Debug, Default)]
pub struct CurvesView {
    /// The stage that was chosen; the one in progress when none was.
    pub pinned: Option<Stage>,
    charts: BTreeMap<Stage, ChartView>,
    /// The line whose name was pointed at last pass, by tile.
    emphasis: Option<(usize, usize)>,
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
                results_ui(ui, run);
            } else {
                plots_ui(ui, run, view, shown, context.prefs);
            }
        });
}

fn results_ui(ui: &mut Ui, run: &RunModel) {
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
        });
}

fn plots_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut CurvesView,
    stage: Stage,
    prefs: &mut Prefs,
) {
    let charts = view.charts.entry(stage).or_default();
    charts.axis = if prefs.time_axis {
        XAxis::Relative
    } else {
        XAxis::Step
    };
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 36.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            tools_ui(ui, stage, charts, prefs);
        },
    );
    let extent = extent(run, stage, charts.axis);
    let smoothing = prefs.smoothing;
    let mut edit = None;
    let mut emphasis = None;
    ScrollArea::vertical()
        .id_salt(("plots", stage))
        .auto_shrink(false)
        .show(ui, |ui| {
            let tiles = prefs.tiles(stage);
            let width = ui.available_width() - space::M;
            let columns = ((width / TILE_WIDTH) as usize).clamp(1, 3);
            let each = ((width - space::S * (columns - 1) as f32) / columns as f32).floor();
            let rows = tiles.len().div_ceil(columns);
            // Few plots share the height there is.
            let height = (ui.available_height() / rows.max(1) as f32 - space::S)
                .clamp(TILE_HEIGHT, TILE_TALLEST)
                .floor();
            let (area, _) = ui.allocate_exact_size(
                vec2(width, rows as f32 * (height + space::S)),
                Sense::hover(),
            );
            for (n, tile) in tiles.iter_mut().enumerate() {
                let corner = vec2(
                    (n % columns) as f32 * (each + space::S),
                    (n / columns) as f32 * (height + space::S),
                );
                let rect = Rect::from_min_size(area.min + corner, vec2(each, height));
                if !ui.is_rect_visible(rect) {
                    continue;
                }
                let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt((stage, n)));
                let emphasised = view
                    .emphasis
                    .filter(|(at, _)| *at == n)
                    .map(|(_, line)| line);
                let done = tile_ui(
                    &mut child,
                    run,
                    stage,
                    tile,
                    TileView {
                        charts,
                        extent,
                        smoothing,
                        emphasised,
                    },
                );
                if let Some(line) = done.emphasis {
                    emphasis = Some((n, line));
                }
                if done.remove {
                    edit = Some(n);
                }
            }
            charts.end_pass(ui);
        });
    if emphasis != view.emphasis {
        view.emphasis = emphasis;
        ui.request_repaint();
    }
    if let Some(n) = edit {
        prefs.tiles(stage).remove(n);
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

/// The whole of x of a stage, over every metric that has points in it.
fn extent(run: &RunModel, stage: Stage, axis: XAxis) -> (f64, f64) {
    let first = MetricKey {
        stage,
        name: String::new(),
    };
    run.tracks
        .range(first..)
        .take_while(|(key, _)| key.stage == stage)
        .filter_map(|(_, track)| track.curve.raw().x_range(axis))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or((0.0, 1.0))
}

struct TileView<'a> {
    charts: &'a mut ChartView,
    extent: (f64, f64),
    smoothing: f64,
    emphasised: Option<usize>,
}

#[derive(Default)]
struct TileDone {
    remove: bool,
    emphasis: Option<usize>,
}

fn tile_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    stage: Stage,
    tile: &mut Tile,
    view: TileView<'_>,
) -> TileDone {
    let t = theme::of(ui);
    let mut done = TileDone::default();
    let id = ui.scope_id().with("chart");
    let rect = ui.max_rect();
    ui.painter()
        .rect_filled(rect, CornerRadius::same(size::RADIUS), t.panel);
    let inner = rect.shrink2(vec2(space::M, space::S));
    ui.scope_builder(UiBuilder::new().max_rect(inner), |ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, 2.0);
        let metrics: Vec<&MetricDecl> = tile.metrics().collect();
        for metric in &metrics {
            if let Some(track) = run.tracks.get_mut(&MetricKey {
                stage,
                name: metric.key.into(),
            }) {
                track.smooth(if is_evaluation(metric.key) {
                    0.0
                } else {
                    view.smoothing
                });
            }
        }
        let lines: Vec<(ChartLine<'_>, &MetricDecl)> = metrics
            .iter()
            .enumerate()
            .filter_map(|(n, metric)| {
                let track = run.tracks.get(&MetricKey {
                    stage,
                    name: metric.key.into(),
                })?;
                let line = ChartLine {
                    name: short_name(metric, &metrics),
                    colour: colour(t, metric.key, n),
                    curve: &track.curve,
                    dots: is_evaluation(metric.key),
                };
                Some((line, *metric))
            })
            .collect();
        ui.horizontal(|ui| {
            ui.set_height(22.0);
            ui.spacing_mut().interact_size.y = 22.0;
            let title = words::bold(ui, &tile.title());
            definitions_on_hover(title, &metrics);
            let unit = tile.unit();
            if !unit.is_empty() {
                ui.label(RichText::new(unit).font(text::small()).color(t.secondary));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let name = format!("Choose what \"{}\" shows", tile.title());
                let more = ui.add(Button::icon(Icon::More, &name).low());
                done.remove = chooser(&more, stage, tile);
            });
        });
        if metrics.len() > 1 {
            done.emphasis = legend_ui(ui, &lines);
        }
        let left = ui.available_size();
        let drawn: Vec<ChartLine<'_>> = lines.into_iter().map(|(line, _)| line).collect();
        if drawn.iter().all(|line| line.curve.raw().is_empty()) {
            let (rect, _) = ui.allocate_exact_size(left, Sense::hover());
            let words = match metrics.as_slice() {
                [] => "Choose a metric in the menu above",
                all if all.iter().all(|metric| is_evaluation(metric.key)) => {
                    "From the first evaluation on"
                }
                _ => "No values yet",
            };
            ui.painter().text(
                rect.center(),
                egui::Align2::CENTER_CENTER,
                words,
                text::small(),
                t.secondary,
            );
            return;
        }
        let title = tile.title();
        let emphasis = done
            .emphasis
            .or(view.emphasised)
            .filter(|n| *n < drawn.len());
        let chart = Chart {
            id,
            title: &title,
            lines: &drawn,
            extent: view.extent,
            emphasis,
        };
        chart.show(ui, view.charts, left);
    });
    done
}

/// Names of the lines; gives the one pointed at. Those without room are left out: the readout names all.
fn legend_ui(ui: &mut Ui, lines: &[(ChartLine<'_>, &MetricDecl)]) -> Option<usize> {
    let t = theme::of(ui);
    let mut emphasis = None;
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let mut x = row.left();
    for (n, (line, metric)) in lines.iter().enumerate() {
        let galley = ui
            .painter()
            .layout_no_wrap(line.name.to_owned(), text::small(), t.secondary);
        let rect = Rect::from_min_size(
            pos2(x, row.top()),
            vec2(galley.size().x + 14.0, row.height()),
        );
        if rect.right() > row.right() {
            break;
        }
        x = rect.right() + space::M;
        let response = ui.interact(rect, ui.scope_id().with(("legend", n)), Sense::hover());
        if line.dots {
            ui.painter()
                .circle_filled(pos2(rect.left() + 4.0, rect.center().y), 3.0, line.colour);
        } else {
            let y = rect.center().y;
            ui.painter().hline(
                rect.left()..=rect.left() + 9.0,
                y,
                egui::Stroke::new(2.0, line.colour),
            );
        }
        ui.painter().galley(
            pos2(rect.left() + 14.0, rect.center().y - galley.size().y / 2.0),
            galley,
            t.secondary,
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, line.name));
        if response.hovered() {
            emphasis = Some(n);
        }
        definitions_on_hover(response, &[metric]);
    }
    emphasis
}

fn definitions_on_hover(response: Response, metrics: &[&MetricDecl]) {
    response.on_hover_ui(|ui| {
        let t = theme::of(ui);
        ui.set_max_width(360.0);
        for metric in metrics {
            words::bold(ui, metric.name);
            ui.add(Label::new(RichText::new(metric.definition).color(t.secondary)).wrap());
        }
    });
}

/// The menu of a plot: what it shows. True when the plot is to go.
fn chooser(button: &Response, stage: Stage, tile: &mut Tile) -> bool {
    let mut remove = false;
    Popup::menu(button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(300.0)
        .show(|ui| {
            let t = theme::of(ui);
            ui.spacing_mut().item_spacing.y = 2.0;
            let id = Id::unique(("choose metrics", stage));
            let mut search = field::remembered(ui, id);
            let width = ui.available_width();
            field::search(ui, &mut search, "Find a metric", "Find a metric", width);
            ui.data_mut(|data| data.insert_temp(id, search.clone()));
            let wanted = search.to_lowercase();
            ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
                let mut group = "";
                for metric in tiles::choices(stage) {
                    let found = metric.name.to_lowercase().contains(&wanted)
                        || metric.group.to_lowercase().contains(&wanted);
                    if !found {
                        continue;
                    }
                    if metric.group != group {
                        group = metric.group;
                        ui.add_space(space::XS);
                        ui.label(RichText::new(group).font(text::small()).color(t.secondary));
                    }
                    let mut on = tile.keys.iter().any(|key| key == metric.key);
                    if field::tick(ui, metric.name, &mut on)
                        .on_hover_text(metric.definition)
                        .changed()
                    {
                        if on {
                            tile.keys.push(metric.key.to_string());
                        } else {
                            tile.keys.retain(|key| key != metric.key);
                        }
                    }
                }
            });
            ui.separator();
            if ui
                .add(Button::quiet("Remove this plot").with_icon(Icon::Cross))
                .clicked()
            {
                remove = true;
                ui.close();
            }
        });
    remove
}

/// A line's name within its plot: without what all of them share.
fn short_name<'a>(metric: &'a MetricDecl, all: &[&MetricDecl]) -> &'a str {
    if let Some(mechanism) = mechanism_of(metric.key)
        && all
            .iter()
            .filter(|other| mechanism_of(other.key) == Some(mechanism))
            .count()
            == 1
    {
        return mechanism.title();
    }
    if metric.key.contains("validation_") && all.len() > 1 {
        return "Validation";
    }
    if all.len() == 2 && all.iter().any(|other| other.key.contains("validation_")) {
        return "Training";
    }
    match metric.name.split_once('(') {
        Some((_, inner)) => inner.trim_end_matches(')'),
        None => metric.name,
    }
}

/// The colour of a line: its mechanism's, else by its place in the plot.
fn colour(t: &Tokens, key: &str, n: usize) -> Color32 {
    match mechanism_of(key) {
        Some(mechanism) => t.mechanism(mechanism),
        None => t.run([2, 6, 4, 0, 1, 3, 5][n % 7]),
    }
}
