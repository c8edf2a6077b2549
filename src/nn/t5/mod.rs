//! T5, as Transformers' `T5ForConditionalGeneration` computes it.

mod attention;
pub(super) mod config;
mod stack;

use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Int, Tensor};

pub use attention::KeyValue4;
pub(crate) use attention::linear;
pub use config::{FeedForward, T5Config};
pub use stack::Cache;
use stack::{Decoder, Encoder};

use super::Dropout;
use super::prefix::PrefixVectors;
use super::weights::{Init, Sink, Source, WeightsError};

/// The encoder with its embedding: half of an identifier.
#[derive(Module, Debug)]
pub struct T5Encoder {
    /// `[vocabulary, d_model]`
    embedding: Param<Tensor<2>>,
    encoder: Encoder,
    #[module(skip)]
    config: T5Config,
}

/// The whole model.
#[derive(Module, Debug)]
pub struct T5 {
    /// `[vocabulary, d_model]`, shared by encoder, decoder and, where tied, the output head.
    embedding: Param<Tensor<2>>,
    encoder: Encoder,
    decoder: Decoder,
    /// `[vocabulary, d_model]`; none where tied.
    head: Option<Param<Tensor<2>>>,
    #[module(skip)]
    config: T5Config,
}

/// Makes parameters of their own: gradients and optimizers tell parameters apart by id, and a copy
/// has the id of what it was copied from.
struct Anew;

impl ModuleMapper for Anew {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::from_tensor(param.val())
    }
}

fn embed(embedding: &Param<Tensor<2>>, ids: Tensor<2, Int>) -> Tensor<3> {
    let [batch, tokens] = ids.dims();
    let table = embedding.val();
    let width = table.dims()[1];
    table
        .select(0, ids.reshape([batch * tokens]))
        .reshape([batch, tokens, width])
}

impl T5Encoder {
    /// Reads or draws an encoder whose tensors begin with `prefix`, such as `context_encoder.`.
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        prefix: &str,
    ) -> Result<Self, WeightsError> {
        let embedding = source.param(
            &format!("{prefix}shared.weight"),
            [config.vocab_size, config.d_model],
            Init::Normal(1.0),
        )?;
        source.forget(&[&format!("{prefix}encoder.embed_tokens.weight")]);
        Ok(T5Encoder {
            embedding,
            encoder: Encoder::build(source, config, &format!("{prefix}encoder"))?,
            config: config.clone(),
        })
    }

    /// The inverse of [`T5Encoder::build`].
    pub fn put(&self, sink: &mut Sink, prefix: &str) {
        sink.put(format!("{prefix}shared.weight"), self.embedding.val());
        self.encoder
            .put(sink, &self.config, &format!("{prefix}encoder"));
    }

    /// The encoder of a whole model, to be trained apart from it and from any other such copy. The
    /// numbers are shared until one of them is trained.
    pub fn of(t5: &T5) -> Self {
        let t5 = t5.valid();
        let encoder = T5Encoder {
            embedding: t5.embedding,
            encoder: t5.encoder,
            config: t5.config,
        };
        encoder.map(&mut Anew)
    }

    /// States `[batch, tokens, d_model]` of `ids`; `mask` is 1 where a token is real.
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.encoder
            .forward(embed(&self.embedding, ids), mask, None, dropout)
    }
}

impl T5 {
    /// A model with weights drawn as Transformers draws them, the same on every device.
    pub fn new(config: &T5Config, device: &Device, seed: u64) -> Self {
        match Self::build(&mut Source::random(seed, device), config) {
            Ok(t5) => t5,
            Err(_) => unreachable!("drawing weights cannot fail"),
        }
    }

    fn build(source: &mut Source<'_>, config: &T5Config) -> Result<Self, WeightsError> {
        let shape = [config.vocab_size, config.d_model];
        let embedding = source.param("shared.weight", shape, Init::Normal(1.0))?;
        let head = match config.tie_word_embeddings {
            true => None,
            false => Some(source.param("lm_head.weight", shape, Init::Normal(1.0))?),
        };
        // Copies of shared tensors, and one that T5's first release saved though nothing uses it.
        source.forget(&[
            "encoder.embed_tokens.weight",
            "decoder.embed_tokens.weight",
            "lm_head.weight",
            "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
        ]);
        Ok(T5 {
            embedding,
            encoder: Encoder::build(source, config, "encoder")?,
            decoder: Decoder::build(source, config, "decoder")?,
            head,
            config: config.clone(),
        })
    }

    /// Reads a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let config = T5Config::read(folder)?;
        let mut source = Source::folder(folder, device)?;
        let t5 = Self::build(&mut source, &config)?;
        source.finish()?;
        Ok(t5)
    }

    /// Writes `config.json` and `model.safetensors`, which Transformers loads as they are.
    pub fn save(&self, folder: &Path) -> Result<(), WeightsError> {
        fs::create_dir_all(folder).map_err(WeightsError::io(folder))?;
        let mut sink = Sink::default();
        sink.put("shared.weight", self.embedding.val());
        if let Some(head) = &self.head {
            sink.put("lm_head.weight", head.val());
        }
        self.encoder.put(&mut sink, &self.config, "encoder");
        self.decoder.put(&mut sink, &self.config, "decoder");
        sink.write(&folder.join("model.safetensors"))?;
        self.config.write(folder)
    }

    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.embedding.val().device()
    }

    /// Encoder states `[batch, tokens, d_model]` of `ids`; `mask` is 1 where a token is real.
    pub fn encode(
        &self,
        ids: Tensor<2, Int>,
        mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.encoder
            .forward(embed(&self.embedding, ids), mask, prefix, dropout)
    }

    /// Final decoder states `[batch, tokens, d_model]` for decoder inputs `ids`, all at once.
    pub fn decode(
        &self,
        ids: Tensor<2, Int>,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let x = embed(&self.embedding, ids);
        self.decoder
            .forward(x, encoded, encoder_mask, prefix, dropout)
    }

    /// A cache to decode from, token by token.
    pub fn start(
        &self,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
    ) -> Cache {
        self.decoder.start(encoded, encoder_mask, prefix)
    }

    /// Final decoder states of the next tokens `ids` `[batch, tokens]`, which the cache takes in.
    pub fn decode_next(
        &self,
        ids: Tensor<2, Int>,
        cache: &mut Cache,
        prefix: Option<&PrefixVectors>,
    ) -> Tensor<3> {
        self.decoder
            .next(embed(&self.embedding, ids), cache, prefix)
    }

    /// Logits `[batch, tokens, vocabulary]` of final decoder states.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        match &self.head {
            Some(head) => linear(hidden, head),
            None => {
                let width = self.config.d_model as f64;
                linear(hidden.mul_scalar(width.powf(-0.5)), &self.embedding)
            }
        }
    }
}
