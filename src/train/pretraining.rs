//! T5's span corruption: spans of a text are hidden behind sentinels and are to be said.
//!
//! Raffel et al. 2020, Sec. 3.1.4: 15 % of the tokens, spans of 3 on average.

use rand::{Rng, RngExt};

use super::generator::PairSource;
use super::seed::{Draw, stream};
use crate::experiment::PretrainingSettings;
use crate::text::{EOS, Tokenizer};

/// Texts whose spans are hidden anew in each epoch.
pub struct CorruptedTexts<'a> {
    /// Token ids of each text, without eos.
    pub texts: Vec<Vec<u32>>,
    pub settings: &'a PretrainingSettings,
    pub tokenizer: &'a Tokenizer,
    pub run_seed: u64,
}

impl PairSource for CorruptedTexts<'_> {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn lengths(&self) -> Vec<usize> {
        self.texts.iter().map(Vec::len).collect()
    }

    fn pairs(&self, indices: &[usize], epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        indices
            .iter()
            .map(|&index| {
                let mut random = stream(self.run_seed, Draw::Corruption, epoch, index as u64);
                corrupt(
                    &self.texts[index],
                    self.settings.corruption,
                    self.settings.mean_span,
                    &|span| self.tokenizer.sentinel(span),
                    EOS,
                    &mut random,
                )
            })
            .unzip()
    }
}

/// Hides spans of `text`: the source has a sentinel for each, the target says them, each after its
/// sentinel. Both end with eos.
fn corrupt(
    text: &[u32],
    corruption: f64,
    mean_span: f64,
    sentinel: &dyn Fn(usize) -> Option<u32>,
    eos: u32,
    random: &mut impl Rng,
) -> (Vec<u32>, Vec<u32>) {
    let length = text.len();
    let hidden = ((length as f64 * corruption).round() as usize)
        .clamp(1.min(length), length.max(1) - usize::from(length > 1));
    let spans = ((hidden as f64 / mean_span).round() as usize).clamp(1, hidden.max(1));
    let spans = spans.min(length - hidden + 1);
    let hidden_lengths = partition(hidden, spans, 1, random);
    let shown_lengths = partition(length - hidden, spans + 1, 0, random);
    let (mut source, mut target) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (span, (&shown, &concealed)) in shown_lengths.iter().zip(&hidden_lengths).enumerate() {
        source.extend_from_slice(&text[at..at + shown]);
        at += shown;
        if let Some(mark) = sentinel(span) {
            source.push(mark);
            target.push(mark);
        }
        target.extend_from_slice(&text[at..at + concealed]);
        at += concealed;
    }
    source.extend_from_slice(&text[at..]);
    source.push(eos);
    target.push(eos);
    (source, target)
}

/// Cuts `total` into `parts` lengths of at least `least`, every cut equally likely.
fn partition(total: usize, parts: usize, least: usize, random: &mut impl Rng) -> Vec<usize> {
    let free = total - least * parts;
    let mut cuts: Vec<usize> = (1..parts).map(|_| random.random_range(0..=free)).collect();
    cuts.sort_unstable();
    let mut lengths = Vec::with_capacity(parts);
    let mut last = 0;
    for cut in cuts.into_iter().chain([free]) {
        lengths.push(least + cut - last);
        last = cut;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn source_and_target_hold_every_token_once() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for length in 1..80 {
            let text: Vec<u32> = (100..100 + length).collect();
            let (source, target) = corrupt(
                &text,
                0.15,
                3.0,
                &|span| Some(1000 + span as u32),
                1,
                &mut random,
            );
            assert_eq!((source.last(), target.last()), (Some(&1), Some(&1)));
            let mut seen: Vec<u32> = source
                .iter()
                .chain(&target)
                .copied()
                .filter(|t| (100..1000).contains(t))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, text);
            let marks = |tokens: &[u32]| {
                tokens
                    .iter()
                    .copied()
                    .filter(|t| *t >= 1000)
                    .collect::<Vec<_>>()
            };
            assert_eq!(marks(&source), marks(&target));
            let hidden = target.iter().filter(|t| (100..1000).contains(*t)).count();
            assert_eq!(hidden, ((f64::from(length) * 0.15).round() as usize).max(1));
        }
    }
}
