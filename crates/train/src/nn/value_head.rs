//! The value of every token: one linear layer on the policy's own last hidden state (Sec. III-E).

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::weights::{self, ParamInit, WeightsError, WeightsFile};

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
        Self::with(&mut ParamInit::seeded(0, device), d_model)
    }

    fn with(init: &mut ParamInit<'_>, d_model: usize) -> Self {
        ValueHead {
            weight: init.constant([d_model, 1], 0.0),
            bias: init.constant([1], 0.0),
        }
    }

    /// Reads what [`ValueHead::save`] wrote.
    pub fn load(d_model: usize, path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let head = Self::with(&mut ParamInit::empty(device), d_model);
        WeightsFile::open(path)?.load(head, weights::by_path)
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        weights::save(self, path, weights::by_path)
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
