//! Decoders of the Llama family compute what Transformers computes, from the same folders.

use std::fs;

use crate::t5_support::{
    assert_close_rows, device, fixture, largest_difference, row, rows, values,
};
use burn::tensor::Tensor;
use emprl::nn::Dropout;
use emprl::nn::adapter::AdapterWeights;
use emprl::nn::llama::{Family, Llama};
use serde_json::Value;

/// Transformers' own results differ by as much from batch to batch.
const TOLERANCE: f32 = 2e-5;
const MODELS: [&str; 6] = [
    "llama_tied",
    "llama_untied",
    "llama_linear",
    "mistral",
    "qwen2",
    "qwen3",
];

pub fn expected() -> Value {
    let text = fs::read_to_string(fixture("llama/expected.json")).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

pub fn model(name: &str) -> Llama {
    Llama::load(&fixture("llama").join(name), &device()).unwrap_or_else(|error| panic!("{error}"))
}

/// Logits `[batch, response tokens, vocabulary]`.
pub fn logits(model: &Llama, contexts: &[Vec<u32>], responses: &[Vec<u32>]) -> Tensor<3> {
    model.logits(model.forward(contexts, responses, None, &mut Dropout::off()))
}

fn lengths(rows: &[Vec<u32>]) -> Vec<usize> {
    rows.iter().map(Vec::len).collect()
}

/// The likeliest token of each row of logits `[batch, 1, vocabulary]`.
fn likeliest(logits: Tensor<3>) -> Vec<u32> {
    let vocabulary = logits.dims()[2];
    values(logits)
        .chunks(vocabulary)
        .map(|row| {
            let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
            best.expect("a vocabulary") as u32
        })
        .collect()
}

#[test]
fn logits_equal_those_of_transformers_with_padding_on_both_sides() {
    let expected = expected();
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    for name in MODELS {
        let found = logits(&model(name), &contexts, &responses);
        println!("{name}");
        assert_close_rows(
            found,
            &expected[name]["logits"],
            &lengths(&responses),
            TOLERANCE,
        );
    }
}

#[test]
fn a_row_in_a_batch_equals_the_row_alone() {
    let expected = expected();
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    for name in MODELS {
        let model = model(name);
        let batch = logits(&model, &contexts, &responses);
        for (at, response) in responses.iter().enumerate() {
            let alone = logits(&model, &contexts[at..=at], &responses[at..=at]);
            let batch = batch.clone().narrow(0, at, 1).narrow(1, 0, response.len());
            let difference = largest_difference(&values(alone), &values(batch));
            assert!(difference < TOLERANCE, "{name}, row {at}: {difference}");
        }
    }
}

/// Token by token, a model computes what it computes all at once.
pub fn assert_cache_changes_nothing(
    model: &Llama,
    contexts: &[Vec<u32>],
    responses: &[Vec<u32>],
    adapter: Option<&AdapterWeights>,
) {
    let known = model.forward(contexts, responses, adapter, &mut Dropout::off());
    let (mut cache, first) = model.start(contexts, adapter);
    let mut states = vec![first];
    for position in 0..known.dims()[1] - 1 {
        let token = |response: &Vec<u32>| response.get(position).copied().unwrap_or(0);
        let tokens: Vec<u32> = responses.iter().map(token).collect();
        states.push(model.next(&tokens, &mut cache, adapter));
    }
    let (found, known) = (model.logits(Tensor::cat(states, 1)), model.logits(known));
    for (at, response) in responses.iter().enumerate() {
        let row = |logits: &Tensor<3>| {
            let logits = logits.clone().narrow(0, at, 1);
            values(logits.narrow(1, 0, response.len()))
        };
        let difference = largest_difference(&row(&found), &row(&known));
        assert!(difference < TOLERANCE, "row {at}: {difference}");
    }
}

#[test]
fn decoding_with_a_cache_equals_reading_all_at_once() {
    let expected = expected();
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    for name in MODELS {
        assert_cache_changes_nothing(&model(name), &contexts, &responses, None);
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers_also_when_rows_leave_the_batch() {
    let expected = expected();
    let contexts = rows(&expected["contexts"]);
    let longest = expected["max_new_tokens"].as_u64().expect("a number") as usize;
    for name in MODELS {
        let model = model(name);
        let mut found = vec![Vec::new(); contexts.len()];
        let mut active: Vec<usize> = (0..contexts.len()).collect();
        let (mut cache, mut states) = model.start(&contexts, None);
        for _ in 0..longest {
            let tokens = likeliest(model.logits(states));
            for (row, token) in active.iter().zip(&tokens) {
                found[*row].push(*token);
            }
            let ends = model.config().eos_token_ids();
            let kept: Vec<usize> = (0..tokens.len())
                .filter(|at| !ends.contains(&tokens[*at]))
                .collect();
            if kept.is_empty() {
                break;
            }
            cache = cache.select(&kept);
            active = kept.iter().map(|at| active[*at]).collect();
            let tokens: Vec<u32> = kept.iter().map(|at| tokens[*at]).collect();
            states = model.next(&tokens, &mut cache, None);
        }
        assert_eq!(found, rows(&expected[name]["greedy"]), "{name}");
    }
}

#[test]
fn an_empty_context_begins_a_sequence_and_no_response_makes_one_column() {
    let model = model("llama_tied");
    let begin = model.config().bos_token_id.expect("it has one");
    let response = vec![9, 8, 2];
    let empty = logits(&model, &[vec![]], std::slice::from_ref(&response));
    let begun = logits(&model, &[vec![begin]], &[response]);
    assert_eq!(values(empty), values(begun));
    assert_eq!(logits(&model, &[vec![7, 8]], &[vec![]]).dims()[1], 1);
}

#[test]
fn the_folder_says_what_kind_of_decoder_it_is() {
    let untied = model("llama_untied");
    let config = untied.config();
    assert_eq!(config.eos_token_ids(), [2, 5]);
    assert!(config.has_query_bias() && config.has_output_bias() && config.has_mlp_bias());
    assert!(!config.tie_word_embeddings);
    assert_eq!((config.head_dim, config.num_key_value_heads), (6, 4));
    let qwen2 = model("qwen2");
    assert_eq!(qwen2.config().model_type, Family::Qwen2);
    assert!(qwen2.config().has_query_bias() && !qwen2.config().has_output_bias());
    assert!(model("qwen3").config().has_head_norms());
}

#[test]
fn what_is_saved_is_read_back_bit_for_bit() {
    let expected = expected();
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    for name in MODELS {
        let model = model(name);
        let folder = tempfile::tempdir().expect("a folder");
        model.save(folder.path()).expect("it saves");
        let again = Llama::load(folder.path(), &device()).expect("it loads");
        assert_eq!(again.config(), model.config(), "{name}");
        let [before, after] = [&model, &again].map(|model| logits(model, &contexts, &responses));
        assert_eq!(values(before), values(after), "{name}");
    }
}

/// SmolLM2-135M-Instruct in a Hugging Face folder, and what Transformers says of it.
///
///     EMPRL_SMOLLM2=FOLDER cargo test --test math smollm2 -- --ignored
///
/// `FOLDER/expected.json` is written by `tests/fixtures/smollm2_expected.py FOLDER`.
#[test]
#[ignore = "needs the weights of SmolLM2"]
fn smollm2_answers_as_in_transformers() {
    let folder = std::env::var("EMPRL_SMOLLM2").expect("EMPRL_SMOLLM2 names the folder");
    let folder = std::path::Path::new(&folder);
    let text = fs::read_to_string(folder.join("expected.json")).expect("expected.json is there");
    let expected: Value = serde_json::from_str(&text).expect("it is JSON");
    let model = Llama::load(folder, &device()).unwrap_or_else(|error| panic!("{error}"));
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    let states = model.forward(&contexts, &responses, None, &mut Dropout::off());
    for (at, response) in responses.iter().enumerate() {
        let last = states
            .clone()
            .narrow(0, at, 1)
            .narrow(1, response.len() - 1, 1);
        let found = values(model.logits(last));
        let known: Vec<f32> = expected["last_logits"][at]
            .as_array()
            .expect("logits")
            .iter()
            .map(|logit| logit.as_f64().expect("a number") as f32)
            .collect();
        let difference = largest_difference(&found, &known);
        println!("row {at}: {difference}");
        assert!(difference < 1e-4, "row {at} is off by {difference}");
    }
    for (at, known) in rows(&expected["greedy"]).iter().enumerate() {
        let (mut cache, mut states) = model.start(&contexts[at..=at], None);
        let mut found: Vec<u32> = Vec::new();
        for _ in known {
            let token = likeliest(model.logits(states));
            found.extend(&token);
            states = model.next(&token, &mut cache, None);
        }
        assert_eq!(found, *known, "row {at}");
    }
    assert_eq!(row(&expected["eos"]), model.config().eos_token_ids());
}
