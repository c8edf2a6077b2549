//! One metric over the steps of a run: points in order of step, with their wall time.
//!
//! Must not know where points come from or how they are drawn.

use std::sync::Arc;

use super::pyramid::Pyramid;

/// One recorded value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub step: u64,
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// The quantity along x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum XAxis {
    #[default]
    Step,
    /// Seconds since the first point.
    Relative,
    /// Seconds since the Unix epoch.
    Wall,
}

/// Points in order of step, no step twice, with what is needed to draw any part of them fast.
///
/// Non-finite values are kept and counted; they break the line instead of vanishing. Wall time never falls
/// with the step: after a clock is set back, it is constant until the clock catches up.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub(super) steps: Vec<u64>,
    pub(super) values: Vec<f64>,
    walls: Vec<i64>,
    /// Positions of non-finite values, ascending.
    pub(super) nonfinite: Vec<usize>,
    /// When recording resumed after a pause, in milliseconds since the Unix epoch, ascending.
    resumptions: Arc<[i64]>,
    pub(super) pyramid: Pyramid,
}

impl Series {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point. A step later than all others is appended; one that exists (a replayed step) gets the new
    /// value; an earlier one is inserted. True if appended.
    pub fn push(&mut self, point: Point) -> bool {
        let append = self.steps.last().is_none_or(|&last| last < point.step);
        let at = if append {
            self.steps.len()
        } else {
            self.steps.partition_point(|&step| step < point.step)
        };
        let replace = self.steps.get(at) == Some(&point.step);
        if replace {
            self.values[at] = point.value;
            self.walls[at] = point.wall_ms;
        } else {
            self.steps.insert(at, point.step);
            self.values.insert(at, point.value);
            self.walls.insert(at, point.wall_ms);
        }
        if append {
            if !point.value.is_finite() {
                self.nonfinite.push(at);
            }
        } else {
            self.recount(at);
        }
        self.settle_clock(at);
        self.pyramid.update(&self.values, at);
        append
    }

    /// Removes every point after `step`, for a run that resumes there.
    pub fn truncate_after(&mut self, step: u64) {
        let len = self.steps.partition_point(|&s| s <= step);
        self.steps.truncate(len);
        self.values.truncate(len);
        self.walls.truncate(len);
        self.nonfinite.retain(|&at| at < len);
        self.pyramid.update(&self.values, len);
    }

    /// Sets when recording resumed after a pause or an interruption, in milliseconds since the Unix epoch,
    /// ascending. Along time the line is broken there.
    pub fn set_resumptions(&mut self, resumptions: Arc<[i64]>) {
        self.resumptions = resumptions;
    }

    /// Positions of the first points after a pause, ascending; none along steps, which are contiguous.
    pub(super) fn breaks(&self, axis: XAxis) -> Vec<usize> {
        if axis == XAxis::Step {
            return Vec::new();
        }
        let first_after = |moment: &i64| self.walls.partition_point(|wall| wall < moment);
        let mut breaks: Vec<usize> = self.resumptions.iter().map(first_after).collect();
        breaks.retain(|&at| at > 0 && at < self.len());
        breaks.dedup();
        breaks
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Values that are NaN or infinite.
    pub fn nonfinite_count(&self) -> usize {
        self.nonfinite.len()
    }

    /// The point at a position.
    pub fn get(&self, at: usize) -> Option<Point> {
        Some(Point {
            step: *self.steps.get(at)?,
            value: self.values[at],
            wall_ms: self.walls[at],
        })
    }

    /// The last point, finite or not.
    pub fn last(&self) -> Option<Point> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Every point, in order of step.
    pub fn points(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        (0..self.len()).map(|at| Point {
            step: self.steps[at],
            value: self.values[at],
            wall_ms: self.walls[at],
        })
    }

    /// The x of the point at a position.
    pub fn x(&self, axis: XAxis, at: usize) -> f64 {
        match axis {
            XAxis::Step => self.steps[at] as f64,
            XAxis::Relative => (self.walls[at] - self.walls[0]) as f64 / 1e3,
            XAxis::Wall => self.walls[at] as f64 / 1e3,
        }
    }

    /// First and last x.
    pub fn x_range(&self, axis: XAxis) -> Option<(f64, f64)> {
        let last = self.len().checked_sub(1)?;
        Some((self.x(axis, 0), self.x(axis, last)))
    }

    /// Least and greatest finite value whose x lies in `from..=to`.
    pub fn y_range(&self, axis: XAxis, from: f64, to: f64) -> Option<(f64, f64)> {
        let start = self.position(0, |at| self.x(axis, at) < from);
        let end = self.position(start, |at| self.x(axis, at) <= to);
        let found = self.pyramid.extremes(&self.values, start, end)?;
        Some((found.min, found.max))
    }

    /// The point whose x is closest to `x`, the earlier of two as close.
    pub fn nearest(&self, axis: XAxis, x: f64) -> Option<Point> {
        let after = self.position(0, |at| self.x(axis, at) < x);
        let before = after.checked_sub(1);
        match (before, after < self.len()) {
            (Some(before), true) => {
                let closer = x - self.x(axis, before) <= self.x(axis, after) - x;
                self.get(if closer { before } else { after })
            }
            (Some(before), false) => self.get(before),
            (None, _) => self.get(after),
        }
    }

    /// The same points with other values, such as logarithms; non-finite ones break the line.
    pub fn mapped(&self, mut value: impl FnMut(f64) -> f64) -> Series {
        let mapped: Series = self
            .points()
            .map(|point| Point {
                value: value(point.value),
                ..point
            })
            .collect();
        Series {
            resumptions: self.resumptions.clone(),
            ..mapped
        }
    }

    /// The first position from `start` on that does not satisfy `before`, which must hold for a prefix.
    pub(super) fn position(&self, start: usize, before: impl Fn(usize) -> bool) -> usize {
        let (mut low, mut high) = (start, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn recount(&mut self, from: usize) {
        self.nonfinite.retain(|&at| at < from);
        let changed = (from..self.values.len()).filter(|&at| !self.values[at].is_finite());
        self.nonfinite.extend(changed);
    }

    fn settle_clock(&mut self, from: usize) {
        for at in from.max(1)..self.walls.len() {
            if self.walls[at] < self.walls[at - 1] {
                self.walls[at] = self.walls[at - 1];
            } else if at > from {
                break;
            }
        }
    }
}

impl FromIterator<Point> for Series {
    /// Points in any order of step; in rising order this is linear.
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        let mut points: Vec<Point> = points.into_iter().collect();
        if !points.is_sorted_by(|a, b| a.step < b.step) {
            points.sort_by_key(|point| point.step);
            // Of a step that is there twice, the later one counts, as in `push`.
            points.reverse();
            points.dedup_by_key(|point| point.step);
            points.reverse();
        }
        let mut series = Series {
            steps: points.iter().map(|point| point.step).collect(),
            values: points.iter().map(|point| point.value).collect(),
            walls: points.iter().map(|point| point.wall_ms).collect(),
            ..Series::default()
        };
        series.recount(0);
        for at in 1..series.walls.len() {
            series.walls[at] = series.walls[at].max(series.walls[at - 1]);
        }
        series.pyramid.update(&series.values, 0);
        series
    }
}
