//! The gradients of one update: collected for the optimizer, with their global norm and the scale that
//! clips it. Knows modules and devices, but no loss and no optimizer.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;

/// Numbers per parallel task.
pub(super) const CHUNK: usize = 1 << 16;

/// Gradient of one parameter.
pub(super) enum Gradient {
    /// In plain memory, moved out of its tensor where that has no other owner.
    Host(TensorData),
    /// On its device, flattened.
    Device(Tensor<1>),
}

/// Gradients of a module's trainable parameters and their global norm.
pub struct Gradients {
    by_parameter: HashMap<ParamId, Gradient>,
    norm: f64,
}

impl Gradients {
    /// The gradients of `module`'s parameters; frozen ones have none. Other gradients are dropped.
    pub fn collect<M: Module>(module: &M, gradients: GradientsParams) -> Self {
        let mut collector = Collector {
            gradients,
            by_parameter: HashMap::new(),
            squares: 0.0,
            on_devices: Vec::new(),
        };
        module.visit(&mut collector);
        let Collector {
            by_parameter,
            mut squares,
            on_devices,
            ..
        } = collector;
        if !on_devices.is_empty() {
            // One sum over all: a device spends more time on being asked than on adding.
            let sum = Tensor::cat(on_devices, 0).square().sum();
            squares += sum.into_data().iter::<f64>().sum::<f64>();
        }
        Self {
            by_parameter,
            norm: squares.sqrt(),
        }
    }

    /// L2 norm over all gradients together.
    pub fn norm(&self) -> f64 {
        self.norm
    }

    /// The factor that clips the norm to `max_norm`; 1 if that is 0 (no clipping).
    pub fn scale(&self, max_norm: f64) -> f64 {
        if max_norm == 0.0 {
            return 1.0;
        }
        (max_norm / (self.norm + 1e-6)).min(1.0)
    }

    /// Parameters with a gradient.
    pub fn len(&self) -> usize {
        self.by_parameter.len()
    }

    /// Whether no parameter has a gradient.
    pub fn is_empty(&self) -> bool {
        self.by_parameter.is_empty()
    }

    pub(super) fn take(&mut self, id: ParamId) -> Option<Gradient> {
        self.by_parameter.remove(&id)
    }

    /// The gradient of that parameter if it is on a device.
    pub(super) fn take_from_device(&mut self, id: ParamId) -> Option<Tensor<1>> {
        match self.by_parameter.remove(&id)? {
            Gradient::Device(gradient) => Some(gradient),
            on_host => {
                self.by_parameter.insert(id, on_host);
                None
            }
        }
    }
}

/// Whether this device's tensors are plain memory of this process.
pub(super) fn is_host(device: &Device) -> bool {
    *device == Device::flex()
}

struct Collector {
    gradients: GradientsParams,
    by_parameter: HashMap<ParamId, Gradient>,
    squares: f64,
    on_devices: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return;
        };
        let gradient = if is_host(&gradient.device()) && gradient.dtype() == DType::F32 {
            let data = gradient.into_data();
            self.squares += sum_of_squares(numbers(&data));
            Gradient::Host(data)
        } else {
            let flat = gradient.reshape([-1]);
            self.on_devices.push(flat.clone());
            Gradient::Device(flat)
        };
        self.by_parameter.insert(param.id, gradient);
    }
}

/// The numbers of f32 data.
#[expect(clippy::expect_used, reason = "the caller checked the type")]
pub(super) fn numbers(data: &TensorData) -> &[f32] {
    data.as_slice().expect("the caller checked the type")
}

/// In an order that does not depend on the number of threads.
fn sum_of_squares(numbers: &[f32]) -> f64 {
    let chunks: Vec<f64> = numbers
        .par_chunks(CHUNK)
        .map(|chunk| {
            chunk
                .chunks(4096)
                .map(|block| f64::from(block_sum_of_squares(block)))
                .sum()
        })
        .collect();
    chunks.iter().sum()
}

fn block_sum_of_squares(block: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let (whole, rest) = block.as_chunks::<LANES>();
    for numbers in whole {
        for (lane, x) in lanes.iter_mut().zip(numbers) {
            *lane += x * x;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}
