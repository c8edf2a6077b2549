//! The settings of a run that another program recorded, as that program names them.
//!
//! Kept as TOML in one table, `[recorded]`, a setting a line: where our own runs keep theirs, and never taken for those.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml::{Table, Value};

/// The table, and what its settings' paths begin with.
const TABLE: &str = "recorded";
/// What a run is called, where its files go and what it draws by: it tells runs apart that are the same but for the seed.
const OF_ONE_RUN: [&str; 12] = [
    "seed",
    "data_seed",
    "output_dir",
    "logging_dir",
    "run_name",
    "name",
    "hub_model_id",
    "args.seed",
    "args.data_seed",
    "args.output_dir",
    "args.logging_dir",
    "args.run_name",
];
/// The most settings that are kept of a run.
const MOST: usize = 2_000;

/// Settings by their names, those of nested objects joined by points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedSettings(BTreeMap<String, Value>);

impl RecordedSettings {
    /// Takes in an object of settings; one of the same name is replaced. What is null counts as not set, and a text too
    /// long to be a setting is cut. Returns how many are left out: those past 2000, and those whose name is none.
    pub fn add(&mut self, settings: &serde_json::Map<String, Json>) -> usize {
        let each = settings.iter();
        each.map(|(name, value)| self.add_one(name, value)).sum()
    }

    fn add_one(&mut self, name: &str, value: &Json) -> usize {
        match value {
            Json::Object(fields) => {
                let each = fields.iter();
                let path = |field: &String| format!("{name}.{field}");
                return each
                    .map(|(field, value)| self.add_one(&path(field), value))
                    .sum();
            }
            Json::Null => {}
            _ if self.0.len() >= MOST || name.is_empty() || name.contains(char::is_control) => {
                return 1;
            }
            value => {
                self.0.insert(name.to_string(), in_toml(value));
            }
        }
        0
    }

    /// Takes in others; one of the same name is replaced.
    pub fn extend(&mut self, others: &RecordedSettings) {
        let others = others.0.iter();
        self.0
            .extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole number of that name, such as `seed`.
    pub fn whole(&self, name: &str) -> Option<u64> {
        let value = self.0.get(name)?.as_integer()?;
        u64::try_from(value).ok()
    }

    /// As saved with a run.
    pub fn to_toml(&self) -> String {
        let mut text = format!("[{TABLE}]\n");
        for (name, value) in &self.0 {
            text += &format!("{} = {}\n", quoted(name), written(value));
        }
        text
    }

    /// Reads what [`RecordedSettings::to_toml`] wrote; `None` of any other text.
    pub fn from_toml(text: &str) -> Option<RecordedSettings> {
        // Most runs are ours, and a table of them asks for each.
        if !text.starts_with("[recorded]") {
            return None;
        }
        let mut body = text.parse::<Table>().ok()?;
        match body.remove(TABLE)? {
            Value::Table(fields) => Some(RecordedSettings(fields.into_iter().collect())),
            _ => None,
        }
    }

    pub(super) fn are_in(body: &Table) -> bool {
        body.get(TABLE).is_some_and(Value::is_table)
    }

    /// Every value by its path: `recorded.learning_rate`.
    pub fn values(self) -> BTreeMap<String, Value> {
        let path = |(name, value)| (format!("{TABLE}.{name}"), value);
        self.0.into_iter().map(path).collect()
    }

    /// Whether a setting of that path belongs to a run that another program recorded.
    pub fn is_path(path: &str) -> bool {
        Self::name_of(path).is_some_and(|name| !name.is_empty())
    }

    /// Whether runs that differ in this setting alone are the same but for the seed.
    pub fn is_of_one_run(path: &str) -> bool {
        Self::name_of(path).is_some_and(|name| OF_ONE_RUN.contains(&name))
    }

    fn name_of(path: &str) -> Option<&str> {
        path.strip_prefix(TABLE)?.strip_prefix('.')
    }
}

fn in_toml(value: &Json) -> Value {
    const LONGEST: usize = 2_000;
    match value {
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, Some(value)) => Value::Float(value),
            (None, None) => Value::String(number.to_string()),
        },
        Json::String(text) => Value::String(text.chars().take(LONGEST).collect()),
        // TOML has no lists of nothing, and a list of objects is a text as good as any.
        Json::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_null()) =>
        {
            Value::Array(items.iter().map(in_toml).collect())
        }
        other => Value::String(other.to_string().chars().take(LONGEST).collect()),
    }
}

/// A value on one line, whatever breaks a text has.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// A basic string of TOML: as JSON has it, but for one character that TOML wants escaped.
fn quoted(text: &str) -> String {
    Json::String(text.to_string())
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Config, ExperimentError};

    fn settings(json: &str) -> RecordedSettings {
        let mut settings = RecordedSettings::default();
        let json = serde_json::from_str::<Json>(json).unwrap();
        assert_eq!(settings.add(json.as_object().unwrap()), 0);
        settings
    }

    #[test]
    fn any_settings_survive_their_own_text() {
        let odd = "a\\b\"c\td = [x]\u{7f}é\u{1}";
        let json = serde_json::json!({
            "learning_rate": 1e-4, "seed": 7, "big": u64::MAX, "fp16": false, "none": null,
            "optim": {"name": "adamw", "betas": [0.9, 0.999], "more": {"x y": odd}},
            "lines": "one\ntwo = 3\n[recorded]", "mixed": [1, null], "objects": [{"a": 1}],
        });
        let settings = settings(&json.to_string());
        let text = settings.to_toml();
        assert_eq!(
            RecordedSettings::from_toml(&text),
            Some(settings.clone()),
            "{text}"
        );
        assert_eq!(
            text.lines().count(),
            1 + settings.0.len(),
            "a line each: {text}"
        );
        let values = settings.values();
        assert_eq!(values["recorded.optim.name"], Value::String("adamw".into()));
        assert!(!values.contains_key("recorded.none"));
    }

    #[test]
    fn they_are_never_taken_for_ours() {
        let text = settings(r#"{"seed": 7}"#).to_toml();
        let error = Config::from_toml("settings of run 3", &text).unwrap_err();
        assert!(matches!(error, ExperimentError::Recorded { .. }), "{error}");
        assert!(error.to_string().contains("another program"), "{error}");
        assert_eq!(
            RecordedSettings::from_toml(&Config::default().to_toml()),
            None
        );
        let empty = RecordedSettings::default().to_toml();
        assert!(Config::from_toml("run 1", &empty).is_err());
        assert_eq!(
            RecordedSettings::from_toml(&empty),
            Some(RecordedSettings::default())
        );
    }
}
