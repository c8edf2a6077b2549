//! What the records of a corpus have, in numbers. Must not know files.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::Record;

/// What the records of a corpus have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows of the file, those that make no record among them.
    pub rows: usize,
    /// Rows that make no record.
    pub skipped: usize,
    pub records: usize,
    pub with_context: usize,
    pub with_target: usize,
    /// With a context and a target, or exactly one response: what dialogues need.
    pub examples: usize,
    /// Those of them that have an empathy level: what identifiers learn from.
    pub labelled: usize,
    /// Records by split, where the file says it.
    pub splits: BTreeMap<String, usize>,
    /// Responses by system.
    pub systems: BTreeMap<String, usize>,
    /// Records by label.
    pub labels: BTreeMap<String, usize>,
    /// Values by score, those of responses among them.
    pub scores: BTreeMap<String, usize>,
    /// By the verdict's name.
    pub verdicts: BTreeMap<String, usize>,
    /// Responses whose reasoning is known.
    pub reasoning: usize,
    /// Records whose id another has before them.
    pub repeated_ids: usize,
}

impl Counts {
    pub(super) fn add(&mut self, record: &Record) {
        let count = |of: &mut BTreeMap<String, usize>, name: &str| match of.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(of.insert(name.to_string(), 1)),
        };
        self.records += 1;
        self.with_context += usize::from(!record.context.is_empty());
        self.with_target += usize::from(record.target.is_some());
        if !record.context.is_empty() && record.answer().is_some() {
            self.examples += 1;
            self.labelled += usize::from(record.levels().iter().any(Option::is_some));
        }
        if let Some(split) = record.split {
            count(&mut self.splits, split.key());
        }
        for response in &record.responses {
            count(&mut self.systems, &response.system);
            self.reasoning += usize::from(response.reasoning.is_some());
        }
        let of_responses = record
            .responses
            .iter()
            .flat_map(|response| response.labels.keys());
        let of_turns = record.context.iter().flat_map(|said| said.labels.keys());
        let labels: BTreeSet<&String> = record
            .labels
            .keys()
            .chain(of_responses)
            .chain(of_turns)
            .collect();
        for label in labels {
            count(&mut self.labels, label);
        }
        let of_responses = record
            .responses
            .iter()
            .flat_map(|response| &response.scores);
        for score in record.scores.iter().chain(of_responses) {
            count(&mut self.scores, &score.name);
        }
        for verdict in &record.verdicts {
            count(&mut self.verdicts, &verdict.name);
        }
    }
}
