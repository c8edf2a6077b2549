//! Dist-n: how varied the words of all responses are.
//!
//! Words are NLTK's, case kept, as in the released code. Must not know which system answered.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::bootstrap::{Bootstrap, Estimate};
use crate::text::word_tokenize;

/// 100 × distinct n-grams / all n-grams, over the words of all responses; 0 where there is none.
/// No n-gram spans two responses.
pub fn dist_n<W: Eq + Hash>(responses: &[Vec<W>], n: usize) -> f64 {
    let ngrams = responses.iter().flat_map(|words| words.windows(n.max(1)));
    let (mut distinct, mut all) = (HashSet::new(), 0);
    for ngram in ngrams {
        distinct.insert(ngram);
        all += 1;
    }
    percent(distinct.len(), all)
}

fn percent(part: usize, all: usize) -> f64 {
    if all == 0 {
        return 0.0;
    }
    100.0 * part as f64 / all as f64
}

/// Words of responses, cut once for all of Dist-1, Dist-2 and their intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseWords {
    words: Vec<Vec<u32>>,
}

impl ResponseWords {
    /// Cuts each response into words by NLTK's rules.
    pub fn new<T: AsRef<str>>(responses: &[T]) -> ResponseWords {
        let mut ids: HashMap<String, u32> = HashMap::new();
        let words = responses
            .iter()
            .map(|response| {
                word_tokenize(response.as_ref())
                    .into_iter()
                    .map(|word| number(&mut ids, word))
                    .collect()
            })
            .collect();
        ResponseWords { words }
    }

    /// Responses.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no response.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Words of all responses.
    pub fn words(&self) -> usize {
        self.words.iter().map(Vec::len).sum()
    }

    /// Dist-n in %; 0 where there is no n-gram.
    pub fn dist(&self, n: usize) -> f64 {
        dist_n(&self.words, n)
    }

    /// Dist-n in % with its interval over responses; none without responses.
    ///
    /// Resamples repeat responses, and what is repeated is not distinct, so that their Dist-n is lower;
    /// the interval is [centred](Bootstrap::estimate_centred) on the value, within 0 to 100.
    pub fn estimate(&self, n: usize, bootstrap: &Bootstrap) -> Option<Estimate> {
        let estimate = bootstrap.estimate_centred(self.len(), self.figure(n))?;
        Some(estimate.within(0.0, 100.0))
    }

    /// Dist-n of these responses minus that of `other` to the same contexts, paired. None where there
    /// are not as many of both.
    pub fn difference(
        &self,
        other: &ResponseWords,
        n: usize,
        bootstrap: &Bootstrap,
    ) -> Option<Estimate> {
        if self.len() != other.len() {
            return None;
        }
        let (mut first, mut second) = (self.figure(n), other.figure(n));
        let estimate =
            bootstrap.estimate_centred(self.len(), |drawn| first(drawn) - second(drawn))?;
        Some(estimate.within(-100.0, 100.0))
    }

    /// Dist-n of drawn responses, fast: n-grams are numbers, and a stamp tells whether one was seen in this
    /// draw.
    fn figure(&self, n: usize) -> impl FnMut(&[usize]) -> f64 {
        let mut ids = HashMap::new();
        let ngrams: Vec<Vec<u32>> = self
            .words
            .iter()
            .map(|words| {
                let ngrams = words.windows(n.max(1));
                ngrams.map(|ngram| number(&mut ids, ngram)).collect()
            })
            .collect();
        let mut seen_in = vec![0u32; ids.len()];
        let mut draw = 0;
        move |drawn| {
            draw += 1;
            let (mut distinct, mut all) = (0, 0);
            for &item in drawn {
                all += ngrams[item].len();
                for &ngram in &ngrams[item] {
                    let seen = &mut seen_in[ngram as usize];
                    distinct += usize::from(*seen != draw);
                    *seen = draw;
                }
            }
            percent(distinct, all)
        }
    }
}

/// The number of a thing: the next one, if it was not met before.
fn number<T: Eq + Hash>(ids: &mut HashMap<T, u32>, thing: T) -> u32 {
    let next = ids.len() as u32;
    *ids.entry(thing).or_insert(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values() {
        let responses = [vec!["a", "b", "a"], vec!["a"]];
        assert_eq!(dist_n(&responses, 1), 50.0);
        assert_eq!(dist_n(&responses, 2), 100.0);
        assert_eq!(dist_n(&[vec!["a"]], 2), 0.0);
        assert_eq!(dist_n::<&str>(&[], 1), 0.0);
        assert_eq!(ResponseWords::new(&[""; 0]).dist(1), 0.0);
    }

    #[test]
    fn texts_are_cut_into_words() {
        let words = ResponseWords::new(&["I can't. I can't!", "Can't I?"]);
        // I ca n't . I ca n't ! / Ca n't I ?
        assert_eq!((words.len(), words.words()), (2, 12));
        assert!((words.dist(1) - 100.0 * 7.0 / 12.0).abs() < 1e-12);
        assert!((words.dist(2) - 100.0 * 8.0 / 10.0).abs() < 1e-12);
    }

    #[test]
    fn estimates_contain_the_value_of_all_responses() {
        let texts: Vec<String> = (0..200)
            .map(|i| format!("so {} and {}", i * i % 171, i % 5))
            .collect();
        let words = ResponseWords::new(&texts);
        for n in 1..=2 {
            let estimate = words.estimate(n, &Bootstrap::default()).unwrap();
            assert_eq!(estimate.value, words.dist(n));
            assert!(estimate.low < estimate.value && estimate.value < estimate.high);
        }
        let same = words.difference(&words, 2, &Bootstrap::default()).unwrap();
        assert_eq!((same.value, same.low, same.high), (0.0, 0.0, 0.0));
    }
}
