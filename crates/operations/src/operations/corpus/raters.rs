//! How far those agree who rated the same answers. A judge is none of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::data::corpus::Record;
use crate::data::corpus::record::{Origin, Score, last_of_each};
use crate::study::statistics::agreement::{Metric, krippendorff_alpha};
use crate::study::statistics::{Figure, write_figure};

/// Steps of the longest scale whose α is ordinal.
const LONGEST_SCALE: f64 = 20.0;

/// A score that several raters gave.
#[derive(Debug, Serialize)]
pub struct RatedScore {
    pub score: String,
    /// Different ones with names, judges and classifiers not among them.
    pub raters: usize,
    /// Answers that any of them rated.
    pub rated: usize,
    /// Answers that several of them rated.
    pub by_several: usize,
    /// Scores that a rater gave again, of which the last counts.
    pub again: usize,
    /// How far apart two scores are.
    pub metric: Metric,
    /// Krippendorff's α over answers that several rated.
    #[serde(serialize_with = "write_figure")]
    pub alpha: Figure,
}

/// The scores of raters, gathered record by record.
#[derive(Debug, Default)]
pub(super) struct Raters(BTreeMap<String, Rated>);

#[derive(Debug, Default)]
struct Rated {
    raters: BTreeSet<String>,
    /// What each answer was given, by one rater or more.
    answers: Vec<Vec<f64>>,
    again: usize,
}

impl Raters {
    /// Adds what a record and those of its answers that are of these systems were given.
    pub fn add(&mut self, record: &Record, systems: &BTreeSet<&str>, names: &[&str]) {
        let responses = record.responses.iter();
        let responses = responses.filter(|response| systems.contains(response.system.as_str()));
        let all = [&record.scores].into_iter();
        for scores in all.chain(responses.map(|response| &response.scores)) {
            for name in names {
                self.add_scores(scores, name);
            }
        }
    }

    fn add_scores(&mut self, scores: &[Score], name: &str) {
        let by_people = |score: &&Score| {
            !matches!(score.origin, Some(Origin::Judge | Origin::Model)) && score.rater.is_some()
        };
        let named: Vec<&Score> = scores
            .iter()
            .filter(|score| score.name == name)
            .filter(by_people)
            .collect();
        if named.is_empty() {
            return;
        }
        let (last, again) = last_of_each(named, |score| score.by());
        let of = self.0.entry(name.to_string()).or_default();
        of.raters
            .extend(last.iter().filter_map(|score| score.rater.clone()));
        of.answers
            .push(last.iter().map(|score| score.value).collect());
        of.again += again;
    }

    /// By the score's name; those alone that several rated.
    pub fn figures(self) -> Vec<RatedScore> {
        let several = |(_, of): &(String, Rated)| of.raters.len() > 1;
        self.0.into_iter().filter(several).map(figures).collect()
    }
}

fn figures((score, of): (String, Rated)) -> RatedScore {
    let rated = of.answers.len();
    let several: Vec<Vec<f64>> = of
        .answers
        .into_iter()
        .filter(|given| given.len() > 1)
        .collect();
    let all = || several.iter().flatten().copied();
    let range = all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min);
    let is_scale = all().all(|value| value.fract() == 0.0) && range < LONGEST_SCALE;
    let metric = match is_scale {
        true => Metric::Ordinal,
        false => Metric::Interval,
    };
    RatedScore {
        score,
        raters: of.raters.len(),
        rated,
        by_several: several.len(),
        again: of.again,
        metric,
        alpha: krippendorff_alpha(&several, metric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(rater: &str, value: f64, origin: Option<Origin>) -> Score {
        Score {
            name: "empathy".into(),
            value,
            range: None,
            origin,
            probabilities: Vec::new(),
            rater: Some(rater.into()),
        }
    }

    #[test]
    fn people_who_rated_the_same_agree_as_far_as_alpha_says() {
        let human = Some(Origin::Human);
        let mut raters = Raters::default();
        for (one, other) in [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)] {
            let record = Record {
                scores: vec![
                    // Given again: the last counts.
                    score("w1", 5.0, human),
                    score("w1", one, human),
                    score("w2", other, human),
                    score("gpt", 4.0, Some(Origin::Judge)),
                ],
                ..Record::default()
            };
            raters.add(&record, &BTreeSet::new(), &["empathy", "warmth"]);
        }
        let found = raters.figures();
        let [empathy] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (empathy.raters, empathy.rated, empathy.by_several),
            (2, 3, 3)
        );
        assert_eq!((empathy.again, empathy.metric), (3, Metric::Ordinal));
        // By hand, of two values as nominal: observed 1/3; expected 2 · 3 · 3 / (6 · 5) = 3/5.
        assert!((empathy.alpha.unwrap() - (1.0 - (1.0 / 3.0) / (3.0 / 5.0))).abs() < 1e-12);
    }
}
