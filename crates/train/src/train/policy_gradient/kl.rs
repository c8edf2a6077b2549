//! How far the policy is from the reference: estimators of the KL divergence (Eq. 6) and the
//! control of its coefficient β. Plain numbers; knows no tensors.

use serde::{Deserialize, Serialize};

use crate::experiment::KlEstimator;

impl KlEstimator {
    /// Estimate of `KL(π ‖ ρ)` at one token. With tokens sampled from `π` itself, k1 and k3 are
    /// unbiased; sampling with top-k or a temperature breaks this, and the mean of k1 may then go
    /// negative.
    ///
    /// `log_prob` and `reference_log_prob` are the sampled token's; `full` is the divergence over the
    /// whole vocabulary ([`full_kl`]), which only [`KlEstimator::Full`] uses.
    pub fn estimate(self, log_prob: f32, reference_log_prob: f32, full: f32) -> f32 {
        match self {
            Self::K1 => k1(log_prob, reference_log_prob),
            Self::Abs => k1(log_prob, reference_log_prob).abs(),
            Self::Mse => 0.5 * k1(log_prob, reference_log_prob).powi(2),
            Self::K3 => k3(log_prob, reference_log_prob),
            Self::Full => full,
        }
    }
}

/// `log π(a|s) - log ρ(a|s)` (Eq. 6).
pub fn k1(log_prob: f32, reference_log_prob: f32) -> f32 {
    log_prob - reference_log_prob
}

/// `ρ/π - 1 - log(ρ/π)` of the sampled token; never negative.
pub fn k3(log_prob: f32, reference_log_prob: f32) -> f32 {
    let log_ratio = reference_log_prob - log_prob;
    log_ratio.exp_m1() - log_ratio
}

/// `KL(π ‖ ρ)` from two whole distributions, given as log-probabilities over one vocabulary.
/// Tokens that the policy never takes (`-inf`) add nothing.
pub fn full_kl(log_probs: &[f32], reference_log_probs: &[f32]) -> f32 {
    assert_eq!(
        log_probs.len(),
        reference_log_probs.len(),
        "two distributions over one vocabulary"
    );
    log_probs
        .iter()
        .zip(reference_log_probs)
        .filter(|(log_prob, _)| **log_prob > f32::NEG_INFINITY)
        .map(|(&log_prob, &reference)| {
            f64::from(log_prob).exp() * (f64::from(log_prob) - f64::from(reference))
        })
        .sum::<f64>() as f32
}

/// The KL penalty's coefficient β, and how it moves. Its serialised form is its whole state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum KlControl {
    /// β never changes.
    Fixed { beta: f64 },
    /// β follows the measured KL toward `target` (nats per response): it grows or shrinks by at
    /// most a fifth of `responses / horizon` at each update.
    Adaptive {
        beta: f64,
        target: f64,
        horizon: f64,
    },
}

impl KlControl {
    /// An adaptive control with the usual target (6 nats per response) and horizon (10 000
    /// responses).
    pub fn adaptive(initial_beta: f64) -> Self {
        Self::Adaptive {
            beta: initial_beta,
            target: 6.0,
            horizon: 10_000.0,
        }
    }

    pub fn set_beta(&mut self, new: f64) {
        match self {
            Self::Fixed { beta } | Self::Adaptive { beta, .. } => *beta = new,
        }
    }

    /// Has no effect on a fixed coefficient.
    pub fn set_target(&mut self, new: f64) {
        if let Self::Adaptive { target, .. } = self {
            *target = new;
        }
    }

    pub fn beta(&self) -> f64 {
        match *self {
            Self::Fixed { beta } | Self::Adaptive { beta, .. } => beta,
        }
    }

    /// Adapts β after a batch of `responses`. `kl_per_response` is the mean over them of the penalty's own
    /// estimate, summed over tokens (as in TRL).
    pub fn update(&mut self, kl_per_response: f64, responses: usize) {
        if let Self::Adaptive {
            beta,
            target,
            horizon,
        } = self
        {
            let error = (kl_per_response / *target - 1.0).clamp(-0.2, 0.2);
            *beta *= 1.0 + error * responses as f64 / *horizon;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f32; 3] = [0.5, 0.3, 0.2];
    const Q: [f32; 3] = [0.4, 0.4, 0.2];

    fn expected_under_p(estimator: KlEstimator) -> f32 {
        P.iter()
            .zip(Q)
            .map(|(p, q)| p * estimator.estimate(p.ln(), q.ln(), f32::NAN))
            .sum()
    }

    #[test]
    fn estimators_agree_with_the_divergence_in_expectation() {
        let full = full_kl(&P.map(f32::ln), &Q.map(f32::ln));
        assert!((full - 0.025_267).abs() < 1e-6);
        assert!((expected_under_p(KlEstimator::K1) - 0.025_267).abs() < 1e-6);
        assert!((expected_under_p(KlEstimator::K3) - 0.025_267).abs() < 1e-6);
        assert!((expected_under_p(KlEstimator::Mse) - 0.024_862).abs() < 1e-6);
        assert_eq!(KlEstimator::Full.estimate(-1.0, -2.0, full), full);
    }

    #[test]
    fn only_k1_goes_negative() {
        let (policy, reference) = (-2.0, -1.0);
        assert_eq!(KlEstimator::K1.estimate(policy, reference, 0.0), -1.0);
        assert_eq!(KlEstimator::Abs.estimate(policy, reference, 0.0), 1.0);
        assert_eq!(KlEstimator::Mse.estimate(policy, reference, 0.0), 0.5);
        assert!(KlEstimator::K3.estimate(policy, reference, 0.0) > 0.0);
    }

    #[test]
    fn tokens_the_policy_never_takes_add_nothing() {
        let kl = full_kl(&[0.0, f32::NEG_INFINITY], &[0.5f32.ln(), 0.5f32.ln()]);
        assert!((kl - 2f32.ln()).abs() < 1e-6);
        let both = full_kl(&[0.0, f32::NEG_INFINITY], &[0.0, f32::NEG_INFINITY]);
        assert_eq!(both, 0.0);
    }

    #[test]
    fn an_adaptive_coefficient_decays_while_the_kl_stays_low() {
        let mut control = KlControl::adaptive(0.2);
        for _ in 0..1600 {
            control.update(1.0, 32);
        }
        assert!((control.beta() - 0.0718).abs() < 5e-5, "{}", control.beta());
        let before = control.beta();
        control.update(6.0, 32);
        assert_eq!(control.beta(), before);
        control.update(100.0, 32);
        assert!((control.beta() / before - 1.000_64).abs() < 1e-9);
    }

    #[test]
    fn a_fixed_coefficient_stays() {
        let mut control = KlControl::Fixed { beta: 0.2 };
        control.update(100.0, 8);
        assert_eq!(control.beta(), 0.2);
    }

    #[test]
    fn the_state_survives_a_checkpoint() {
        let mut control = KlControl::adaptive(0.2);
        control.update(0.3, 8);
        let text = serde_json::to_string(&control).unwrap();
        assert_eq!(serde_json::from_str::<KlControl>(&text).unwrap(), control);
    }
}
