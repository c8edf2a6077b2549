//! Kernels against the same computed by ordinary tensor operations, values and derivatives, at
//! sizes that cross every block, tile and threshold.

mod decoder;
mod encoder;

use std::cell::Cell;

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Attention, Host, Sources, attend, linear};
use crate::nn::adapter::{Adapter, AdapterWeights};
use crate::nn::attention::Heads;
use crate::nn::identifier::{AttentionConfig, AttentionIdentifier, Head, Pooling};
use crate::nn::prefix::{KeyValue, Prefix, PrefixConfig};
use crate::nn::sampling::Sampling;
use crate::nn::t5::{FeedForward, T5, T5Config};
use crate::nn::{Dropout, LanguageModel, generate};

thread_local! {
    /// Makes this thread use tensor operations instead of kernels, as other devices do.
    pub static GENERIC_OPS: Cell<bool> = const { Cell::new(false) };
}

pub fn draw<const D: usize>(random: &mut ChaCha8Rng, shape: [usize; D]) -> Tensor<D> {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| random.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

pub fn trained<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(tensor.to_data(), &Device::flex().autodiff()).require_grad()
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn assert_close(found: Vec<f32>, known: Vec<f32>, what: &str) {
    assert_eq!(found.len(), known.len(), "{what}");
    let scale = known.iter().fold(1.0_f32, |a, b| a.max(b.abs()));
    for (found, known) in found.iter().zip(&known) {
        assert!(
            (found - known).abs() <= 2e-5 * scale,
            "{what}: {found} where {known} is right"
        );
    }
}

/// A loss whose derivative differs from number to number.
pub fn loss<const D: usize>(output: Tensor<D>, weights: &Tensor<D>) -> Tensor<1> {
    (output * weights.clone()).sum()
}

/// A tensor's derivative.
pub fn gradient<const D: usize>(of: &Tensor<D>, gradients: &Gradients) -> Vec<f32> {
    values(of.grad(gradients).expect("a gradient"))
}

/// Rows, inputs and outputs on both sides of every threshold and no multiples of any block.
const SIZES: [(usize, usize, usize); 11] = [
    (1, 48, 5),
    (1, 512, 65),
    (3, 512, 700),
    (7, 1100, 33),
    (8, 1040, 513),
    (8, 30, 40),
    (9, 64, 300),
    (40, 33, 900),
    (130, 1000, 200),
    (300, 130, 70),
    (290, 140, 34),
];

#[test]
fn linear_layers_and_their_derivatives() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for (rows, input, output) in SIZES {
        let what = format!("{rows} × {input} → {output}");
        let x = draw(&mut random, [1, rows, input]);
        let weight = draw(&mut random, [output, input]);
        let weights = draw(&mut random, [1, rows, output]);
        let plain = |x: Tensor<3>, weight: Tensor<2>| x.matmul(weight.transpose().unsqueeze::<3>());
        let known = values(plain(x.clone(), weight.clone()));
        assert_close(values(linear(x.clone(), weight.clone())), known, &what);

        let (ours, our_weight) = (trained(&x), trained(&weight));
        let found = loss(linear(ours.clone(), our_weight.clone()), &weights).backward();
        let (theirs, their_weight) = (trained(&x), trained(&weight));
        let known = loss(plain(theirs.clone(), their_weight.clone()), &weights).backward();
        let pair = (gradient(&ours, &found), gradient(&theirs, &known));
        assert_close(pair.0, pair.1, &what);
        let found = gradient(&our_weight, &found);
        assert_close(found, gradient(&their_weight, &known), &what);
    }
}

#[test]
fn any_number_of_cores_gives_the_same_bits() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut linears = Vec::new();
    for (rows, input, output) in SIZES {
        let x = draw(&mut random, [1, rows, input]);
        let weight = draw(&mut random, [output, input]);
        linears.push((x, weight, draw(&mut random, [1, rows, output])));
    }
    let on_cores = |cores: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores);
        pool.build().expect("a pool").install(|| {
            let (mut numbers, _) = all_of_it(FeedForward::Relu);
            for (x, weight, weights) in &linears {
                let (x, weight) = (trained(x), trained(weight));
                let output = linear(x.clone(), weight.clone());
                numbers.extend(values(output.clone()));
                let gradients = loss(output, weights).backward();
                numbers.extend(gradient(&x, &gradients));
                numbers.extend(gradient(&weight, &gradients));
            }
            numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        })
    };
    let on_one = on_cores(1);
    for cores in [2, 3, 16] {
        assert!(on_cores(cores) == on_one, "{cores} cores");
    }
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_passes_it_on() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let x = trained(&draw(&mut random, [1, 20, 32]));
    let weight = draw(&mut random, [48, 32]).autodiff();
    let output = linear(x.clone(), weight.clone());
    let gradients = output.sum().backward();
    assert!(weight.grad(&gradients).is_none());
    assert!(x.grad(&gradients).is_some());
}

const HEADS: usize = 3;
const D_KV: usize = 20;
const INNER: usize = HEADS * D_KV;

/// What an attention may be given, as tensors that are trained or not.
#[derive(Clone)]
struct Given {
    key_heads: usize,
    queries: Tensor<3>,
    keys_and_values: Tensor<3>,
    position: Tensor<4>,
    prefix: Option<[Tensor<3>; 2]>,
    mask: Option<Tensor<2>>,
    factors: Option<Tensor<4>>,
    causal: bool,
}

impl Given {
    fn plainly(&self) -> Tensor<3> {
        let [batch, tokens, _] = self.queries.dims();
        let keys = self.keys_and_values.dims()[1];
        let split = |x: Tensor<3>| {
            let [batch, tokens, width] = x.dims();
            x.reshape([batch, tokens, width / D_KV, D_KV])
                .swap_dims(1, 2)
        };
        let width = self.key_heads * D_KV;
        let mut k = split(self.keys_and_values.clone().narrow(2, 0, width));
        let mut v = split(self.keys_and_values.clone().narrow(2, width, width));
        let mut bias = self.position.clone().repeat_dim(0, batch);
        if let Some(mask) = &self.mask {
            bias = bias
                + mask
                    .clone()
                    .sub_scalar(1.0)
                    .mul_scalar(1e9)
                    .reshape([batch, 1, 1, keys]);
        }
        if self.causal {
            let hidden: Vec<f32> = (0..tokens * keys)
                .map(|at| (at % keys, at / keys + keys - tokens))
                .map(|(key, last)| if key > last { -1e9 } else { 0.0 })
                .collect();
            let hidden = TensorData::new(hidden, [1, 1, tokens, keys]);
            bias = bias + Tensor::from_data(hidden, &Device::flex());
        }
        if let Some([keys, values]) = &self.prefix {
            let repeated = |x: &Tensor<3>| x.clone().unsqueeze_dim::<4>(0).repeat_dim(0, batch);
            k = Tensor::cat(vec![repeated(keys), k], 2);
            v = Tensor::cat(vec![repeated(values), v], 2);
            let zeros = Tensor::zeros([batch, HEADS, tokens, keys.dims()[1]], &Device::flex());
            bias = Tensor::cat(vec![zeros, bias], 3);
        }
        // Heads that share keys and values, by copies of these.
        let group = HEADS / self.key_heads;
        let copied = |x: Tensor<4>| {
            let [batch, heads, keys, _] = x.dims();
            let x = x.unsqueeze_dim::<5>(2).repeat_dim(2, group);
            x.reshape([batch, heads * group, keys, D_KV])
        };
        let (k, v) = (copied(k), copied(v));
        let scores = split(self.queries.clone()).matmul(k.swap_dims(2, 3)) + bias;
        let mut weights = softmax(scores, 3);
        if let Some(factors) = &self.factors {
            weights = weights * factors.clone();
        }
        weights
            .matmul(v)
            .swap_dims(1, 2)
            .reshape([batch, tokens, INNER])
    }

    fn on_host(&self, own: bool) -> Tensor<3> {
        let (queries, keys_values) = (self.queries.clone(), self.keys_and_values.clone());
        let sources = match own {
            true => Sources {
                queries: Tensor::cat(vec![queries, keys_values], 2),
                keys_values: None,
            },
            false => Sources {
                queries,
                keys_values: Some(keys_values),
            },
        };
        let prefix = self
            .prefix
            .clone()
            .map(|[keys, values]| KeyValue { keys, values });
        let attention = Attention {
            heads: Heads {
                query: HEADS,
                key: self.key_heads,
            },
            keys: self.keys_and_values.dims()[1],
            position: Some(&self.position),
            mask: self.mask.as_ref(),
            causal: self.causal,
            prefix: prefix.as_ref(),
            dropout: self.factors.as_ref().map(Host::of),
        };
        attend(sources, attention)
    }

    /// Compares values, and derivatives of everything that is given.
    fn assert_same(&self, own: bool, weights: &Tensor<3>, what: &str) {
        assert_close(values(self.on_host(own)), values(self.plainly()), what);
        let (ours, theirs) = (self.trained(), self.trained());
        let found = loss(ours.on_host(own), weights).backward();
        let known = loss(theirs.plainly(), weights).backward();
        let same = |ours: &Tensor<3>, theirs: &Tensor<3>| {
            assert_close(gradient(ours, &found), gradient(theirs, &known), what);
        };
        same(&ours.queries, &theirs.queries);
        same(&ours.keys_and_values, &theirs.keys_and_values);
        let of_position = gradient(&ours.position, &found);
        assert_close(of_position, gradient(&theirs.position, &known), what);
        for (ours, theirs) in ours
            .prefix
            .iter()
            .flatten()
            .zip(theirs.prefix.iter().flatten())
        {
            same(ours, theirs);
        }
    }

    fn trained(&self) -> Self {
        Given {
            queries: trained(&self.queries),
            keys_and_values: trained(&self.keys_and_values),
            position: trained(&self.position),
            prefix: self
                .prefix
                .as_ref()
                .map(|prefix| prefix.each_ref().map(trained)),
            ..self.clone()
        }
    }
}

#[test]
fn attention_of_every_kind_and_its_derivatives() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for (batch, tokens) in [(2, 19), (1, 70), (3, 1)] {
        for (own, key_heads, prefix, masked, causal, dropped) in [
            (true, HEADS, 0, true, false, false),
            (true, HEADS, 7, true, false, true),
            (true, HEADS, 4, false, true, false),
            (true, HEADS, 0, false, true, true),
            (false, HEADS, 0, true, false, false),
            (false, HEADS, 3, true, false, true),
            (false, 1, 0, true, true, false),
            (false, 1, 5, true, true, true),
            (false, HEADS, 2, false, true, false),
        ] {
            let keys = if own { tokens } else { 76 };
            // Row 0 is whole, the others are padded.
            let real = |at: usize| f32::from(at % keys < 12 || at < keys);
            let mask: Vec<f32> = (0..batch * keys).map(real).collect();
            let mask = Tensor::from_data(TensorData::new(mask, [batch, keys]), &Device::flex());
            let factors = draw(&mut random, [batch, HEADS, tokens, prefix + keys]).abs();
            let in_front = [0, 1].map(|_| draw(&mut random, [key_heads, prefix.max(1), D_KV]));
            let given = Given {
                key_heads,
                queries: draw(&mut random, [batch, tokens, INNER]),
                keys_and_values: draw(&mut random, [batch, keys, 2 * key_heads * D_KV]),
                position: draw(&mut random, [1, HEADS, tokens, keys]),
                prefix: (prefix > 0).then_some(in_front),
                mask: masked.then_some(mask),
                factors: dropped.then_some(factors),
                causal,
            };
            let what = format!(
                "batch {batch}, tokens {tokens}, own {own}, key heads {key_heads}, prefix {prefix}, \
                 mask {masked}, causal {causal}, dropped {dropped}"
            );
            given.assert_same(own, &draw(&mut random, [batch, tokens, INNER]), &what);
        }
    }
}

#[test]
fn a_view_of_a_larger_tensor_is_read_where_it_is() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let (x, weight) = (draw(&mut random, [2, 6, 90]), draw(&mut random, [40, 90]));
    let (x, weight) = (x.narrow(1, 2, 3).swap_dims(0, 1), weight.narrow(1, 20, 50));
    let x = x.narrow(2, 40, 50);
    let known = x.clone().matmul(weight.clone().transpose().unsqueeze());
    assert_close(values(linear(x, weight)), values(known), "a view");
}

/// Everything that differs between devices, once: logits, derivatives, responses, levels.
fn all_of_it(feed_forward: FeedForward) -> (Vec<f32>, Vec<Vec<u32>>) {
    let config = T5Config {
        vocab_size: 70,
        d_model: 32,
        d_kv: 8,
        num_heads: 4,
        d_ff: 48,
        num_layers: 2,
        num_decoder_layers: 2,
        feed_forward,
        ..T5Config::default()
    };
    let device = Device::flex();
    let t5 = T5::new(&config, &device, 3);
    let lengths = PrefixConfig {
        encoder: 5,
        decoder: 4,
        cross: 3,
        hidden: 8,
    };
    let prefix = Prefix::new(&lengths, &config.shape(), &device, 4);
    let ids = |ids: [[i32; 6]; 2]| Tensor::<2, Int>::from_data(ids, &device);
    let sources = ids([[5, 9, 33, 2, 8, 1], [60, 7, 1, 0, 0, 0]]);
    let mask = Tensor::<2>::from_data([[1.0_f32; 6], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]], &device);
    let targets = ids([[0, 4, 4, 19, 50, 6], [0, 69, 3, 2, 1, 0]]);

    let (model, trained) = (t5.clone().train(), prefix.clone().train());
    let adapter = AdapterWeights::Prefix(trained.vectors());
    let mut dropout = Dropout::new(0.1, 5);
    let encoded = model.encode(sources.clone(), &mask, Some(&adapter), &mut dropout);
    let hidden = model.decode(
        targets.clone(),
        &encoded,
        &mask,
        Some(&adapter),
        &mut dropout,
    );
    let logits = model.logits(hidden);
    let gradients = logits.clone().powi_scalar(2).mean().backward();
    let mut numbers = values(logits);
    let mut gather = Gather {
        gradients: &gradients,
        numbers: &mut numbers,
    };
    model.visit(&mut gather);
    trained.visit(&mut gather);

    let shape = AttentionConfig {
        encoder: config,
        pooling: Pooling::Max,
        head: Head::Mlp,
    };
    let identifier = AttentionIdentifier::new(&shape, &device, 6);
    let off = &mut Dropout::off();
    numbers.extend(values(
        identifier.forward(sources, &mask, targets, &mask, off),
    ));

    let contexts = [vec![5, 9, 33, 1], vec![60, 1], vec![8, 8, 8, 8, 8, 1]];
    let mut streams: Vec<_> = (0..3).map(ChaCha8Rng::seed_from_u64).collect();
    let adapter = Adapter::Prefix(prefix).weights();
    let sampling = Sampling {
        top_k: 20,
        greedy: false,
        ..Sampling::greedy(9)
    };
    let model = LanguageModel::T5(t5);
    let responses = generate(&model, Some(&adapter), &contexts, &sampling, &mut streams);
    (
        numbers,
        responses
            .into_iter()
            .map(|response| response.tokens)
            .collect(),
    )
}

struct Gather<'a> {
    gradients: &'a Gradients,
    numbers: &'a mut Vec<f32>,
}

impl burn::module::ModuleVisitor for Gather<'_> {
    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        let gradient = param
            .val()
            .grad(self.gradients)
            .expect("every parameter is trained");
        self.numbers.extend(values(gradient));
    }
}

#[test]
fn networks_compute_here_what_they_compute_elsewhere() {
    for feed_forward in [FeedForward::Relu, FeedForward::GatedGelu] {
        let (here, responses) = all_of_it(feed_forward);
        GENERIC_OPS.set(true);
        let (elsewhere, their_responses) = all_of_it(feed_forward);
        GENERIC_OPS.set(false);
        assert_close(here, elsewhere, "a network");
        assert_eq!(responses, their_responses);
    }
}
