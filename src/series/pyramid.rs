//! Minimum and maximum of any range of an array, in O(log n).
//!
//! Knows values by position only; non-finite values are passed over.

/// Entries that one entry of the next level sums up.
const FAN: usize = 8;

/// The least and the greatest finite value of a block and where they are; of equal ones the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    pub min: f64,
    pub max: f64,
    pub min_at: usize,
    pub max_at: usize,
}

/// Level `k` holds the extremes of blocks of `FAN^(k+1)` values.
#[derive(Clone, Debug, Default)]
pub(super) struct Pyramid {
    levels: Vec<Vec<Extremes>>,
}

impl Pyramid {
    /// The length of the longest block of at most `len` values; 1 where there is none.
    pub fn block_below(len: usize) -> usize {
        let mut block = 1;
        while block * FAN <= len {
            block *= FAN;
        }
        block
    }

    /// Takes note of `values[from..]`, which changed, grew or shrank; what lies before is unchanged.
    pub fn update(&mut self, values: &[f64], from: usize) {
        let mut first = from / FAN;
        let mut below = values.len();
        let mut level = 0;
        while below > FAN {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let (lower, upper) = self.levels.split_at_mut(level);
            let blocks = &mut upper[0];
            first = first.min(blocks.len());
            blocks.truncate(first);
            for block in first..below.div_ceil(FAN) {
                let range = block * FAN..((block + 1) * FAN).min(below);
                let mut sum = Extremes::NONE;
                match lower.last() {
                    None => range.for_each(|at| sum.take(&Extremes::of(values, at))),
                    Some(entries) => entries[range].iter().for_each(|entry| sum.take(entry)),
                }
                blocks.push(sum);
            }
            below = blocks.len();
            first /= FAN;
            level += 1;
        }
        self.levels.truncate(level);
    }

    /// The extremes of `values[start..end]`; None when no value there is finite.
    pub fn extremes(&self, values: &[f64], start: usize, end: usize) -> Option<Extremes> {
        let (mut start, mut end) = (start, end.min(values.len()));
        let mut found = Extremes::NONE;
        let mut level = 0;
        while start < end {
            let top = level == self.levels.len();
            let mut take = |range: std::ops::Range<usize>| match level {
                0 => range.for_each(|at| found.take(&Extremes::of(values, at))),
                _ => self.levels[level - 1][range]
                    .iter()
                    .for_each(|entry| found.take(entry)),
            };
            let left = start.next_multiple_of(FAN);
            let right = end - end % FAN;
            if top || left > right {
                take(start..end);
                break;
            }
            take(start..left);
            take(right..end);
            start = left / FAN;
            end = right / FAN;
            level += 1;
        }
        (found.min_at != usize::MAX).then_some(found)
    }
}

impl Extremes {
    const NONE: Extremes = Extremes {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        min_at: usize::MAX,
        max_at: usize::MAX,
    };

    fn of(values: &[f64], at: usize) -> Extremes {
        let value = values[at];
        if value.is_finite() {
            Extremes {
                min: value,
                max: value,
                min_at: at,
                max_at: at,
            }
        } else {
            Extremes::NONE
        }
    }

    fn take(&mut self, other: &Extremes) {
        if other.min < self.min || (other.min == self.min && other.min_at < self.min_at) {
            self.min = other.min;
            self.min_at = other.min_at;
        }
        if other.max > self.max || (other.max == self.max && other.max_at < self.max_at) {
            self.max = other.max;
            self.max_at = other.max_at;
        }
    }
}
