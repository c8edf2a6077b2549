//! A series with its smoothed form, and the logarithms of both on request. Must not know drawing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Ema, Point, Series};

/// A growing series and, when smoothing is on, the same smoothed.
#[derive(Clone, Debug)]
pub struct Curve {
    raw: Series,
    smooth: Series,
    ema: Ema,
    log: Option<Logarithms>,
    revision: u64,
}

/// `log10` of a curve's values. Non-positive values break the line.
#[derive(Clone, Debug, Default)]
struct Logarithms {
    raw: Series,
    smooth: Series,
}

impl Curve {
    /// `smoothing` as for [`Ema::new`].
    pub fn new(raw: Series, smoothing: f64) -> Self {
        let mut curve = Curve {
            raw,
            smooth: Series::new(),
            ema: Ema::new(smoothing),
            log: None,
            revision: 0,
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

    /// The raw series to draw: its logarithms if `log` is set and they are kept.
    pub fn drawn_raw(&self, log: bool) -> &Series {
        match &self.log {
            Some(logarithms) if log => &logarithms.raw,
            _ => &self.raw,
        }
    }

    /// The smoothed series to draw, likewise.
    pub fn drawn_smooth(&self, log: bool) -> &Series {
        match &self.log {
            Some(logarithms) if log && self.is_smoothed() => &logarithms.smooth,
            Some(logarithms) if log => &logarithms.raw,
            _ => self.smooth(),
        }
    }

    pub fn is_smoothed(&self) -> bool {
        self.ema.weight() > 0.0
    }

    /// Unique to this state of this curve; cached drawings are valid until it changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Changes the smoothing. Linear in the number of points.
    pub fn set_smoothing(&mut self, weight: f64) {
        self.ema = Ema::new(weight);
        self.recompute();
    }

    /// Breaks the line along time, as [`Series::set_resumptions`] does. Linear in the number of points.
    pub fn set_resumptions(&mut self, resumptions: Arc<[i64]>) {
        self.raw.set_resumptions(resumptions);
        self.recompute();
    }

    /// Keeps logarithms from now on, for [`Curve::drawn_raw`]. Linear in the number of points the
    /// first time.
    pub fn keep_logarithms(&mut self) {
        if self.log.is_none() {
            self.log = Some(Logarithms::default());
            self.compute_logarithms();
            self.renew();
        }
    }

    /// Adds a point, as [`Series::push`] does.
    pub fn push(&mut self, point: Point) {
        if !self.raw.push(point) {
            self.recompute();
            return;
        }
        let log = |value: f64| Point {
            value: value.log10(),
            ..point
        };
        if let Some(logarithms) = &mut self.log {
            logarithms.raw.push(log(point.value));
        }
        if self.is_smoothed() {
            let value = self.ema.push(point.value);
            self.smooth.push(Point { value, ..point });
            if let Some(logarithms) = &mut self.log {
                logarithms.smooth.push(log(value));
            }
        }
        self.renew();
    }

    /// Removes every point after `step`.
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
        self.compute_logarithms();
        self.renew();
    }

    fn compute_logarithms(&mut self) {
        if let Some(logarithms) = &mut self.log {
            logarithms.raw = self.raw.mapped(f64::log10);
            logarithms.smooth = self.smooth.mapped(f64::log10);
        }
    }

    fn renew(&mut self) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.revision = NEXT.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: u64, value: f64) -> Point {
        Point {
            step,
            value,
            wall_ms: step as i64,
        }
    }

    #[test]
    fn logarithms_follow_the_curve_and_break_where_there_are_none() {
        let series: Series = [10.0, 0.0, 1000.0]
            .iter()
            .zip(0..)
            .map(|(value, step)| point(step, *value))
            .collect();
        let mut curve = Curve::new(series, 0.0);
        assert_eq!(curve.drawn_raw(true).last().unwrap().value, 1000.0);
        curve.keep_logarithms();
        curve.push(point(3, 100.0));
        let values: Vec<f64> = curve.drawn_raw(true).points().map(|p| p.value).collect();
        assert_eq!(values, [1.0, f64::NEG_INFINITY, 3.0, 2.0]);
        assert_eq!(curve.drawn_raw(true).nonfinite_count(), 1);
        assert_eq!(curve.drawn_raw(false).nonfinite_count(), 0);
        curve.set_smoothing(0.5);
        let smooth = curve.smooth().last().unwrap().value;
        assert_eq!(
            curve.drawn_smooth(true).last().unwrap().value,
            smooth.log10()
        );
    }

    #[test]
    fn every_change_gives_a_new_revision() {
        let mut curve = Curve::new(Series::new(), 0.0);
        let mut seen = vec![curve.revision(), Curve::new(Series::new(), 0.0).revision()];
        curve.push(point(0, 1.0));
        seen.push(curve.revision());
        curve.set_smoothing(0.9);
        seen.push(curve.revision());
        curve.truncate_after(0);
        seen.push(curve.revision());
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), seen.len());
    }
}
