//! Minimum and maximum of any range of an array, in O(log n).
//!
//! Knows values by position only; ignores non-finite values.

use std::ops::Range;

/// Values that one entry of the lowest level sums up, as a power of two.
const BASE: u32 = 4;

/// The least and the greatest finite value of a block and where they are; of equal ones the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    pub min: f64,
    pub max: f64,
    pub min_at: usize,
    pub max_at: usize,
}

/// Level `k` has the extremes of blocks of `2^(BASE + k)` values, the last of which may be shorter.
#[derive(Clone, Debug, Default)]
pub(super) struct Pyramid {
    levels: Vec<Vec<Extremes>>,
}

impl Pyramid {
    /// Updates after `values[from..]` changed, grew or shrank.
    pub fn update(&mut self, values: &[f64], from: usize) {
        let mut first = from >> BASE;
        let mut blocks = values.len().div_ceil(1 << BASE);
        let mut level = 0;
        while blocks > 0 {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let (lower, upper) = self.levels.split_at_mut(level);
            let entries = &mut upper[0];
            first = first.min(entries.len());
            entries.truncate(first);
            entries.extend((first..blocks).map(|block| match lower.last() {
                None => {
                    let end = ((block + 1) << BASE).min(values.len());
                    Extremes::among(values, block << BASE..end)
                }
                Some(below) => {
                    let mut sum = below[2 * block];
                    if let Some(other) = below.get(2 * block + 1) {
                        sum.merge(other);
                    }
                    sum
                }
            }));
            level += 1;
            if blocks == 1 {
                break;
            }
            first /= 2;
            blocks = blocks.div_ceil(2);
        }
        self.levels.truncate(level);
    }

    /// The extremes of `values[start..start + 2^exponent]`; `start` is a multiple of that length, and all of
    /// it is there.
    pub fn block(&self, values: &[f64], start: usize, exponent: u32) -> Extremes {
        match exponent.checked_sub(BASE) {
            Some(level) => self.levels[level as usize][start >> exponent],
            None => Extremes::among(values, start..start + (1 << exponent)),
        }
    }

    /// The extremes of `values[start..end]`; None when no value there is finite.
    pub fn extremes(&self, values: &[f64], start: usize, end: usize) -> Option<Extremes> {
        let (mut start, end) = (start, end.min(values.len()));
        let mut found = Extremes::NONE;
        while start < end {
            // The longest block that begins here and is over by the end.
            let aligned = start.trailing_zeros();
            let exponent = aligned.min((end - start).ilog2());
            found.merge(&self.block(values, start, exponent));
            start += 1 << exponent;
        }
        found.is_some().then_some(found)
    }
}

impl Extremes {
    pub const NONE: Extremes = Extremes {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        min_at: usize::MAX,
        max_at: usize::MAX,
    };

    /// Whether there was a finite value.
    pub fn is_some(&self) -> bool {
        self.min_at != usize::MAX
    }

    fn among(values: &[f64], range: Range<usize>) -> Extremes {
        let mut found = Extremes::NONE;
        for (at, &value) in range.clone().zip(&values[range]) {
            if !value.is_finite() {
                continue;
            }
            if value < found.min {
                (found.min, found.min_at) = (value, at);
            }
            if value > found.max {
                (found.max, found.max_at) = (value, at);
            }
        }
        found
    }

    /// Merges those of a later block.
    pub fn merge(&mut self, later: &Extremes) {
        if later.min < self.min {
            (self.min, self.min_at) = (later.min, later.min_at);
        }
        if later.max > self.max {
            (self.max, self.max_at) = (later.max, later.max_at);
        }
    }
}
