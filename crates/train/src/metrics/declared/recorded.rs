//! Metrics of runs that other programs recorded, under the names those gave them.
//!
//! Nothing is known of them but the name: no unit, no direction. A name that one of ours has too is another metric, so
//! that the keys begin with a word of their own.

use std::borrow::Cow;

use super::{Direction, MetricDecl};

/// Before the name that the other program gave.
const PREFIX: &str = "recorded/";
/// The longest name that is kept, in characters.
const LONGEST: usize = 200;

/// The key of a metric that another program calls so; `None` where it is no name: empty, over 200 characters long, or
/// with control characters.
pub fn recorded_key(name: &str) -> Option<String> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= LONGEST
        && !name.contains(char::is_control);
    fits.then(|| format!("{PREFIX}{name}"))
}

/// Whether it is the key of a metric that another program recorded.
pub fn is_recorded(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// The name under which a metric goes to other programs: the one that the program it came from gave it, else its key.
pub fn shown_key(key: &str) -> &str {
    key.strip_prefix(PREFIX).unwrap_or(key)
}

/// What is known of such a metric.
pub(super) fn recorded(key: &str) -> Option<MetricDecl> {
    let name = key.strip_prefix(PREFIX)?;
    recorded_key(name)?;
    Some(MetricDecl {
        key: Cow::Owned(key.to_string()),
        name: Cow::Owned(name.to_string()),
        unit: "",
        definition: Cow::Owned(format!(
            "Logged as \"{name}\" by the program that made the run; what it measures is that program's to say."
        )),
        direction: Direction::None,
        version: 1,
        stage: "recorded",
        group: "Recorded",
        per_what: "step",
    })
}

#[cfg(test)]
mod tests {
    use crate::metrics::declared::{
        Direction, all_with, declared, is_recorded, recorded_key, shown_key,
    };

    #[test]
    fn a_name_of_another_program_is_never_one_of_ours() {
        let key = recorded_key("ppo/kl/full").unwrap();
        assert_ne!(declared(&key), declared("ppo/kl/full"));
        let metric = declared(&key).unwrap();
        assert_eq!((&*metric.name, metric.unit), ("ppo/kl/full", ""));
        assert_eq!(metric.direction, Direction::None);
        assert_eq!(shown_key(&key), "ppo/kl/full");
        assert!(is_recorded(&key) && !is_recorded("ppo/kl/full"));
        assert!(all_with([&*key].into_iter()).any(|metric| metric.key == key));
    }

    #[test]
    fn what_is_no_name_has_no_key() {
        let long = "x".repeat(201);
        for wrong in ["", " ", "a\nb", "a\u{1b}[2J", &long] {
            assert_eq!(recorded_key(wrong), None, "{wrong:?}");
        }
        assert_eq!(declared("recorded/"), None);
    }
}
