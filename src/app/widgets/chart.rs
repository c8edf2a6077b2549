//! A chart of curves over the steps of a run, with the last values at the right and a readout.
//!
//! Draws curves decimated to pixels. Knows nothing of runs, stores and metrics.

mod drawn;
mod readout;
mod view;

use std::borrow::Cow;

use eframe::egui::{
    Color32, CursorIcon, Id, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind,
    Ui, UiBuilder, Vec2, WidgetInfo, pos2,
};
use egui_plot::{AxisHints, GridInput, GridMark, Plot, PlotBounds, PlotPoint, PlotTransform};

use self::drawn::{Drawn, PlotArea};
pub use self::view::{AlongX, ChartView};
use super::ticks;
use crate::app::format;
use crate::app::theme::{self, ThemeTokens, text};
use crate::metrics::Digits;
use crate::series::{Band, Curve, Point, Series, XAxis};

/// Width of the last values, right of the plot.
const GUTTER: f32 = 52.0;
const Y_AXIS: f32 = 38.0;
const X_AXIS: f32 = 18.0;
/// Half the height of a tick label, and a small margin.
const HALF_LABEL: f32 = 8.0;
/// The least length of a drag, in points.
const DRAG: f32 = 8.0;

/// The lengths of a dash and of the gap behind it, in points.
pub type Dashes = (f32, f32);

pub struct ChartLine<'a> {
    pub name: Cow<'a, str>,
    pub colour: Color32,
    pub curve: &'a Curve,
    /// How its values are written.
    pub digits: Digits,
    /// Whether points are drawn as dots, since there are few.
    pub dots: bool,
    /// What lies around it, where it is the mean of several curves.
    pub band: Option<&'a Band>,
    /// What its x are less by than those of its points.
    pub offset: f64,
    /// Whether it lies under the others, without its raw values.
    pub is_under: bool,
    pub dashes: Option<Dashes>,
    /// Its colour on paper, by place.
    pub paper: usize,
}

impl<'a> ChartLine<'a> {
    /// A line as most are.
    pub fn new(name: impl Into<Cow<'a, str>>, colour: Color32, curve: &'a Curve) -> Self {
        ChartLine {
            name: name.into(),
            colour,
            curve,
            digits: Digits::LOGGED,
            dots: false,
            band: None,
            offset: 0.0,
            is_under: false,
            dashes: None,
            paper: 0,
        }
    }

    /// The point of one of its series nearest to `x` of the chart; None before that begins or after it ends.
    fn near(&self, series: &Series, axis: XAxis, x: f64) -> Option<Point> {
        drawn::near(series, axis, x + self.offset)
    }

    /// The range of y between two x of the chart.
    fn y_range(&self, axis: XAxis, (from, to): (f64, f64), log: bool) -> Option<(f64, f64)> {
        let (from, to) = (from + self.offset, to + self.offset);
        let series = match self.is_under {
            true => self.curve.drawn_smooth(log),
            false => self.curve.drawn_raw(log),
        };
        let within = series.y_range(axis, from, to);
        let line = within.or_else(|| passing(series, axis, (from, to)));
        let band = self.band.and_then(|band| band.y_range(axis, from, to));
        let band = band.and_then(|(low, high)| match log {
            true => (low > 0.0).then(|| (low.log10(), high.log10())),
            false => Some((low, high)),
        });
        line.into_iter()
            .chain(band)
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

/// An event on the x axis.
#[derive(Clone, Debug)]
pub struct ChartMark {
    pub x: f64,
    pub colour: Color32,
    /// For the readout.
    pub words: String,
    /// Whether it gets a line over the whole height.
    pub tall: bool,
}

/// A chart over egui_plot's axes and transform.
pub struct Chart<'a> {
    pub id: Id,
    /// For screen readers.
    pub title: &'a str,
    pub lines: &'a [ChartLine<'a>],
    /// Sorted by x.
    pub marks: &'a [ChartMark],
    /// The full x range, shared by neighbouring charts.
    pub extent: (f64, f64),
    /// The line whose name is hovered in the legend.
    pub emphasis: Option<usize>,
    /// Whether y is logarithmic. The curves must keep their logarithms.
    pub log: bool,
}

impl Chart<'_> {
    pub fn show(self, ui: &mut Ui, view: &mut ChartView, size: Vec2) -> Response {
        let t = theme::of(ui);
        let (outer, _) = ui.allocate_exact_size(size, Sense::hover());
        let bounds = self.bounds(view);
        let plot_rect = outer.with_max_x(outer.right() - GUTTER);
        let (response, transform) = self.frame(ui, view, plot_rect, bounds);
        let place = PlotArea {
            axis: view.along.axis(),
            offset: 0.0,
            log: self.log,
            transform,
            pixels_per_point: ui.pixels_per_point(),
        };
        let frame = *transform.frame();
        let painter = ui
            .painter()
            .with_clip_rect(frame.expand(3.0).intersect(ui.clip_rect()));
        let pointer = response.hover_pos().filter(|at| frame.contains(*at));
        let drawn = self.drawn(view, &place, pointer);
        self.paint_events(&painter, &transform, t);
        let (under, above): (Vec<&Drawn<'_>>, Vec<_>) =
            drawn.iter().partition(|line| line.is_under);
        under
            .iter()
            .chain(&above)
            .for_each(|line| line.paint(&painter));
        drawn.iter().for_each(|line| line.paint_marks(&painter, t));
        self.paint_count(ui, frame, &drawn, t);
        self.interact(view, &response, &transform, &painter, t);
        self.paint_pins(view, &painter, &transform, t);
        let (from, to) = (bounds.min()[0], bounds.max()[0]);
        let shown_at = view.hover.filter(|x| (from..=to).contains(x));
        if let Some(x) = shown_at {
            let at = transform.position_from_point_x(x);
            painter.vline(at, frame.y_range(), Stroke::new(1.0, t.faint));
            drawn
                .iter()
                .for_each(|line| line.paint_dot_at(&painter, x, t));
        }
        readout::gutter(ui, outer, &place, &drawn, shown_at);
        if let (Some(pointer), Some(x)) = (pointer, shown_at)
            && view.drag.is_none()
        {
            let heights: Vec<f32> = drawn
                .iter()
                .filter_map(|line| line.point_at(x).map(|at| at.y))
                .collect();
            let low = heights.iter().sum::<f32>() / heights.len().max(1) as f32 > frame.center().y;
            self.paint_readout(ui, pointer, &place, x, low, view);
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.description()));
        if pointer.is_some() {
            response.on_hover_cursor(CursorIcon::Crosshair)
        } else {
            response
        }
    }

    /// Draws the axes and the grid.
    fn frame(
        &self,
        ui: &mut Ui,
        view: &ChartView,
        rect: Rect,
        bounds: PlotBounds,
    ) -> (Response, PlotTransform) {
        let t = theme::of(ui);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(self.id));
        let (height, width) = (rect.height() - X_AXIS, rect.width() - Y_AXIS);
        let tick = |hints: AxisHints<'static>| {
            hints
                .tick_label_font(text::small())
                .tick_label_color(t.secondary)
                .label_spacing(1.0..=2.0)
        };
        let (along, origin, log) = (view.along, view.origin, self.log);
        let clock = view.clock;
        let x_label = move |mark: GridMark| match along {
            AlongX::Wall => clock.time((mark.value * 1e3) as i64),
            _ => ticks::x_label(along.axis(), mark, origin),
        };
        let y_label = move |mark: GridMark| match log {
            true => ticks::log_label(mark),
            false => ticks::value_label(mark),
        };
        let x_axis = tick(AxisHints::new_x())
            .min_thickness(X_AXIS)
            .formatter(move |mark, _| x_label(mark));
        let y_axis = tick(AxisHints::new_y())
            .min_thickness(Y_AXIS)
            .formatter(move |mark, _| y_label(mark));
        let shown = Plot::new(self.id)
            .id(self.id)
            .width(rect.width())
            .height(rect.height())
            .show_background(false)
            .show_crosshair(false)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_axis_zoom_drag(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .sense(Sense::CLICK | Sense::DRAG)
            .grid_color(t.line)
            .grid_spacing(1.0..=2.0)
            .x_grid_spacer(move |input: GridInput| x_marks(along, origin, input.bounds, width))
            .y_grid_spacer(move |input: GridInput| {
                let spacing = (height / 5.0).max(28.0);
                let (from, to) = input.bounds;
                // No tick so high that its label would stick out above the chart.
                let to = to - (to - from) * f64::from(HALF_LABEL / height.max(1.0));
                match log {
                    true => ticks::log_marks((from, to), height, spacing),
                    false => ticks::marks((from, to), height, spacing, false),
                }
            })
            .show_grid([false, true])
            .custom_x_axes(vec![x_axis])
            .custom_y_axes(vec![y_axis])
            .show(&mut child, |plot| plot.set_plot_bounds(bounds));
        (shown.response, shown.transform)
    }

    /// The lines, ready to paint; while one is hovered the others fade.
    fn drawn(
        &self,
        view: &mut ChartView,
        place: &PlotArea,
        pointer: Option<Pos2>,
    ) -> Vec<Drawn<'_>> {
        let faded = self
            .emphasis
            .or_else(|| self.pointed_at(view, place, pointer));
        let pass = view.pass;
        self.lines
            .iter()
            .enumerate()
            .map(|(n, line)| {
                let strength = if faded.is_some_and(|only| only != n) {
                    0.25
                } else {
                    1.0
                };
                Drawn::new(line, *place, strength, &mut view.drawn, (self.id, n), pass)
            })
            .collect()
    }

    fn description(&self) -> String {
        let mut words = format!("Chart of {}", self.title);
        for line in self.lines {
            if let Some(last) = line.curve.smooth().last() {
                words += &format!(
                    "; {} {} at step {}",
                    line.name,
                    format::figure(last.value, line.digits),
                    last.step
                );
            }
            let count = line.curve.raw().nonfinite_count();
            if count > 0 {
                words += &format!(", {count} not finite");
            }
        }
        words
    }

    fn bounds(&self, view: &ChartView) -> PlotBounds {
        let (from, to) = view.visible(self.extent);
        let (from, to) = if to > from {
            (from, to)
        } else {
            (from, from + 1.0)
        };
        if let Some((low, high)) = view.heights.get(&self.id) {
            return PlotBounds::from_min_max([from, *low], [to, *high]);
        }
        let axis = view.along.axis();
        let (low, high) = self
            .lines
            .iter()
            .filter_map(|line| line.y_range(axis, (from, to), self.log))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            .unwrap_or((0.0, 1.0));
        let pad = match high - low {
            span if span > 0.0 => span * 0.08,
            _ => (high.abs() * 0.05).max(1e-3),
        };
        let (mut low, mut high) = (low - pad, high + pad);
        if !(high - low).is_finite() {
            // As far as a height is a number; what is beyond leaves the frame.
            let most = f64::MAX / 2.0;
            (low, high) = (low.max(-most), high.min(most));
        }
        PlotBounds::from_min_max([from, low], [to, high])
    }

    /// The line under the pointer.
    fn pointed_at(
        &self,
        view: &ChartView,
        place: &PlotArea,
        pointer: Option<Pos2>,
    ) -> Option<usize> {
        if self.lines.len() < 2 || view.drag.is_some() {
            return None;
        }
        let pointer = pointer?;
        let at = place.transform.value_from_position(pointer);
        let axis = view.along.axis();
        self.lines
            .iter()
            .enumerate()
            .filter_map(|(n, line)| {
                let value = line.near(line.curve.smooth(), axis, at.x)?.value;
                let y = place.transform.position_from_point_y(place.height(value));
                Some((n, (y - pointer.y).abs()))
            })
            .filter(|(_, distance)| *distance < 8.0)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(n, _)| n)
    }

    /// Hovering shares x with the other charts, a click sets a pin, a drag zooms to a box or, if horizontal, to a
    /// range of x; a double click resets the zoom.
    fn interact(
        &self,
        view: &mut ChartView,
        response: &Response,
        transform: &PlotTransform,
        painter: &Painter,
        t: &ThemeTokens,
    ) {
        let bounds = transform.bounds();
        let (least, most) = (bounds.min(), bounds.max());
        let value_at = |at: Pos2| {
            let value = transform.value_from_position(at);
            [
                value.x.clamp(least[0], most[0]),
                value.y.clamp(least[1], most[1]),
            ]
        };
        let frame = transform.frame();
        if let Some(pointer) = response
            .hover_pos()
            .filter(|at| frame.expand(2.0).contains(*at))
        {
            view.next_hover = Some(value_at(pointer)[0]);
        }
        if response.clicked()
            && let Some(pointer) = response.interact_pointer_pos()
        {
            let near = 5.0 * (most[0] - least[0]) / f64::from(transform.frame().width().max(1.0));
            // The second click of a double click undoes the first.
            view.toggle_pin(value_at(pointer)[0], near);
        }
        if response.double_clicked() {
            view.reset();
            return;
        }
        if response.drag_started()
            && let Some(start) = response.interact_pointer_pos()
        {
            view.drag = Some((self.id, value_at(start)));
        }
        let Some((_, from)) = view.drag.filter(|(owner, _)| *owner == self.id) else {
            return;
        };
        let Some(pointer) = response.interact_pointer_pos() else {
            if !response.dragged() {
                view.drag = None;
            }
            return;
        };
        let to = value_at(pointer);
        let corner = |[x, y]: [f64; 2]| transform.position_from_point(&PlotPoint::new(x, y));
        let mut area = Rect::from_two_pos(corner(from), corner(to));
        let boxed = area.height() > 3.0 * DRAG && area.width() > DRAG;
        if !boxed {
            area = area.with_min_y(transform.frame().top());
            area = area.with_max_y(transform.frame().bottom());
        }
        if response.drag_stopped() {
            if area.width() > DRAG {
                view.zoom_to(from[0], to[0]);
                if boxed {
                    let heights = (from[1].min(to[1]), from[1].max(to[1]));
                    view.heights.insert(self.id, heights);
                }
            }
            view.drag = None;
        } else {
            let fill = t.accent.gamma_multiply(0.15);
            let line = Stroke::new(1.0, t.accent.gamma_multiply(0.5));
            painter.rect(area, 0, fill, line, StrokeKind::Inside);
        }
    }

    /// Events: a small mark on the axis, and for tall ones a line.
    fn paint_events(&self, painter: &Painter, transform: &PlotTransform, t: &ThemeTokens) {
        let frame = transform.frame();
        let (from, to) = (transform.bounds().min()[0], transform.bounds().max()[0]);
        let first = self.marks.partition_point(|mark| mark.x < from);
        let mut last = f32::NEG_INFINITY;
        for mark in self.marks[first..].iter().take_while(|mark| mark.x <= to) {
            let x = transform.position_from_point_x(mark.x);
            if mark.tall {
                let line = Stroke::new(1.0, mark.colour.gamma_multiply(0.45));
                painter.vline(x, frame.y_range(), line);
            } else if x - last < 2.0 {
                continue;
            }
            last = x;
            let y = frame.bottom();
            let points = vec![pos2(x - 3.5, y), pos2(x, y - 6.0), pos2(x + 3.5, y)];
            painter.add(Shape::convex_polygon(
                points,
                mark.colour,
                Stroke::new(1.0, t.panel),
            ));
        }
    }

    fn paint_pins(
        &self,
        view: &ChartView,
        painter: &Painter,
        transform: &PlotTransform,
        t: &ThemeTokens,
    ) {
        let frame = transform.frame();
        for pin in view.pins() {
            let x = transform.position_from_point_x(*pin);
            let line = Stroke::new(1.0, t.accent);
            painter.extend(Shape::dashed_line(
                &[pos2(x, frame.top()), pos2(x, frame.bottom())],
                line,
                4.0,
                3.0,
            ));
            painter.circle_filled(pos2(x, frame.top() + 2.0), 3.0, t.accent);
        }
    }
}

/// The y range of a line that passes through without a visible point.
fn passing(series: &Series, axis: XAxis, (from, to): (f64, f64)) -> Option<(f64, f64)> {
    let before = series.nearest(axis, from)?.value;
    let after = series.nearest(axis, to)?.value;
    let known = before.is_finite() && after.is_finite();
    known.then(|| (before.min(after), before.max(after)))
}

fn x_marks(along: AlongX, origin: f64, (from, to): (f64, f64), length: f32) -> Vec<GridMark> {
    if along == AlongX::Step {
        return ticks::marks((from, to), length, 56.0, true);
    }
    let mut marks = ticks::time_marks((from - origin, to - origin), length, 72.0);
    marks.iter_mut().for_each(|mark| mark.value += origin);
    marks
}
