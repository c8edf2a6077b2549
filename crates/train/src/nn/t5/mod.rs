//! T5, as Transformers' `T5ForConditionalGeneration` computes it.

mod attention;
pub(super) mod config;
mod file;
mod names;
mod responses;
mod stack;

use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

pub use config::{FeedForward, T5Config};
pub(super) use names::tensor_names;
pub use stack::Cache;
use stack::T5Stack;

use super::Dropout;
use super::adapter::AdapterWeights;
pub(crate) use super::linear::linear;
use super::lora::{Lora, LoraConfig, LoraError, LoraTask};
use super::precision::in_f32;
use super::weights::{self, ParamInit, WeightsError, WeightsFile};

/// The encoder with its embedding: half of an identifier.
#[derive(Module, Debug)]
pub struct T5Encoder {
    /// `[vocabulary, d_model]`
    embedding: Param<Tensor<2>>,
    encoder: T5Stack,
}

/// The whole model.
#[derive(Module, Debug)]
pub struct T5 {
    /// `[vocabulary, d_model]`, shared by encoder, decoder and, where tied, the output head.
    embedding: Param<Tensor<2>>,
    encoder: T5Stack,
    decoder: T5Stack,
    /// `[vocabulary, d_model]`; none where tied.
    head: Option<Param<Tensor<2>>>,
    #[module(skip)]
    config: T5Config,
    /// Tensors of the file it was read from that are no part of T5.
    #[module(skip)]
    left_out: Vec<String>,
}

fn embed(embedding: &Param<Tensor<2>>, ids: Tensor<2, Int>) -> Tensor<3> {
    let [batch, tokens] = ids.dims();
    let table = embedding.val();
    let width = table.dims()[1];
    let rows = table.select(0, ids.reshape([batch * tokens]));
    in_f32(rows).reshape([batch, tokens, width])
}

impl T5Encoder {
    /// An encoder with a vocabulary of its own.
    pub fn new(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        T5Encoder {
            embedding: init.normal([config.vocab_size, config.d_model], 1.0),
            encoder: T5Stack::new(init, config, false),
        }
    }

    /// A copy of a model's encoder, trained separately. The numbers are shared until one of them is trained.
    pub fn of(t5: &T5) -> Self {
        let t5 = t5.valid();
        let encoder = T5Encoder {
            embedding: t5.embedding,
            encoder: t5.encoder,
        };
        weights::with_new_ids(encoder)
    }

    /// States `[batch, tokens, d_model]` of `ids`; `mask` is 1 where a token is real.
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.encoder
            .forward(embed(&self.embedding, ids), mask, None, None, dropout)
    }
}

impl T5 {
    /// A model with weights drawn as Transformers draws them, the same on every device.
    pub fn new(config: &T5Config, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config)
    }

    fn with(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        let shape = [config.vocab_size, config.d_model];
        T5 {
            embedding: init.normal(shape, 1.0),
            head: (!config.tie_word_embeddings).then(|| init.normal(shape, 1.0)),
            encoder: T5Stack::new(init, config, false),
            decoder: T5Stack::new(init, config, true),
            config: config.clone(),
            left_out: Vec::new(),
        }
    }

    /// Reads a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let mut config = T5Config::read(folder)?;
        let mut file = WeightsFile::open_folder(folder)?;
        let left_out = file::settle(&mut file, &mut config)?;
        let t5 = Self::with(&mut ParamInit::empty(device), &config);
        let names = |path: &str| tensor_names(path, &config);
        let t5 = file.load(t5, names)?;
        Ok(T5 { left_out, ..t5 })
    }

    /// Tensors of the file it was read from that are no part of T5, such as another trainer's value head.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Writes `config.json` and `model.safetensors`, which Transformers loads as they are.
    pub fn save(&self, folder: &Path) -> Result<(), WeightsError> {
        fs::create_dir_all(folder).map_err(WeightsError::io(folder))?;
        let names = |path: &str| tensor_names(path, &self.config);
        weights::save(self, &folder.join("model.safetensors"), names)?;
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
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.encoder
            .forward(embed(&self.embedding, ids), mask, None, adapter, dropout)
    }

    /// Final decoder states `[batch, tokens, d_model]` for decoder inputs `ids`, all at once.
    pub fn decode(
        &self,
        ids: Tensor<2, Int>,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let x = embed(&self.embedding, ids);
        self.decoder
            .forward(x, encoder_mask, Some(encoded), adapter, dropout)
    }

    /// A cache to decode from, token by token.
    pub fn start_decoding(
        &self,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        adapter: Option<&AdapterWeights>,
    ) -> Cache {
        self.decoder.start(encoded, encoder_mask, adapter)
    }

    /// Final decoder states of the next tokens `ids` `[batch, tokens]`, which are added to the cache.
    pub fn decode_next(
        &self,
        ids: Tensor<2, Int>,
        cache: &mut Cache,
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        self.decoder
            .next(embed(&self.embedding, ids), cache, adapter)
    }

    /// Logits `[batch, tokens, vocabulary]` of final decoder states.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let hidden = match self.config.scales_output() {
            true => hidden.mul_scalar((self.config.d_model as f64).powf(-0.5)),
            false => hidden,
        };
        linear(hidden, self.head.as_ref().unwrap_or(&self.embedding))
    }

    /// How many parameters LoRA has for a model of that shape.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora_parameters(config: &T5Config, lora: &LoraConfig) -> Result<u64, LoraError> {
        let device = Device::flex();
        let t5 = Self::with(&mut ParamInit::empty(&device), config);
        Lora::count(lora, &t5, |path| tensor_names(path, config))
    }

    /// LoRA for this model, which changes nothing yet, drawn by seed.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora(&self, config: &LoraConfig, seed: u64) -> Result<Lora, LoraError> {
        let device = self.device().without_autodiff();
        let mut init = ParamInit::seeded(seed, &device);
        let names = |path: &str| tensor_names(path, &self.config);
        Lora::with(&mut init, config, self, names, LoraTask::Seq2SeqLm)
    }

    /// Reads a PEFT folder of LoRA for this model.
    ///
    /// # Errors
    /// Files that are missing or damaged, an adapter of another kind or for another model.
    pub fn load_lora(&self, folder: &Path) -> Result<Lora, WeightsError> {
        let device = self.device().without_autodiff();
        let mut init = ParamInit::empty(&device);
        let names = |path: &str| tensor_names(path, &self.config);
        Lora::read(folder, self, &mut init, names, LoraTask::Seq2SeqLm)
    }
}
