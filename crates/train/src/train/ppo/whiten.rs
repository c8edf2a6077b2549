//! Whitening over the real tokens of a batch, and the moments it needs.
//! Rows are responses and hold real tokens only, so that no padding can leak in.

/// Which estimate of the variance is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    /// Divides by `n`.
    Biased,
    /// Divides by `n - 1`; 0 for fewer than two numbers.
    Unbiased,
}

/// Mean, variance and count of the numbers in some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    pub mean: f64,
    pub variance: f64,
    pub count: usize,
}

impl Moments {
    /// `x` as [`whiten`] transforms it in rows with these moments.
    pub fn whitened(&self, x: f32, shift_mean: bool) -> f32 {
        let scale = 1.0 / (self.variance + 1e-8).sqrt();
        let offset = if shift_mean { 0.0 } else { self.mean };
        ((f64::from(x) - self.mean) * scale + offset) as f32
    }
}

/// Moments over all numbers of all rows; zeros if there are none.
pub fn moments(rows: &[Vec<f32>], variance: Variance) -> Moments {
    let numbers = || rows.iter().flatten().map(|x| f64::from(*x));
    let count = numbers().count();
    if count == 0 {
        return Moments::default();
    }
    let mean = numbers().sum::<f64>() / count as f64;
    let divisor = match variance {
        Variance::Biased => count,
        Variance::Unbiased => (count - 1).max(1),
    };
    let variance = numbers().map(|x| (x - mean).powi(2)).sum::<f64>() / divisor as f64;
    Moments {
        mean,
        variance,
        count,
    }
}

/// Scales all numbers of all rows to unit variance, `(x - mean) / sqrt(variance + 1e-8)`. The mean
/// becomes 0 with `shift_mean`; without it the mean is added back.
///
/// Advantages are whitened with [`Variance::Unbiased`] and `shift_mean`, rewards without `shift_mean`.
/// A single number becomes 0 with `shift_mean` and is unchanged without.
pub fn whiten(rows: &mut [Vec<f32>], variance: Variance, shift_mean: bool) {
    let moments = moments(rows, variance);
    for x in rows.iter_mut().flatten() {
        *x = moments.whitened(*x, shift_mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_by_three_case_of_the_published_notes() {
        let rows = vec![
            vec![1.2, 1.3, 1.4],
            vec![1.5, 1.6, 1.7],
            vec![1.8, 1.9, 2.0],
        ];
        for (variance, first) in [(Variance::Biased, 0.0508), (Variance::Unbiased, 0.1394)] {
            let mut rows = rows.clone();
            whiten(&mut rows, variance, false);
            assert!((rows[0][0] - first).abs() < 5e-5, "{}", rows[0][0]);
        }
    }

    #[test]
    fn rows_of_any_length_count_by_their_tokens() {
        let mut rows = vec![vec![1.0], vec![], vec![2.0, 3.0, 4.0]];
        whiten(&mut rows, Variance::Unbiased, true);
        let after = moments(&rows, Variance::Unbiased);
        assert!(after.mean.abs() < 1e-6 && (after.variance - 1.0).abs() < 1e-6);
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 3]);
    }

    #[test]
    fn none_one_or_equal_numbers_give_no_nan() {
        for variance in [Variance::Biased, Variance::Unbiased] {
            let mut none: Vec<Vec<f32>> = vec![vec![], vec![]];
            whiten(&mut none, variance, true);
            let mut one = vec![vec![], vec![3.0]];
            whiten(&mut one, variance, true);
            assert_eq!(one[1], [0.0]);
            let mut one = vec![vec![3.0]];
            whiten(&mut one, variance, false);
            assert_eq!(one[0], [3.0]);
            let mut equal = vec![vec![0.5, 0.5], vec![0.5]];
            whiten(&mut equal, variance, true);
            assert_eq!(equal, [vec![0.0, 0.0], vec![0.0]]);
        }
    }
}
