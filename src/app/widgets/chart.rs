//! A chart of curves over the steps of a run: thin lines, last values at their right ends, a readout.
//!
//! Draws what it is given, decimated to the pixels there are. Knows nothing of runs, stores and metrics.

mod drawn;

use eframe::egui::{
    Align2, Color32, CursorIcon, FontId, Id, LayerId, Order, Painter, Pos2, Rect, Response, Role,
    Sense, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use egui_plot::{AxisHints, GridInput, GridMark, Plot, PlotBounds, PlotTransform};

use self::drawn::{Drawn, near};
use super::ticks;
use crate::app::format;
use crate::app::theme::{self, Tokens, size, space, text};
use crate::series::{Curve, Series, XAxis};

/// Room right of the plot for the last values.
const GUTTER: f32 = 52.0;
const Y_AXIS: f32 = 38.0;
const X_AXIS: f32 = 18.0;

/// One line of a chart.
pub struct ChartLine<'a> {
    pub name: &'a str,
    pub colour: Color32,
    pub curve: &'a Curve,
    /// Points are few and matter one by one: they are drawn as dots.
    pub dots: bool,
}

/// What charts that stand together share: the visible part of x, and where the pointer is.
#[derive(Clone, Debug, Default)]
pub struct ChartView {
    pub axis: XAxis,
    /// What is written as 0 along x.
    pub origin: f64,
    /// The part of x that was zoomed to; all of it when none.
    pub zoom: Option<(f64, f64)>,
    /// x under the pointer, in whichever chart it is.
    hover: Option<f64>,
    /// The hover of the pass that is being drawn.
    next_hover: Option<f64>,
    drag: Option<(Id, f64)>,
}

impl ChartView {
    /// Lays `axis` along x; a part of the other axis that was zoomed to means nothing on it.
    pub fn set_axis(&mut self, axis: XAxis) {
        if self.axis != axis {
            self.axis = axis;
            self.zoom = None;
        }
    }

    /// Call after all charts that share this view were drawn.
    pub fn end_pass(&mut self, ui: &Ui) {
        if self.hover != self.next_hover {
            ui.request_repaint();
        }
        self.hover = self.next_hover.take();
    }
}

/// A chart over egui_plot's axes and transform.
pub struct Chart<'a> {
    pub id: Id,
    /// For screen readers.
    pub title: &'a str,
    pub lines: &'a [ChartLine<'a>],
    /// The whole of x, shared by the charts that stand together.
    pub extent: (f64, f64),
    /// The line whose name is pointed at, elsewhere.
    pub emphasis: Option<usize>,
}

impl Chart<'_> {
    pub fn show(self, ui: &mut Ui, view: &mut ChartView, size: Vec2) -> Response {
        let t = theme::of(ui);
        let (outer, _) = ui.allocate_exact_size(size, Sense::hover());
        let bounds = self.bounds(view);
        let plot_rect = outer.with_max_x(outer.right() - GUTTER);
        let columns = (plot_rect.width() - Y_AXIS).max(8.0) as usize;
        let drawn: Vec<Drawn> = self
            .lines
            .iter()
            .map(|line| Drawn::new(line, view.axis, bounds, columns))
            .collect();

        let mut child = ui.new_child(UiBuilder::new().max_rect(plot_rect).id_salt(self.id));
        let height = plot_rect.height() - X_AXIS;
        let tick = |hints: AxisHints<'static>| {
            hints
                .tick_label_font(text::small())
                .tick_label_color(t.secondary)
        };
        let (axis, origin) = (view.axis, view.origin);
        let plot = Plot::new(self.id)
            .id(self.id)
            .width(plot_rect.width())
            .height(plot_rect.height())
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
            .x_grid_spacer(move |input: GridInput| {
                x_marks(axis, origin, input.bounds, columns as f32)
            })
            .y_grid_spacer(move |input: GridInput| {
                ticks::marks(input.bounds, height, (height / 5.0).max(28.0), false)
            })
            .show_grid([false, true])
            .custom_x_axes(vec![
                tick(AxisHints::new_x())
                    .min_thickness(X_AXIS)
                    .label_spacing(1.0..=2.0)
                    .formatter(move |mark, _| ticks::x_label(axis, mark, origin)),
            ])
            .custom_y_axes(vec![
                tick(AxisHints::new_y())
                    .min_thickness(Y_AXIS)
                    .label_spacing(1.0..=2.0)
                    .formatter(|mark, _| ticks::value_label(mark)),
            ]);
        let faded = self.faded(&drawn, bounds, plot_rect, child.pointer_hover_pos());
        let shown = plot.show(&mut child, |plot| {
            plot.set_plot_bounds(bounds);
            for (n, line) in drawn.iter().enumerate() {
                let strength = if faded.is_some_and(|only| only != n) {
                    0.25
                } else {
                    1.0
                };
                line.add_to(plot, strength);
            }
        });
        let (response, transform) = (shown.response, shown.transform);
        let frame = *transform.frame();
        let painter = ui
            .painter()
            .with_clip_rect(frame.expand(3.0).intersect(ui.clip_rect()));

        for (n, line) in drawn.iter().enumerate() {
            let strength = if faded.is_some_and(|only| only != n) {
                0.25
            } else {
                1.0
            };
            line.paint_marks(&painter, &transform, strength, t);
        }
        self.interact(view, &response, &transform, &painter, t);
        let shown_at = view
            .hover
            .filter(|x| (bounds.min()[0]..=bounds.max()[0]).contains(x));
        if let Some(x) = shown_at {
            let at = transform.position_from_point_x(x);
            painter.vline(at, frame.y_range(), Stroke::new(1.0, t.faint));
            for line in &drawn {
                line.paint_dot_at(&painter, &transform, view.axis, x, t);
            }
        }
        self.paint_gutter(ui, outer, &transform, &drawn, view.axis, shown_at);
        if let (Some(pointer), Some(x)) = (response.hover_pos(), shown_at) {
            let heights: Vec<f32> = drawn
                .iter()
                .filter_map(|line| line.height_at(&transform, view.axis, x))
                .collect();
            let low = heights.iter().sum::<f32>() / heights.len().max(1) as f32 > frame.center().y;
            self.paint_readout(ui, pointer, frame, (x, low), (view.axis, view.origin));
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.description()));
        if response.hovered() {
            response.on_hover_cursor(CursorIcon::Crosshair)
        } else {
            response
        }
    }

    fn description(&self) -> String {
        let mut words = format!("Chart of {}", self.title);
        for line in self.lines {
            if let Some(last) = line.curve.smooth().last() {
                words += &format!(
                    "; {} {} at step {}",
                    line.name,
                    format::number(last.value),
                    last.step
                );
            }
        }
        words
    }

    fn bounds(&self, view: &ChartView) -> PlotBounds {
        let (from, to) = view.zoom.unwrap_or(self.extent);
        let (from, to) = if to > from {
            (from, to)
        } else {
            (from, from + 1.0)
        };
        let range = self
            .lines
            .iter()
            .filter_map(|line| {
                let series = line.curve.raw();
                let within = series.y_range(view.axis, from, to);
                within.or_else(|| passing(series, view.axis, (from, to)))
            })
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            .unwrap_or((0.0, 1.0));
        let (low, high) = range;
        let pad = match high - low {
            span if span > 0.0 => span * 0.08,
            _ => (high.abs() * 0.05).max(1e-3),
        };
        PlotBounds::from_min_max([from, low - pad], [to, high + pad])
    }

    /// The line that stays when the others fade: the one pointed at, by name or in the plot.
    fn faded(
        &self,
        drawn: &[Drawn],
        bounds: PlotBounds,
        plot: Rect,
        pointer: Option<Pos2>,
    ) -> Option<usize> {
        if self.emphasis.is_some() || drawn.len() < 2 {
            return self.emphasis;
        }
        let pointer = pointer.filter(|at| plot.contains(*at))?;
        let frame = plot
            .with_min_x(plot.left() + Y_AXIS)
            .with_max_y(plot.bottom() - X_AXIS);
        let transform = PlotTransform::new(frame, bounds, false);
        let x = transform.value_from_position(pointer).x;
        drawn
            .iter()
            .enumerate()
            .filter_map(|(n, line)| {
                let y = line.value_at(x)?;
                Some((n, (transform.position_from_point_y(y) - pointer.y).abs()))
            })
            .filter(|(_, distance)| *distance < 8.0)
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(n, _)| n)
    }

    /// Pointing shares x with the other charts, dragging zooms x, a double click shows all again.
    fn interact(
        &self,
        view: &mut ChartView,
        response: &Response,
        transform: &PlotTransform,
        painter: &Painter,
        t: &Tokens,
    ) {
        let x_at = |at: Pos2| {
            let bounds = transform.bounds();
            transform
                .value_from_position(at)
                .x
                .clamp(bounds.min()[0], bounds.max()[0])
        };
        if let Some(pointer) = response.hover_pos() {
            view.next_hover = Some(x_at(pointer));
        }
        if response.double_clicked() {
            view.zoom = None;
            return;
        }
        if response.drag_started()
            && let Some(start) = response.interact_pointer_pos()
        {
            view.drag = Some((self.id, x_at(start)));
        }
        let Some((owner, from)) = view.drag.filter(|(owner, _)| *owner == self.id) else {
            return;
        };
        let Some(pointer) = response.interact_pointer_pos() else {
            if !response.dragged() {
                view.drag = None;
            }
            return;
        };
        let to = x_at(pointer);
        let (left, right) = (
            transform.position_from_point_x(from),
            transform.position_from_point_x(to),
        );
        if response.drag_stopped() {
            if (left - right).abs() > 8.0 {
                view.zoom = Some((from.min(to), from.max(to)));
            }
            view.drag = None;
        } else if owner == self.id {
            let band = Rect::from_x_y_ranges(
                left.min(right)..=left.max(right),
                transform.frame().y_range(),
            );
            painter.rect_filled(band, 0, t.accent.gamma_multiply(0.15));
        }
    }

    /// The last value of each line at its right end, or its value where the pointer is.
    fn paint_gutter(
        &self,
        ui: &Ui,
        outer: Rect,
        transform: &PlotTransform,
        drawn: &[Drawn],
        axis: XAxis,
        at: Option<f64>,
    ) {
        let frame = transform.frame();
        let mut labels: Vec<(f32, &Drawn, String)> = drawn
            .iter()
            .filter_map(|line| {
                let (value, y) = line.shown_value(axis, at, transform.bounds())?;
                Some((
                    transform
                        .position_from_point_y(y)
                        .clamp(frame.top(), frame.bottom()),
                    line,
                    format::number(value),
                ))
            })
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        spread(
            &mut labels,
            |label| &mut label.0,
            13.0,
            frame.top() + 4.0,
            frame.bottom() - 4.0,
        );
        for (y, line, words) in labels {
            let at = pos2(outer.right() - GUTTER + space::S, y);
            ui.painter()
                .text(at, Align2::LEFT_CENTER, words, text::small(), line.colour);
        }
    }

    /// The values at `x`; above the lines when they run `low`, else below them.
    fn paint_readout(
        &self,
        ui: &Ui,
        pointer: Pos2,
        frame: Rect,
        (x, low): (f64, bool),
        (axis, origin): (XAxis, f64),
    ) {
        let t = theme::of(ui);
        let rows: Vec<(Color32, &str, String, String)> = self
            .lines
            .iter()
            .filter_map(|line| {
                let raw = near(line.curve.raw(), axis, x)?;
                let smooth = near(line.curve.smooth(), axis, x)?;
                let raw_words = if line.curve.is_smoothed() {
                    format::number(raw.value)
                } else {
                    String::new()
                };
                Some((
                    line.colour,
                    line.name,
                    format::number(smooth.value),
                    raw_words,
                ))
            })
            .collect();
        let Some(nearest) = self
            .lines
            .iter()
            .find_map(|line| near(line.curve.raw(), axis, x))
        else {
            return;
        };
        let head = match axis {
            XAxis::Step => format!("Step {}", format::count(nearest.step)),
            _ => format!(
                "Step {}, {}",
                format::count(nearest.step),
                ticks::elapsed(x - origin)
            ),
        };
        let painter = ui
            .ctx()
            .layer_painter(LayerId::new(Order::Tooltip, self.id.with("readout")));
        let measure = |words: &str, font: FontId| {
            painter
                .layout_no_wrap(words.to_owned(), font, t.text)
                .size()
                .x
        };
        let name_width = rows
            .iter()
            .map(|row| measure(row.1, text::small()))
            .fold(0.0, f32::max);
        let value_width = rows
            .iter()
            .map(|row| measure(&row.2, text::small()))
            .fold(0.0, f32::max);
        let raw_width = rows
            .iter()
            .map(|row| measure(&row.3, text::small()))
            .fold(0.0, f32::max);
        let raw_room = if raw_width > 0.0 {
            raw_width + space::M
        } else {
            0.0
        };
        let row_height = 16.0;
        let width = (space::M + name_width + space::L + value_width + raw_room)
            .max(measure(&head, text::small()));
        let total = vec2(
            width + 2.0 * space::S,
            row_height * (rows.len() as f32 + 1.0) + 2.0 * space::XS,
        );
        let (right, left) = (pointer.x + 16.0, pointer.x - 16.0 - total.x);
        let fits_right = right + total.x <= frame.right() + GUTTER;
        let fits_left = left >= frame.left() - Y_AXIS - space::M;
        let left = if fits_right || !fits_left {
            right
        } else {
            left
        };
        let screen = ui.ctx().content_rect();
        let top = if low {
            frame.top()
        } else {
            frame.bottom() - total.y
        };
        let top = top.clamp(
            screen.top() + 4.0,
            (screen.bottom() - total.y - 4.0).max(4.0),
        );
        let rect = Rect::from_min_size(pos2(left, top), total);
        painter.add(t.shadow().as_shape(rect, size::RADIUS));
        painter.rect(
            rect,
            size::RADIUS,
            t.raised,
            t.line_stroke(),
            StrokeKind::Inside,
        );
        let mut at = rect.min + vec2(space::S, space::XS);
        let middle = row_height / 2.0;
        painter.text(
            at + vec2(0.0, middle),
            Align2::LEFT_CENTER,
            head,
            text::small(),
            t.secondary,
        );
        for (colour, name, value, raw) in rows {
            at.y += row_height;
            painter.circle_filled(at + vec2(3.0, middle), 3.0, colour);
            let name_at = at + vec2(space::M, middle);
            painter.text(name_at, Align2::LEFT_CENTER, name, text::small(), t.text);
            let value_at = pos2(rect.right() - space::S - raw_room, at.y + middle);
            painter.text(value_at, Align2::RIGHT_CENTER, value, text::small(), t.text);
            let raw_at = pos2(rect.right() - space::S, at.y + middle);
            painter.text(
                raw_at,
                Align2::RIGHT_CENTER,
                raw,
                text::small(),
                t.secondary,
            );
        }
    }
}

/// Least and greatest of a line that has no point in sight but passes through.
fn passing(series: &Series, axis: XAxis, (from, to): (f64, f64)) -> Option<(f64, f64)> {
    let before = series.nearest(axis, from)?.value;
    let after = series.nearest(axis, to)?.value;
    let known = before.is_finite() && after.is_finite();
    known.then(|| (before.min(after), before.max(after)))
}

fn x_marks(axis: XAxis, origin: f64, (from, to): (f64, f64), length: f32) -> Vec<GridMark> {
    if axis == XAxis::Step {
        return ticks::marks((from, to), length, 56.0, true);
    }
    let mut marks = ticks::time_marks((from - origin, to - origin), length, 72.0);
    marks.iter_mut().for_each(|mark| mark.value += origin);
    marks
}

/// Moves labels apart until none is closer than `gap` to the next, within `low..=high`.
fn spread<T>(
    items: &mut [T],
    mut y: impl FnMut(&mut T) -> &mut f32,
    gap: f32,
    low: f32,
    high: f32,
) {
    let mut least = low;
    for item in items.iter_mut() {
        let at = y(item);
        *at = at.max(least);
        least = *at + gap;
    }
    let mut most = high;
    for item in items.iter_mut().rev() {
        let at = y(item);
        *at = at.min(most);
        most = *at - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_do_not_touch() {
        let mut ys = [10.0, 11.0, 12.0, 60.0];
        spread(&mut ys, |y| y, 13.0, 0.0, 60.0);
        assert!(
            ys.windows(2).all(|pair| pair[1] - pair[0] >= 12.99),
            "{ys:?}"
        );
        assert!(ys.iter().all(|y| (0.0..=60.0).contains(y)));
    }
}
