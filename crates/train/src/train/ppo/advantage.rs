//! Generalised advantage estimation (Eq. 9-10), returns, and how much of them the values explain.
//! Plain numbers of one response; knows no tensors and no padding.

/// Advantages of one response's tokens, and the returns that the value head is trained toward.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdvantageEstimate {
    /// `Â_t` (Eq. 9), before whitening.
    pub advantages: Vec<f32>,
    /// `Â_t + V_old(s_t)`, the target of Eq. 15.
    pub returns: Vec<f32>,
}

/// Advantages by GAE (Eq. 9-10), computed from the last token backwards:
/// `Â_t = δ_t + γλ · Â_{t+1}`, `δ_t = r_t + γ · V(s_{t+1}) - V(s_t)`.
///
/// `rewards` and `values` (of the old policy) have one number per real token. The value after the last
/// token is 0, also when the response was cut at the maximum length: its score is that of the response
/// as it is, so no reward follows.
pub fn estimate(rewards: &[f32], values: &[f32], gamma: f32, lambda: f32) -> AdvantageEstimate {
    assert_eq!(rewards.len(), values.len(), "one value for each reward");
    let mut advantages = vec![0.0; rewards.len()];
    let mut next_advantage = 0.0;
    let mut next_value = 0.0;
    for t in (0..rewards.len()).rev() {
        let delta = rewards[t] + gamma * next_value - values[t];
        next_advantage = delta + gamma * lambda * next_advantage;
        next_value = values[t];
        advantages[t] = next_advantage;
    }
    let returns = advantages
        .iter()
        .zip(values)
        .map(|(advantage, value)| advantage + value)
        .collect();
    AdvantageEstimate {
        advantages,
        returns,
    }
}

/// [`estimate`] with `pads` positions of reward `pad_reward` and value 0 after the response. This is the
/// bug of the authors' trainer, which does not mask rewards again after whitening them.
pub fn estimate_into_padding(
    rewards: &[f32],
    values: &[f32],
    gamma: f32,
    lambda: f32,
    pads: usize,
    pad_reward: f32,
) -> AdvantageEstimate {
    let padded = |numbers: &[f32], pad: f32| [numbers, &vec![pad; pads]].concat();
    let mut estimate = estimate(
        &padded(rewards, pad_reward),
        &padded(values, 0.0),
        gamma,
        lambda,
    );
    estimate.advantages.truncate(rewards.len());
    estimate.returns.truncate(rewards.len());
    estimate
}

/// Share of the returns' variance that the values explain, `1 - Var(R - V) / Var(R)`, over all real
/// tokens of a batch. 1 is perfect, 0 is no better than a constant; `None` if the returns do not vary.
pub fn explained_variance(values: &[f32], returns: &[f32]) -> Option<f64> {
    assert_eq!(values.len(), returns.len(), "one value for each return");
    let errors = returns
        .iter()
        .zip(values)
        .map(|(r, v)| f64::from(*r) - f64::from(*v));
    let return_variance = variance(returns.iter().map(|r| f64::from(*r)));
    let error_variance = variance(errors);
    (return_variance > 0.0).then(|| 1.0 - error_variance / return_variance)
}

fn variance(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.clone().sum::<f64>() / count;
    numbers.map(|x| (x - mean).powi(2)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undiscounted_advantages_are_the_rewards_to_come_less_the_value() {
        let got = estimate(&[0.0, 0.0, 1.0], &[0.5, 0.25, 0.75], 1.0, 1.0);
        assert_eq!(got.advantages, [0.5, 0.75, 0.25]);
        assert_eq!(got.returns, [1.0; 3]);
    }

    #[test]
    fn without_lambda_only_the_next_value_counts() {
        let got = estimate(&[0.0, 0.0, 1.0], &[0.5, 0.25, 0.75], 1.0, 0.0);
        assert_eq!(got.advantages, [-0.25, 0.5, 0.25]);
    }

    #[test]
    fn an_empty_response_has_no_advantages() {
        assert_eq!(estimate(&[], &[], 1.0, 0.95), AdvantageEstimate::default());
    }

    #[test]
    fn padding_with_a_reward_leaks_into_the_response() {
        let response = (&[0.0, 1.0][..], &[0.5, 0.25][..]);
        let right = estimate(response.0, response.1, 1.0, 1.0);
        let harmless = estimate_into_padding(response.0, response.1, 1.0, 1.0, 3, 0.0);
        assert_eq!(harmless, right);
        let leaking = estimate_into_padding(response.0, response.1, 1.0, 1.0, 2, 0.125);
        assert_eq!(leaking.advantages, [0.75, 1.0]);
        assert_eq!(leaking.returns, [1.25, 1.25]);
    }

    #[test]
    fn explained_variance_knows_perfect_constant_and_undefined() {
        assert_eq!(explained_variance(&[1.0, 2.0], &[1.0, 2.0]), Some(1.0));
        assert_eq!(explained_variance(&[3.0, 3.0], &[1.0, 2.0]), Some(0.0));
        assert_eq!(explained_variance(&[1.0, 2.0], &[2.0, 2.0]), None);
        assert_eq!(explained_variance(&[], &[]), None);
    }
}
