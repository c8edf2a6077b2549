//! Columns that are called ids and are none, since several rows have the same: they are kept as labels. Must not know what
//! rows are about.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cells;
use super::checks::{Repeats, counted};
use super::mapping::Mapping;
use super::names::{self, is_called};

/// The ids of rows by their columns.
#[derive(Debug, Default)]
pub struct RowIds {
    /// None for a column that is not called an id.
    columns: BTreeMap<String, Option<Repeats>>,
}

impl RowIds {
    /// Adds a row that begins on this line.
    pub fn add(&mut self, row: &Map<String, Value>, line: usize) {
        for (name, cell) in row {
            if !self.columns.contains_key(name) {
                let is_id = is_called(name, names::ID) || is_called(name, names::JUDGED);
                let repeats = is_id.then(Repeats::default);
                self.columns.insert(name.clone(), repeats);
            }
            if let Some(Some(repeats)) = self.columns.get_mut(name)
                && let Some(id) = cells::label(cell).map(cells::whole)
            {
                repeats.add(&id, &id, || format!("{id:?}"), line);
            }
        }
    }

    /// A mapping that was found, without an id that many of so many rows share.
    pub fn check(&self, mut mapping: Mapping, rows: usize) -> Mapping {
        let is_shared = |id: &String| {
            let repeats = self.columns.get(id).and_then(Option::as_ref);
            repeats.is_some_and(|repeats| 10 * repeats.times > rows)
        };
        let gathers = !mapping.verdicts.is_empty() || mapping.verdict_list.is_some();
        mapping.id = mapping.id.filter(|id| gathers || !is_shared(id));
        mapping
    }

    /// A mapping that was found, in which columns that would be ids are labels.
    pub fn keep(&self, mut mapping: Mapping) -> Mapping {
        for (name, repeats) in &self.columns {
            let repeat = repeats.as_ref().is_some_and(|repeats| repeats.times > 0);
            let found = mapping.scores.len();
            mapping
                .scores
                .retain(|_, score| !repeat || score.column != *name);
            let was_score = mapping.scores.len() < found;
            let is_unread = !mapping.columns().contains(&name.as_str());
            if repeat && (was_score || is_unread) {
                mapping.left_out.remove(name);
                let mut label = name.clone();
                while mapping.labels.contains_key(&label) {
                    label.push('_');
                }
                mapping.labels.insert(label, name.clone());
            }
        }
        mapping
    }

    /// Why a column is no id by this mapping, as a sentence.
    pub fn note(&self, mapping: &Mapping) -> Option<String> {
        if mapping.records || mapping.id.is_some() {
            return None;
        }
        self.columns.iter().find_map(|(name, repeats)| {
            let repeats = repeats.as_ref()?;
            let words = repeats.words()?;
            let mut labels = mapping.labels.iter();
            let kept = labels.find(|(_, column)| *column == name);
            let kept = kept.map_or_else(String::new, |(label, _)| {
                format!(", and it is kept as the label {label:?}")
            });
            let is_by_system = mapping.responses.iter().any(|of| of.system_column.is_some());
            let apart = match is_by_system {
                true => {
                    ", and with by_id = true makes one record of the rows of one id, where their contexts are the same"
                }
                false => "",
            };
            let rows = counted(repeats.times, "row has", "rows have");
            let named = toml::Value::from(name.as_str());
            Some(format!(
                "{name:?} is taken for no id, since {rows} one that another has before: {words}. Records are numbered instead{kept}; \
                 id = {named} in the mapping takes it for one{apart}."
            ))
        })
    }
}
