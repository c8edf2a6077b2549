//! Folders of decoders as people have them: whoever saved one, it computes what Transformers computes, or is refused by
//! name.

use std::fs;
use std::path::Path;

use emprl::nn::WeightsError;
use emprl::nn::llama::{Llama, LlamaConfig, RopeScaling};
use serde_json::{Value, json};

use crate::llama_parity::{expected, logits};
use crate::t5_layouts::{Tensors, changed, folder, read, rename, tensors};
use crate::t5_support::{assert_close_rows, device, fixture, rows, values};

const TIED: &str = "llama/llama_tied";
const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

fn config(model: &str) -> Value {
    read(fixture(model).join("config.json"))
}

fn load(folder: &Path) -> Llama {
    Llama::load(folder, &device()).unwrap_or_else(|error| panic!("{error}"))
}

fn assert_computes(model: &Llama, name: &str) {
    let expected = expected();
    let (contexts, responses) = (rows(&expected["contexts"]), rows(&expected["responses"]));
    let lengths: Vec<usize> = responses.iter().map(Vec::len).collect();
    let found = logits(model, &contexts, &responses);
    assert_close_rows(found, &expected[name]["logits"], &lengths, 2e-5);
}

/// The configuration of a fixture with fields changed, or removed where the value is `remove`.
fn with_fields(model: &str, fields: &[(&str, Value)]) -> Value {
    let mut config = config(model);
    for (field, value) in fields {
        if *value == json!("remove") {
            config.as_object_mut().expect("an object").remove(*field);
        } else {
            config[*field] = value.clone();
        }
    }
    config
}

fn read_config(config: &Value) -> Result<LlamaConfig, WeightsError> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.json"), config.to_string()).expect("it writes");
    LlamaConfig::read(folder.path())
}

/// What a fixture's configuration with a field changed is refused with.
fn refused(model: &str, field: &str, value: Value) -> String {
    let error = read_config(&with_fields(model, &[(field, value)])).expect_err("it is refused");
    assert!(matches!(error, WeightsError::Config { .. }), "{error}");
    error.to_string()
}

#[test]
fn relatives_that_compute_something_else_are_refused_by_name() {
    for (kind, name) in [
        ("gemma2", "Gemma 2"),
        ("phi3", "Phi 3"),
        ("mixtral", "mixture of experts"),
        ("qwen3_moe", "mixture of experts"),
        ("smollm3", "SmolLM3"),
        ("bloom", "\"bloom\""),
    ] {
        let message = refused(TIED, "model_type", json!(kind));
        assert!(
            message.contains(name) && message.contains("\"qwen2\""),
            "{message}"
        );
    }
    let message = refused(TIED, "model_type", json!("remove"));
    assert!(message.contains("`model_type` is missing"), "{message}");
}

#[test]
fn layers_that_see_a_part_of_the_sequence_are_refused() {
    for (model, field, value) in [
        ("llama/mistral", "sliding_window", json!(4096)),
        // Transformers' default of a file without the field.
        ("llama/mistral", "sliding_window", json!("remove")),
        ("llama/qwen2", "use_sliding_window", json!(true)),
        (
            "llama/qwen3",
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
        ),
    ] {
        let message = refused(model, field, value);
        assert!(
            message.contains(field) && message.contains("sliding window"),
            "{message}"
        );
    }
    let config = with_fields("llama/qwen2", &[("sliding_window", json!(4096))]);
    assert!(read_config(&config).is_ok(), "it is not used");
}

#[test]
fn what_this_program_does_not_compute_is_refused() {
    for (field, value) in [
        ("hidden_act", json!("gelu")),
        ("architectures", json!(["LlamaForSequenceClassification"])),
        ("quantization_config", json!({ "bits": 4 })),
        ("partial_rotary_factor", json!(0.5)),
        (
            "rope_scaling",
            json!({ "rope_type": "yarn", "factor": 4.0 }),
        ),
        ("rope_scaling", json!({ "type": "dynamic", "factor": 4.0 })),
        (
            "rope_scaling",
            json!({ "rope_type": "linear", "factor": 0.0 }),
        ),
        ("rope_scaling", json!({ "rope_type": "linear" })),
        (
            "rope_scaling",
            json!({ "rope_type": "llama3", "factor": 2.0, "low_freq_factor": 4.0, "high_freq_factor": 1.0 }),
        ),
        ("vocab_size", json!(0)),
        ("hidden_size", json!("remove")),
        ("hidden_size", json!(1_000_000_000)),
        ("hidden_size", json!("wide")),
        ("num_hidden_layers", json!(-1)),
        ("num_key_value_heads", json!(3)),
        ("head_dim", json!(5)),
        ("rms_norm_eps", json!(0)),
        ("rope_theta", json!(0.0)),
        ("attention_dropout", json!(1.0)),
        ("eos_token_id", json!([2, 60])),
        ("eos_token_id", json!("remove")),
        ("pad_token_id", json!(60)),
    ] {
        let message = refused(TIED, field, value);
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
}

#[test]
fn a_field_that_is_left_out_is_what_transformers_takes() {
    let fields = [
        "head_dim",
        "rope_scaling",
        "mlp_bias",
        "rope_theta",
        "rms_norm_eps",
    ];
    let removed = fields.map(|field| (field, json!("remove")));
    let found = read_config(&with_fields(TIED, &removed)).expect("it is read");
    assert_eq!((found.head_dim, found.rope_theta), (4, 10_000.0));
    let without = with_fields(TIED, &[("num_key_value_heads", json!("remove"))]);
    assert_eq!(
        read_config(&without)
            .expect("it is read")
            .num_key_value_heads,
        4
    );
    let without = with_fields("llama/qwen3", &[("head_dim", json!("remove"))]);
    assert_eq!(read_config(&without).expect("it is read").head_dim, 128);
}

#[test]
fn every_way_to_write_the_rotation_is_read() {
    let known = RopeScaling::Linear { factor: 2.0 };
    for fields in [
        [("rope_scaling", json!({ "type": "linear", "factor": 2.0 }))],
        // Transformers 5.
        [(
            "rope_parameters",
            json!({ "rope_type": "linear", "factor": 2.0, "rope_theta": 100_000.0 }),
        )],
    ] {
        let found = read_config(&with_fields(TIED, &fields)).expect("it is read");
        assert_eq!(found.rope_scaling, Some(known.clone()));
        assert_eq!(found.rope_theta, 100_000.0);
    }
    let plain = [(
        "rope_parameters",
        json!({ "rope_type": "default", "rope_theta": 500.0 }),
    )];
    let found = read_config(&with_fields(TIED, &plain)).expect("it is read");
    assert_eq!((found.rope_scaling, found.rope_theta), (None, 500.0));
}

#[test]
fn a_response_ends_as_either_configuration_says() {
    let saved = tempfile::tempdir().expect("a folder");
    let config = with_fields(TIED, &[("pad_token_id", json!(-1))]);
    fs::write(saved.path().join("config.json"), config.to_string()).expect("it writes");
    let generation = json!({ "eos_token_id": [9, 8] }).to_string();
    fs::write(saved.path().join("generation_config.json"), generation).expect("it writes");
    let found = LlamaConfig::read(saved.path()).expect("it is read");
    assert_eq!(found.eos_token_ids(), [8, 9]);
    assert_eq!(found.pad_token_id, None);
}

#[test]
fn a_tied_head_is_read_under_either_name_and_one_that_differs_is_kept() {
    let copied = changed(TIED, |tensors: &mut Tensors| {
        let embedding = tensors[EMBEDDING].clone();
        tensors.insert(HEAD.into(), embedding);
    });
    let model = load(copied.path());
    assert!(model.config().tie_word_embeddings);
    assert_computes(&model, "llama_tied");

    let renamed = changed(TIED, |tensors| rename(tensors, EMBEDDING, HEAD));
    assert_computes(&load(renamed.path()), "llama_tied");

    let parted = changed(TIED, |tensors: &mut Tensors| {
        let (shape, mut bytes) = tensors[EMBEDDING].clone();
        bytes[..4].copy_from_slice(&1.0_f32.to_le_bytes());
        tensors.insert(HEAD.into(), (shape, bytes));
    });
    let model = load(parted.path());
    assert!(!model.config().tie_word_embeddings);
    let saved = tempfile::tempdir().expect("a folder");
    model.save(saved.path()).expect("it saves");
    let rows = [vec![vec![7, 8, 9]], vec![vec![10, 2]]];
    let [before, after] =
        [model, load(saved.path())].map(|model| logits(&model, &rows[0], &rows[1]));
    assert_eq!(values(before), values(after));
}

#[test]
fn names_of_training_code_and_tensors_of_others_are_understood() {
    let theirs = changed(TIED, |tensors: &mut Tensors| {
        let names: Vec<String> = tensors.keys().cloned().collect();
        for name in names {
            rename(tensors, &name, &format!("module.{name}"));
        }
        let two = vec![0; 8];
        for name in [
            "module.model.layers.0.self_attn.rotary_emb.inv_freq",
            "v_head.bias",
        ] {
            tensors.insert(name.into(), (vec![2], two.clone()));
        }
    });
    let model = load(theirs.path());
    assert_eq!(model.left_out(), ["v_head.bias"]);
    assert_computes(&model, "llama_tied");
}

#[test]
fn a_tensor_that_is_missing_or_misshapen_is_named() {
    let name = "model.layers.1.mlp.up_proj.weight";
    let refused = |folder: tempfile::TempDir| {
        let error = Llama::load(folder.path(), &device()).expect_err("it is refused");
        error.to_string()
    };
    let missing = changed(TIED, |tensors: &mut Tensors| drop(tensors.remove(name)));
    assert!(refused(missing).contains(name));
    let mut config = config(TIED);
    config["intermediate_size"] = json!(25);
    let message = refused(folder(&config, &tensors(TIED)));
    assert!(
        message.contains("shape") && message.contains("mlp."),
        "{message}"
    );
    let untied = with_fields(TIED, &[("tie_word_embeddings", json!(false))]);
    assert!(refused(folder(&untied, &tensors(TIED))).contains(HEAD));
}
