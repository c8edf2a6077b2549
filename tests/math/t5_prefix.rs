//! Prefix-tuning: what the prefix does to the logits, and that nothing but the prefix is trained.

use crate::t5_support::{
    assert_close_rows, device, expected, fixture, largest_difference, model, padded, rows, values,
};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use emprl::nn::adapter::AdapterWeights;
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::t5::T5;
use emprl::nn::value_head::ValueHead;
use emprl::nn::{Dropout, WeightsError};
use serde_json::Value;

fn config(expected: &Value, cross: bool) -> PrefixConfig {
    let length = |kind: &str| expected[kind].as_u64().expect("a length") as usize;
    PrefixConfig {
        encoder: length("encoder"),
        decoder: length("decoder"),
        cross: if cross { length("cross") } else { 0 },
        hidden: length("hidden"),
    }
}

fn prefix(t5: &T5) -> Prefix {
    let expected = expected();
    Prefix::load(
        &config(&expected["prefix"], true),
        &t5.config().shape(),
        &fixture("t5_prefix.safetensors"),
        &device(),
    )
    .expect("the fixture is a prefix")
}

fn inputs(expected: &Value) -> (Tensor<2, Int>, Tensor<2>, Tensor<2, Int>, Vec<usize>) {
    let shape = &expected["t5_relu_tied"];
    let (ids, mask) = padded(&rows(&shape["sources"]), 0, 0);
    let targets = rows(&shape["decoder_inputs"]);
    let lengths = targets.iter().map(Vec::len).collect();
    (ids, mask, padded(&targets, 0, 0).0, lengths)
}

fn logits(t5: &T5, adapter: Option<&AdapterWeights>) -> Tensor<3> {
    let (ids, mask, targets, _) = inputs(&expected());
    let encoded = t5.encode(ids, &mask, adapter, &mut Dropout::off());
    t5.logits(t5.decode(targets, &encoded, &mask, adapter, &mut Dropout::off()))
}

#[test]
fn logits_are_those_computed_step_by_step_in_pytorch() {
    let expected = expected();
    let t5 = model("t5_relu_tied");
    let (_, _, _, lengths) = inputs(&expected);
    let with = logits(&t5, Some(&AdapterWeights::Prefix(prefix(&t5).vectors())));
    assert_close_rows(with.clone(), &expected["prefix"]["logits"], &lengths, 1e-4);
    assert!(largest_difference(&values(with), &values(logits(&t5, None))) > 0.1);
}

#[test]
fn a_saved_prefix_and_value_head_are_read_back_bit_for_bit() {
    let t5 = model("t5_relu_tied");
    let config = PrefixConfig {
        encoder: 40,
        decoder: 10,
        cross: 0,
        hidden: 12,
    };
    let prefix = Prefix::new(&config, &t5.config().shape(), &device(), 5);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefix.safetensors");
    prefix.save(&path).expect("it saves");
    let read = Prefix::load(&config, &t5.config().shape(), &path, &device()).expect("it loads");
    assert_eq!(
        values(logits(&t5, Some(&AdapterWeights::Prefix(prefix.vectors())))),
        values(logits(&t5, Some(&AdapterWeights::Prefix(read.vectors())))),
    );
    let other = PrefixConfig {
        decoder: 11,
        ..config
    };
    match Prefix::load(&other, &t5.config().shape(), &path, &device()) {
        Err(WeightsError::Shape { tensor, found, .. }) => {
            assert_eq!((tensor.as_str(), found[0]), ("decoder.embedding", 10));
        }
        other => panic!("{other:?}"),
    }

    let path = folder.path().join("value_head.safetensors");
    ValueHead::new(16, &device()).save(&path).expect("it saves");
    ValueHead::load(16, &path, &device()).expect("it loads");
    assert!(matches!(
        ValueHead::load(17, &path, &device()),
        Err(WeightsError::Shape { .. })
    ));
}

#[test]
fn only_what_is_trained_has_gradients() {
    let t5 = model("t5_relu_tied");
    let trained = prefix(&t5).train();
    let head = ValueHead::new(16, &device()).train();
    let t5 = t5.freeze().train();
    let (ids, mask, targets, _) = inputs(&expected());
    let adapter = AdapterWeights::Prefix(trained.vectors());
    let encoded = t5.encode(ids, &mask, Some(&adapter), &mut Dropout::off());
    let hidden = t5.decode(
        targets.clone(),
        &encoded,
        &mask,
        Some(&adapter),
        &mut Dropout::off(),
    );
    let log_probs = log_softmax(t5.logits(hidden.clone()), 2).gather(2, targets.unsqueeze_dim(2));
    let loss = log_probs.sum().neg() + head.forward(hidden).sum();
    let mut gradients = loss.backward();
    let of_prefix = GradientsParams::from_module(&mut gradients, &trained);
    let of_head = GradientsParams::from_module(&mut gradients, &head);
    assert_eq!(
        of_prefix.len(),
        15,
        "five tensors for each kind of attention"
    );
    assert_eq!(of_head.len(), 2);
    assert!(GradientsParams::from_module(&mut gradients, &t5).is_empty());
}

#[test]
fn a_cloned_model_shares_its_weights() {
    let t5 = model("t5_relu_tied").freeze();
    let clone = t5.clone().train().valid();
    let before = values(logits(&t5, None));
    assert_eq!(values(logits(&clone, None)), before);
}

#[test]
fn a_value_head_starts_by_valuing_everything_at_nothing() {
    let hidden = Tensor::<3>::ones([2, 3, 16], &device());
    let values = ValueHead::new(16, &device()).forward(hidden);
    assert_eq!(values.dims(), [2, 3]);
    assert!(
        crate::t5_support::values(values)
            .iter()
            .all(|value| *value == 0.0)
    );
}
