//! The numbers that frozen weights are stored in.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, FloatDType, Tensor};

/// The last parts of the paths of tables that are looked up and never multiplied: T5's distances, BERT's embeddings.
const TABLES: [&str; 4] = ["table", "words", "positions", "types"];

/// The same network with the weights of its linear layers in bf16: half the memory, products by bf16 kernels where
/// tensors are in plain memory. Embeddings that are output heads are among them. For what is never trained.
#[must_use]
pub fn in_bf16<M: Module>(module: M) -> M {
    module.map(&mut Rounding { path: Vec::new() })
}

/// Whether [`in_bf16`] made it.
pub fn is_in_bf16<M: Module>(module: &M) -> bool {
    let mut search = Search { found: false };
    module.visit(&mut search);
    search.found
}

struct Search {
    found: bool,
}

impl ModuleVisitor for Search {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found |= param.val().dtype() == DType::BF16;
    }
}

/// What was looked up in an embedding, as networks compute with it.
pub(super) fn in_f32<const D: usize>(rows: Tensor<D>) -> Tensor<D> {
    match rows.dtype() {
        DType::F32 => rows,
        _ => rows.cast(FloatDType::F32),
    }
}

struct Rounding {
    /// Where in the module it is.
    path: Vec<String>,
}

impl ModuleMapper for Rounding {
    super::track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let is_table = |name: &String| TABLES.contains(&name.as_str());
        if D != 2 || self.path.last().is_some_and(is_table) {
            return param;
        }
        param.map(|weight| match weight.dtype() {
            DType::BF16 => weight,
            _ => weight.cast(FloatDType::BF16),
        })
    }
}
