//! Words are NLTK's, on sentences of ours and on real responses.

use emprl::data::{empathetic_dialogues, mental_health_subreddits};
use emprl::text::word_tokenize;
use sha2::{Digest, Sha256};

#[test]
fn words_are_those_of_nltk() {
    let rows: Vec<(String, Vec<String>)> =
        serde_json::from_str(include_str!("../fixtures/nltk_words.json")).unwrap();
    assert!(rows.len() > 100);
    let wrong: Vec<_> = rows
        .iter()
        .filter(|(text, words)| word_tokenize(text) != *words)
        .map(|(text, words)| {
            format!(
                "{text:?}\n  ours {:?}\n  NLTK {words:?}",
                word_tokenize(text)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_of_real_responses_are_those_of_nltk() {
    let (Some(posts), Some(dialogues)) = (
        crate::shared_data::shared("mental_health_subreddits"),
        crate::shared_data::shared("empathetic_dialogues"),
    ) else {
        return;
    };
    let hashes: Vec<&str> = include_str!("../fixtures/nltk_words_real.txt")
        .lines()
        .collect();
    let (posts, _) = mental_health_subreddits::read(&posts).unwrap();
    let (dialogues, _) = empathetic_dialogues::read(&dialogues).unwrap();
    let texts: Vec<&str> = (posts.pairs.iter().map(|pair| pair.response_post.as_str()))
        .chain(dialogues.test[..3000].iter().map(|e| e.target.as_str()))
        .collect();
    assert_eq!((texts.len(), hashes.len()), (6084, 6084));
    let wrong: Vec<_> = texts
        .iter()
        .zip(&hashes)
        .filter(|(text, hash)| digest(text) != **hash)
        .map(|(text, _)| format!("{text:?}: {:?}", word_tokenize(text)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// First 8 hexadecimal digits of the SHA-256 of the words joined by U+001F.
fn digest(text: &str) -> String {
    let words = word_tokenize(text).join("\u{1f}");
    let bytes = Sha256::digest(words.as_bytes());
    bytes[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
