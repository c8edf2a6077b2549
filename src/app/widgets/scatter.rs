//! Points on two axes. Knows no run and no metric.

use eframe::egui::{Role, Sense, Ui, Vec2, WidgetInfo};

use super::axes::{self, Axes};
use crate::app::theme;

/// Radius of a point.
const POINT: f32 = 2.5;

/// Draws the points; x is in whole numbers. `spoken` says in words what is seen.
pub fn scatter_ui(ui: &mut Ui, points: &[(f64, f64)], x_title: &str, spoken: &str, wanted: Vec2) {
    let t = theme::of(ui);
    let (outer, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
    let plot = axes::plot_within(outer);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = points.iter().map(of);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        // Room for whole points at the edges.
        let room = ((high - low) * 0.03).max(1e-6 * high.abs()).max(1e-9);
        (low - room, high + room)
    };
    if points.is_empty() || !ui.is_rect_visible(outer) {
        return;
    }
    let axes = Axes {
        plot,
        x: range(|point| point.0),
        y: range(|point| point.1),
    };
    axes.draw(ui, x_title);
    // Faint, so that many on one place are seen to be many.
    let colour = t.accent.gamma_multiply(0.5);
    let painter = ui.painter().with_clip_rect(plot.expand(POINT));
    for &(x, y) in points {
        painter.circle_filled(axes.at(x, y), POINT, colour);
    }
}
