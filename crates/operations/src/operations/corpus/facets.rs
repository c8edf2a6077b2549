//! A corpus to browse: which records a filter lets through, and what their labels and scores are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::super::{OperationError, read_or_default};
use super::answers::{Answer, Counted, Narrowing};
use super::systems::source_of;
use super::verdicts::of_answers;
use crate::data::corpus::Record;
use crate::data::corpus::record::Origin;
use crate::data::library;

/// Values of a label that are kept; the rest is only counted.
const KEPT_VALUES: usize = 200;
/// Different values of a label that are told apart; those of a longer list are free texts.
const TOLD_APART: usize = 20_000;
/// Bars of a score's histogram.
const BARS: usize = 16;
/// Letters of a record's row.
const ROW_LETTERS: usize = 160;

/// What a filter lets through of a corpus.
#[derive(Debug, Default, Serialize)]
pub struct Browsed {
    /// Records of the corpus.
    pub records: usize,
    /// Those of them that are left out of everything else here, as a study that is still blind has them: whoever judges
    /// them could look up whose answers they are.
    pub withheld: usize,
    /// Answers that the filter lets through.
    pub answers: usize,
    /// The records with such an answer, in their order.
    pub found: Vec<FoundRecord>,
    pub labels: Vec<LabelFacet>,
    pub scores: Vec<ScoreFacet>,
    /// Verdicts of the records found, by name.
    pub verdicts: BTreeMap<String, usize>,
}

/// A record as a row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundRecord {
    /// From 0, for [`library::record_at`].
    pub place: usize,
    pub id: Box<str>,
    /// The beginning of what was said last, else of the answer.
    pub text: Box<str>,
    pub has_target: bool,
    pub responses: usize,
}

/// The values of a label among the records found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelFacet {
    /// As a filter names it.
    pub name: String,
    /// Records by value, the commonest first; of very many values the first.
    pub values: Vec<(String, usize)>,
    /// Different values; those of a text that is nearly always another are not all counted.
    pub distinct: usize,
    /// Records without it.
    pub without: usize,
}

/// The values of a score among the answers found; one of a record counts once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreFacet {
    /// As a filter names it.
    pub name: String,
    pub n: usize,
    pub mean: f64,
    pub least: f64,
    pub greatest: f64,
    /// Lowest and highest value that could be given, where that is known.
    pub range: Option<[f64; 2]>,
    /// Who gave it, where that is known and the same everywhere.
    pub origin: Option<Origin>,
    /// From the least on: a bar for each value where there are few, else equal steps.
    pub bars: Vec<Bar>,
}

/// Values of a score from `from` to `to`, which belongs to the next bar unless this is the last or has one value alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    pub from: f64,
    pub to: f64,
    pub n: usize,
}

/// Finds the records with an answer that the filter lets through, and counts their labels and scores. `stopped` is
/// asked at every record.
///
/// # Errors
/// There is no such corpus, it is damaged, or `stopped` says so.
pub fn browse(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    stopped: &dyn Fn() -> bool,
) -> Result<Browsed, OperationError> {
    let mut browsed = Browsed::default();
    let mut counts = Counts::new(narrowing);
    let blind = read_or_default(store, |reader| reader.blind_positions(&source_of(corpus)))?;
    library::each_record(store, corpus, |record| {
        if stopped() {
            return Err(OperationError::Stopped);
        }
        if blind.contains(&browsed.records) {
            browsed.withheld += 1;
            browsed.records += 1;
            return Ok(());
        }
        let mut answers = Answer::of(&record);
        answers.retain(|answer| narrowing.lets_through(answer));
        if !answers.is_empty() {
            browsed.answers += answers.len();
            browsed.found.push(found(&record, browsed.records));
            for verdict in of_answers(&record, &answers) {
                *browsed.verdicts.entry(verdict.name.clone()).or_default() += 1;
            }
            counts.add(&answers);
        }
        browsed.records += 1;
        Ok(())
    })?;
    let found = browsed.found.len();
    for (name, count) in counts.of {
        match count {
            Count::Label { values, records } => {
                browsed
                    .labels
                    .extend(label_facet(name, values, found - records));
            }
            Count::Score {
                values,
                range,
                origin,
            } => browsed
                .scores
                .extend(score_facet(name, &values, range, origin.flatten())),
        }
    }
    Ok(browsed)
}

fn found(record: &Record, place: usize) -> FoundRecord {
    let said = record.context.last().map(|said| said.text.as_str());
    let response = record
        .responses
        .first()
        .map(|response| response.text.as_str());
    let text = said.or(record.target.as_deref()).or(response);
    let first = text.unwrap_or_default().trim().lines().next();
    let text: String = first
        .unwrap_or_default()
        .chars()
        .take(ROW_LETTERS)
        .collect();
    FoundRecord {
        place,
        id: record.id.as_str().into(),
        text: text.into(),
        has_target: record.target.is_some(),
        responses: record.responses.len(),
    }
}

/// Counts by the name that a filter has, in the order of names.
struct Counts<'a> {
    of: Vec<(&'a str, Count)>,
    counted: Vec<&'a Counted>,
}

enum Count {
    Label {
        /// By the value in lower case: as it was written first, and its records.
        values: HashMap<String, (String, usize)>,
        /// Records that have it.
        records: usize,
    },
    Score {
        values: Vec<f64>,
        range: Option<[f64; 2]>,
        /// None before the first value, then None inside where origins differ or are unknown.
        origin: Option<Option<Origin>>,
    },
}

impl<'a> Counts<'a> {
    fn new(narrowing: &'a Narrowing) -> Self {
        let all: Vec<(&str, &Counted)> = narrowing.names.counted().collect();
        let of = all.iter().map(|(name, counted)| {
            let count = match counted {
                Counted::Score(_) => Count::Score {
                    values: Vec::new(),
                    range: None,
                    origin: None,
                },
                _ => Count::Label {
                    values: HashMap::new(),
                    records: 0,
                },
            };
            (*name, count)
        });
        Counts {
            of: of.collect(),
            counted: all.iter().map(|(_, counted)| *counted).collect(),
        }
    }

    /// Counts the answers of a record that are found.
    fn add(&mut self, answers: &[Answer<'_>]) {
        for (counted, (_, count)) in self.counted.iter().zip(&mut self.of) {
            match count {
                Count::Label { values, records } => {
                    let mut seen = HashSet::new();
                    for answer in answers {
                        let value = counted.value(answer).filter(|value| !value.is_empty());
                        if let Some(value) = value {
                            let key = value.to_lowercase();
                            if seen.insert(key.clone()) {
                                count_value(values, key, value);
                            }
                        }
                    }
                    *records += usize::from(!seen.is_empty());
                }
                Count::Score {
                    values,
                    range,
                    origin,
                } => {
                    let Counted::Score(name) = counted else {
                        continue;
                    };
                    let mut of_record = false;
                    for answer in answers {
                        let Some(value) = answer.score(name).filter(|value| value.is_finite())
                        else {
                            continue;
                        };
                        if !answer.has_own(name) && std::mem::replace(&mut of_record, true) {
                            continue;
                        }
                        values.push(value);
                        *range = range.or_else(|| answer.range(name));
                        let given = origin_of(name, answer);
                        *origin = Some(match origin {
                            None => given,
                            Some(known) => known.filter(|known| Some(*known) == given),
                        });
                    }
                }
            }
        }
    }
}

fn count_value(values: &mut HashMap<String, (String, usize)>, key: String, value: &str) {
    if let Some((_, records)) = values.get_mut(&key) {
        *records += 1;
    } else if values.len() < TOLD_APART {
        values.insert(key, (value.to_string(), 1));
    }
}

fn origin_of(name: &str, answer: &Answer<'_>) -> Option<Origin> {
    let of_response = answer.response.into_iter().flat_map(|of| &of.scores);
    let mut named = of_response
        .chain(&answer.record.scores)
        .filter(|score| score.name == name);
    named.next()?.origin
}

fn label_facet(
    name: &str,
    values: HashMap<String, (String, usize)>,
    without: usize,
) -> Option<LabelFacet> {
    let distinct = values.len();
    let mut values: Vec<(String, usize)> = values.into_values().collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(KEPT_VALUES);
    (distinct > 0).then(|| LabelFacet {
        name: name.to_string(),
        values,
        distinct,
        without,
    })
}

fn score_facet(
    name: &str,
    values: &[f64],
    range: Option<[f64; 2]>,
    origin: Option<Origin>,
) -> Option<ScoreFacet> {
    let least = values.iter().copied().reduce(f64::min)?;
    let greatest = values.iter().copied().reduce(f64::max)?;
    Some(ScoreFacet {
        name: name.to_string(),
        n: values.len(),
        mean: values.iter().sum::<f64>() / values.len() as f64,
        least,
        greatest,
        range,
        origin,
        bars: bars(values, least, greatest),
    })
}

fn bars(values: &[f64], least: f64, greatest: f64) -> Vec<Bar> {
    let mut single: Vec<Bar> = Vec::new();
    for value in values {
        if let Some(bar) = single.iter_mut().find(|bar| bar.from == *value) {
            bar.n += 1;
        } else if single.len() < BARS {
            let (from, to, n) = (*value, *value, 1);
            single.push(Bar { from, to, n });
        } else {
            single.clear();
            break;
        }
    }
    if !single.is_empty() {
        single.sort_by(|a, b| a.from.total_cmp(&b.from));
        return single;
    }
    let step = (greatest - least) / BARS as f64;
    let edge = |at: usize| match at == BARS {
        true => greatest,
        false => least + step * at as f64,
    };
    let mut bars: Vec<Bar> = (0..BARS)
        .map(|at| Bar {
            from: edge(at),
            to: edge(at + 1),
            n: 0,
        })
        .collect();
    for value in values {
        // By the edges themselves, so that a bar holds what a filter by them finds.
        let at = bars.iter().rposition(|bar| bar.from <= *value);
        bars[at.unwrap_or_default()].n += 1;
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::corpus::Corpus;
    use crate::filter::parse;

    const ROWS: &str = r#"
{"id": "a", "context": [{"role": "speaker", "text": "My cat died.\nToday."}], "target": "Oh no.", "labels": {"emotion": "sad"}, "responses": [{"system": "x", "text": "Sorry.", "scores": [{"name": "rating", "value": 1.0, "range": [1.0, 5.0], "origin": "human"}]}, {"system": "y", "text": "Fine.", "scores": [{"name": "rating", "value": 5.0, "range": [1.0, 5.0], "origin": "human"}]}]}
{"id": "b", "context": [{"role": "speaker", "text": "I won!"}], "labels": {"emotion": "Proud"}, "scores": [{"name": "ease", "value": 0.5}], "responses": [{"system": "x", "text": "Wow."}, {"system": "y", "text": "Great."}]}
{"id": "c", "context": [{"role": "speaker", "text": "I am proud."}], "labels": {"emotion": "proud"}, "responses": [{"system": "x", "text": "Yes.", "scores": [{"name": "rating", "value": 3.0, "origin": "judge"}]}]}
"#;

    fn browsed(filter: &str) -> Browsed {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rows.jsonl");
        std::fs::write(&file, ROWS.trim_start()).unwrap();
        let corpus = Corpus::open(&file, None).unwrap();
        library::import_corpus(dir.path(), "rows", &corpus, false).unwrap();
        let names = super::super::names(dir.path(), "rows").unwrap();
        let filter = parse(filter, &names).unwrap();
        let narrowing = Narrowing::new(names, filter);
        let third = library::record_at(dir.path(), "rows", 2).unwrap();
        assert_eq!(third.map(|record| record.id).as_deref(), Some("c"));
        assert_eq!(library::record_at(dir.path(), "rows", 3).unwrap(), None);
        let stopped = browse(dir.path(), "rows", &narrowing, &|| true);
        assert!(matches!(stopped, Err(OperationError::Stopped)));
        browse(dir.path(), "rows", &narrowing, &|| false).unwrap()
    }

    fn values<'a>(browsed: &'a Browsed, name: &str) -> Vec<(&'a str, usize)> {
        let facet = browsed.labels.iter().find(|facet| facet.name == name);
        let values = facet.unwrap().values.iter();
        values.map(|(value, n)| (value.as_str(), *n)).collect()
    }

    #[test]
    fn records_are_counted_by_label_and_scores_are_summed_up() {
        let all = browsed("");
        assert_eq!((all.records, all.answers, all.found.len()), (3, 6, 3));
        assert_eq!(&*all.found[0].text, "My cat died.");
        // Values that differ in case alone are one.
        assert_eq!(values(&all, "emotion"), [("Proud", 2), ("sad", 1)]);
        assert_eq!(values(&all, "system"), [("x", 3), ("y", 2), ("target", 1)]);
        let score = |name: &str| all.scores.iter().find(|score| score.name == name).unwrap();
        let rating = score("rating");
        assert_eq!((rating.n, rating.mean), (3, 3.0));
        assert_eq!((rating.least, rating.greatest), (1.0, 5.0));
        let bars: Vec<(f64, usize)> = rating.bars.iter().map(|bar| (bar.to, bar.n)).collect();
        assert_eq!(bars, [(1.0, 1), (3.0, 1), (5.0, 1)]);
        assert_eq!((rating.range, rating.origin), (Some([1.0, 5.0]), None));
        // The record's own, however many answers it has.
        assert_eq!((score("ease").n, score("ease").bars.len()), (1, 1));
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        let steps = super::bars(&many, 0.0, 99.0);
        assert_eq!((steps.len(), steps[15].to), (BARS, 99.0));
        assert_eq!(steps.iter().map(|bar| bar.n).sum::<usize>(), 100);
    }

    #[test]
    fn a_filter_narrows_what_is_counted() {
        let some = browsed("emotion = proud and system = x");
        let places: Vec<usize> = some.found.iter().map(|found| found.place).collect();
        assert_eq!(places, [1, 2]);
        assert_eq!(values(&some, "system"), [("x", 2)]);
        let rating = some.scores.iter().find(|score| score.name == "rating");
        assert_eq!(
            rating.map(|score| (score.n, score.origin)),
            Some((1, Some(Origin::Judge)))
        );
        assert!(browsed("emotion = joy").found.is_empty());
    }
}
