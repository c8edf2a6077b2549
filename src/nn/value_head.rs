//! The value of every token: one linear layer on the policy's own last hidden state (Sec. III-E).

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::weights::{Init, Sink, Source, WeightsError};

/// V(s_t) from the state at t. It begins at 0, so that the first advantages are the rewards' own.
#[derive(Module, Debug)]
pub struct ValueHead {
    /// `[d_model, 1]`
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl ValueHead {
    /// A head that values every state at 0.
    pub fn new(d_model: usize, device: &Device) -> Self {
        match Self::build(&mut Source::random(0, device), d_model) {
            Ok(head) => head,
            Err(_) => unreachable!("drawing weights cannot fail"),
        }
    }

    /// Reads what [`ValueHead::save`] wrote.
    pub fn load(d_model: usize, path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let mut source = Source::file(path, device)?;
        let head = Self::build(&mut source, d_model)?;
        source.finish()?;
        Ok(head)
    }

    fn build(source: &mut Source<'_>, d_model: usize) -> Result<Self, WeightsError> {
        Ok(ValueHead {
            weight: source.param("weight", [d_model, 1], Init::Constant(0.0))?,
            bias: source.param("bias", [1], Init::Constant(0.0))?,
        })
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let mut sink = Sink::default();
        sink.put("weight", self.weight.val());
        sink.put("bias", self.bias.val());
        sink.write(path)
    }

    /// Values `[batch, tokens]` of states `[batch, tokens, d_model]`.
    pub fn forward(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [batch, tokens, width] = hidden.dims();
        let values = hidden
            .reshape([batch * tokens, width])
            .matmul(self.weight.val());
        (values + self.bias.val().unsqueeze()).reshape([batch, tokens])
    }
}
