//! An experiment whose settings are being edited: values, and text that is not a valid value yet.
//!
//! Invalid values are refused with a reason. Knows no widget.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use crate::experiment::{Config, ExperimentFile, Setting, SettingKind};

#[derive(Debug)]
pub struct Form {
    pub name: String,
    /// The values in the file.
    pub file: BTreeMap<String, Value>,
    pub config: Config,
    pub values: BTreeMap<String, Value>,
    /// Text that is not a valid value, and what is wrong with it.
    pub typed: BTreeMap<String, (String, String)>,
    /// The focused field and its text as typed: `2.` may become `2.5`.
    pub editing: Option<(&'static str, String)>,
    /// Settings that contradict each other.
    pub problems: BTreeMap<String, String>,
    pub filter: String,
    pub only_changed: bool,
    pub open: BTreeSet<&'static str>,
}

/// Settings shown above the sections.
const ABOVE: [&str; 2] = ["run.device", "run.seed"];

impl Form {
    pub fn new(file: &ExperimentFile) -> Self {
        Form::of(&file.name, file.config.clone())
    }

    pub fn of(name: &str, config: Config) -> Self {
        let values = config.values();
        let mut form = Form {
            name: name.to_string(),
            file: values.clone(),
            config,
            values,
            typed: BTreeMap::new(),
            editing: None,
            problems: BTreeMap::new(),
            filter: String::new(),
            only_changed: false,
            open: ["run", "ppo", "reward"].into_iter().collect(),
        };
        form.check();
        form
    }

    pub fn refused(&self) -> usize {
        self.typed
            .keys()
            .chain(self.problems.keys())
            .collect::<BTreeSet<_>>()
            .len()
    }

    pub fn changed(&self) -> usize {
        self.values
            .iter()
            .filter(|(path, value)| self.file.get(*path) != Some(*value))
            .count()
    }

    pub fn revert_all(&mut self) {
        for (path, value) in self.file.clone() {
            self.put(&path, value);
        }
        self.typed.clear();
    }

    /// Sets a value that the kind of the setting allows.
    pub fn put(&mut self, path: &str, value: Value) {
        self.typed.remove(path);
        self.editing = None;
        match self.config.set(path, value) {
            Ok(()) => {
                self.values = self.config.values();
                self.check();
            }
            Err(problem) => {
                self.typed
                    .insert(path.to_string(), (String::new(), problem.message));
            }
        }
    }

    /// Sets what was typed, or keeps the text with what is wrong with it.
    pub fn type_in(&mut self, setting: &Setting, words: String) {
        let value = match setting.kind {
            SettingKind::Int { .. } => words
                .replace(['\u{2009}', ' ', '_'], "")
                .parse()
                .map(Value::Integer)
                .ok(),
            SettingKind::Float { .. } => words
                .trim()
                .replace(',', ".")
                .parse()
                .map(Value::Float)
                .ok(),
            _ => Some(Value::String(words.trim().to_string())),
        };
        let refusal = match value {
            None => Some(format!(
                "\"{}\" is not a number; the range is {}",
                words.trim(),
                setting.range()
            )),
            Some(value) => match self.config.set(setting.path, value) {
                Ok(()) => None,
                Err(problem) => Some(problem.message),
            },
        };
        match refusal {
            Some(why) => {
                self.typed.insert(setting.path.to_string(), (words, why));
            }
            None => {
                self.typed.remove(setting.path);
                self.values = self.config.values();
                self.check();
            }
        }
    }

    fn check(&mut self) {
        self.problems.clear();
        for problem in self.config.problems() {
            self.problems.entry(problem.path).or_insert(problem.message);
        }
    }

    pub fn is_changed(&self, path: &str) -> bool {
        self.values.get(path) != self.file.get(path)
    }

    /// The value of a setting, if it was changed.
    pub fn chosen(&self, path: &str) -> Option<Value> {
        let value = self.values.get(path).filter(|_| self.is_changed(path));
        value.cloned()
    }

    /// What is wrong with a setting, if anything is.
    pub fn refusal(&self, path: &str) -> Option<&str> {
        self.typed
            .get(path)
            .map(|(_, why)| why.as_str())
            .or(self.problems.get(path).map(String::as_str))
    }

    pub fn matches(&self, setting: &Setting) -> bool {
        if ABOVE.contains(&setting.path) {
            return false;
        }
        // A refused setting is always shown.
        if self.refusal(setting.path).is_some() {
            return true;
        }
        if self.only_changed
            && !self.is_changed(setting.path)
            && self.refusal(setting.path).is_none()
        {
            return false;
        }
        let wanted = self.filter.to_lowercase();
        wanted.split_whitespace().all(|word| {
            setting.path.contains(word)
                || setting.label().to_lowercase().contains(word)
                || setting.help().to_lowercase().contains(word)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{presets, setting};

    fn form() -> Form {
        Form::new(&presets().unwrap()[0])
    }

    #[test]
    fn typed_text_is_a_value_or_refused_with_the_range() {
        let mut form = form();
        let steps = setting("ppo.steps").unwrap();
        form.type_in(steps, "12".into());
        assert_eq!(form.config.ppo.steps, 12);
        assert_eq!(form.changed(), 1);
        assert_eq!(form.refused(), 0);
        form.type_in(steps, "many".into());
        assert_eq!(form.refused(), 1);
        assert!(form.refusal("ppo.steps").unwrap().contains("not a number"));
        assert_eq!(form.config.ppo.steps, 12);
        form.revert_all();
        assert_eq!(form.refused(), 0);
        assert_eq!(form.changed(), 0);
    }

    #[test]
    fn contradictions_are_shown_beside_their_field() {
        let mut form = form();
        form.put(
            "run.stages",
            Value::Array(vec![Value::String("ppo".into())]),
        );
        assert!(form.refusal("run.stages").is_some());
        assert_eq!(form.refused(), 1);
    }
}
