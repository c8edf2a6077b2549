//! Tokenizer files as people have them, and as someone may send them: they are read, or refused with one error.

use std::fs;
use std::path::Path;

use emprl::text::{Tokenizer, TokenizerError, train_unigram};
use serde_json::{Value, json};

use crate::t5_support::fixture;

/// A sound file, to be changed.
fn sound() -> Value {
    let tokenizer = train_unigram(["a b c aa ab"], 100, 3).unwrap();
    serde_json::from_str(&tokenizer.to_json().unwrap()).unwrap()
}

fn read(file: &Value) -> Result<Tokenizer, TokenizerError> {
    Tokenizer::from_json(file.to_string().as_bytes(), Path::new("tokenizer.json"))
}

fn refused(file: &Value, part: &str) {
    let text = read(file).unwrap_err().to_string();
    assert!(text.starts_with("tokenizer.json: "), "{text}");
    assert!(text.contains(part), "{text}");
    assert!(text.len() < 500, "{text}");
}

#[test]
fn ids_of_a_sentencepiece_model_are_those_of_transformers() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::copy(fixture("spiece/spiece.model"), at("spiece.model")).unwrap();
    let tokenizer = Tokenizer::from_folder(folder.path(), 200).unwrap();
    let rows: Vec<(String, Vec<u32>)> =
        serde_json::from_str(include_str!("../fixtures/spiece.json")).unwrap();
    for (text, ids) in &rows {
        assert_eq!(&tokenizer.encode(text), ids, "{text:?}");
    }
    assert_eq!(
        (tokenizer.vocab_size(), tokenizer.sentinel(0)),
        (188, Some(187))
    );

    // Saved as this program saves it, it is the same.
    tokenizer.save(at("tokenizer.json")).unwrap();
    let saved = Tokenizer::from_folder(folder.path(), 200).unwrap();
    for (text, ids) in &rows {
        assert_eq!(&saved.encode(text), ids, "{text:?}");
    }
    fs::remove_file(at("tokenizer.json")).unwrap();

    // Files that older tokenizers write beside it, which say nothing new.
    fs::write(
        at("added_tokens.json"),
        r#"{"<extra_id_0>": 187, "<extra_id_99>": 88}"#,
    )
    .unwrap();
    Tokenizer::from_folder(folder.path(), 200).unwrap();
    // And those that do.
    fs::write(
        at("added_tokens.json"),
        r#"{"<extra_id_0>": 187, "<speaker>": 188}"#,
    )
    .unwrap();
    let text = Tokenizer::from_folder(folder.path(), 200)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("added_tokens.json") && text.contains("<speaker>"),
        "{text}"
    );
    fs::remove_file(at("added_tokens.json")).unwrap();
    fs::write(at("tokenizer_config.json"), r#"{"extra_ids": 3}"#).unwrap();
    let few = Tokenizer::from_folder(folder.path(), 200).unwrap();
    assert_eq!(
        (few.vocab_size(), few.sentinel(2), few.sentinel(3)),
        (91, Some(88), None)
    );
    fs::remove_file(at("spiece.model")).unwrap();
    let text = Tokenizer::from_folder(folder.path(), 200)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("tokenizer.json") && text.contains("spiece.model"),
        "{text}"
    );
}

#[test]
fn both_files_of_t5_give_the_same_ids() {
    let (Some(json), Some(pieces)) = (
        crate::shared_data::shared("t5/tokenizer.json"),
        crate::shared_data::shared("t5/spiece.model"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::copy(pieces, folder.path().join("spiece.model")).unwrap();
    let pieces = Tokenizer::from_folder(folder.path(), 32_128).unwrap();
    let json = Tokenizer::from_file(json).unwrap();
    let rows: Vec<(String, Vec<u32>, String)> =
        serde_json::from_str(include_str!("../fixtures/tokenizer_t5.json")).unwrap();
    for (text, _, _) in &rows {
        assert_eq!(pieces.encode(text), json.encode(text), "{text:?}");
    }
    assert_eq!(pieces.vocab_size(), json.vocab_size());
    assert_eq!(pieces.sentinel(7), json.sentinel(7));
}

#[test]
fn parts_that_t5_does_not_have_are_refused_by_name() {
    for (field, part, name) in [
        (
            "normalizer",
            json!({"type": "Prepend", "prepend": "▁"}),
            "Prepend",
        ),
        ("normalizer", json!({"type": "ByteLevel"}), "ByteLevel"),
        (
            "pre_tokenizer",
            json!({"type": "FixedLength", "length": 0}),
            "FixedLength",
        ),
        (
            "pre_tokenizer",
            json!({"type": "WhitespaceSplit"}),
            "Metaspace",
        ),
        ("pre_tokenizer", Value::Null, "no pre-tokenizer"),
        (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed", "invert": false}),
            "Split",
        ),
        (
            "pre_tokenizer",
            json!({"type": "Metaspace", "replacement": "_"}),
            "'_'",
        ),
        (
            "decoder",
            json!({"type": "WordPiece", "prefix": "#", "cleanup": true}),
            "WordPiece",
        ),
        ("decoder", Value::Null, "no decoder"),
        (
            "model",
            json!({"type": "BPE", "vocab": {"a": 0}, "merges": []}),
            "no part of byte-level BPE's",
        ),
    ] {
        let mut file = sound();
        file[field] = part;
        refused(&file, name);
    }
}

#[test]
fn a_normalizer_that_floods_memory_is_refused() {
    let replace = |pattern: Value, content: String| json!({"type": "Replace", "pattern": pattern, "content": content});
    for (normalizer, part) in [
        (replace(json!({"String": "a"}), "a".repeat(16)), "longer"),
        (replace(json!({"String": ""}), String::new()), "longer"),
        (
            replace(json!({"Regex": "(a|aa)+$"}), "b".into()),
            "expression",
        ),
        (
            json!({"type": "Sequence", "normalizers": vec![json!({"type": "NFKC"}); 17]}),
            "more than 16",
        ),
        (
            json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
            "charsmap",
        ),
        (
            json!({"type": "Precompiled", "precompiled_charsmap": ""}),
            "charsmap",
        ),
        (
            json!({"type": "Precompiled", "precompiled_charsmap": "CAAAAP////////////8="}),
            "charsmap",
        ),
        (
            json!({"type": "Precompiled", "precompiled_charsmap": "not base64!"}),
            "base64",
        ),
    ] {
        let mut file = sound();
        file["normalizer"] = normalizer;
        refused(&file, part);
    }
    // As Transformers converts SentencePiece's.
    let mut file = sound();
    file["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Strip", "strip_left": false, "strip_right": true},
        replace(json!({"Regex": " {2,}"}), "▁".into()),
    ]});
    assert_eq!(
        read(&file).unwrap().encode("a  b "),
        read(&sound()).unwrap().encode("a b")
    );
}

/// The library recurses once for each byte of a piece, which no handler of panics can catch.
#[test]
fn pieces_and_tokens_beyond_any_tokenizers_are_refused() {
    let mut long = sound();
    long["model"]["vocab"][5][0] = "x".repeat(130_700).into();
    refused(&long, "piece 5 is 130700 bytes long");
    let mut many = sound();
    many["model"]["vocab"] = (0..20_000)
        .map(|i| json!([format!("{i}{}", "y".repeat(500)), -1.0]))
        .collect();
    refused(&many, "bytes together");
    let mut twice = sound();
    twice["model"]["vocab"][6] = twice["model"]["vocab"][5].clone();
    refused(&twice, "twice");
    let mut unknown = sound();
    unknown["model"]["unk_id"] = Value::Null;
    refused(&unknown, "unknown characters");
    unknown["model"]["unk_id"] = json!(4);
    refused(&unknown, "has id 4");
    unknown["model"]["unk_id"] = json!(u64::MAX);
    refused(&unknown, "unknown piece");

    let token = |id: u64, content: String| json!({"id": id, "content": content, "special": true, "normalized": false});
    let next = read(&sound()).unwrap().vocab_size() as u64;
    for (added, part) in [
        (token(next + 7, "<x>".into()), "is the next"),
        (token(next, "z".repeat(600)), "600 bytes long"),
        (token(next, String::new()), "0 bytes long"),
        (token(0, "<pad>".into()), "twice"),
    ] {
        let mut file = sound();
        file["added_tokens"].as_array_mut().unwrap().push(added);
        refused(&file, part);
    }
    // A token that normalises to nothing would be found everywhere.
    let mut file = sound();
    let everywhere = json!({"id": next, "content": "  ", "normalized": true});
    file["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(everywhere);
    file["normalizer"] = json!({"type": "Strip", "strip_left": true, "strip_right": true});
    refused(&file, "is no text");
}

#[test]
fn a_file_that_is_too_large_or_a_pointer_is_not_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let file = fs::File::create(&path).unwrap();
    file.set_len(40 << 20).unwrap();
    let text = Tokenizer::from_file(&path).unwrap_err().to_string();
    assert!(text.contains("more than 32 MB"), "{text}");
    fs::write(
        &path,
        "version https://git-lfs.github.com/spec/v1\noid sha256:9f1c\n",
    )
    .unwrap();
    let text = Tokenizer::from_file(&path).unwrap_err().to_string();
    assert!(text.contains("git lfs pull"), "{text}");
}

/// However a file is cut or flipped, reading says no or reads; it never ends the program.
#[test]
fn a_spoiled_file_is_refused_or_still_encodes() {
    let folder = tempfile::tempdir().unwrap();
    let model = fs::read(fixture("spiece/spiece.model")).unwrap();
    let path = folder.path().join("spiece.model");
    for place in 0..model.len() {
        let mut spoiled = model.clone();
        spoiled[place] ^= 1 << (place % 8);
        fs::write(&path, &spoiled).unwrap();
        match Tokenizer::from_folder(folder.path(), 200) {
            Ok(tokenizer) => drop(tokenizer.encode("I am so sorry, ½ of it’s ﬁne </s>")),
            Err(error) => assert!(error.to_string().contains("spiece.model"), "{error}"),
        }
    }
    let json = sound().to_string();
    for cut in (0..json.len()).step_by(97) {
        let cut = json.as_bytes()[..cut].to_vec();
        assert!(Tokenizer::from_json(&cut, Path::new("tokenizer.json")).is_err());
    }
}

/// Added tokens that are special are found in texts only where the setting says so; others are words.
#[test]
fn added_tokens_keep_their_ids() {
    let mut file = sound();
    let next = read(&file).unwrap().vocab_size() as u32;
    let tokens = file["added_tokens"].as_array_mut().unwrap();
    tokens.push(json!({"id": next, "content": "<speaker>", "normalized": true}));
    tokens.push(json!({"id": next + 1, "content": "[EMP]", "special": true}));
    let text = read(&file).unwrap();
    assert_eq!(text.vocab_size(), next as usize + 2);
    assert_eq!(text.token(next + 1).as_deref(), Some("[EMP]"));
    let found = |tokenizer: &Tokenizer| -> Vec<u32> {
        let ids = tokenizer.encode("<speaker> a [EMP] b").into_iter();
        ids.filter(|id| *id >= next).collect()
    };
    assert_eq!(found(&text), [next]);
    assert_eq!(found(&text.with_special_tokens(true)), [next, next + 1]);
}
