//! T5 computes what Transformers computes, from the same folders, and its gradients too.

use crate::t5_support::{
    assert_close_rows, device, expected, fixture, largest_difference, model, numbers, padded, row,
    rows, values,
};
use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use emprl::nn::sampling::Sampling;
use emprl::nn::t5::{FeedForward, T5};
use emprl::nn::{Dropout, LanguageModel, generate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

const TOLERANCE: f32 = 1e-4;
const FOLDERS: [(&str, &str); 3] = [
    ("t5_relu_tied", "t5_relu_tied"),
    ("t5_relu_tied_bin", "t5_relu_tied"),
    ("t5_gated_untied", "t5_gated_untied"),
];

#[test]
fn states_and_logits_equal_those_of_transformers_with_padding_in_the_batch() {
    let expected = expected();
    for (folder, name) in FOLDERS {
        let (model, expected) = (model(folder), &expected[name]);
        let sources = rows(&expected["sources"]);
        let inputs = rows(&expected["decoder_inputs"]);
        let (ids, mask) = padded(&sources, 0, 0);
        let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
        let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
        assert_close_rows(encoded.clone(), &expected["encoded"], &lengths, TOLERANCE);

        let (ids, _) = padded(&inputs, 0, 0);
        let hidden = model.decode(ids, &encoded, &mask, None, &mut Dropout::off());
        let lengths: Vec<usize> = inputs.iter().map(Vec::len).collect();
        assert_close_rows(
            model.logits(hidden),
            &expected["logits"],
            &lengths,
            TOLERANCE,
        );
    }
}

#[test]
fn distances_beyond_the_exact_buckets_are_biased_as_in_transformers() {
    let expected = expected();
    for (folder, name) in FOLDERS {
        let (model, expected) = (model(folder), &expected[name]);
        let (ids, mask) = padded(&[row(&expected["long_source"])], 0, 0);
        let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
        let tokens = encoded.dims()[1];
        let first = values(encoded.clone().narrow(1, 0, 1));
        let last = values(encoded.narrow(1, tokens - 1, 1));
        assert!(largest_difference(&first, &numbers(&expected["long_encoded_first"])) < TOLERANCE);
        assert!(largest_difference(&last, &numbers(&expected["long_encoded_last"])) < TOLERANCE);

        let (ids, mask) = padded(&rows(&expected["sources"])[..1], 0, 0);
        let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
        let (ids, _) = padded(&[row(&expected["long_decoder_input"])], 0, 0);
        let hidden = model.decode(ids, &encoded, &mask, None, &mut Dropout::off());
        let tokens = hidden.dims()[1];
        let logits = values(model.logits(hidden.narrow(1, tokens - 1, 1)));
        assert!(largest_difference(&logits, &numbers(&expected["long_logits_last"])) < TOLERANCE);
    }
}

#[test]
fn greedy_responses_are_those_of_transformers_token_for_token() {
    let expected = expected();
    for (folder, name) in FOLDERS {
        let (model, expected) = (model(folder), &expected[name]);
        let contexts = rows(&expected["sources"]);
        let longest = expected["max_new_tokens"].as_u64().expect("a number") as usize;
        let mut streams: Vec<_> = (0..contexts.len() as u64)
            .map(ChaCha8Rng::seed_from_u64)
            .collect();
        let responses = generate(
            &LanguageModel::T5(model),
            None,
            &contexts,
            &Sampling::greedy(longest),
            &mut streams,
        );
        let found: Vec<Vec<u32>> = responses
            .iter()
            .map(|response| response.tokens.clone())
            .collect();
        assert_eq!(found, rows(&expected["greedy"]), "{folder}");
    }
}

#[test]
fn the_folder_says_what_kind_of_t5_it_is() {
    let relu = model("t5_relu_tied");
    assert_eq!(relu.config().feed_forward, FeedForward::Relu);
    assert!(relu.config().tie_word_embeddings);
    assert_eq!(relu.config().num_decoder_layers, 2);
    let gated = model("t5_gated_untied");
    assert_eq!(gated.config().feed_forward, FeedForward::GatedGelu);
    assert!(!gated.config().tie_word_embeddings);
    assert_eq!(
        (gated.config().num_layers, gated.config().num_decoder_layers),
        (2, 3)
    );
}

/// Plain gradient descent.
struct Descent {
    gradients: GradientsParams,
    rate: f64,
}

impl ModuleMapper for Descent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self
            .gradients
            .remove::<D>(param.id)
            .expect("every parameter has a gradient");
        param.map(|tensor| {
            Tensor::from_inner(tensor.inner() - gradient.mul_scalar(self.rate)).require_grad()
        })
    }
}

#[test]
fn gradients_of_every_weight_are_those_of_pytorch() {
    let expected = expected();
    let shape = &expected["t5_relu_tied"];
    let model = model("t5_relu_tied").train();
    let sources = rows(&shape["sources"]);
    let inputs = rows(&shape["decoder_inputs"]);
    let (ids, mask) = padded(&sources, 0, 0);
    let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
    let (ids, target_mask) = padded(&inputs, 0, 0);
    let hidden = model.decode(ids, &encoded, &mask, None, &mut Dropout::off());
    let (labels, _) = padded(&rows(&shape["targets"]), 0, 0);
    let log_probs = log_softmax(model.logits(hidden), 2)
        .gather(2, labels.unsqueeze_dim(2))
        .squeeze_dim::<2>(2);
    let real = target_mask.clone().sum().into_scalar::<f32>();
    let loss = (log_probs * target_mask).sum().neg().div_scalar(real);
    let known = expected["gradients"]["loss"].as_f64().expect("a number") as f32;
    assert!((loss.clone().into_scalar::<f32>() - known).abs() < 1e-5);

    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let rate = expected["gradients"]["rate"].as_f64().expect("a number");
    let moved: T5 = model.map(&mut Descent { gradients, rate }).valid();
    let folder = tempfile::tempdir().expect("a folder");
    moved.save(folder.path()).expect("it saves");

    let found = std::fs::read(folder.path().join("model.safetensors")).expect("it was saved");
    let found = SafeTensors::deserialize(&found).expect("safetensors");
    let known = std::fs::read(fixture("t5_gradients.safetensors")).expect("the fixture is there");
    let known = SafeTensors::deserialize(&known).expect("safetensors");
    assert_eq!(found.len(), known.len());
    for (name, known) in known.tensors() {
        let found = found.tensor(&name).expect("the same names");
        assert_eq!(found.shape(), known.shape(), "{name}");
        let difference = largest_difference(&floats(found.data()), &floats(known.data()));
        assert!(difference < 2e-5, "{name} is off by {difference}");
    }
    assert_eq!(
        moved.config(),
        T5::load(folder.path(), &device())
            .expect("it loads")
            .config()
    );
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}
