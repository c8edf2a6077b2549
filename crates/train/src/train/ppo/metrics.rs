//! The metrics of one step, from its rollout, scores and outcome. Knows no settings and no session.

use super::advantage::explained_variance;
use super::objective::ObjectiveStatistics;
use super::step::StepOutcome;
use super::whiten::{Variance, moments};
use crate::metrics::declared;
use crate::train::policy_gradient::metrics::{Seconds, distances, lengths, mean, reward, speed};
use crate::train::policy_gradient::rollout::Rollout;
use crate::train::reward::Score;

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
    let rest = seconds.with(outcome.reference_seconds, outcome.update_seconds);
    before
        .into_iter()
        .map(owned)
        .chain(reward(total_metric, scores))
        .chain(speed(rollout, &rest).map(owned))
        .collect()
}

type Values = Vec<(&'static str, f64)>;

/// Shaped scores, distance from the reference, returns and lengths.
fn responses(rollout: &Rollout, outcome: &StepOutcome) -> Values {
    let rows = rollout.generated.len();
    let scored = distances(&outcome.old_log_probs, &outcome.against);
    // Where the step's own figures are of the truncated distribution, they have names of their own.
    let full = outcome.full.as_ref();
    let full = full.map(|full| distances(&full.log_probs, &full.against));
    let truncated = full.is_some().then_some(scored);
    let returns = moments(&outcome.returns, Variance::Unbiased);
    let shaped = outcome.shaped.iter().copied().map(f64::from);
    let mut values = vec![(declared::SHAPED_SCORE, mean(shaped, rows))];
    values.extend(full.unwrap_or(scored));
    values.extend([
        (declared::KL_BETA, outcome.beta),
        (declared::RETURNS_MEAN, returns.mean),
        (declared::RETURNS_VARIANCE, returns.variance),
    ]);
    values.extend(lengths(rollout));
    let flat = |rows: &[Vec<f32>]| rows.iter().flatten().copied().collect::<Vec<_>>();
    let explained = explained_variance(&flat(&outcome.old_values), &flat(&outcome.returns));
    values.extend(explained.map(|share| (declared::EXPLAINED_VARIANCE, share)));
    if let Some([(_, k1), (_, k3), (_, exact)]) = truncated {
        values.push((declared::KL_K1_TRUNCATED, k1));
        values.push((declared::KL_K3_TRUNCATED, k3));
        values.push((declared::KL_TRUNCATED, exact));
    }
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
    let truncated = updates
        .iter()
        .filter_map(|update| update.statistics.truncated_entropy);
    let truncated: Vec<f64> = truncated.map(f64::from).collect();
    let mut values = vec![
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
    ];
    if !truncated.is_empty() {
        let count = truncated.len();
        values.push((
            declared::ENTROPY_TRUNCATED,
            mean(truncated.into_iter(), count),
        ));
    }
    values
}
