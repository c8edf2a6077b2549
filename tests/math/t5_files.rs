//! Model folders: what is written loads in Transformers, and what is wrong with one is said.

use std::fs;
use std::path::Path;

use crate::t5_support::{device, fixture, model};
use emprl::nn::WeightsError;
use emprl::nn::t5::{T5, T5Config};
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// A copy of a fixture, to be spoiled.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(fixture(name)).expect("the fixture is there") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("it copies");
    }
    folder
}

fn error(folder: &Path) -> WeightsError {
    T5::load(folder, &device()).expect_err("it cannot load")
}

fn set(folder: &Path, field: &str, value: Value) {
    let path = folder.join("config.json");
    let mut config: Value =
        serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    config[field] = value;
    fs::write(path, config.to_string()).expect("it writes");
}

fn shapes(path: &Path) -> Vec<(String, Vec<usize>)> {
    let bytes = fs::read(path).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut shapes: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec()))
        .collect();
    shapes.sort();
    shapes
}

fn bytes_of(path: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(path).expect("a file");
    SafeTensors::deserialize(&bytes)
        .expect("safetensors")
        .tensor(name)
        .expect("it is there")
        .data()
        .to_vec()
}

#[test]
fn a_saved_folder_has_the_names_shapes_and_numbers_that_transformers_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("model.safetensors");
    model("t5_relu_tied").save(folder.path()).expect("it saves");
    let original = fixture("t5_relu_tied").join("model.safetensors");
    assert_eq!(shapes(&saved), shapes(&original));
    for (name, _) in shapes(&original) {
        assert_eq!(
            bytes_of(&saved, &name),
            bytes_of(&original, &name),
            "{name}"
        );
    }

    let gated = model("t5_gated_untied");
    gated
        .save(folder.path())
        .expect("it saves over what was there");
    let mut known: Vec<_> = (1..=3)
        .flat_map(|shard| {
            shapes(
                &fixture("t5_gated_untied").join(format!("model-0000{shard}-of-00003.safetensors")),
            )
        })
        .collect();
    known.sort();
    assert_eq!(shapes(&saved), known);
    assert_eq!(
        &T5Config::read(folder.path()).expect("it reads"),
        gated.config()
    );
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    files.sort();
    assert_eq!(
        files,
        ["config.json", "model.safetensors"],
        "nothing temporary is left"
    );
}

#[test]
fn a_pickle_and_a_safetensors_file_of_one_model_are_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("model.safetensors");
    model("t5_relu_tied_bin")
        .save(folder.path())
        .expect("it saves");
    let original = fixture("t5_relu_tied").join("model.safetensors");
    assert_eq!(shapes(&saved), shapes(&original));
    for (name, _) in shapes(&original) {
        assert_eq!(
            bytes_of(&saved, &name),
            bytes_of(&original, &name),
            "{name}"
        );
    }
}

#[test]
fn a_folder_without_a_model_says_what_belongs_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = error(folder.path()).to_string();
    assert!(
        text.contains("config.json") && text.contains("Hugging Face"),
        "{text}"
    );
    fs::copy(
        fixture("t5_relu_tied").join("config.json"),
        folder.path().join("config.json"),
    )
    .expect("it copies");
    let text = error(folder.path()).to_string();
    assert!(
        text.contains("model.safetensors") && text.contains("pytorch_model.bin"),
        "{text}"
    );
}

#[test]
fn a_config_that_is_no_t5_is_refused_by_field() {
    for (field, value, part) in [
        ("model_type", json!("bart"), "bart"),
        ("num_heads", json!(0), "from 1"),
        ("d_model", json!(1_000_000_000_000_u64), "from 1"),
        ("d_ff", json!("wide"), "wide"),
        ("d_kv", json!(-4), "-4"),
        ("feed_forward_proj", json!("gated-relu"), "gated-gelu"),
        ("eos_token_id", json!(64), "outside the vocabulary of 64"),
        ("dropout_rate", json!(1.5), "below 1"),
        ("layer_norm_epsilon", json!(0.0), "between 0 and 1"),
        ("relative_attention_num_buckets", json!(2), "at least 4"),
        ("relative_attention_max_distance", json!(16), "half"),
    ] {
        let folder = copy("t5_relu_tied");
        set(folder.path(), field, value);
        let text = error(folder.path()).to_string();
        assert!(
            text.contains("config.json") && text.contains(field) && text.contains(part),
            "{text}"
        );
    }
    let folder = copy("t5_relu_tied");
    fs::write(
        folder.path().join("config.json"),
        "{\"model_type\": \"t5\",",
    )
    .expect("it writes");
    assert!(matches!(error(folder.path()), WeightsError::Foreign { .. }));
    fs::write(folder.path().join("config.json"), "[1, 2]").expect("it writes");
    assert!(error(folder.path()).to_string().contains("no JSON object"));
}

#[test]
fn what_a_config_leaves_out_or_sets_to_null_is_the_usual() {
    let folder = copy("t5_relu_tied");
    for field in [
        "num_decoder_layers",
        "relative_attention_max_distance",
        "tie_word_embeddings",
    ] {
        set(folder.path(), field, Value::Null);
    }
    let config = T5Config::read(folder.path()).expect("it reads");
    assert_eq!(
        (
            config.num_decoder_layers,
            config.relative_attention_max_distance
        ),
        (2, 128)
    );
    assert!(config.tie_word_embeddings);
}

#[test]
fn weights_of_another_shape_are_refused_by_tensor() {
    let folder = copy("t5_relu_tied");
    set(folder.path(), "d_ff", json!(48));
    match error(folder.path()) {
        WeightsError::Shape {
            path,
            tensor,
            found,
            expected,
        } => {
            assert!(path.ends_with("model.safetensors"));
            assert_eq!(tensor, "encoder.block.0.layer.1.DenseReluDense.wi.weight");
            assert_eq!((found, expected), (vec![32, 16], vec![48, 16]));
        }
        other => panic!("{other}"),
    }

    set(folder.path(), "d_ff", json!(32));
    set(folder.path(), "num_decoder_layers", json!(3));
    match error(folder.path()) {
        WeightsError::MissingTensor { tensor, .. } => {
            assert!(tensor.starts_with("decoder.block.2"), "{tensor}")
        }
        other => panic!("{other}"),
    }

    set(folder.path(), "num_decoder_layers", json!(1));
    match error(folder.path()) {
        WeightsError::Unused { tensor, count, .. } => {
            assert!(tensor.starts_with("decoder.block.1"), "{tensor}");
            assert_eq!(count, 13);
        }
        other => panic!("{other}"),
    }

    // Untied by the config, but the file has no head of its own.
    let folder = copy("t5_relu_tied");
    set(folder.path(), "tie_word_embeddings", json!(false));
    assert!(error(folder.path()).to_string().contains("lm_head.weight"));
}

#[test]
fn a_missing_shard_or_a_path_out_of_the_folder_is_refused() {
    let folder = copy("t5_gated_untied");
    fs::remove_file(folder.path().join("model-00002-of-00003.safetensors")).expect("it was there");
    let text = error(folder.path()).to_string();
    assert!(text.contains("model-00002-of-00003.safetensors"), "{text}");

    let folder = copy("t5_gated_untied");
    let index = folder.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).expect("a file");
    fs::write(&index, text.replace("model-00002-of-00003", "../elsewhere")).expect("it writes");
    assert!(
        error(folder.path())
            .to_string()
            .contains("outside its folder")
    );
    fs::write(&index, "{}").expect("it writes");
    assert!(error(folder.path()).to_string().contains("weight_map"));
}

/// However a file is cut or flipped, loading says no or loads; it never panics.
fn spoil(folder: &str, file: &str) {
    let folder = copy(folder);
    let path = folder.path().join(file);
    let whole = fs::read(&path).expect("a file");
    for cut in [0, 1, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).expect("it writes");
        let text = error(folder.path()).to_string();
        assert!(text.contains(file), "cut at {cut}: {text}");
    }
    // The head of the file, and its end, hold names, shapes and offsets.
    let places = (0..400).chain(whole.len().saturating_sub(400)..whole.len());
    for place in places {
        let mut spoiled = whole.clone();
        spoiled[place] ^= 0x55;
        fs::write(&path, &spoiled).expect("it writes");
        if let Err(error) = T5::load(folder.path(), &device()) {
            assert!(error.to_string().contains(file), "{error}");
        }
    }
    fs::write(&path, "<html>not found</html>").expect("it writes");
    assert!(error(folder.path()).to_string().contains(file));
}

#[test]
fn a_truncated_or_spoiled_safetensors_file_is_refused() {
    spoil("t5_relu_tied", "model.safetensors");
}

#[test]
fn a_truncated_or_spoiled_pickle_is_refused() {
    spoil("t5_relu_tied_bin", "pytorch_model.bin");
}

#[test]
fn a_weight_that_is_no_number_is_refused() {
    let folder = copy("t5_relu_tied");
    let path = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&path).expect("a file");
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).expect("it writes");
    let text = error(folder.path()).to_string();
    assert!(
        text.contains("not a number") && text.contains("model.safetensors"),
        "{text}"
    );
}

#[test]
fn a_model_drawn_by_seed_is_the_same_again_and_spread_as_transformers_spreads_it() {
    let config = T5Config {
        vocab_size: 500,
        d_model: 64,
        d_kv: 16,
        num_heads: 4,
        d_ff: 128,
        ..T5Config::default()
    };
    let folders: Vec<_> = [7, 7, 8]
        .iter()
        .map(|seed| {
            let folder = tempfile::tempdir().expect("a folder");
            T5::new(&config, &device(), *seed)
                .save(folder.path())
                .expect("it saves");
            folder
        })
        .collect();
    let file = |index: usize| folders[index].path().join("model.safetensors");
    assert_eq!(
        fs::read(file(0)).expect("a file"),
        fs::read(file(1)).expect("a file")
    );
    assert_ne!(
        fs::read(file(0)).expect("a file"),
        fs::read(file(2)).expect("a file")
    );
    let deviation = |name: &str| {
        let numbers: Vec<f64> = bytes_of(&file(0), name)
            .chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect();
        (numbers.iter().map(|x| x * x).sum::<f64>() / numbers.len() as f64).sqrt()
    };
    for (name, known) in [
        ("shared.weight", 1.0),
        (
            "encoder.block.0.layer.0.SelfAttention.q.weight",
            (64.0_f64 * 16.0).powf(-0.5),
        ),
        (
            "encoder.block.3.layer.0.SelfAttention.k.weight",
            64.0_f64.powf(-0.5),
        ),
        (
            "decoder.block.2.layer.1.EncDecAttention.o.weight",
            64.0_f64.powf(-0.5),
        ),
        (
            "decoder.block.5.layer.2.DenseReluDense.wo.weight",
            128.0_f64.powf(-0.5),
        ),
        ("decoder.final_layer_norm.weight", 1.0),
    ] {
        assert!(
            (deviation(name) / known - 1.0).abs() < 0.05,
            "{name}: {}",
            deviation(name)
        );
    }
}

#[test]
fn nothing_is_left_behind_where_a_folder_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("taken");
    fs::write(&file, "a file, not a folder").expect("it writes");
    assert!(matches!(
        model("t5_relu_tied").save(&file),
        Err(WeightsError::Io { .. })
    ));
    assert_eq!(
        fs::read_to_string(&file).expect("a file"),
        "a file, not a folder"
    );
}

#[test]
#[cfg(unix)]
fn the_weights_can_be_read_by_whom_the_other_files_can() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    model("t5_relu_tied").save(folder.path()).expect("it saves");
    let mode = |name: &str| {
        let found = fs::metadata(folder.path().join(name)).expect("a file");
        found.permissions().mode()
    };
    assert_eq!(mode("model.safetensors"), mode("config.json"));
    let usual = folder.path().join("usual");
    fs::write(&usual, "").expect("it writes");
    assert_eq!(mode("model.safetensors"), mode("usual"));
}
