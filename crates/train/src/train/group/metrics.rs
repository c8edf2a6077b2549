//! The metrics of one step of GRPO or RLOO, from its rollout, scores and outcome. Knows no settings and no session.

use super::GroupMethod;
use super::objective::GroupStatistics;
use super::step::GroupOutcome;
use crate::metrics::declared;
use crate::train::policy_gradient::algorithm::Algorithm;
use crate::train::policy_gradient::metrics::{
    Seconds, distances, lengths, mean, of_stage, reward, speed,
};
use crate::train::policy_gradient::rollout::Rollout;
use crate::train::reward::Score;
use crate::train::session::Values;

/// All metrics of a step by declared key; the mean total of `scores` as `total_metric`.
pub fn step_metrics(
    method: GroupMethod,
    rollout: &Rollout,
    total_metric: &'static str,
    scores: &[Score],
    outcome: &GroupOutcome,
    seconds: &Seconds,
) -> Values {
    let phases = seconds.with(outcome.reference_seconds, outcome.update_seconds);
    let owned = |(key, value): (&str, f64)| (key.to_string(), value);
    let values = groups(outcome)
        .into_iter()
        .chain(distances(&outcome.old_log_probs, &outcome.against))
        .chain(lengths(rollout))
        .chain(updates(method, outcome))
        .map(owned)
        .chain(reward(total_metric, scores))
        .chain(speed(rollout, &phases).map(owned));
    of_stage(method.stage(), values)
}

/// Rewards and their spread within the groups.
fn groups(outcome: &GroupOutcome) -> [(&'static str, f64); 5] {
    let moments = &outcome.moments;
    let shaped = outcome.shaped.iter().copied().map(f64::from);
    let deviations = moments.iter().map(|group| group.std);
    let flat = moments.iter().map(|group| f64::from(group.is_flat()));
    [
        (
            declared::GROUP_SHAPED_SCORE,
            mean(shaped, outcome.shaped.len()),
        ),
        (declared::GROUP_REWARD_STD, mean(deviations, moments.len())),
        (declared::GROUP_ZERO_STD, mean(flat, moments.len())),
        (declared::KL_BETA, outcome.beta),
        (declared::ENTROPY, outcome.entropy),
    ]
}

/// Losses, clipping and gradient norm: means over the updates.
fn updates(method: GroupMethod, outcome: &GroupOutcome) -> Vec<(&'static str, f64)> {
    let updates = &outcome.updates;
    let figure = |figure: fn(&GroupStatistics) -> f32| {
        let figures = updates
            .iter()
            .map(|update| f64::from(figure(&update.statistics)));
        mean(figures, updates.len())
    };
    let largest = updates.iter().map(|update| update.statistics.ratio_max);
    let norms = updates.iter().map(|update| update.norm);
    let loss = figure(|s| s.loss);
    let mut values = match method {
        GroupMethod::Grpo => vec![
            (declared::GRPO_LOSS, loss),
            (declared::GRPO_LOSS_KL, figure(|s| s.kl)),
        ],
        GroupMethod::Rloo => vec![
            (declared::RLOO_LOSS, loss),
            (declared::RLOO_REWARD_KL, outcome.reward_kl),
        ],
    };
    values.extend([
        (declared::GROUP_CLIP_LOW, figure(|s| s.clip_low)),
        (declared::GROUP_CLIP_HIGH, figure(|s| s.clip_high)),
        (declared::APPROX_KL, figure(|s| s.approximate_kl)),
        (declared::RATIO_MEAN, figure(|s| s.ratio_mean)),
        (declared::RATIO_MAX, f64::from(largest.fold(0.0, f32::max))),
        (declared::PPO_GRADIENT_NORM, mean(norms, updates.len())),
        (declared::PPO_LEARNING_RATE, outcome.lr),
    ]);
    values
}
