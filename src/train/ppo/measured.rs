//! The metrics of one step. Only reads what the step left; knows no settings and no session.

use super::advantage::explained_variance;
use super::kl;
use super::objective::ObjectiveStatistics;
use super::rollout::Rollout;
use super::scorer::Score;
use super::step::StepOutcome;
use super::whiten::{Variance, moments};
use crate::data::Mechanism;
use crate::metrics::declared;

/// Seconds before and beside the updates.
pub struct Seconds {
    pub rollout: f64,
    /// Scores and the reference.
    pub reward: f64,
}

/// Everything that is logged of a step, by its declared name.
pub fn measured(
    rollout: &Rollout,
    scores: &[Score],
    stepped: &StepOutcome,
    seconds: &Seconds,
) -> Vec<(String, f64)> {
    let mut values = responses(rollout, stepped);
    values.extend(updates(stepped));
    values.extend(mechanisms(scores));
    values.extend(pace(rollout, stepped, seconds));
    values
        .into_iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect()
}

type Values = Vec<(&'static str, f64)>;

/// Scores, distance from the reference, returns and lengths.
fn responses(rollout: &Rollout, stepped: &StepOutcome) -> Values {
    let rows = rollout.generated.len();
    let against = &stepped.against;
    let per_response = |estimate: fn(f32, f32) -> f32| {
        let policy = stepped.old_log_probs.iter().flatten();
        let reference = against.reference_log_probs.iter().flatten();
        let estimates = policy
            .zip(reference)
            .map(|(p, q)| f64::from(estimate(*p, *q)));
        mean(estimates, rows)
    };
    let returns = moments(&stepped.returns, Variance::Unbiased);
    let full_kl = against.full_kl.iter().flatten().copied().map(f64::from);
    let ended = rollout.generated.iter().map(|row| f64::from(row.ended));
    let mut values = vec![
        (
            declared::SHAPED_SCORE,
            mean(stepped.shaped.iter().copied().map(f64::from), rows),
        ),
        (declared::KL_K1, per_response(kl::k1)),
        (declared::KL_K3, per_response(kl::k3)),
        (declared::KL_FULL, mean(full_kl, rows)),
        (declared::KL_BETA, stepped.beta),
        (declared::RETURNS_MEAN, returns.mean),
        (declared::RETURNS_VARIANCE, returns.variance),
        (
            declared::RESPONSE_LENGTH,
            mean(rollout.lengths().map(|length| length as f64), rows),
        ),
        (declared::ENDED_SHARE, mean(ended, rows)),
    ];
    let flat = |rows: &[Vec<f32>]| rows.iter().flatten().copied().collect::<Vec<_>>();
    let explained = explained_variance(&flat(&stepped.old_values), &flat(&stepped.returns));
    values.extend(explained.map(|share| (declared::EXPLAINED_VARIANCE, share)));
    values
}

/// Means over the updates.
fn updates(stepped: &StepOutcome) -> Values {
    let updates = &stepped.updates;
    let figure = |figure: fn(&ObjectiveStatistics) -> f32| {
        let figures = updates.iter().map(|(s, _)| f64::from(figure(s)));
        mean(figures, updates.len())
    };
    let ratios = updates.iter().map(|(s, _)| f64::from(s.ratio_max));
    let norms = updates.iter().map(|(_, norm)| *norm);
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
        (declared::PPO_LEARNING_RATE, stepped.lr),
        (declared::SKIPPED_MINIBATCHES, stepped.skipped as f64),
    ]
}

/// The empathy reward and its mechanisms, where scores are made of them.
fn mechanisms(scores: &[Score]) -> Values {
    let by_mechanism: Vec<[f32; 3]> = scores
        .iter()
        .filter_map(|score| score.per_mechanism)
        .collect();
    if by_mechanism.is_empty() {
        return Vec::new();
    }
    let total = scores.iter().map(|score| f64::from(score.total));
    let mut values = vec![(declared::EMPATHY_REWARD, mean(total, scores.len()))];
    for mechanism in Mechanism::ALL {
        let place = mechanism.index();
        let rewards = by_mechanism.iter().map(|row| f64::from(row[place]));
        values.push((declared::REWARD_KEYS[place], mean(rewards, scores.len())));
    }
    values
}

/// How long it took.
fn pace(rollout: &Rollout, stepped: &StepOutcome, seconds: &Seconds) -> Values {
    let reward = seconds.reward + stepped.reference_seconds;
    let all = seconds.rollout + reward + stepped.update_seconds;
    let tokens: usize = rollout.lengths().sum();
    vec![
        (declared::ROLLOUT_SECONDS, seconds.rollout),
        (declared::REWARD_SECONDS, reward),
        (declared::UPDATE_SECONDS, stepped.update_seconds),
        (
            declared::PPO_TOKENS_PER_SECOND,
            tokens as f64 / all.max(1e-9),
        ),
    ]
}

fn mean(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
    numbers.sum::<f64>() / count.max(1) as f64
}
