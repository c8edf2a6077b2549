//! The plots of a stage: curves, legend, menu, and layout.
//!
//! Draws the curves of a run with the chart widget; which metrics are where is in `tiles` and `arrangement`.

mod behavior;
mod chooser;
mod event_marks;
mod legend;

use std::collections::BTreeSet;

use eframe::egui::{
    Align, Align2, Color32, CornerRadius, CursorIcon, Label, Layout, Rect, Response, RichText,
    Role, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};
use egui_tiles::TileId;

use self::behavior::Plots;
use self::chooser::PlotAction;
use crate::app::state::arrangement::{Arrangement, GAP, MIN_HEIGHT, columns};
use crate::app::state::model::{RunModel, is_evaluation, mechanism_of};
use crate::app::state::tiles::Tile;
use crate::app::theme::{self, ThemeTokens, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::chart::{AlongX, Chart, ChartLine, ChartView};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::metrics::Digits;
use crate::metrics::declared::MetricDecl;
use crate::store::MetricKey;

#[derive(Debug, Default)]
pub struct PlotsView {
    pub charts: ChartView,
    /// The line whose name was hovered in the last pass, by tile.
    emphasis: Option<(u64, usize)>,
    /// A plot that was just added: it scrolls into view with its menu open.
    added: Option<TileId>,
    marks: event_marks::EventMarks,
}

impl PlotsView {
    /// Scrolls to a plot and opens its menu.
    pub fn show_added(&mut self, tile: TileId) {
        self.added = Some(tile);
    }
}

/// What plots are drawn from.
#[derive(Clone, Copy)]
pub struct Source {
    pub stage: Stage,
    pub smoothing: f64,
}

/// Draws the plots, which the user may split, drag and change.
pub fn arranged_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    arrangement: &mut Arrangement,
    view: &mut PlotsView,
    source: Source,
    room: f32,
) {
    let extent = begin(run, view, source.stage);
    let width = ui.available_width() - space::M;
    let height = arrangement.height(width, room - space::S).floor();
    arrangement.tree.set_height(height);
    arrangement.tree.set_width(width);
    let mut plots = Plots {
        run: &mut *run,
        view,
        source,
        extent,
        clip: ui.clip_rect(),
        actions: Vec::new(),
        emphasis: None,
        edited: false,
    };
    arrangement.tree.ui(&mut plots, ui);
    let (actions, emphasis, edited) = (plots.actions, plots.emphasis, plots.edited);
    if edited {
        arrangement.changed = true;
        arrangement.close_gaps();
    }
    for (at, action) in actions {
        match action {
            PlotAction::Changed => arrangement.changed = true,
            PlotAction::Remove => arrangement.remove(at),
            PlotAction::Split(beside) => {
                let own = run.own_metrics();
                let new = Tile::next_to(source.stage, &own, arrangement.plots());
                view.added = Some(arrangement.split(at, beside, new));
            }
        }
    }
    end(ui, view, emphasis);
}

pub fn fixed_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    tiles: &mut [Tile],
    view: &mut PlotsView,
    source: Source,
) {
    let extent = begin(run, view, source.stage);
    let width = ui.available_width() - space::M;
    let columns = columns(width, tiles.len());
    let each = ((width - GAP * (columns - 1) as f32) / columns as f32).floor();
    let rows = tiles.len().div_ceil(columns);
    let whole = vec2(width, rows as f32 * (MIN_HEIGHT + GAP));
    let (area, _) = ui.allocate_exact_size(whole, Sense::hover());
    let mut emphasis = None;
    for (n, tile) in tiles.iter_mut().enumerate() {
        let corner = vec2(
            (n % columns) as f32 * (each + GAP),
            (n / columns) as f32 * (MIN_HEIGHT + GAP),
        );
        let rect = Rect::from_min_size(area.min + corner, vec2(each, MIN_HEIGHT));
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt((source.stage, n)));
        let place = TilePlace {
            extent,
            number: n as u64,
            movable: false,
            added: false,
        };
        let done = tile_ui(&mut child, run, source, tile, view, place);
        emphasis = emphasis.or(done.emphasis.map(|line| (n as u64, line)));
    }
    end(ui, view, emphasis);
}

/// The x range of a stage.
pub fn extent(run: &RunModel, stage: Stage, along: AlongX) -> (f64, f64) {
    let first = MetricKey {
        stage,
        name: String::new(),
    };
    run.tracks
        .range(first..)
        .take_while(|(key, _)| key.stage == stage)
        .filter_map(|(_, track)| track.curve.raw().x_range(along.axis()))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or((0.0, 1.0))
}

fn begin(run: &RunModel, view: &mut PlotsView, stage: Stage) -> (f64, f64) {
    let extent = extent(run, stage, view.charts.along);
    // Relative times start with the stage, whichever metric came first.
    view.charts.origin = match view.charts.along {
        AlongX::Relative => extent.0,
        AlongX::Step | AlongX::Wall => 0.0,
    };
    extent
}

fn end(ui: &Ui, view: &mut PlotsView, emphasis: Option<(u64, usize)>) {
    view.charts.end_pass(ui);
    if emphasis != view.emphasis {
        view.emphasis = emphasis;
        ui.request_repaint();
    }
}

/// A plot among the others.
#[derive(Clone, Copy)]
struct TilePlace {
    extent: (f64, f64),
    number: u64,
    /// Whether it can be dragged, split and changed.
    movable: bool,
    added: bool,
}

#[derive(Default)]
struct TileDone {
    action: Option<PlotAction>,
    emphasis: Option<usize>,
    dragged: bool,
}

fn tile_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    source: Source,
    tile: &mut Tile,
    view: &mut PlotsView,
    place: TilePlace,
) -> TileDone {
    let t = theme::of(ui);
    let mut done = TileDone::default();
    let id = ui.scope_id().with(("chart", tile.log));
    let rect = ui.max_rect();
    ui.painter()
        .rect_filled(rect, CornerRadius::same(size::RADIUS), t.panel);
    let inner = rect.shrink2(vec2(space::M, space::S));
    ui.scope_builder(UiBuilder::new().max_rect(inner), |ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, 2.0);
        let shown = tile.for_rewards(&run.own_metrics());
        let metrics: Vec<MetricDecl> = shown.metrics().collect();
        prepare(run, source, &metrics, tile.log);
        title_ui(ui, run, source.stage, tile, &shown, place, &mut done);
        let lines = lines(run, source.stage, &metrics, t);
        if metrics.len() > 1 {
            done.emphasis = legend::legend_ui(ui, &lines, &metrics);
        }
        let left = ui.available_size();
        if lines.iter().all(|line| line.curve.raw().is_empty()) {
            nothing_ui(ui, &metrics);
            return;
        }
        let marks = view.marks.marks(run, source.stage, view.charts.along, t);
        let emphasised = view.emphasis.filter(|(at, _)| *at == place.number);
        let emphasis = done
            .emphasis
            .or(emphasised.map(|(_, line)| line))
            .filter(|n| *n < lines.len());
        let title = shown.title();
        let chart = Chart {
            id,
            title: &title,
            lines: &lines,
            marks: &marks,
            extent: place.extent,
            emphasis,
            log: tile.log,
        };
        chart.show(ui, &mut view.charts, left);
    });
    done
}

/// Updates smoothing and logarithms of the curves in a plot.
fn prepare(run: &mut RunModel, source: Source, metrics: &[MetricDecl], log: bool) {
    for metric in metrics {
        let key = MetricKey {
            stage: source.stage,
            name: metric.key.to_string(),
        };
        if let Some(track) = run.tracks.get_mut(&key) {
            track.smooth(match is_evaluation(&metric.key) {
                true => 0.0,
                false => source.smoothing,
            });
            if log {
                track.curve.keep_logarithms();
            }
        }
    }
}

fn lines<'a>(
    run: &'a RunModel,
    stage: Stage,
    metrics: &'a [MetricDecl],
    t: &ThemeTokens,
) -> Vec<ChartLine<'a>> {
    let line = |(n, metric): (usize, &'a MetricDecl)| {
        let key = MetricKey {
            stage,
            name: metric.key.to_string(),
        };
        let track = run.tracks.get(&key)?;
        Some(ChartLine {
            name: short_name(metric, metrics),
            colour: colour(t, &metric.key, n),
            curve: &track.curve,
            digits: Digits::of(&metric.key),
            dots: is_evaluation(&metric.key),
        })
    };
    metrics.iter().enumerate().filter_map(line).collect()
}

/// The plot's title, which is also its drag handle, and its menu.
fn title_ui(
    ui: &mut Ui,
    run: &RunModel,
    stage: Stage,
    tile: &mut Tile,
    shown: &Tile,
    place: TilePlace,
    done: &mut TileDone,
) {
    let t = theme::of(ui);
    let row = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), 22.0));
    let title = shown.title();
    if place.movable {
        // Leave the menu button its clicks.
        let row = row.with_max_x(row.right() - size::ROW);
        let grip = ui.interact(row, ui.scope_id().with("grip"), Sense::CLICK | Sense::DRAG);
        let name = format!("Move \"{title}\"");
        grip.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        done.dragged = grip.drag_started();
        grip.on_hover_cursor(CursorIcon::Grab);
    }
    if place.added {
        ui.scroll_to_rect(ui.max_rect(), Some(Align::Center));
    }
    ui.horizontal(|ui| {
        ui.set_height(22.0);
        ui.spacing_mut().interact_size.y = 22.0;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if place.movable {
                let name = format!("Choose what \"{title}\" shows");
                let more = ui.add(Button::icon(Icon::More, &name).low());
                done.action = chooser::chooser(&more, run, stage, tile, place.added);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let unit = shown.unit();
                let note = match (unit, tile.log) {
                    ("", true) => "log".to_string(),
                    (unit, true) => format!("{unit}, log"),
                    (unit, false) => unit.to_string(),
                };
                let heading = RichText::new(title).color(t.text).strong();
                let heading = ui.add(Label::new(heading).truncate().sense(Sense::hover()));
                definitions_on_hover(heading, &shown.metrics().collect::<Vec<_>>());
                if !note.is_empty() {
                    ui.add(
                        Label::new(RichText::new(note).font(text::small()).color(t.secondary))
                            .truncate(),
                    );
                }
            });
        });
    });
}

fn nothing_ui(ui: &mut Ui, metrics: &[MetricDecl]) {
    let t = theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let words = match metrics {
        [] => "Choose a metric in the menu above",
        all if all.iter().all(|metric| is_evaluation(&metric.key)) => {
            "From the first evaluation on"
        }
        _ => "No values yet",
    };
    words::paint_small(
        ui.painter(),
        rect.center(),
        Align2::CENTER_CENTER,
        words,
        t.secondary,
    );
}

fn definitions_on_hover(response: Response, metrics: &[MetricDecl]) {
    response.on_hover_ui(|ui| {
        ui.set_max_width(360.0);
        for metric in metrics {
            words::bold(ui, &metric.name);
            words::secondary(ui, &*metric.definition);
        }
    });
}

/// A line's name within its plot, without what all lines share.
fn short_name<'a>(metric: &'a MetricDecl, all: &[MetricDecl]) -> &'a str {
    if let Some(mechanism) = mechanism_of(&metric.key)
        && all
            .iter()
            .filter(|other| mechanism_of(&other.key) == Some(mechanism))
            .count()
            == 1
    {
        return mechanism.title();
    }
    // "Validation" must be unique to tell the lines apart.
    let validations = all
        .iter()
        .filter(|other| other.key.contains("validation_"))
        .count();
    if validations == 1 && all.len() > 1 && metric.key.contains("validation_") {
        return "Validation";
    }
    if validations == 1 && all.len() == 2 {
        return "Training";
    }
    let groups: BTreeSet<&str> = all.iter().map(|other| other.group).collect();
    match metric.name.split_once('(') {
        Some((_, inner)) if groups.len() == 1 => inner.trim_end_matches(')'),
        _ => &metric.name,
    }
}

/// The colour of a line: its mechanism's, else by its place in the plot.
fn colour(t: &ThemeTokens, key: &str, n: usize) -> Color32 {
    match mechanism_of(key) {
        Some(mechanism) => t.mechanism(mechanism),
        None => t.run([2, 6, 4, 0, 1, 3, 5][n % 7]),
    }
}
