//! Aggregates of scores over seeds as rliable defines them (Agarwal et al. 2021), equal to its release 1.2.0.
//!
//! A score is one run's figure on one task; must not know how it was measured. Intervals are [`super::hierarchical`]'s.

/// The mean of the middle half of all scores: a quarter of them, rounded down, is left out at either end. None
/// without scores.
pub fn interquartile_mean(scores: &[f64]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

/// How far scores are from `goal` on average; those beyond it count as it. None without scores.
pub fn optimality_gap(scores: &[f64], goal: f64) -> Option<f64> {
    let reached: Vec<f64> = scores.iter().map(|score| score.min(goal)).collect();
    Some(goal - mean(&reached)?)
}

/// P(X > Y) + P(X = Y) / 2 of a run of each, 0 to 1: the Mann-Whitney U by the number of pairs. Of several tasks take
/// the mean. None where either has no scores.
pub fn probability_of_improvement(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = x.len() * y.len();
    let wins = x.iter().flat_map(|x| {
        y.iter().map(move |y| match x.partial_cmp(y) {
            Some(std::cmp::Ordering::Greater) => 1.0,
            Some(std::cmp::Ordering::Equal) => 0.5,
            _ => 0.0,
        })
    });
    (pairs > 0).then(|| wins.sum::<f64>() / pairs as f64)
}

/// The performance profile: for each threshold the share of scores above it, 0 to 1. None without scores.
pub fn performance_profile(scores: &[f64], thresholds: &[f64]) -> Option<Vec<f64>> {
    let share = |threshold: &f64| {
        let above = scores.iter().filter(|score| *score > threshold).count();
        above as f64 / scores.len() as f64
    };
    (!scores.is_empty()).then(|| thresholds.iter().map(share).collect())
}

/// None without values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_scores_are_all_in_the_middle() {
        assert_eq!(interquartile_mean(&[3.0]), Some(3.0));
        assert_eq!(interquartile_mean(&[1.0, 2.0, 6.0]), Some(3.0));
        // One of four at either end.
        assert_eq!(interquartile_mean(&[100.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(interquartile_mean(&[]), None);
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(
            probability_of_improvement(&[1.0, 2.0], &[1.0, 1.0]),
            Some(0.75)
        );
        assert_eq!(probability_of_improvement(&[1.0], &[]), None);
    }

    #[test]
    fn scores_beyond_the_goal_do_not_make_up_for_others() {
        assert_eq!(optimality_gap(&[50.0, 150.0], 100.0), Some(25.0));
        assert_eq!(
            performance_profile(&[0.2, 0.4, 0.4], &[0.0, 0.2, 0.4]),
            Some(vec![1.0, 2.0 / 3.0, 0.0])
        );
    }
}
