//! Dropout that is asked for, with a generator of its own.
//!
//! Masks come from the host, so that runs on several threads do not share a generator and a resumed
//! run draws what it would have drawn.

use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Whether and how activations are dropped in a forward pass.
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

    /// Applies it to `x`.
    pub fn apply<const D: usize>(&mut self, x: Tensor<D>) -> Tensor<D> {
        let Some((rate, random)) = &mut self.0 else {
            return x;
        };
        let shape = x.dims();
        let mut bytes = vec![0_u8; 2 * shape.iter().product::<usize>()];
        random.fill_bytes(&mut bytes);
        let threshold = (*rate * 65_536.0) as u16;
        let kept = (1.0 / (1.0 - *rate)) as f32;
        let mask: Vec<f32> = bytes
            .chunks_exact(2)
            .map(|pair| {
                if u16::from_le_bytes([pair[0], pair[1]]) < threshold {
                    0.0
                } else {
                    kept
                }
            })
            .collect();
        let device = x.device().without_autodiff();
        x * Tensor::from_data(TensorData::new(mask, shape), &device)
    }
}
