//! AdamW over the trainable parameters of a module, with clipping of the gradients' global norm.
//! Where tensors are plain memory, one pass over parameter, gradient and moments does everything,
//! on all cores; elsewhere the same arithmetic runs as tensor operations. Knows no loss.

mod file;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::clip::{CHUNK, Gradient, Gradients, numbers};

pub use file::OptimizerFileError;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// AdamW (decoupled weight decay; 0 makes it Adam) with its usual β of 0.9 and 0.999 and ε of 1e-8,
/// and its moments.
pub struct AdamW {
    weight_decay: f64,
    /// By the parameter's path in its module, as in `decoder.blocks.0.norm.weight`.
    states: BTreeMap<String, State>,
}

/// AdamW's state of one parameter.
#[derive(Clone)]
struct State {
    /// Updates so far.
    steps: u64,
    moments: Moments,
}

/// First and second moment of one parameter's gradient, flattened.
#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // a few hundred of them, beside megabytes of numbers
enum Moments {
    Host { first: Vec<f32>, second: Vec<f32> },
    Device { first: Tensor<1>, second: Tensor<1> },
}

impl AdamW {
    pub fn new(weight_decay: f64) -> Self {
        Self {
            weight_decay,
            states: BTreeMap::new(),
        }
    }

    /// Updates the parameters that have a gradient. Gradients are first clipped to the global norm
    /// `max_norm`, unless that is 0. Returns the module and the norm before clipping; if that is not finite,
    /// nothing is updated.
    ///
    /// Parameters are updated in place where `module` is their only owner, else copied.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
        max_norm: f64,
    ) -> (M, f64) {
        let gradients = Gradients::collect(&module, gradients);
        let norm = gradients.norm();
        if !norm.is_finite() {
            return (module, norm);
        }
        let mut mapper = Mapper {
            weight_decay: self.weight_decay,
            states: &mut self.states,
            learning_rate,
            scale: gradients.scale(max_norm),
            gradients,
            path: Vec::new(),
        };
        (module.map(&mut mapper), norm)
    }
}

struct Mapper<'a> {
    weight_decay: f64,
    states: &'a mut BTreeMap<String, State>,
    learning_rate: f64,
    scale: f64,
    gradients: Gradients,
    path: Vec<String>,
}

impl ModuleMapper for Mapper<'_> {
    crate::nn::track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, parameter, mapper) = param.consume();
        let Some(gradient) = self.gradients.take(id) else {
            return Param::from_mapped_value(id, parameter, mapper);
        };
        let state = self
            .states
            .entry(self.path.join("."))
            .or_insert_with(|| State::new(&gradient));
        state.steps += 1;
        let factors = Factors::new(
            self.weight_decay,
            self.learning_rate,
            self.scale,
            state.steps,
        );

        let requires_grad = parameter.is_require_grad();
        let checkpointing = parameter.gradient_checkpointing_strategy();
        let parameter = parameter.inner();
        let updated = match (gradient, &mut state.moments) {
            (Gradient::Host(gradient), Moments::Host { first, second }) => {
                let device = parameter.device();
                let data = on_host(&factors, parameter.into_data(), &gradient, first, second);
                Tensor::from_data(data, &device)
            }
            (gradient, moments) => on_device(&factors, parameter, gradient, moments),
        };
        let updated = match checkpointing {
            Some(strategy) => updated
                .autodiff()
                .with_gradient_checkpointing_strategy(strategy)
                .set_require_grad(requires_grad),
            None => updated,
        };
        Param::from_mapped_value(id, updated, mapper)
    }
}

impl State {
    fn new(gradient: &Gradient) -> Self {
        let moments = match gradient {
            Gradient::Host(data) => {
                let zeros = vec![0.0; data.num_elements()];
                Moments::Host {
                    first: zeros.clone(),
                    second: zeros,
                }
            }
            Gradient::Device(tensor) => Moments::Device {
                first: tensor.zeros_like(),
                second: tensor.zeros_like(),
            },
        };
        Self { steps: 0, moments }
    }
}

/// The constants of one parameter's step.
struct Factors {
    scale: f32,
    keep: f32,
    first_rate: f32,
    second_keep: f32,
    second_rate: f32,
    second_correction: f32,
    epsilon: f32,
    step: f32,
}

impl Factors {
    fn new(weight_decay: f64, learning_rate: f64, scale: f64, steps: u64) -> Self {
        let bias = |beta: f64| 1.0 - beta.powf(steps as f64);
        Self {
            scale: scale as f32,
            keep: (1.0 - learning_rate * weight_decay) as f32,
            first_rate: (1.0 - BETA_1) as f32,
            second_keep: BETA_2 as f32,
            second_rate: (1.0 - BETA_2) as f32,
            second_correction: bias(BETA_2).sqrt() as f32,
            epsilon: EPSILON as f32,
            step: (learning_rate / bias(BETA_1)) as f32,
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "burn keeps a gradient in its parameter's type"
)]
fn on_host(
    factors: &Factors,
    mut parameter: TensorData,
    gradient: &TensorData,
    first: &mut [f32],
    second: &mut [f32],
) -> TensorData {
    let values = parameter
        .as_mut_slice::<f32>()
        .expect("a parameter has its gradient's type");
    let gradient = numbers(gradient);
    assert_eq!(
        values.len(),
        gradient.len(),
        "a gradient has its parameter's shape"
    );
    assert_eq!(
        values.len(),
        first.len(),
        "moments have their parameter's shape"
    );
    values
        .par_chunks_mut(CHUNK)
        .zip(gradient.par_chunks(CHUNK))
        .zip(first.par_chunks_mut(CHUNK))
        .zip(second.par_chunks_mut(CHUNK))
        .for_each(|(((values, gradient), first), second)| {
            chunk_on_host(factors, values, gradient, first, second);
        });
    parameter
}

fn chunk_on_host(
    factors: &Factors,
    values: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let numbers = values.iter_mut().zip(gradient).zip(first).zip(second);
    for (((value, gradient), first), second) in numbers {
        let gradient = gradient * factors.scale;
        *first += factors.first_rate * (gradient - *first);
        *second = factors.second_keep * *second + factors.second_rate * gradient * gradient;
        let divisor = second.sqrt() / factors.second_correction + factors.epsilon;
        *value = factors.keep * *value - factors.step * (*first / divisor);
    }
}

fn on_device<const D: usize>(
    factors: &Factors,
    parameter: Tensor<D>,
    gradient: Gradient,
    moments: &mut Moments,
) -> Tensor<D> {
    let device = parameter.device();
    let shape = parameter.shape();
    let gradient = match gradient {
        Gradient::Device(tensor) => tensor,
        Gradient::Host(data) => Tensor::<D>::from_data(data, &device).reshape([-1]),
    };
    let gradient = gradient.mul_scalar(factors.scale);
    let (first, second) = moments.on(&device);
    let first = first.clone() + (gradient.clone() - first).mul_scalar(factors.first_rate);
    let second =
        second.mul_scalar(factors.second_keep) + gradient.square().mul_scalar(factors.second_rate);
    let divisor = second
        .clone()
        .sqrt()
        .div_scalar(factors.second_correction)
        .add_scalar(factors.epsilon);
    let moved = (first.clone() / divisor)
        .mul_scalar(factors.step)
        .reshape(shape);
    *moments = Moments::Device { first, second };
    parameter.mul_scalar(factors.keep) - moved
}

impl Moments {
    /// As tensors on a device.
    fn on(&self, device: &burn::tensor::Device) -> (Tensor<1>, Tensor<1>) {
        match self {
            Self::Host { first, second } => {
                let tensor = |numbers: &[f32]| Tensor::from_floats(numbers, device);
                (tensor(first), tensor(second))
            }
            Self::Device { first, second } => (
                first.clone().to_device(device),
                second.clone().to_device(device),
            ),
        }
    }
}
