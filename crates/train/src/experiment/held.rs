//! The values that settings had over a run: those it was started with, and those it was changed to.
//!
//! Knows no store: events come in as they were recorded.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use toml::Value;

use super::change::number_words;
use super::values::value_words;
use super::{Change, EventKind, Stage};

/// A change with the step, of the stage that trains the policy, that it followed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MadeChange {
    pub after_step: u64,
    #[serde(flatten)]
    pub change: Change,
}

/// The changes that a run was trained with, from its events in order. A run that went back to an earlier
/// checkpoint has lost those made after it.
pub fn changes_made<'a>(
    events: impl IntoIterator<Item = (Option<Stage>, u64, &'a EventKind)>,
) -> Vec<MadeChange> {
    let mut made: Vec<MadeChange> = Vec::new();
    for (stage, step, kind) in events {
        if let Some(change) = kind.change() {
            let last = made
                .iter()
                .rfind(|earlier| earlier.change.path() == change.path());
            // One that is asked for again, as after a run went back, changes nothing.
            if last.is_none_or(|last| last.change != change) {
                let after_step = step;
                made.push(MadeChange { after_step, change });
            }
        }
        if *kind == EventKind::Resumed {
            match stage {
                Some(stage) if stage.trains_policy() => {
                    made.retain(|earlier| earlier.after_step <= step);
                }
                Some(Stage::Evaluation) => {}
                _ => made.clear(),
            }
        }
    }
    made
}

/// The values that a setting had over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What the run was started with.
    pub first: Value,
    /// What it was changed to, each with the step it followed; never the value before.
    pub then: Vec<(u64, f64)>,
}

impl Held {
    /// The values of the setting at `path`.
    pub fn over(first: &Value, path: &str, changes: &[MadeChange]) -> Held {
        let mut held = Held {
            first: first.clone(),
            then: Vec::new(),
        };
        for made in changes.iter().filter(|made| made.change.path() == path) {
            let value = made.change.value();
            if held.last_number() == Some(value) {
                continue;
            }
            // No step was made with a value that was changed again at once.
            held.then.retain(|(after, _)| *after < made.after_step);
            if held.last_number() != Some(value) {
                held.then.push((made.after_step, value));
            }
        }
        held
    }

    /// Whether it was changed during the run.
    pub fn is_changed(&self) -> bool {
        !self.then.is_empty()
    }

    /// Every value, in order; None for a setting that is no number.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let later = self.then.iter().map(|(_, value)| *value);
        Some(std::iter::once(number(&self.first)?).chain(later).collect())
    }

    fn last_number(&self) -> Option<f64> {
        match self.then.last() {
            Some((_, value)) => Some(*value),
            None => number(&self.first),
        }
    }

    /// `1e-5`, or `1e-5 until step 180, then 2e-5`.
    pub fn words(&self) -> String {
        let mut words = value_words(&self.first);
        for (after, value) in &self.then {
            words += &format!(" until step {after}, then {}", number_words(*value));
        }
        words
    }
}

/// The value alone where it was never changed.
impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Then {
            after_step: u64,
            value: f64,
        }
        if !self.is_changed() {
            return self.first.serialize(serializer);
        }
        let then = self.then.iter();
        let then = then.map(|&(after_step, value)| Then { after_step, value });
        let mut fields = serializer.serialize_struct("Held", 2)?;
        fields.serialize_field("started_with", &self.first)?;
        fields.serialize_field("changed_to", &then.collect::<Vec<_>>())?;
        fields.end()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Control;

    fn set(value: f64) -> EventKind {
        EventKind::Control {
            control: Control::Set(Change::new("ppo.lr", value).unwrap()),
        }
    }

    fn held(events: &[(Stage, u64, EventKind)]) -> Held {
        let events = events.iter();
        let made = changes_made(events.map(|(stage, step, kind)| (Some(*stage), *step, kind)));
        Held::over(&Value::Float(1e-5), "ppo.lr", &made)
    }

    #[test]
    fn a_setting_has_the_values_it_was_changed_to_from_the_step_on() {
        let changed = held(&[(Stage::Ppo, 180, set(2e-5)), (Stage::Ppo, 300, set(5e-6))]);
        assert_eq!(changed.numbers().unwrap(), [1e-5, 2e-5, 5e-6]);
        assert_eq!(
            changed.words(),
            "1e-5 until step 180, then 2e-5 until step 300, then 5e-6"
        );
        assert_eq!(
            serde_json::to_string(&changed).unwrap(),
            r#"{"started_with":0.00001,"changed_to":[{"after_step":180,"value":0.00002},{"after_step":300,"value":5e-6}]}"#
        );
        let other = Held::over(&Value::Float(0.2), "reward.beta", &[]);
        assert_eq!((other.is_changed(), other.words().as_str()), (false, "0.2"));
        assert_eq!(serde_json::to_string(&other).unwrap(), "0.2");
    }

    #[test]
    fn a_change_to_the_same_value_or_undone_before_a_step_is_none() {
        assert!(!held(&[(Stage::Ppo, 180, set(1e-5))]).is_changed());
        let undone = held(&[(Stage::Ppo, 180, set(2e-5)), (Stage::Ppo, 180, set(1e-5))]);
        assert!(!undone.is_changed(), "{}", undone.words());
    }

    #[test]
    fn going_back_to_an_earlier_checkpoint_loses_later_changes() {
        let back = |stage, step| {
            held(&[
                (Stage::Ppo, 100, set(2e-5)),
                (Stage::Ppo, 180, set(3e-5)),
                (stage, step, EventKind::Resumed),
            ])
        };
        assert_eq!(back(Stage::Ppo, 180).then, [(100, 2e-5), (180, 3e-5)]);
        assert_eq!(back(Stage::Ppo, 150).then, [(100, 2e-5)]);
        assert_eq!(back(Stage::Generator, 900).then, []);
        assert_eq!(back(Stage::Evaluation, 1).then.len(), 2);
    }
}
