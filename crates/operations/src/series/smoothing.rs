//! Smoothing by a debiased exponential moving average.

/// A debiased exponential moving average.
///
/// With weight `w` the n-th output is `Σ_k w^(n-k) v_k / Σ_k w^(n-k)` over the finite values so far, so
/// that the first outputs are not drawn towards zero. Non-finite values pass through unchanged and
/// leave no trace in what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    weight: f64,
    mean: f64,
    /// `w^n` for the n values so far.
    decay: f64,
}

impl Ema {
    /// `weight` 0 changes nothing; the closer to 1, the smoother. Clamped to 0..=0.9999.
    pub fn new(weight: f64) -> Self {
        let weight = if weight.is_nan() { 0.0 } else { weight };
        Ema {
            weight: weight.clamp(0.0, 0.9999),
            mean: 0.0,
            decay: 1.0,
        }
    }

    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The smoothed value after `value`.
    pub fn push(&mut self, value: f64) -> f64 {
        // A step from the mean would lose digits of a small value after a large one.
        if !value.is_finite() || self.weight == 0.0 {
            return value;
        }
        self.decay *= self.weight;
        let share = (1.0 - self.weight) / (1.0 - self.decay);
        // As a step from the mean, so that constant values stay exactly constant.
        let stepped = self.mean + share * (value - self.mean);
        self.mean = if stepped.is_finite() {
            stepped
        } else {
            self.mean * (1.0 - share) + value * share
        };
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_weight_every_value_stays_what_it_is() {
        let mut none = Ema::new(0.0);
        for value in [1e308, 0.5, -1e308, 0.1, 1e6, 0.1] {
            assert_eq!(none.push(value), value);
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut half = Ema::new(0.5);
        assert_eq!(half.push(1e308), 1e308);
        let second = half.push(-1e308);
        assert!((second / 1e308 + 1.0 / 3.0).abs() < 1e-12, "{second}");
    }
}
