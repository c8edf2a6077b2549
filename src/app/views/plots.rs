//! Plots, wherever they are: curves, legend, menu, and layout.
//!
//! Draws what a [`PlotSource`] names with the chart widget; which metrics are where is in `tiles` and `arrangement`.

mod behavior;
mod chooser;
mod event_marks;
mod legend;
pub mod of_compared;
pub mod of_run;
pub mod source;
pub mod tools;

use std::collections::BTreeSet;

use eframe::egui::{
    Align, Align2, Color32, CornerRadius, CursorIcon, Label, Layout, Rect, Response, RichText,
    Role, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};
use egui_tiles::TileId;

use self::behavior::Plots;
use self::chooser::{PlotAction, SAVE, SAVE_HINT};
use self::source::PlotSource;
use crate::app::command::Commands;
use crate::app::state::arrangement::{Arrangement, GAP, MIN_HEIGHT, columns};
use crate::app::state::model::{is_evaluation, mechanism_of};
use crate::app::state::tiles::Tile;
use crate::app::theme::{self, ThemeTokens, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::chart::{AlongX, Chart, ChartLine, ChartView};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::metrics::declared::MetricDecl;
use crate::report::{Figure, FigureLine};
use crate::series::XAxis;
use crate::store::RunId;

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

/// A plot for files: named for where it stands and what it shows, with what its figures come from.
struct PlotFile {
    name: String,
    figure: Figure,
    runs: Vec<RunId>,
    metrics: Vec<String>,
}

/// Draws the plots, which the user may split, drag and change.
pub fn arranged_ui(
    ui: &mut Ui,
    source: &mut dyn PlotSource,
    arrangement: &mut Arrangement,
    view: &mut PlotsView,
    room: f32,
    commands: &mut Commands,
) {
    view.charts.origin = source.origin(view.charts.along);
    let width = ui.available_width() - space::M;
    let height = arrangement.height(width, room - space::S).floor();
    arrangement.tree.set_height(height);
    arrangement.tree.set_width(width);
    let mut plots = Plots {
        source,
        view,
        clip: ui.clip_rect(),
        actions: Vec::new(),
        files: Vec::new(),
        emphasis: None,
        edited: false,
    };
    arrangement.tree.ui(&mut plots, ui);
    let (actions, emphasis, edited) = (plots.actions, plots.emphasis, plots.edited);
    save(plots.files, commands);
    if edited {
        arrangement.changed = true;
        arrangement.close_gaps();
    }
    for (at, action) in actions {
        match action {
            PlotAction::Changed => arrangement.changed = true,
            PlotAction::Remove => arrangement.remove(at),
            PlotAction::Split(beside) => {
                let new = source.new_tile(arrangement);
                view.added = Some(arrangement.split(at, beside, new));
            }
            PlotAction::Save => {}
        }
    }
    end(ui, view, emphasis);
}

/// Draws plots that stay as they are.
pub fn fixed_ui(
    ui: &mut Ui,
    source: &mut dyn PlotSource,
    tiles: &mut [Tile],
    view: &mut PlotsView,
    commands: &mut Commands,
) {
    view.charts.origin = source.origin(view.charts.along);
    let width = ui.available_width() - space::M;
    let columns = columns(width, tiles.len());
    let each = ((width - GAP * (columns - 1) as f32) / columns as f32).floor();
    let rows = tiles.len().div_ceil(columns);
    let whole = vec2(width, rows as f32 * (MIN_HEIGHT + GAP));
    let (area, _) = ui.allocate_exact_size(whole, Sense::hover());
    let mut emphasis = None;
    let mut files = Vec::new();
    for (n, tile) in tiles.iter_mut().enumerate() {
        let corner = vec2(
            (n % columns) as f32 * (each + GAP),
            (n / columns) as f32 * (MIN_HEIGHT + GAP),
        );
        let rect = Rect::from_min_size(area.min + corner, vec2(each, MIN_HEIGHT));
        let id = (source.name(), n);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(id));
        let place = TilePlace {
            number: n as u64,
            movable: false,
            added: false,
        };
        let done = tile_ui(&mut child, source, tile, view, place);
        emphasis = emphasis.or(done.emphasis.map(|line| (n as u64, line)));
        files.extend(done.file);
    }
    save(files, commands);
    end(ui, view, emphasis);
}

fn save(files: Vec<PlotFile>, commands: &mut Commands) {
    for file in files {
        let PlotFile {
            name,
            figure,
            runs,
            metrics,
        } = file;
        commands.run(move |core| core.save_plot(name, figure, runs, metrics));
    }
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
    file: Option<PlotFile>,
}

fn tile_ui(
    ui: &mut Ui,
    source: &mut dyn PlotSource,
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
        let shown = source.shown(tile);
        let metrics: Vec<MetricDecl> = shown.metrics().collect();
        if !source.prepare(&metrics, tile.log) {
            ui.request_repaint();
        }
        title_ui(ui, source, tile, &shown, place, &mut done);
        let along = view.charts.along;
        let lines = source.lines(&metrics, along, t);
        let legend = source.legend(&metrics, &lines, t);
        if !legend.is_empty() {
            let pointed = legend::legend_ui(ui, &legend, &metrics);
            done.emphasis = pointed.and_then(|at| legend[at].line);
        }
        let left = ui.available_size();
        if lines.iter().all(|line| line.curve.raw().is_empty()) {
            nothing_ui(ui, source.nothing(&metrics));
            return;
        }
        let marks = source.marks(&mut view.marks, &metrics, along, t);
        let emphasised = view.emphasis.filter(|(at, _)| *at == place.number);
        let emphasis = done
            .emphasis
            .or(emphasised.map(|(_, line)| line))
            .or(source.emphasis(&lines))
            .filter(|n| *n < lines.len());
        let title = shown.title();
        let extent = source.extent(&metrics, along, view.charts.follows());
        let chart = Chart {
            id,
            title: &title,
            lines: &lines,
            marks: &marks,
            extent,
            emphasis,
            log: tile.log,
        };
        let response = chart.show(ui, &mut view.charts, left);
        let mut save = done.action == Some(PlotAction::Save);
        response.context_menu(|ui| {
            if Button::quiet(SAVE).hint(SAVE_HINT).clicked(ui) {
                save = true;
                ui.close();
            }
        });
        if save {
            done.file = Some(file(source, &shown, &lines, &view.charts, extent));
        }
    });
    done
}

/// The points of a line on paper; more are decimated.
const PAPER: usize = 20_000;

/// A plot for files, over the whole range of x.
fn file(
    source: &dyn PlotSource,
    shown: &Tile,
    lines: &[ChartLine<'_>],
    charts: &ChartView,
    extent: (f64, f64),
) -> PlotFile {
    let axis = charts.along.axis();
    let origin = match charts.along {
        AlongX::Step => 0.0,
        AlongX::Relative => charts.origin,
        AlongX::Wall => extent.0,
    };
    let line = |line: &ChartLine<'_>| {
        let (series, offset) = (line.curve.smooth(), line.offset + origin);
        let points: Vec<(f64, f64)> = match series.x_range(axis) {
            Some((from, to)) if series.len() > PAPER => {
                let thin = series.decimate(axis, from, to, PAPER / 2);
                let points = thin.points().iter();
                points.map(|[x, y]| (x - offset, *y)).collect()
            }
            _ => (0..series.len())
                .filter_map(|at| Some((series.x(axis, at) - offset, series.get(at)?.value)))
                .collect(),
        };
        FigureLine {
            name: line.name.to_string(),
            colour: line.paper,
            points,
            band: line
                .band
                .map_or_else(Vec::new, |band| band.bounds().collect()),
            counts: line
                .band
                .map_or_else(Vec::new, |band| band.counts().to_vec()),
        }
    };
    let title = shown.title();
    let mut y_label = match shown.unit() {
        "" => title.clone(),
        unit => format!("{title} ({unit})"),
    };
    let metrics: Vec<MetricDecl> = shown.metrics().collect();
    let weight = source.smoothing();
    if weight > 0.0 && !metrics.iter().all(|metric| is_evaluation(&metric.key)) {
        y_label += &format!(", smoothed by {weight:.2}");
    }
    let x_label = match (axis, charts.along) {
        (XAxis::Step, _) => "step".to_string(),
        (_, AlongX::Wall) => {
            let from = charts.clock.exact((origin * 1e3) as i64);
            format!("seconds since {from}")
        }
        _ => "seconds since the stage began".to_string(),
    };
    let keys: Vec<String> = metrics
        .iter()
        .map(|metric| metric.key.to_string())
        .collect();
    let first = keys.first().map_or("plot", String::as_str);
    PlotFile {
        name: format!("{}-{}", source.name(), first.replace('/', "-")),
        figure: Figure {
            title,
            x_label,
            y_label,
            lines: lines.iter().map(line).collect(),
            signatures: Vec::new(),
        },
        runs: source.runs(),
        metrics: keys,
    }
}

/// The plot's title, which is also its drag handle, and its menu.
fn title_ui(
    ui: &mut Ui,
    source: &dyn PlotSource,
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
                let (name, choices) = (source.name(), || source.choices());
                done.action = chooser::chooser(&more, (&name, &choices), tile, place.added);
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

fn nothing_ui(ui: &mut Ui, words: &str) {
    let t = theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
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
