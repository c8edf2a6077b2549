//! The record: what any corpus or output of this field comes to. Stored as JSONL, a record a line.
//!
//! Must not know where records come from.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::data::empathy::{EmpathyLevel, Mechanism};
use crate::data::sets::{Role, Split};

/// Named categories: emotion, intent, cue, strategy, risk, …
pub type Labels = BTreeMap<String, String>;

/// The situation that a conversation is about, as `Example::situation`.
pub const SITUATION: &str = "situation";
/// The speaker's emotion, as `Example::emotion`.
pub const EMOTION: &str = "emotion";
/// What the listener's own answers are called beside those of systems.
pub const TARGET: &str = "target";

/// A context, what was or may be answered, and what is said about them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Position of the answer in the conversation; the first utterance is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// Utterances before the answer, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Utterance>,
    /// Of systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Response>,
    /// The listener's own answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
    /// Which of two answers is better.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utterance {
    pub role: Role,
    pub text: String,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// File or address of its sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
}

impl Utterance {
    /// An utterance without anything else.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Utterance {
            role,
            text: text.into(),
            labels: Labels::new(),
            audio: None,
        }
    }
}

/// What a system answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    pub system: String,
    pub text: String,
    /// What the system wrote before it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
}

/// A number that was given to a record or a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    pub name: String,
    pub value: f64,
    /// Lowest and highest value that could be given, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Who gave it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Of the classes 0, 1, …, where a classifier gave it; `value` is their mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probabilities: Vec<f32>,
    /// What who gave it is called, where several did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rater: Option<String>,
}

impl Score {
    /// The score of a name: the mean where it was given several times. Of what one rater gave again, the last counts.
    pub fn mean<'a>(scores: impl IntoIterator<Item = &'a Score>, name: &str) -> Option<f64> {
        let named = scores.into_iter().filter(|score| score.name == name);
        let (counted, _) = last_of_each(named.collect(), |score| score.by());
        let (sum, n) =
            (counted.iter()).fold((0.0, 0), |(sum, n), score| (sum + score.value, n + 1));
        (n > 0).then(|| sum / f64::from(n))
    }

    /// The rater of whom one score counts; None where nobody knows whose it is, and of what is no person and may repeat.
    pub fn by(&self) -> Option<&str> {
        let rater = self.rater.as_deref();
        rater.filter(|_| has_one_opinion(self.origin))
    }
}

/// Which of the answers of two systems to one context is better.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// What was asked: empathy, fluency, or all in all.
    pub name: String,
    /// A system, or [`TARGET`].
    pub first: String,
    pub second: String,
    pub preferred: Preferred,
    /// Whether `first` was shown before `second`; else nobody knows in which order they were.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
    /// What the judge is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    /// Who judged, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Which of several times that the judge was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
}

impl Verdict {
    /// The system that is preferred; None of a tie.
    pub fn winner(&self) -> Option<&str> {
        match self.preferred {
            Preferred::First => Some(&self.first),
            Preferred::Second => Some(&self.second),
            Preferred::Tie => None,
        }
    }

    /// 1 where the verdict is for this one of its systems, -1 where it is for the other, 0 for a tie.
    pub fn direction(&self, system: &str) -> f64 {
        match self.winner() {
            None => 0.0,
            Some(winner) if winner == system => 1.0,
            Some(_) => -1.0,
        }
    }

    /// The judge with what was asked of them, of which one verdict counts; None where nobody knows who judged, and of what
    /// is no person and may repeat.
    pub fn request(&self) -> Option<Request<'_>> {
        let judge = self.judge.as_deref();
        let judge = judge.filter(|_| has_one_opinion(self.origin))?;
        let shown_first = self.in_order.then_some(self.first.as_str());
        Some((judge, &self.name, self.pair(), shown_first, self.repeat))
    }

    /// The two systems in the order of their names.
    pub fn pair(&self) -> [&str; 2] {
        let mut pair = [self.first.as_str(), self.second.as_str()];
        pair.sort_unstable();
        pair
    }
}

/// A judge, what was asked, of which two systems, the one shown first, and which of several times.
pub type Request<'a> = (&'a str, &'a str, [&'a str; 2], Option<&'a str>, Option<u32>);

/// Whether who judges the same again has changed their mind: all but language models, classifiers and formulas.
fn has_one_opinion(origin: Option<Origin>) -> bool {
    !matches!(origin, Some(Origin::Judge | Origin::Model))
}

/// Of those with one key the last, and all that have none, in their order; with how many are left out.
pub fn last_of_each<T, K: Hash + Eq>(
    all: Vec<T>,
    key: impl Fn(&T) -> Option<K>,
) -> (Vec<T>, usize) {
    let keys: Vec<Option<K>> = all.iter().map(key).collect();
    let mut seen = HashSet::new();
    let mut counts: Vec<bool> = keys
        .into_iter()
        .rev()
        .map(|key| key.is_none_or(|key| seen.insert(key)))
        .collect();
    counts.reverse();
    let before = all.len();
    let mut counts = counts.into_iter();
    let last: Vec<T> = all
        .into_iter()
        .filter(|_| counts.next().unwrap_or(true))
        .collect();
    let left_out = before - last.len();
    (last, left_out)
}

/// Which of two answers is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preferred {
    First,
    Second,
    Tie,
}

impl Preferred {
    pub const ALL: [Preferred; 3] = [Preferred::First, Preferred::Second, Preferred::Tie];

    pub const fn key(self) -> &'static str {
        match self {
            Preferred::First => "first",
            Preferred::Second => "second",
            Preferred::Tie => "tie",
        }
    }

    pub fn from_key(key: &str) -> Option<Preferred> {
        Preferred::ALL.into_iter().find(|known| known.key() == key)
    }

    /// The same where the two change places.
    #[must_use]
    pub const fn swapped(self) -> Preferred {
        match self {
            Preferred::First => Preferred::Second,
            Preferred::Second => Preferred::First,
            Preferred::Tie => Preferred::Tie,
        }
    }
}

/// Who gave a score or a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Human,
    /// A classifier or a formula.
    Model,
    /// A language model that was asked to rate or compare.
    Judge,
}

impl Record {
    /// The context as one text: utterances joined by one space.
    pub fn context_text(&self) -> String {
        let texts: Vec<&str> = self.context.iter().map(|said| said.text.as_str()).collect();
        texts.join(" ")
    }

    /// What a model learns to answer: the target, or the response where there is exactly one.
    pub fn answer(&self) -> Option<&str> {
        match (&self.target, &self.responses[..]) {
            (Some(target), _) => Some(target),
            (None, [only]) => Some(&only.text),
            _ => None,
        }
    }

    /// The empathy levels of the answer: labels under the mechanisms' keys, of the response or of the record.
    pub fn levels(&self) -> [Option<EmpathyLevel>; 3] {
        let of_response = match (&self.target, &self.responses[..]) {
            (None, [only]) => Some(&only.labels),
            _ => None,
        };
        Mechanism::ALL.map(|mechanism| {
            let of = |labels: &Labels| labels.get(mechanism.key())?.parse().ok();
            of_response.and_then(of).or_else(|| of(&self.labels))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_written() {
        let record = Record {
            id: "7".into(),
            context: vec![Utterance::new(Role::Speaker, "I am sad.")],
            responses: vec![Response {
                system: "a".into(),
                text: "Oh.".into(),
                scores: vec![Score {
                    name: "rating".into(),
                    value: 2.0,
                    range: Some([1.0, 3.0]),
                    origin: Some(Origin::Human),
                    probabilities: Vec::new(),
                    rater: None,
                }],
                ..Response::default()
            }],
            ..Record::default()
        };
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(
            line,
            "{\"id\":\"7\",\"context\":[{\"role\":\"speaker\",\"text\":\"I am sad.\"}],\"responses\":[{\"system\":\"a\",\
             \"text\":\"Oh.\",\"scores\":[{\"name\":\"rating\",\"value\":2.0,\"range\":[1.0,3.0],\"origin\":\"human\"}]}]}"
        );
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        assert_eq!(record.answer(), Some("Oh."));
    }

    #[test]
    fn a_verdict_says_who_wins_whichever_is_named_first() {
        let line =
            r#"{"name":"empathy","first":"b","second":"a","preferred":"first","in_order":true}"#;
        let verdict: Verdict = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&verdict).unwrap(), line);
        assert_eq!((verdict.winner(), verdict.pair()), (Some("b"), ["a", "b"]));
        assert_eq!(
            (verdict.direction("a"), verdict.direction("b")),
            (-1.0, 1.0)
        );
        let tie = Verdict {
            preferred: Preferred::Tie.swapped(),
            ..verdict
        };
        assert_eq!((tie.winner(), tie.direction("a")), (None, 0.0));
    }

    #[test]
    fn levels_are_labels_of_the_answer() {
        let labels = |level: &str| {
            let keys =
                Mechanism::ALL.map(|mechanism| (mechanism.key().to_string(), level.to_string()));
            Labels::from(keys)
        };
        let mut record = Record {
            target: Some("Oh.".into()),
            labels: labels("1.0"),
            ..Record::default()
        };
        assert_eq!(record.levels(), [Some(EmpathyLevel::Weak); 3]);
        record.labels = labels("much");
        assert_eq!(record.levels(), [None; 3]);
    }
}
