//! Model folders as people have them: whoever saved one, it computes what Transformers computes, or is refused by
//! name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::t5_support::{
    assert_close_rows, device, expected, fixture, largest_difference, numbers, padded, row, values,
};
use emprl::nn::t5::{FeedForward, T5};
use emprl::nn::{Dropout, WeightsError};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

const TIED: &str = "t5_relu_tied";
const UNTIED: &str = "t5_gated_untied";
const TOLERANCE: f32 = 1e-4;

pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

pub fn read(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

pub fn tensors(model: &str) -> Tensors {
    let mut found = Tensors::new();
    for entry in fs::read_dir(fixture(model)).expect("the fixture is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "safetensors") {
            let bytes = fs::read(path).expect("a file");
            for (name, view) in SafeTensors::deserialize(&bytes)
                .expect("safetensors")
                .iter()
            {
                found.insert(
                    name.to_string(),
                    (view.shape().to_vec(), view.data().to_vec()),
                );
            }
        }
    }
    found
}

/// A folder of these tensors in one file.
pub fn folder(config: &Value, tensors: &Tensors) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.json"), config.to_string()).expect("it writes");
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor");
        (name, view)
    });
    let path = folder.path().join("model.safetensors");
    safetensors::serialize_to_file(views, None, &path).expect("it writes");
    folder
}

/// A folder of a fixture's tensors, changed.
pub fn changed(model: &str, change: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let mut all = tensors(model);
    change(&mut all);
    folder(&read(fixture(model).join("config.json")), &all)
}

pub fn rename(tensors: &mut Tensors, name: &str, new: &str) {
    let tensor = tensors.remove(name).expect("it is there");
    tensors.insert(new.to_string(), tensor);
}

fn load(folder: &Path) -> T5 {
    T5::load(folder, &device()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(folder: &Path) -> String {
    let error = T5::load(folder, &device()).expect_err("it is refused");
    assert!(!matches!(error, WeightsError::Io { .. }), "{error}");
    error.to_string()
}

/// Logits `[tokens, vocabulary]` of the first decoder input after the first source.
fn logits(model: &T5, name: &str) -> Vec<f32> {
    let expected = &expected()[name];
    let (ids, mask) = padded(&[row(&expected["sources"][0])], 0, 0);
    let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
    let (ids, _) = padded(&[row(&expected["decoder_inputs"][0])], 0, 0);
    let hidden = model.decode(ids, &encoded, &mask, None, &mut Dropout::off());
    values(model.logits(hidden))
}

fn assert_computes(model: &T5, name: &str) {
    let known = numbers(&expected()[name]["logits"]);
    let found = logits(model, name);
    assert!(
        largest_difference(&found, &known[..found.len()]) < TOLERANCE,
        "{name}"
    );
}

#[test]
fn a_head_of_its_own_is_kept_where_transformers_5_calls_it_tied() {
    let variants = read(fixture("t5_variants.json"));
    for name in [TIED, UNTIED] {
        let config = &variants[format!("{name}_config")];
        assert_eq!(config["tie_word_embeddings"], true);
        let model = load(folder(config, &tensors(name)).path());
        assert_computes(&model, name);
        // What is saved of it says the same to both Transformers.
        let saved = tempfile::tempdir().expect("a folder");
        model.save(saved.path()).expect("it saves");
        let again = read(saved.path().join("config.json"));
        assert_eq!(again["tie_word_embeddings"], name == TIED);
        assert_eq!(again["scale_decoder_outputs"], name == TIED);
        assert_computes(&load(saved.path()), name);
    }
}

#[test]
fn scale_and_tie_of_the_head_are_read_apart() {
    let variants = read(fixture("t5_variants.json"));
    let mut config = read(fixture(UNTIED).join("config.json"));
    config["scale_decoder_outputs"] = true.into();
    let model = load(folder(&config, &tensors(UNTIED)).path());
    let known = floats(&variants["scaled_head"]);
    assert!(largest_difference(&logits(&model, UNTIED), &known) < TOLERANCE);

    // Unscaled states make logits √d_model times as large.
    let mut config = read(fixture(TIED).join("config.json"));
    config["scale_decoder_outputs"] = false.into();
    let model = load(folder(&config, &tensors(TIED)).path());
    let found: Vec<f32> = logits(&model, TIED).iter().map(|x| x / 4.0).collect();
    let known = numbers(&expected()[TIED]["logits"]);
    assert!(largest_difference(&found, &known[..found.len()]) < TOLERANCE);
}

#[test]
fn the_gate_of_ul2_is_silu() {
    let mut config = read(fixture(UNTIED).join("config.json"));
    config["feed_forward_proj"] = "gated-silu".into();
    let text = refused(folder(&config, &tensors(UNTIED)).path());
    assert!(text.contains("`dense_act_fn` is \"gelu_new\""), "{text}");
    config["dense_act_fn"] = "silu".into();
    let model = load(folder(&config, &tensors(UNTIED)).path());
    assert_eq!(model.config().feed_forward, FeedForward::GatedSilu);
    let known = floats(&read(fixture("t5_variants.json"))["gated_silu"]);
    assert!(largest_difference(&logits(&model, UNTIED), &known) < TOLERANCE);
}

fn floats(values: &Value) -> Vec<f32> {
    let values = values.as_array().expect("numbers").iter();
    values
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect()
}

#[test]
fn names_of_training_code_and_single_copies_of_the_embedding_are_understood() {
    for prefix in ["module.", "base_model.", "state_dict.model.", "_orig_mod."] {
        let made = changed(TIED, |all| {
            let names: Vec<String> = all.keys().cloned().collect();
            for name in names {
                rename(all, &name, &format!("{prefix}{name}"));
            }
            all.insert("v_head.0.weight".into(), (vec![1, 16], vec![0; 64]));
        });
        let model = load(made.path());
        assert_computes(&model, TIED);
        assert_eq!(model.left_out(), ["v_head.0.weight"]);
    }
    for (model, name) in [
        (TIED, "encoder.embed_tokens.weight"),
        (TIED, "decoder.embed_tokens.weight"),
        (TIED, "lm_head.weight"),
        (UNTIED, "decoder.embed_tokens.weight"),
    ] {
        let made = changed(model, |all| rename(all, "shared.weight", name));
        assert_computes(&load(made.path()), model);
    }
    let copies = changed(TIED, |all| {
        for name in [
            "encoder.embed_tokens.weight",
            "decoder.embed_tokens.weight",
            "lm_head.weight",
        ] {
            all.insert(name.into(), all["shared.weight"].clone());
        }
        let unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
        all.insert(unused.into(), (vec![32, 4], vec![0; 512]));
    });
    let model = load(copies.path());
    assert_computes(&model, TIED);
    assert!(model.config().tie_word_embeddings && model.left_out().is_empty());
}

#[test]
fn an_embedding_that_is_no_copy_and_two_models_in_a_file_are_refused() {
    for name in ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] {
        let made = changed(TIED, |all| {
            let (shape, mut bytes) = all["shared.weight"].clone();
            bytes[..4].copy_from_slice(&0.125_f32.to_le_bytes());
            all.insert(name.into(), (shape, bytes));
        });
        let text = refused(made.path());
        assert!(
            text.contains(name) && text.contains("differs from `shared.weight`"),
            "{text}"
        );
    }
    let made = changed(TIED, |all| {
        for (name, tensor) in all.clone() {
            all.insert(format!("teacher.{name}"), tensor.clone());
            all.insert(format!("student.{name}"), tensor);
            all.remove(&name);
        }
    });
    let text = refused(made.path());
    assert!(text.contains("`student.` and `teacher.`"), "{text}");
    let made = changed(TIED, |all| {
        all.retain(|name, _| name.starts_with("encoder") || name.starts_with("shared"));
    });
    assert!(refused(made.path()).contains("without a decoder"));
}

#[test]
fn shards_of_pickles_are_read_by_their_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let source = fixture("t5_relu_tied_bin");
    fs::copy(source.join("config.json"), at("config.json")).expect("it copies");
    let shards = ["pytorch_model-1.bin", "pytorch_model-2.bin"];
    // Both have every tensor; the index says whose counts.
    let mut map = serde_json::Map::new();
    for (index, name) in tensors(TIED).into_keys().enumerate() {
        map.insert(name, shards[index % 2].into());
    }
    for shard in shards {
        fs::copy(source.join("pytorch_model.bin"), at(shard)).expect("it copies");
    }
    for copy in [
        "encoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
        "lm_head.weight",
    ] {
        map.insert(copy.into(), shards[0].into());
    }
    let index = at("pytorch_model.bin.index.json");
    fs::write(&index, json!({ "weight_map": map }).to_string()).expect("it writes");
    assert_computes(&load(folder.path()), TIED);

    map.remove("shared.weight");
    fs::write(&index, json!({ "weight_map": map }).to_string()).expect("it writes");
    assert!(refused(folder.path()).contains("two shards have tensor `shared.weight`"));
    map.insert("shared.weight".into(), Value::Null);
    fs::write(&index, json!({ "weight_map": map }).to_string()).expect("it writes");
    assert!(refused(folder.path()).contains("no shard for tensor `shared.weight`"));
}

#[test]
fn an_end_of_response_in_a_list_is_read_and_several_are_refused() {
    let mut config = read(fixture(TIED).join("config.json"));
    config["eos_token_id"] = json!([1]);
    assert_computes(&load(folder(&config, &tensors(TIED)).path()), TIED);
    config["eos_token_id"] = json!([1, 7]);
    let text = refused(folder(&config, &tensors(TIED)).path());
    assert!(text.contains("`eos_token_id` has 2 ids"), "{text}");
}

#[test]
fn what_is_no_t5_is_refused_by_name() {
    for (field, value, part) in [
        ("model_type", json!("mt5"), "mT5"),
        ("model_type", json!("umt5"), "UMT5"),
        ("model_type", json!("longt5"), "LongT5"),
        ("architectures", json!(["T5EncoderModel"]), "no decoder"),
    ] {
        let mut config = read(fixture(TIED).join("config.json"));
        config[field] = value;
        let text = refused(folder(&config, &tensors(TIED)).path());
        assert!(
            text.contains(part) && text.contains("config.json"),
            "{text}"
        );
    }

    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:9f1c\nsize 891646390\n";
    for file in ["model.safetensors", "pytorch_model.bin", "config.json"] {
        let folder = tempfile::tempdir().expect("a folder");
        let config = fixture(TIED).join("config.json");
        fs::copy(config, folder.path().join("config.json")).expect("it copies");
        fs::write(folder.path().join(file), pointer).expect("it writes");
        let text = refused(folder.path());
        assert!(
            text.contains(file) && text.contains("git lfs pull"),
            "{text}"
        );
    }

    let folder = tempfile::tempdir().expect("a folder");
    let adapter = folder.path().join("adapter_config.json");
    let base = r#"{"peft_type": "LORA", "base_model_name_or_path": "google/flan-t5-base"}"#;
    fs::write(&adapter, base).expect("it writes");
    let text = refused(folder.path());
    assert!(
        text.contains("LORA for google/flan-t5-base") && text.contains("merge"),
        "{text}"
    );
    fs::remove_file(adapter).expect("it goes");
    for step in [500, 1_000] {
        let inside = folder.path().join(format!("checkpoint-{step}"));
        fs::create_dir(&inside).expect("a folder");
        fs::write(inside.join("config.json"), "{}").expect("it writes");
    }
    let text = refused(folder.path());
    assert!(text.ends_with("checkpoint-1000"), "{text}");
}

/// Products of these would not fit a number, or ask for more memory than there is.
#[test]
fn sizes_that_no_model_has_are_refused_before_anything_is_allocated() {
    for field in [
        "vocab_size",
        "d_model",
        "d_kv",
        "d_ff",
        "num_heads",
        "num_layers",
        "num_decoder_layers",
        "relative_attention_num_buckets",
        "relative_attention_max_distance",
    ] {
        for size in [json!(3_999_999), json!(u64::MAX), json!(1e30)] {
            let mut config = read(fixture(TIED).join("config.json"));
            config[field] = size;
            let text = refused(folder(&config, &tensors(TIED)).path());
            assert!(text.contains(field), "{text}");
        }
    }
    let folder = folder(&json!({}), &Tensors::new());
    fs::write(folder.path().join("config.json"), " ".repeat(10_000_001)).expect("it writes");
    assert!(refused(folder.path()).contains("longer than"));
}

#[test]
fn a_header_that_does_not_fit_its_file_is_refused() {
    let config = read(fixture(TIED).join("config.json"));
    let folder = folder(&config, &Tensors::new());
    for header in [
        json!({"shared.weight": {"dtype": "F32", "shape": [1_u64 << 62, 16], "data_offsets": [0, 64]}}),
        json!({"shared.weight": {"dtype": "F32", "shape": [16], "data_offsets": [64, 0]}}),
        json!({"shared.weight": {"dtype": "F32", "shape": [16], "data_offsets": [0, u64::MAX]}}),
        json!({"shared.weight": {"dtype": "F32", "shape": [64, 16], "data_offsets": [0, 4096]}}),
    ] {
        let header = header.to_string();
        let bytes = [
            &(header.len() as u64).to_le_bytes()[..],
            header.as_bytes(),
            &[0; 64],
        ];
        let path = folder.path().join("model.safetensors");
        fs::write(&path, bytes.concat()).expect("it writes");
        assert!(refused(folder.path()).contains("model.safetensors"));
    }
}

/// A pickle whose one number, repeated, is said to be a table of a million rows.
#[test]
fn a_pickle_that_repeats_a_number_into_gigabytes_is_refused() {
    let config = json!({
        "model_type": "t5", "vocab_size": 1_000_000, "d_model": 512, "num_layers": 1, "num_heads": 8,
    });
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.json"), config.to_string()).expect("it writes");
    let path = folder.path().join("pytorch_model.bin");
    fs::write(&path, repeated(1_000_000, 512)).expect("it writes");
    let text = refused(folder.path());
    assert!(text.contains("more than the whole file"), "{text}");
}

/// `{'shared.weight': torch.zeros(1).expand(rows, columns)}` as PyTorch saved it before it wrote archives.
fn repeated(rows: u32, columns: u32) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    bytes.extend(b"\x80\x02M\xe9\x03.");
    bytes.extend(b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.");
    bytes.extend(b"\x80\x02}X\x0d\x00\x00\x00shared.weightctorch._utils\n_rebuild_tensor_v2\n((");
    bytes.extend(b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01NtQK\x00");
    bytes.extend(b"J");
    bytes.extend(rows.to_le_bytes());
    bytes.extend(b"J");
    bytes.extend(columns.to_le_bytes());
    bytes.extend(b"\x86K\x00K\x00\x86\x89ccollections\nOrderedDict\n)RtRs.");
    bytes.extend(b"\x80\x02]X\x01\x00\x00\x000a.");
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(0_f32.to_le_bytes());
    bytes
}

#[test]
fn states_of_a_folder_saved_by_transformers_5_are_those_of_transformers_4() {
    let config = &read(fixture("t5_variants.json"))[format!("{UNTIED}_config")];
    let model = load(folder(config, &tensors(UNTIED)).path());
    let expected = &expected()[UNTIED];
    let sources: Vec<Vec<u32>> = crate::t5_support::rows(&expected["sources"]);
    let lengths: Vec<usize> = sources.iter().map(Vec::len).collect();
    let (ids, mask) = padded(&sources, 0, 0);
    let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
    assert_close_rows(encoded, &expected["encoded"], &lengths, TOLERANCE);
}
