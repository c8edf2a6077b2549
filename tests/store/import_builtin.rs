//! The project's own corpus is whole: splits that do not overlap, levels in all combinations, a small
//! vocabulary, and rows that the program's own readers take.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use emprl::data::library::{self, BUILTIN};
use emprl::data::{Example, Split, rows};

fn dialogues() -> emprl::data::DialogueSet {
    library::open_dialogues(Path::new("unused"), BUILTIN).unwrap()
}

#[test]
fn the_corpus_opens_without_a_store() {
    let set = dialogues();
    let pairs = library::open_levels(Path::new("unused"), BUILTIN).unwrap();
    assert_eq!(set.fingerprint, pairs.fingerprint);
    assert!(set.train.len() >= 900 && set.validation.len() >= 150 && set.test.len() >= 150);
    assert_eq!(pairs.pairs.len(), 900);
    let summary = library::show(Path::new("unused"), BUILTIN).unwrap();
    assert!(summary.emotions.len() >= 16);
    assert_eq!(summary.labelled_pairs, Some(900));
}

#[test]
fn splits_share_no_context() {
    let set = dialogues();
    let contexts =
        |split| -> HashSet<String> { set.split(split).iter().map(Example::context_text).collect() };
    for (one, other) in [
        (Split::Train, Split::Validation),
        (Split::Train, Split::Test),
        (Split::Validation, Split::Test),
    ] {
        assert!(contexts(one).is_disjoint(&contexts(other)), "{one} {other}");
    }
}

#[test]
fn examples_are_whole() {
    let set = dialogues();
    for split in Split::ALL {
        for example in set.split(split) {
            assert_eq!(example.context.len() as u32 + 1, example.turn);
            assert!(example.turn % 2 == 0 && example.turn <= 6);
            let texts = example.context.iter().chain([&example.target]);
            assert!(
                texts
                    .into_iter()
                    .all(|text| !text.is_empty() && text.trim() == text)
            );
            assert!(!example.context_text().contains(['{', '}']));
            assert!(!example.emotion.is_empty() && !example.situation.is_empty());
        }
    }
}

#[test]
fn pairs_have_all_combinations_of_levels_and_no_contradiction() {
    let pairs = library::open_levels(Path::new("unused"), BUILTIN)
        .unwrap()
        .pairs;
    let combinations: BTreeSet<_> = pairs.iter().map(|pair| pair.levels).collect();
    assert_eq!(combinations.len(), 27);
    assert!(pairs.iter().all(|pair| !pair.levels.contains(&None)));
    let distinct: HashSet<_> = pairs.iter().map(|p| (&p.response_post, p.levels)).collect();
    let responses: HashSet<_> = pairs.iter().map(|p| &p.response_post).collect();
    assert_eq!(distinct.len(), responses.len());
}

#[test]
fn the_vocabulary_is_small() {
    let set = dialogues();
    let pairs = library::open_levels(Path::new("unused"), BUILTIN)
        .unwrap()
        .pairs;
    let texts = (set.train.iter().chain(&set.validation).chain(&set.test))
        .map(|example| format!("{} {}", example.context_text(), example.target))
        .chain(
            pairs
                .iter()
                .map(|p| format!("{} {}", p.seeker_post, p.response_post)),
        );
    let words: HashSet<String> = texts
        .flat_map(|text| {
            text.to_lowercase()
                .split(|c: char| !c.is_alphabetic() && c != '\'')
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!((600..1_000).contains(&words.len()), "{}", words.len());
}

#[test]
fn its_rows_are_rows_that_commands_take() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/corpus/test.jsonl");
    let rows = rows::read_jsonl(&path).unwrap();
    let set = dialogues();
    assert_eq!(rows.len(), set.test.len());
    for (row, example) in rows.iter().zip(&set.test) {
        assert_eq!(row.require_response(&path).unwrap(), example.target);
        assert_eq!(row.context_text().unwrap(), example.context_text());
    }
}
