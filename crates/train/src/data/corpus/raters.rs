//! Finds whether rows are ratings, several of them of the same answers: then each answer is one record, with a score of
//! every rater.
//!
//! What is found is shown to a person, who may change it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::cells;
use super::checks::{counted, hash};
use super::find::origin_of_raters;
use super::mapping::{Mapping, RaterColumn};
use super::merging::answers;
use super::names::{self, is_called};
use super::profile::{Column, Profile};
use super::reading::rows_with_records;
use crate::data::error::DataError;
use crate::data::reader::source::Source;

/// The mapping with its column of raters, where several of them rated the same answers; else what a person may say of a
/// column that seems to be one, as a sentence.
///
/// # Errors
/// The file is damaged.
pub fn find(
    source: &Source,
    profile: &Profile,
    mapping: Mapping,
) -> Result<(Mapping, Option<String>), DataError> {
    let has_scores = mapping.score_columns().next().is_some();
    let is_plain = mapping.verdicts.is_empty() && !mapping.splits_turns();
    let is_left = |column: &&Column| {
        let mut labels = mapping.labels.values();
        let mut scores = mapping.score_columns();
        mapping.left_out.contains_key(&column.name)
            || labels.any(|name| *name == column.name)
            || scores.any(|score| score.column == column.name)
    };
    let is_rater = |column: &&Column| {
        let values = column.values().map_or(0, |values| values.len());
        let several = values > 1 && 2 * values <= column.present;
        let everywhere = 10 * column.present >= 9 * profile.rows;
        several && everywhere && is_called(&column.name, names::JUDGE) && is_left(column)
    };
    if !has_scores || !is_plain {
        return Ok((mapping, None));
    }
    let Some(rater) = profile.columns.iter().find(is_rater) else {
        let may_be = profile.columns.iter().filter(|column| {
            let values = column.values().map_or(0, BTreeSet::len);
            values > 1 && 2 * values <= column.present && is_left(column)
        });
        let proposal = proposal(source, &mapping, &may_be.collect::<Vec<_>>())?;
        return Ok((mapping, proposal));
    };
    let ids: Vec<&Column> = profile
        .columns
        .iter()
        .filter(|column| mapping.id.as_ref() == Some(&column.name) || is_left(column))
        .filter(|column| {
            is_called(&column.name, names::ID) || is_called(&column.name, names::JUDGED)
        })
        .collect();
    let rated = Rated::of(source, &mapping, &rater.name, &ids)?;
    if !rated.by_several {
        return Ok((mapping, None));
    }
    let mut found = mapping.clone();
    // A number of each rating is none of what was rated.
    if let Some(id) = found.id.take() {
        let reason = "numbers the ratings, of which several are of the same answers";
        found.left_out.insert(id, reason.to_string());
    }
    let id = ids.iter().zip(&rated.ids).find(|(_, fits)| **fits);
    found.id = id.map(|(column, _)| column.name.clone());
    for name in [Some(&rater.name), found.id.as_ref()].into_iter().flatten() {
        found.labels.retain(|_, column| column != name);
        found.scores.retain(|_, score| score.column != *name);
        found.left_out.remove(name);
    }
    let responses = found.responses.iter_mut();
    let of_responses = responses.flat_map(|response| response.scores.values_mut());
    for score in found.scores.values_mut().chain(of_responses) {
        score.origin = score.origin.or_else(|| origin_of_raters(&rater.name));
    }
    found.raters = Some(RaterColumn {
        column: rater.name.clone(),
        judges: Vec::new(),
    });
    Ok((found, None))
}

/// Answers in several rows, of which a column of any name has to have another value each.
const ANSWERS: usize = 3;

/// Says that one of these columns may name raters: rows of the same answers differ in it.
fn proposal(
    source: &Source,
    mapping: &Mapping,
    columns: &[&Column],
) -> Result<Option<String>, DataError> {
    let rates = |column: &Column| {
        let plain = names::plain(&column.name);
        plain.split('_').any(|word| names::RATES.contains(&word))
    };
    let is_score = |column: &Column| {
        let mut scores = mapping.score_columns();
        scores.any(|score| score.column == column.name)
    };
    // Scores of the same differ as well: numbers are of raters where the name says so alone.
    let mut columns: Vec<&Column> = columns
        .iter()
        .copied()
        .filter(|column| rates(column) || !is_score(column))
        .collect();
    columns.sort_by_key(|column| !rates(column));
    // By answers: how many rows they have, and what stands in these in each column.
    let mut rows: HashMap<u64, (usize, Vec<HashSet<u64>>)> = HashMap::new();
    for found in rows_with_records(source, mapping)? {
        let (row, record) = found?;
        let answered = answers(&record);
        let none = || (0, vec![HashSet::new(); columns.len()]);
        let (n, values) = rows.entry(answered).or_insert_with(none);
        *n += 1;
        for (values, column) in values.iter_mut().zip(&columns) {
            values.extend(cells::text_of(&row, &column.name).map(|value| hash(&value)));
        }
    }
    let several: Vec<_> = rows.values().filter(|(n, _)| *n > 1).collect();
    let names_raters = |at: usize| {
        let each = several.iter().filter(|(n, values)| values[at].len() == *n);
        let enough = if rates(columns[at]) { 1 } else { ANSWERS };
        several.len() >= enough && 10 * each.count() >= 9 * several.len()
    };
    let found = (0..columns.len()).find(|at| names_raters(*at));
    Ok(found.map(|at| {
        let name = &columns[at].name;
        let answers = counted(several.len(), "answer stands", "answers stand");
        format!(
            "{name:?} may say who rated: {answers} in several rows, with another value of it in each. A [raters] part of the \
             mapping with column = {} makes one record of them, with a score of each.",
            toml::Value::from(name.as_str())
        )
    }))
}

/// Says that some scores seem to be what several raters gave, each in a column of their own.
pub fn in_columns(mapping: &Mapping) -> Option<String> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for score in mapping.score_columns() {
        if let Some(what) = rated_by_number(&score.column) {
            found.entry(what).or_default().push(&score.column);
        }
    }
    let several: Vec<String> = found
        .values()
        .filter(|columns| columns.len() > 1)
        .map(|columns| {
            let columns: Vec<String> = columns.iter().map(|name| format!("{name:?}")).collect();
            columns.join(", ")
        })
        .collect();
    (!several.is_empty()).then(|| {
        format!(
            "Each of these seems to be what one rater gave, and is read as a score of its own: {}. With a row for each rater, \
             and a column that names them, they are one score of several raters, whose agreement `emprl corpus table` shows.",
            several.join("; ")
        )
    })
}

/// What is rated by a column that ends with a rater's number: `empathy` of `empathy_rater2`, `empathy_r2`, `empathy_rater_2`.
fn rated_by_number(column: &str) -> Option<String> {
    let plain = names::plain(column);
    let begin = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    if begin.len() == plain.len() {
        return None;
    }
    let begin = begin.trim_end_matches('_');
    let (what, who) = begin.rsplit_once('_').unwrap_or(("", begin));
    let is_letter = who == "r" && !what.is_empty();
    (is_letter || names::RATES.contains(&who)).then(|| what.to_string())
}

/// What was rated, by the answers of the rows.
struct Rated {
    by_several: bool,
    /// Whether each of the columns has one value for the same answers, and another for others.
    ids: Vec<bool>,
}

impl Rated {
    fn of(
        source: &Source,
        mapping: &Mapping,
        rater: &str,
        ids: &[&Column],
    ) -> Result<Rated, DataError> {
        let mut raters: HashMap<u64, u64> = HashMap::new();
        let mut by_several = false;
        let mut known: Vec<HashMap<u64, u64>> = vec![HashMap::new(); ids.len()];
        let mut taken: Vec<HashSet<u64>> = vec![HashSet::new(); ids.len()];
        let mut fits = vec![true; ids.len()];
        for found in rows_with_records(source, mapping)? {
            let (row, record) = found?;
            let answered = answers(&record);
            if let Some(who) = cells::text_of(&row, rater) {
                let first = raters.entry(answered).or_insert_with(|| hash(&who));
                by_several |= *first != hash(&who);
            }
            for (at, column) in ids.iter().enumerate() {
                // A row that lacks its id says nothing of the others'.
                let Some(id) = cells::text_of(&row, &column.name) else {
                    continue;
                };
                let id = hash(&cells::whole(id));
                fits[at] &= match known[at].get(&answered) {
                    Some(before) => *before == id,
                    None => {
                        known[at].insert(answered, id);
                        taken[at].insert(id)
                    }
                };
            }
        }
        for (fits, known) in fits.iter_mut().zip(&known) {
            *fits &= 2 * known.len() > raters.len();
        }
        Ok(Rated {
            by_several,
            ids: fits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_raters_end_with_their_numbers() {
        for (column, what) in [
            ("rater1", Some("")),
            ("emp_rater2", Some("emp")),
            ("Empathy Anna R1", Some("empathy_anna")),
            ("warmth_annotator_3", Some("warmth")),
            ("r1", None),
            ("gpt4", None),
            ("warmth", None),
        ] {
            assert_eq!(rated_by_number(column).as_deref(), what, "{column}");
        }
    }
}
