//! Sampling a token from a row of logits, on the host.

use std::cmp::Ordering;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::host::log_sum_exp;

/// How tokens are sampled (Sec. IV-B).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    pub max_new_tokens: usize,
    /// Eos is forbidden before this many tokens.
    pub min_new_tokens: usize,
    /// Always the most likely token; no sampling.
    pub greedy: bool,
    /// Only the k most likely tokens; 0 for all.
    pub top_k: usize,
    /// Only the most likely tokens that together reach this probability; 1 for all.
    pub top_p: f32,
    pub temperature: f32,
}

impl Sampling {
    /// Greedy decoding.
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

    /// Draws the token at `position` of the response; returns it with its log-probability under the full,
    /// untempered softmax. `scratch` is reused to save an allocation a token.
    pub fn draw(
        &self,
        logits: &[f32],
        position: usize,
        eos: &[u32],
        random: &mut ChaCha8Rng,
        scratch: &mut Vec<(f32, u32)>,
    ) -> (u32, f32) {
        let forbidden = self.forbidden(position, eos);
        let log_sum = log_sum_exp(logits);
        let (logit, id) = if self.greedy {
            most_likely(logits, forbidden)
        } else {
            self.candidates(logits, forbidden, scratch);
            self.sample(scratch, random)
        };
        (id, logit - log_sum)
    }

    /// The end tokens where the response is still too short for one.
    fn forbidden<'a>(&self, position: usize, eos: &'a [u32]) -> &'a [u32] {
        match position < self.min_new_tokens {
            true => eos,
            false => &[],
        }
    }

    /// Fills `scratch` with the tokens to choose from, in an order that does not depend on the batch: the
    /// most likely first where there is a limit, else as the vocabulary has them.
    fn candidates(&self, logits: &[f32], forbidden: &[u32], scratch: &mut Vec<(f32, u32)>) {
        let all = logits.iter().copied().zip(0_u32..);
        let all = all.filter(|(_, id)| !forbidden.contains(id));
        scratch.clear();
        if self.top_k == 0 || self.top_k >= logits.len() {
            scratch.extend(all);
            if self.top_p < 1.0 {
                scratch.sort_unstable_by(by_likelihood);
            }
            return;
        }
        // No token at or below the threshold is among the k most likely; few are above it.
        let mut threshold = f32::NEG_INFINITY;
        for (logit, id) in all {
            if logit > threshold || scratch.len() < self.top_k {
                scratch.push((logit, id));
                if scratch.len() >= 4 * self.top_k {
                    threshold = keep_top_k(scratch, self.top_k);
                }
            }
        }
        keep_top_k(scratch, self.top_k);
        scratch.sort_unstable_by(by_likelihood);
    }

    /// The tokens that [`Sampling::draw`] can return at `position`, were it not greedy.
    pub fn support(&self, logits: &[f32], position: usize, eos: &[u32]) -> Vec<u32> {
        let forbidden = self.forbidden(position, eos);
        let mut candidates = Vec::new();
        self.candidates(logits, forbidden, &mut candidates);
        candidates.truncate(self.nucleus_size(&candidates));
        candidates.into_iter().map(|(_, id)| id).collect()
    }

    fn sample(&self, candidates: &[(f32, u32)], random: &mut ChaCha8Rng) -> (f32, u32) {
        let weight = self.weight(candidates);
        let size = self.nucleus_size(candidates);
        let total: f64 = candidates[..size]
            .iter()
            .map(|(logit, _)| weight(*logit))
            .sum();
        let mut point = random.random::<f64>() * total;
        for candidate in &candidates[..size] {
            point -= weight(candidate.0);
            if point < 0.0 {
                return *candidate;
            }
        }
        candidates[size - 1]
    }

    /// How many of the candidates, most likely first, top-p keeps.
    fn nucleus_size(&self, candidates: &[(f32, u32)]) -> usize {
        if self.top_p >= 1.0 {
            return candidates.len();
        }
        let weight = self.weight(candidates);
        let total: f64 = candidates.iter().map(|(logit, _)| weight(*logit)).sum();
        let mut reached = 0.0;
        for (index, (logit, _)) in candidates.iter().enumerate() {
            reached += weight(*logit);
            if reached >= f64::from(self.top_p) * total {
                return index + 1;
            }
        }
        candidates.len()
    }

    /// The weight of a logit under the temperature, 1 for the largest candidate's.
    fn weight(&self, candidates: &[(f32, u32)]) -> impl Fn(f32) -> f64 + use<> {
        let largest = candidates
            .iter()
            .map(|(logit, _)| *logit)
            .fold(f32::NEG_INFINITY, f32::max);
        let temperature = self.temperature;
        move |logit| f64::from((logit - largest) / temperature).exp()
    }
}

fn by_likelihood(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
}

/// Keeps the `k` most likely in no order and returns the smallest of their logits.
fn keep_top_k(candidates: &mut Vec<(f32, u32)>, k: usize) -> f32 {
    if k < candidates.len() {
        candidates.select_nth_unstable_by(k - 1, by_likelihood);
        candidates.truncate(k);
    }
    candidates
        .iter()
        .map(|(logit, _)| *logit)
        .fold(f32::INFINITY, f32::min)
}

fn most_likely(logits: &[f32], forbidden: &[u32]) -> (f32, u32) {
    let mut best = (f32::NEG_INFINITY, 0);
    for (id, &logit) in (0_u32..).zip(logits) {
        if logit > best.0 && !forbidden.contains(&id) {
            best = (logit, id);
        }
    }
    best
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
            counts[sampling
                .draw(logits, 0, &[1], &mut random, &mut Vec::new())
                .0 as usize] += 1;
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
        let greedy = Sampling::greedy(3).draw(&logits, 0, &[7], &mut random, &mut Vec::new());
        let sum: f32 = logits.iter().map(|x| x.exp()).sum();
        assert_eq!(greedy.0, 1);
        assert!((greedy.1 - (3.0 - sum.ln())).abs() < 1e-6);
    }

    #[test]
    fn the_k_likeliest_are_found_whatever_their_order() {
        let logits: Vec<f32> = (0..5000_u32)
            .map(|i| ((i * 7919) % 4999) as f32 / 100.0)
            .collect();
        let mut sorted: Vec<(f32, u32)> = logits.iter().copied().zip(0..).collect();
        sorted.sort_by(by_likelihood);
        let mut found = Vec::new();
        for k in [1, 2, 20, 700] {
            Sampling {
                top_k: k,
                ..sampling()
            }
            .candidates(&logits, &[], &mut found);
            assert_eq!(found, sorted[..k]);
        }
        let equal = [1.0; 9];
        Sampling {
            top_k: 2,
            ..sampling()
        }
        .candidates(&equal, &[0], &mut found);
        assert_eq!(found, [(1.0, 1), (1.0, 2)]);
    }

    #[test]
    fn nan_logits_still_give_a_token() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for top_k in [0, 2] {
            let broken = Sampling {
                top_k,
                ..sampling()
            };
            let (token, logprob) =
                broken.draw(&[f32::NAN; 9], 0, &[1], &mut random, &mut Vec::new());
            assert!(token < 9 && logprob.is_nan());
        }
    }

    #[test]
    fn the_end_is_forbidden_before_the_shortest_length() {
        let logits = [0.0_f32, 9.0, 8.0, 0.0];
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let short = Sampling {
            min_new_tokens: 2,
            ..sampling()
        };
        let greedy = Sampling {
            greedy: true,
            ..short
        };
        let mut draw = |sampling: &Sampling, position| {
            let scratch = &mut Vec::new();
            sampling
                .draw(&logits, position, &[1, 2], &mut random, scratch)
                .0
        };
        for position in 0..2 {
            for sampling in [&short, &greedy] {
                assert!([0, 3].contains(&draw(sampling, position)));
            }
            assert_eq!(short.support(&logits, position, &[1, 2]), [0, 3]);
        }
        assert_eq!(draw(&greedy, 2), 1);
    }
}
