//! Texts that nearly repeat an earlier one: MinHash (Broder 1997) in bands finds candidates, the Jaccard similarity of
//! their shingles decides.
//!
//! A text is the set of its runs of five characters, without case, punctuation and breaks, so that languages without
//! blanks are compared as well. Hashes are fixed, so that the same texts are always told apart.

use std::collections::HashMap;

use crate::train::seed::mix;

/// Characters of a shingle.
const SHINGLE: usize = 5;
/// Hash functions of a signature.
const HASHES: usize = 128;
/// A pair as similar as the threshold is a candidate with at least this probability.
const RECALL: f64 = 0.999;

/// Documents of `PARTS` texts, one after the other. Two repeat each other if all their parts do.
#[derive(Debug)]
pub(super) struct NearDuplicates<const PARTS: usize> {
    similarity: f64,
    /// Hashes of a band.
    rows: usize,
    /// By band and its hash: documents.
    buckets: HashMap<(usize, u64), Vec<usize>>,
    /// Sorted shingles of each document's parts.
    kept: Vec<[Vec<u64>; PARTS]>,
}

impl<const PARTS: usize> NearDuplicates<PARTS> {
    /// Documents repeat each other from this Jaccard similarity on, over 0 and at most 1.
    pub fn new(similarity: f64) -> Self {
        let finds = |rows: &i32| {
            let bands = HASHES as i32 / rows;
            1.0 - (1.0 - similarity.powi(*rows)).powi(bands) >= RECALL
        };
        // The more rows, the fewer candidates that are none.
        let rows = [32, 16, 8, 4, 2].into_iter().find(finds).unwrap_or(1);
        NearDuplicates {
            similarity,
            rows: rows as usize,
            buckets: HashMap::new(),
            kept: Vec::new(),
        }
    }

    /// Whether a document repeats one that was kept before; else it is kept.
    pub fn repeats(&mut self, parts: [&str; PARTS]) -> bool {
        let shingles = parts.map(shingles);
        let mut signature = [u64::MAX; HASHES];
        for (part, shingles) in shingles.iter().enumerate() {
            for shingle in shingles {
                // Of each part on its own, so that similar parts make similar documents.
                let shingle = mix(shingle ^ part as u64);
                for (place, least) in signature.iter_mut().enumerate() {
                    *least = (*least).min(mix(shingle.wrapping_add(place as u64)));
                }
            }
        }
        let bands: Vec<(usize, u64)> = signature
            .chunks_exact(self.rows)
            .map(|band| band.iter().fold(0, |hash, least| mix(hash ^ least)))
            .enumerate()
            .collect();
        let mut candidates: Vec<usize> = bands
            .iter()
            .filter_map(|band| self.buckets.get(band))
            .flatten()
            .copied()
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        let repeated = candidates.into_iter().any(|other| {
            let both = shingles.iter().zip(&self.kept[other]);
            let mut alike = both.map(|(one, other)| jaccard(one, other));
            alike.all(|alike| alike >= self.similarity)
        });
        if !repeated {
            for band in bands {
                self.buckets.entry(band).or_default().push(self.kept.len());
            }
            self.kept.push(shingles);
        }
        repeated
    }
}

/// Hashes of the runs of characters of a text, sorted, each once; of the whole text where it is shorter.
fn shingles(text: &str) -> Vec<u64> {
    let words: Vec<String> = text
        .to_lowercase()
        .split(|letter: char| letter.is_whitespace() || is_punctuation(letter))
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect();
    let letters: Vec<char> = words.join(" ").chars().collect();
    let mut shingles: Vec<u64> = letters
        .windows(SHINGLE.min(letters.len().max(1)))
        .map(|run| {
            run.iter()
                .fold(0, |hash, letter| mix(hash ^ u64::from(*letter)))
        })
        .collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// Of the scripts that set words apart, and of Chinese and Japanese; not emoji, which say something.
fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation()
        || matches!(letter, '¡' | '¿' | '\u{2010}'..='\u{205e}' | '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff0f}')
}

/// Shared by all, from 0 to 1; two empty texts are the same.
fn jaccard(one: &[u64], other: &[u64]) -> f64 {
    let (mut at, mut shared) = (0, 0);
    for shingle in one {
        at += other[at..].partition_point(|of| of < shingle);
        if other.get(at) == Some(shingle) {
            shared += 1;
        }
    }
    match one.len() + other.len() - shared {
        0 => 1.0,
        all => shared as f64 / all as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_the_same_to_the_same_is_repeated() {
        let mut seen = NearDuplicates::new(0.8);
        let context = "My grandmother died on Sunday, and I could not be there.";
        assert!(!seen.repeats([
            context,
            "I am so sorry that you could not say goodbye to her."
        ]));
        assert!(seen.repeats([
            context,
            "i am so sorry, that you could not say goodbye to her!"
        ]));
        assert!(!seen.repeats([context, "What was she like?"]));
        let other = "I lost the race that I had trained a year for.";
        assert!(!seen.repeats([
            other,
            "I am so sorry that you could not say goodbye to her."
        ]));
        assert!(!seen.repeats([other, "Oh no"]));
        assert!(!seen.repeats([other, "Oh no 😢"]));
        assert!(!seen.repeats(["", ""]));
        assert!(seen.repeats([" ", "…"]));
    }

    #[test]
    fn all_pairs_over_the_threshold_are_found() {
        // Sentences of 30 words, of which the last `n` are others'.
        let base: Vec<String> = (0..30).map(|word| format!("word{word}")).collect();
        let text = |other: usize, n: usize| {
            let mut words = base.clone();
            for word in &mut words[30 - n..] {
                *word = format!("{other}{word}");
            }
            words.join(" ")
        };
        for similarity in [0.3, 0.5, 0.8, 0.95] {
            for n in 0..12 {
                for other in 0..20 {
                    let both = [text(0, 0), text(other, n)];
                    let alike = jaccard(&shingles(&both[0]), &shingles(&both[1]));
                    let mut seen = NearDuplicates::new(similarity);
                    assert!(!seen.repeats([&both[0]]));
                    assert_eq!(
                        seen.repeats([&both[1]]),
                        alike >= similarity,
                        "{n} other words, {alike} of {similarity}"
                    );
                }
            }
        }
    }

    #[test]
    fn similarity_is_that_of_sets() {
        assert_eq!(jaccard(&[1, 2, 3], &[2, 3, 4]), 0.5);
        assert_eq!(jaccard(&[], &[1]), 0.0);
        assert_eq!(jaccard(&[], &[]), 1.0);
        // Japanese has no blanks.
        assert!(
            jaccard(
                &shingles("とても悲しいです。"),
                &shingles("とても悲しいですね。")
            ) > 0.5
        );
    }
}
