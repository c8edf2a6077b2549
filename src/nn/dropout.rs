//! Dropout as an argument of the forward pass, with a random generator of its own.
//!
//! Masks are drawn on the host, so that runs on several threads do not share a generator and a resumed run
//! draws the same masks.

use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::host::Host;

/// Dropout of one forward pass, or none.
pub struct Dropout(Option<(f64, ChaCha8Rng)>);

impl Dropout {
    /// Nothing is dropped: rollouts, PPO updates, evaluation.
    pub fn off() -> Self {
        Dropout(None)
    }

    /// Each activation is dropped with probability `rate`; the others are scaled up.
    pub fn new(rate: f64, seed: u64) -> Self {
        Dropout((rate > 0.0).then(|| (rate, ChaCha8Rng::seed_from_u64(seed))))
    }

    pub fn apply<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        match self.draw(x.dims()) {
            None => x,
            Some(factors) => {
                let device = x.device().without_autodiff();
                x * Tensor::from_data(factors, &device)
            }
        }
    }

    /// The factors of [`Dropout::apply`] for a tensor of this shape; `None` if it is off.
    pub(super) fn factors<const D: usize>(&mut self, shape: [usize; D]) -> Option<Host> {
        self.draw(shape).map(Host::from)
    }

    fn draw<const D: usize>(&mut self, shape: [usize; D]) -> Option<TensorData> {
        let (rate, random) = self.0.as_mut()?;
        let mut bytes = vec![0_u8; 2 * shape.iter().product::<usize>()];
        random.fill_bytes(&mut bytes);
        let threshold = (*rate * 65_536.0) as u16;
        let kept = (1.0 / (1.0 - *rate)) as f32;
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
