//! The plots of a stage in a grid: what each shows, its legend, its menu.
//!
//! Draws the curves of a run through the chart widget; which metrics stand where is data of `tiles`.

use eframe::egui;
use eframe::egui::{
    Align, Color32, CornerRadius, Id, Label, Layout, Popup, PopupCloseBehavior, Rect, Response,
    RichText, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::tiles::{self, Tile};
use crate::app::model::{RunModel, is_evaluation, mechanism_of};
use crate::app::theme::{self, Tokens, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::chart::{Chart, ChartLine, ChartView};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::metrics::declared::MetricDecl;
use crate::series::XAxis;
use crate::store::MetricKey;

/// A tile is never lower, and no higher than this.
const TILE_HEIGHT: f32 = 214.0;
const TILE_TALLEST: f32 = 340.0;
/// A tile is never narrower, where there is room for two.
pub const TILE_WIDTH: f32 = 320.0;

/// How the plots of a stage are looked at.
#[derive(Debug, Default)]
pub struct PlotsView {
    pub charts: ChartView,
    /// The line whose name was pointed at last pass, by tile.
    emphasis: Option<(usize, usize)>,
}

/// Draws the plots, which a person may change. Gives the one that is to be removed.
pub fn grid_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    stage: Stage,
    tiles: &mut [Tile],
    view: &mut PlotsView,
    smoothing: f64,
) -> Option<usize> {
    // Few plots share the height there is.
    let rows = tiles.len().div_ceil(columns(ui).0).max(1);
    let height = ui.available_height() / rows as f32 - space::S;
    tiles_ui(
        ui,
        run,
        stage,
        tiles,
        view,
        Shape {
            smoothing,
            height,
            fixed: false,
        },
    )
}

/// Draws plots that stay as they are.
pub fn fixed_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    stage: Stage,
    tiles: &mut [Tile],
    view: &mut PlotsView,
    smoothing: f64,
) {
    tiles_ui(
        ui,
        run,
        stage,
        tiles,
        view,
        Shape {
            smoothing,
            height: TILE_HEIGHT,
            fixed: true,
        },
    );
}

struct Shape {
    smoothing: f64,
    height: f32,
    fixed: bool,
}

/// How many tiles stand beside each other, and how wide each is.
fn columns(ui: &Ui) -> (usize, f32) {
    let width = ui.available_width() - space::M;
    let columns = ((width / TILE_WIDTH) as usize).clamp(1, 3);
    (
        columns,
        ((width - space::S * (columns - 1) as f32) / columns as f32).floor(),
    )
}

fn tiles_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    stage: Stage,
    tiles: &mut [Tile],
    view: &mut PlotsView,
    shape: Shape,
) -> Option<usize> {
    let extent = extent(run, stage, view.charts.axis);
    // Times are told from the beginning of the stage, whichever metric came first.
    view.charts.origin = if view.charts.axis == XAxis::Step {
        0.0
    } else {
        extent.0
    };
    let (columns, each) = columns(ui);
    let height = shape.height.clamp(TILE_HEIGHT, TILE_TALLEST).floor();
    let rows = tiles.len().div_ceil(columns);
    let whole = vec2(
        ui.available_width() - space::M,
        rows as f32 * (height + space::S),
    );
    let (area, _) = ui.allocate_exact_size(whole, Sense::hover());
    let mut removed = None;
    let mut emphasis = None;
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
        let tile_view = TileView {
            extent,
            smoothing: shape.smoothing,
            emphasised: view
                .emphasis
                .filter(|(at, _)| *at == n)
                .map(|(_, line)| line),
            charts: &mut view.charts,
            fixed: shape.fixed,
        };
        let done = tile_ui(&mut child, run, stage, tile, tile_view);
        if let Some(line) = done.emphasis {
            emphasis = Some((n, line));
        }
        if done.remove {
            removed = Some(n);
        }
    }
    view.charts.end_pass(ui);
    if emphasis != view.emphasis {
        view.emphasis = emphasis;
        ui.request_repaint();
    }
    removed
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
    fixed: bool,
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
            if view.fixed {
                return;
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
            // A field in a menu looks as it does elsewhere.
            ui.spacing_mut().button_padding = vec2(space::S, space::XS);
            ui.visuals_mut().widgets.inactive.bg_stroke = t.line_stroke();
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
