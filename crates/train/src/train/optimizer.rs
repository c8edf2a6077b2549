//! AdamW over the trainable parameters of a module, with clipping of the gradients' global norm.
//! Where tensors are plain memory, one pass over parameter, gradient and moments does everything,
//! on all cores; elsewhere the same arithmetic runs as tensor operations. Knows no loss.

mod file;

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
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
        let mut gradients = Gradients::collect(&module, gradients);
        let norm = gradients.norm();
        if !norm.is_finite() {
            return (module, norm);
        }
        let rates = Rates {
            weight_decay: self.weight_decay,
            learning_rate,
            scale: gradients.scale(max_norm),
        };
        let moves = on_devices(&module, &mut gradients, &mut self.states, rates);
        let mut mapper = Mapper {
            states: &mut self.states,
            rates,
            gradients,
            moves,
            path: Vec::new(),
        };
        (module.map(&mut mapper), norm)
    }
}

/// What is the same for every parameter of a step.
#[derive(Clone, Copy)]
struct Rates {
    weight_decay: f64,
    learning_rate: f64,
    /// Of the gradients.
    scale: f64,
}

struct Mapper<'a> {
    states: &'a mut BTreeMap<String, State>,
    rates: Rates,
    gradients: Gradients,
    /// What is taken from the parameters on devices.
    moves: HashMap<ParamId, Tensor<1>>,
    path: Vec<String>,
}

impl ModuleMapper for Mapper<'_> {
    crate::nn::track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, parameter, mapper) = param.consume();
        let requires_grad = parameter.is_require_grad();
        let checkpointing = parameter.gradient_checkpointing_strategy();
        let updated = match (self.gradients.take(id), self.moves.remove(&id)) {
            (Some(Gradient::Host(gradient)), _) => {
                let state = self
                    .states
                    .entry(self.path.join("."))
                    .or_insert_with(|| State::on_host(gradient.num_elements()));
                state.steps += 1;
                let factors = Factors::new(self.rates, state.steps);
                let [first, second] = state.moments.on_host();
                let parameter = parameter.inner();
                let device = parameter.device();
                let data = on_host(&factors, parameter.into_data(), &gradient, first, second);
                Tensor::from_data(data, &device)
            }
            (_, Some(moved)) => {
                let parameter = parameter.inner();
                let moved = moved.reshape(parameter.shape());
                match self.rates.keep() {
                    1.0 => parameter - moved,
                    keep => parameter.mul_scalar(keep) - moved,
                }
            }
            _ => return Param::from_mapped_value(id, parameter, mapper),
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

impl Rates {
    /// What weight decay leaves of a parameter.
    fn keep(self) -> f32 {
        (1.0 - self.learning_rate * self.weight_decay) as f32
    }
}

impl State {
    fn on_host(count: usize) -> Self {
        let zeros = vec![0.0; count];
        let moments = Moments::Host {
            first: zeros.clone(),
            second: zeros,
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
    fn new(rates: Rates, steps: u64) -> Self {
        let bias = |beta: f64| 1.0 - beta.powf(steps as f64);
        Self {
            scale: rates.scale as f32,
            keep: rates.keep(),
            first_rate: (1.0 - BETA_1) as f32,
            second_keep: BETA_2 as f32,
            second_rate: (1.0 - BETA_2) as f32,
            second_correction: bias(BETA_2).sqrt() as f32,
            epsilon: EPSILON as f32,
            step: (rates.learning_rate / bias(BETA_1)) as f32,
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

/// What is to be taken from each parameter whose gradient is on a device. Parameters of as many steps are one long tensor
/// meanwhile, since a device spends more time on being asked than on the numbers.
fn on_devices<M: Module>(
    module: &M,
    gradients: &mut Gradients,
    states: &mut BTreeMap<String, State>,
    rates: Rates,
) -> HashMap<ParamId, Tensor<1>> {
    let mut found = OnDevices {
        gradients,
        path: Vec::new(),
        parameters: Vec::new(),
    };
    module.visit(&mut found);
    let mut groups: BTreeMap<u64, Vec<OnDevice>> = BTreeMap::new();
    for parameter in found.parameters {
        let steps = states.get(&parameter.path).map_or(0, |state| state.steps);
        groups.entry(steps + 1).or_default().push(parameter);
    }
    let mut moves = HashMap::new();
    for (steps, group) in groups {
        let moments = group.iter().map(|parameter| {
            let gradient = &parameter.gradient;
            let state = states.get(&parameter.path);
            state.map_or_else(
                || [gradient.zeros_like(), gradient.zeros_like()],
                |state| state.moments.on(&gradient.device()),
            )
        });
        let (first, second): (Vec<_>, Vec<_>) = moments.map(Into::into).unzip();
        let lengths: Vec<usize> = group.iter().map(|one| one.gradient.dims()[0]).collect();
        let (named, all): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|one| ((one.id, one.path), one.gradient))
            .unzip();
        let factors = Factors::new(rates, steps);
        let [gradient, first, second] = [all, first, second].map(|parts| Tensor::cat(parts, 0));
        let (first, second, moved) = moved_on_device(&factors, gradient, first, second);
        let mut start = 0;
        for ((id, path), length) in named.into_iter().zip(lengths) {
            let part = |all: &Tensor<1>| all.clone().narrow(0, start, length);
            let moments = Moments::Device {
                first: part(&first),
                second: part(&second),
            };
            states.insert(path, State { steps, moments });
            moves.insert(id, part(&moved));
            start += length;
        }
    }
    moves
}

/// The new moments, and what is to be taken from the parameters.
fn moved_on_device(
    factors: &Factors,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let gradient = gradient.mul_scalar(factors.scale);
    let first = first.clone() + (gradient.clone() - first).mul_scalar(factors.first_rate);
    let second =
        second.mul_scalar(factors.second_keep) + gradient.square().mul_scalar(factors.second_rate);
    let divisor = second
        .clone()
        .sqrt()
        .div_scalar(factors.second_correction)
        .add_scalar(factors.epsilon);
    let moved = (first.clone() / divisor).mul_scalar(factors.step);
    (first, second, moved)
}

/// A parameter whose gradient is on a device.
struct OnDevice {
    id: ParamId,
    path: String,
    gradient: Tensor<1>,
}

struct OnDevices<'a> {
    gradients: &'a mut Gradients,
    path: Vec<String>,
    parameters: Vec<OnDevice>,
}

impl ModuleVisitor for OnDevices<'_> {
    crate::nn::track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.take_from_device(param.id) {
            self.parameters.push(OnDevice {
                id: param.id,
                path: self.path.join("."),
                gradient,
            });
        }
    }
}

impl Moments {
    /// As tensors on a device.
    fn on(&self, device: &Device) -> [Tensor<1>; 2] {
        match self {
            Self::Host { first, second } => {
                [first, second].map(|numbers| Tensor::from_floats(numbers.as_slice(), device))
            }
            Self::Device { first, second } => {
                [first, second].map(|moment| moment.clone().to_device(device))
            }
        }
    }

    /// In plain memory, to be changed.
    fn on_host(&mut self) -> [&mut Vec<f32>; 2] {
        if let Self::Device { first, second } = self {
            let numbers = |moment: &Tensor<1>| moment.to_data().iter::<f32>().collect();
            *self = Self::Host {
                first: numbers(first),
                second: numbers(second),
            };
        }
        match self {
            Self::Host { first, second } => [first, second],
            Self::Device { .. } => unreachable!("it was just moved"),
        }
    }
}
