//! Finds whether rows are ratings, several of them of the same answers: then each answer is one record, with a score of
//! every rater.
//!
//! What is found is shown to a person, who may change it.

use std::collections::{HashMap, HashSet};

use super::cells;
use super::checks::hash;
use super::find::origin;
use super::mapping::{Mapping, RaterColumn};
use super::merging::answers;
use super::names::{self, is_called};
use super::profile::{Column, Profile};
use super::reading;
use crate::data::error::DataError;
use crate::data::reader::source::{Found, Source};

/// The mapping with its column of raters, where several of them rated the same answers.
///
/// # Errors
/// The file is damaged.
pub fn find(source: &Source, profile: &Profile, mapping: Mapping) -> Result<Mapping, DataError> {
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
    let rater = profile.columns.iter().find(is_rater);
    let Some(rater) = rater.filter(|_| has_scores && is_plain) else {
        return Ok(mapping);
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
        return Ok(mapping);
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
        score.origin = score.origin.or_else(|| origin(&rater.name));
    }
    found.raters = Some(RaterColumn {
        column: rater.name.clone(),
        judges: Vec::new(),
    });
    Ok(found)
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
        for (place, found) in source.rows()?.enumerate() {
            let Found::Row(row) = found? else { continue };
            let row = cells::columns(row.fields);
            // What makes no record is refused when it is read.
            let Ok(read) = reading::read(mapping, &row, place) else {
                continue;
            };
            let Some(answered) = read.records.first().map(answers) else {
                continue;
            };
            if let Some(who) = cells::text_of(&row, rater) {
                let first = raters.entry(answered).or_insert_with(|| hash(&who));
                by_several |= *first != hash(&who);
            }
            for (at, column) in ids.iter().enumerate() {
                let id = hash(&cells::text_of(&row, &column.name).map(cells::whole));
                fits[at] &= match known[at].get(&answered) {
                    Some(before) => *before == id,
                    None => {
                        known[at].insert(answered, id);
                        taken[at].insert(id)
                    }
                };
            }
        }
        Ok(Rated {
            by_several,
            ids: fits,
        })
    }
}
