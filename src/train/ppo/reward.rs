//! The empathy reward and the reward of every token (Eq. 2-8 of the paper).
//! Plain numbers of one response: this file knows no tensors, no padding and no identifiers.

/// How well the empathy of one generated response agrees with its target's (Eq. 2-3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmpathyReward {
    /// `R_emp = exp(-Σ w_i · CE_i)`, in `[0, 1]`; 0 where every mechanism is switched off.
    pub total: f32,
    /// `exp(-CE_i)`: the probability that each identifier gives to the target's level, whatever
    /// the weights. Order: emotional reaction, interpretation, exploration.
    pub per_mechanism: [f32; 3],
}

/// Empathy reward of one response (Eq. 2-5).
///
/// `log_probs[i]` is the log-probability that identifier `i` gives, for the generated response, to
/// the level it found for the target (`-CE_i`); `weights[i]` scales it, and 0 switches the
/// mechanism off. The paper's weights are all 1. Order: emotional reaction, interpretation,
/// exploration.
pub fn empathy_reward(log_probs: [f32; 3], weights: [f32; 3]) -> EmpathyReward {
    let mut negative_loss = 0.0;
    let mut any = false;
    for (log_prob, weight) in log_probs.into_iter().zip(weights) {
        // Not `weight * log_prob`: 0 × -inf would be NaN.
        if weight != 0.0 {
            negative_loss += weight * log_prob;
            any = true;
        }
    }
    EmpathyReward {
        total: if any { negative_loss.exp() } else { 0.0 },
        per_mechanism: log_probs.map(f32::exp),
    }
}

/// Rewards of a response's real tokens (Eq. 7-8): `-β · kl_t` on each, and the score on the last.
///
/// `kl` holds one estimate for each real token (Eq. 6, [`super::kl`]), `beta` is the penalty's
/// coefficient, `score` the empathy reward after shaping. A response cut at the longest length
/// gets its score on its last token just as one that ended with eos. No tokens: no rewards.
pub fn reward_vector(kl: &[f32], beta: f32, score: f32) -> Vec<f32> {
    let mut rewards: Vec<f32> = kl.iter().map(|kl| -beta * kl).collect();
    if let Some(last) = rewards.last_mut() {
        *last += score;
    }
    rewards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f32, right: f32) {
        assert!((left - right).abs() < 1e-5, "{left} against {right}");
    }

    #[test]
    fn the_reward_is_the_product_of_the_three_probabilities() {
        for (probability, expected) in [(0.9f32, 0.729), (0.6, 0.216), (1.0 / 3.0, 0.037_037)] {
            let reward = empathy_reward([probability.ln(); 3], [1.0; 3]);
            close(reward.total, expected);
            for mechanism in reward.per_mechanism {
                close(mechanism, probability);
            }
        }
    }

    #[test]
    fn a_mechanism_switched_off_does_not_count_even_when_impossible() {
        let reward = empathy_reward(
            [0.5f32.ln(), f32::NEG_INFINITY, 0.4f32.ln()],
            [1.0, 0.0, 1.0],
        );
        close(reward.total, 0.2);
        close(reward.per_mechanism[1], 0.0);
        assert_eq!(empathy_reward([-1.0; 3], [0.0; 3]).total, 0.0);
        close(
            empathy_reward([0.5f32.ln(); 3], [2.0, 0.0, 0.0]).total,
            0.25,
        );
    }

    #[test]
    fn an_impossible_level_gives_no_reward() {
        assert_eq!(
            empathy_reward([0.0, f32::NEG_INFINITY, 0.0], [1.0; 3]).total,
            0.0
        );
    }

    #[test]
    fn the_score_falls_on_the_last_real_token_only() {
        let rewards = reward_vector(&[0.5, -1.0, 2.0], 0.2, 0.7);
        for (reward, expected) in rewards.iter().zip([-0.1, 0.2, 0.3]) {
            close(*reward, expected);
        }
        assert_eq!(reward_vector(&[1.0], 0.2, 0.7), [0.5]);
        assert!(reward_vector(&[], 0.2, 0.7).is_empty());
    }

    #[test]
    fn without_penalty_only_the_last_token_is_rewarded() {
        let rewards = reward_vector(&[3.0, -4.0, 5.0], 0.0, 0.25);
        assert_eq!(rewards, [0.0, 0.0, 0.25]);
    }
}
