//! One label of a corpus against another: how often a given one was predicted as each other.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::{Narrowing, compared};
use crate::data::EmpathyLevel;
use crate::metrics::{ClassificationReport, Confusion};

/// Given against predicted labels, over the answers that have both; labels of records count once a record.
#[derive(Debug, Serialize)]
pub struct LabelConfusion {
    pub given: String,
    pub predicted: String,
    /// Answers that lack one of the two.
    pub without: usize,
    /// The classes, the most often given first.
    pub classes: Vec<String>,
    /// `[given][predicted]`, in the order of `classes`.
    pub counts: Vec<Vec<u64>>,
    /// None where no answer has both.
    pub report: Option<ClassificationReport>,
    /// F1 of each class, in %.
    pub f1: Vec<f64>,
    /// Cohen's κ; none where both have one class throughout.
    pub kappa: Option<f64>,
    /// What always the commonest given label would reach.
    pub constant: Option<ClassificationReport>,
}

/// Compares two labels; texts that differ in case alone are one class, and so are the ways to write an empathy level (2 and
/// strong) where all are levels.
///
/// # Errors
/// There is no such corpus, it is damaged or has no such label.
pub fn confusion(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    given: &str,
    predicted: &str,
) -> Result<LabelConfusion, OperationError> {
    let (given, predicted) = (
        narrowing.names.label(given)?,
        narrowing.names.label(predicted)?,
    );
    let mut pairs = Vec::new();
    let mut without = 0;
    narrowing.each(store, corpus, |_, answers| {
        for answer in compared(answers, [given, predicted]) {
            match (answer.label(given), answer.label(predicted)) {
                (Some(one), Some(other)) => pairs.push([one.to_lowercase(), other.to_lowercase()]),
                _ => without += 1,
            }
        }
        Ok(())
    })?;
    Ok(count(given, predicted, &as_levels(pairs), without))
}

/// The levels by their names, where all classes are levels.
fn as_levels(pairs: Vec<[String; 2]>) -> Vec<[String; 2]> {
    let level = |text: &String| text.parse::<EmpathyLevel>().ok();
    match pairs.iter().flatten().all(|text| level(text).is_some()) {
        true => pairs
            .into_iter()
            .map(|pair| {
                pair.map(|text| level(&text).map_or(text, |level| level.to_string().to_lowercase()))
            })
            .collect(),
        false => pairs,
    }
}

fn count(given: &str, predicted: &str, pairs: &[[String; 2]], without: usize) -> LabelConfusion {
    // By class: how often given, and how often at all.
    let mut often: HashMap<&str, (usize, usize)> = HashMap::new();
    for [one, other] in pairs {
        often.entry(one).or_default().0 += 1;
        often.entry(other).or_default().1 += 1;
    }
    let mut classes: Vec<(&str, (usize, usize))> = often.into_iter().collect();
    classes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let places: HashMap<&str, usize> = classes
        .iter()
        .enumerate()
        .map(|(place, (class, _))| (*class, place))
        .collect();
    let placed = pairs
        .iter()
        .map(|[one, other]| (places[one.as_str()], places[other.as_str()]));
    let found = Confusion::from_pairs(classes.len(), placed.clone());
    let constant = Confusion::from_pairs(classes.len(), placed.map(|(one, _)| (one, 0)));
    let some = !pairs.is_empty();
    LabelConfusion {
        given: given.to_string(),
        predicted: predicted.to_string(),
        without,
        f1: (0..classes.len())
            .map(|class| 100.0 * found.f1(class))
            .collect(),
        classes: classes.iter().map(|(class, _)| class.to_string()).collect(),
        report: some.then(|| found.report()),
        kappa: found.kappa(),
        constant: some.then(|| constant.report()),
        counts: found.counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_label_comes_first_and_is_what_a_constant_says() {
        let pairs = [
            ["sad", "sad"],
            ["sad", "angry"],
            ["sad", "sad"],
            ["angry", "sad"],
            ["angry", "angry"],
            ["proud", "joyful"],
        ];
        let pairs = pairs.map(|pair| pair.map(str::to_string));
        let found = count("emotion", "predicted", &pairs, 2);
        assert_eq!(found.classes, ["sad", "angry", "proud", "joyful"]);
        assert_eq!(found.counts[0], [2, 1, 0, 0]);
        assert_eq!(found.counts[2], [0, 0, 0, 1]);
        let (report, constant) = (found.report.unwrap(), found.constant.unwrap());
        assert_eq!((report.n, report.accuracy), (6, 50.0));
        assert_eq!(constant.accuracy, 50.0);
        // By hand: chance is (3·3 + 2·2 + 1·0 + 0·1) / 36, so κ = (1/2 - 13/36) / (1 - 13/36).
        assert!((found.kappa.unwrap() - 5.0 / 23.0).abs() < 1e-12);
    }

    #[test]
    fn levels_are_the_same_however_they_are_written() {
        let pairs = |pairs: &[[&str; 2]]| -> Vec<[String; 2]> {
            pairs.iter().map(|pair| pair.map(str::to_string)).collect()
        };
        let levels = as_levels(pairs(&[["2", "strong"], ["0.0", "none"], ["1", "no"]]));
        let expected = [["strong", "strong"], ["no", "no"], ["weak", "no"]];
        assert_eq!(levels, pairs(&expected));
        let others = pairs(&[["2", "strong"], ["3", "no"]]);
        assert_eq!(as_levels(others.clone()), others);
    }

    #[test]
    fn nothing_compared_has_no_figures() {
        let found = count("a", "b", &[], 3);
        assert!(found.report.is_none() && found.kappa.is_none() && found.classes.is_empty());
    }
}
