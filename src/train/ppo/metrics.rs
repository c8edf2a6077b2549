//! The metrics of one step, from its rollout, scores and outcome. Knows no settings and no session.

use super::advantage::explained_variance;
use super::objective::ObjectiveStatistics;
use super::step::StepOutcome;
use super::whiten::{Variance, moments};
use crate::metrics::declared;
use crate::train::policy_gradient::kl;
use crate::train::policy_gradient::rollout::Rollout;
use crate::train::reward::Score;

/// Wall time before the updates, in seconds.
pub struct Seconds {
    pub rollout: f64,
    /// Scoring the responses; the reference's forward pass is timed by the step.
    pub reward: f64,
}

/// All metrics of a step by declared key; the mean total of `scores` as `total_metric`.
pub fn step_metrics(
    rollout: &Rollout,
    total_metric: &'static str,
    scores: &[Score],
    outcome: &StepOutcome,
    seconds: &Seconds,
) -> Vec<(String, f64)> {
    let owned = |(key, value): (&str, f64)| (key.to_string(), value);
    let before = [responses(rollout, outcome), updates(outcome)].concat();
    before
        .into_iter()
        .map(owned)
        .chain(reward(total_metric, scores))
        .chain(speed(rollout, outcome, seconds).map(owned))
        .collect()
}

type Values = Vec<(&'static str, f64)>;

/// Shaped scores, distance from the reference, returns and lengths.
fn responses(rollout: &Rollout, outcome: &StepOutcome) -> Values {
    let rows = rollout.generated.len();
    let against = &outcome.against;
    let per_response = |estimate: fn(f32, f32) -> f32| {
        let policy = outcome.old_log_probs.iter().flatten();
        let reference = against.reference_log_probs.iter().flatten();
        let estimates = policy
            .zip(reference)
            .map(|(p, q)| f64::from(estimate(*p, *q)));
        mean(estimates, rows)
    };
    let returns = moments(&outcome.returns, Variance::Unbiased);
    let full_kl = against.full_kl.iter().flatten().copied().map(f64::from);
    let ended = rollout.generated.iter().map(|row| f64::from(row.ended));
    let mut values = vec![
        (
            declared::SHAPED_SCORE,
            mean(outcome.shaped.iter().copied().map(f64::from), rows),
        ),
        (declared::KL_K1, per_response(kl::k1)),
        (declared::KL_K3, per_response(kl::k3)),
        (declared::KL_FULL, mean(full_kl, rows)),
        (declared::KL_BETA, outcome.beta),
        (declared::RETURNS_MEAN, returns.mean),
        (declared::RETURNS_VARIANCE, returns.variance),
        (
            declared::RESPONSE_LENGTH,
            mean(rollout.lengths().map(|length| length as f64), rows),
        ),
        (declared::ENDED_SHARE, mean(ended, rows)),
    ];
    let flat = |rows: &[Vec<f32>]| rows.iter().flatten().copied().collect::<Vec<_>>();
    let explained = explained_variance(&flat(&outcome.old_values), &flat(&outcome.returns));
    values.extend(explained.map(|share| (declared::EXPLAINED_VARIANCE, share)));
    values
}

/// Losses, clipping and gradient norm: means over the updates.
fn updates(outcome: &StepOutcome) -> Values {
    let updates = &outcome.updates;
    let figure = |figure: fn(&ObjectiveStatistics) -> f32| {
        let figures = updates
            .iter()
            .map(|update| f64::from(figure(&update.statistics)));
        mean(figures, updates.len())
    };
    let ratios = updates
        .iter()
        .map(|update| f64::from(update.statistics.ratio_max));
    let norms = updates.iter().map(|update| update.norm);
    let skipped = updates.iter().filter(|update| update.skipped).count();
    vec![
        (declared::POLICY_LOSS, figure(|s| s.policy_loss)),
        (declared::VALUE_LOSS, figure(|s| s.value_loss)),
        (declared::TOTAL_LOSS, figure(|s| s.total_loss)),
        (declared::CLIP_FRACTION, figure(|s| s.clip_fraction)),
        (
            declared::VALUE_CLIP_FRACTION,
            figure(|s| s.value_clip_fraction),
        ),
        (declared::APPROX_KL, figure(|s| s.approximate_kl)),
        (declared::RATIO_MEAN, figure(|s| s.ratio_mean)),
        (declared::RATIO_MAX, ratios.fold(0.0, f64::max)),
        (declared::ENTROPY, figure(|s| s.entropy)),
        (declared::PPO_GRADIENT_NORM, mean(norms, updates.len())),
        (declared::PPO_LEARNING_RATE, outcome.lr),
        (declared::SKIPPED_MINIBATCHES, skipped as f64),
    ]
}

/// Means over the responses of the raw reward and its terms, in the reward's own order.
fn reward(total_metric: &str, scores: &[Score]) -> Vec<(String, f64)> {
    let totals = scores.iter().map(|score| f64::from(score.total));
    let mut values = vec![(total_metric.to_string(), mean(totals, scores.len()))];
    let mut names: Vec<&str> = Vec::new();
    for term in scores.iter().flat_map(|score| &score.terms) {
        if !names.contains(&term.name) {
            names.push(term.name);
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
fn speed(rollout: &Rollout, outcome: &StepOutcome, seconds: &Seconds) -> [(&'static str, f64); 4] {
    let reward = seconds.reward + outcome.reference_seconds;
    let all = seconds.rollout + reward + outcome.update_seconds;
    let tokens: usize = rollout.lengths().sum();
    [
        (declared::ROLLOUT_SECONDS, seconds.rollout),
        (declared::REWARD_SECONDS, reward),
        (declared::UPDATE_SECONDS, outcome.update_seconds),
        (
            declared::PPO_TOKENS_PER_SECOND,
            tokens as f64 / all.max(1e-9),
        ),
    ]
}

fn mean(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
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
                .map(|&(name, value)| Term { name, value })
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
