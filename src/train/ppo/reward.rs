//! The reward of every token (Eq. 7-8 of the paper).
//! Plain numbers of one response: this file knows no tensors, no padding and no scores' origin.

/// Rewards of a response's real tokens (Eq. 7-8): `-β · kl_t` on each, and the score on the last.
///
/// `kl` holds one estimate for each real token (Eq. 6, [`super::kl`]), `beta` is the penalty's
/// coefficient, `score` the response's score after shaping. A response cut at the longest length
/// gets its score on its last token, as one that ended with eos does. No tokens: no rewards.
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
