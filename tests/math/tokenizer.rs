//! T5's tokenizer gives the ids of Transformers, and a small one trained here is of the same kind.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use emprl::data::library;
use emprl::text::{EOS, Tokenizer, UNK, train_unigram};

fn corpus() -> Vec<String> {
    let store = Path::new("unused");
    let set = library::open_dialogues(store, library::BUILTIN).unwrap();
    let texts = set.train.into_iter();
    texts
        .flat_map(|e| e.context.into_iter().chain([e.target]))
        .collect()
}

#[test]
fn ids_are_those_of_transformers() {
    let Some(path) = crate::shared_data::shared("t5/tokenizer.json") else {
        return;
    };
    // The texts have special tokens by name, as Transformers takes them unless it is told otherwise.
    let tokenizer = Tokenizer::from_file(path)
        .unwrap()
        .with_special_tokens(true);
    let rows: Vec<(String, Vec<u32>, String)> =
        serde_json::from_str(include_str!("../fixtures/tokenizer_t5.json")).unwrap();
    for (text, ids, decoded) in rows {
        assert_eq!(tokenizer.encode(&text), ids, "{text:?}");
        assert_eq!(
            tokenizer.encode_plain(&text),
            ids[..ids.len() - 1],
            "{text:?}"
        );
        assert_eq!(tokenizer.decode(&ids), decoded, "{text:?}");
    }
    assert_eq!(tokenizer.vocab_size(), 32_100);
    assert_eq!(tokenizer.sentinel(0), Some(32_099));
    assert_eq!(tokenizer.sentinel(99), Some(32_000));
    assert_eq!(tokenizer.sentinel(100), None);
    // Rows of an embedding beyond the vocabulary, and sentinels, are no text.
    assert_eq!(tokenizer.decode(&[32_127, 32_099, 0, 1]), "");
}

#[test]
fn a_trained_tokenizer_is_of_t5s_kind() {
    let texts = corpus();
    let tokenizer = train_unigram(&texts, 800, 20).unwrap();
    assert_eq!(tokenizer.vocab_size(), 800);
    assert_eq!(tokenizer.sentinel(0), Some(799));
    assert_eq!(tokenizer.sentinel(19), Some(780));
    let tokens: Vec<String> = (0..3).filter_map(|id| tokenizer.token(id)).collect();
    assert_eq!(tokens, ["<pad>", "</s>", "<unk>"]);
    for text in &texts {
        let ids = tokenizer.encode(text);
        assert_eq!(ids.last(), Some(&EOS));
        assert!(!ids.contains(&UNK));
        assert_eq!(&tokenizer.decode(&ids), text);
    }
    assert!(tokenizer.encode("Kälte 雪").contains(&UNK));
}

/// The quickstart's texts have no special tokens by name, so that its results are the same either way.
#[test]
fn a_special_token_in_a_text_is_text_unless_the_setting_says_otherwise() {
    let mut texts = corpus();
    let labelled = library::open_levels(Path::new("unused"), library::BUILTIN).unwrap();
    for pair in labelled.pairs {
        texts.extend([pair.seeker_post, pair.response_post]);
    }
    let text = train_unigram(&texts, 800, 20).unwrap();
    let special = text.clone().with_special_tokens(true);
    for sentence in &texts {
        assert_eq!(text.encode(sentence), special.encode(sentence));
    }
    assert_eq!(text.to_json().unwrap(), special.to_json().unwrap());
    let controls = |tokenizer: &Tokenizer, sentence: &str| -> Vec<u32> {
        let ids = tokenizer.encode_plain(sentence).into_iter();
        ids.filter(|id| *id <= EOS || *id >= 780).collect()
    };
    for (sentence, ids) in [
        ("a <extra_id_3> b", vec![796]),
        ("bye </s>", vec![EOS]),
        ("<pad></s> x", vec![0, EOS]),
    ] {
        assert_eq!(controls(&special, sentence), ids, "{sentence}");
        assert!(controls(&text, sentence).is_empty(), "{sentence}");
    }
    // What can be written with the pieces comes back as it was written.
    let spelled = train_unigram(["a </s> b <pad> c"], 100, 2).unwrap();
    for sentence in ["a </s> b", "<pad>", "c </s></s>"] {
        let ids = spelled.encode(sentence);
        assert!(!ids[..ids.len() - 1].contains(&EOS), "{ids:?}");
        assert_eq!(spelled.decode(&ids), sentence);
    }
    assert_eq!(spelled.token(EOS).as_deref(), Some("</s>"));
    let again =
        Tokenizer::from_json(spelled.to_json().unwrap().as_bytes(), Path::new("t")).unwrap();
    assert_eq!(again.encode("a </s> b"), spelled.encode("a </s> b"));
    assert_eq!(again.to_json().unwrap(), spelled.to_json().unwrap());
}

#[test]
fn training_is_deterministic() {
    let texts = corpus();
    let vocabularies: HashSet<String> = (0..4)
        .map(|_| train_unigram(&texts, 700, 10).unwrap().to_json().unwrap())
        .collect();
    assert_eq!(vocabularies.len(), 1);
    // Characters too rare to be counted must not fall into a random order either.
    let rare = ["abcdefghij klmnopqrst uvwxyz äöüß 0123456789 abc abc def"];
    let vocabularies: HashSet<String> = (0..8)
        .map(|_| train_unigram(rare, 60, 2).unwrap().to_json().unwrap())
        .collect();
    assert_eq!(vocabularies.len(), 1);
}

#[test]
fn a_saved_tokenizer_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    let texts = corpus();
    let tokenizer = train_unigram(&texts, 600, 10).unwrap();
    tokenizer.save(&path).unwrap();
    let again = Tokenizer::from_file(&path).unwrap();
    for text in &texts[..200] {
        assert_eq!(again.encode(text), tokenizer.encode(text));
    }
    assert_eq!(again.vocab_size(), tokenizer.vocab_size());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_trained_is_said() {
    let none: [&str; 0] = [];
    let error = train_unigram(none, 100, 10).unwrap_err().to_string();
    assert!(error.contains("there is no text"), "{error}");
    let error = train_unigram(["abcdefgh"], 20, 10).unwrap_err().to_string();
    assert!(error.contains("alone are 22"), "{error}");
    let few = train_unigram(["a b c"], 1000, 10).unwrap();
    assert!(few.vocab_size() < 1000);
    assert_eq!(few.decode(&few.encode("a c b")), "a c b");
    let long = "x".repeat(100_000);
    train_unigram([long.as_str(), "a b"], 100, 10).unwrap();
}

#[test]
fn foreign_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    let message = |text: &str| {
        fs::write(&path, text).unwrap();
        Tokenizer::from_file(&path).unwrap_err().to_string()
    };
    let word_level = r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,
        "post_processor":null,"decoder":null,"truncation":null,"padding":null,
        "model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}"#;
    let cases = [
        ("", "no tokenizer"),
        ("{\"a\": 1}", "no tokenizer"),
        (word_level, "the model is WordLevel"),
    ];
    for (text, expected) in cases {
        let found = message(text);
        assert!(found.contains(expected), "{found}");
        assert!(found.contains("tokenizer.json"), "{found}");
        assert!(
            found.ends_with("give the tokenizer.json of a T5, Llama, Qwen, SmolLM2 or BERT model"),
            "{found}"
        );
    }
    let whole = train_unigram(["a b c"], 100, 2).unwrap().to_json().unwrap();
    let other = message(&whole.replace("</s>", "</t>"));
    assert!(other.contains("there is no token </s>"), "{other}");
    let truncated = message(&whole[..whole.len() / 2]);
    assert!(truncated.contains("no tokenizer"), "{truncated}");
    fs::remove_file(&path).unwrap();
    let missing = Tokenizer::from_file(&path).unwrap_err().to_string();
    assert!(
        missing.contains("tokenizer.json: No such file"),
        "{missing}"
    );
}
