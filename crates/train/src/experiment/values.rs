//! The settings as values by path: reading and writing TOML, getting, setting, comparing.
//!
//! A value that does not fit is refused with what would fit.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::change::number_words;
use super::config::{Config, SECTIONS, TERMS, setting, settings, term_path};
use super::error::{ExperimentError, Problem};
use super::recorded::RecordedSettings;
use super::setting::SettingKind;
use super::term::TermSettings;

/// A setting whose value is not its parent's.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub path: String,
    pub value: Value,
    pub parent: Value,
}

impl Config {
    /// As saved with a run.
    pub fn to_toml(&self) -> String {
        self.table().to_string()
    }

    /// Reads what [`Config::to_toml`] wrote. Settings that did not exist then are as they were without them.
    pub fn from_toml(origin: &str, text: &str) -> Result<Self, ExperimentError> {
        let body = parse(origin, text)?;
        if RecordedSettings::are_in(&body) {
            return Err(ExperimentError::Recorded {
                origin: origin.to_string(),
            });
        }
        check_keys(origin, &body)?;
        let mut config = Config::of_earlier_versions();
        config.apply(origin, body)?;
        Ok(config)
    }

    /// The value of the setting at `path`.
    pub fn get(&self, path: &str) -> Option<Value> {
        if let Some((term, field)) = term_path(path) {
            let term = &self.reward.term[self.place_of_term(term)?];
            return Table::from(term.clone()).remove(field);
        }
        let (section, field) = path.split_once('.')?;
        self.table().remove(section)?.as_table_mut()?.remove(field)
    }

    /// Every value by its path.
    pub fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        for (section, fields) in self.table() {
            if let Value::Table(fields) = fields {
                for (field, value) in fields {
                    values.insert(format!("{section}.{field}"), value);
                }
            }
        }
        values
    }

    /// # Errors
    /// There is no such setting, or the value does not fit it.
    pub fn set(&mut self, path: &str, value: Value) -> Result<(), Problem> {
        if let Some((term, field)) = term_path(path) {
            return self
                .set_in_term(term, field, value)
                .map_err(|message| Problem {
                    path: path.to_string(),
                    message,
                });
        }
        let mut table = self.table();
        put(&mut table, path, value)?;
        *self = Config::of_table(table);
        Ok(())
    }

    /// Settings whose values differ from those of `base`.
    pub fn differences(&self, base: &Config) -> Vec<Difference> {
        let (own, base) = (self.values(), base.values());
        settings()
            .filter_map(|setting| {
                let (value, parent) = (own.get(setting.path)?, base.get(setting.path)?);
                (value != parent).then(|| Difference {
                    path: setting.path.to_string(),
                    value: value.clone(),
                    parent: parent.clone(),
                })
            })
            .collect()
    }

    /// The place of the term that is named so, or is at this place.
    fn place_of_term(&self, term: &str) -> Option<usize> {
        let terms = &self.reward.term;
        let at = terms.iter().position(|known| known.name == term);
        at.or_else(|| term.parse().ok().filter(|at| *at < terms.len()))
    }

    fn set_in_term(&mut self, term: &str, field: &str, value: Value) -> Result<(), String> {
        let at = self.place_of_term(term).ok_or_else(|| {
            let names = self.reward.term.iter().map(|term| term.name.as_str());
            let names: Vec<&str> = names.collect();
            match names.as_slice() {
                [] => "the reward has no terms; give it some as [[reward.term]]".to_string(),
                names => format!("there is no such term; there are {}", names.join(", ")),
            }
        })?;
        self.reward.term[at] = self.reward.term[at].with(field, value)?;
        Ok(())
    }

    /// Sets every setting in `body`; if some do not fit, changes nothing.
    pub(super) fn apply(&mut self, origin: &str, body: Table) -> Result<(), ExperimentError> {
        let mut table = self.table();
        let mut problems = Vec::new();
        for (section, fields) in body {
            let Value::Table(fields) = fields else {
                continue;
            };
            for (field, value) in fields {
                let path = format!("{section}.{field}");
                problems.extend(put(&mut table, &path, value).err());
            }
        }
        if problems.is_empty() {
            *self = Config::of_table(table);
            Ok(())
        } else {
            Err(ExperimentError::Refused {
                origin: origin.to_string(),
                problems,
            })
        }
    }

    /// The tree of a table that [`Config::table`] made and [`put`] changed.
    #[expect(clippy::expect_used, reason = "no file or person can cause it")]
    fn of_table(table: Table) -> Config {
        table
            .try_into()
            .expect("what fits its setting's kind is a value of it")
    }

    #[expect(clippy::expect_used, reason = "no file or person can cause it")]
    fn table(&self) -> Table {
        Table::try_from(self).expect("settings are numbers, words and lists of words")
    }
}

/// A value as a person writes it.
pub fn value_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number_words(*number),
        Value::Array(items) if items.is_empty() => "none".to_string(),
        Value::Array(items) => items.iter().map(value_words).collect::<Vec<_>>().join(", "),
        Value::Table(term) => term_words(term),
        other => other.to_string(),
    }
}

/// `tone (command python3 tone.py, retries 2, timeout 60, weight 1)`.
fn term_words(term: &Table) -> String {
    let own = term
        .iter()
        .filter(|(field, _)| *field != "name" && *field != "kind");
    let mut own: Vec<String> = own
        .map(|(field, value)| match value {
            Value::Array(texts) => {
                let texts: Vec<String> = texts.iter().map(value_words).collect();
                format!("{field} {}", texts.join(" "))
            }
            value => format!("{field} {}", value_words(value)),
        })
        .collect();
    let of = |field: &str| term.get(field).map(value_words).unwrap_or_default();
    if !term.contains_key("command") {
        own.insert(0, of("kind"));
    }
    format!("{} ({})", of("name"), own.join(", "))
}

/// Sets the value at `path`.
fn put(table: &mut Table, path: &str, value: Value) -> Result<(), Problem> {
    let refuse = |message: String| Problem {
        path: path.to_string(),
        message,
    };
    let setting = setting(path).ok_or_else(|| refuse("is not a setting".into()))?;
    let value = fit(&setting.kind, value).map_err(refuse)?;
    if let Some(Value::Table(section)) = table.get_mut(setting.section()) {
        section.insert(setting.field().to_string(), value);
    }
    Ok(())
}

pub(super) fn parse(origin: &str, text: &str) -> Result<Table, ExperimentError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = 1 + before.map_or(0, |before| before.matches('\n').count());
        ExperimentError::Syntax {
            origin: origin.to_string(),
            message: format!(
                "line {line}: {}",
                error.message().trim().replace('\n', ", ")
            ),
        }
    })
}

pub(super) fn check_keys(origin: &str, body: &Table) -> Result<(), ExperimentError> {
    for (section, value) in body {
        let Value::Table(fields) = value else {
            return Err(unknown_key(origin, section));
        };
        if !SECTIONS.iter().any(|(key, _)| key == section) {
            return Err(unknown_key(origin, section));
        }
        for field in fields.keys() {
            let path = format!("{section}.{field}");
            if setting(&path).is_none() {
                return Err(unknown_key(origin, &path));
            }
        }
    }
    Ok(())
}

pub(super) fn unknown_key(origin: &str, key: &str) -> ExperimentError {
    let heads = ["name", "description", "parent"];
    let sections = SECTIONS.iter().map(|(key, _)| *key);
    let closeness = |known: &str| {
        // A field without its section is the closest match.
        if known.split_once('.').is_some_and(|(_, field)| field == key) {
            1.0
        } else {
            strsim::jaro_winkler(known, key)
        }
    };
    let near = settings()
        .map(|setting| setting.path)
        .chain(sections)
        .chain(heads)
        .map(|known| (closeness(known), known))
        .filter(|(closeness, _)| *closeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_string());
    ExperimentError::UnknownKey {
        origin: origin.to_string(),
        key: key.to_string(),
        near,
    }
}

/// The value in the form of its kind, or why it does not fit.
pub(super) fn fit(kind: &SettingKind, value: Value) -> Result<Value, String> {
    match kind {
        SettingKind::Int { min, max } => match value {
            Value::Integer(number) if (*min..=*max).contains(&number) => Ok(Value::Integer(number)),
            Value::Integer(number) => Err(format!(
                "{number} is out of range; it goes from {min} to {max}"
            )),
            other => Err(format!("{other} is not a whole number from {min} to {max}")),
        },
        SettingKind::Float { min, max } => {
            let number = match value {
                Value::Integer(number) => number as f64,
                Value::Float(number) => number,
                other => return Err(format!("{other} is not a number from {min} to {max}")),
            };
            if (*min..=*max).contains(&number) {
                Ok(Value::Float(number))
            } else {
                Err(format!(
                    "{number} is out of range; it goes from {min} to {max}"
                ))
            }
        }
        SettingKind::Bool => match value {
            Value::Boolean(_) => Ok(value),
            other => Err(format!("{other} is neither true nor false")),
        },
        SettingKind::Choice(words) => match value {
            Value::String(word) if words.contains(&word.as_str()) => Ok(Value::String(word)),
            other => Err(format!("{other} is not one of {}", words.join(", "))),
        },
        SettingKind::Text => match value {
            Value::String(text) if !text.trim().is_empty() => Ok(Value::String(text)),
            other => Err(format!("{other} is not a text")),
        },
        SettingKind::List(words) => match value {
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    if !item.as_str().is_some_and(|word| words.contains(&word)) {
                        return Err(format!("{item} is not one of {}", words.join(", ")));
                    }
                    if items[..index].contains(item) {
                        return Err(format!("{item} is there twice"));
                    }
                }
                Ok(Value::Array(items))
            }
            other => Err(format!(
                "{other} is not a list of some of {}",
                words.join(", ")
            )),
        },
        SettingKind::Texts => match value {
            Value::Array(items) if items.iter().all(Value::is_str) => Ok(Value::Array(items)),
            other => Err(format!(
                "{other} is not a list of texts, such as [\"python3\", \"scorer.py\"]"
            )),
        },
        SettingKind::Terms => match value {
            Value::Array(items) => {
                let terms: Result<Vec<Value>, String> = items.into_iter().map(fit_term).collect();
                terms.map(Value::Array)
            }
            other => Err(format!("{other} is not a list of [[{TERMS}]] tables")),
        },
    }
}

fn fit_term(value: Value) -> Result<Value, String> {
    match value {
        Value::Table(table) => Ok(Value::Table(TermSettings::try_from(table)?.into())),
        other => Err(format!(
            "{other} is not a table; write each term as [[{TERMS}]]"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{SubsetChoice, presets};

    #[test]
    fn a_config_survives_its_own_text() {
        for preset in presets().unwrap() {
            let text = preset.config.to_toml();
            assert_eq!(Config::from_toml("saved", &text).unwrap(), preset.config);
        }
    }

    #[test]
    fn what_a_run_was_begun_without_stays_as_it_was() {
        let stored = Config::from_toml("run 1", "[evaluation]\nsubset = 64\n").unwrap();
        assert_eq!(stored.evaluation.subset_by, SubsetChoice::First);
        assert_eq!(Config::default().evaluation.subset_by, SubsetChoice::Seed);
        let other = Config {
            evaluation: stored.evaluation,
            ..Config::default()
        };
        let differences = other.differences(&Config::default());
        let paths: Vec<&str> = differences.iter().map(|of| of.path.as_str()).collect();
        assert_eq!(paths, ["evaluation.subset", "evaluation.subset_by"]);
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        assert_eq!(value_words(&Value::Float(1.41e-5)), "1.41e-5");
        assert_eq!(value_words(&Value::Float(0.95)), "0.95");
        assert_eq!(value_words(&Value::Integer(24_000)), "24000");
    }

    #[test]
    fn whatever_fits_a_kind_is_a_value_of_the_tree() {
        let word = |word: &&str| Value::String(word.to_string());
        for setting in settings() {
            let values: Vec<Value> = match &setting.kind {
                SettingKind::Int { min, max } => vec![Value::Integer(*min), Value::Integer(*max)],
                SettingKind::Float { min, max } => vec![Value::Float(*min), Value::Float(*max)],
                SettingKind::Bool => vec![Value::Boolean(false), Value::Boolean(true)],
                SettingKind::Choice(words) => words.iter().map(word).collect(),
                SettingKind::Text => vec![Value::String("x".into())],
                SettingKind::List(words) => vec![Value::Array(words.iter().map(word).collect())],
                SettingKind::Texts => vec![Value::Array(vec!["x".into()])],
                SettingKind::Terms => vec![Value::Array(Vec::new())],
            };
            for value in values {
                let mut config = Config::default();
                config.set(setting.path, value.clone()).unwrap();
                assert_eq!(config.get(setting.path), Some(value), "{}", setting.path);
            }
        }
    }

    #[test]
    fn every_default_is_within_its_range() {
        let config = Config::default();
        for setting in settings() {
            let value = config.get(setting.path).unwrap();
            assert!(
                fit(&setting.kind, value.clone()).is_ok(),
                "{} = {value}",
                setting.path
            );
            assert!(!setting.help().is_empty());
        }
    }
}
