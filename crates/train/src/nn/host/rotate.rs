//! Rotary position embeddings: pairs of numbers, half a head apart, turned by the angles of their token.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::vector::on_this_processor;
use super::{Host, HostOp, Operand, apply};

/// Turns the first `heads` heads of `x` `[batch, tokens, heads or more * d]` and multiplies them by `scale`; what
/// follows them stays. Cosines and sines are `[batch, tokens, d / 2]`.
pub(in crate::nn) fn rotate(
    x: Tensor<3>,
    [cos, sin]: [Host; 2],
    heads: usize,
    scale: f32,
) -> Tensor<3> {
    let operation = Rotate {
        cos,
        sin,
        heads,
        scale,
    };
    apply(operation, [Operand::of(x)])
}

#[derive(Clone, Debug)]
struct Rotate {
    cos: Host,
    sin: Host,
    heads: usize,
    scale: f32,
}

impl HostOp<1> for Rotate {
    type Saved = ();

    fn needed(&self, _: [bool; 1]) -> [bool; 1] {
        [false]
    }

    fn forward(&self, [x]: &[Host; 1], _: bool) -> (Host, ()) {
        (self.turned(x, 1.0), ())
    }

    /// A rotation's derivative is the rotation back.
    fn backward(self, _: &[Host; 1], _: &(), gradient: Host, _: [bool; 1]) -> [Option<Host>; 1] {
        [Some(self.turned(&gradient, -1.0))]
    }
}

impl Rotate {
    /// Turned in `direction`, 1 or -1.
    fn turned(&self, x: &Host, direction: f32) -> Host {
        let (width, half) = (x.shape()[2], self.cos.shape()[2]);
        assert_eq!(
            x.shape()[..2],
            self.cos.shape()[..2],
            "angles of each token"
        );
        assert!(self.heads * 2 * half <= width, "as many heads");
        let mut values = x.values().to_vec();
        let angles = self.cos.values().par_chunks_exact(half);
        let angles = angles.zip(self.sin.values().par_chunks_exact(half));
        let tokens = values.par_chunks_exact_mut(width).zip(angles);
        tokens.with_min_len(16).for_each(|(token, (cos, sin))| {
            for head in token[..self.heads * 2 * half].chunks_exact_mut(2 * half) {
                let (first, second) = head.split_at_mut(half);
                turn(
                    first,
                    second,
                    cos,
                    sin,
                    [self.scale, direction * self.scale],
                );
            }
        });
        Host::like(values, x)
    }
}

on_this_processor! {
    fn turn(
        first: &mut [f32],
        second: &mut [f32],
        cos: &[f32],
        sin: &[f32],
        [of_cos, of_sin]: [f32; 2],
    ) {
        let pairs = first.iter_mut().zip(second.iter_mut());
        for ((first, second), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
            let (cos, sin) = (cos * of_cos, sin * of_sin);
            let (x, y) = (*first, *second);
            *first = x * cos - y * sin;
            *second = y * cos + x * sin;
        }
    }
}
