//! Rows that are about one record, such as those of several judges, as that record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::checks::{counted, hash};
use super::mapping::Mapping;
use super::record::{Labels, Record, Response};

/// Stands between values of one label, as between the items of a list.
const BETWEEN: &str = "; ";

/// Records by what their rows are about, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Merging {
    /// Each with the line where it begins.
    pub records: Vec<(usize, Record)>,
    places: HashMap<u64, Vec<usize>>,
    /// Whether rows of one id are about one record.
    by_id: bool,
    /// Whether rows are about one record where they have the same answers: raters may give other labels.
    by_answers: bool,
    /// Whether rows of one id may have other labels, being of several raters.
    any_labels: bool,
    /// Records by the labels of which their rows give several values.
    differing: BTreeMap<String, BTreeSet<usize>>,
}

impl Merging {
    /// Of rows that are read by this mapping.
    pub fn of(mapping: &Mapping) -> Merging {
        let by_id = mapping.id.is_some();
        Merging {
            by_id,
            by_answers: mapping.raters.is_some()
                && !mapping.by_id
                && (mapping.verdicts.is_empty() || !by_id),
            any_labels: mapping.raters.is_some() && mapping.by_id,
            ..Merging::default()
        }
    }

    /// What a record is about: others of the same number are about the same, unless they contradict it.
    pub fn about(&self, record: &Record) -> u64 {
        match (self.by_answers, self.by_id) {
            (true, true) => hash(&(&record.id, answers(record))),
            (true, false) => answers(record),
            (false, _) => hash(&record.id),
        }
    }

    /// Adds a record that begins on this line to one that it is about, else as another.
    pub fn add(&mut self, line: usize, record: Record) {
        let key = self.about(&record);
        let places = self.places.entry(key).or_default();
        let fits = |place: &usize| {
            let (_, known) = &self.records[*place];
            let same_id = !self.by_id || known.id == record.id;
            same_id
                && fit(
                    known,
                    &record,
                    self.by_answers,
                    self.by_answers || self.any_labels,
                )
        };
        match places.iter().copied().find(fits) {
            Some(place) => {
                for label in merge(&mut self.records[place].1, record) {
                    self.differing.entry(label).or_default().insert(place);
                }
            }
            None => {
                places.push(self.records.len());
                self.records.push((line, record));
            }
        }
    }

    /// Labels of which the rows of a record give several values; each a sentence.
    pub fn notes(&self) -> Vec<String> {
        let note = |(label, records): (&String, &BTreeSet<usize>)| {
            let records = counted(records.len(), "record has", "records have");
            format!(
                "{records} several values of {label:?}, of several raters; they stand together, with {:?} between.",
                BETWEEN.trim_end()
            )
        };
        self.differing.iter().map(note).collect()
    }
}

/// What a record says without its labels and what was said of it, as a number.
pub fn answers(record: &Record) -> u64 {
    let context: Vec<&str> = record
        .context
        .iter()
        .map(|said| said.text.as_str())
        .collect();
    let responses = record.responses.iter();
    let responses: Vec<[&str; 2]> = responses
        .map(|response| [response.system.as_str(), response.text.as_str()])
        .collect();
    hash(&(
        &record.conversation,
        record.turn,
        context,
        &record.target,
        responses,
    ))
}

/// Whether two are about one record: with `same_answers` where they have these, with `any_labels` whatever their labels
/// are, else where nothing contradicts.
fn fit(one: &Record, other: &Record, same_answers: bool, any_labels: bool) -> bool {
    let is_there = |response: &Response| {
        let mut responses = one.responses.iter();
        let same = responses.find(|of| of.system == response.system);
        same.map_or(!same_answers, |same| {
            same.text == response.text
                && same.reasoning == response.reasoning
                && same.audio == response.audio
                && (any_labels || agree(&same.labels, &response.labels))
        })
    };
    one.conversation == other.conversation
        && one.turn == other.turn
        && one.split == other.split
        && one.context == other.context
        && one.target == other.target
        && (any_labels || agree(&one.labels, &other.labels))
        && (!same_answers || one.responses.len() == other.responses.len())
        && other.responses.iter().all(is_there)
}

fn agree(one: &Labels, other: &Labels) -> bool {
    other
        .iter()
        .all(|(label, value)| one.get(label).is_none_or(|known| known == value))
}

/// Returns the labels of which both have a value of their own.
fn merge(into: &mut Record, from: Record) -> Vec<String> {
    let mut differing = join(&mut into.labels, from.labels);
    into.scores.extend(from.scores);
    into.verdicts.extend(from.verdicts);
    for response in from.responses {
        let mut responses = into.responses.iter_mut();
        match responses.find(|of| of.system == response.system) {
            Some(same) => {
                differing.extend(join(&mut same.labels, response.labels));
                same.scores.extend(response.scores);
            }
            None => into.responses.push(response),
        }
    }
    differing
}

/// Adds labels to others; different values of one stand together, in their order.
fn join(into: &mut Labels, from: Labels) -> Vec<String> {
    let mut differing = Vec::new();
    for (label, value) in from {
        match into.get_mut(&label) {
            None => drop(into.insert(label, value)),
            Some(known) if *known == value => {}
            Some(known) => {
                let mut values: BTreeSet<&str> = known.split(BETWEEN).collect();
                values.insert(&value);
                *known = values.into_iter().collect::<Vec<_>>().join(BETWEEN);
                differing.push(label);
            }
        }
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::super::record::{Preferred, Verdict};
    use super::*;

    fn record(id: &str, texts: [&str; 2], judge: &str) -> Record {
        let response = |(system, text): (&str, &str)| Response {
            system: system.into(),
            text: text.into(),
            ..Response::default()
        };
        Record {
            id: id.into(),
            responses: ["a", "b"].into_iter().zip(texts).map(response).collect(),
            verdicts: vec![Verdict {
                name: "winner".into(),
                first: "a".into(),
                second: "b".into(),
                preferred: Preferred::First,
                in_order: false,
                judge: Some(judge.into()),
                origin: None,
                repeat: None,
            }],
            ..Record::default()
        }
    }

    #[test]
    fn rows_of_several_judges_are_one_record_unless_they_contradict_each_other() {
        let mut merging = Merging {
            by_id: true,
            ..Merging::default()
        };
        for (id, texts, judge) in [
            ("1", ["x", "y"], "w1"),
            ("2", ["x", "y"], "w1"),
            ("1", ["x", "y"], "w2"),
            ("1", ["x", "z"], "w3"),
        ] {
            merging.add(2, record(id, texts, judge));
        }
        let found = merging.records.iter();
        let found: Vec<(&str, usize)> = found
            .map(|(_, record)| (record.id.as_str(), record.verdicts.len()))
            .collect();
        assert_eq!(found, [("1", 2), ("2", 1), ("1", 1)]);
        assert_eq!(merging.records[0].1.responses.len(), 2);
    }

    #[test]
    fn rows_of_several_raters_are_one_record_whatever_their_labels() {
        let mut merging = Merging {
            by_answers: true,
            ..Merging::default()
        };
        for (line, (texts, emotion)) in [
            (["x", "y"], "sad"),
            (["x", "y"], "angry"),
            (["x", "z"], "sad"),
            (["x", "y"], "sad"),
        ]
        .into_iter()
        .enumerate()
        {
            let mut record = record(&line.to_string(), texts, "w");
            record.labels.insert("emotion".into(), emotion.into());
            merging.add(line, record);
        }
        let found = merging.records.iter();
        let found: Vec<(usize, &str, usize)> = found
            .map(|(line, record)| (*line, &*record.labels["emotion"], record.verdicts.len()))
            .collect();
        assert_eq!(found, [(0, "angry; sad", 3), (2, "sad", 1)]);
        assert_eq!(merging.notes().len(), 1);
    }
}
