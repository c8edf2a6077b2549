//! A series together with its smoothed form.
//!
//! Knows nothing of drawing.

use super::{Ema, Point, Series};

/// A growing series and, when smoothing is on, the same smoothed.
#[derive(Clone, Debug)]
pub struct Curve {
    raw: Series,
    smooth: Series,
    ema: Ema,
}

impl Curve {
    /// `smoothing` as for [`Ema::new`].
    pub fn new(raw: Series, smoothing: f64) -> Self {
        let mut curve = Curve {
            raw,
            smooth: Series::new(),
            ema: Ema::new(smoothing),
        };
        curve.recompute();
        curve
    }

    pub fn raw(&self) -> &Series {
        &self.raw
    }

    /// The smoothed series; the raw one when smoothing is off.
    pub fn smooth(&self) -> &Series {
        if self.is_smoothed() {
            &self.smooth
        } else {
            &self.raw
        }
    }

    pub fn is_smoothed(&self) -> bool {
        self.ema.weight() > 0.0
    }

    /// Changes the smoothing. Linear in the number of points.
    pub fn set_smoothing(&mut self, weight: f64) {
        self.ema = Ema::new(weight);
        self.recompute();
    }

    /// Takes a point, as [`Series::push`] does.
    pub fn push(&mut self, point: Point) {
        if !self.raw.push(point) {
            self.recompute();
        } else if self.is_smoothed() {
            self.smooth.push(Point {
                value: self.ema.push(point.value),
                ..point
            });
        }
    }

    /// Forgets every point after `step`.
    pub fn truncate_after(&mut self, step: u64) {
        self.raw.truncate_after(step);
        self.recompute();
    }

    fn recompute(&mut self) {
        self.ema = Ema::new(self.ema.weight());
        self.smooth = if self.is_smoothed() {
            self.raw.mapped(|value| self.ema.push(value))
        } else {
            Series::new()
        };
    }
}
