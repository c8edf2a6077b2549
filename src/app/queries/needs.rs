//! The inputs of an experiment, and which of them are missing.

use std::path::{Path, PathBuf};

use crate::app::naming::{fetch_command, import_preferences_command, set_title};
use crate::data::library;
use crate::experiment::Config;
use crate::experiment::SCRATCH;
use crate::train::base::is_gguf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// `None` where no stage reads any.
    pub dialogues: Option<String>,
    pub levels: Option<String>,
    pub preferences: Option<String>,
    /// The run's model; `None` where no stage reads it, or it is made from nothing.
    pub source: Option<String>,
    /// The encoder of identifiers, where it is not the run's model.
    pub encoder: Option<PathBuf>,
}

impl Inputs {
    pub fn of(config: &Config) -> Self {
        Inputs {
            dialogues: config
                .reads_dialogues()
                .then(|| config.data.dialogues.clone()),
            levels: config.reads_levels().then(|| config.data.levels.clone()),
            preferences: config
                .reads_preferences()
                .then(|| config.data.preferences.clone()),
            source: Some(config.model.source.clone())
                .filter(|source| config.reads_model() && source != SCRATCH),
            encoder: config.encoder_folder().map(Path::to_path_buf),
        }
    }
}

/// A missing input of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The setting that names it.
    pub path: &'static str,
    pub what: String,
    pub fix: String,
    pub command: Option<String>,
}

/// What lacks of the set of this name.
fn set_need(
    store: &Path,
    sets: &[library::ListedSet],
    path: &'static str,
    name: &str,
    what: &str,
) -> Option<Need> {
    let fits = |set: &library::ListedSet| match path {
        "data.levels" => set.has_levels,
        _ => set.has_dialogues,
    };
    let need = |what: String, fix: String, command: Option<String>| {
        Some(Need {
            path,
            what,
            fix,
            command,
        })
    };
    match sets.iter().find(|set| set.name == name) {
        None => {
            let fitting = sets.iter().filter(|set| fits(set));
            let names: Vec<&str> = fitting.map(|set| set.name.as_str()).collect();
            need(
                format!("There is no data set \"{name}\""),
                format!("choose one of {}", names.join(", ")),
                None,
            )
        }
        Some(set) if set.damaged.is_some() => need(
            format!("{} is damaged", set_title(name)),
            set.damaged.clone().unwrap_or_default(),
            None,
        ),
        Some(set) if !set.imported => need(
            format!("{} is not imported", set_title(name)),
            "fetch it, or import its folder, in Data and models".into(),
            Some(fetch_command(name, store)),
        ),
        Some(set) if !fits(set) => need(
            format!("{} contains no {what}", set_title(name)),
            format!("choose another set for the {what}"),
            None,
        ),
        Some(_) => None,
    }
}

/// The missing inputs.
pub fn needs(store: &Path, inputs: &Inputs) -> Vec<Need> {
    let sets = match library::list(store) {
        Ok(sets) => sets,
        Err(error) => {
            return vec![Need {
                path: "data.dialogues",
                what: "The imported data cannot be read".into(),
                fix: error.to_string(),
                command: None,
            }];
        }
    };
    let mut needs = Vec::new();
    for (path, name, what) in [
        ("data.dialogues", &inputs.dialogues, "dialogues"),
        ("data.levels", &inputs.levels, "labelled pairs"),
    ] {
        let Some(names) = name else { continue };
        match library::parts(names) {
            Ok(parts) => {
                let missing = parts
                    .iter()
                    .filter_map(|part| set_need(store, &sets, path, part.name, what));
                needs.extend(missing);
            }
            Err(error) => needs.push(Need {
                path,
                what: format!("\"{names}\" names no data sets"),
                fix: error.to_string(),
                command: None,
            }),
        }
    }
    needs.extend(inputs.preferences.as_deref().and_then(|name| {
        let pairs = sets.iter().filter(|set| set.preference_pairs.is_some());
        let names: Vec<&str> = pairs.map(|set| set.name.as_str()).collect();
        let fix = match names.is_empty() {
            true => "import a file of them in a terminal, or keep those of an unblinded A/B test in Studies".to_string(),
            false => format!("choose one of {}, or import a file of them in a terminal", names.join(", ")),
        };
        (!names.contains(&name)).then(|| Need {
            path: "data.preferences",
            what: format!("There is no set of preference pairs \"{name}\""),
            fix,
            command: Some(import_preferences_command(name, store)),
        })
    }));
    let is_there = |path: &Path| path.is_dir() || (is_gguf(path) && path.is_file());
    if let Some(source) = inputs
        .source
        .as_ref()
        .filter(|path| !is_there(Path::new(path)))
    {
        needs.push(Need {
            path: "model.source",
            what: format!("The model \"{source}\" is not there"),
            fix: "set Model source to a folder with config.json, model.safetensors and tokenizer.json, \
                   to a GGUF file, or to \"scratch\""
                .into(),
            command: None,
        });
    }
    if let Some(encoder) = inputs.encoder.as_ref().filter(|path| !is_there(path)) {
        needs.push(Need {
            path: "identifiers.encoder",
            what: format!("The encoder \"{}\" is not there", encoder.display()),
            fix: "set Encoder to the folder of a BERT or T5 model, or to \"t5\" or \"policy\" for the run's own model"
                .into(),
            command: None,
        });
    }
    needs
}
