//! Percentile bootstrap: intervals of figures over resampled items. Knows items by index only.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure over all items.
    pub value: f64,
    /// 2.5th percentile over the resamples.
    pub low: f64,
    /// 97.5th percentile over the resamples.
    pub high: f64,
}

impl Estimate {
    /// The figure of no items.
    pub const NOTHING: Estimate = Estimate {
        value: 0.0,
        low: 0.0,
        high: 0.0,
    };

    /// A figure with the percentiles of its resamples, in any order; those that are not finite are ignored.
    pub(super) fn of_resamples(value: f64, mut resamples: Vec<f64>) -> Estimate {
        resamples.retain(|figure| figure.is_finite());
        resamples.sort_unstable_by(f64::total_cmp);
        Estimate {
            value,
            low: percentile(&resamples, 0.025).unwrap_or(value),
            high: percentile(&resamples, 0.975).unwrap_or(value),
        }
    }

    /// Clips the interval to `least..=most`.
    pub fn within(self, least: f64, most: f64) -> Estimate {
        Estimate {
            low: self.low.max(least),
            high: self.high.min(most),
            ..self
        }
    }
}

/// How to resample. The same settings and number of items always draw the same items, so that figures computed
/// separately are still paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    pub resamples: usize,
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap {
            resamples: 1000,
            seed: 0,
        }
    }
}

impl Bootstrap {
    /// The figure over `items` items and its percentile interval; none without items or where the
    /// figure itself is undefined.
    ///
    /// `figure` gets indices of items, some repeated; resamples for which it is not finite are ignored.
    pub fn estimate(
        &self,
        items: usize,
        mut figure: impl FnMut(&[usize]) -> f64,
    ) -> Option<Estimate> {
        let all: Vec<usize> = (0..items).collect();
        if all.is_empty() {
            return None;
        }
        let value = Some(figure(&all)).filter(|value| value.is_finite())?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = all;
        let mut figures = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            drawn.fill_with(|| rng.random_range(0..items));
            figures.push(figure(&drawn));
        }
        Some(Estimate::of_resamples(value, figures))
    }

    /// `first - second` over the same items, paired: each resample takes the same items of both.
    pub fn difference(
        &self,
        items: usize,
        mut first: impl FnMut(&[usize]) -> f64,
        mut second: impl FnMut(&[usize]) -> f64,
    ) -> Option<Estimate> {
        self.estimate(items, |drawn| first(drawn) - second(drawn))
    }
}

/// Percentile of sorted values (`share` from 0 to 1), between two of them by linear interpolation.
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> impl Fn(&[usize]) -> f64 {
        move |drawn| drawn.iter().map(|&i| values[i]).sum::<f64>() / drawn.len() as f64
    }

    #[test]
    fn percentiles_interpolate() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(percentile(&values, 0.5), Some(2.5));
        assert_eq!(percentile(&values, 1.0), Some(4.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let estimate = Bootstrap::default().estimate(400, mean(&values)).unwrap();
        // Standard deviation sqrt((20² - 1) / 12), standard error that / 20.
        let half = 1.96 * (399.0f64 / 12.0).sqrt() / 20.0;
        assert_eq!(estimate.value, 9.5);
        assert!((estimate.low - (9.5 - half)).abs() < 0.06, "{estimate:?}");
        assert!((estimate.high - (9.5 + half)).abs() < 0.06, "{estimate:?}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * i)).collect();
        let with = |seed| {
            let bootstrap = Bootstrap {
                resamples: 100,
                seed,
            };
            bootstrap.estimate(50, mean(&values))
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn pairs_are_drawn_together() {
        let first: Vec<f64> = (0..50).map(|i| f64::from(i * i)).collect();
        let second: Vec<f64> = first.iter().map(|value| value - 3.0).collect();
        let difference = Bootstrap::default().difference(50, mean(&first), mean(&second));
        let difference = difference.unwrap();
        assert!((difference.low - 3.0).abs() < 1e-9 && (difference.high - 3.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_gives_no_estimate() {
        assert_eq!(Bootstrap::default().estimate(0, |_| 1.0), None);
        assert_eq!(Bootstrap::default().estimate(3, |_| f64::NAN), None);
    }
}
