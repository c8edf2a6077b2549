//! Prefix-tuning of decoders: keys and values in front of every layer, as PEFT puts them there.

use std::fs;

use burn::module::Module;
use burn::optim::GradientsParams;
use emprl::nn::Dropout;
use emprl::nn::adapter::AdapterWeights;
use emprl::nn::llama::Llama;
use emprl::nn::prefix::{Prefix, PrefixConfig};
use serde_json::Value;

use crate::llama_parity;
use crate::t5_support::{assert_close_rows, device, fixture, largest_difference, rows, values};

fn expected() -> Value {
    let text = fs::read_to_string(fixture("adapters/expected.json")).expect("it is there");
    serde_json::from_str::<Value>(&text).expect("the fixture is JSON")["prefix"].take()
}

fn inputs() -> [Vec<Vec<u32>>; 2] {
    let expected = llama_parity::expected();
    ["contexts", "responses"].map(|field| rows(&expected[field]))
}

fn prefix(model: &Llama) -> Prefix {
    let expected = expected();
    let length = |field: &str| expected[field].as_u64().expect("a length") as usize;
    let config = PrefixConfig {
        encoder: 0,
        decoder: length("positions"),
        cross: 0,
        hidden: length("hidden"),
    };
    let path = fixture("adapters/llama_tied_prefix.safetensors");
    Prefix::load(&config, &model.config().shape(), &path, &device()).expect("it loads")
}

#[test]
fn logits_are_those_of_peft_with_padding_on_both_sides() {
    let model = llama_parity::model("llama_tied");
    let [contexts, responses] = inputs();
    let adapter = AdapterWeights::Prefix(prefix(&model).vectors());
    let states = model.forward(&contexts, &responses, Some(&adapter), &mut Dropout::off());
    let with = model.logits(states);
    let lengths: Vec<usize> = responses.iter().map(Vec::len).collect();
    assert_close_rows(with.clone(), &expected()["logits"], &lengths, 2e-5);
    let without = llama_parity::logits(&model, &contexts, &responses);
    assert!(largest_difference(&values(with), &values(without)) > 0.1);
}

#[test]
fn decoding_with_a_cache_equals_reading_all_at_once() {
    let model = llama_parity::model("llama_tied");
    let [contexts, responses] = inputs();
    let adapter = AdapterWeights::Prefix(prefix(&model).vectors());
    llama_parity::assert_cache_changes_nothing(&model, &contexts, &responses, Some(&adapter));
}

#[test]
fn only_the_prefix_has_gradients() {
    let model = llama_parity::model("llama_tied");
    let trained = prefix(&model).train();
    let model = model.freeze().train();
    let [contexts, responses] = inputs();
    let adapter = AdapterWeights::Prefix(trained.vectors());
    let states = model.forward(&contexts, &responses, Some(&adapter), &mut Dropout::off());
    let mut gradients = model.logits(states).sum().backward();
    assert_eq!(
        GradientsParams::from_module(&mut gradients, &trained).len(),
        5
    );
    assert!(GradientsParams::from_module(&mut gradients, &model).is_empty());
}
