//! What neighbouring charts share: the visible x range, the hovered x, pins, and caches.
//!
//! State only; draws nothing and knows no run.

use std::collections::HashMap;

use eframe::egui::{Id, Ui};
use serde::{Deserialize, Serialize};

use super::drawn::CachedLine;
use crate::app::format::Clock;
use crate::series::XAxis;

/// The x axis: what it shows and how it is labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlongX {
    #[default]
    Step,
    /// Time since the first value of the stage, pauses and all.
    Relative,
    /// Time of day.
    Wall,
}

impl AlongX {
    /// How points are placed. Relative time is wall time labelled from the beginning of the stage, so that metrics that
    /// begin later are placed correctly.
    pub fn axis(self) -> XAxis {
        match self {
            AlongX::Step => XAxis::Step,
            AlongX::Relative | AlongX::Wall => XAxis::Wall,
        }
    }
}

#[derive(Debug, Default)]
pub struct ChartView {
    pub along: AlongX,
    /// For times of day.
    pub clock: Clock,
    /// The origin of relative time.
    pub origin: f64,
    /// The zoomed range of x; `None` shows all.
    zoom: Option<(f64, f64)>,
    /// The zoomed range of y, by chart.
    pub(super) heights: HashMap<Id, (f64, f64)>,
    /// Whether the visible range follows the last point.
    follow: bool,
    /// Pinned values of x; the readout compares with the last.
    pub(super) pins: Vec<f64>,
    /// The hovered x, in any of the charts.
    pub(super) hover: Option<f64>,
    /// The hovered x of the current pass.
    pub(super) next_hover: Option<f64>,
    pub(super) drag: Option<(Id, [f64; 2])>,
    /// The cache of drawn lines, by chart and line.
    pub(super) drawn: HashMap<(Id, usize), CachedLine>,
    pub(super) pass: u64,
}

impl ChartView {
    /// Sets the x axis; zoom and pins of another axis are dropped.
    pub fn set_along(&mut self, along: AlongX) {
        if self.along.axis() != along.axis() {
            self.reset();
            self.pins.clear();
        }
        self.along = along;
    }

    /// The visible range, given the full one.
    pub fn visible(&self, extent: (f64, f64)) -> (f64, f64) {
        match (self.zoom, self.follow) {
            (None, false) => extent,
            (None, true) => (extent.1 - (extent.1 - extent.0) / 4.0, extent.1),
            (Some((from, to)), true) => (extent.1 - (to - from), extent.1),
            (Some(zoom), false) => zoom,
        }
    }

    pub fn is_zoomed(&self) -> bool {
        self.zoom.is_some() || self.follow || !self.heights.is_empty()
    }

    pub fn zoom_to(&mut self, from: f64, to: f64) {
        self.zoom = Some((from.min(to), from.max(to)));
        self.follow = false;
    }

    /// Resets zoom and following.
    pub fn reset(&mut self) {
        self.zoom = None;
        self.follow = false;
        self.heights.clear();
    }

    pub fn follows(&self) -> bool {
        self.follow
    }

    /// Follows the last points: with the current zoom, or the last quarter of the full range.
    pub fn set_follow(&mut self, follow: bool, extent: (f64, f64)) {
        if self.follow && !follow {
            self.zoom = Some(self.visible(extent));
        }
        self.follow = follow;
    }

    pub fn pins(&self) -> &[f64] {
        &self.pins
    }

    /// Sets a pin, or removes the one within `near` of it.
    pub fn toggle_pin(&mut self, x: f64, near: f64) {
        match self.pins.iter().position(|pin| (pin - x).abs() <= near) {
            Some(at) => {
                self.pins.remove(at);
            }
            None => self.pins.push(x),
        }
    }

    pub fn clear_pins(&mut self) {
        self.pins.clear();
    }

    /// Call after all charts that share this view were drawn.
    pub fn end_pass(&mut self, ui: &Ui) {
        if self.hover != self.next_hover {
            ui.request_repaint();
        }
        self.hover = self.next_hover.take();
        let pass = self.pass;
        self.drawn.retain(|_, line| line.pass == pass);
        self.pass += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn following_keeps_the_last_points_visible() {
        let mut view = ChartView::default();
        assert_eq!(view.visible((0.0, 100.0)), (0.0, 100.0));
        view.set_follow(true, (0.0, 100.0));
        assert_eq!(view.visible((0.0, 100.0)), (75.0, 100.0));
        // The quarter grows with the run.
        assert_eq!(view.visible((0.0, 140.0)), (105.0, 140.0));
        view.set_follow(false, (0.0, 140.0));
        assert_eq!(view.visible((0.0, 200.0)), (105.0, 140.0));
        view.zoom_to(20.0, 10.0);
        assert_eq!(view.visible((0.0, 200.0)), (10.0, 20.0));
        view.set_follow(true, (0.0, 200.0));
        assert_eq!(view.visible((0.0, 300.0)), (290.0, 300.0));
        view.reset();
        assert_eq!(view.visible((0.0, 200.0)), (0.0, 200.0));
    }

    #[test]
    fn a_second_click_removes_a_pin() {
        let mut view = ChartView::default();
        view.toggle_pin(10.0, 1.0);
        view.toggle_pin(40.0, 1.0);
        view.toggle_pin(10.5, 1.0);
        assert_eq!(view.pins(), [40.0]);
    }

    #[test]
    fn another_axis_resets_the_zoom() {
        let mut view = ChartView::default();
        view.zoom_to(1.0, 2.0);
        view.toggle_pin(1.5, 0.1);
        view.set_along(AlongX::Relative);
        assert!(!view.is_zoomed() && view.pins().is_empty());
        view.zoom_to(1.0, 2.0);
        view.set_along(AlongX::Wall);
        assert!(view.is_zoomed(), "both are times");
    }
}
