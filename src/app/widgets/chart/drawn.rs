//! One line of a chart, decimated to what can be seen of it, and its marks.

use eframe::egui::{Color32, Painter, Pos2, Shape, Stroke, pos2};
use egui_plot::{PlotBounds, PlotPoint, PlotPoints, PlotTransform};

use super::ChartLine;
use crate::app::theme::{Tokens, size};
use crate::series::{Point, Polyline, Series, XAxis};

/// The point nearest to `x`; none where the series has not begun or is over.
pub(super) fn near(series: &Series, axis: XAxis, x: f64) -> Option<Point> {
    let (from, to) = series.x_range(axis)?;
    let between = (to - from) / series.len().max(2) as f64;
    if x < from - between || x > to + between {
        return None;
    }
    series.nearest(axis, x)
}

/// A line, decimated to what can be seen of it.
pub(super) struct Drawn<'a> {
    pub(super) colour: Color32,
    pub(super) dots: bool,
    pub(super) name: &'a str,
    pub(super) series: &'a Series,
    pub(super) smooth: Polyline,
    pub(super) raw: Option<Polyline>,
}

impl<'a> Drawn<'a> {
    pub(super) fn new(
        line: &ChartLine<'a>,
        axis: XAxis,
        bounds: PlotBounds,
        columns: usize,
    ) -> Self {
        let (from, to) = (bounds.min()[0], bounds.max()[0]);
        let decimate = |series: &Series| series.decimate(axis, from, to, columns);
        Drawn {
            colour: line.colour,
            dots: line.dots,
            name: line.name,
            series: line.curve.smooth(),
            smooth: decimate(line.curve.smooth()),
            raw: line.curve.is_smoothed().then(|| decimate(line.curve.raw())),
        }
    }

    pub(super) fn add_to(&self, plot: &mut egui_plot::PlotUi<'_>, strength: f32) {
        let mut add = |polyline: &Polyline, colour: Color32, width: f32| {
            for (n, points) in polyline.lines().enumerate() {
                let points: PlotPoints<'_> = points.iter().copied().collect();
                let line = egui_plot::Line::new(format!("{}{n}", self.name), points);
                // Decimated already: a band drawn from it would only blur it.
                let line = line.width(width).allow_hover(false).allow_band(false);
                plot.line(line.color(colour.gamma_multiply(strength)));
            }
        };
        if let Some(raw) = &self.raw {
            add(raw, self.colour.gamma_multiply(0.28), 1.0);
        }
        let colour = if self.dots {
            self.colour.gamma_multiply(0.6)
        } else {
            self.colour
        };
        add(
            &self.smooth,
            colour,
            if self.dots { 1.0 } else { size::LINE },
        );
    }

    /// Evaluation points as dots, single points between gaps too, and a mark at the edge for what is
    /// not finite.
    pub(super) fn paint_marks(
        &self,
        painter: &Painter,
        transform: &PlotTransform,
        strength: f32,
        t: &Tokens,
    ) {
        let colour = self.colour.gamma_multiply(strength);
        for points in self.smooth.lines() {
            if self.dots || points.len() == 1 {
                for &[x, y] in points {
                    let at = transform.position_from_point(&PlotPoint::new(x, y));
                    painter.circle_filled(at, 2.5, colour);
                }
            }
        }
        let top = transform.frame().top();
        for gap in self.smooth.gaps() {
            let x = transform.position_from_point_x(gap.x);
            let points = vec![pos2(x - 4.0, top), pos2(x + 4.0, top), pos2(x, top + 6.0)];
            painter.add(Shape::convex_polygon(points, t.bad, Stroke::NONE));
        }
    }

    pub(super) fn paint_dot_at(
        &self,
        painter: &Painter,
        transform: &PlotTransform,
        axis: XAxis,
        x: f64,
        t: &Tokens,
    ) {
        if let Some(at) = self.point_at(transform, axis, x) {
            painter.circle(at, 3.5, self.colour, Stroke::new(1.5, t.ground));
        }
    }

    pub(super) fn height_at(&self, transform: &PlotTransform, axis: XAxis, x: f64) -> Option<f32> {
        self.point_at(transform, axis, x).map(|at| at.y)
    }

    /// Where the point nearest to `x` is on screen.
    pub(super) fn point_at(&self, transform: &PlotTransform, axis: XAxis, x: f64) -> Option<Pos2> {
        let point = near(self.series, axis, x).filter(|point| point.value.is_finite())?;
        let start = self.series.get(0).map_or(0, |first| first.wall_ms);
        let x = match axis {
            XAxis::Step => point.step as f64,
            XAxis::Relative => (point.wall_ms - start) as f64 / 1e3,
            XAxis::Wall => point.wall_ms as f64 / 1e3,
        };
        Some(transform.position_from_point(&PlotPoint::new(x, point.value)))
    }

    /// What stands in the gutter: the value, and where on y. The last finite one when nothing is pointed at.
    pub(super) fn shown_value(
        &self,
        axis: XAxis,
        at: Option<f64>,
        bounds: &PlotBounds,
    ) -> Option<(f64, f64)> {
        let point = match at {
            Some(x) => near(self.series, axis, x)?,
            None => {
                let (_, to) = self.series.x_range(axis)?;
                self.series.nearest(axis, to.min(bounds.max()[0]))?
            }
        };
        if point.value.is_finite() {
            return Some((point.value, point.value));
        }
        Some((point.value, bounds.max()[1]))
    }

    /// y of the drawn line at `x`, between its points.
    pub(super) fn value_at(&self, x: f64) -> Option<f64> {
        let points = self.smooth.points();
        let after = points.partition_point(|point| point[0] < x);
        let (a, b) = (points.get(after.checked_sub(1)?)?, points.get(after)?);
        let share = if b[0] > a[0] {
            (x - a[0]) / (b[0] - a[0])
        } else {
            0.0
        };
        Some(a[1] + share * (b[1] - a[1]))
    }
}
