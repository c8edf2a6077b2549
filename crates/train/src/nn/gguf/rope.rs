//! Llama 3.1's scaling of rotary positions, found again from the divisors of frequencies that llama.cpp made of it.

use serde_json::{Value, json};

/// Llama 3.1's scaling of rotary positions, of which only the factor differs between models.
pub(super) struct Llama3Scaling {
    factor: f64,
}

impl Llama3Scaling {
    const LOW: f64 = 1.0;
    const HIGH: f64 = 4.0;
    const CONTEXT: f64 = 8_192.0;

    /// The scaling that has these divisors.
    pub fn of(divisors: &[f32], base: f64, head_dim: usize) -> Option<Self> {
        // The slowest frequency is divided by the factor itself.
        let scaling = Llama3Scaling {
            factor: f64::from(*divisors.last()?),
        };
        let close = |(at, found): (usize, &f32)| {
            let frequency = base.powf(-2.0 * at as f64 / head_dim as f64);
            let expected = scaling.divisor(frequency);
            (f64::from(*found) - expected).abs() <= 1e-4 * expected
        };
        let same = divisors.len() == head_dim / 2 && divisors.iter().enumerate().all(close);
        (same && scaling.factor >= 1.0).then_some(scaling)
    }

    /// What a frequency is divided by.
    fn divisor(&self, frequency: f64) -> f64 {
        let turns = Self::CONTEXT * frequency / std::f64::consts::TAU;
        if turns > Self::HIGH {
            return 1.0;
        }
        if turns < Self::LOW {
            return self.factor;
        }
        let smooth = (turns - Self::LOW) / (Self::HIGH - Self::LOW);
        1.0 / ((1.0 - smooth) / self.factor + smooth)
    }

    pub fn json(&self) -> Value {
        json!({
            "rope_type": "llama3",
            "factor": self.factor,
            "low_freq_factor": Self::LOW,
            "high_freq_factor": Self::HIGH,
            "original_max_position_embeddings": Self::CONTEXT as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transformers' `_compute_llama3_parameters` for a head of 16, base 500 000, factor 8.
    const DIVISORS: [f32; 8] = [1.0, 1.0, 1.0, 1.0, 2.694_530_2, 8.0, 8.0, 8.0];

    #[test]
    fn the_scaling_is_that_which_has_these_divisors() {
        let found = Llama3Scaling::of(&DIVISORS, 500_000.0, 16).unwrap();
        assert_eq!(found.json()["factor"], 8.0);
        assert_eq!(found.json()["rope_type"], "llama3");
    }

    #[test]
    fn other_divisors_are_none_of_llama_3() {
        let mut other = DIVISORS;
        other[4] = 3.0;
        assert!(Llama3Scaling::of(&other, 500_000.0, 16).is_none());
        assert!(Llama3Scaling::of(&DIVISORS, 10_000.0, 16).is_none());
        assert!(Llama3Scaling::of(&DIVISORS[..7], 500_000.0, 16).is_none());
        assert!(Llama3Scaling::of(&[], 500_000.0, 16).is_none());
        assert!(Llama3Scaling::of(&[0.5; 8], 500_000.0, 16).is_none());
    }
}
