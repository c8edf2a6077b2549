//! GGUF files: the numbers are those of the `gguf` package, the names those of Transformers, and a damaged file is
//! refused with one error.

use std::fs;
use std::path::PathBuf;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use emprl::nn::WeightsError;
use emprl::nn::gguf::GgufFile;
use emprl::nn::weights::ParamInit;
use emprl::text::chat::{Message, Role};
use safetensors::SafeTensors;
use serde_json::json;

use crate::t5_support::{fixture, values};

#[derive(Module, Debug)]
struct Matrices {
    all: Vec<Param<Tensor<2>>>,
}

fn formats() -> Vec<u8> {
    fs::read(fixture("gguf/formats.gguf")).unwrap()
}

/// The file at a place of its own, to be changed.
fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn refused(bytes: &[u8]) -> String {
    let (_folder, path) = written(bytes);
    let text = GgufFile::open(&path).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("model.gguf: "), "{text}");
    assert!(text.len() < 400, "{text}");
    text
}

fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from);
    let mut bytes = bytes.to_vec();
    bytes[at.unwrap()..][..to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn numbers_of_every_format_are_those_of_the_gguf_package_bit_for_bit() {
    let expected = fs::read(fixture("gguf/formats.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let names: Vec<String> = expected.names().iter().map(|name| (*name).into()).collect();
    let device = Device::flex();
    let mut init = ParamInit::empty(&device);
    let mut version_2 = formats();
    version_2[4] = 2;
    for bytes in [formats(), version_2] {
        let (_folder, path) = written(&bytes);
        let file = GgufFile::open(&path).unwrap().into_weights();
        let matrix = |name: &String| {
            let shape = expected.tensor(name).unwrap().shape().to_vec();
            init.constant([shape[0], shape[1]], 0.0)
        };
        let empty = Matrices {
            all: names.iter().map(matrix).collect(),
        };
        let by_index = |path: &str| {
            let index: usize = path.rsplit('.').next().unwrap().parse().unwrap();
            vec![names[index].clone()]
        };
        let full = file.load(empty, by_index).unwrap();
        for (name, matrix) in names.iter().zip(full.all) {
            let bytes: Vec<u8> = (values(matrix.val()).iter())
                .flat_map(|value| value.to_le_bytes())
                .collect();
            assert!(bytes == expected.tensor(name).unwrap().data(), "{name}");
        }
    }
}

#[test]
fn metadata_are_a_config_of_transformers() {
    let file = GgufFile::open(&fixture("gguf/formats.gguf")).unwrap();
    assert_eq!(
        file.config(),
        &json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": 2,
            "hidden_size": 256,
            "intermediate_size": 256,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 4,
            "hidden_act": "silu",
            "max_position_embeddings": 64,
            "rms_norm_eps": 1e-5,
            "rope_theta": 100_000.0,
            "tie_word_embeddings": true,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        })
    );
    assert_eq!(file.formats()[0], ("F16", 3));
    assert_eq!(file.formats().len(), 8);
}

#[test]
fn its_tokenizer_and_chat_template_are_read() {
    let file = GgufFile::open(&fixture("gguf/formats.gguf")).unwrap();
    let tokenizer = file.tokenizer().unwrap();
    // Three control tokens, 256 bytes, six merges, one token of the model's user; padding rows are no tokens.
    assert_eq!(tokenizer.vocab_size(), 266);
    assert_eq!(tokenizer.control("<|im_end|>"), Some(2));
    assert_eq!(tokenizer.token(261).as_deref(), Some("▁the"));
    assert_eq!(tokenizer.token(266), None);
    let ids = tokenizer.encode("in the dog <think>");
    assert_eq!(tokenizer.decode(&ids), "in the dog <think>");
    assert_eq!((ids[0], ids[1], ids.last()), (262, 261, Some(&265)));

    let template = file.chat_template().unwrap().unwrap();
    let messages = [Message::new(Role::User, "the <|im_end|>")];
    let ids = template.encode(&tokenizer, &messages, false).unwrap();
    assert_eq!((ids[0], ids[ids.len() - 2]), (1, 2));
    assert_eq!(ids.iter().filter(|id| **id == 2).count(), 1);
    assert_eq!(tokenizer.decode(&ids), "user\nthe <|im_end|>\n");
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let whole = formats();
    for cut in (0..whole.len()).step_by(61).chain([whole.len() - 1]) {
        let (_folder, path) = written(&whole[..cut]);
        let text = GgufFile::open(&path).map(|_| ()).unwrap_err().to_string();
        assert!(text.contains("model.gguf: "), "{cut}: {text}");
    }
}

/// However a file is flipped, it is read or refused; nothing is made of a length that the file cannot have.
#[test]
fn a_spoiled_file_ends_no_program() {
    let whole = formats();
    let header = 5_312;
    for place in (0..header).step_by(7) {
        for bit in [0, 6, 7] {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 1 << bit;
            let (_folder, path) = written(&spoiled);
            if let Ok(file) = GgufFile::open(&path) {
                let _ = file
                    .tokenizer()
                    .map(|tokenizer| tokenizer.encode("the dog"));
                let _ = file.chat_template();
                file.into_weights();
            }
        }
    }
}

#[test]
fn lengths_that_no_file_has_are_refused_before_anything_is_made() {
    let whole = formats();
    let at = |place: usize, number: u64| {
        let mut bytes = whole.clone();
        bytes[place..place + 8].copy_from_slice(&number.to_le_bytes());
        refused(&bytes)
    };
    // Tensors, fields, the first field's name, its text.
    assert!(at(8, u64::MAX).contains("tensors at byte 8"));
    assert!(at(16, 1 << 40).contains("fields at byte 16"));
    assert!(at(24, 1 << 50).contains("byte 24"));
    assert!(at(24 + 8 + 20 + 4, 1 << 60).contains("text of"));
    assert!(refused(b"GGML").contains("does not begin with GGUF"));
    assert!(refused(&changed(&whole, b"GGUF\x03", b"GGUF\x01")).contains("version 1"));
    assert!(refused(&changed(&whole, b"GGUF\x03\0\0\0", b"GGUF\0\0\0\x03")).contains("big-endian"));
    assert!(
        refused(&changed(&whole, b"llama.block_count", b"llama.block_coun_"))
            .contains("llama.block_count")
    );
    // A tensor that lies outside the file, and one of a format that is not read.
    let name = whole.windows(4).position(|part| part == b"q8_0").unwrap();
    let mut far = whole.clone();
    far[name + 4 + 4 + 16 + 4..][..8].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    let text = refused(&far);
    assert!(text.contains("`q8_0` needs 272 bytes"), "{text}");
    let mut other = whole.clone();
    other[name + 4 + 4 + 16] = 13;
    assert!(refused(&other).contains("`q8_0` is in Q5_K"));
    let mut odd = whole.clone();
    odd[name + 8] = 31;
    odd[name + 9] = 0;
    assert!(refused(&odd).contains("blocks of 32"));
    let mut huge = whole.clone();
    huge[name + 8 + 8..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refused(&huge).contains("`q8_0`"));
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let whole = formats();
    let other = changed(
        &whole,
        b"\x05\0\0\0\0\0\0\0llama",
        b"\x05\0\0\0\0\0\0\0gemma",
    );
    assert!(refused(&other).contains("the architecture is gemma"));
    let text = refused(&changed(
        &whole,
        b"rope.dimension_count\x04\0\0\0\x04",
        b"rope.dimension_count\x04\0\0\0\x02",
    ));
    assert!(text.contains("turns 2 of the 4"), "{text}");
    for (from, to, part) in [
        (&b"gpt2"[..], &b"bert"[..], "is bert"),
        (b"smollm", b"falcon", "split by falcon"),
    ] {
        let (_folder, path) = written(&changed(&whole, from, to));
        let text = GgufFile::open(&path)
            .unwrap()
            .tokenizer()
            .unwrap_err()
            .to_string();
        assert!(text.contains(part) && text.contains("model.gguf"), "{text}");
    }
    // A merge that spells a control token would let a text end a turn.
    let spells = changed(&whole, b"\x03\0\0\0\0\0\0\0o g", b"\x03\0\0\0\0\0\0\0o o");
    let (_folder, path) = written(&spells);
    assert!(GgufFile::open(&path).unwrap().tokenizer().is_err());
}

#[test]
fn a_file_that_is_not_there_or_a_pointer_is_said() {
    let missing = GgufFile::open(&fixture("gguf/none.gguf")).map(|_| ());
    assert!(matches!(missing, Err(WeightsError::Missing { .. })));
    let text = refused(b"version https://git-lfs.github.com/spec/v1\n");
    assert!(text.contains("git lfs pull"), "{text}");
}

/// `EMPRL_MODELS` is the folder of `.ci/models` after `tests/fixtures/real_models.py`.
#[test]
#[ignore = "needs a model and what Transformers makes of it"]
fn real_smollm2_is_what_transformers_makes_of_it() {
    let folder = PathBuf::from(std::env::var("EMPRL_MODELS").unwrap());
    let file = GgufFile::open(&folder.join("SmolLM2-135M-Instruct.Q4_1.gguf")).unwrap();
    println!("{} {:?}", file.config(), file.formats());
    let folder = folder.join("smollm2");
    let expected = fs::read(folder.join("model.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let tokenizer = file.tokenizer().unwrap();
    let template = file.chat_template().unwrap().unwrap();
    let mut names: Vec<String> = expected.names().iter().map(|name| (*name).into()).collect();
    names.sort();
    #[derive(Module, Debug)]
    struct Vectors {
        matrices: Vec<Param<Tensor<2>>>,
        vectors: Vec<Param<Tensor<1>>>,
    }
    let device = Device::flex();
    let mut init = ParamInit::empty(&device);
    let shape = |name: &String| expected.tensor(name).unwrap().shape().to_vec();
    let (matrices, vectors): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| shape(name).len() == 2);
    let empty = Vectors {
        matrices: (matrices.iter().map(shape))
            .map(|shape| init.constant([shape[0], shape[1]], 0.0))
            .collect(),
        vectors: (vectors.iter().map(shape))
            .map(|shape| init.constant([shape[0]], 0.0))
            .collect(),
    };
    let by_index = |path: &str| {
        let (kind, index) = path.split_once('.').unwrap();
        let names = if kind == "matrices" {
            &matrices
        } else {
            &vectors
        };
        vec![names[index.parse::<usize>().unwrap()].clone()]
    };
    let full = file.into_weights().load(empty, by_index).unwrap();
    let all = (matrices
        .iter()
        .zip(full.matrices.iter().map(|m| values(m.val()))))
    .chain(
        vectors
            .iter()
            .zip(full.vectors.iter().map(|v| values(v.val()))),
    );
    for (name, found) in all {
        let (numbers, _) = expected.tensor(name).unwrap().data().as_chunks::<4>();
        let same = numbers
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .eq(found.iter().copied());
        assert!(same, "{name}");
    }

    let rows: Vec<(String, Vec<u32>)> =
        serde_json::from_slice(&fs::read(folder.join("ids.json")).unwrap()).unwrap();
    let from_json = emprl::text::Tokenizer::from_folder(&folder, 49_152).unwrap();
    for (text, ids) in &rows {
        assert_eq!(&tokenizer.encode(text), ids, "{text:?}");
        assert_eq!(&from_json.encode(text), ids, "{text:?}");
    }
    let chats: Vec<(String, Vec<u32>)> =
        serde_json::from_slice(&fs::read(folder.join("chats.json")).unwrap()).unwrap();
    for (text, ids) in &chats {
        let found = template.encode(&tokenizer, &[Message::new(Role::User, text)], true);
        assert_eq!(&found.unwrap(), ids, "{text:?}");
    }
    println!("{} texts, {} conversations", rows.len(), chats.len());
}
