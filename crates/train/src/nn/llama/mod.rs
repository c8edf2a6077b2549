//! Decoders of the Llama family, as Transformers' `LlamaForCausalLM`, `MistralForCausalLM`, `Qwen2ForCausalLM` and
//! `Qwen3ForCausalLM` compute them.

mod batch;
mod block;
mod cache;
mod config;
mod file;
mod names;
mod read;
mod rope;

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use batch::Batch;
use block::{Block, LayerAdapter, Pass, RmsNorm};
pub use cache::Cache;
pub use config::{Family, LlamaConfig};
pub(super) use names::tensor_names;
pub use rope::RopeScaling;
use rope::Rotation;

use super::Dropout;
use super::adapter::AdapterWeights;
use super::attention::Bias;
use super::linear::linear;
use super::lora::{Lora, LoraConfig, LoraError, LoraTask};
use super::precision::in_f32;
use super::prefix::KeyValue;
use super::weights::{self, ParamInit, WeightsError, WeightsFile};

/// The whole model.
#[derive(Module, Debug)]
pub struct Llama {
    /// `[vocabulary, hidden]`, also the output head where tied.
    embedding: Param<Tensor<2>>,
    layers: Vec<Block>,
    norm: RmsNorm,
    /// `[vocabulary, hidden]`; none where tied.
    head: Option<Param<Tensor<2>>>,
    #[module(skip)]
    config: LlamaConfig,
    /// Tensors of the file it was read from that are no part of the model.
    #[module(skip)]
    left_out: Vec<String>,
}

impl Llama {
    /// A model with weights drawn as Transformers draws them, the same on every device.
    pub fn new(config: &LlamaConfig, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config)
    }

    pub(super) fn with(init: &mut ParamInit<'_>, config: &LlamaConfig) -> Self {
        let (shape, std) = (
            [config.vocab_size, config.hidden_size],
            config.initializer_range,
        );
        Llama {
            embedding: init.normal(shape, std),
            head: (!config.tie_word_embeddings).then(|| init.normal(shape, std)),
            layers: (0..config.num_hidden_layers)
                .map(|_| Block::new(init, config))
                .collect(),
            norm: RmsNorm::new(init, config.hidden_size, config.rms_norm_eps),
            config: config.clone(),
            left_out: Vec::new(),
        }
    }

    /// Reads a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let config = LlamaConfig::read(folder)?;
        Self::fill(config, WeightsFile::open_folder(folder)?, device)
    }

    /// A model of that shape with the weights of that file.
    pub fn fill(
        mut config: LlamaConfig,
        mut file: WeightsFile,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let left_out = file::settle(&mut file, &mut config)?;
        let llama = Self::with(&mut ParamInit::empty(device), &config);
        let llama = file.load(llama, tensor_names)?;
        Ok(Llama { left_out, ..llama })
    }

    /// Writes `config.json` and `model.safetensors`, which Transformers loads as they are.
    pub fn save(&self, folder: &Path) -> Result<(), WeightsError> {
        fs::create_dir_all(folder).map_err(WeightsError::io(folder))?;
        weights::save(self, &folder.join("model.safetensors"), tensor_names)?;
        self.config.write(folder)
    }

    /// Tensors of the file it was read from that are no part of the model, such as another trainer's value head.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.embedding.val().device()
    }

    /// The same without an output head of its own, for what reads its states.
    #[must_use]
    pub fn without_head(mut self) -> Self {
        self.head = None;
        self.config = self.config.without_head();
        self
    }

    /// Final states `[batch, response tokens, hidden]` of the responses' own tokens, each of which has seen the context
    /// and the tokens before it; states past a row's end mean nothing. No response at all still makes one column.
    pub fn encode<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.response_states(contexts, responses, 0, None, dropout)
    }

    /// Final states `[batch, response tokens, hidden]`, each of which predicts the response's token at its position
    /// (teacher forcing); states past a row's end mean nothing. An empty context is read as the token that begins a
    /// sequence.
    pub fn forward<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        // The last token of a response is predicted and not read.
        self.response_states(contexts, responses, 1, adapter, dropout)
    }

    /// Final states of as many last columns as the longest response has, or one. The last `unread` tokens of that one are
    /// not read, so that its states begin so many tokens before it.
    fn response_states<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        unread: usize,
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let responses: Vec<&[u32]> = responses.iter().map(AsRef::as_ref).collect();
        let longest = responses.iter().map(|response| response.len()).max();
        let longest = longest.unwrap_or(0).max(1);
        let batch = self.batch(contexts, &responses, longest - unread, adapter);
        let tokens = batch.ids.dims()[1];
        let (states, _) = self.states(batch, None, adapter, dropout);
        self.norm
            .forward(states.narrow(1, tokens - longest, longest))
    }

    /// A cache after each context, and the states `[batch, 1, hidden]` that predict the first tokens. An empty context is
    /// read as the token that begins a sequence.
    pub fn start<C: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        adapter: Option<&AdapterWeights>,
    ) -> (Cache, Tensor<3>) {
        let batch = self.batch(contexts, &[], 0, adapter);
        let last = batch.ids.dims()[1] - 1;
        let (states, cache) = self.states(batch, None, adapter, &mut Dropout::off());
        (cache, self.norm.forward(states.narrow(1, last, 1)))
    }

    /// The states `[batch, 1, hidden]` that predict what follows `tokens`, one for each row, which are added to the
    /// cache.
    pub fn next(
        &self,
        tokens: &[u32],
        cache: &mut Cache,
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        let device = cache.mask.device();
        let ids: Vec<i32> = tokens.iter().map(|id| *id as i32).collect();
        let shape = [tokens.len(), 1];
        let batch = Batch {
            ids: Tensor::from_data(TensorData::new(ids, shape), &device),
            mask: Tensor::ones(shape, &device),
            positions: cache.next.iter().map(|position| vec![*position]).collect(),
        };
        let (states, after) = self.states(batch, Some(cache), adapter, &mut Dropout::off());
        *cache = after;
        self.norm.forward(states)
    }

    /// Logits `[batch, tokens, vocabulary]` of final states.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        linear(hidden, self.head.as_ref().unwrap_or(&self.embedding))
    }

    /// How many parameters LoRA has for a model of that shape.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora_parameters(config: &LlamaConfig, lora: &LoraConfig) -> Result<u64, LoraError> {
        let device = Device::flex();
        let llama = Self::with(&mut ParamInit::empty(&device), config);
        Lora::count(lora, &llama, tensor_names)
    }

    /// LoRA for this model, which changes nothing yet, drawn by seed.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora(&self, config: &LoraConfig, seed: u64) -> Result<Lora, LoraError> {
        let device = self.device().without_autodiff();
        let mut init = ParamInit::seeded(seed, &device);
        Lora::with(&mut init, config, self, tensor_names, LoraTask::CausalLm)
    }

    /// Reads a PEFT folder of LoRA for this model.
    ///
    /// # Errors
    /// Files that are missing or damaged, an adapter of another kind or for another model.
    pub fn load_lora(&self, folder: &Path) -> Result<Lora, WeightsError> {
        let device = self.device().without_autodiff();
        let mut init = ParamInit::empty(&device);
        Lora::read(folder, self, &mut init, tensor_names, LoraTask::CausalLm)
    }

    /// Fills in empty contexts, and puts positions after those of a prefix, as PEFT does.
    fn batch<C: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[&[u32]],
        width: usize,
        adapter: Option<&AdapterWeights>,
    ) -> Batch {
        let eos = self.config.eos_token_id.first().copied().unwrap_or(0);
        let begin = [self.config.bos_token_id.unwrap_or(eos)];
        let contexts: Vec<&[u32]> = contexts
            .iter()
            .map(|context| match context.as_ref() {
                [] => &begin,
                context => context,
            })
            .collect();
        let first = prefix_of(adapter).first().map_or(0, KeyValue::length);
        let pad = self.config.pad_token_id.unwrap_or(eos);
        let device = self.device().without_autodiff();
        Batch::of(&contexts, responses, width, first, pad, &device)
    }

    /// States of a batch's tokens before the final norm, and the cache with them.
    fn states(
        &self,
        batch: Batch,
        cache: Option<&mut Cache>,
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> (Tensor<3>, Cache) {
        let [rows, tokens] = batch.ids.dims();
        let rotation = Rotation::of(&self.config, &batch.positions, &batch.mask.device());
        let next = batch.positions.iter();
        let next = next.map(|row| row.iter().max().map_or(0, |last| last + 1));
        let next = next.collect();
        let (mut earlier, mask) = match cache {
            None => (Vec::new(), batch.mask),
            Some(cache) => (
                std::mem::take(&mut cache.layers),
                Tensor::cat(vec![cache.mask.clone(), batch.mask], 1),
            ),
        };
        let mut earlier = earlier.drain(..);
        let prefix = prefix_of(adapter);
        let lora = adapter.and_then(AdapterWeights::lora);
        let lora = lora.map_or(&[][..], |lora| lora.stack("layers."));
        let bias = Bias {
            position: None,
            mask: Some(&mask),
            causal: true,
            prefix: prefix.first().map_or(0, KeyValue::length),
            size: [tokens, mask.dims()[1]],
            sum: OnceCell::new(),
        };
        let mut pass = Pass {
            rotation: &rotation,
            bias: &bias,
            dropout,
        };
        let table = self.embedding.val();
        let x = table.select(0, batch.ids.reshape([rows * tokens]));
        let mut x = in_f32(x).reshape([rows, tokens, self.config.hidden_size]);
        let mut layers = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let adapter = LayerAdapter {
                prefix: prefix.get(index),
                lora: lora.get(index),
            };
            let (states, all) = layer.forward(x, earlier.next(), adapter, &mut pass);
            x = states;
            layers.push(all);
        }
        let cache = Cache { layers, mask, next };
        (x, cache)
    }
}

/// The prefix's keys and values of each layer, if there are any.
fn prefix_of(adapter: Option<&AdapterWeights>) -> &[KeyValue] {
    adapter
        .and_then(AdapterWeights::prefix)
        .map_or(&[], |prefix| &prefix.decoder)
}
