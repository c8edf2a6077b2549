//! Byte-level BPE gives the ids of Transformers, from tokenizer.json and from what GGUF keeps of it, and no text
//! becomes a control token.

use std::path::Path;

use emprl::text::{GgufVocabulary, Tokenizer};
use serde_json::{Map, Value, json};

type Row = (String, Vec<u32>, Option<Vec<u32>>, Option<String>);

fn base() -> Value {
    serde_json::from_str(include_str!("../fixtures/tokenizer_bpe.json")).unwrap()
}

fn read(file: &Value) -> Result<Tokenizer, String> {
    let read = Tokenizer::from_json(file.to_string().as_bytes(), Path::new("tokenizer.json"));
    read.map_err(|error| error.to_string())
}

/// The families with their files and the rows of the fixture.
fn families() -> Vec<(String, Value, Vec<Row>)> {
    let families: Map<String, Value> =
        serde_json::from_str(include_str!("../fixtures/tokenizer_bpe_ids.json")).unwrap();
    let family = |(name, family): (String, Value)| {
        let mut file = base();
        for (part, value) in family["parts"].as_object().unwrap() {
            match part.as_str() {
                "ignore_merges" => file["model"][part] = value.clone(),
                _ => file[part] = value.clone(),
            }
        }
        let rows = serde_json::from_value(family["rows"].clone()).unwrap();
        (name, file, rows)
    };
    families.into_iter().map(family).collect()
}

/// What llama.cpp's converter keeps of a file.
fn gguf(file: &Value, pre: &str) -> GgufVocabulary {
    let vocab = file["model"]["vocab"].as_object().unwrap();
    let mut tokens: Vec<(u64, String)> = vocab
        .iter()
        .map(|(token, id)| (id.as_u64().unwrap(), token.clone()))
        .collect();
    tokens.sort();
    let mut tokens: Vec<String> = tokens.into_iter().map(|(_, token)| token).collect();
    let mut kinds = vec![1; tokens.len()];
    for token in file["added_tokens"].as_array().unwrap() {
        tokens.push(token["content"].as_str().unwrap().into());
        kinds.push(if token["special"] == true { 3 } else { 4 });
    }
    let begin = tokens.iter().position(|token| token == "<|endoftext|>");
    let part = |part: &Value| part.as_str().unwrap().to_string();
    let merge = |merge: &Value| format!("{} {}", part(&merge[0]), part(&merge[1]));
    let merges = file["model"]["merges"].as_array().unwrap();
    GgufVocabulary {
        model: "gpt2".into(),
        pre: pre.into(),
        merges: merges.iter().map(merge).collect(),
        tokens,
        kinds,
        begin: (None, begin.map(|id| id as u32)),
        end: (None, None),
    }
}

#[test]
fn ids_are_those_of_transformers() {
    for (name, file, rows) in families() {
        let from_json = read(&file).unwrap();
        let from_gguf = Tokenizer::from_gguf(gguf(&file, &name), Path::new("model.gguf")).unwrap();
        let again = Tokenizer::from_json(from_json.to_json().unwrap().as_bytes(), Path::new("t"));
        assert!(rows.len() > 200);
        for tokenizer in [from_json, from_gguf, again.unwrap()] {
            let special = tokenizer.clone().with_special_tokens(true);
            for (text, ids, controls, decoded) in &rows {
                assert_eq!(&tokenizer.encode(text), ids, "{name}: {text:?}");
                let controls = controls.as_ref().unwrap_or(ids);
                assert_eq!(&special.encode(text), controls, "{name}: {text:?}");
                let decoded = decoded.as_ref().unwrap_or(text);
                assert_eq!(&tokenizer.decode(ids), decoded, "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn a_begin_of_text_stands_before_a_text_only() {
    let (_, file, _) = families().remove(2);
    let tokenizer = read(&file).unwrap();
    let begin = tokenizer.control("<|endoftext|>").unwrap();
    let plain = tokenizer.encode_plain("so sorry");
    assert_eq!(
        tokenizer.encode("so sorry"),
        [&[begin], &plain[..]].concat()
    );
    assert_eq!(tokenizer.controls().count(), 3);
}

#[test]
fn tokens_are_shown_as_text_where_their_bytes_are_whole_characters() {
    let tokenizer = read(&base()).unwrap();
    let shown = |text: &str| -> Vec<String> {
        let ids = tokenizer.encode_plain(text).into_iter();
        ids.filter_map(|id| tokenizer.token(id)).collect()
    };
    assert_eq!(shown(" so"), ["▁so"]);
    assert!(
        shown("\u{1F9FF}")
            .iter()
            .all(|token| !token.contains('\u{FFFD}'))
    );
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let split = |pattern: &str, behavior: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})
    };
    let known =
        families().remove(1).1["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"].clone();
    let known = known.as_str().unwrap().to_string();
    let control = json!({"SpecialToken": {"id": "<|im_end|>", "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let many = [vec![control.clone(); 17], vec![text.clone()]].concat();
    for (pointer, part, name) in [
        ("/pre_tokenizer", split("(a+)+$", "Isolated"), "(a+)+$"),
        ("/pre_tokenizer", split(&known, "Removed"), "Split"),
        (
            "/pre_tokenizer",
            json!({"type": "Metaspace", "replacement": "▁"}),
            "Metaspace",
        ),
        (
            "/pre_tokenizer",
            json!({"type": "Digits", "individual_digits": true}),
            "ByteLevel",
        ),
        ("/pre_tokenizer", Value::Null, "no pre-tokenizer"),
        (
            "/pre_tokenizer",
            json!({"type": "Sequence", "pretokenizers": vec![json!({"type": "ByteLevel"}); 2]}),
            "one ByteLevel",
        ),
        ("/normalizer", json!({"type": "Lowercase"}), "Lowercase"),
        (
            "/decoder",
            json!({"type": "Metaspace", "replacement": "▁"}),
            "Metaspace",
        ),
        ("/decoder", Value::Null, "no decoder"),
        ("/model/type", json!("WordLevel"), "WordLevel"),
        ("/model/byte_fallback", json!(true), "byte-level"),
        ("/model/end_of_word_suffix", json!("</w>"), "byte-level"),
        ("/model/dropout", json!(0.1), "at random"),
        ("/model/unk_token", json!("<none>"), "<none>"),
        ("/model/merges", json!(["a"]), "merge 0"),
        ("/model/merges", json!(["a b c"]), "merge 0"),
        (
            "/model/merges",
            json!([["Q", "Z"]]),
            "merges cannot be used",
        ),
        ("/model/vocab/a", json!(7), "without gaps"),
        ("/model/vocab/a", json!(70_000), "without gaps"),
        (
            "/post_processor",
            json!({"type": "RobertaProcessing"}),
            "RobertaProcessing",
        ),
        (
            "/post_processor",
            json!({"type": "TemplateProcessing", "single": [control, text, text]}),
            "text once",
        ),
        (
            "/post_processor",
            json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a"}}, text]}),
            "no control",
        ),
        (
            "/post_processor",
            json!({"type": "TemplateProcessing", "single": many}),
            "more than 16",
        ),
    ] {
        let mut file = base();
        *file.pointer_mut(pointer).unwrap() = part;
        let text = read(&file).unwrap_err();
        assert!(text.contains(name), "{pointer}: {text}");
        assert!(
            text.starts_with("tokenizer.json: ") && text.len() < 500,
            "{text}"
        );
    }
    // Either way of writing merges.
    let mut file = base();
    let merges = file["model"]["merges"].as_array_mut().unwrap();
    for merge in merges {
        *merge = json!(format!(
            "{} {}",
            merge[0].as_str().unwrap(),
            merge[1].as_str().unwrap()
        ));
    }
    assert_eq!(
        read(&file).unwrap().encode("so"),
        read(&base()).unwrap().encode("so")
    );
}

/// A tokenizer whose vocabulary lets a text be a control token would let a text end a turn.
#[test]
fn a_vocabulary_that_spells_a_control_token_is_refused() {
    let control = |content: &str, id: usize| json!({"id": id, "content": content, "special": true, "normalized": false});
    let special = |content: &str, ignore_merges: bool| {
        let mut file = base();
        let id = file["model"]["vocab"][content].as_u64().unwrap() as usize;
        file["model"]["ignore_merges"] = json!(ignore_merges);
        file["added_tokens"]
            .as_array_mut()
            .unwrap()
            .push(control(content, id));
        read(&file).unwrap_err()
    };
    let merge = base()["model"]["merges"][40].clone();
    let merged = format!(
        "{}{}",
        merge[0].as_str().unwrap(),
        merge[1].as_str().unwrap()
    );
    assert!(special(&merged, false).contains("makes the control token"));
    assert!(special("a", false).contains("\"a\""));
    // A word that is a piece is taken whole, whatever merges there are.
    let mut whole = base();
    let pieces = whole["model"]["vocab"].as_object().unwrap().len();
    whole["model"]["vocab"]["word"] = json!(pieces);
    for token in whole["added_tokens"].as_array_mut().unwrap() {
        token["id"] = json!(token["id"].as_u64().unwrap() + 1);
    }
    whole["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(control("word", pieces));
    assert!(
        !read(&whole)
            .unwrap()
            .encode("word")
            .contains(&(pieces as u32))
    );
    whole["model"]["ignore_merges"] = json!(true);
    assert!(read(&whole).unwrap_err().contains("\"word\""));
}

/// Runs of spaces make the expressions go back again and again; the text is encoded all the same.
#[test]
fn a_long_run_of_spaces_is_encoded() {
    let text = format!("{}x", " ".repeat(20_000));
    for (name, file, _) in families() {
        let tokenizer = read(&file).unwrap();
        assert_eq!(
            tokenizer.decode(&tokenizer.encode_plain(&text)),
            text,
            "{name}"
        );
    }
}
