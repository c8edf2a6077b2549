//! Per-token rewards (Eq. 7-8): the KL penalty on every token, and the response's score on the last.
//! Plain numbers of one response; knows no tensors, no padding and not where a score comes from.

/// `-β · kl_t` for each real token, plus the score on the last.
///
/// `kl` has one estimate per real token (Eq. 6, [`crate::train::policy_gradient::kl`]); `score` is the response's score after
/// shaping. A response cut at the maximum length gets its score on its last token, like one that ended
/// with eos.
pub fn token_rewards(kl: &[f32], beta: f32, score: f32) -> Vec<f32> {
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
        let rewards = token_rewards(&[0.5, -1.0, 2.0], 0.2, 0.7);
        for (reward, expected) in rewards.iter().zip([-0.1, 0.2, 0.3]) {
            close(*reward, expected);
        }
        assert_eq!(token_rewards(&[1.0], 0.2, 0.7), [0.5]);
        assert!(token_rewards(&[], 0.2, 0.7).is_empty());
    }

    #[test]
    fn without_penalty_only_the_last_token_is_rewarded() {
        let rewards = token_rewards(&[3.0, -4.0, 5.0], 0.0, 0.25);
        assert_eq!(rewards, [0.0, 0.0, 0.25]);
    }
}
