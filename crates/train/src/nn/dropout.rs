//! Dropout as an argument of the forward pass, with a random generator of its own.
//!
//! Masks are drawn on the host, so that runs on several threads do not share a generator and a resumed run
//! draws the same masks.

use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::host::Host;

/// Dropout of one forward pass, or none.
pub struct Dropout {
    rate: f64,
    /// None where nothing is dropped.
    random: Option<ChaCha8Rng>,
}

impl Dropout {
    /// Nothing is dropped: rollouts, PPO updates, evaluation.
    pub fn off() -> Self {
        Dropout {
            rate: 0.0,
            random: None,
        }
    }

    /// Each activation is dropped with probability `rate`; the others are scaled up. An adapter has a rate of its own.
    pub fn new(rate: f64, seed: u64) -> Self {
        Dropout {
            rate,
            random: Some(ChaCha8Rng::seed_from_u64(seed)),
        }
    }

    #[cfg(feature = "tch")]
    pub(super) fn is_off(&self) -> bool {
        self.random.is_none() || self.rate == 0.0
    }

    pub fn apply<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        self.apply_at(self.rate, x)
    }

    /// As [`Dropout::apply`] with another rate; nothing is dropped where it is off.
    pub(super) fn apply_at<const D: usize>(&mut self, rate: f64, x: Tensor<D>) -> Tensor<D> {
        match self.draw(rate, x.dims()) {
            None => x,
            Some(factors) => {
                let device = x.device().without_autodiff();
                x * Tensor::from_data(factors, &device)
            }
        }
    }

    /// The factors of [`Dropout::apply`] for a tensor of this shape; `None` if it is off.
    pub(super) fn factors<const D: usize>(&mut self, shape: [usize; D]) -> Option<Host> {
        self.draw(self.rate, shape).map(Host::from)
    }

    fn draw<const D: usize>(&mut self, rate: f64, shape: [usize; D]) -> Option<TensorData> {
        let random = self.random.as_mut().filter(|_| rate > 0.0)?;
        let mut bytes = vec![0_u8; 2 * shape.iter().product::<usize>()];
        random.fill_bytes(&mut bytes);
        let threshold = (rate * 65_536.0) as u16;
        let kept = (1.0 / (1.0 - rate)) as f32;
        let (pairs, _) = bytes.as_chunks::<2>();
        let factors: Vec<f32> = pairs
            .iter()
            .map(|pair| match u16::from_le_bytes(*pair) < threshold {
                true => 0.0,
                false => kept,
            })
            .collect();
        Some(TensorData::new(factors, shape))
    }
}
