//! `config.json` of a Hugging Face folder, whatever the architecture: read so that an error names file and field.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{WeightsError, document, refuse_other_folders};

const FILE: &str = "config.json";

/// The fields of a `config.json`.
pub(in crate::nn) struct ConfigFile {
    path: PathBuf,
    pub fields: Map<String, Value>,
}

impl ConfigFile {
    /// Opens that of a folder which should have `kind`, such as "a T5 model".
    pub fn open(folder: &Path, kind: &str) -> Result<Self, WeightsError> {
        refuse_other_folders(folder)?;
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(WeightsError::Missing {
                path,
                fix: format!("give a Hugging Face folder of {kind}"),
            });
        }
        Self::of(document(&path)?, path)
    }

    /// Takes the content of one; `path` is for the errors.
    pub fn of(json: Value, path: PathBuf) -> Result<Self, WeightsError> {
        match json {
            Value::Object(fields) => Ok(ConfigFile { path, fields }),
            _ => Err(WeightsError::Foreign {
                path,
                problem: "is no JSON object".into(),
            }),
        }
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// The class that the model was saved as, if there is one.
    pub fn class(&self) -> Option<&str> {
        match self.fields.get("architectures")?.as_array()?.as_slice() {
            [class] => class.as_str(),
            _ => None,
        }
    }

    /// What `model_type` is, in words; of a relative, also its name.
    pub fn kind_in_words(&self, relatives: &[(&str, &str)]) -> String {
        let Some(kind) = self.text("model_type") else {
            return "is missing".into();
        };
        match relatives.iter().find(|(key, _)| *key == kind) {
            None => format!("is {kind:?}"),
            Some((_, name)) => format!("is {kind:?}, {name}"),
        }
    }

    pub fn refuse(&self, field: &str, problem: impl Into<String>) -> WeightsError {
        WeightsError::Config {
            path: self.path.clone(),
            field: field.to_string(),
            problem: problem.into(),
        }
    }

    /// Leaves out the fields that are null, which say nothing.
    pub fn drop_nulls(&mut self) {
        self.fields.retain(|_, value| !value.is_null());
    }

    /// The configuration, unless it cannot be read or `problem` finds a field that no such model has.
    pub fn parse<C: DeserializeOwned>(
        &self,
        problem: fn(&C) -> Option<(&'static str, String)>,
    ) -> Result<C, WeightsError> {
        // One by one, so that the message can name the field.
        for (field, value) in &self.fields {
            let alone = json!({ field.as_str(): value });
            if let Err(error) = serde_json::from_value::<C>(alone) {
                return Err(self.refuse(field, format!("is {value}: {error}")));
            }
        }
        let config = serde_json::from_value(Value::Object(self.fields.clone()));
        let config = config.map_err(|error| self.refuse("model_type", error.to_string()))?;
        match problem(&config) {
            Some((field, problem)) => Err(self.refuse(field, problem)),
            None => Ok(config),
        }
    }
}

/// Writes a `config.json` as Transformers reads it: `head`, an object, with the fields of `config`.
pub(in crate::nn) fn write_config(
    folder: &Path,
    mut head: Value,
    config: &impl Serialize,
) -> Result<(), WeightsError> {
    let path = folder.join(FILE);
    if let (Some(head), Ok(Value::Object(own))) =
        (head.as_object_mut(), serde_json::to_value(config))
    {
        for (field, value) in own {
            // What the head says is how Transformers has it.
            head.entry(field).or_insert(value);
        }
    }
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, format!("{head:#}\n")).map_err(WeightsError::io(&temporary))?;
    fs::rename(&temporary, &path).map_err(WeightsError::io(&path))
}
