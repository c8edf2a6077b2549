//! Finds whether rows of the same answer, by the same rater, have a score of one thing each, such as warmth or fluency:
//! then each of these is a score of its own.
//!
//! What is found is shown to a person, who may change it. Must not know where the rows come from.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::cells;
use super::checks::hash;
use super::mapping::Mapping;
use super::merging::answers;
use super::names::{self, is_called};
use super::profile::{Column, Profile};
use super::reading::rows_with_records;
use crate::data::error::DataError;
use crate::data::reader::source::Source;

/// Answers in several rows by one rater, of which a column of any name has to have another value each.
const ANSWERS: usize = 3;
/// Different values of a column of any name.
const MOST_ASPECTS: usize = 20;

/// The mapping in which a column of what was rated names the scores, with what a person should know of it as a sentence.
///
/// # Errors
/// The file is damaged.
pub fn find(
    source: &Source,
    profile: &Profile,
    mut mapping: Mapping,
) -> Result<(Mapping, Option<String>), DataError> {
    let scores = mapping.score_columns().count();
    let is_plain = mapping.verdicts.is_empty() && !mapping.splits_turns();
    let mut search = Search::of(profile, mapping.labels.values());
    if scores == 0 || !is_plain || search.is_over() {
        return Ok((mapping, None));
    }
    for found in rows_with_records(source, &mapping)? {
        let (row, record) = found?;
        search.add(answers(&record), &row);
    }
    let Some(column) = search.found(scores) else {
        return Ok((mapping, None));
    };
    mapping.labels.retain(|_, of| *of != column);
    let of_responses = mapping.responses.iter_mut();
    let of_responses = of_responses.flat_map(|response| response.scores.values_mut());
    for score in mapping.scores.values_mut().chain(of_responses) {
        score.named_by = Some(column.clone());
    }
    let note = note(profile, &column);
    Ok((mapping, Some(note)))
}

/// What a person should know of a column that names scores.
pub fn note(profile: &Profile, column: &str) -> String {
    let values = profile.column(column).and_then(Column::values);
    let values = values
        .into_iter()
        .flatten()
        .map(|value| format!("{value:?}"));
    format!(
        "{column:?} says what each row's score is of, and each of its values is a score: {}. Without named_by in the mapping \
         they are all of one score.",
        values.collect::<Vec<_>>().join(", ")
    )
}

/// The name of a score whose own name may say nothing.
pub fn called(aspect: &str, score: &str) -> String {
    let score = score.strip_prefix("scores.").unwrap_or(score);
    match is_called(score, names::SCORE) {
        true => aspect.to_string(),
        false => format!("{aspect}_{score}"),
    }
}

/// A column of what was rated, sought among labels.
#[derive(Debug)]
pub struct Search<'a> {
    candidates: Vec<&'a Column>,
    /// Who rated.
    rater: Option<&'a str>,
    /// By what was rated and by whom: how many rows there are, and what stands in them in each column.
    rows: HashMap<u64, (usize, Vec<HashSet<u64>>)>,
}

impl<'a> Search<'a> {
    /// Among columns of these names.
    pub fn of<'b>(profile: &'a Profile, labels: impl Iterator<Item = &'b String>) -> Search<'a> {
        let several = |column: &Column| column.values().is_some_and(|values| values.len() > 1);
        let mut columns = profile.columns.iter();
        let rater = columns.find(|of| several(of) && is_called(&of.name, names::JUDGE));
        let may_be = |column: &&Column| {
            let few = column.values().map_or(0, BTreeSet::len) <= MOST_ASPECTS;
            let by_any_name = rater.is_some_and(|of| of.name != column.name) && few;
            column.is_text() && several(column) && (is_aspect(column) || by_any_name)
        };
        let labels = labels.filter_map(|name| profile.column(name));
        let mut candidates: Vec<&Column> = labels.filter(may_be).collect();
        candidates.sort_by_key(|column| !is_aspect(column));
        Search {
            candidates,
            rater: rater.map(|of| of.name.as_str()),
            rows: HashMap::new(),
        }
    }

    /// Whether nothing can be found.
    pub fn is_over(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Adds a row of what was rated.
    pub fn add(&mut self, rated: u64, row: &Map<String, Value>) {
        let rater = self.rater.and_then(|rater| cells::text_of(row, rater));
        let none = || (0, vec![HashSet::new(); self.candidates.len()]);
        let (n, values) = self.rows.entry(hash(&(rated, rater))).or_insert_with(none);
        *n += 1;
        for (values, column) in values.iter_mut().zip(&self.candidates) {
            values.extend(cells::text_of(row, &column.name).map(|value| hash(&value)));
        }
    }

    /// The column, where rows have so many scores: one of any name says it of one score alone.
    pub fn found(self, scores: usize) -> Option<String> {
        let several: Vec<_> = self.rows.values().filter(|(n, _)| *n > 1).collect();
        let names_scores = |at: usize| {
            let column = self.candidates[at];
            let all = column.values().map_or(0, BTreeSet::len);
            let each = several.iter().filter(|(n, values)| {
                let own = values[at].len();
                own == *n && (is_aspect(column) || own == all)
            });
            let enough = match is_aspect(column) {
                true => !several.is_empty(),
                false => several.len() >= ANSWERS && scores == 1,
            };
            enough && 10 * each.count() >= 9 * several.len()
        };
        let at = (0..self.candidates.len()).find(|at| names_scores(*at))?;
        Some(self.candidates[at].name.clone())
    }
}

fn is_aspect(column: &Column) -> bool {
    is_called(&column.name, names::ASPECT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_names_scores_where_one_rater_has_each_of_its_values_once() {
        let found = |name: &str, again: bool| {
            let mut rows = Vec::new();
            for (answer, rater) in (0..4).flat_map(|at| [(at, "x"), (at, "y")]) {
                for aspect in ["warmth", "fluency"] {
                    let aspect = if again { "warmth" } else { aspect };
                    let row = json!({name: aspect, "rater": rater, "emotion": "sad"});
                    let Value::Object(row) = row else { continue };
                    rows.push((answer, row));
                }
            }
            let mut profile = Profile::default();
            rows.iter().for_each(|(_, row)| profile.add(row, 1));
            let labels = [name.to_string(), "emotion".to_string()];
            let mut search = Search::of(&profile, labels.iter());
            rows.iter()
                .for_each(|(answer, row)| search.add(*answer, row));
            search.found(1)
        };
        assert_eq!(found("aspect", false).as_deref(), Some("aspect"));
        assert_eq!(found("what", false).as_deref(), Some("what"));
        assert_eq!(found("aspect", true), None);
    }

    #[test]
    fn a_score_is_called_by_what_it_is_of() {
        assert_eq!(called("warmth", "Score"), "warmth");
        assert_eq!(called("warmth", "effort"), "warmth_effort");
    }
}
