//! Experiment files: a name, a parent, what differs. Reads them, resolves parents, applies `--set`.
//!
//! Every error names the file, the key and the fix.

use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::config::{Config, setting};
use super::error::{ExperimentError, Problem};
use super::setting::SettingKind;
use super::values::{Difference, check_keys, parse, unknown_key};
use crate::data::regular_file::open_regular_file;

/// An experiment file, with its parents applied.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentFile {
    pub name: String,
    pub description: String,
    pub parent: Option<String>,
    /// `None` for those that come with the program.
    pub path: Option<PathBuf>,
    pub config: Config,
    /// What differs from the parent, or from the defaults where there is none.
    pub differs: Vec<Difference>,
}

/// Names and contents of files in `experiments/`.
macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../experiments/", $name, ".toml")))),+]
    };
}

/// The files in `experiments/`, as they were when the program was built.
const BUILT_IN: &[(&str, &str)] = built_in![
    "quickstart",
    "emprl-paper",
    "emprl-as-released",
    "without-kl",
    "without-empathy",
    "without-rl",
    "without-rl-and-prefix",
    "emprl-small-scratch",
    "small-without-kl",
    "small-without-empathy",
    "small-without-rl",
    "small-without-rl-and-prefix",
    "identifiers",
    "identifiers-minilm",
    "emprl-smollm2",
    "emprl-smollm2-grpo",
    "quickstart-grpo",
];

/// The experiments that come with the program.
///
/// # Errors
/// None in a program whose tests pass: the files are checked by them.
pub fn presets() -> Result<Vec<ExperimentFile>, ExperimentError> {
    BUILT_IN
        .iter()
        .map(|(name, text)| resolve(&format!("experiments/{name}.toml"), text, None))
        .collect()
}

impl ExperimentFile {
    /// Reads a file and its parents, which are beside it or come with the program.
    pub fn read(path: &Path) -> Result<Self, ExperimentError> {
        resolve(&path.display().to_string(), &read_text(path)?, Some(path))
    }

    /// One of those that come with the program.
    pub fn preset(name: &str) -> Option<Result<Self, ExperimentError>> {
        BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(name, text)| resolve(&format!("experiments/{name}.toml"), text, None))
    }

    /// Applies `key=value` assignments, as `--set` gives them.
    pub fn assign(&mut self, assignments: &[String]) -> Result<(), ExperimentError> {
        for given in assignments {
            let (path, text) =
                given
                    .split_once('=')
                    .ok_or_else(|| ExperimentError::NotAnAssignment {
                        given: given.clone(),
                    })?;
            let (path, text) = (path.trim(), text.trim());
            let origin = format!("--set {given}");
            let Some(setting) = setting(path) else {
                return Err(unknown_key(&origin, path));
            };
            // A bare word is a text; everything else is read as TOML would.
            let value = match setting.kind {
                SettingKind::Text | SettingKind::Choice(_) => {
                    Value::String(text.trim_matches('"').to_string())
                }
                _ => parse_value(text).unwrap_or_else(|| Value::String(text.to_string())),
            };
            self.config
                .set(path, value)
                .map_err(|problem| ExperimentError::Refused {
                    origin,
                    problems: vec![problem],
                })?;
        }
        Ok(())
    }
}

fn parse_value(text: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()?
        .remove("value")
}

fn read_text(path: &Path) -> Result<String, ExperimentError> {
    let unreadable = |source| ExperimentError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    let mut text = String::new();
    let mut file = open_regular_file(path).map_err(unreadable)?;
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// A file's own table and its head.
struct Layer {
    name: String,
    description: String,
    parent: Option<String>,
    body: Table,
}

fn layer(origin: &str, text: &str, fallback_name: &str) -> Result<Layer, ExperimentError> {
    let mut body = parse(origin, text)?;
    let mut head = |key: &str| -> Result<Option<String>, ExperimentError> {
        match body.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ExperimentError::Refused {
                origin: origin.to_string(),
                problems: vec![Problem {
                    path: key.to_string(),
                    message: "must be a text in quotes".into(),
                }],
            }),
        }
    };
    let name = head("name")?.unwrap_or_else(|| fallback_name.to_string());
    let description = head("description")?.unwrap_or_default();
    let parent = head("parent")?;
    check_keys(origin, &body)?;
    Ok(Layer {
        name,
        description,
        parent,
        body,
    })
}

fn resolve(
    origin: &str,
    text: &str,
    path: Option<&Path>,
) -> Result<ExperimentFile, ExperimentError> {
    let stem = |origin: &str| {
        Path::new(origin)
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let own = layer(origin, text, &stem(origin))?;
    let mut chain = vec![stem(origin)];
    let mut layers = Vec::new();
    let mut next = own.parent.clone();
    while let Some(parent) = next {
        let repeated = chain.contains(&parent);
        chain.push(parent.clone());
        if repeated {
            return Err(ExperimentError::Circle {
                origin: origin.to_string(),
                chain: chain.join(" → "),
            });
        }
        let beside = path
            .and_then(Path::parent)
            .map(|folder| folder.join(format!("{parent}.toml")));
        let (parent_origin, parent_text) = match beside.filter(|file| file.is_file()) {
            Some(file) => (file.display().to_string(), read_text(&file)?),
            None => match BUILT_IN.iter().find(|(name, _)| *name == parent) {
                Some((name, text)) => (format!("experiments/{name}.toml"), text.to_string()),
                None => {
                    return Err(ExperimentError::UnknownParent {
                        origin: origin.to_string(),
                        parent,
                        known: BUILT_IN
                            .iter()
                            .map(|(name, _)| *name)
                            .collect::<Vec<_>>()
                            .join(", "),
                    });
                }
            },
        };
        let read = layer(&parent_origin, &parent_text, &parent)?;
        next = read.parent.clone();
        layers.push((parent_origin, read.body));
    }

    let mut base = Config::default();
    for (origin, body) in layers.into_iter().rev() {
        base.apply(&origin, body)?;
    }
    let mut config = base.clone();
    config.apply(origin, own.body)?;
    let differs = config.differences(&base);
    Ok(ExperimentFile {
        name: own.name,
        description: own.description,
        parent: own.parent,
        path: path.map(Path::to_path_buf),
        config,
        differs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExperimentFile, ExperimentError> {
        resolve("case.toml", text, None)
    }

    #[test]
    fn every_preset_reads_and_can_start() {
        for preset in presets().unwrap() {
            assert_eq!(preset.config.problems(), vec![], "{}", preset.name);
            assert!(!preset.description.is_empty());
        }
    }

    #[test]
    fn ablations_share_what_they_do_not_change() {
        use crate::experiment::Stage::{Generator, Identifiers, Pretraining};
        let config = |name: &str| ExperimentFile::preset(name).unwrap().unwrap().config;
        for (parent, prefix, before) in [
            ("emprl-paper", "", &[Identifiers][..]),
            ("emprl-small-scratch", "small-", &[Pretraining, Identifiers]),
        ] {
            let until_generator = [before, &[Generator]].concat();
            let base = config(parent);
            for (name, shared) in [
                ("without-kl", until_generator.as_slice()),
                ("without-empathy", &until_generator),
                ("without-rl", &until_generator),
                ("without-rl-and-prefix", before),
            ] {
                let own = config(&format!("{prefix}{name}"));
                assert_eq!(own.shared_stages(&base).stages, shared, "{prefix}{name}");
            }
        }
    }

    #[test]
    fn an_unknown_key_suggests_the_right_one() {
        for (text, near) in [
            ("[ppo]\nsteps_total = 3", "ppo.steps"),
            ("[ppo]\nlrr = 3", "ppo.lr"),
            ("[pppo]\nlr = 3", "ppo"),
            ("desciption = \"x\"", "description"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{near}`")), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_range() {
        let error = read("[ppo]\nclip_range = 2\nsteps = \"many\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`ppo.clip_range`: 2 is out of range; it goes from 0 to 1"),
            "{error}"
        );
        assert!(error.contains("`ppo.steps`"), "{error}");
    }

    #[test]
    fn a_child_overrides_its_parent_and_says_what_differs() {
        let child = read("parent = \"quickstart\"\n[ppo]\nsteps = 7\nbatch = 32").unwrap();
        assert_eq!(child.config.ppo.steps, 7);
        assert_eq!(child.config.data.dialogues, "builtin");
        let paths: Vec<_> = child.differs.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["ppo.steps"]);
    }

    #[test]
    fn parents_are_found_and_circles_refused() {
        assert!(matches!(
            read("parent = \"nothing\""),
            Err(ExperimentError::UnknownParent { .. })
        ));
        assert!(matches!(
            read("parent = \"case\""),
            Err(ExperimentError::Circle { .. })
        ));
    }

    #[test]
    fn assignments_follow_the_types() {
        let mut file = read("").unwrap();
        file.assign(&[
            "ppo.steps=5".into(),
            "reward.kl_estimator=full".into(),
            "run.stages=[\"generator\"]".into(),
            "ppo.lr=1e-3".into(),
            "data.dialogues=builtin".into(),
        ])
        .unwrap();
        assert_eq!(file.config.ppo.steps, 5);
        assert_eq!(file.config.ppo.lr, 1e-3);
        assert!(matches!(
            file.assign(&["ppo.steps".into()]),
            Err(ExperimentError::NotAnAssignment { .. })
        ));
        assert!(matches!(
            file.assign(&["ppo.step=1".into()]),
            Err(ExperimentError::UnknownKey { .. })
        ));
    }
}
