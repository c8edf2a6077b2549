use serde::Deserialize;

use super::logistic::LogisticAuditor;
use super::regression::{Examples, Regression};
use super::tfidf::{SparseRow, Tfidf};
use crate::data::EmpathyLevel;
use crate::data::library;

/// Made by `tests/fixtures/tfidf_logistic.py`.
#[derive(Deserialize)]
struct Sklearn {
    c: f64,
    contexts: Vec<String>,
    responses: Vec<String>,
    classes: Vec<usize>,
    other_contexts: Vec<String>,
    other_responses: Vec<String>,
    context_features: Vec<String>,
    rows: Vec<SparseRow>,
    /// Of each feature by class.
    weights: Vec<[f64; 3]>,
    intercepts: [f64; 3],
    probabilities: Vec<[f64; 3]>,
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

fn near_all(found: &[f64; 3], expected: &[f64; 3]) {
    for (found, expected) in found.iter().zip(expected) {
        near(*found, *expected);
    }
}

#[test]
fn features_and_regression_are_those_of_scikit_learn() {
    let expected: Sklearn = serde_json::from_str(include_str!(
        "../../../../../tests/fixtures/tfidf_logistic.json"
    ))
    .unwrap();
    let fit = |texts: &[String]| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Tfidf::fit(&texts)
    };
    let (context, response) = (fit(&expected.contexts), fit(&expected.responses));
    assert_eq!(context.len(), expected.context_features.len());
    let rows = |contexts: &[String], responses: &[String]| -> Vec<SparseRow> {
        let both = contexts.iter().zip(responses);
        both.map(|(before, answer)| {
            let mut row = context.row(before, 0);
            row.extend(response.row(answer, context.len()));
            row
        })
        .collect()
    };
    let others = rows(&expected.other_contexts, &expected.other_responses);
    for (found, mut expected) in others.iter().zip(expected.rows) {
        expected.sort_by_key(|(feature, _)| *feature);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.0, expected.0);
            near(found.1, expected.1);
        }
    }
    let rows = rows(&expected.contexts, &expected.responses);
    let examples = Examples {
        rows: &rows,
        classes: &expected.classes,
        features: expected.weights.len(),
    };
    let regression = Regression::fit(&examples, expected.c, 1e-9);
    let (intercepts, weights) = regression.weights().split_last().unwrap();
    near_all(intercepts, &expected.intercepts);
    for (found, expected) in weights.iter().zip(&expected.weights) {
        near_all(found, expected);
    }
    for (row, expected) in others.iter().zip(&expected.probabilities) {
        near_all(&regression.probabilities(row), expected);
    }
}

#[test]
fn a_class_without_examples_is_never_predicted() {
    let rows = vec![vec![(0, 1.0)], vec![(1, 1.0)]];
    let examples = Examples {
        rows: &rows,
        classes: &[0, 2],
        features: 2,
    };
    let regression = Regression::fit(&examples, 10.0, 1e-9);
    let [no, weak, strong] = regression.probabilities(&rows[1]);
    assert!(weak == 0.0 && strong > 0.8 && (no + strong - 1.0).abs() < 1e-12);
    let alone = Examples {
        classes: &[1, 1],
        ..examples
    };
    let regression = Regression::fit(&alone, 10.0, 1e-9);
    assert_eq!(regression.probabilities(&rows[0]), [0.0, 1.0, 0.0]);
}

#[test]
fn the_logistic_auditor_is_the_same_every_time_and_knows_a_question() {
    let set = library::open_levels(std::path::Path::new(""), library::BUILTIN).unwrap();
    let [first, second] = [0, 1].map(|_| LogisticAuditor::train(&set).unwrap());
    assert_eq!(first.scores, second.scores);
    let labelled = set.pairs.iter().filter(|pair| pair.levels[2].is_some());
    assert_eq!(
        first.scores[2].report().n,
        labelled.count() as u64,
        "each pair is judged once"
    );
    let pairs: Vec<(&str, &str)> = set
        .pairs
        .iter()
        .map(|pair| (&*pair.seeker_post, &*pair.response_post))
        .collect();
    let levels = first.levels(&pairs);
    assert_eq!(levels, second.levels(&pairs));
    let known = set
        .pairs
        .iter()
        .zip(&levels)
        .filter_map(|(pair, found)| Some((pair.levels[2]?, found[2])));
    let right = known
        .clone()
        .filter(|(label, found)| label == found)
        .count();
    assert!(
        right * 10 > known.count() * 9,
        "it has learnt what it was taught"
    );
    assert_eq!(levels.len(), pairs.len());
    assert!(EmpathyLevel::ALL.contains(&levels[0][0]));
}

#[test]
fn folders_of_one_name_are_told_apart() {
    let names = |sources: [&'static str; 3]| -> Vec<String> {
        let named = super::named(sources.into_iter());
        named.into_iter().map(|(_, name)| name).collect()
    };
    let all = names(["2", "a/identifiers-9", "logistic"]);
    assert_eq!(all, ["run 2", "identifiers-9", "logistic"]);
    let all = names(["2", "a/identifiers-9", "b/identifiers-9"]);
    assert!(all[1].ends_with("a/identifiers-9") && all[2].ends_with("b/identifiers-9"));
}
