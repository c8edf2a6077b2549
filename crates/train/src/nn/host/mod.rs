//! Operations on plain memory, for tensors of the processor's own device.
//!
//! Kernels, with derivatives, for the operations that take most of a network's time: one pass instead of several, on
//! all cores. Knows numbers and strides; knows no network. Other devices use the tensor operations beside each
//! use.

#![expect(
    unsafe_code,
    reason = "kernels for the memory of the processor: vector instructions and disjoint parts of one output"
)]

mod activations;
mod attention;
mod bfloat16;
mod few;
mod given;
mod linear;
mod low_rank;
mod norms;
mod product;
mod rotate;
#[cfg(test)]
mod tests;
mod vector;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::BalancedCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use burn::tensor::{DType, Device, Tensor, TensorData};
use half::bf16;

pub(super) use activations::{gelu, swiglu};
pub(super) use attention::{Attention, Sources, attend};
pub(crate) use given::of_rows;
pub(super) use linear::{affine, linear};
pub(super) use low_rank::{LowRank, linear_with};
pub(super) use norms::{layer_norm, rms_norm};
pub(super) use rotate::rotate;
pub(super) use vector::log_sum_exp;

/// Whether the tensors of this device are plain memory.
pub(super) fn is_host(device: &Device) -> bool {
    #[cfg(test)]
    if tests::GENERIC_OPS.get() {
        return false;
    }
    device.clone().without_autodiff() == Device::flex()
}

/// Numbers row by row, shared until one owner writes: f32, or a frozen weight's bf16.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// None of an input that no derivative needs.
    numbers: Option<FlexTensor>,
    shape: Vec<usize>,
}

impl From<TensorData> for Host {
    fn from(data: TensorData) -> Self {
        Host::from_flex(FlexTensor::from_data(data))
    }
}

impl Host {
    /// Numbers in the shape of another.
    fn like(values: Vec<f32>, other: &Host) -> Self {
        Self::shaped(values, other.shape())
    }

    fn shaped(values: Vec<f32>, shape: &[usize]) -> Self {
        Self::from(TensorData::new(values, shape))
    }

    /// The tensor's numbers, without its graph.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        match Operand::of(tensor.clone()) {
            Operand::Constant(host) => host,
            Operand::Recorded { tensor, .. } => Host::from_flex(tensor.into_primitive()),
        }
    }

    fn from_flex(tensor: FlexTensor) -> Self {
        let numbers = tensor.to_contiguous();
        assert!(
            matches!(numbers.dtype(), DType::F32 | DType::BF16),
            "networks compute in f32, with frozen weights in f32 or bf16"
        );
        Host {
            shape: numbers.layout().shape().to_vec(),
            numbers: Some(numbers),
        }
    }

    fn into_flex(self) -> FlexTensor {
        match self.numbers {
            Some(numbers) => numbers,
            None => unreachable!("an output and a gradient have their numbers"),
        }
    }

    /// The shape alone, without the memory.
    fn hollow(self) -> Self {
        Host {
            numbers: None,
            ..self
        }
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// # Panics
    /// If the numbers are in bf16.
    pub fn values(&self) -> &[f32] {
        self.numbers.as_ref().map_or(&[], FlexTensor::storage)
    }

    /// The numbers, to be changed: copied first where they have another owner.
    ///
    /// # Panics
    /// As [`Host::values`].
    fn values_mut(&mut self) -> &mut [f32] {
        self.numbers
            .as_mut()
            .map_or(&mut [], FlexTensor::storage_mut)
    }

    /// The numbers of a weight in bf16.
    fn halves(&self) -> Option<&[bf16]> {
        let numbers = self.numbers.as_ref()?;
        (numbers.dtype() == DType::BF16).then(|| numbers.storage())
    }
}

/// An operation on plain memory with `N` inputs and one output.
pub(super) trait HostOp<const N: usize>: Clone + std::fmt::Debug + Send + 'static {
    /// Whether an output that the backward pass needs is computed again for it, which takes less time than to keep it
    /// is worth.
    const IS_LIGHT: bool = false;

    /// What the derivative needs besides the inputs.
    type Saved: Clone + std::fmt::Debug + Send + 'static;

    /// The inputs whose numbers the derivatives need, if those of the inputs that are `wanted` will be asked for. Of
    /// the others they have the shapes, and the memory is free until then.
    fn needed(&self, wanted: [bool; N]) -> [bool; N] {
        let _ = wanted;
        [true; N]
    }

    /// The output, and what [`HostOp::backward`] needs if `needs_backward`.
    fn forward(&self, inputs: &[Host; N], needs_backward: bool) -> (Host, Self::Saved);

    /// Derivatives with respect to the inputs that are `wanted`, from that of the output.
    fn backward(
        self,
        inputs: &[Host; N],
        saved: &Self::Saved,
        gradient: Host,
        wanted: [bool; N],
    ) -> [Option<Host>; N];
}

type RecordedTensor = <Autodiff<Flex> as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// An operation's input: a tensor with its autodiff graph, if it has one.
pub(super) enum Operand {
    Constant(Host),
    Recorded {
        tensor: RecordedTensor,
        /// Whether a derivative with respect to it may be asked for.
        wanted: bool,
    },
}

impl Operand {
    /// A placeholder for an absent input.
    fn absent() -> Self {
        Operand::Constant(Host::shaped(vec![0.0], &[1]))
    }

    pub fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        if tensor.is_autodiff() {
            let wanted = tensor.is_tracked();
            match tensor.try_into_primitive::<Autodiff<Flex>>() {
                Ok(tensor) => Operand::Recorded { tensor, wanted },
                Err(error) => unreachable!("the kind of tensor was checked: {error:?}"),
            }
        } else {
            match tensor.try_into_primitive::<Flex>() {
                Ok(tensor) => Operand::Constant(Host::from_flex(tensor)),
                Err(error) => unreachable!("the kind of tensor was checked: {error:?}"),
            }
        }
    }
}

/// Runs `operation`, and records it for autodiff where one of `inputs` is recorded.
pub(super) fn apply<const N: usize, const D: usize, O: HostOp<N>>(
    operation: O,
    inputs: [Operand; N],
) -> Tensor<D> {
    let recorded = inputs
        .iter()
        .any(|input| matches!(input, Operand::Recorded { .. }));
    if !recorded {
        let inputs = inputs.map(|input| match input {
            Operand::Constant(host) => host,
            Operand::Recorded { .. } => unreachable!("none is recorded"),
        });
        let (output, _) = operation.forward(&inputs, false);
        return Tensor::from_primitive::<Flex>(output.into_flex());
    }
    let wanted = inputs
        .each_ref()
        .map(|input| matches!(input, Operand::Recorded { wanted: true, .. }));
    let tensors = inputs.map(|input| match input {
        Operand::Recorded { tensor, .. } => tensor,
        Operand::Constant(host) => Autodiff::<Flex>::from_inner(host.into_flex()),
    });
    let inputs = tensors
        .each_ref()
        .map(|tensor| Host::from_flex(tensor.primitive().clone()));
    let guards = tensors.each_ref().map(RecordedTensor::node);
    let step = Derivative(operation.clone()).prepare::<BalancedCheckpointing>(guards);
    let step = if O::IS_LIGHT && wanted.contains(&true) {
        let parents = || tensors.iter().zip(wanted);
        let parents = parents().filter_map(|(tensor, wanted)| wanted.then_some(tensor));
        let kept = |index: usize| match wanted[index] {
            true => Kept::Output(tensors[index].id()),
            false => Kept::Here(inputs[index].clone()),
        };
        let again = Again {
            operation: operation.clone(),
            inputs: std::array::from_fn(kept),
        };
        let step = step.memory_bound().retro_forward(again);
        step.parents::<Flex, _>(parents)
    } else {
        step.compute_bound()
    };
    let output = match step.stateful() {
        OpsKind::Tracked(mut step) => {
            let (output, saved) = operation.forward(&inputs, true);
            let needed = operation.needed(wanted);
            let mut index = 0;
            let inputs = inputs.map(|input| {
                let (tensor, is_needed) = (&tensors[index], needed[index]);
                index += 1;
                match is_needed {
                    true if is_whole(tensor.primitive()) => Kept::Output(step.checkpoint(tensor)),
                    true => Kept::Here(input),
                    false => Kept::Here(input.hollow()),
                }
            });
            step.finish(Recorded { inputs, saved }, output.into_flex())
        }
        OpsKind::UnTracked(step) => step.finish(operation.forward(&inputs, false).0.into_flex()),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

/// Whether a tensor has all of its memory to itself, row by row.
fn is_whole(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    let bytes = layout.num_elements() * tensor.dtype().size();
    layout.is_contiguous() && layout.start_offset() == 0 && tensor.bytes().len() == bytes
}

/// An operation's input until its derivative is computed.
#[derive(Clone, Debug)]
enum Kept {
    /// The numbers, or the shape alone.
    Here(Host),
    /// The output of another operation, which is kept with it or computed again.
    Output(NodeId),
}

/// How the output of a light operation is computed again.
#[derive(Debug)]
struct Again<const N: usize, O> {
    operation: O,
    inputs: [Kept; N],
}

impl<const N: usize, O: HostOp<N>> RetroForward for Again<N, O> {
    fn forward(&self, states: &mut BackwardStates, output: NodeId) {
        let inputs = self.inputs.each_ref().map(|input| match input {
            Kept::Here(host) => host.clone(),
            Kept::Output(id) => Host::from_flex(states.get_state(id)),
        });
        let (again, _) = self.operation.forward(&inputs, false);
        states.save(output, again.into_flex());
    }
}

/// An operation's state until its derivative is computed.
#[derive(Clone, Debug)]
struct Recorded<const N: usize, K> {
    inputs: [Kept; N],
    saved: K,
}

#[derive(Debug)]
struct Derivative<O>(O);

impl<const N: usize, O: HostOp<N>> Backward<Flex, N> for Derivative<O> {
    type State = Recorded<N, O::Saved>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = Host::from_flex(gradients.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let Recorded { inputs, saved } = ops.state;
        let inputs = inputs.map(|input| match input {
            Kept::Here(host) => host,
            Kept::Output(id) => Host::from_flex(checkpointer.retrieve_node_output(id)),
        });
        let derivatives = self.0.backward(&inputs, &saved, gradient, wanted);
        for (parent, derivative) in ops.parents.into_iter().zip(derivatives) {
            if let (Some(parent), Some(derivative)) = (parent, derivative) {
                gradients.register::<Flex>(parent.id, derivative.into_flex());
            }
        }
    }
}
