//! Perplexity from the cross-entropies of targets.
//!
//! Takes sums over tokens; must not know models.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Estimate};

/// A model's loss on one target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetLoss {
    /// Sum over the target's real tokens, eos included, of -ln p.
    pub nll: f64,
    pub tokens: usize,
}

/// `exp` of the mean token cross-entropy: every real token of every target counts once. None without tokens.
pub fn perplexity(targets: &[TargetLoss]) -> Option<f64> {
    mean_loss(targets).map(f64::exp)
}

/// The authors' released code's figure: `exp` of the mean over batches of `batch` targets of the mean token
/// cross-entropy within each. Depends on the batch size. None without tokens.
pub fn perplexity_hf(targets: &[TargetLoss], batch: usize) -> Option<f64> {
    let losses: Vec<f64> = targets.chunks(batch.max(1)).filter_map(mean_loss).collect();
    let sum: f64 = losses.iter().sum();
    (!losses.is_empty()).then(|| (sum / losses.len() as f64).exp())
}

/// [`perplexity_hf`] with its interval over targets.
pub fn perplexity_hf_estimate(
    targets: &[TargetLoss],
    batch: usize,
    bootstrap: &Bootstrap,
) -> Option<Estimate> {
    let figure = |drawn: &[usize]| {
        let drawn: Vec<TargetLoss> = drawn.iter().map(|&item| targets[item]).collect();
        perplexity_hf(&drawn, batch).unwrap_or(f64::NAN)
    };
    bootstrap.estimate(targets.len(), figure)
}

/// Perplexity with its interval over targets.
pub fn perplexity_estimate(targets: &[TargetLoss], bootstrap: &Bootstrap) -> Option<Estimate> {
    bootstrap.estimate(targets.len(), loss_figure(targets))
}

fn mean_loss(targets: &[TargetLoss]) -> Option<f64> {
    let tokens: usize = targets.iter().map(|target| target.tokens).sum();
    let nll: f64 = targets.iter().map(|target| target.nll).sum();
    (tokens > 0).then(|| nll / tokens as f64)
}

/// The perplexity of drawn targets.
pub fn loss_figure(targets: &[TargetLoss]) -> impl Fn(&[usize]) -> f64 {
    move |drawn| {
        let tokens: usize = drawn.iter().map(|&item| targets[item].tokens).sum();
        let nll: f64 = drawn.iter().map(|&item| targets[item].nll).sum();
        (nll / tokens as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Vec<TargetLoss> {
        [(6.0, 2), (3.0, 3), (20.0, 5), (1.0, 1)]
            .map(|(nll, tokens)| TargetLoss { nll, tokens })
            .to_vec()
    }

    #[test]
    fn every_token_counts_once() {
        let value = perplexity(&targets()).unwrap();
        assert!((value - (30.0f64 / 11.0).exp()).abs() < 1e-12);
        assert_eq!(perplexity(&[]), None);
    }

    #[test]
    fn the_released_figure_depends_on_the_batch_size() {
        let by_two = perplexity_hf(&targets(), 2).unwrap();
        assert!((by_two - ((9.0f64 / 5.0 + 21.0 / 6.0) / 2.0).exp()).abs() < 1e-12);
        let by_one = perplexity_hf(&targets(), 1).unwrap();
        assert!((by_one - ((3.0f64 + 1.0 + 4.0 + 1.0) / 4.0).exp()).abs() < 1e-12);
        assert_eq!(perplexity_hf(&targets(), 9), perplexity(&targets()));
    }

    #[test]
    fn estimates_contain_their_value() {
        let estimate = perplexity_estimate(&targets(), &Bootstrap::default()).unwrap();
        assert_eq!(Some(estimate.value), perplexity(&targets()));
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }
}
