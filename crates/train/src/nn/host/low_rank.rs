//! Linear layers with an update of low rank, which is added without ever being formed.

use burn::tensor::Tensor;

use super::linear::{by_weight, of_weight, of_x, size_of};
use super::product::{Matrix, Output, Size, filled, in_pieces, multiply, multiply_add, product};
use super::vector::transpose;
use super::{Host, HostOp, Operand, apply};

/// What is added to a product: `hidden · upᵀ` to some of its equal parts.
pub(in crate::nn) struct LowRank {
    /// One part beside the other, `[.., parts * rank]`.
    pub hidden: Tensor<3>,
    /// One part above the other, `[parts * output, rank]`.
    pub up: Tensor<2>,
    /// Which parts of the product they are added to.
    pub parts: Vec<usize>,
    /// How many the product has.
    pub of: usize,
}

/// `x · weightᵀ` and what `update` adds to it, for `x` `[.., input]` and `weight` `[output, input]`.
pub(in crate::nn) fn linear_with(x: Tensor<3>, weight: Tensor<2>, update: LowRank) -> Tensor<3> {
    let operation = Updated {
        parts: update.parts,
        of: update.of,
    };
    let inputs = [
        Operand::of(x),
        Operand::of(weight),
        Operand::of(update.hidden),
        Operand::of(update.up),
    ];
    apply(operation, inputs)
}

#[derive(Clone, Debug)]
struct Updated {
    parts: Vec<usize>,
    of: usize,
}

/// x, weight, hidden, up.
impl HostOp<4> for Updated {
    type Saved = ();

    /// Each for the derivative of its partner.
    fn needed(&self, [x, weight, hidden, up]: [bool; 4]) -> [bool; 4] {
        [weight, x, up, hidden]
    }

    fn forward(&self, [x, weight, hidden, up]: &[Host; 4], _: bool) -> (Host, ()) {
        let (size, shape) = size_of(x, weight);
        let part = self.part(size, hidden, up);
        let values = filled(size.rows * size.columns, |output| {
            let output = Output::uninitialised(output, size.columns);
            by_weight(output, x.values(), weight, size);
            for (index, at) in self.parts.iter().enumerate() {
                let hidden = self.hidden(hidden, part, index);
                let up = self.up(up, part, index);
                let output = output.from(at * part.columns);
                in_pieces(part.columns, part.multiplications(), |columns| {
                    let up = up.past_rows(columns.start).transposed();
                    let size = Size::new(part.rows, columns.len(), part.terms);
                    multiply_add(output.from(columns.start), hidden, up, size);
                });
            }
        });
        (Host::shaped(values, &shape), ())
    }

    fn backward(
        self,
        [x, weight, hidden, up]: &[Host; 4],
        _: &(),
        gradient: Host,
        [x_wanted, weight_wanted, hidden_wanted, up_wanted]: [bool; 4],
    ) -> [Option<Host>; 4] {
        let (size, _) = size_of(x, weight);
        let gradients = gradient.values();
        let gradient = Matrix::rows(gradients, size.columns);
        let part = self.part(size, hidden, up);
        [
            x_wanted.then(|| of_x(gradients, weight, x, size)),
            weight_wanted.then(|| of_weight(gradient, x, weight, size)),
            hidden_wanted.then(|| self.of_hidden(gradient, hidden, up, part)),
            up_wanted.then(|| self.of_up(gradient, hidden, up, part)),
        ]
    }
}

impl Updated {
    /// Size of `hidden · upᵀ` of one part.
    fn part(&self, size: Size, hidden: &Host, up: &Host) -> Size {
        let (columns, rank) = (size.columns / self.of, up.shape()[1]);
        assert_eq!(columns * self.of, size.columns, "equal parts");
        assert_eq!(
            up.shape()[0],
            self.parts.len() * columns,
            "rows of each part"
        );
        assert_eq!(
            hidden.shape().iter().product::<usize>(),
            size.rows * self.parts.len() * rank,
            "hidden states of each part"
        );
        assert!(
            self.parts.iter().all(|part| *part < self.of),
            "one of the parts"
        );
        Size::new(size.rows, columns, rank)
    }

    /// `[rows, rank]`
    fn hidden<'a>(&self, hidden: &'a Host, part: Size, index: usize) -> Matrix<'a> {
        let all = Matrix::rows(hidden.values(), self.parts.len() * part.terms);
        all.past_columns(index * part.terms)
    }

    /// `[columns, rank]`
    fn up<'a>(&self, up: &'a Host, part: Size, index: usize) -> Matrix<'a> {
        Matrix::rows(up.values(), part.terms).past_rows(index * part.columns)
    }

    /// `gradient · up` of each part, one beside the other.
    fn of_hidden(&self, gradient: Matrix<'_>, hidden: &Host, up: &Host, part: Size) -> Host {
        let values = filled(part.rows * self.parts.len() * part.terms, |output| {
            let output = Output::uninitialised(output, self.parts.len() * part.terms);
            for (index, at) in self.parts.iter().enumerate() {
                let gradient = gradient.past_columns(at * part.columns);
                let up = self.up(up, part, index);
                let output = output.from(index * part.terms);
                in_pieces(part.rows, part.multiplications(), |rows| {
                    let size = Size::new(rows.len(), part.terms, part.columns);
                    let gradient = gradient.past_rows(rows.start);
                    multiply(output.row(rows.start), gradient, up, size);
                });
            }
        });
        Host::like(values, hidden)
    }

    /// `gradientᵀ · hidden` of each part, one above the other: as the transpose of `hiddenᵀ · gradient`, since rows as
    /// short as the rank would leave the processor's vectors idle.
    fn of_up(&self, gradient: Matrix<'_>, hidden: &Host, up: &Host, part: Size) -> Host {
        let values = filled(self.parts.len() * part.columns * part.terms, |output| {
            let output = Output::uninitialised(output, part.terms);
            for (index, at) in self.parts.iter().enumerate() {
                let gradient = gradient.past_columns(at * part.columns);
                let hidden = self.hidden(hidden, part, index);
                let output = output.row(index * part.columns);
                in_pieces(part.columns, part.multiplications(), |columns| {
                    let gradient = gradient.past_columns(columns.start);
                    let size = Size::new(part.terms, columns.len(), part.rows);
                    let transposed = product(hidden.transposed(), gradient, size);
                    let size = [part.terms, columns.len()];
                    transpose(&transposed, columns.len(), size, output.row(columns.start));
                });
            }
        });
        Host::like(values, up)
    }
}
