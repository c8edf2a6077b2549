//! One line of a chart: decimated points, mesh, and marks.
//!
//! Meshes are cached until the curve, the visible range or the style changes, so that hovering over a million points
//! is cheap.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::epaint::{Mesh, PathShape, PathStroke, TessellationOptions, Tessellator};
use eframe::egui::{Color32, Id, Painter, Pos2, Shape, Stroke, pos2};
use egui_plot::{PlotPoint, PlotTransform};

use super::{ChartLine, Dashes};
use crate::app::theme::{ThemeTokens, size};
use crate::metrics::Digits;
use crate::series::{Band, Point, Polyline, Series, XAxis};

/// The point nearest to `x`; `None` before the series begins or after it ends.
pub(super) fn near(series: &Series, axis: XAxis, x: f64) -> Option<Point> {
    let (from, to) = series.x_range(axis)?;
    let between = (to - from) / series.len().max(2) as f64;
    if x < from - between || x > to + between {
        return None;
    }
    series.nearest(axis, x)
}

/// The mapping from values to the screen.
#[derive(Clone, Copy)]
pub(super) struct PlotArea {
    pub axis: XAxis,
    /// What the x of a line are less by than those of its points.
    pub offset: f64,
    pub log: bool,
    pub transform: PlotTransform,
    pub pixels_per_point: f32,
}

impl PlotArea {
    fn same(&self, other: &PlotArea) -> bool {
        let (a, b) = (self.transform.bounds(), other.transform.bounds());
        self.axis == other.axis
            && self.offset == other.offset
            && self.log == other.log
            && self.pixels_per_point == other.pixels_per_point
            && self.transform.frame() == other.transform.frame()
            && a.min() == b.min()
            && a.max() == b.max()
    }

    /// A value as y of the plot.
    pub fn height(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    fn at(&self, [x, y]: [f64; 2]) -> Pos2 {
        let point = PlotPoint::new(x - self.offset, y);
        self.transform.position_from_point(&point)
    }

    fn near(&self, series: &Series, x: f64) -> Option<Point> {
        near(series, self.axis, x + self.offset)
    }

    /// The visible range of a line's own x.
    fn visible(&self) -> (f64, f64) {
        let bounds = self.transform.bounds();
        (bounds.min()[0] + self.offset, bounds.max()[0] + self.offset)
    }
}

/// A line as it was drawn last.
pub(super) struct CachedLine {
    pub pass: u64,
    revision: u64,
    place: PlotArea,
    colour: Color32,
    lines: Arc<Lines>,
    /// The faded meshes, once they were needed.
    faded: Option<Meshes>,
}

impl std::fmt::Debug for CachedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CachedLine(revision {})", self.revision)
    }
}

/// The mesh of the raw line or of the band, if there is one, and of the smooth line above it.
type Meshes = [Option<Arc<Mesh>>; 2];

struct Lines {
    smooth: Polyline,
    meshes: Meshes,
    /// How many values in the visible range could not be drawn.
    not_drawn: usize,
}

/// A line, ready to be painted.
pub(super) struct Drawn<'a> {
    pub colour: Color32,
    pub digits: Digits,
    dots: bool,
    pub is_under: bool,
    series: &'a Series,
    place: PlotArea,
    lines: Arc<Lines>,
    meshes: Meshes,
}

impl<'a> Drawn<'a> {
    /// Draws the line, from the cache where nothing has changed.
    pub fn new(
        line: &ChartLine<'a>,
        place: PlotArea,
        strength: f32,
        cache: &mut HashMap<(Id, usize), CachedLine>,
        key: (Id, usize),
        pass: u64,
    ) -> Self {
        let place = PlotArea {
            offset: line.offset,
            ..place
        };
        let revision = line.curve.revision();
        let is_current = |cached: &CachedLine| {
            cached.revision == revision && cached.colour == line.colour && cached.place.same(&place)
        };
        let fresh = || CachedLine {
            pass,
            revision,
            place,
            colour: line.colour,
            lines: Arc::new(Lines::new(line, &place, line.colour)),
            faded: None,
        };
        let known = cache.entry(key).or_insert_with(fresh);
        if !is_current(known) {
            *known = fresh();
        }
        known.pass = pass;
        let lines = known.lines.clone();
        let meshes = if strength < 1.0 {
            known
                .faded
                .get_or_insert_with(|| faded(&lines.meshes, strength))
                .clone()
        } else {
            lines.meshes.clone()
        };
        Drawn {
            colour: line.colour.gamma_multiply(strength),
            digits: line.digits,
            dots: line.dots,
            is_under: line.is_under,
            series: line.curve.smooth(),
            place,
            lines,
            meshes,
        }
    }

    pub fn paint(&self, painter: &Painter) {
        for mesh in self.meshes.iter().flatten() {
            if !mesh.is_empty() {
                painter.add(Shape::mesh(mesh.clone()));
            }
        }
    }

    /// Dots for evaluations and for single points between gaps, and marks at the edge for values that are not finite or
    /// have no logarithm.
    pub fn paint_marks(&self, painter: &Painter, t: &ThemeTokens) {
        for points in self.lines.smooth.lines() {
            if self.dots || points.len() == 1 {
                for &point in points {
                    painter.circle_filled(self.place.at(point), 2.5, self.colour);
                }
            }
        }
        let transform = &self.place.transform;
        let top = transform.frame().top();
        for gap in self.lines.smooth.gaps() {
            let x = transform.position_from_point_x(gap.x - self.place.offset);
            let points = vec![pos2(x - 4.0, top), pos2(x + 4.0, top), pos2(x, top + 6.0)];
            painter.add(Shape::convex_polygon(points, t.bad, Stroke::NONE));
        }
    }

    /// How many values in the visible range could not be drawn.
    pub fn not_drawn(&self) -> usize {
        self.lines.not_drawn
    }

    pub fn paint_dot_at(&self, painter: &Painter, x: f64, t: &ThemeTokens) {
        if let Some(at) = self.point_at(x) {
            painter.circle(at, 3.5, self.colour, Stroke::new(1.5, t.ground));
        }
    }

    /// Where the point nearest to `x` is on screen.
    pub fn point_at(&self, x: f64) -> Option<Pos2> {
        let point = self.place.near(self.series, x)?;
        let height = self.place.height(point.value);
        let start = self.series.get(0).map_or(0, |first| first.wall_ms);
        let x = match self.place.axis {
            XAxis::Step => point.step as f64,
            XAxis::Relative => (point.wall_ms - start) as f64 / 1e3,
            XAxis::Wall => point.wall_ms as f64 / 1e3,
        };
        height.is_finite().then(|| self.place.at([x, height]))
    }

    /// The value for the gutter and its y: at `at`, or else the last visible one.
    pub fn shown_value(&self, at: Option<f64>) -> Option<(f64, f64)> {
        let bounds = self.place.transform.bounds();
        let axis = self.place.axis;
        let point = match at {
            Some(x) => self.place.near(self.series, x)?,
            None => {
                let (_, to) = self.series.x_range(axis)?;
                self.series.nearest(axis, to.min(self.place.visible().1))?
            }
        };
        let height = self.place.height(point.value);
        let height = if height.is_finite() {
            height
        } else {
            bounds.max()[1]
        };
        Some((point.value, height))
    }
}

impl Lines {
    fn new(line: &ChartLine<'_>, place: &PlotArea, colour: Color32) -> Self {
        let (from, to) = place.visible();
        let columns = place.transform.frame().width().max(8.0) as usize;
        let decimate = |series: &Series| series.decimate(place.axis, from, to, columns);
        let smooth = decimate(line.curve.drawn_smooth(place.log));
        let width = if line.dots { 1.0 } else { size::LINE };
        let own = if line.dots {
            colour.gamma_multiply(0.6)
        } else {
            colour
        };
        let below = match line.band {
            Some(band) => Some(area(
                &band.outline(place.axis, (from, to), columns),
                place,
                colour.gamma_multiply(0.2),
            )),
            None if line.curve.is_smoothed() && !line.is_under => {
                let raw = decimate(line.curve.drawn_raw(place.log));
                Some(strip(&raw, place, colour.gamma_multiply(0.28)))
            }
            None => None,
        };
        let own = mesh(&smooth, place, (own, width, line.dashes), line.band);
        Lines {
            meshes: [below.map(Arc::new), Some(Arc::new(own))],
            not_drawn: smooth.gaps().iter().map(|gap| gap.count).sum(),
            smooth,
        }
    }
}

fn faded(meshes: &Meshes, strength: f32) -> Meshes {
    meshes.clone().map(|mesh| {
        let mut mesh = Mesh::clone(&*mesh?);
        for vertex in &mut mesh.vertices {
            vertex.color = vertex.color.gamma_multiply(strength);
        }
        Some(Arc::new(mesh))
    })
}

/// Anti-aliased lines, of a colour, width and dashes; those of a mean are thin where it is of one curve alone.
fn mesh(
    polyline: &Polyline,
    place: &PlotArea,
    (colour, width, dashes): (Color32, f32, Option<Dashes>),
    band: Option<&Band>,
) -> Mesh {
    let mut mesh = Mesh::default();
    let options = TessellationOptions::default();
    let mut tessellator = Tessellator::new(place.pixels_per_point, options, [1, 1], Vec::new());
    for points in polyline.lines().filter(|points| points.len() > 1) {
        for (stretch, alone) in band_stretches(points, place, band) {
            let points: Vec<Pos2> = stretch.iter().map(|point| place.at(*point)).collect();
            let width = if alone { size::LINE_ALONE } else { width };
            match dashes {
                Some((dash, gap)) => {
                    let stroke = Stroke::new(width, colour);
                    for shape in Shape::dashed_line(&points, stroke, dash, gap) {
                        tessellator.tessellate_shape(shape, &mut mesh);
                    }
                }
                None => {
                    let path = PathShape::line(points, PathStroke::new(width, colour));
                    tessellator.tessellate_path(&path, &mut mesh);
                }
            }
        }
    }
    mesh
}

/// A line in stretches that are of one curve alone, or not.
fn band_stretches<'a>(
    points: &'a [[f64; 2]],
    place: &PlotArea,
    band: Option<&Band>,
) -> Vec<(&'a [[f64; 2]], bool)> {
    let Some(band) = band else {
        return vec![(points, false)];
    };
    let is_alone = |[x, _]: &[f64; 2]| {
        let found = band.near(place.axis, *x);
        found.is_some_and(|found| found.count == 1)
    };
    let alone: Vec<bool> = points.iter().map(is_alone).collect();
    let kind = |at: usize| alone[at] || alone[at + 1];
    let mut found = Vec::new();
    let mut start = 0;
    while start + 1 < points.len() {
        let same = (start..points.len() - 1).take_while(|at| kind(*at) == kind(start));
        let stop = start + same.count();
        found.push((&points[start..=stop], kind(start)));
        start = stop;
    }
    found
}

/// The area of a band. What has no logarithm lies below the frame.
fn area(stretches: &[Vec<(f64, f64, f64)>], place: &PlotArea, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let lowest = place.transform.bounds().min()[1];
    let height = |value: f64| {
        let height = place.height(value);
        if height.is_finite() { height } else { lowest }
    };
    for stretch in stretches {
        // One step alone is no area.
        let alone = stretch.len() == 1;
        for (at, &(x, low, high)) in stretch.iter().enumerate() {
            let (low, high) = (place.at([x, height(low)]), place.at([x, height(high)]));
            let half = if alone { size::LINE_ALONE / 2.0 } else { 0.0 };
            let first = mesh.vertices.len() as u32;
            for end in [low, high] {
                mesh.colored_vertex(pos2(end.x - half, end.y), colour);
            }
            if alone {
                for end in [low, high] {
                    mesh.colored_vertex(pos2(end.x + half, end.y), colour);
                }
                mesh.add_triangle(first, first + 1, first + 2);
                mesh.add_triangle(first + 1, first + 2, first + 3);
            } else if at > 0 {
                mesh.add_triangle(first - 2, first - 1, first);
                mesh.add_triangle(first - 1, first, first + 1);
            }
        }
    }
    mesh
}

/// Lines one point wide without anti-aliasing, for the faint raw values.
fn strip(polyline: &Polyline, place: &PlotArea, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    mesh.reserve_vertices(polyline.points().len() * 4);
    mesh.reserve_triangles(polyline.points().len() * 2);
    for points in polyline.lines() {
        for pair in points.windows(2) {
            let (a, b) = (place.at(pair[0]), place.at(pair[1]));
            let along = b - a;
            let length = along.length();
            if length == 0.0 {
                continue;
            }
            let aside = along.rot90() * (0.5 / length);
            let first = mesh.vertices.len() as u32;
            for corner in [a + aside, b + aside, b - aside, a - aside] {
                mesh.colored_vertex(corner, colour);
            }
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first, first + 2, first + 3);
        }
    }
    mesh
}
