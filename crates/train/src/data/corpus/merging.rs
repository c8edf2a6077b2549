//! Rows that are about one record, such as those of several judges, as that record.

use std::collections::HashMap;

use super::record::{Labels, Record, Response};

/// Records by their ids, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Merging {
    pub records: Vec<Record>,
    places: HashMap<String, Vec<usize>>,
}

impl Merging {
    /// Adds a record to one of its id that it does not contradict, else as another.
    pub fn add(&mut self, record: Record) {
        let places = self.places.entry(record.id.clone()).or_default();
        let same = places
            .iter()
            .copied()
            .find(|place| fit(&self.records[*place], &record));
        match same {
            Some(place) => merge(&mut self.records[place], record),
            None => {
                places.push(self.records.len());
                self.records.push(record);
            }
        }
    }
}

fn fit(one: &Record, other: &Record) -> bool {
    let systems = |response: &Response| {
        let mut responses = one.responses.iter();
        let same = responses.find(|of| of.system == response.system);
        same.is_none_or(|same| {
            same.text == response.text
                && same.reasoning == response.reasoning
                && same.audio == response.audio
                && agree(&same.labels, &response.labels)
        })
    };
    one.conversation == other.conversation
        && one.turn == other.turn
        && one.split == other.split
        && one.context == other.context
        && one.target == other.target
        && agree(&one.labels, &other.labels)
        && other.responses.iter().all(systems)
}

fn agree(one: &Labels, other: &Labels) -> bool {
    other
        .iter()
        .all(|(label, value)| one.get(label).is_none_or(|known| known == value))
}

fn merge(into: &mut Record, from: Record) {
    into.labels.extend(from.labels);
    into.scores.extend(from.scores);
    into.verdicts.extend(from.verdicts);
    for response in from.responses {
        let mut responses = into.responses.iter_mut();
        match responses.find(|of| of.system == response.system) {
            Some(same) => {
                same.labels.extend(response.labels);
                same.scores.extend(response.scores);
            }
            None => into.responses.push(response),
        }
    }
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
        let mut merging = Merging::default();
        for (id, texts, judge) in [
            ("1", ["x", "y"], "w1"),
            ("2", ["x", "y"], "w1"),
            ("1", ["x", "y"], "w2"),
            ("1", ["x", "z"], "w3"),
        ] {
            merging.add(record(id, texts, judge));
        }
        let found = merging.records.iter();
        let found: Vec<(&str, usize)> = found
            .map(|record| (record.id.as_str(), record.verdicts.len()))
            .collect();
        assert_eq!(found, [("1", 2), ("2", 1), ("1", 1)]);
        assert_eq!(merging.records[0].responses.len(), 2);
    }
}
