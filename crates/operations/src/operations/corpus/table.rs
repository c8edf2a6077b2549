//! A corpus summed up: its answers by system, or by system and a label's values or the splits.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::{Answer, Counted, Narrowing, OfConversations, is_of_record};
use super::raters::{RatedScore, Raters};
use super::verdicts::of_answers;
use crate::data::Mechanism;
use crate::data::corpus::record::Score;
use crate::data::library;
use crate::metrics::{Bootstrap, Estimate, ResponseWords};

/// The answers of a corpus in groups.
#[derive(Debug, Serialize)]
pub struct Tabulated {
    pub corpus: String,
    pub fingerprint: String,
    /// The label whose values make the groups, or `split`; None: systems alone.
    pub by: Option<String>,
    /// The scores that any row has.
    pub scores: Vec<String>,
    /// By system, then the largest group first.
    pub rows: Vec<TableRow>,
    /// Scores of records with several answers, which are of none of them more than of the others; the largest group first.
    pub records: Vec<RecordRow>,
    /// How far raters agree who gave the same scores.
    pub raters: Vec<RatedScore>,
    /// Verdicts, which have a table of their own.
    pub verdicts: usize,
}

/// A group of records. Intervals are of 95 %, over conversations.
#[derive(Debug, Serialize)]
pub struct RecordRow {
    /// As of [`TableRow`].
    pub value: Option<String>,
    /// Records with such a score.
    pub n: usize,
    pub conversations: usize,
    pub scores: BTreeMap<String, ScoreMean>,
}

/// A group of answers. Intervals are of 95 %, over conversations.
#[derive(Debug, Serialize)]
pub struct TableRow {
    pub system: String,
    /// The label's value; None for answers without it, or where there is no label.
    pub value: Option<String>,
    pub n: usize,
    pub conversations: usize,
    /// Of the answers of its system, in %.
    pub share: f64,
    /// Words an answer.
    pub words: Option<Estimate>,
    /// Dist-1 and Dist-2 in %.
    pub dist: [Option<f64>; 2],
    pub scores: BTreeMap<String, ScoreMean>,
    /// By mechanism; all 0 where answers have no empathy levels.
    pub levels: [LevelCounts; 3],
}

/// The mean of a score, over the answers that have it.
#[derive(Debug, Serialize)]
pub struct ScoreMean {
    pub n: usize,
    pub mean: Option<Estimate>,
}

/// Answers by empathy level: no, weak, strong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LevelCounts(pub [usize; 3]);

impl LevelCounts {
    /// Answers that have a level.
    pub fn n(&self) -> usize {
        self.0.iter().sum()
    }
}

/// Sums up the answers that a filter lets through, by system and by the values of a label or the splits, with these scores,
/// or all.
///
/// # Errors
/// There is no such corpus, it is damaged or has no such label or score.
pub fn table(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    by: Option<&str>,
    scores: &[String],
) -> Result<Tabulated, OperationError> {
    let counted = by.map(|by| narrowing.names.groups(by)).transpose()?;
    let scores: Vec<&str> = match scores {
        [] => narrowing.names.scores().collect(),
        chosen => {
            let chosen = chosen.iter().map(|score| narrowing.names.score(score));
            chosen.collect::<Result<_, _>>()?
        }
    };
    let mut groups: BTreeMap<String, Groups> = BTreeMap::new();
    let mut of_records = Groups::default();
    let mut raters = Raters::default();
    let mut verdicts = 0;
    let mut once = OfConversations::of(store, corpus)?;
    narrowing.each(store, corpus, |record, answers| {
        verdicts += of_answers(record, &answers).count();
        let systems = answers.iter().map(|answer| answer.system).collect();
        let nothing = Answer::of_nothing(record);
        let rated = scores.iter().copied();
        let rated = rated.filter(|score| once.counts(&nothing, "raters", score));
        raters.add(record, &systems, &rated.collect::<Vec<_>>());
        let own = scores
            .iter()
            .copied()
            .filter(|score| is_of_record(record, score));
        let own: Vec<&str> = own.collect();
        if !own.is_empty() {
            let none = Answer::of_nothing(record);
            let value = counted.and_then(|by| by.value(&none));
            let score = |name: &str| Score::mean(&record.scores, name);
            of_records.of(value).add(&none, "", score, &own);
        }
        for answer in answers {
            if let Some(text) = answer.text {
                let value = counted.and_then(|by| by.value(&answer));
                let group = groups
                    .entry(answer.system.to_string())
                    .or_default()
                    .of(value);
                let value = value.unwrap_or_default().to_lowercase();
                let counted = scores.iter().copied();
                let counted = counted.filter(|score| once.counts(&answer, &value, score));
                let counted: Vec<&str> = counted.collect();
                group.add(&answer, text, |name| answer.own_score(name), &counted);
            }
        }
        Ok(())
    })?;
    let (manifest, _) = library::require_corpus(store, corpus)?;
    let mut rows: Vec<TableRow> = Vec::new();
    for (system, groups) in groups {
        let groups = groups.largest_first();
        let all: usize = groups.iter().map(|(_, group)| group.texts.len()).sum();
        let of = |(value, group): (Option<String>, Group)| group.row(&system, value, all);
        rows.extend(groups.into_iter().map(of));
    }
    let records: Vec<RecordRow> = of_records
        .largest_first()
        .into_iter()
        .map(|(value, group)| group.record_row(value))
        .collect();
    let scores = scores.into_iter().filter(|score| {
        let of_rows = rows.iter().map(|row| &row.scores);
        let mut all = of_rows.chain(records.iter().map(|row| &row.scores));
        all.any(|means| means.contains_key(*score))
    });
    Ok(Tabulated {
        corpus: manifest.name,
        fingerprint: manifest.fingerprint,
        by: by.map(|by| match counted {
            Some(Counted::Label(label)) => label.clone(),
            _ => by.to_lowercase(),
        }),
        scores: scores.map(str::to_string).collect(),
        rows,
        records,
        raters: raters.figures(),
        verdicts,
    })
}

/// Groups by a value in lower case, each as it was written first.
#[derive(Default)]
struct Groups(HashMap<Option<String>, (String, Group)>);

impl Groups {
    fn of(&mut self, value: Option<&str>) -> &mut Group {
        let (_, group) = self
            .0
            .entry(value.map(str::to_lowercase))
            .or_insert_with(|| (value.unwrap_or_default().to_string(), Group::default()));
        group
    }

    fn largest_first(self) -> Vec<(Option<String>, Group)> {
        let groups = self.0.into_iter();
        let groups = groups.map(|(key, (value, group))| (key.map(|_| value), group));
        let mut groups: Vec<(Option<String>, Group)> = groups.collect();
        groups.sort_by(|a, b| {
            let size = |of: &Group| of.texts.len();
            // Those without the value last.
            (a.0.is_none().cmp(&b.0.is_none()))
                .then(size(&b.1).cmp(&size(&a.1)))
                .then(a.0.cmp(&b.0))
        });
        groups
    }
}

#[derive(Default)]
struct Group {
    texts: Vec<String>,
    /// Number of the conversation of each text.
    of: Vec<usize>,
    conversations: HashMap<String, usize>,
    scores: BTreeMap<String, Vec<(usize, f64)>>,
    levels: [LevelCounts; 3],
}

impl Group {
    fn add(
        &mut self,
        answer: &Answer<'_>,
        text: &str,
        score: impl Fn(&str) -> Option<f64>,
        scores: &[&str],
    ) {
        let next = self.conversations.len();
        let conversation = answer.conversation().to_string();
        let conversation = *self.conversations.entry(conversation).or_insert(next);
        self.texts.push(text.to_string());
        self.of.push(conversation);
        for name in scores {
            if let Some(score) = score(name) {
                let scores = self.scores.entry(name.to_string()).or_default();
                scores.push((conversation, score));
            }
        }
        for mechanism in Mechanism::ALL {
            if let Some(level) = answer.own_level(mechanism) {
                self.levels[mechanism.index()].0[level.index()] += 1;
            }
        }
    }

    fn record_row(self, value: Option<String>) -> RecordRow {
        let conversations = self.conversations.len();
        RecordRow {
            value,
            n: self.texts.len(),
            conversations,
            scores: means(self.scores, conversations),
        }
    }

    fn row(self, system: &str, value: Option<String>, all: usize) -> TableRow {
        let words = ResponseWords::new(&self.texts);
        let lengths = self.of.iter().zip(words.lengths());
        let lengths = lengths.map(|(conversation, length)| (*conversation, length as f64));
        let conversations = self.conversations.len();
        TableRow {
            system: system.to_string(),
            value,
            n: self.texts.len(),
            conversations,
            share: 100.0 * self.texts.len() as f64 / all as f64,
            words: clustered_mean(conversations, lengths),
            dist: [1, 2].map(|n| words.defined_dist(n)),
            scores: means(self.scores, conversations),
            levels: self.levels,
        }
    }
}

fn means(
    scores: BTreeMap<String, Vec<(usize, f64)>>,
    conversations: usize,
) -> BTreeMap<String, ScoreMean> {
    let of = |(name, scores): (String, Vec<(usize, f64)>)| {
        let mean = ScoreMean {
            n: scores.len(),
            mean: clustered_mean(conversations, scores.into_iter()),
        };
        (name, mean)
    };
    scores.into_iter().map(of).collect()
}

/// The mean of values with its interval over conversations, which are numbered from 0.
fn clustered_mean(
    conversations: usize,
    values: impl Iterator<Item = (usize, f64)>,
) -> Option<Estimate> {
    let mut sums = vec![(0.0, 0.0); conversations];
    for (conversation, value) in values {
        sums[conversation].0 += value;
        sums[conversation].1 += 1.0;
    }
    // Conversations without any value have none to draw.
    sums.retain(|(_, n)| *n > 0.0);
    Bootstrap::default().estimate(sums.len(), |drawn| {
        let (sum, n) = drawn.iter().fold((0.0, 0.0), |(sum, n), place| {
            (sum + sums[*place].0, n + sums[*place].1)
        });
        sum / n
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_conversation_are_drawn_together() {
        let together = clustered_mean(2, [(0, 1.0), (0, 1.0), (0, 1.0)].into_iter()).unwrap();
        assert_eq!((together.low, together.high), (1.0, 1.0));
        let apart: Vec<(usize, f64)> = (0..40).map(|at| (at / 20, (at / 20) as f64)).collect();
        let two = clustered_mean(2, apart.iter().copied()).unwrap();
        // Two conversations of one value each: a quarter of the resamples holds the first alone.
        assert_eq!((two.value, two.low, two.high), (0.5, 0.0, 1.0));
        assert_eq!(clustered_mean(3, [].into_iter()), None);
    }
}
