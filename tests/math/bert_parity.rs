//! BERT computes what Transformers computes, from the same folder, on every kind of tensor.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use emprl::nn::Dropout;
use emprl::nn::bert::{BertConfig, BertEncoder};
use emprl::nn::weights::WeightsError;
use emprl::text::Tokenizer;
use emprl::train::features::TextEncoder;
use emprl::train::tensors::Tokens;
use serde_json::{Value, json};

use crate::t5_support::{assert_close_rows, device, fixture, padded, row, rows};

const TOLERANCE: f32 = 1e-4;

fn expected() -> Value {
    serde_json::from_str(include_str!("../fixtures/bert_expected.json")).unwrap()
}

/// A copy of the folder whose `config.json` has these fields.
fn folder(fields: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut config: Value =
        serde_json::from_slice(&fs::read(fixture("bert_small/config.json")).unwrap()).unwrap();
    for (field, value) in fields.as_object().unwrap() {
        config[field] = value.clone();
    }
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let weights = folder.path().join("model.safetensors");
    fs::copy(fixture("bert_small/model.safetensors"), weights).unwrap();
    folder
}

#[test]
fn ids_are_those_of_transformers() {
    let tokenizer = Tokenizer::from_folder(&fixture("bert_small"), 1_000).unwrap();
    let texts: Vec<(String, Vec<u32>)> =
        serde_json::from_value(expected()["rows"].clone()).unwrap();
    let again = Tokenizer::from_json(tokenizer.to_json().unwrap().as_bytes(), Path::new("t"));
    for tokenizer in [&tokenizer, &again.unwrap()] {
        for (text, ids) in &texts {
            assert_eq!(&tokenizer.encode(text), ids, "{text:?}");
        }
    }
    assert_eq!(tokenizer.control("[SEP]"), Some(3));
    assert_eq!(
        tokenizer.decode(&tokenizer.encode("My dog happened.")),
        "my dog happened."
    );
}

#[test]
fn parts_that_bert_does_not_have_are_refused_by_name() {
    let sound: Value =
        serde_json::from_slice(&fs::read(fixture("bert_small/tokenizer.json")).unwrap()).unwrap();
    for (pointer, part, name) in [
        ("/normalizer", json!({"type": "NFC"}), "NFC"),
        (
            "/normalizer",
            json!({"type": "Sequence", "normalizers": vec![sound["normalizer"].clone(); 2]}),
            "more than one",
        ),
        (
            "/pre_tokenizer",
            json!({"type": "WhitespaceSplit"}),
            "WhitespaceSplit",
        ),
        (
            "/decoder",
            json!({"type": "WordPiece", "prefix": "@@", "cleanup": true}),
            "@@",
        ),
        ("/model/continuing_subword_prefix", json!("@@"), "@@"),
        (
            "/model/max_input_chars_per_word",
            json!(1_000_000),
            "1000 are allowed",
        ),
        ("/model/unk_token", json!("[NONE]"), "[NONE]"),
        (
            "/added_tokens/0/content",
            json!("dog"),
            "control token \"dog\"",
        ),
    ] {
        let mut file = sound.clone();
        *file.pointer_mut(pointer).unwrap() = part;
        let read = Tokenizer::from_json(file.to_string().as_bytes(), Path::new("tokenizer.json"));
        let text = read.unwrap_err().to_string();
        assert!(text.contains(name), "{pointer}: {text}");
    }
}

#[test]
fn states_equal_those_of_transformers_with_padding_in_the_batch() {
    let expected = expected();
    let batch = rows(&expected["batch"]);
    let lengths: Vec<usize> = batch.iter().map(Vec::len).collect();
    for (activation, states) in [
        ("gelu", "states"),
        ("gelu_new", "gelu_new"),
        ("relu", "relu"),
    ] {
        let folder = folder(&json!({"hidden_act": activation}));
        let model = BertEncoder::load(folder.path(), &device()).unwrap();
        let (ids, mask) = padded(&batch, 0, 0);
        let found = model.forward(ids, &mask, &mut Dropout::off());
        assert_close_rows(found, &expected[states], &lengths, TOLERANCE);
    }
    let model = BertEncoder::load(&fixture("bert_small"), &device()).unwrap();
    let (ids, mask) = padded(&[row(&expected["pair"][0])], 0, 0);
    let types: Vec<i32> = row(&expected["pair"][1])
        .iter()
        .map(|t| *t as i32)
        .collect();
    let shape = [1, types.len()];
    let types = Tensor::<2, Int>::from_data(TensorData::new(types, shape), &device());
    let found = model.forward_pair(ids, types, &mask, &mut Dropout::off());
    assert_close_rows(found, &expected["pair_states"], &[shape[1]], TOLERANCE);
}

#[test]
fn a_text_is_the_mean_of_its_states_whatever_stands_beside_it() {
    let folder = fixture("bert_small");
    let encoder = TextEncoder::open(&folder, "flex").unwrap();
    let model = BertEncoder::load(&folder, &Device::flex()).unwrap();
    let tokenizer = Tokenizer::from_folder(&folder, 1_000).unwrap();
    let long = "my dog happened. ".repeat(500);
    let texts = ["My dog happened.", &long, "Oh", "", "My dog"];
    let points = encoder.points(&texts, 2, &mut |_| ControlFlow::Continue(()));
    assert_eq!(points.len(), texts.len() * encoder.width());
    for (text, point) in texts.iter().zip(points.chunks(encoder.width())) {
        let mut ids = tokenizer.encode(text);
        let most = model.config().max_position_embeddings;
        if ids.len() > most {
            // The beginning, and [SEP].
            ids.truncate(most - 1);
            ids.push(3);
        }
        let tokens = Tokens::pad(&[ids], &Device::flex());
        let states = model.forward(tokens.ids, &tokens.mask, &mut Dropout::off());
        let mean: Vec<f32> = states.mean_dim(1).into_data().iter().collect();
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
        for (found, expected) in point.iter().zip(&mean) {
            assert!((found - expected / length).abs() < 1e-5, "{text:.20}");
        }
    }
    let first = encoder.points(&texts, 1, &mut |_| ControlFlow::Break(()));
    assert_eq!(first.len() % encoder.width(), 0);
}

#[test]
fn folders_that_are_no_bert_are_refused() {
    let refused = |fields: Value| {
        let folder = folder(&fields);
        BertEncoder::load(folder.path(), &device())
            .map(|_| ())
            .unwrap_err()
    };
    for (fields, part) in [
        (json!({"model_type": "roberta"}), "roberta"),
        (json!({"model_type": null}), "is missing"),
        (json!({"hidden_act": "quick_gelu"}), "quick_gelu"),
        (
            json!({"position_embedding_type": "relative_key"}),
            "relative_key",
        ),
        (json!({"num_attention_heads": 5}), "does not divide"),
        (json!({"num_hidden_layers": 100_000}), "from 1 to 256"),
        (json!({"layer_norm_eps": 0.0}), "between 0 and 1"),
        (json!({"pad_token_id": 70_000}), "outside the vocabulary"),
        (json!({"hidden_size": "x"}), "hidden_size"),
    ] {
        let error = refused(fields);
        assert!(matches!(error, WeightsError::Config { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(matches!(
        refused(json!({"num_hidden_layers": 3})),
        WeightsError::MissingTensor { .. }
    ));
    assert!(matches!(
        refused(json!({"num_hidden_layers": 1})),
        WeightsError::Unused { .. }
    ));
    assert!(matches!(
        refused(json!({"intermediate_size": 24})),
        WeightsError::Shape { .. }
    ));
    let none = BertConfig::read(&fixture("gguf")).unwrap_err();
    assert!(matches!(none, WeightsError::Missing { .. }));
}

/// `EMPRL_MODELS` is the folder of `.ci/models` after `tests/fixtures/real_models.py`.
#[test]
#[ignore = "needs a model and what Transformers computes with it"]
fn real_minilm_is_what_transformers_computes() {
    let folder = PathBuf::from(std::env::var("EMPRL_MODELS").unwrap());
    let folder = folder.join("all-MiniLM-L6-v2");
    let expected: Value =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let tokenizer = Tokenizer::from_folder(&folder, 30_522).unwrap();
    let texts: Vec<(String, Vec<u32>)> = serde_json::from_value(expected["rows"].clone()).unwrap();
    for (text, ids) in &texts {
        assert_eq!(&tokenizer.encode(text), ids, "{text:?}");
    }
    let model = BertEncoder::load(&folder, &device()).unwrap();
    let batch = rows(&expected["batch"]);
    let lengths: Vec<usize> = batch.iter().map(Vec::len).collect();
    let (ids, mask) = padded(&batch, 0, 0);
    let found = model.forward(ids, &mask, &mut Dropout::off());
    assert_close_rows(found, &expected["states"], &lengths, TOLERANCE);
    println!("{} texts, {} rows", texts.len(), batch.len());
}
