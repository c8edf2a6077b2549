//! Advantages of the responses to one context, from their rewards alone. Plain numbers; groups lie side by side.

use super::settings::Baseline;
use crate::experiment::ScaleRewards;

/// Added to a standard deviation before it divides.
const EPSILON: f64 = 1e-4;
/// A standard deviation up to this counts as 0.
const ZERO: f64 = 1e-8;

/// Mean and standard deviation (n - 1) of the rewards of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupMoments {
    pub mean: f64,
    pub std: f64,
}

impl GroupMoments {
    /// Whether all rewards are equal, so that nothing is learnt from the group.
    pub fn is_flat(&self) -> bool {
        self.std <= ZERO
    }
}

/// The moments of each group of `size` rewards.
pub fn group_moments(rewards: &[f32], size: usize) -> Vec<GroupMoments> {
    rewards.chunks(size.max(1)).map(moments).collect()
}

/// The advantage of each response: its reward less the baseline, scaled as the baseline says.
pub fn advantages(rewards: &[f32], size: usize, baseline: Baseline) -> Vec<f32> {
    match baseline {
        Baseline::GroupMean(scale) => above_the_mean(rewards, size, scale),
        Baseline::LeaveOneOut { normalize } => leave_one_out(rewards, size, normalize),
    }
}

fn above_the_mean(rewards: &[f32], size: usize, scale: ScaleRewards) -> Vec<f32> {
    let batch = moments(rewards).std;
    let of_group = |group: &[f32]| {
        let own = moments(group);
        let divisor = match scale {
            ScaleRewards::Group => own.std + EPSILON,
            ScaleRewards::Batch => batch + EPSILON,
            ScaleRewards::None => 1.0,
        };
        let advantage = move |reward: &f32| ((f64::from(*reward) - own.mean) / divisor) as f32;
        group.iter().map(advantage).collect::<Vec<f32>>()
    };
    rewards.chunks(size.max(1)).flat_map(of_group).collect()
}

fn leave_one_out(rewards: &[f32], size: usize, normalize: bool) -> Vec<f32> {
    let of_group = |group: &[f32]| {
        let sum: f64 = group.iter().map(|reward| f64::from(*reward)).sum();
        let others = (group.len() - 1).max(1) as f64;
        let advantage = move |reward: &f32| {
            let own = f64::from(*reward);
            (own - (sum - own) / others) as f32
        };
        group.iter().map(advantage).collect::<Vec<f32>>()
    };
    let mut advantages: Vec<f32> = rewards.chunks(size.max(1)).flat_map(of_group).collect();
    if normalize {
        let all = moments(&advantages);
        for advantage in &mut advantages {
            *advantage = ((f64::from(*advantage) - all.mean) / (all.std + EPSILON)) as f32;
        }
    }
    advantages
}

fn moments(rewards: &[f32]) -> GroupMoments {
    let numbers = || rewards.iter().map(|reward| f64::from(*reward));
    let count = rewards.len();
    let mean = numbers().sum::<f64>() / count.max(1) as f64;
    let squares: f64 = numbers().map(|x| (x - mean).powi(2)).sum();
    GroupMoments {
        mean,
        std: (squares / count.saturating_sub(1).max(1) as f64).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REWARDS: [f32; 6] = [1.0, 0.0, 0.5, 0.25, 0.25, 0.25];

    #[test]
    fn a_group_is_weighed_against_its_own_mean() {
        let plain = advantages(&REWARDS, 3, Baseline::GroupMean(ScaleRewards::None));
        assert_eq!(plain, [0.5, -0.5, 0.0, 0.0, 0.0, 0.0]);
        let scaled = advantages(&REWARDS, 3, Baseline::GroupMean(ScaleRewards::Group));
        assert!((scaled[0] - 0.5 / 0.5001).abs() < 1e-6);
        let moments = group_moments(&REWARDS, 3);
        assert_eq!(
            moments[0],
            GroupMoments {
                mean: 0.5,
                std: 0.5
            }
        );
        assert_eq!([false, true], [moments[0].is_flat(), moments[1].is_flat()]);
    }

    #[test]
    fn a_response_is_weighed_against_the_others() {
        let baseline = Baseline::LeaveOneOut { normalize: false };
        let found = advantages(&REWARDS, 3, baseline);
        assert_eq!(found, [0.75, -0.75, 0.0, 0.0, 0.0, 0.0]);
        let baseline = Baseline::LeaveOneOut { normalize: true };
        let found = advantages(&REWARDS, 3, baseline);
        assert!((moments(&found).std - 1.0).abs() < 1e-3);
    }

    #[test]
    fn equal_rewards_teach_nothing() {
        for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
            let found = advantages(&[0.3; 4], 2, Baseline::GroupMean(scale));
            assert!(
                found.iter().all(|advantage| advantage.abs() < 1e-3),
                "{found:?}"
            );
        }
    }
}
