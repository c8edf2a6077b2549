//! Metrics agree with scikit-learn, with NLTK, and with a published system's own figures.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use emprl::data::library;
use emprl::metrics::{Bootstrap, Confusion, ResponseWords, declared};
use serde::Deserialize;

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() < within, "{found}, not {expected}");
}

#[derive(Deserialize)]
struct Classified {
    gold: Vec<usize>,
    predicted: Vec<usize>,
    accuracy: f64,
    weighted_f1: f64,
    macro_f1: f64,
    confusion: Vec<Vec<u64>>,
}

#[test]
fn classification_is_that_of_scikit_learn() {
    let cases: Vec<Classified> =
        serde_json::from_str(include_str!("../fixtures/sklearn_classification.json")).unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let found = Confusion::from_pairs(3, case.gold.into_iter().zip(case.predicted));
        assert_eq!(found.counts, case.confusion);
        near(found.accuracy(), case.accuracy, 1e-12);
        near(found.weighted_f1(), case.weighted_f1, 1e-12);
        near(found.macro_f1(), case.macro_f1, 1e-12);
    }
}

#[derive(Deserialize)]
struct Distinct {
    responses: usize,
    words: usize,
    dist_1: f64,
    dist_2: f64,
    dist_3: f64,
}

#[test]
fn dist_is_that_of_nltks_words() {
    let expected: Distinct =
        serde_json::from_str(include_str!("../fixtures/distinct_nltk.json")).unwrap();
    let set = library::open_dialogues(Path::new("unused"), library::BUILTIN).unwrap();
    let targets: Vec<&str> = set.test.iter().map(|e| e.target.as_str()).collect();
    let words = ResponseWords::new(&targets);
    assert_eq!(
        (words.len(), words.words()),
        (expected.responses, expected.words)
    );
    near(words.dist(1), expected.dist_1, 1e-9);
    near(words.dist(2), expected.dist_2, 1e-9);
    near(words.dist(3), expected.dist_3, 1e-9);
}

#[test]
fn dist_of_kemp_is_the_published_one_and_its_intervals_take_seconds() {
    let Some(path) = crate::shared_data::shared("system_responses/kemp.txt") else {
        return;
    };
    let text = fs::read_to_string(path).unwrap();
    let responses: Vec<&str> = text.lines().collect();
    assert_eq!(responses.len(), 5_255);
    let start = Instant::now();
    let words = ResponseWords::new(&responses);
    let estimates: Vec<_> = (1..=2)
        .map(|n| words.estimate(n, &Bootstrap::default()).unwrap())
        .collect();
    let took = start.elapsed();
    println!("{estimates:?} in {took:?}");
    near(estimates[0].value, 0.61, 0.02);
    near(estimates[1].value, 2.65, 0.02);
    assert!(
        estimates
            .iter()
            .all(|e| e.low < e.value && e.value < e.high)
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Stores, exports and plots of earlier versions go by these names, units and definitions.
#[test]
fn every_declared_metric_is_what_it_always_was() {
    let lines: Vec<String> = declared::all()
        .map(|metric| {
            let direction = format!("{:?}", metric.direction);
            let fields = [metric.key, metric.name, metric.unit, &direction];
            let more = [metric.stage, metric.group, metric.per_what];
            [&fields[..], &more, &[metric.definition]]
                .concat()
                .join("\t")
        })
        .collect();
    let expected: Vec<&str> = include_str!("../fixtures/metrics.tsv").lines().collect();
    assert_eq!(lines, expected);
}
