//! Forms of the empathy reward that do not pay for the commonest level. Plain numbers.
//!
//! Let `p_i` be the probability that identifier `i` gives, for the response, to the level `ℓ_i` of the target, `w_i`
//! the mechanism's weight, and `π_i(ℓ)` the share of level `ℓ` among the training targets. With class weights
//! `c_i(ℓ) = 1 / (3 π_i(ℓ))` (scikit-learn's "balanced": 1 on the average over targets), else `c_i = 1`:
//!
//! ```text
//! exp(Σ_i w_i c_i(ℓ_i) log p_i)                   reward.class_weights = "balanced"
//! Σ_i w_i c_i(ℓ_i) (log p_i - log π_i(ℓ_i))       reward.log_prior = true
//! ```
//!
//! Without class weights the second is, on the average over targets, at most 0 for a response that does not depend on
//! its context (Gibbs' inequality), and is the information in nats that the response has of the target's level.

use crate::data::EmpathyLevel;

/// The least log-probability that counts, so that a reward is finite.
const LEAST: f32 = -100.0;

/// The share of each level among the training targets, for each mechanism.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelShares([[f32; 3]; 3]);

impl LevelShares {
    /// Every level counts one time more than it was seen (Laplace), so that none has no share.
    pub fn of(targets: &[[EmpathyLevel; 3]]) -> LevelShares {
        let mut counts = [[1_usize; 3]; 3];
        for target in targets {
            for (counts, level) in counts.iter_mut().zip(target) {
                counts[level.index()] += 1;
            }
        }
        let all = (targets.len() + 3) as f32;
        LevelShares(counts.map(|counts| counts.map(|count| count as f32 / all)))
    }

    /// The shares of a target's levels.
    fn at(&self, target: &[EmpathyLevel; 3]) -> [f32; 3] {
        [0, 1, 2].map(|mechanism| self.0[mechanism][target[mechanism].index()])
    }
}

/// How the levels of a target count.
#[derive(Clone, Copy, Debug)]
pub struct PayForLevels {
    pub shares: LevelShares,
    pub class_weights: bool,
    pub log_prior: bool,
}

impl PayForLevels {
    /// The reward of a response. `log_probs` are those of the target's levels, `weights` those of the mechanisms; of
    /// those with weight 0 nothing counts.
    pub fn total(&self, log_probs: [f32; 3], target: &[EmpathyLevel; 3], weights: [f32; 3]) -> f32 {
        let shares = self.shares.at(target);
        let mut sum = 0.0;
        for ((log_prob, share), weight) in log_probs.into_iter().zip(shares).zip(weights) {
            let class_weight = match self.class_weights {
                true => 1.0 / (3.0 * share),
                false => 1.0,
            };
            let prior = match self.log_prior {
                true => share.ln(),
                false => 0.0,
            };
            sum += weight * class_weight * (log_prob.max(LEAST) - prior);
        }
        match self.log_prior {
            true => sum,
            false => sum.exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: EmpathyLevel = EmpathyLevel::ALL[0];
    const WEAK: EmpathyLevel = EmpathyLevel::ALL[1];

    /// Of 97 targets and one more for each level: 80, 15 and 5 in a hundred.
    fn shares() -> LevelShares {
        let levels = [(0, 79), (1, 14), (2, 4)];
        let targets = levels
            .into_iter()
            .flat_map(|(level, count)| std::iter::repeat_n([EmpathyLevel::ALL[level]; 3], count));
        LevelShares::of(&targets.collect::<Vec<_>>())
    }

    fn pay(class_weights: bool, log_prior: bool) -> PayForLevels {
        PayForLevels {
            shares: shares(),
            class_weights,
            log_prior,
        }
    }

    fn close(left: f32, right: f32) {
        assert!((left - right).abs() < 1e-5, "{left} against {right}");
    }

    #[test]
    fn class_weights_are_the_inverse_of_the_shares() {
        let of = |target| pay(true, false).total([0.5f32.ln(); 3], &[target; 3], [1.0, 0.0, 0.0]);
        // 1 / (3 · 0.8) and 1 / (3 · 0.15).
        close(of(NO), 0.5f32.powf(1.0 / 2.4));
        close(of(WEAK), 0.5f32.powf(1.0 / 0.45));
    }

    #[test]
    fn a_level_is_worth_what_it_tells_beyond_its_share() {
        let of = |probability: f32, target| {
            pay(false, true).total([probability.ln(); 3], &[target; 3], [1.0, 0.5, 0.0])
        };
        close(of(0.8, NO), 0.0);
        close(of(0.6, WEAK), 1.5 * 4f32.ln());
        close(of(0.0, WEAK), 1.5 * (-100.0 - 0.15f32.ln()));
        let both = pay(true, true).total([0.6f32.ln(); 3], &[WEAK; 3], [1.0, 0.0, 0.0]);
        close(both, 4f32.ln() / 0.45);
    }

    #[test]
    fn what_does_not_depend_on_the_target_gains_nothing() {
        let of_targets = [0.8f32, 0.15, 0.05];
        for answer in [
            of_targets,
            [0.98, 0.01, 0.01],
            [1.0 / 3.0; 3],
            [0.1, 0.8, 0.1],
        ] {
            let mean: f32 = (0..3)
                .map(|level| {
                    let target = [EmpathyLevel::ALL[level]; 3];
                    let log_probs = [answer[level].ln(); 3];
                    of_targets[level] * pay(false, true).total(log_probs, &target, [1.0; 3])
                })
                .sum();
            assert!(mean < 1e-5, "{answer:?}: {mean}");
        }
    }
}
