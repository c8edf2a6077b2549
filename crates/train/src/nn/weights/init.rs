//! Initial values of a network's parameters: drawn by seed, or none until a file fills them.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Creates the parameters of a new network.
pub struct ParamInit<'a> {
    /// None for a network that a file will fill.
    random: Option<ChaCha8Rng>,
    device: &'a Device,
}

impl<'a> ParamInit<'a> {
    /// Draws every parameter, the same on every device.
    pub fn seeded(seed: u64, device: &'a Device) -> Self {
        ParamInit {
            random: Some(ChaCha8Rng::seed_from_u64(seed)),
            device,
        }
    }

    /// Parameters with a shape but without memory, to be filled by
    /// [`WeightsFile::load`](super::WeightsFile::load).
    pub fn empty(device: &'a Device) -> Self {
        ParamInit {
            random: None,
            device,
        }
    }

    /// The same value everywhere.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.param(shape, |_| vec![value; shape.iter().product()])
    }

    /// Normal with mean 0 and standard deviation `std`.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], std: f64) -> Param<Tensor<D>> {
        self.param(shape, |random| normal(random, shape.iter().product(), std))
    }

    /// Uniform between `-bound` and `bound`.
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        self.param(shape, |random| {
            let number = |_| ((2.0 * random.random::<f64>() - 1.0) * bound) as f32;
            (0..shape.iter().product()).map(number).collect()
        })
    }

    /// Several linear maps of one input in a single product, `[sum of outputs, input]`: for each its
    /// outputs and its standard deviation, drawn one after another.
    pub fn linear(&mut self, parts: &[(usize, f64)], input: usize) -> Param<Tensor<2>> {
        let outputs = parts.iter().map(|(outputs, _)| outputs).sum();
        self.param([outputs, input], |random| {
            let part = |(outputs, std): &(usize, f64)| normal(random, outputs * input, *std);
            parts.iter().flat_map(part).collect()
        })
    }

    fn param<const D: usize>(
        &mut self,
        shape: [usize; D],
        draw: impl FnOnce(&mut ChaCha8Rng) -> Vec<f32>,
    ) -> Param<Tensor<D>> {
        match &mut self.random {
            Some(random) => {
                let values = TensorData::new(draw(random), shape);
                Param::from_tensor(Tensor::from_data(values, self.device))
            }
            None => Param::uninitialized(
                ParamId::new(),
                move |device, _| Tensor::zeros(shape, device),
                self.device.clone(),
                true,
                shape.into(),
            ),
        }
    }
}

/// Normal numbers by Box and Muller's method.
fn normal(random: &mut ChaCha8Rng, count: usize, std: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt() * std;
        let (sin, cos) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
        values.push((radius * cos) as f32);
        values.push((radius * sin) as f32);
    }
    values.truncate(count);
    values
}
