//! Finds whether rows are a long table, of which each has one system's answer: then rows of one id are one record, in which
//! the answers of several systems stand side by side.
//!
//! What is found is shown to a person, who may change it.

use std::collections::{HashMap, HashSet};

use super::cells;
use super::checks::{counted, hash};
use super::find;
use super::mapping::Mapping;
use super::names::{self, is_called};
use super::profile::{Column, Profile};
use super::reading::rows_with_records;
use super::record::Record;
use crate::data::error::DataError;
use crate::data::reader::source::Source;

/// The mapping by which rows of one id are one record, with what a person should know of it as a sentence; the mapping as it
/// was where ids and contexts do not say so.
///
/// # Errors
/// The file is damaged.
pub fn find(
    source: &Source,
    profile: &Profile,
    mapping: Mapping,
) -> Result<(Mapping, Option<String>), DataError> {
    let is_long = match &mapping.responses[..] {
        [only] => only.system_column.is_some(),
        _ => false,
    };
    let is_plain = mapping.verdicts.is_empty() && !mapping.splits_turns();
    // A number of each row is none of what was answered.
    let number = mapping.id.as_ref();
    let is_numbered = number.is_none_or(|id| profile.column(id).is_some_and(find::counts_rows));
    if !is_long || !is_plain || !is_numbered {
        return Ok((mapping, None));
    }
    let is_left = |column: &&Column| {
        let labels = mapping.labels.values().any(|name| *name == column.name);
        let scores = mapping
            .scores
            .values()
            .any(|score| score.column == column.name);
        labels || scores || mapping.left_out.contains_key(&column.name)
    };
    let is_id = |column: &&Column| {
        let named = is_called(&column.name, names::ID) || is_called(&column.name, names::JUDGED);
        let is_number = mapping.id.as_ref() == Some(&column.name);
        named && !is_number && !column.is_list() && 10 * column.present >= 9 * profile.rows
    };
    let ids: Vec<&Column> = profile
        .columns
        .iter()
        .filter(is_id)
        .filter(is_left)
        .collect();
    if ids.is_empty() {
        return Ok((mapping, None));
    }
    let mut said: Vec<&str> = mapping.labels.values().map(String::as_str).collect();
    said.extend(mapping.scores.values().map(|score| score.column.as_str()));
    let mut long: Vec<Long> = ids.iter().map(|_| Long::of(&said)).collect();
    for found in rows_with_records(source, &mapping)? {
        let (row, record) = found?;
        for (column, long) in ids.iter().zip(&mut long) {
            // A row that lacks its id is a record of its own.
            if let Some(id) = cells::text_of(&row, &column.name) {
                long.add(hash(&cells::whole(id)), &row, &record);
            }
        }
    }
    let found = ids.into_iter().zip(long).find(|(_, long)| long.is_one());
    let Some((id, long)) = found else {
        return Ok((mapping, None));
    };
    let note = format!(
        "{:?} says which rows are of one record: {} of {} systems. by_id = false in the mapping makes a record of each row.",
        id.name,
        counted(
            long.records.len(),
            "record has the answers",
            "records have the answers"
        ),
        long.systems.len()
    );
    Ok((by_id(mapping.clone(), &id.name, &long), Some(note)))
}

/// The mapping in which rows of one id are one record: what differs among them is said of their answers.
fn by_id(mut mapping: Mapping, id: &str, long: &Long) -> Mapping {
    mapping.labels.retain(|_, column| column != id);
    mapping.scores.retain(|_, score| score.column != id);
    mapping.left_out.remove(id);
    if let Some(number) = mapping.id.replace(id.to_string()) {
        let reason = "numbers the rows, of which several are of one record";
        mapping.left_out.insert(number, reason.to_string());
    }
    mapping.by_id = true;
    if let [only] = &mut mapping.responses[..] {
        let of_answers = |column: &str| long.differing.contains(column);
        let labels = std::mem::take(&mut mapping.labels);
        let (own, of_record) = labels
            .into_iter()
            .partition(|(_, column)| of_answers(column));
        mapping.labels = of_record;
        only.labels.extend::<std::collections::BTreeMap<_, _>>(own);
        // Each is of its row's answer, also where all answers of a record have the same.
        only.scores.append(&mut mapping.scores);
    }
    mapping
}

/// Gives the scores of a person's mapping to the answers, where each row is of one and none of its scores is; what a person
/// should know of it as a sentence.
pub fn scores_of_answers(mapping: &mut Mapping) -> Option<String> {
    if !mapping.is_long() || mapping.scores.is_empty() {
        return None;
    }
    let [only] = &mut mapping.responses[..] else {
        return None;
    };
    if !only.scores.is_empty() {
        return None;
    }
    only.scores = std::mem::take(&mut mapping.scores);
    let named: Vec<String> = only.scores.keys().map(|name| format!("{name:?}")).collect();
    let several = named.len() > 1;
    Some(format!(
        "{} {} of the answer in each row, whose system the mapping names, as if under [responses.scores].",
        named.join(", "),
        if several {
            "are taken for scores"
        } else {
            "is taken for a score"
        }
    ))
}

/// The rows of a file by one column of ids.
struct Long<'a> {
    /// Columns of labels and scores.
    said: &'a [&'a str],
    records: HashMap<u64, Known>,
    systems: HashSet<u64>,
    rows: usize,
    /// Rows that contradict others of their id.
    contradictions: usize,
    /// Columns of which rows of one id have several values.
    differing: HashSet<String>,
}

/// What rows of one id say.
struct Known {
    /// What stands before the answer, as a number.
    context: u64,
    /// The answer of each system.
    answers: HashMap<u64, u64>,
    /// The values of the columns of labels and scores in the first row.
    said: Vec<Option<String>>,
}

impl<'a> Long<'a> {
    fn of(said: &'a [&'a str]) -> Long<'a> {
        Long {
            said,
            records: HashMap::new(),
            systems: HashSet::new(),
            rows: 0,
            contradictions: 0,
            differing: HashSet::new(),
        }
    }

    fn add(&mut self, id: u64, row: &super::reading::Row, record: &Record) {
        let [answer] = &record.responses[..] else {
            return;
        };
        let texts: Vec<&str> = record
            .context
            .iter()
            .map(|said| said.text.as_str())
            .collect();
        let context = hash(&(
            &record.conversation,
            record.turn,
            record.split.map(|split| split.key()),
            texts,
            &record.target,
        ));
        let (system, text) = (hash(&answer.system), hash(&answer.text));
        let said = self.said.iter();
        let said: Vec<Option<String>> = said.map(|column| cells::text_of(row, column)).collect();
        self.rows += 1;
        self.systems.insert(system);
        let Some(known) = self.records.get_mut(&id) else {
            let known = Known {
                context,
                answers: HashMap::from([(system, text)]),
                said,
            };
            self.records.insert(id, known);
            return;
        };
        let is_same =
            known.context == context && *known.answers.entry(system).or_insert(text) == text;
        self.contradictions += usize::from(!is_same);
        for ((column, first), value) in self.said.iter().zip(&known.said).zip(&said) {
            if first != value {
                self.differing.insert((*column).to_string());
            }
        }
    }

    /// Whether nearly all rows of one id are of one context, and several systems answer some of them.
    fn is_one(&self) -> bool {
        let several = self.records.values().any(|known| known.answers.len() > 1);
        several && 10 * self.contradictions <= self.rows
    }
}
