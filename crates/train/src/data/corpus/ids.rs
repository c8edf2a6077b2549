//! Columns that are called ids and are none, since several rows have the same. Must not know what rows are about.

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
                let repeats = is_called(name, names::ID).then(Repeats::default);
                self.columns.insert(name.clone(), repeats);
            }
            if let Some(Some(repeats)) = self.columns.get_mut(name)
                && let Some(id) = cells::label(cell).map(cells::whole)
            {
                repeats.add(&id, &id, || format!("{id:?}"), line);
            }
        }
    }

    /// Why a column is no id by this mapping, as a sentence.
    pub fn note(&self, mapping: &Mapping) -> Option<String> {
        if mapping.records || mapping.id.is_some() || mapping.raters.is_some() {
            return None;
        }
        self.columns.iter().find_map(|(name, repeats)| {
            let repeats = repeats.as_ref()?;
            let words = repeats.words()?;
            let rows = counted(repeats.times, "row has", "rows have");
            let named = toml::Value::from(name.as_str());
            Some(format!(
                "{name:?} is taken for no id, since {rows} one that another has before: {words}. Records are numbered instead; \
                 id = {named} in the mapping takes it for one."
            ))
        })
    }
}
