//! As many points as a screen can show, and no extreme lost.
//!
//! Knows columns of pixels by their number only.

use super::{Series, XAxis};

/// What to draw of a visible range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polyline {
    /// `[x, y]`, all finite.
    points: Vec<[f64; 2]>,
    /// Where in `points` each line begins.
    starts: Vec<usize>,
    gaps: Vec<Gap>,
}

/// Non-finite values in one column of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Where the first of them stands.
    pub x: f64,
    pub count: usize,
}

impl Polyline {
    /// Every point of every line.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// The unbroken lines, in order of x. A line of one point is an island between non-finite values.
    pub fn lines(&self) -> impl Iterator<Item = &[[f64; 2]]> {
        self.starts.iter().enumerate().map(|(line, &start)| {
            let end = self.starts.get(line + 1).copied();
            &self.points[start..end.unwrap_or(self.points.len())]
        })
    }

    /// Where NaN and infinities are, at most one a column.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

impl Series {
    /// The points with x in `from..=to`, decimated to `columns` columns of pixels: of each column its
    /// least and its greatest value, in their order; and one neighbour beyond either edge, so that
    /// lines reach it. At most `2 * (columns + 1) + 2` points, in O(columns · log n).
    ///
    /// Columns lie at multiples of their width, so that the picture holds still while it is moved.
    pub fn decimate(&self, axis: XAxis, from: f64, to: f64, columns: usize) -> Polyline {
        let mut line = Drawing {
            series: self,
            axis,
            last: None,
            out: Polyline::default(),
        };
        let width = (to - from) / columns.max(1) as f64;
        if self.is_empty() || !from.is_finite() || !width.is_finite() || width < 0.0 {
            return line.out;
        }
        let start = self.position(0, |at| self.x(axis, at) < from);
        let end = self.position(start, |at| self.x(axis, at) <= to);

        if let Some(before) = start.checked_sub(1) {
            line.draw(before);
        }
        let mut at = start;
        let mut guess = 1;
        while at < end {
            let next = self.column_end(axis, width, at, end, guess);
            guess = next - at;
            if next - at <= 2 {
                (at..next).for_each(|i| line.draw(i));
            } else if let Some(found) = self.pyramid.extremes(&self.values, at, next) {
                line.draw(found.min_at.min(found.max_at));
                if found.min_at != found.max_at {
                    line.draw(found.min_at.max(found.max_at));
                }
            }
            line.mark_gap(at, next);
            at = next;
        }
        if end < self.len() {
            line.draw(end);
        }
        line.out
    }

    /// The first position after `at`, at most `end`, that falls into a later column. `guess` is the
    /// number of points in the column before: mostly this one holds about as many.
    fn column_end(&self, axis: XAxis, width: f64, at: usize, end: usize, guess: usize) -> usize {
        if width == 0.0 {
            return end;
        }
        let edge = ((self.x(axis, at) / width).floor() + 1.0) * width;
        let here = |i: usize| self.x(axis, i) < edge;
        // `low` is in this column (or is `at`), `high` is not (or is `end`). Gallop from the guess.
        let (mut low, mut high) = (at, end);
        let mut step = 1;
        let probe = (at + guess).min(end - 1);
        if here(probe) {
            low = probe;
            while low + step < high {
                if here(low + step) {
                    low += step;
                    step *= 2;
                } else {
                    high = low + step;
                }
            }
        } else {
            high = probe.max(at + 1);
            while low + step < high {
                if here(high - step) {
                    low = high - step;
                } else {
                    high -= step;
                    step *= 2;
                }
            }
        }
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if here(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    fn nonfinite_in(&self, start: usize, end: usize) -> &[usize] {
        let first = self.nonfinite.partition_point(|&at| at < start);
        let last = first + self.nonfinite[first..].partition_point(|&at| at < end);
        &self.nonfinite[first..last]
    }
}

struct Drawing<'a> {
    series: &'a Series,
    axis: XAxis,
    /// Position of the point drawn last.
    last: Option<usize>,
    out: Polyline,
}

impl Drawing<'_> {
    fn draw(&mut self, at: usize) {
        let value = self.series.values[at];
        if !value.is_finite() {
            return;
        }
        let joined = self
            .last
            .is_some_and(|last| self.series.nonfinite_in(last, at).is_empty());
        if !joined {
            self.out.starts.push(self.out.points.len());
        }
        self.out.points.push([self.series.x(self.axis, at), value]);
        self.last = Some(at);
    }

    fn mark_gap(&mut self, start: usize, end: usize) {
        let found = self.series.nonfinite_in(start, end);
        if let Some(&first) = found.first() {
            self.out.gaps.push(Gap {
                x: self.series.x(self.axis, first),
                count: found.len(),
            });
        }
    }
}
