//! The axes of a plot: where its points lie, its grid, and the labels beside it.

use eframe::egui::{Align2, Pos2, Rect, Ui, pos2, vec2};

use super::layout;
use super::text as words;
use super::ticks;
use crate::app::format;
use crate::app::theme::{self, space};

/// Room for the labels left of a plot and below it.
const LEFT: f32 = 52.0;
const BELOW: f32 = 22.0;

/// The frame of a plot within `outer`, which has its labels too.
pub fn plot_within(outer: Rect) -> Rect {
    Rect::from_min_max(
        outer.min + vec2(LEFT, space::XS),
        outer.max - vec2(space::S, BELOW),
    )
}

/// Two linear axes; x counts.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    pub plot: Rect,
    /// Values at the left and at the right edge.
    pub x: (f64, f64),
    /// Values at the lower and at the upper edge.
    pub y: (f64, f64),
}

impl Axes {
    /// Where a point lies on screen.
    pub fn at(&self, x: f64, y: f64) -> Pos2 {
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        // Halves: differences of the largest numbers overflow.
        let up = (y / 2.0 - self.y.0 / 2.0) / (self.y.1 / 2.0 - self.y.0 / 2.0);
        pos2(
            self.plot.left() + self.plot.width() * across as f32,
            self.plot.bottom() - self.plot.height() * up as f32,
        )
    }

    /// Draws grid, labels and the title of x.
    pub fn draw(&self, ui: &Ui, x_title: &str) {
        let (plot, colour) = (self.plot, theme::of(ui).secondary);
        let label = |place, align, words| {
            words::paint_small(ui.painter(), place, align, words, colour);
        };
        for mark in ticks::marks(self.y, plot.height(), 36.0, false) {
            let y = self.at(self.x.0, mark.value).y;
            layout::rule(ui, plot.x_range(), y);
            let place = pos2(plot.left() - space::S, y);
            label(place, Align2::RIGHT_CENTER, ticks::value_label(mark));
        }
        for mark in ticks::marks(self.x, plot.width(), 90.0, true) {
            let place = pos2(self.at(mark.value, self.y.0).x, plot.bottom() + space::XS);
            let count = format::count(mark.value.max(0.0) as u64);
            label(place, Align2::CENTER_TOP, count);
        }
        let corner = pos2(plot.right(), plot.bottom() - 2.0);
        label(corner, Align2::RIGHT_BOTTOM, x_title.to_string());
    }
}
