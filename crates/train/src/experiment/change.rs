//! Settings that may be changed during a run. When a change takes effect is up to the trainer.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::Problem;
use super::{Config, Setting, SettingKind, Stage, setting};

/// Numbers that every step reads anew and that no state is built from, each with the stage that reads it; `None` for
/// each that trains the policy.
const CHANGEABLE: [(&str, Option<Stage>); 15] = [
    ("ppo.lr", Some(Stage::Ppo)),
    ("reward.beta", Some(Stage::Ppo)),
    ("reward.kl_target", Some(Stage::Ppo)),
    ("ppo.clip_range", Some(Stage::Ppo)),
    ("ppo.value_coefficient", Some(Stage::Ppo)),
    ("ppo.target_kl", Some(Stage::Ppo)),
    ("grpo.lr", Some(Stage::Grpo)),
    ("grpo.beta", Some(Stage::Grpo)),
    ("grpo.epsilon", Some(Stage::Grpo)),
    ("grpo.epsilon_high", Some(Stage::Grpo)),
    ("rloo.lr", Some(Stage::Rloo)),
    ("rloo.beta", Some(Stage::Rloo)),
    ("rloo.epsilon", Some(Stage::Rloo)),
    ("rloo.epsilon_high", Some(Stage::Rloo)),
    ("sampling.temperature", None),
];

/// A new value of a setting, within its range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    #[serde(rename = "setting")]
    path: &'static str,
    value: f64,
}

impl<'de> Deserialize<'de> for Change {
    /// Accepts only a change that can be made.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Unchecked {
            setting: String,
            value: f64,
        }
        let Unchecked { setting, value } = Unchecked::deserialize(deserializer)?;
        let refused = |problem: Problem| format!("{} {}", problem.path, problem.message);
        Change::new(&setting, value).map_err(|problem| D::Error::custom(refused(problem)))
    }
}

impl Change {
    /// # Errors
    /// The setting is not among those that may be changed, or the value is out of its range.
    pub fn new(path: &str, value: f64) -> Result<Self, Problem> {
        let refuse = |message: String| Problem {
            path: path.to_string(),
            message,
        };
        let setting = changeable().find(|setting| setting.path == path);
        let setting = setting.ok_or_else(|| {
            let known = CHANGEABLE.map(|(path, _)| path).join(", ");
            refuse(format!(
                "cannot be changed during a run; these can: {known}"
            ))
        })?;
        match setting.kind {
            SettingKind::Float { min, max } if (min..=max).contains(&value) => Ok(Change {
                path: setting.path,
                value,
            }),
            _ => Err(refuse(format!("must be a number from {}", setting.range()))),
        }
    }

    pub fn path(&self) -> &'static str {
        self.path
    }

    pub fn value(&self) -> f64 {
        self.value
    }

    /// Name, value and unit, as in the form.
    pub fn words(&self) -> String {
        let (name, value) = self.name_and_value();
        format!("{name} {value}")
    }

    /// `Changed learning rate to 3e-5`.
    pub(super) fn made_words(&self) -> String {
        let (name, value) = self.name_and_value();
        format!("Changed {} to {value}", within_a_sentence(&name))
    }

    fn name_and_value(&self) -> (String, String) {
        let setting = setting(self.path);
        let name = setting.map_or_else(|| self.path.to_string(), Setting::label);
        let unit = setting.and_then(|setting| setting.unit);
        let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
        (name, number_words(self.value) + &unit)
    }

    /// # Errors
    /// None for a change made by [`Change::new`].
    pub fn apply(&self, config: &mut Config) -> Result<(), Problem> {
        config.set(self.path, self.value.into())
    }
}

/// A label without its capital, unless it begins with an abbreviation.
fn within_a_sentence(label: &str) -> String {
    let mut letters = label.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => label.to_string(),
    }
}

/// A number as people write it in a form: `0.2`, `1.41e-5`.
pub fn number_words(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-3 || number.abs() >= 1e6) {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}

/// The settings that may be changed during a run.
pub fn changeable() -> impl Iterator<Item = &'static Setting> {
    CHANGEABLE.iter().filter_map(|(path, _)| setting(path))
}

/// Those that a stage reads.
pub fn changeable_in(stage: Stage) -> impl Iterator<Item = &'static Setting> {
    let read = CHANGEABLE.iter().filter(move |(_, reader)| match reader {
        Some(reader) => *reader == stage,
        None => stage.trains_policy(),
    });
    read.filter_map(|(path, _)| setting(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changeable_setting_is_a_number_of_the_tree() {
        assert_eq!(changeable().count(), CHANGEABLE.len());
        for setting in changeable() {
            let SettingKind::Float { max, .. } = setting.kind else {
                panic!("{} is no number", setting.path)
            };
            let change = Change::new(setting.path, max).unwrap();
            let mut config = Config::default();
            change.apply(&mut config).unwrap();
            let values = config.values();
            assert_eq!(values[setting.path].as_float(), Some(max));
            assert!(change.words().starts_with(&setting.label()));
        }
        let change = Change::new("ppo.lr", 1.41e-5).unwrap();
        assert_eq!(change.words(), "Learning rate 1.41e-5");
        assert_eq!(change.made_words(), "Changed learning rate to 1.41e-5");
        let beta = Change::new("reward.beta", 0.3).unwrap();
        assert_eq!(beta.made_words(), "Changed KL coefficient β to 0.3");
    }

    #[test]
    fn an_error_lists_what_can_be_changed() {
        let problem = Change::new("ppo.batch", 4.0).unwrap_err();
        assert!(problem.message.contains("ppo.lr"), "{}", problem.message);
        assert!(Change::new("ppo.lr", f64::NAN).is_err());
        assert!(
            Change::new("ppo.lr", -1.0)
                .unwrap_err()
                .message
                .contains("0 to 1")
        );
    }
}
