//! Overlaid curves of several runs, with bands where a line is the mean of several.
//!
//! Draws every point it is given. Knows no run and no metric.

use eframe::egui::{
    Align2, Color32, Mesh, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::axes::{self, Axes};
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, size, space, text};
use crate::metrics::Digits;
use crate::report::stretches;

#[derive(Clone, Debug)]
pub struct OverlayLine {
    pub name: String,
    pub colour: Color32,
    /// Sorted by x; what is not finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// The band of each point; empty where there is none.
    pub band: Vec<(f64, f64)>,
    /// How many curves the mean is over at each point: where it is one, the line is thin. Empty for a line that is
    /// no mean.
    pub counts: Vec<usize>,
    /// A remark on each point, such as the deviation.
    pub remarks: Vec<String>,
}

/// Draws the plot. Hovering reads off all lines, the greatest first.
pub fn overlay_ui(
    ui: &mut Ui,
    title: &str,
    x_title: &str,
    lines: &[OverlayLine],
    digits: Digits,
    wanted: Vec2,
) {
    let t = theme::of(ui);
    let (outer, response) = ui.allocate_exact_size(wanted, Sense::hover());
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("Chart of {title}: {}", names.join(", ")),
        )
    });
    let plot = axes::plot_within(outer);
    let Some((x_range, y_range)) = ranges(lines) else {
        words::paint_body(
            ui.painter(),
            outer.center(),
            Align2::CENTER_CENTER,
            "None of these runs has logged this metric",
            t.secondary,
        );
        return;
    };
    let axes = Axes {
        plot,
        x: x_range,
        y: y_range,
    };
    axes.draw(ui, x_title);
    let painter = ui.painter().with_clip_rect(plot.expand(1.0));
    for line in lines {
        band(&painter, line, &axes);
        for (stretch, alone) in stretches(&line.points, &line.counts) {
            let points: Vec<_> = stretch.iter().map(|(x, y)| axes.at(*x, *y)).collect();
            let width = if alone { size::LINE_ALONE } else { size::LINE };
            match points.as_slice() {
                [one] => {
                    painter.circle_filled(*one, 2.5, line.colour);
                }
                _ => {
                    painter.add(Shape::line(points, Stroke::new(width, line.colour)));
                }
            }
        }
    }
    if let Some(pointer) = response
        .hover_pos()
        .filter(|pointer| plot.contains(*pointer))
    {
        let share = f64::from((pointer.x - plot.left()) / plot.width());
        let x = x_range.0 + share * (x_range.1 - x_range.0);
        readout(ui, plot, pointer.x, lines, digits, x);
    }
}

fn band(painter: &eframe::egui::Painter, line: &OverlayLine, axes: &Axes) {
    if line.band.len() != line.points.len() {
        return;
    }
    let colour = line.colour.gamma_multiply(0.2);
    let mut mesh = Mesh::default();
    let mut before = None;
    let has_band = |at: usize| {
        let bounds = line.band.get(at);
        bounds.is_some_and(|(low, high)| low.is_finite() && high.is_finite())
    };
    for (place, ((x, _), (low, high))) in line.points.iter().zip(&line.band).enumerate() {
        if !has_band(place) {
            before = None;
            continue;
        }
        if before.is_none() && !has_band(place + 1) {
            // One step alone is no area.
            let ends = [axes.at(*x, *low), axes.at(*x, *high)];
            painter.line_segment(ends, Stroke::new(size::LINE_ALONE, colour));
        }
        let first = mesh.vertices.len() as u32;
        mesh.colored_vertex(axes.at(*x, *low), colour);
        mesh.colored_vertex(axes.at(*x, *high), colour);
        if let Some(before) = before {
            mesh.add_triangle(before, before + 1, first);
            mesh.add_triangle(before + 1, first, first + 1);
        }
        before = Some(first);
    }
    painter.add(Shape::mesh(mesh));
}

/// The values of all lines at x, the greatest first.
fn readout(ui: &Ui, plot: Rect, pointer_x: f32, lines: &[OverlayLine], digits: Digits, x: f64) {
    let t = theme::of(ui);
    let nearest = |line: &OverlayLine| -> Option<usize> {
        let finite = line.points.iter().enumerate();
        let finite = finite.filter(|(_, (_, y))| y.is_finite());
        let apart = |point: &(usize, &(f64, f64))| (point.1.0 - x).abs();
        Some(finite.min_by(|a, b| apart(a).total_cmp(&apart(b)))?.0)
    };
    let found: Vec<(&OverlayLine, usize)> = lines
        .iter()
        .filter_map(|line| Some((line, nearest(line)?)))
        .collect();
    let steps = found.iter().map(|(line, at)| line.points[*at].0);
    let step = steps
        .min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))
        .unwrap_or(x);
    let values = found.into_iter().map(|(line, at)| {
        let (there, y) = line.points[at];
        let remark = line.remarks.get(at).map_or("", String::as_str);
        // A line that has no value at this step says where its own is.
        let elsewhere = match there == step {
            true => String::new(),
            false => format!(" at step {}", format::count(there.max(0.0) as u64)),
        };
        let value = format::figure(y, digits);
        let words = format!("{value}{remark}{elsewhere}  {}", line.name);
        (y, words, line.colour)
    });
    let mut values: Vec<(f64, String, Color32)> = values.collect();
    values.sort_by(|a, b| b.0.total_cmp(&a.0));
    ui.painter()
        .vline(pointer_x, plot.y_range(), Stroke::new(1.0, t.faint));
    let painter = ui.painter();
    let head = painter.layout_no_wrap(
        format!("Step {}", format::count(step.max(0.0) as u64)),
        text::small(),
        t.secondary,
    );
    let galleys: Vec<_> = values
        .into_iter()
        .map(|(_, words, colour)| (painter.layout_no_wrap(words, text::small(), t.text), colour))
        .collect();
    let width = galleys
        .iter()
        .map(|(galley, _)| galley.size().x)
        .fold(head.size().x, f32::max)
        + 30.0;
    let height = (galleys.len() + 1) as f32 * 16.0 + space::S;
    let left = match pointer_x + width + space::M < plot.right() {
        true => pointer_x + space::S,
        false => pointer_x - space::S - width,
    };
    let card = Rect::from_min_size(pos2(left, plot.top() + space::S), vec2(width, height));
    painter.rect(
        card,
        size::RADIUS,
        t.raised,
        t.line_stroke(),
        eframe::egui::StrokeKind::Inside,
    );
    painter.galley(card.min + vec2(space::S, space::XS), head, t.secondary);
    for (at, (galley, colour)) in galleys.into_iter().enumerate() {
        let y = card.top() + space::XS + (at + 1) as f32 * 16.0;
        painter.circle_filled(pos2(card.left() + space::M, y + 7.0), 3.5, colour);
        painter.galley(pos2(card.left() + 22.0, y), galley, t.text);
    }
}

/// The ranges of x and y, with a margin above and below.
fn ranges(lines: &[OverlayLine]) -> Option<((f64, f64), (f64, f64))> {
    let mut x = (f64::INFINITY, f64::NEG_INFINITY);
    let mut y = x;
    let widen = |range: &mut (f64, f64), value: f64| {
        if value.is_finite() {
            *range = (range.0.min(value), range.1.max(value));
        }
    };
    for line in lines {
        for (at, value) in line.points.iter().filter(|(_, value)| value.is_finite()) {
            widen(&mut x, *at);
            widen(&mut y, *value);
        }
        for (low, high) in &line.band {
            widen(&mut y, *low);
            widen(&mut y, *high);
        }
    }
    if !(x.0.is_finite() && y.0.is_finite()) {
        return None;
    }
    if x.0 == x.1 {
        x = (x.0 - 1.0, x.1 + 1.0);
    }
    // Halves: the difference of the largest numbers overflows.
    let room = if y.0 == y.1 {
        y.0.abs().max(1.0) * 0.1
    } else {
        (y.1 / 2.0 - y.0 / 2.0) * 0.12
    };
    let bound = |end: f64| end.clamp(f64::MIN, f64::MAX);
    Some((x, (bound(y.0 - room), bound(y.1 + room))))
}
