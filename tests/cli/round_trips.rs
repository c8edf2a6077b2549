//! A corpus that is exported and imported again is the same: systems, labels, scores, ratings, verdicts and ids, in every
//! form that holds them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli_support::{Place, lines};
use crate::shared_data::shared;

/// A table without a header, as `emprl corpus inspect --help` reads it.
const WINDOWS: &str = r#"
format = 1
header = false
[turns]
list = "1"
separator = " EOS "
forms = ["{weight} {who} {turn} [{strategy}] {text}", "{weight} {who} {turn} {text}"]
role = "who"
speaker = ["0"]
listener = ["1"]
text = "text"
labels = { strategy = "strategy" }
last = true
"#;

/// The records of a corpus, as they are exported.
fn records(place: &Place, corpus: &str) -> Vec<Value> {
    let out = place.path().join(format!("{corpus}-records.jsonl"));
    let path = out.display().to_string();
    place.ok(&["corpus", "export", corpus, &path]);
    lines(&fs::read_to_string(out).unwrap())
}

/// Exports the corpus `it` in every form that holds records and reads each again.
fn same_in_every_form(place: &Place, what: &str) {
    let wanted = records(place, "it");
    for ending in ["csv", "tsv", "parquet", "jsonl"] {
        let out = place.path().join(format!("table.{ending}"));
        let out = out.display().to_string();
        place.ok(&["corpus", "export", "it", &out]);
        let again = format!("again-{ending}");
        let manifest = place.json(&["corpus", "import", &out, &again]);
        let left_out = manifest["corpus"]["left_out"].as_object().unwrap();
        assert!(
            left_out
                .values()
                .all(|why| why.as_str().unwrap().starts_with("sums up")),
            "{what} {ending}: {left_out:?}"
        );
        let found = records(place, &again);
        for (one, other) in wanted.iter().zip(&found) {
            assert_eq!(one, other, "{what} {ending}");
        }
        assert_eq!(wanted.len(), found.len(), "{what} {ending}");
    }
}

fn import(place: &Place, file: &Path) -> bool {
    let file = file.display().to_string();
    let mapping = place.write("windows.toml", WINDOWS);
    let plain = ["corpus", "import", &file, "it"];
    place.run(&plain).code == 0
        || place
            .run(&[&plain[..], &["--mapping", &mapping]].concat())
            .code
            == 0
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_sample_comes_back_as_it_was_exported() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    let mut files = files_in(&own);
    files.extend(
        shared("samples")
            .iter()
            .flat_map(|samples| files_in(samples)),
    );
    let mut read = 0;
    for file in files {
        let place = Place::new();
        if import(&place, &file) {
            same_in_every_form(&place, &file.display().to_string());
            read += 1;
        }
    }
    assert!(read >= 18, "{read} files are read");
}

#[test]
fn names_ratings_and_texts_that_look_like_something_else_come_back() {
    let score = |name: &str, value: f64| json!({"name": name, "value": value});
    let rating = |name: &str, value: f64, rater: &str| json!({"name": name, "value": value, "origin": "human", "range": [1.0, 5.0], "rater": rater});
    let speaker = |text: &str| json!({"role": "speaker", "text": text});
    let record = |at: usize| {
        let id = ["a", "7.0", "a", "-1"][at % 4];
        json!({
            "id": id, "conversation": format!("c{at}"), "turn": at + 2,
            "context": [
                {"role": "speaker", "text": "=1+1 I failed.", "labels": {"feedback": "4"}},
                {"role": "listener", "text": "Oh.", "labels": {"strategy": "Question"}, "audio": "a/1.wav"},
                speaker("-- not again, said \"she\"\nand left"),
            ],
            "responses": [
                {"system": "anna", "text": "@you, that is hard.", "reasoning": "She doubts.", "audio": "x.wav",
                    "labels": {"judge_overall": "good", "level": "2", "strategy": "a long text of many words that says how"},
                    "scores": [rating("rating", 3.0, "w1"), rating("rating", 5.0, "w2"), score("words", 4.0)]},
                {"system": "b_anna", "text": "I am sorry.", "labels": {"rating": "fine", "id": "x"},
                    "scores": [score("rating", 0.1 + 0.2),
                        {"name": "levels", "value": 1.5, "origin": "model", "probabilities": [0.25, 0.25, 0.5]}]},
            ],
            "target": "+1 to that.",
            "labels": {"emotion": "sad", "emotion_anna": "calm", "context": "c", "number": "12", "scores": "s",
                "response_type": "advice"},
            "scores": [score("emotion", 2.0), score("human_warmth", 1.0)],
            "verdicts": [{"name": "winner", "first": "anna", "second": "b_anna", "preferred": "tie", "in_order": true,
                "judge": "w1", "origin": "human"}],
        })
    };
    let alone = json!({"id": "z", "context": [speaker("Hello?")]});
    let target = json!({"id": "y", "target": "Nobody asked."});
    let all: Vec<String> = (0..6)
        .map(record)
        .chain([alone, target])
        .map(|record| record.to_string())
        .collect();
    let place = Place::new();
    let file = place.write("odd.jsonl", all.join("\n"));
    place.ok(&["corpus", "import", &file, "it"]);
    same_in_every_form(&place, "odd");
}

#[test]
fn one_systems_names_and_the_ratings_of_several_stay_and_a_new_column_is_read() {
    let place = Place::new();
    let mut rows = "id,context,response,judge_overall,annotator\n".to_string();
    for at in 0..6 {
        for who in ["w1", "w2"] {
            rows += &format!(
                "r{at},I lost key {at}.,Sorry for key {at}.,{},{who}\n",
                1 + at % 5
            );
        }
    }
    let file = place.write("one.csv", rows);
    place.ok(&["corpus", "import", &file, "it"]);
    same_in_every_form(&place, "one system");
    let out = place.path().join("more.csv");
    let path = out.display().to_string();
    place.ok(&["corpus", "export", "it", &path]);
    let table = fs::read_to_string(&out).unwrap();
    let head = table.lines().next().unwrap();
    assert!(
        head.contains("judge_overall") && head.ends_with("scores"),
        "{head}"
    );
    // As somebody adds a column in a program of their own.
    let mut longer = String::new();
    for (at, line) in table.lines().enumerate() {
        let more = if at == 0 {
            "mine"
        } else {
            ["1.5", "2"][at % 2]
        };
        longer += &format!("{line},{more}\n");
    }
    let file = place.write("longer.csv", longer);
    let counts = place.json(&["corpus", "import", &file, "longer"])["corpus"]["counts"].clone();
    assert_eq!(counts["scores"], json!({"judge_overall": 12, "mine": 6}));
    let said = place.ok(&["corpus", "inspect", &file]);
    assert!(
        said.contains("judge_overall: sums up what scores says"),
        "{said}"
    );
}

#[test]
fn systems_stand_in_every_record_in_the_order_that_it_has() {
    let place = Place::new();
    let record = |at: usize, systems: &[&str]| {
        let response =
            |system: &&str| json!({"system": system, "text": format!("{system} says {at}.")});
        let responses: Vec<Value> = systems.iter().map(response).collect();
        let context = json!([{"role": "speaker", "text": format!("I lost key {at}.")}]);
        json!({"id": format!("r{at}"), "context": context, "responses": responses, "labels": {"systems": "two"}}).to_string()
    };
    let rows = [
        record(0, &["carl", "anna"]),
        record(1, &["bert", "anna", "carl"]),
        record(2, &["anna"]),
        record(3, &["anna", "bert"]),
    ];
    let file = place.write("orders.jsonl", rows.join("\n"));
    place.ok(&["corpus", "import", &file, "it"]);
    same_in_every_form(&place, "orders");
}
