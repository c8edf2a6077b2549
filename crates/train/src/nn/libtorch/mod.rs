//! Operations on LibTorch's tensors that are one operation to autodiff, with LibTorch's own derivatives.
//!
//! On a graphics card a network of this size waits for its calls, not for its sums: attention, which is some twenty
//! operations elsewhere, is one here. Knows tensors; knows no network. Other devices use the tensor operations beside
//! each use.

#![expect(
    deprecated,
    reason = "burn keeps LibTorch for this release only; the design asks for it"
)]

mod attention;
mod linear;
mod norms;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::libtorch::TchTensor;
use burn::backend::{Autodiff, AutodiffBackend, DispatchDevice, LibTorch};
use burn::tensor::{Device, Tensor};

pub(super) use attention::{attend, attend_heads};
pub(super) use linear::linear;
pub(super) use norms::rms_norm;

/// Whether tensors of this device are LibTorch's.
pub(super) fn is_libtorch(device: &Device) -> bool {
    let device = device.clone().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::LibTorch(_))
}

type RecordedTensor = <Autodiff<LibTorch> as burn::backend::BackendTypes>::FloatTensorPrimitive;

/// An operation's input: a tensor with its autodiff graph, if it has one.
enum Operand {
    Constant(TchTensor),
    Recorded {
        tensor: RecordedTensor,
        /// Whether a derivative with respect to it may be asked for.
        wanted: bool,
    },
}

impl Operand {
    /// A placeholder for an absent input.
    fn absent() -> Self {
        Operand::Constant(TchTensor::new(tch::Tensor::from_slice(&[0_f32])))
    }

    fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        if !tensor.is_autodiff() {
            return Operand::Constant(primitive(tensor));
        }
        let wanted = tensor.is_tracked();
        match tensor.try_into_primitive::<Autodiff<LibTorch>>() {
            Ok(tensor) => Operand::Recorded { tensor, wanted },
            Err(error) => unreachable!("the kind of tensor was checked: {error:?}"),
        }
    }
}

/// LibTorch's tensor, of one without a graph.
fn primitive<const D: usize>(tensor: Tensor<D>) -> TchTensor {
    match tensor.try_into_primitive::<LibTorch>() {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("the kind of tensor was checked: {error:?}"),
    }
}

/// Runs `compute`, whose output has memory of its own, and records it for autodiff where one of `inputs` is recorded.
fn apply<const N: usize, const D: usize>(
    inputs: [Operand; N],
    compute: impl FnOnce([&tch::Tensor; N]) -> tch::Tensor,
) -> Tensor<D> {
    let is_recorded = |input: &Operand| matches!(input, Operand::Recorded { .. });
    if !inputs.iter().any(is_recorded) {
        let inputs = inputs.each_ref().map(|input| match input {
            Operand::Constant(tensor) => &tensor.tensor,
            Operand::Recorded { .. } => unreachable!("none is recorded"),
        });
        return Tensor::from_primitive::<LibTorch>(TchTensor::new(compute(inputs)));
    }
    let wanted =
        (inputs.each_ref()).map(|input| matches!(input, Operand::Recorded { wanted: true, .. }));
    let tensors = inputs.map(|input| match input {
        Operand::Recorded { tensor, .. } => tensor,
        Operand::Constant(tensor) => Autodiff::<LibTorch>::from_inner(tensor),
    });
    let nodes = tensors.each_ref().map(RecordedTensor::node);
    let step = Derivative.prepare::<NoCheckpointing>(nodes).compute_bound();
    let output = match step.stateful() {
        OpsKind::Tracked(step) => {
            let mut index = 0;
            let inputs = tensors.each_ref().map(|tensor| {
                let TchTensor { tensor, storage } = tensor.primitive().clone();
                let tensor = tensor.detach().set_requires_grad(wanted[index]);
                index += 1;
                TchTensor { tensor, storage }
            });
            let graph = compute(inputs.each_ref().map(|input| &input.tensor));
            let output = TchTensor::new(graph.detach());
            // That its memory has another owner keeps burn from writing into what the derivative needs.
            let storage = output.storage.clone();
            let graph = TchTensor {
                tensor: graph,
                storage,
            };
            step.finish(Recorded { inputs, graph }, output)
        }
        OpsKind::UnTracked(step) => {
            let inputs = tensors.each_ref().map(|tensor| &tensor.primitive().tensor);
            step.finish(TchTensor::new(compute(inputs)))
        }
    };
    Tensor::from_primitive::<Autodiff<LibTorch>>(output)
}

/// What LibTorch keeps of an operation until its derivative is computed.
#[derive(Clone, Debug)]
struct Recorded<const N: usize> {
    inputs: [TchTensor; N],
    /// The output with LibTorch's graph back to the inputs.
    graph: TchTensor,
}

#[derive(Debug)]
struct Derivative;

impl<const N: usize> Backward<LibTorch, N> for Derivative {
    type State = Recorded<N>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<LibTorch>(&ops.node).tensor;
        let Recorded { inputs, graph } = ops.state;
        let parents = ops.parents.iter().zip(&inputs);
        let wanted: (Vec<NodeId>, Vec<&tch::Tensor>) = parents
            .filter_map(|(parent, input)| Some((parent.as_ref()?.id, &input.tensor)))
            .unzip();
        // LibTorch begins with a number: the output along the gradient.
        let along = (&graph.tensor * gradient).sum(graph.tensor.kind());
        let derivatives = tch::Tensor::run_backward(&[along], &wanted.1, false, false);
        for (id, derivative) in wanted.0.into_iter().zip(derivatives) {
            gradients.register::<LibTorch>(id, TchTensor::new(derivative));
        }
    }
}
