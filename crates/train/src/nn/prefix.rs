//! Prefix-tuning: trainable keys and values in front of every self-attention (Sec. III-C). A decoder alone has a
//! decoder's prefix only.
//!
//! The vectors come from an embedding through a two-layer tanh network (Li and Liang 2021). They have no
//! position and are never masked.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::shape::ModelShape;
use super::weights::{self, ParamInit, WeightsError, WeightsFile};

/// Lengths of the prefixes, and the width of the network that makes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixConfig {
    /// Positions in each encoder layer.
    pub encoder: usize,
    /// Positions in each decoder layer.
    pub decoder: usize,
    /// Positions in each cross-attention; 0 for none.
    pub cross: usize,
    /// Width of the tanh layer.
    pub hidden: usize,
}

/// Keys and values of one layer, each `[key/value heads, positions, head_dim]`.
#[derive(Clone, Debug)]
pub struct KeyValue {
    pub(super) keys: Tensor<3>,
    pub(super) values: Tensor<3>,
}

impl KeyValue {
    /// `[batch, heads, positions, head_dim]`
    pub(super) fn keys_for(&self, batch: usize) -> Tensor<4> {
        self.keys.clone().unsqueeze_dim::<4>(0).repeat_dim(0, batch)
    }

    /// `[batch, heads, positions, head_dim]`
    pub(super) fn values_for(&self, batch: usize) -> Tensor<4> {
        self.values
            .clone()
            .unsqueeze_dim::<4>(0)
            .repeat_dim(0, batch)
    }

    pub(super) fn length(&self) -> usize {
        self.keys.dims()[1]
    }
}

/// The prefixes of every layer.
#[derive(Clone, Debug)]
pub struct PrefixVectors {
    /// Empty without an encoder.
    pub(super) encoder: Vec<KeyValue>,
    pub(super) decoder: Vec<KeyValue>,
    /// Empty without a cross-attention prefix.
    pub(super) cross: Vec<KeyValue>,
}

/// The network that makes the prefixes of one kind of attention: `up · tanh(down · embedding)`.
#[derive(Module, Debug)]
struct Reparameterization {
    /// `[positions, hidden_size]`
    embedding: Param<Tensor<2>>,
    /// `[hidden_size, hidden]`
    down: Param<Tensor<2>>,
    down_bias: Param<Tensor<1>>,
    /// `[hidden, layers * 2 * heads * head_dim]`
    up: Param<Tensor<2>>,
    up_bias: Param<Tensor<1>>,
    layers: usize,
    heads: usize,
}

impl Reparameterization {
    fn new(
        init: &mut ParamInit<'_>,
        positions: usize,
        layers: usize,
        hidden: usize,
        shape: &ModelShape,
    ) -> Self {
        let (input, width) = (shape.hidden_size, layers * 2 * shape.key_value_width());
        Reparameterization {
            embedding: init.normal([positions, input], 1.0),
            down: init.normal([input, hidden], (input as f64).powf(-0.5)),
            down_bias: init.constant([hidden], 0.0),
            up: init.normal([hidden, width], (hidden as f64).powf(-0.5)),
            up_bias: init.constant([width], 0.0),
            layers,
            heads: shape.num_key_value_heads,
        }
    }

    /// Keys and values of each layer.
    fn forward(&self) -> Vec<KeyValue> {
        let hidden =
            self.embedding.val().matmul(self.down.val()) + self.down_bias.val().unsqueeze();
        let all = hidden.tanh().matmul(self.up.val()) + self.up_bias.val().unsqueeze();
        let [positions, width] = all.dims();
        let head_dim = width / (self.layers * 2 * self.heads);
        // Keys and values in turn: `[layers * 2, heads, positions, head_dim]`.
        let stacked = all
            .reshape([positions, self.layers * 2, self.heads, head_dim])
            .permute([1, 2, 0, 3]);
        let pick = |index: usize| stacked.clone().narrow(0, index, 1).squeeze_dim::<3>(0);
        (0..self.layers)
            .map(|layer| KeyValue {
                keys: pick(2 * layer),
                values: pick(2 * layer + 1),
            })
            .collect()
    }
}

/// The trainable prefix.
#[derive(Module, Debug)]
pub struct Prefix {
    encoder: Option<Reparameterization>,
    decoder: Reparameterization,
    cross: Option<Reparameterization>,
    #[module(skip)]
    config: PrefixConfig,
}

impl Prefix {
    /// A prefix drawn by seed for a model of that shape.
    pub fn new(config: &PrefixConfig, shape: &ModelShape, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config, shape)
    }

    fn with(init: &mut ParamInit<'_>, config: &PrefixConfig, shape: &ModelShape) -> Self {
        let (encoder, cross) = match shape.encoder_layers {
            0 => (0, 0),
            _ => (config.encoder, config.cross),
        };
        let config = PrefixConfig {
            encoder,
            cross,
            ..config.clone()
        };
        let mut part = |positions: usize, layers: usize| {
            Reparameterization::new(init, positions, layers, config.hidden, shape)
        };
        Prefix {
            encoder: (shape.encoder_layers > 0).then(|| part(encoder, shape.encoder_layers)),
            decoder: part(config.decoder, shape.decoder_layers),
            cross: (cross > 0).then(|| part(cross, shape.decoder_layers)),
            config,
        }
    }

    /// Reads what [`Prefix::save`] wrote.
    pub fn load(
        config: &PrefixConfig,
        shape: &ModelShape,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let prefix = Self::with(&mut ParamInit::empty(device), config, shape);
        WeightsFile::open(path)?.load(prefix, weights::by_path)
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        weights::save(self, path, weights::by_path)
    }

    pub fn config(&self) -> &PrefixConfig {
        &self.config
    }

    /// Keys and values of every layer, with their graph.
    pub fn vectors(&self) -> PrefixVectors {
        let of = |part: &Option<Reparameterization>| {
            let layers = part.as_ref().map(Reparameterization::forward);
            layers.unwrap_or_default()
        };
        PrefixVectors {
            encoder: of(&self.encoder),
            decoder: self.decoder.forward(),
            cross: of(&self.cross),
        }
    }
}
