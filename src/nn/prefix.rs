//! Prefix-tuning: trainable keys and values in front of every self-attention (Sec. III-C).
//!
//! The vectors come from an embedding through a two-layer tanh network (Li and Liang 2021). They have no
//! position and are never masked.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::t5::config::T5Config;
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

/// Keys and values of one layer, each `[heads, positions, d_kv]`.
#[derive(Clone, Debug)]
pub struct KeyValue {
    pub(super) keys: Tensor<3>,
    pub(super) values: Tensor<3>,
}

impl KeyValue {
    /// `[batch, heads, positions, d_kv]`
    pub(super) fn keys_for(&self, batch: usize) -> Tensor<4> {
        self.keys.clone().unsqueeze_dim::<4>(0).repeat_dim(0, batch)
    }

    /// `[batch, heads, positions, d_kv]`
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
    pub(super) encoder: Vec<KeyValue>,
    pub(super) decoder: Vec<KeyValue>,
    /// Empty without a cross-attention prefix.
    pub(super) cross: Vec<KeyValue>,
}

/// The network that makes the prefixes of one kind of attention: `up · tanh(down · embedding)`.
#[derive(Module, Debug)]
struct Reparameterization {
    /// `[positions, d_model]`
    embedding: Param<Tensor<2>>,
    /// `[d_model, hidden]`
    down: Param<Tensor<2>>,
    down_bias: Param<Tensor<1>>,
    /// `[hidden, layers * 2 * inner]`
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
        t5: &T5Config,
    ) -> Self {
        let width = layers * 2 * t5.inner();
        Reparameterization {
            embedding: init.normal([positions, t5.d_model], 1.0),
            down: init.normal([t5.d_model, hidden], (t5.d_model as f64).powf(-0.5)),
            down_bias: init.constant([hidden], 0.0),
            up: init.normal([hidden, width], (hidden as f64).powf(-0.5)),
            up_bias: init.constant([width], 0.0),
            layers,
            heads: t5.num_heads,
        }
    }

    /// Keys and values of each layer.
    fn forward(&self) -> Vec<KeyValue> {
        let hidden =
            self.embedding.val().matmul(self.down.val()) + self.down_bias.val().unsqueeze();
        let all = hidden.tanh().matmul(self.up.val()) + self.up_bias.val().unsqueeze();
        let [positions, width] = all.dims();
        let d_kv = width / (self.layers * 2 * self.heads);
        // Keys and values in turn: `[layers * 2, heads, positions, d_kv]`.
        let stacked = all
            .reshape([positions, self.layers * 2, self.heads, d_kv])
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
    encoder: Reparameterization,
    decoder: Reparameterization,
    cross: Option<Reparameterization>,
    #[module(skip)]
    config: PrefixConfig,
}

impl Prefix {
    /// A prefix drawn by seed for a T5 of that shape.
    pub fn new(config: &PrefixConfig, t5: &T5Config, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config, t5)
    }

    fn with(init: &mut ParamInit<'_>, config: &PrefixConfig, t5: &T5Config) -> Self {
        let mut part = |positions: usize, layers: usize| {
            Reparameterization::new(init, positions, layers, config.hidden, t5)
        };
        Prefix {
            encoder: part(config.encoder, t5.num_layers),
            decoder: part(config.decoder, t5.num_decoder_layers),
            cross: (config.cross > 0).then(|| part(config.cross, t5.num_decoder_layers)),
            config: config.clone(),
        }
    }

    /// Reads what [`Prefix::save`] wrote.
    pub fn load(
        config: &PrefixConfig,
        t5: &T5Config,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let prefix = Self::with(&mut ParamInit::empty(device), config, t5);
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
        let cross = self.cross.as_ref().map(Reparameterization::forward);
        PrefixVectors {
            encoder: self.encoder.forward(),
            decoder: self.decoder.forward(),
            cross: cross.unwrap_or_default(),
        }
    }
}
