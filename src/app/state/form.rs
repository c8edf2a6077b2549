//! An experiment whose settings are being edited: values, and text that is not a valid value yet.
//!
//! Invalid values are refused with a reason. Knows no widget.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::experiment::{Config, ExperimentFile, Setting, SettingKind, TERMS, TermKind};

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
    pub editing: Option<(String, String)>,
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

    /// The value of the setting at `path`, also of one of a term.
    pub fn value(&self, path: &str) -> Option<Value> {
        let value = self.values.get(path).cloned();
        value.or_else(|| self.config.get(path))
    }

    /// Adds a term to the reward, under a name that no other has.
    pub fn add_term(&mut self) {
        let terms = &self.config.reward.term;
        let is_free = |name: &String| terms.iter().all(|term| term.name != *name);
        let numbered = (2..).map(|n| format!("term_{n}"));
        let name = std::iter::once("term".to_string())
            .chain(numbered)
            .find(is_free);
        let mut term = Table::new();
        term.insert("name".into(), name.unwrap_or_default().into());
        term.insert("kind".into(), TermKind::WORDS[1].into());
        self.put_terms(|terms| terms.push(Value::Table(term)));
    }

    /// Removes the term at this place.
    pub fn remove_term(&mut self, at: usize) {
        self.typed.retain(|path, _| !path.starts_with(TERMS));
        self.put_terms(|terms| drop(terms.remove(at)));
    }

    fn put_terms(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        if let Some(Value::Array(mut terms)) = self.value(TERMS) {
            change(&mut terms);
            self.put(TERMS, Value::Array(terms));
        }
    }

    /// Sets what was typed for the setting at `path`, or keeps the text with what is wrong with it.
    pub fn type_in(&mut self, path: &str, setting: &Setting, words: String) {
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
            SettingKind::Texts => {
                let lines = words.lines().filter(|line| !line.is_empty());
                Some(Value::Array(lines.map(Value::from).collect()))
            }
            _ => Some(Value::String(words.trim().to_string())),
        };
        let refusal = match value {
            None => Some(format!(
                "\"{}\" is not a number; the range is {}",
                words.trim(),
                setting.range()
            )),
            Some(value) => match self.config.set(path, value) {
                Ok(()) => None,
                Err(problem) => Some(problem.message),
            },
        };
        match refusal {
            Some(why) => {
                self.typed.insert(path.to_string(), (words, why));
            }
            None => {
                self.typed.remove(path);
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
        form.type_in(steps.path, steps, "12".into());
        assert_eq!(form.config.ppo.steps, 12);
        assert_eq!(form.changed(), 1);
        assert_eq!(form.refused(), 0);
        form.type_in(steps.path, steps, "many".into());
        assert_eq!(form.refused(), 1);
        assert!(form.refusal("ppo.steps").unwrap().contains("not a number"));
        assert_eq!(form.config.ppo.steps, 12);
        form.revert_all();
        assert_eq!(form.refused(), 0);
        assert_eq!(form.changed(), 0);
    }

    #[test]
    fn terms_are_added_changed_and_removed() {
        let mut form = form();
        form.add_term();
        form.add_term();
        let name = |form: &Form, at: usize| form.config.reward.term[at].name.clone();
        assert_eq!([name(&form, 0), name(&form, 1)], ["term", "term_2"]);
        form.put("reward.term.1.kind", "command".into());
        let command = setting("reward.term.1.command").unwrap();
        form.type_in("reward.term.1.command", command, "sh\n-c\necho".into());
        let words = form.config.reward.commands().next().unwrap();
        assert_eq!(words, ["sh", "-c", "echo"]);
        let weight = setting("reward.term.0.weight").unwrap();
        form.type_in("reward.term.0.weight", weight, "much".into());
        assert_eq!((form.refused(), form.changed()), (1, 1));
        form.remove_term(0);
        assert_eq!((form.refused(), name(&form, 0).as_str()), (0, "term_2"));
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
