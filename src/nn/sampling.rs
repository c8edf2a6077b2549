//! One token from a row of logits, on the host.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How tokens are drawn (Sec. IV-B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    pub max_new_tokens: usize,
    /// The end is forbidden before so many tokens.
    pub min_new_tokens: usize,
    /// Always the likeliest token; nothing is drawn.
    pub greedy: bool,
    /// Only the k likeliest; 0 for all.
    pub top_k: usize,
    /// Only the likeliest that together reach this probability; 1 for all.
    pub top_p: f32,
    pub temperature: f32,
}

impl Sampling {
    /// Greedy decoding of at most so many tokens.
    pub fn greedy(max_new_tokens: usize) -> Self {
        Sampling {
            max_new_tokens,
            min_new_tokens: 0,
            greedy: true,
            top_k: 0,
            top_p: 1.0,
            temperature: 1.0,
        }
    }

    /// A token for position `position` of the response, and its log-probability under the full,
    /// untempered softmax. `scratch` saves an allocation a token.
    pub fn draw(
        &self,
        logits: &[f32],
        position: usize,
        eos: u32,
        random: &mut ChaCha8Rng,
        scratch: &mut Vec<(f32, u32)>,
    ) -> (u32, f32) {
        let forbidden = (position < self.min_new_tokens).then_some(eos);
        let log_sum = log_sum_exp(logits);
        if self.greedy {
            let mut best = (f32::NEG_INFINITY, 0);
            for (id, &logit) in (0_u32..).zip(logits) {
                if logit > best.0 && Some(id) != forbidden {
                    best = (logit, id);
                }
            }
            return (best.1, best.0 - log_sum);
        }
        scratch.clear();
        scratch.extend(
            logits
                .iter()
                .copied()
                .zip(0_u32..)
                .filter(|(_, id)| Some(*id) != forbidden),
        );
        let by_likelihood =
            |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1));
        if self.top_k > 0 && self.top_k < scratch.len() {
            scratch.select_nth_unstable_by(self.top_k - 1, by_likelihood);
            scratch.truncate(self.top_k);
        }
        // In a fixed order, so that one number of the stream means one token whatever the batch.
        scratch.sort_unstable_by(by_likelihood);
        let largest = scratch[0].0;
        let mut total = 0.0_f64;
        let weights: Vec<f64> = scratch
            .iter()
            .map(|(logit, _)| {
                let weight = f64::from((logit - largest) / self.temperature).exp();
                total += weight;
                weight
            })
            .collect();
        let mut kept = weights.len();
        if self.top_p < 1.0 {
            let mut reached = 0.0;
            for (index, weight) in weights.iter().enumerate() {
                reached += weight;
                if reached >= f64::from(self.top_p) * total {
                    kept = index + 1;
                    break;
                }
            }
            total = weights[..kept].iter().sum();
        }
        let mut point = random.random::<f64>() * total;
        let mut chosen = kept - 1;
        for (index, weight) in weights[..kept].iter().enumerate() {
            point -= weight;
            if point < 0.0 {
                chosen = index;
                break;
            }
        }
        let (logit, id) = scratch[chosen];
        (id, logit - log_sum)
    }
}

fn log_sum_exp(logits: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| f64::from((logit - largest).exp()))
        .sum();
    largest + sum.ln() as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn sampling() -> Sampling {
        Sampling {
            max_new_tokens: 30,
            min_new_tokens: 0,
            greedy: false,
            top_k: 0,
            top_p: 1.0,
            temperature: 1.0,
        }
    }

    fn counts(sampling: &Sampling, logits: &[f32], draws: usize) -> Vec<usize> {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut counts = vec![0; logits.len()];
        for _ in 0..draws {
            counts[sampling.draw(logits, 0, 1, &mut random, &mut Vec::new()).0 as usize] += 1;
        }
        counts
    }

    #[test]
    fn draws_follow_the_tempered_distribution() {
        let logits: Vec<f32> = [0.5_f32, 0.3, 0.2].iter().map(|p| p.ln()).collect();
        let counts = counts(
            &Sampling {
                temperature: 0.5,
                ..sampling()
            },
            &logits,
            20_000,
        );
        let squares = [0.25, 0.09, 0.04].map(|p| p / 0.38);
        for (count, expected) in counts.iter().zip(squares) {
            assert!((*count as f64 / 20_000.0 - expected).abs() < 0.01);
        }
    }

    #[test]
    fn only_the_likeliest_are_drawn_and_scored_by_the_full_softmax() {
        let logits = [0.1_f32, 3.0, 0.2, 2.0, 1.0];
        let top_k = counts(
            &Sampling {
                top_k: 2,
                ..sampling()
            },
            &logits,
            500,
        );
        assert_eq!(top_k[0] + top_k[2] + top_k[4], 0);
        let top_p = counts(
            &Sampling {
                top_p: 0.5,
                ..sampling()
            },
            &logits,
            500,
        );
        assert_eq!(top_p[1], 500);
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let greedy = Sampling::greedy(3).draw(&logits, 0, 7, &mut random, &mut Vec::new());
        let sum: f32 = logits.iter().map(|x| x.exp()).sum();
        assert_eq!(greedy.0, 1);
        assert!((greedy.1 - (3.0 - sum.ln())).abs() < 1e-6);
    }

    #[test]
    fn the_end_is_forbidden_before_the_shortest_length() {
        let logits = [0.0_f32, 9.0, 0.0];
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let short = Sampling {
            min_new_tokens: 2,
            ..sampling()
        };
        for position in 0..2 {
            assert_ne!(
                short
                    .draw(&logits, position, 1, &mut random, &mut Vec::new())
                    .0,
                1
            );
        }
        assert_eq!(
            Sampling {
                greedy: true,
                ..short
            }
            .draw(&logits, 2, 1, &mut random, &mut Vec::new())
            .0,
            1
        );
    }
}
