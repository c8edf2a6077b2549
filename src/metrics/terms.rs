//! Metrics of rewards: the raw total, and one metric for each named term, `ppo/reward/<term>`.
//!
//! A reward declares its terms in its own file. The table of [`super::declared`] does not list them, so
//! they are looked up here; a term that nobody declared, in a store that another version wrote, is
//! described by its name. Must not know any reward.

use std::sync::{PoisonError, RwLock};

use super::declared::{self, Direction, MetricDecl, metrics};

/// What the keys of a reward's metrics begin with.
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

/// Metrics that were declared or looked up so far, besides those of the table.
static FOUND: RwLock<Vec<&'static MetricDecl>> = RwLock::new(Vec::new());

/// The key of a term's metric.
pub fn key(term: &str) -> String {
    format!("{PREFIX}{term}")
}

/// The term that a key stands for: `warmth` of `ppo/reward/warmth`. None for a total or any other metric.
pub fn term(key: &str) -> Option<&str> {
    let term = key.strip_prefix(PREFIX)?;
    (is_name(term) && !RAW_REWARDS.contains(&key)).then_some(term)
}

/// Makes the metrics of a reward's terms known under their own definitions.
pub fn declare(metrics: &'static [MetricDecl]) {
    for metric in metrics {
        if declared::in_table(metric.key).is_none() {
            let mut found = FOUND.write().unwrap_or_else(PoisonError::into_inner);
            found.retain(|known| known.key != metric.key);
            found.push(metric);
        }
    }
}

/// The metrics found so far that the table does not list.
pub(super) fn found() -> Vec<&'static MetricDecl> {
    FOUND.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The declaration of a reward's metric that the table does not list. What is made up for an unknown term
/// lives as long as the process, once for each name.
pub(super) fn look_up(key: &str) -> Option<&'static MetricDecl> {
    let name = key.strip_prefix(PREFIX).filter(|name| is_name(name))?;
    let mut found = FOUND.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = found.iter().find(|known| known.key == key) {
        return Some(known);
    }
    let metric = match key {
        TOTAL_REWARD => &TOTAL[0],
        _ => Box::leak(Box::new(undeclared(key, name))),
    };
    found.push(metric);
    Some(metric)
}

/// Lower-case words joined by `_`, of a length that a person would choose.
fn is_name(term: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=64).contains(&term.len()) && term.chars().all(fits)
}

fn undeclared(key: &str, term: &str) -> MetricDecl {
    let words = term.replace('_', " ");
    MetricDecl {
        key: String::leak(key.to_string()),
        name: String::leak(format!("Reward: {words}")),
        unit: "",
        definition: String::leak(format!(
            "The term \"{words}\" of the run's reward, which this version does not know; mean over the batch."
        )),
        direction: Direction::None,
        stage: "ppo",
        group: GROUP,
        per_what: "step",
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::{all, declared};
    use super::*;

    metrics! { TERMS in "ppo":
        POLITENESS { key: "ppo/reward/politeness", name: "Reward: politeness", unit: "points", direction: Higher,
            group: "Reward by term", per: "step", definition: "Points for politeness; mean over the batch." }
    }

    #[test]
    fn a_declared_term_is_found_under_its_own_definition() {
        declare(TERMS);
        declare(TERMS);
        assert_eq!(declared(POLITENESS), Some(&TERMS[0]));
        assert_eq!(all().filter(|metric| metric.key == POLITENESS).count(), 1);
        assert_eq!(term(POLITENESS), Some("politeness"));
        assert_eq!(key("politeness"), POLITENESS);
    }

    #[test]
    fn a_term_that_another_version_logged_is_described_by_its_name() {
        let metric = declared("ppo/reward/turn_taking").expect("any term has a declaration");
        assert_eq!(metric.name, "Reward: turn taking");
        assert_eq!((metric.unit, metric.direction), ("", Direction::None));
        assert!(metric.definition.contains("turn taking"));
        assert!(std::ptr::eq(
            metric,
            declared(metric.key).expect("the same again")
        ));
        for wrong in ["ppo/reward/", "ppo/reward/Two Words", "ppo/rewards/x"] {
            assert_eq!(declared(wrong), None, "{wrong}");
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
