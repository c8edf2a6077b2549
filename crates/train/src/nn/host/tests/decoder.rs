//! Kernels of decoders and of LoRA against tensor operations.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Gradients, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::{Host, LowRank, linear, linear_with, rms_norm, rotate, swiglu};
use super::{GENERIC_OPS, assert_close, draw, gradient, loss, trained, values};
use crate::nn::Dropout;
use crate::nn::adapter::AdapterWeights;
use crate::nn::llama::{Family, Llama, LlamaConfig};
use crate::nn::lora::LoraConfig;

/// An update of some parts of a product by tensor operations.
fn added(hidden: Tensor<3>, up: Tensor<2>, parts: &[usize], of: usize) -> Tensor<3> {
    let [batch, rows, _] = hidden.dims();
    let [outputs, rank] = up.dims();
    let output = outputs / parts.len();
    let part = |part: usize| match parts.iter().position(|adapted| *adapted == part) {
        None => Tensor::zeros([batch, rows, output], &Device::flex()),
        Some(index) => {
            let hidden = hidden.clone().narrow(2, index * rank, rank);
            let up = up.clone().narrow(0, index * output, output);
            hidden.matmul(up.transpose().unsqueeze::<3>())
        }
    };
    Tensor::cat((0..of).map(part).collect(), 2)
}

#[test]
fn updates_of_low_rank_and_their_derivatives() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (rows, input, output, rank, parts, of) in [
        (1, 48, 20, 4, vec![0], 1),
        (8, 512, 70, 16, vec![1], 2),
        (40, 33, 30, 3, vec![0, 2], 3),
        (300, 130, 90, 8, vec![0, 1], 2),
    ] {
        let what = format!("{rows} × {input} → {of} · {output}, rank {rank} of {parts:?}");
        let tensors = [
            draw(&mut random, [rows, input]),
            draw(&mut random, [of * output, input]),
            draw(&mut random, [rows, parts.len() * rank]),
            draw(&mut random, [parts.len() * output, rank]),
        ];
        let weights = draw(&mut random, [1, rows, of * output]);
        let ours = |[x, weight, hidden, up]: [Tensor<2>; 4]| {
            let update = LowRank {
                hidden: hidden.unsqueeze(),
                up,
                parts: parts.clone(),
                of,
            };
            linear_with(x.unsqueeze(), weight, update)
        };
        let plainly = |[x, weight, hidden, up]: [Tensor<2>; 4]| {
            let product = x.unsqueeze::<3>().matmul(weight.transpose().unsqueeze());
            product + added(hidden.unsqueeze(), up, &parts, of)
        };
        assert_close(
            values(ours(tensors.clone())),
            values(plainly(tensors.clone())),
            &what,
        );
        let (found, known) = (
            tensors.each_ref().map(trained),
            tensors.each_ref().map(trained),
        );
        let of_found = loss(ours(found.clone()), &weights).backward();
        let of_known = loss(plainly(known.clone()), &weights).backward();
        for (found, known) in found.iter().zip(&known) {
            assert_close(
                gradient(found, &of_found),
                gradient(known, &of_known),
                &what,
            );
        }
    }
}

#[test]
fn a_rotation_turns_the_first_heads_and_back() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (heads, half) = (2, 5);
    let x = draw(&mut random, [2, 40, 3 * 2 * half]);
    let angles = draw(&mut random, [2, 40, half]).mul_scalar(3.0);
    let tables = [angles.clone().cos(), angles.sin()];
    let turned = |x: Tensor<3>| rotate(x, tables.each_ref().map(Host::of), heads, 0.5);
    let plainly = |x: Tensor<3>| {
        let head = |index: usize| {
            let [a, b] = [0, 1].map(|side| x.clone().narrow(2, (2 * index + side) * half, half));
            let [cos, sin] = tables.clone();
            let turned = vec![
                a.clone() * cos.clone() - b.clone() * sin.clone(),
                b * cos + a * sin,
            ];
            Tensor::cat(turned, 2).mul_scalar(0.5)
        };
        Tensor::cat(
            vec![head(0), head(1), x.clone().narrow(2, 4 * half, 2 * half)],
            2,
        )
    };
    assert_close(
        values(turned(x.clone())),
        values(plainly(x.clone())),
        "turned",
    );
    let weights = draw(&mut random, x.dims());
    let (ours, theirs) = (trained(&x), trained(&x));
    let found = loss(turned(ours.clone()), &weights).backward();
    let known = loss(plainly(theirs.clone()), &weights).backward();
    assert_close(gradient(&ours, &found), gradient(&theirs, &known), "back");
}

#[test]
fn norms_and_gates_and_their_derivatives() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for width in [1, 20, 48, 300] {
        let x = draw(&mut random, [2, 13, 2 * width]).mul_scalar(4.0);
        let weight = draw(&mut random, [2 * width]);
        let norm = |x: Tensor<3>, weight: Tensor<1>| {
            let mean = (x.clone() * x.clone()).mean_dim(2);
            x * mean.add_scalar(1e-5).sqrt().recip() * weight.unsqueeze()
        };
        let gate = |x: Tensor<3>| silu(x.clone().narrow(2, 0, width)) * x.narrow(2, width, width);
        let weights = draw(&mut random, [2, 13, width]);
        let ours = |x, weight| swiglu(rms_norm(x, weight, 1e-5));
        let plainly = |x, weight| gate(norm(x, weight));
        let what = format!("width {width}");
        let known = values(plainly(x.clone(), weight.clone()));
        assert_close(values(ours(x.clone(), weight.clone())), known, &what);
        let (our_x, our_weight) = (trained(&x), trained(&weight));
        let found = loss(ours(our_x.clone(), our_weight.clone()), &weights).backward();
        let (their_x, their_weight) = (trained(&x), trained(&weight));
        let known = loss(plainly(their_x.clone(), their_weight.clone()), &weights).backward();
        assert_close(gradient(&our_x, &found), gradient(&their_x, &known), &what);
        let found = gradient(&our_weight, &found);
        assert_close(found, gradient(&their_weight, &known), &what);
    }
}

/// The outputs of norm and gate have several readers, and are computed again once for all of them.
#[test]
fn derivatives_by_what_is_computed_again() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let x = draw(&mut random, [2, 13, 20]);
    let weight = draw(&mut random, [32]);
    let matrices = [[32, 20], [7, 32], [7, 16], [7, 16]].map(|shape| draw(&mut random, shape));
    let weights = draw(&mut random, [2, 13, 7]);
    let gradients = || {
        let x = trained(&x);
        let matrices = matrices.each_ref().map(trained);
        let [before, of_normed, of_gated, again] = matrices.each_ref().map(Tensor::clone);
        let (normed, gated) = match GENERIC_OPS.get() {
            false => {
                let normed = rms_norm(linear(x.clone(), before), weight.clone(), 1e-5);
                (normed.clone(), swiglu(normed))
            }
            true => {
                let y = linear(x.clone(), before);
                let mean = (y.clone() * y.clone()).mean_dim(2);
                let normed = y * mean.add_scalar(1e-5).sqrt().recip() * weight.clone().unsqueeze();
                let up = normed.clone().narrow(2, 16, 16);
                (normed.clone(), silu(normed.narrow(2, 0, 16)) * up)
            }
        };
        let output = linear(normed, of_normed) + linear(gated.clone(), of_gated);
        let gradients = loss(output + linear(gated, again), &weights).backward();
        let of_matrices = matrices.iter().map(|matrix| gradient(matrix, &gradients));
        let mut all: Vec<Vec<f32>> = of_matrices.collect();
        all.push(gradient(&x, &gradients));
        all
    };
    let found = gradients();
    GENERIC_OPS.set(true);
    let known = gradients();
    GENERIC_OPS.set(false);
    for (found, known) in found.into_iter().zip(known) {
        assert_close(found, known, "derivatives");
    }
}

/// Logits, gradients of an adapter and of every weight, and states with a cache.
fn all_of_it(family: Family) -> Vec<f32> {
    let config = LlamaConfig {
        model_type: family,
        vocab_size: 70,
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        initializer_range: 0.3,
        ..LlamaConfig::default()
    };
    let llama = Llama::new(&config, &Device::flex(), 3);
    let names = ["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"];
    let config = LoraConfig {
        rank: 4,
        alpha: 8.0,
        dropout: 0.1,
        targets: names.map(str::to_string).to_vec(),
    };
    let lora = llama.lora(&config, 4).expect("its layers are there");
    let contexts = [vec![5, 9, 33, 2, 8], vec![60, 7]];
    let responses = [vec![4, 19], vec![3, 6, 11, 2]];
    let llama = llama.train();
    let adapter = AdapterWeights::Lora(lora.train());
    let mut dropout = Dropout::new(0.1, 5);
    let states = llama.forward(&contexts, &responses, Some(&adapter), &mut dropout);
    let logits = llama.logits(states);
    let mut numbers = values(logits.clone());
    let gradients = (logits.clone() * logits).mean().backward();
    if let AdapterWeights::Lora(lora) = &adapter {
        numbers.extend(gradients_of(lora, &gradients));
    }
    numbers.extend(gradients_of(&llama, &gradients));
    let (llama, adapter) = (
        llama.valid(),
        match adapter {
            AdapterWeights::Lora(lora) => AdapterWeights::Lora(lora.valid()),
            other => other,
        },
    );
    let (mut cache, first) = llama.start(&contexts, Some(&adapter));
    numbers.extend(values(first));
    numbers.extend(values(llama.next(&[8, 9], &mut cache, Some(&adapter))));
    numbers
}

fn gradients_of<M: Module>(module: &M, gradients: &Gradients) -> Vec<f32> {
    struct Visitor<'a> {
        gradients: &'a Gradients,
        numbers: Vec<f32>,
    }
    impl ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.numbers.extend(gradient(&param.val(), self.gradients));
        }
    }
    let mut visitor = Visitor {
        gradients,
        numbers: Vec::new(),
    };
    module.visit(&mut visitor);
    visitor.numbers
}

#[test]
fn a_decoder_computes_the_same_by_tensor_operations() {
    for family in [Family::Llama, Family::Qwen2, Family::Qwen3] {
        let found = all_of_it(family);
        GENERIC_OPS.set(true);
        let known = all_of_it(family);
        GENERIC_OPS.set(false);
        assert_close(found, known, &format!("{family:?}"));
    }
}
