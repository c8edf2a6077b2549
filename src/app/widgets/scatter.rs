//! Points on two axes. Knows no run and no metric.

use eframe::egui::{Align2, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::layout;
use super::text as words;
use super::ticks;
use crate::app::format;
use crate::app::theme::{self, space};

const LEFT: f32 = 52.0;
const BELOW: f32 = 22.0;
/// Radius of a point.
const POINT: f32 = 2.5;

/// Draws the points; x is in whole numbers. `spoken` says in words what is seen.
pub fn scatter_ui(ui: &mut Ui, points: &[(f64, f64)], x_title: &str, spoken: &str, wanted: Vec2) {
    let t = theme::of(ui);
    let (outer, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
    let plot = Rect::from_min_max(
        outer.min + vec2(LEFT, space::XS),
        outer.max - vec2(space::S, BELOW),
    );
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
    let (x_range, y_range) = (range(|point| point.0), range(|point| point.1));
    let at = |x: f64, y: f64| {
        let across = (x - x_range.0) / (x_range.1 - x_range.0);
        let up = (y - y_range.0) / (y_range.1 - y_range.0);
        pos2(
            plot.left() + plot.width() * across as f32,
            plot.bottom() - plot.height() * up as f32,
        )
    };
    for mark in ticks::marks(y_range, plot.height(), 36.0, false) {
        let y = at(x_range.0, mark.value).y;
        layout::rule(ui, plot.x_range(), y);
        let place = pos2(plot.left() - space::S, y);
        let words = ticks::value_label(mark);
        words::paint_small(
            ui.painter(),
            place,
            Align2::RIGHT_CENTER,
            words,
            t.secondary,
        );
    }
    for mark in ticks::marks(x_range, plot.width(), 90.0, true) {
        let place = pos2(at(mark.value, y_range.0).x, plot.bottom() + space::XS);
        let words = format::count(mark.value.max(0.0) as u64);
        words::paint_small(ui.painter(), place, Align2::CENTER_TOP, words, t.secondary);
    }
    let corner = pos2(plot.right(), plot.bottom() - 2.0);
    words::paint_small(
        ui.painter(),
        corner,
        Align2::RIGHT_BOTTOM,
        x_title,
        t.secondary,
    );
    // Faint, so that many on one place are seen to be many.
    let colour = t.accent.gamma_multiply(0.5);
    let painter = ui.painter().with_clip_rect(plot.expand(POINT));
    for &(x, y) in points {
        painter.circle_filled(at(x, y), POINT, colour);
    }
}
