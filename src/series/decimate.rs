//! As many points as a screen can show, and no extreme lost.
//!
//! Knows columns of pixels by their number only.

use std::cmp::Ordering;
use std::ops::Range;

use super::pyramid::{Extremes, Pyramid};
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

    /// The unbroken lines, in order of x. A line of one point is an island between non-finite values or
    /// pauses.
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
            breaks: self.breaks(axis),
            last: None,
            out: Polyline::default(),
        };
        let width = (to - from) / columns.max(1) as f64;
        if self.is_empty() || !from.is_finite() || !width.is_finite() || width < 0.0 {
            return line.out;
        }
        let start = self.position(0, |at| self.x(axis, at) < from);
        let end = self.position(start, |at| self.x(axis, at) <= to);

        line.out
            .points
            .reserve(2 * (columns + 2).min(end - start) + 2);
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
                line.draw_extremes(&found, at..next);
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
    ///
    /// Where a column holds many points, its end is the next position that blocks of the pyramid end
    /// at, at most a fourth of a column later: each value still falls into one column, and a column is a few
    /// whole blocks.
    fn column_end(&self, axis: XAxis, width: f64, at: usize, end: usize, guess: usize) -> usize {
        if width == 0.0 {
            return end;
        }
        let edge = ((self.x(axis, at) / width).floor() + 1.0) * width;
        let mut block = Pyramid::block_below(guess / 4);
        let first = (at / block + 1) * block;
        if first >= end || self.x(axis, first) >= edge {
            // Points became fewer than in the column before.
            block = 1;
        }
        let origin = at / block;
        let here = |n: usize| self.x(axis, (origin + n) * block) < edge;
        // In blocks from `origin`: `low` is in this column (or holds `at`), `high` is not (or is at `end`).
        let (mut low, mut high) = (0, end.div_ceil(block) - origin);
        let mut step = 1;
        let probe = (guess / block).clamp(1, (high - 1).max(1));
        if probe < high && here(probe) {
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
            high = probe;
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
        ((origin + high) * block).min(end)
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
    /// Positions at which another line begins, ascending.
    breaks: Vec<usize>,
    /// Position of the point drawn last.
    last: Option<usize>,
    out: Polyline,
}

impl Drawing<'_> {
    /// Whether one line goes from `last` to `at`: no pause and nothing non-finite lies between.
    fn joined(&self, last: usize, at: usize) -> bool {
        let next = self.breaks.partition_point(|&first| first <= last);
        let paused = self.breaks.get(next).is_some_and(|&first| first <= at);
        !paused && self.series.nonfinite_in(last, at).is_empty()
    }

    fn draw(&mut self, at: usize) {
        let value = self.series.values[at];
        if !value.is_finite() {
            return;
        }
        if !self.last.is_some_and(|last| self.joined(last, at)) {
            self.out.starts.push(self.out.points.len());
        }
        self.out.points.push([self.series.x(self.axis, at), value]);
        self.last = Some(at);
    }

    /// Draws the least and the greatest value of a column, in their order.
    fn draw_extremes(&mut self, found: &Extremes, column: Range<usize>) {
        let (series, axis) = (self.series, self.axis);
        if !self.last.is_some_and(|last| self.joined(last, column.end)) {
            self.draw(found.min_at.min(found.max_at));
            if found.min_at != found.max_at {
                self.draw(found.min_at.max(found.max_at));
            }
            return;
        }
        // Steps that follow one another tell every x from the first: no look at memory far apart.
        let steps = &series.steps[column.clone()];
        let unbroken =
            axis == XAxis::Step && steps[steps.len() - 1] - steps[0] == steps.len() as u64 - 1;
        let x = |at: usize| match unbroken {
            true => (steps[0] + (at - column.start) as u64) as f64,
            false => series.x(axis, at),
        };
        let (least, most) = ([x(found.min_at), found.min], [x(found.max_at), found.max]);
        match found.min_at.cmp(&found.max_at) {
            Ordering::Less => self.out.points.extend([least, most]),
            Ordering::Equal => self.out.points.push(least),
            Ordering::Greater => self.out.points.extend([most, least]),
        }
        self.last = Some(found.min_at.max(found.max_at));
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
