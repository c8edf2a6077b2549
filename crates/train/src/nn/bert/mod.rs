//! BERT's encoder, as Transformers' `BertModel` computes it without its pooler; MiniLM is one.
//!
//! Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019).

mod config;
mod names;

use std::cell::OnceCell;
use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::activation::{gelu, gelu_approximate, relu};
use burn::tensor::{Device, Int, Tensor};

pub use config::{Activation, BertConfig};
pub(in crate::nn) use names::tensor_names;

use super::Dropout;
use super::attention::{Bias, Heads, attention};
use super::host::{self, Sources, is_host};
use super::linear::affine;
use super::weights::{ParamInit, WeightsError, WeightsFile};

#[derive(Module, Debug)]
pub struct BertEncoder {
    /// `[vocabulary, hidden]`
    words: Param<Tensor<2>>,
    /// `[longest text, hidden]`
    positions: Param<Tensor<2>>,
    /// `[kinds of texts, hidden]`
    types: Param<Tensor<2>>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    #[module(skip)]
    config: BertConfig,
}

impl BertEncoder {
    /// An encoder with weights drawn as Transformers draws them, or without.
    pub fn new(init: &mut ParamInit<'_>, config: &BertConfig) -> Self {
        let (hidden, std) = (config.hidden_size, config.initializer_range);
        BertEncoder {
            words: init.normal([config.vocab_size, hidden], std),
            positions: init.normal([config.max_position_embeddings, hidden], std),
            types: init.normal([config.type_vocab_size, hidden], std),
            norm: LayerNorm::new(init, config),
            layers: (0..config.num_hidden_layers)
                .map(|_| Layer::new(init, config))
                .collect(),
            config: config.clone(),
        }
    }

    /// Reads a Hugging Face folder; poolers and heads in it are left out.
    ///
    /// # Errors
    /// The folder is no BERT, or its weights do not belong to its configuration.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let config = BertConfig::read(folder)?;
        let mut file = WeightsFile::open_folder(folder)?;
        names::settle(&mut file, &config)?;
        let empty = Self::new(&mut ParamInit::empty(device), &config);
        file.load(empty, tensor_names)
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// States `[batch, tokens, hidden]` of `ids`, each row one text; `mask` is 1 where a token is real.
    ///
    /// # Panics
    /// A row is longer than `max_position_embeddings`.
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let [batch, tokens] = ids.dims();
        let types = Tensor::zeros([batch, tokens], &ids.device());
        self.forward_pair(ids, types, mask, dropout)
    }

    /// States as [`BertEncoder::forward`], where `types` `[batch, tokens]` is 0 for a token of the first text and 1 for
    /// one of the second.
    pub fn forward_pair(
        &self,
        ids: Tensor<2, Int>,
        types: Tensor<2, Int>,
        mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let [batch, tokens] = ids.dims();
        let rows = |table: &Param<Tensor<2>>, rows: Tensor<2, Int>| {
            let table = table.val();
            let hidden = table.dims()[1];
            table
                .select(0, rows.reshape([batch * tokens]))
                .reshape([batch, tokens, hidden])
        };
        let positions = self.positions.val().narrow(0, 0, tokens).unsqueeze_dim(0);
        let x = rows(&self.words, ids) + rows(&self.types, types) + positions;
        let mut x = dropout.apply(self.norm.forward(x));
        for layer in &self.layers {
            x = layer.forward(x, mask, dropout);
        }
        x
    }
}

/// Self-attention, then the feed-forward layer; each is normed after its residual.
#[derive(Module, Debug)]
struct Layer {
    query: Linear,
    /// Keys and values in one product.
    keys_values: Linear,
    attended: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl Layer {
    fn new(init: &mut ParamInit<'_>, config: &BertConfig) -> Self {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let std = config.initializer_range;
        Layer {
            query: Linear::new(init, hidden, hidden, std),
            keys_values: Linear::new(init, 2 * hidden, hidden, std),
            attended: Linear::new(init, hidden, hidden, std),
            attention_norm: LayerNorm::new(init, config),
            intermediate: Linear::new(init, wide, hidden, std),
            output: Linear::new(init, hidden, wide, std),
            output_norm: LayerNorm::new(init, config),
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        }
    }

    /// `x` `[batch, tokens, hidden]`
    fn forward(&self, x: Tensor<3>, mask: &Tensor<2>, dropout: &mut Dropout) -> Tensor<3> {
        let attended = self.attended.forward(self.attend(x.clone(), mask, dropout));
        let x = (self.attention_norm).forward(x + dropout.apply(attended));
        let wide = self.intermediate.forward(x.clone());
        let wide = match self.activation {
            Activation::Gelu if is_host(&wide.device()) => host::gelu(wide),
            Activation::Gelu => gelu(wide),
            Activation::GeluApproximate => gelu_approximate(wide),
            Activation::Relu => relu(wide),
        };
        let output = self.output.forward(wide);
        self.output_norm.forward(x + dropout.apply(output))
    }

    /// Scaled dot-product attention of all heads, side by side: `[batch, tokens, hidden]`.
    fn attend(&self, x: Tensor<3>, mask: &Tensor<2>, dropout: &mut Dropout) -> Tensor<3> {
        let [_, tokens, hidden] = x.dims();
        let width = hidden / self.heads;
        let queries = self.query.forward(x.clone());
        let queries = queries.mul_scalar((width as f64).powf(-0.5));
        let keys_values = self.keys_values.forward(x);
        let bias = Bias {
            position: None,
            mask: Some(mask),
            causal: false,
            prefix: 0,
            size: [tokens; 2],
            sum: OnceCell::new(),
        };
        let sources = Sources {
            queries,
            keys_values: Some(keys_values),
        };
        attention(sources, Heads::equal(self.heads), &bias, None, dropout)
    }
}

/// A linear layer with a bias.
#[derive(Module, Debug)]
struct Linear {
    /// `[output, input]`
    weight: Param<Tensor<2>>,
    /// `[output]`
    bias: Param<Tensor<1>>,
}

impl Linear {
    fn new(init: &mut ParamInit<'_>, output: usize, input: usize, std: f64) -> Self {
        Linear {
            weight: init.normal([output, input], std),
            bias: init.constant([output], 0.0),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        affine(x, &self.weight, &self.bias)
    }
}

/// Layer norm with mean and bias.
#[derive(Module, Debug)]
struct LayerNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    fn new(init: &mut ParamInit<'_>, config: &BertConfig) -> Self {
        LayerNorm {
            weight: init.constant([config.hidden_size], 1.0),
            bias: init.constant([config.hidden_size], 0.0),
            epsilon: config.layer_norm_eps,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        if is_host(&x.device()) {
            return host::layer_norm(x, self.weight.val(), self.bias.val(), self.epsilon);
        }
        let centred = x.clone() - x.mean_dim(2);
        let variance = (centred.clone() * centred.clone()).mean_dim(2);
        let scale = variance.add_scalar(self.epsilon).sqrt().recip();
        centred * scale * self.weight.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}
