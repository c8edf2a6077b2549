//! Decimation to as many points as a screen can show, without losing extremes.

use std::cmp::Ordering;
use std::ops::Range;

use super::pyramid::Extremes;
use super::{Series, XAxis};

/// The lines to draw in a visible range.
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
    /// The x of the first of them.
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
    /// lines reach it. At most `2 * (columns + 1) + 2` points, in O(columns) for points evenly spaced.
    ///
    /// Columns start at multiples of their width, so that the picture does not flicker while it is moved. Values
    /// are assigned to them in blocks of the pyramid at most half a column wide, by the first of the block.
    pub fn decimate(&self, axis: XAxis, from: f64, to: f64, columns: usize) -> Polyline {
        let width = (to - from) / columns.max(1) as f64;
        if self.is_empty() || !from.is_finite() || !width.is_finite() || width < 0.0 {
            return Polyline::default();
        }
        let start = self.position(0, |at| self.x(axis, at) < from);
        let end = self.position(start, |at| self.x(axis, at) <= to);
        let mut line = Drawing {
            along: Along::new(self, axis, start..end),
            series: self,
            breaks: self.breaks(axis),
            last: None,
            out: Polyline::default(),
        };
        line.out
            .points
            .reserve(2 * (columns + 2).min(end - start) + 2);
        if let Some(before) = start.checked_sub(1) {
            line.draw(before);
        }
        line.draw_columns(start..end, width);
        if end < self.len() {
            line.draw(end);
        }
        line.out
    }

    fn nonfinite_in(&self, start: usize, end: usize) -> &[usize] {
        let first = self.nonfinite.partition_point(|&at| at < start);
        let last = first + self.nonfinite[first..].partition_point(|&at| at < end);
        &self.nonfinite[first..last]
    }
}

/// The x of points. For contiguous steps it is computed from the first, without memory accesses.
#[derive(Clone, Copy)]
struct Along<'a> {
    series: &'a Series,
    axis: XAxis,
    /// Positions of such steps: from, to, and the step of the first.
    unbroken: (usize, usize, u64),
}

impl<'a> Along<'a> {
    fn new(series: &'a Series, axis: XAxis, range: Range<usize>) -> Self {
        let mut unbroken = (0, 0, 0);
        if axis == XAxis::Step
            && let [first, .., last] = series.steps[range.clone()]
            && last - first == (range.len() - 1) as u64
        {
            unbroken = (range.start, range.end, first);
        }
        Along {
            series,
            axis,
            unbroken,
        }
    }

    fn x(&self, at: usize) -> f64 {
        let (from, to, first) = self.unbroken;
        match at >= from && at < to {
            true => (first + (at - from) as u64) as f64,
            false => self.series.x(self.axis, at),
        }
    }
}

struct Drawing<'a> {
    series: &'a Series,
    along: Along<'a>,
    /// Positions at which another line begins, ascending.
    breaks: Vec<usize>,
    /// Position of the point drawn last.
    last: Option<usize>,
    out: Polyline,
}

impl Drawing<'_> {
    fn draw_columns(&mut self, range: Range<usize>, width: f64) {
        let (along, pyramid, values) = (self.along, &self.series.pyramid, &self.series.values);
        let column_of = |x: f64| match width > 0.0 {
            true => (x / width).floor(),
            false => 0.0,
        };
        // The current column: its first position, its number, and its extremes.
        let (mut begin, mut column, mut found) = (range.start, f64::NAN, Extremes::NONE);
        let mut at = range.start;
        let mut exponent = 0;
        while at < range.end {
            let first = along.x(at);
            let fits = |exponent: u32| {
                let length = 1 << exponent;
                at.is_multiple_of(length)
                    && length <= range.end - at
                    && along.x(at + length - 1) - first <= 0.5 * width
            };
            // Mostly the block is about as long as the one before.
            while exponent > 0 && !fits(exponent) {
                exponent -= 1;
            }
            while fits(exponent + 1) {
                exponent += 1;
            }
            let here = column_of(first);
            if here != column {
                self.draw_column(begin..at, &found);
                (begin, column, found) = (at, here, Extremes::NONE);
            }
            found.merge(&pyramid.block(values, at, exponent));
            at += 1 << exponent;
        }
        self.draw_column(begin..range.end, &found);
    }

    fn draw_column(&mut self, column: Range<usize>, found: &Extremes) {
        if column.len() <= 2 {
            column.clone().for_each(|at| self.draw(at));
        } else if found.is_some() {
            self.draw_extremes(found, column.clone());
        }
        self.mark_gap(column);
    }

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
        self.out.points.push([self.along.x(at), value]);
        self.last = Some(at);
    }

    /// Draws the least and the greatest value of a column, in their order.
    fn draw_extremes(&mut self, found: &Extremes, column: Range<usize>) {
        let (first, second) = (
            found.min_at.min(found.max_at),
            found.min_at.max(found.max_at),
        );
        if !self.last.is_some_and(|last| self.joined(last, column.end)) {
            self.draw(first);
            if first != second {
                self.draw(second);
            }
            return;
        }
        let x = |at: usize| self.along.x(at);
        let (least, most) = ([x(found.min_at), found.min], [x(found.max_at), found.max]);
        match found.min_at.cmp(&found.max_at) {
            Ordering::Less => self.out.points.extend([least, most]),
            Ordering::Equal => self.out.points.push(least),
            Ordering::Greater => self.out.points.extend([most, least]),
        }
        self.last = Some(second);
    }

    fn mark_gap(&mut self, column: Range<usize>) {
        let found = self.series.nonfinite_in(column.start, column.end);
        if let Some(&first) = found.first() {
            self.out.gaps.push(Gap {
                x: self.along.x(first),
                count: found.len(),
            });
        }
    }
}
