//! A decoder's block: attention with rotated queries and keys, then the gated feed-forward layer.
//!
//! The fields' names are the parameters' paths in saved optimizer states.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::cache::KeysValues;
use super::config::LlamaConfig;
use super::rope::Rotation;
use crate::nn::Dropout;
use crate::nn::attention::{Bias, Heads, attention};
use crate::nn::host::{self, Sources, is_host};
use crate::nn::lora::{LoraBlock, LoraLinear, adapted_linear};
use crate::nn::norms::rms_norm;
use crate::nn::prefix::KeyValue;
use crate::nn::weights::ParamInit;

/// Layer norm by the root mean square, without mean and bias (Zhang and Sennrich 2019).
#[derive(Module, Debug)]
pub(super) struct RmsNorm {
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl RmsNorm {
    pub fn new(init: &mut ParamInit<'_>, width: usize, epsilon: f64) -> Self {
        RmsNorm {
            weight: init.constant([width], 1.0),
            epsilon,
        }
    }

    /// Norms the last dimension.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if is_host(&x.device()) {
            return host::rms_norm(x, self.weight.val(), self.epsilon);
        }
        rms_norm(x, self.weight.val(), self.epsilon)
    }
}

/// A linear layer, or several of the same input one above the other.
#[derive(Module, Debug)]
struct Linear {
    /// `[output, input]`
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    fn new(
        init: &mut ParamInit<'_>,
        config: &LlamaConfig,
        [input, output]: [usize; 2],
        has_bias: bool,
    ) -> Self {
        Linear {
            weight: init.normal([output, input], config.initializer_range),
            bias: has_bias.then(|| init.constant([output], 0.0)),
        }
    }

    fn forward(&self, x: Tensor<3>, lora: Option<&LoraLinear>, dropout: &mut Dropout) -> Tensor<3> {
        let y = adapted_linear(x, &self.weight, lora, dropout);
        match &self.bias {
            None => y,
            Some(bias) => y + bias.val().unsqueeze(),
        }
    }
}

/// What a pass over a batch is the same for in every block.
pub(super) struct Pass<'a> {
    pub rotation: &'a Rotation,
    pub bias: &'a Bias<'a>,
    pub dropout: &'a mut Dropout,
}

/// What is put on a layer to tune it.
#[derive(Clone, Copy, Default)]
pub(super) struct LayerAdapter<'a> {
    pub prefix: Option<&'a KeyValue>,
    pub lora: Option<&'a LoraBlock>,
}

impl<'a> LayerAdapter<'a> {
    /// Of the linear layer at `path`.
    fn lora(self, path: &str) -> Option<&'a LoraLinear> {
        LoraBlock::get(self.lora, path)
    }
}

#[derive(Module, Debug)]
struct SelfAttention {
    q: Linear,
    /// Keys above values.
    kv: Linear,
    o: Linear,
    /// Norms of each head of Qwen 3.
    q_norm: Option<RmsNorm>,
    k_norm: Option<RmsNorm>,
    heads: usize,
    key_heads: usize,
    head_dim: usize,
}

impl SelfAttention {
    fn new(init: &mut ParamInit<'_>, config: &LlamaConfig) -> Self {
        let (width, queries, keys) = (config.hidden_size, config.query_width(), config.key_width());
        let bias = config.has_query_bias();
        let mut norm = || {
            let norms = config.has_head_norms();
            norms.then(|| RmsNorm::new(init, config.head_dim, config.rms_norm_eps))
        };
        let (q_norm, k_norm) = (norm(), norm());
        SelfAttention {
            q: Linear::new(init, config, [width, queries], bias),
            kv: Linear::new(init, config, [width, 2 * keys], bias),
            o: Linear::new(init, config, [queries, width], config.has_output_bias()),
            q_norm,
            k_norm,
            heads: config.num_attention_heads,
            key_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
        }
    }

    /// `x` `[batch, tokens, hidden]` attends to itself and to the keys and values before it. Also returns all keys and
    /// values.
    fn forward(
        &self,
        x: Tensor<3>,
        earlier: Option<KeysValues>,
        adapter: LayerAdapter<'_>,
        pass: &mut Pass<'_>,
    ) -> (Tensor<3>, KeysValues) {
        let lora = adapter.lora("attention.q");
        let queries = self.q.forward(x.clone(), lora, pass.dropout);
        let queries = self.norm_heads(self.q_norm.as_ref(), queries, self.heads);
        // The scores' scale is put on the queries.
        let scale = (self.head_dim as f32).powf(-0.5);
        let queries = pass.rotation.apply(queries, self.heads, scale);

        let lora = adapter.lora("attention.kv");
        let own = self.kv.forward(x, lora, pass.dropout);
        let own = self.norm_heads(self.k_norm.as_ref(), own, self.key_heads);
        let own = pass.rotation.apply(own, self.key_heads, 1.0);
        let keys_values = match earlier {
            None => KeysValues::new(own),
            Some(earlier) => earlier.append(own),
        };

        let sources = Sources {
            queries,
            keys_values: Some(keys_values.memory()),
        };
        let heads = Heads {
            query: self.heads,
            key: self.key_heads,
        };
        let mixed = attention(sources, heads, pass.bias, adapter.prefix, pass.dropout);
        let lora = adapter.lora("attention.o");
        (self.o.forward(mixed, lora, pass.dropout), keys_values)
    }

    /// Norms each of the first `heads` heads of `x`; what follows them stays.
    fn norm_heads(&self, norm: Option<&RmsNorm>, x: Tensor<3>, heads: usize) -> Tensor<3> {
        let Some(norm) = norm else {
            return x;
        };
        let [batch, tokens, width] = x.dims();
        let normed = heads * self.head_dim;
        let first = x.clone().narrow(2, 0, normed);
        let first = norm.forward(first.reshape([batch, tokens, heads, self.head_dim]));
        let first = first.reshape([batch, tokens, normed]);
        if normed == width {
            return first;
        }
        Tensor::cat(vec![first, x.narrow(2, normed, width - normed)], 2)
    }
}

/// `down · (silu(gate · x) * (up · x))` (Shazeer 2020).
#[derive(Module, Debug)]
struct Mlp {
    /// Gate above up.
    gate_up: Linear,
    down: Linear,
}

impl Mlp {
    fn new(init: &mut ParamInit<'_>, config: &LlamaConfig) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let bias = config.has_mlp_bias();
        Mlp {
            gate_up: Linear::new(init, config, [width, 2 * inner], bias),
            down: Linear::new(init, config, [inner, width], bias),
        }
    }

    fn forward(&self, x: Tensor<3>, adapter: LayerAdapter<'_>, dropout: &mut Dropout) -> Tensor<3> {
        let both = self
            .gate_up
            .forward(x, adapter.lora("mlp.gate_up"), dropout);
        let gated = if is_host(&both.device()) {
            host::swiglu(both)
        } else {
            let inner = both.dims()[2] / 2;
            silu(both.clone().narrow(2, 0, inner)) * both.narrow(2, inner, inner)
        };
        self.down.forward(gated, adapter.lora("mlp.down"), dropout)
    }
}

#[derive(Module, Debug)]
pub(super) struct Block {
    attention_norm: RmsNorm,
    attention: SelfAttention,
    mlp_norm: RmsNorm,
    mlp: Mlp,
}

impl Block {
    pub fn new(init: &mut ParamInit<'_>, config: &LlamaConfig) -> Self {
        let (width, epsilon) = (config.hidden_size, config.rms_norm_eps);
        Block {
            attention_norm: RmsNorm::new(init, width, epsilon),
            attention: SelfAttention::new(init, config),
            mlp_norm: RmsNorm::new(init, width, epsilon),
            mlp: Mlp::new(init, config),
        }
    }

    /// `x` `[batch, tokens, hidden]` after the earlier keys and values. Also returns all of them.
    pub fn forward(
        &self,
        x: Tensor<3>,
        earlier: Option<KeysValues>,
        adapter: LayerAdapter<'_>,
        pass: &mut Pass<'_>,
    ) -> (Tensor<3>, KeysValues) {
        let normed = self.attention_norm.forward(x.clone());
        let (attended, keys_values) = self.attention.forward(normed, earlier, adapter, pass);
        let x = x + attended;
        let normed = self.mlp_norm.forward(x.clone());
        let gated = self.mlp.forward(normed, adapter, pass.dropout);
        (x + gated, keys_values)
    }
}
