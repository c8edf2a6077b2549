//! Adapters added to the weights of a model, for programs that know no adapters.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

use super::{Lora, LoraBlock, LoraLinear, split_path};

impl Lora {
    /// `model` with `W + (α/r) B A` for each adapted W; the rest is shared.
    pub(in crate::nn) fn merge<M: Module>(&self, model: M) -> M {
        self.add_to(model, 1.0)
    }

    /// Takes away what [`Lora::merge`] added, but for rounding.
    pub(in crate::nn) fn unmerge<M: Module>(&self, model: M) -> M {
        self.add_to(model, -1.0)
    }

    fn add_to<M: Module>(&self, model: M, sign: f64) -> M {
        model.map(&mut Merger {
            lora: self,
            path: Vec::new(),
            sign,
        })
    }
}

struct Merger<'a> {
    lora: &'a Lora,
    /// Where in the module it is.
    path: Vec<String>,
    sign: f64,
}

impl Merger<'_> {
    fn adapter(&self) -> Option<&LoraLinear> {
        let path = self.path.join(".");
        let (block, layer) = split_path(&path)?;
        let mut blocks = self.lora.blocks.iter();
        LoraBlock::get(blocks.find(|other| other.path == block), layer)
    }
}

impl ModuleMapper for Merger<'_> {
    crate::nn::track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(adapter) = self.adapter().filter(|_| D == 2) else {
            return param;
        };
        let update = adapter.dense().mul_scalar(self.sign);
        param.map(|weight| {
            let shape = weight.dims();
            weight + update.reshape(shape)
        })
    }
}

impl LoraLinear {
    /// `(α/r) B A` of every layer of the product, `[output, input]`, 0 for those that are not adapted.
    fn dense(&self) -> Tensor<2> {
        let (a, b) = (self.a.val().detach(), self.b.val().detach());
        let [rows, rank] = b.dims();
        let (output, input) = (rows / self.parts.len(), a.dims()[1]);
        let parts = (0..self.of).map(|part| match self.index(part) {
            None => Tensor::zeros([output, input], &b.device()),
            Some(index) => {
                let a = a.clone().narrow(0, index * rank, rank);
                b.clone().narrow(0, index * output, output).matmul(a)
            }
        });
        Tensor::cat(parts.collect(), 0).mul_scalar(self.scale)
    }
}
