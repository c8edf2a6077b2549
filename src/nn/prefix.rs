//! Prefix-tuning: trainable keys and values in front of every self-attention (Sec. III-C).
//!
//! While it is trained, the vectors come from an embedding through a two-layer tanh network (Li and
//! Liang 2021); afterwards they can be folded to plain tensors. They know no position and are never
//! masked.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::t5::config::T5Config;
use super::weights::{Init, Sink, Source, WeightsError};

/// How long the prefixes are, and how wide the network that makes them.
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

    fn length(&self) -> usize {
        self.keys.dims()[1]
    }
}

/// The prefixes of every layer.
#[derive(Clone, Debug)]
pub struct PrefixVectors {
    pub(super) encoder: Vec<KeyValue>,
    pub(super) decoder: Vec<KeyValue>,
    cross: Vec<KeyValue>,
}

impl PrefixVectors {
    pub(super) fn cross(&self, layer: usize) -> Option<&KeyValue> {
        self.cross.get(layer)
    }

    pub(super) fn encoder_length(&self) -> usize {
        self.encoder.first().map_or(0, KeyValue::length)
    }

    pub(super) fn decoder_length(&self) -> usize {
        self.decoder.first().map_or(0, KeyValue::length)
    }

    pub(super) fn cross_length(&self) -> usize {
        self.cross.first().map_or(0, KeyValue::length)
    }
}

/// What makes the prefixes of one kind of attention.
#[derive(Module, Debug)]
struct Part {
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

impl Part {
    fn build(
        source: &mut Source<'_>,
        name: &str,
        positions: usize,
        layers: usize,
        hidden: usize,
        t5: &T5Config,
    ) -> Result<Self, WeightsError> {
        let width = layers * 2 * t5.inner();
        let normal = |size: usize| Init::Normal((size as f64).powf(-0.5));
        Ok(Part {
            embedding: source.param(
                &format!("{name}.embedding"),
                [positions, t5.d_model],
                Init::Normal(1.0),
            )?,
            down: source.param(
                &format!("{name}.down"),
                [t5.d_model, hidden],
                normal(t5.d_model),
            )?,
            down_bias: source.param(&format!("{name}.down_bias"), [hidden], Init::Constant(0.0))?,
            up: source.param(&format!("{name}.up"), [hidden, width], normal(hidden))?,
            up_bias: source.param(&format!("{name}.up_bias"), [width], Init::Constant(0.0))?,
            layers,
            heads: t5.num_heads,
        })
    }

    fn put(&self, sink: &mut Sink, name: &str) {
        sink.put(format!("{name}.embedding"), self.embedding.val());
        sink.put(format!("{name}.down"), self.down.val());
        sink.put(format!("{name}.down_bias"), self.down_bias.val());
        sink.put(format!("{name}.up"), self.up.val());
        sink.put(format!("{name}.up_bias"), self.up_bias.val());
    }

    /// `[layers * 2, heads, positions, d_kv]`: keys and values in turn.
    fn stacked(&self) -> Tensor<4> {
        let hidden =
            self.embedding.val().matmul(self.down.val()) + self.down_bias.val().unsqueeze();
        let all = hidden.tanh().matmul(self.up.val()) + self.up_bias.val().unsqueeze();
        let [positions, width] = all.dims();
        let d_kv = width / (self.layers * 2 * self.heads);
        all.reshape([positions, self.layers * 2, self.heads, d_kv])
            .permute([1, 2, 0, 3])
    }
}

fn layers(stacked: &Tensor<4>) -> Vec<KeyValue> {
    let pick = |index: usize| stacked.clone().narrow(0, index, 1).squeeze_dim::<3>(0);
    (0..stacked.dims()[0] / 2)
        .map(|layer| KeyValue {
            keys: pick(2 * layer),
            values: pick(2 * layer + 1),
        })
        .collect()
}

/// The trainable prefix.
#[derive(Module, Debug)]
pub struct Prefix {
    encoder: Part,
    decoder: Part,
    cross: Option<Part>,
    #[module(skip)]
    config: PrefixConfig,
}

impl Prefix {
    /// A prefix drawn by seed for a T5 of that shape.
    pub fn new(config: &PrefixConfig, t5: &T5Config, device: &Device, seed: u64) -> Self {
        match Self::build(&mut Source::random(seed, device), config, t5) {
            Ok(prefix) => prefix,
            Err(_) => unreachable!("drawing weights cannot fail"),
        }
    }

    /// Reads what [`Prefix::save`] wrote.
    pub fn load(
        config: &PrefixConfig,
        t5: &T5Config,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let mut source = Source::file(path, device)?;
        let prefix = Self::build(&mut source, config, t5)?;
        source.finish()?;
        Ok(prefix)
    }

    fn build(
        source: &mut Source<'_>,
        config: &PrefixConfig,
        t5: &T5Config,
    ) -> Result<Self, WeightsError> {
        let decoder_layers = t5.num_decoder_layers;
        Ok(Prefix {
            encoder: Part::build(
                source,
                "encoder",
                config.encoder,
                t5.num_layers,
                config.hidden,
                t5,
            )?,
            decoder: Part::build(
                source,
                "decoder",
                config.decoder,
                decoder_layers,
                config.hidden,
                t5,
            )?,
            cross: match config.cross {
                0 => None,
                length => Some(Part::build(
                    source,
                    "cross",
                    length,
                    decoder_layers,
                    config.hidden,
                    t5,
                )?),
            },
            config: config.clone(),
        })
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let mut sink = Sink::default();
        self.encoder.put(&mut sink, "encoder");
        self.decoder.put(&mut sink, "decoder");
        if let Some(cross) = &self.cross {
            cross.put(&mut sink, "cross");
        }
        sink.write(path)
    }

    pub fn config(&self) -> &PrefixConfig {
        &self.config
    }

    /// Keys and values of every layer, with their graph.
    pub fn vectors(&self) -> PrefixVectors {
        PrefixVectors {
            encoder: layers(&self.encoder.stacked()),
            decoder: layers(&self.decoder.stacked()),
            cross: self
                .cross
                .as_ref()
                .map_or_else(Vec::new, |cross| layers(&cross.stacked())),
        }
    }

    /// The vectors as plain tensors, without the network that made them.
    pub fn fold(&self) -> FoldedPrefix {
        let plain = |part: &Part| Param::from_tensor(part.stacked().detach());
        FoldedPrefix {
            encoder: plain(&self.encoder),
            decoder: plain(&self.decoder),
            cross: self.cross.as_ref().map(plain),
        }
    }
}

/// Prefix vectors that are plain tensors, each `[layers * 2, heads, positions, d_kv]`.
#[derive(Module, Debug)]
pub struct FoldedPrefix {
    encoder: Param<Tensor<4>>,
    decoder: Param<Tensor<4>>,
    cross: Option<Param<Tensor<4>>>,
}

impl FoldedPrefix {
    /// Reads what [`FoldedPrefix::save`] wrote.
    ///
    /// # Errors
    /// A file that is not there, is damaged, or holds another prefix than `config` and `t5` say.
    pub fn load(
        config: &PrefixConfig,
        t5: &T5Config,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let mut source = Source::file(path, device)?;
        let mut part = |name: &str, positions: usize, layers: usize| {
            let shape = [2 * layers, t5.num_heads, positions, t5.d_kv];
            source.param(name, shape, Init::Constant(0.0))
        };
        let folded = FoldedPrefix {
            encoder: part("encoder", config.encoder, t5.num_layers)?,
            decoder: part("decoder", config.decoder, t5.num_decoder_layers)?,
            cross: match config.cross {
                0 => None,
                length => Some(part("cross", length, t5.num_decoder_layers)?),
            },
        };
        source.finish()?;
        Ok(folded)
    }

    /// Writes one `.safetensors` file.
    ///
    /// # Errors
    /// A folder that cannot be written to, or a full disk.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let mut sink = Sink::default();
        sink.put("encoder", self.encoder.val());
        sink.put("decoder", self.decoder.val());
        if let Some(cross) = &self.cross {
            sink.put("cross", cross.val());
        }
        sink.write(path)
    }

    /// Keys and values of every layer.
    pub fn vectors(&self) -> PrefixVectors {
        PrefixVectors {
            encoder: layers(&self.encoder.val()),
            decoder: layers(&self.decoder.val()),
            cross: self
                .cross
                .as_ref()
                .map_or_else(Vec::new, |cross| layers(&cross.val())),
        }
    }
}
