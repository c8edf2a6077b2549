//! What lies around a mean: how far its curves spread at each of its points, and how many they are.
//!
//! Must not know of what the mean is or how it is drawn.

use super::{Point, Series, XAxis};

/// The spread of a mean, point by point.
#[derive(Clone, Debug, Default)]
pub struct Band {
    /// NaN where there is no spread, as for one curve alone.
    low: Series,
    high: Series,
    counts: Vec<usize>,
}

/// A point of a mean: its lower and upper bound, and of how many curves it is the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandPoint {
    pub low: f64,
    pub high: f64,
    pub count: usize,
}

impl Band {
    /// Bounds in order of step: each with the point of the mean that they belong to.
    pub fn new(points: impl IntoIterator<Item = (Point, Option<(f64, f64)>, usize)>) -> Band {
        let mut band = Band::default();
        for (point, bounds, count) in points {
            let (low, high) = bounds.unwrap_or((f64::NAN, f64::NAN));
            if band.low.push(Point {
                value: low,
                ..point
            }) {
                band.counts.push(count);
            }
            band.high.push(Point {
                value: high,
                ..point
            });
        }
        band
    }

    /// The bounds at the point of this step; None where the mean has none.
    pub fn at(&self, step: u64) -> Option<BandPoint> {
        let at = self.low.steps.binary_search(&step).ok()?;
        Some(BandPoint {
            low: self.low.values[at],
            high: self.high.values[at],
            count: self.counts[at],
        })
    }

    /// The bounds at the point nearest to an x.
    pub fn near(&self, axis: XAxis, x: f64) -> Option<BandPoint> {
        self.at(self.low.nearest(axis, x)?.step)
    }

    /// How many curves the mean is of at each of its points.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The bounds of all points, in order of step.
    pub fn bounds(&self) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
        let low = self.low.values.iter().copied();
        low.zip(self.high.values.iter().copied())
    }

    /// The least and the greatest bound within `from..=to`.
    pub fn y_range(&self, axis: XAxis, from: f64, to: f64) -> Option<(f64, f64)> {
        let (low, _) = self.low.y_range(axis, from, to)?;
        let (_, high) = self.high.y_range(axis, from, to)?;
        Some((low, high))
    }

    /// The area to draw in a visible range: stretches of `(x, low, high)` without a gap, each with at most `columns`
    /// points and one beyond either edge. Where points are closer, one spans several.
    pub fn outline(
        &self,
        axis: XAxis,
        (from, to): (f64, f64),
        columns: usize,
    ) -> Vec<Vec<(f64, f64, f64)>> {
        let x = |at: usize| self.low.x(axis, at);
        let start = self.low.position(0, |at| x(at) < from);
        let end = self.low.position(start, |at| x(at) <= to);
        let (start, end) = (start.saturating_sub(1), (end + 1).min(self.low.len()));
        let each = (end - start).div_ceil(columns.max(1)).max(1);
        let mut stretches: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new()];
        for first in (start..end).step_by(each) {
            let block = first..(first + each).min(end);
            let has = |at: &usize| {
                let (low, high) = (self.low.values[*at], self.high.values[*at]);
                low.is_finite() && high.is_finite()
            };
            let found = block.clone().filter(has);
            let low = found.clone().map(|at| self.low.values[at]);
            let high = found.clone().map(|at| self.high.values[at]);
            let middle = found.clone().nth(found.clone().count() / 2);
            match (middle, low.reduce(f64::min), high.reduce(f64::max)) {
                (Some(middle), Some(low), Some(high)) => {
                    if let Some(stretch) = stretches.last_mut() {
                        stretch.push((x(middle), low, high));
                    }
                }
                _ => stretches.push(Vec::new()),
            }
        }
        stretches.retain(|stretch| !stretch.is_empty());
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Bounds = Option<(f64, f64)>;

    fn band(points: &[(u64, Bounds, usize)]) -> Band {
        Band::new(points.iter().map(|&(step, bounds, count)| {
            let point = Point {
                step,
                value: 0.0,
                wall_ms: step as i64 * 1000,
            };
            (point, bounds, count)
        }))
    }

    #[test]
    fn a_band_has_gaps_where_a_mean_is_of_one_curve() {
        let found = band(&[
            (1, Some((0.0, 2.0)), 2),
            (2, Some((1.0, 3.0)), 2),
            (3, None, 1),
            (4, Some((-1.0, 1.0)), 2),
        ]);
        assert_eq!(found.at(2).unwrap().high, 3.0);
        assert_eq!(found.at(3).unwrap().count, 1);
        assert_eq!(found.at(5), None);
        assert_eq!(found.y_range(XAxis::Step, 0.0, 9.0), Some((-1.0, 3.0)));
        assert_eq!(
            found.outline(XAxis::Step, (0.0, 9.0), 100),
            [
                vec![(1.0, 0.0, 2.0), (2.0, 1.0, 3.0)],
                vec![(4.0, -1.0, 1.0)]
            ]
        );
    }

    #[test]
    fn a_long_band_keeps_its_extremes() {
        let points: Vec<_> = (0..1000)
            .map(|step| (step, Some((-(step as f64), step as f64)), 3))
            .collect();
        let found = band(&points).outline(XAxis::Step, (0.0, 999.0), 50);
        assert_eq!(found.len(), 1);
        assert!(found[0].len() <= 51);
        assert_eq!(found[0].last().unwrap().2, 999.0);
    }
}
