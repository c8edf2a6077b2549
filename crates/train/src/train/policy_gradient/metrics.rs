//! Metrics that every algorithm logs of a step, by the keys of PPO; [`of_stage`] gives them another stage's. Knows no
//! settings and no session.

use super::kl;
use super::rollout::{AgainstReference, Rollout};
use crate::experiment::Stage;
use crate::metrics::declared;
use crate::train::reward::Score;

/// Wall time before the updates, in seconds.
pub struct Seconds {
    pub rollout: f64,
    /// Scoring the responses; the reference's forward pass is timed by the step.
    pub reward: f64,
}

/// Wall time of each phase of a step, in seconds.
pub struct Phases {
    rollout: f64,
    /// Scores and reference.
    reward: f64,
    update: f64,
}

impl Seconds {
    /// With the seconds of the reference's forward pass and of everything after it.
    pub fn with(&self, reference: f64, update: f64) -> Phases {
        Phases {
            rollout: self.rollout,
            reward: self.reward + reference,
            update,
        }
    }
}

/// The same values under the keys of `stage`.
pub fn of_stage(
    stage: Stage,
    values: impl IntoIterator<Item = (String, f64)>,
) -> Vec<(String, f64)> {
    let keyed = |(key, value): (String, f64)| (declared::in_stage(stage.key(), &key), value);
    values.into_iter().map(keyed).collect()
}

/// How far the policy is from the reference, in means over the responses.
pub fn distances(log_probs: &[Vec<f32>], against: &AgainstReference) -> [(&'static str, f64); 3] {
    let rows = log_probs.len();
    let per_response = |estimate: fn(f32, f32) -> f32| {
        let policy = log_probs.iter().flatten();
        let reference = against.reference_log_probs.iter().flatten();
        let estimates = policy
            .zip(reference)
            .map(|(p, q)| f64::from(estimate(*p, *q)));
        mean(estimates, rows)
    };
    let full_kl = against.full_kl.iter().flatten().copied().map(f64::from);
    [
        (declared::KL_K1, per_response(kl::k1)),
        (declared::KL_K3, per_response(kl::k3)),
        (declared::KL_FULL, mean(full_kl, rows)),
    ]
}

/// Length of the responses, and how many ended by themselves.
pub fn lengths(rollout: &Rollout) -> [(&'static str, f64); 2] {
    let rows = rollout.generated.len();
    let tokens = rollout.lengths().map(|length| length as f64);
    let ended = rollout.generated.iter().map(|row| f64::from(row.ended));
    [
        (declared::RESPONSE_LENGTH, mean(tokens, rows)),
        (declared::ENDED_SHARE, mean(ended, rows)),
    ]
}

/// Means over the responses of the raw reward and its terms, in the reward's own order.
pub fn reward(total_metric: &str, scores: &[Score]) -> Vec<(String, f64)> {
    let totals = scores.iter().map(|score| f64::from(score.total));
    let mut values = vec![(total_metric.to_string(), mean(totals, scores.len()))];
    let mut names: Vec<&str> = Vec::new();
    for term in scores.iter().flat_map(|score| &score.terms) {
        if !names.contains(&&*term.name) {
            names.push(&term.name);
        }
    }
    for name in names {
        let of_name: Vec<f64> = scores
            .iter()
            .flat_map(|score| &score.terms)
            .filter(|term| term.name == name)
            .map(|term| f64::from(term.value))
            .collect();
        let count = of_name.len();
        values.push((declared::term_key(name), mean(of_name.into_iter(), count)));
    }
    values
}

/// Wall time of each phase, and tokens per second.
pub fn speed(rollout: &Rollout, phases: &Phases) -> [(&'static str, f64); 4] {
    let all = phases.rollout + phases.reward + phases.update;
    let tokens: usize = rollout.lengths().sum();
    [
        (declared::ROLLOUT_SECONDS, phases.rollout),
        (declared::REWARD_SECONDS, phases.reward),
        (declared::UPDATE_SECONDS, phases.update),
        (
            declared::PPO_TOKENS_PER_SECOND,
            tokens as f64 / all.max(1e-9),
        ),
    ]
}

pub fn mean(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
    numbers.sum::<f64>() / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::reward::Term;

    #[test]
    fn any_reward_is_logged_with_the_mean_of_each_of_its_terms() {
        let score = |total, terms: &[(&'static str, f32)]| Score {
            total,
            terms: terms
                .iter()
                .map(|&(name, value)| Term {
                    name: name.into(),
                    value,
                })
                .collect(),
        };
        assert_eq!(
            reward("ppo/reward/total", &[0.5.into(), 1.0.into()]),
            [("ppo/reward/total".to_string(), 0.75)]
        );
        let scores = [
            score(1.0, &[("words", 4.0), ("questions", 1.0)]),
            score(3.0, &[("words", 8.0)]),
        ];
        let expected = [
            ("ppo/reward/total", 2.0),
            ("ppo/reward/words", 6.0),
            ("ppo/reward/questions", 1.0),
        ];
        let expected = expected.map(|(key, value)| (key.to_string(), value));
        assert_eq!(reward("ppo/reward/total", &scores), expected);
    }
}
