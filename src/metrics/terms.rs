//! Metrics of rewards: the raw total, and one metric for each named term, `ppo/reward/<term>`.
//!
//! The terms of the paper's reward are in the table of [`super::declared`]; any other term is described by
//! its name, so that a new reward declares nothing here. Must not know any reward.

use std::borrow::Cow;

use super::declared::{self, Direction, MetricDecl, metrics};

/// The start of the keys of a reward's metrics.
pub const PREFIX: &str = "ppo/reward/";

metrics! { TOTAL in "ppo":
    TOTAL_REWARD { key: "ppo/reward/total", name: "Reward", direction: Higher, group: "Reward", per: "step",
        definition: "The reward of a response before scaling, normalisation and clipping; mean over the batch." }
}

/// The raw reward under either of its names: a run logs the first if its reward is the paper's, else the
/// second.
pub const RAW_REWARDS: [&str; 2] = [declared::EMPATHY_REWARD, TOTAL_REWARD];

/// The group of the terms of rewards other than the paper's.
pub const GROUP: &str = "Reward by term";

/// The key of a term's metric.
pub fn key(term: &str) -> String {
    format!("{PREFIX}{term}")
}

/// The term of a key: `warmth` for `ppo/reward/warmth`. None for a total or any other metric.
pub fn term(key: &str) -> Option<&str> {
    let term = key.strip_prefix(PREFIX)?;
    (is_name(term) && !RAW_REWARDS.contains(&key)).then_some(term)
}

/// The declaration of a reward's metric that the table does not list.
pub(super) fn undeclared(key: &str) -> Option<MetricDecl> {
    if key == TOTAL_REWARD {
        return Some(TOTAL[0].clone());
    }
    let words = term(key)?.replace('_', " ");
    Some(MetricDecl {
        key: Cow::Owned(key.to_string()),
        name: Cow::Owned(format!("Reward: {words}")),
        unit: "",
        definition: Cow::Owned(format!(
            "The term \"{words}\" of the run's reward; mean over the batch."
        )),
        direction: Direction::None,
        stage: "ppo",
        group: GROUP,
        per_what: "step",
    })
}

/// Lower-case words joined by `_`, of a length that a person would choose.
fn is_name(term: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=64).contains(&term.len()) && term.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::super::declared::declared;
    use super::*;

    #[test]
    fn a_term_is_described_by_its_name() {
        let metric = declared("ppo/reward/turn_taking").expect("any term has a declaration");
        assert_eq!(metric.name, "Reward: turn taking");
        assert_eq!((metric.unit, metric.direction), ("", Direction::None));
        assert!(metric.definition.contains("turn taking"));
        assert_eq!(term(&metric.key), Some("turn_taking"));
        assert_eq!(key("turn_taking"), metric.key);
        for wrong in ["ppo/reward/", "ppo/reward/Two Words", "ppo/rewards/x"] {
            assert_eq!(declared(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_term_in_the_table_keeps_its_own_definition() {
        for key in declared::REWARD_KEYS {
            let metric = declared(key).expect("the paper's terms are declared");
            assert_eq!(metric.direction, Direction::Higher);
            assert!(term(key).is_some());
        }
    }

    #[test]
    fn the_raw_reward_of_any_run_is_declared_and_is_no_term() {
        for key in RAW_REWARDS {
            let metric = declared(key).expect("the raw reward is declared");
            assert_eq!(metric.direction, Direction::Higher);
            assert_eq!(term(key), None);
        }
    }
}
