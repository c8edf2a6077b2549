//! The pieces of a unigram language model (Kudo 2018), learned from words and how often they occur.
//!
//! Starts from all frequent substrings; in turn, expectation maximisation gives each its probability and the
//! pieces are dropped that the likelihood misses least. One thread and fixed orders: the same words give
//! the same pieces. Must not know where words come from.

use std::collections::{BTreeMap, HashMap};

/// Marks the start of a word.
pub(super) const WORD_START: char = '▁';
/// Longest piece, in characters.
const LONGEST_PIECE: usize = 16;
/// Most substrings that training starts from.
const SEEDS: usize = 100_000;
/// Steps of expectation maximisation before each pruning.
const STEPS: usize = 2;
/// Share of the pieces that a pruning keeps.
const KEPT: f64 = 0.75;
/// Pruning stops at this many times the wanted pieces; the last cut is by probability.
const SURPLUS: f64 = 1.1;
/// A longer piece that is expected less often than this is dropped; a character counts at least as often.
const LEAST_EXPECTED: f64 = 0.5;

/// At most `room` pieces with their natural log probabilities, the likely first. All characters of the
/// words are among them; `room` must suffice for them.
pub(super) fn pieces(words: &BTreeMap<String, u64>, room: usize) -> Vec<(String, f64)> {
    let mut model = Model::seeded(words);
    let words: Vec<Word> = words
        .iter()
        .map(|(word, &count)| model.word(word, count as f64))
        .collect();
    let wanted = (room as f64 * SURPLUS) as usize;
    loop {
        for _ in 0..STEPS {
            model.maximise(&words);
        }
        let alive = model.alive();
        if alive <= wanted {
            break;
        }
        model.prune(&words, wanted.max((alive as f64 * KEPT) as usize));
        if model.alive() == alive {
            break;
        }
    }
    model.best(room)
}

/// Pieces with their scores; a piece that was dropped has the score -∞.
struct Model {
    texts: Vec<String>,
    scores: Vec<f64>,
    ids: HashMap<String, u32>,
}

/// A piece that may stand in a word from character `start` to `end`.
#[derive(Clone, Copy)]
struct Edge {
    start: u16,
    end: u16,
    piece: u32,
}

/// A word: how often it occurs, its characters, and what may stand in it, by start.
struct Word {
    count: f64,
    length: usize,
    edges: Vec<Edge>,
}

impl Model {
    /// All characters, and the substrings of at least two that occur at least twice and do not mix
    /// letters with punctuation: `you.` is `you` and `.`.
    fn seeded(words: &BTreeMap<String, u64>) -> Model {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (word, count) in words {
            for (start, end, _) in spans(word) {
                *counts.entry(&word[start..end]).or_insert(0) += count;
            }
        }
        let mut seeds: Vec<(&str, u64)> = counts
            .into_iter()
            .filter(|&(text, count)| is_character(text) || (count > 1 && is_of_one_kind(text)))
            .map(|(text, count)| (text, count * text.chars().count() as u64))
            .collect();
        seeds.sort_unstable_by(|a, b| {
            (is_character(b.0).cmp(&is_character(a.0)))
                .then(b.1.cmp(&a.1))
                .then(a.0.cmp(b.0))
        });
        let characters = seeds.partition_point(|(text, _)| is_character(text));
        seeds.truncate(SEEDS.max(characters));
        let total: u64 = seeds.iter().map(|&(_, score)| score).sum();
        let log_probability = |score: u64| (score as f64 / total as f64).ln();
        let texts: Vec<String> = seeds.iter().map(|(text, _)| text.to_string()).collect();
        Model {
            scores: seeds.iter().map(|&(_, s)| log_probability(s)).collect(),
            ids: texts.iter().cloned().zip(0..).collect(),
            texts,
        }
    }

    fn word(&self, word: &str, count: f64) -> Word {
        let edges = spans(word)
            .filter_map(|(start, end, (from, to))| {
                self.ids.get(&word[start..end]).map(|&piece| Edge {
                    start: from as u16,
                    end: to as u16,
                    piece,
                })
            })
            .collect();
        Word {
            count,
            length: word.chars().count(),
            edges,
        }
    }

    fn alive(&self) -> usize {
        self.scores.iter().filter(|score| score.is_finite()).count()
    }

    /// One step of expectation maximisation, with the digamma function as a sparse prior.
    fn maximise(&mut self, words: &[Word]) {
        let mut expected = vec![0.0; self.texts.len()];
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for word in words {
            let score = |edge: &Edge| self.scores[edge.piece as usize];
            restart(&mut forward, word.length, 0);
            for edge in &word.edges {
                let path = forward[edge.start as usize] + score(edge);
                add_log(&mut forward[edge.end as usize], path);
            }
            restart(&mut backward, word.length, word.length);
            for edge in word.edges.iter().rev() {
                let path = backward[edge.end as usize] + score(edge);
                add_log(&mut backward[edge.start as usize], path);
            }
            for edge in &word.edges {
                let (start, end) = (edge.start as usize, edge.end as usize);
                let path = forward[start] + score(edge) + backward[end] - forward[word.length];
                expected[edge.piece as usize] += word.count * path.exp();
            }
        }
        for (text, expected) in self.texts.iter().zip(&mut expected) {
            if is_character(text) {
                *expected = expected.max(LEAST_EXPECTED);
            } else if *expected < LEAST_EXPECTED {
                *expected = 0.0;
            }
        }
        let log_total = digamma(expected.iter().sum());
        for (score, expected) in self.scores.iter_mut().zip(expected) {
            *score = if expected > 0.0 {
                digamma(expected) - log_total
            } else {
                f64::NEG_INFINITY
            };
        }
    }

    /// Keeps all characters and, up to `keep` pieces, those whose loss would cost the most likelihood.
    fn prune(&mut self, words: &[Word], keep: usize) {
        let mut used = vec![0.0; self.texts.len()];
        for word in words {
            for piece in self.segment(word, None) {
                used[piece as usize] += word.count;
            }
        }
        let total: f64 = used.iter().sum();
        let mut costs: Vec<(f64, u32)> = Vec::new();
        let mut characters = 0;
        for (piece, text) in (0..).zip(&self.texts) {
            if is_character(text) {
                characters += 1;
            } else if self.scores[piece as usize].is_finite() && used[piece as usize] > 0.0 {
                costs.push((self.cost(piece, text, &used, total), piece));
            }
        }
        costs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        costs.truncate(keep.saturating_sub(characters));
        let mut kept = vec![false; self.texts.len()];
        for (_, piece) in costs {
            kept[piece as usize] = true;
        }
        for ((text, score), kept) in self.texts.iter().zip(&mut self.scores).zip(kept) {
            if !kept && !is_character(text) {
                *score = f64::NEG_INFINITY;
            }
        }
    }

    /// Likelihood lost if the next best pieces stood wherever this one does.
    fn cost(&self, piece: u32, text: &str, used: &[f64], total: f64) -> f64 {
        let own = used[piece as usize];
        let instead = self.segment(&self.word(text, 1.0), Some(piece));
        let new_total = total + own * (instead.len() as f64 - 1.0);
        let log_instead: f64 = instead
            .iter()
            .map(|&other| ((used[other as usize] + own) / new_total).ln())
            .sum();
        own / total * ((own / total).ln() - log_instead)
    }

    /// The most likely pieces of a word, one of them not to be used; from last to first.
    fn segment(&self, word: &Word, without: Option<u32>) -> Vec<u32> {
        let mut best = vec![(f64::NEG_INFINITY, None); word.length + 1];
        best[0].0 = 0.0;
        for edge in &word.edges {
            let path = best[edge.start as usize].0 + self.scores[edge.piece as usize];
            if Some(edge.piece) != without && path > best[edge.end as usize].0 {
                best[edge.end as usize] = (path, Some(*edge));
            }
        }
        let mut pieces = Vec::new();
        let mut at = word.length;
        while let Some(edge) = best[at].1 {
            pieces.push(edge.piece);
            at = edge.start as usize;
        }
        pieces
    }

    fn best(self, room: usize) -> Vec<(String, f64)> {
        let mut pieces: Vec<(String, f64)> = self.texts.into_iter().zip(self.scores).collect();
        pieces.retain(|(_, score)| score.is_finite());
        let likely_first =
            |a: &(String, f64), b: &(String, f64)| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0));
        pieces.sort_unstable_by(|a, b| {
            (is_character(&b.0).cmp(&is_character(&a.0))).then_with(|| likely_first(a, b))
        });
        pieces.truncate(room);
        pieces.sort_unstable_by(likely_first);
        pieces
    }
}

/// Substrings of up to `LONGEST_PIECE` characters: start and end in bytes, then in characters; by start.
fn spans(word: &str) -> impl Iterator<Item = (usize, usize, (usize, usize))> {
    let places: Vec<usize> = word
        .char_indices()
        .map(|(place, _)| place)
        .chain([word.len()])
        .collect();
    let last = places.len() - 1;
    (0..last).flat_map(move |from| {
        let places = places.clone();
        (from + 1..=last.min(from + LONGEST_PIECE))
            .map(move |to| (places[from], places[to], (from, to)))
    })
}

fn is_character(text: &str) -> bool {
    text.chars().nth(1).is_none()
}

/// Whether behind a sign for the start of a word only letters, digits and apostrophes stand, or only others.
fn is_of_one_kind(text: &str) -> bool {
    let mut kinds = text
        .chars()
        .skip_while(|&c| c == WORD_START)
        .map(|c| c.is_alphanumeric() || c == '\'');
    let first = kinds.next();
    kinds.all(|kind| Some(kind) == first)
}

fn restart(sums: &mut Vec<f64>, length: usize, origin: usize) {
    sums.clear();
    sums.resize(length + 1, f64::NEG_INFINITY);
    sums[origin] = 0.0;
}

/// `sum = ln(exp(sum) + exp(term))`.
fn add_log(sum: &mut f64, term: f64) {
    let (high, low) = (sum.max(term), sum.min(term));
    if low.is_finite() {
        *sum = high + (low - high).exp().ln_1p();
    } else {
        *sum = high;
    }
}

/// Derivative of ln Γ, for x > 0: the recurrence up to 7, then its asymptotic series.
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 7.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0));
    x.ln() - 0.5 / x - series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digamma_has_its_known_values() {
        let euler = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + euler).abs() < 1e-8);
        assert!((digamma(0.5) + euler + 2.0 * 2f64.ln()).abs() < 1e-8);
        assert!((digamma(10.0) - 2.251_752_589_066_721).abs() < 1e-8);
    }

    #[test]
    fn frequent_words_become_pieces() {
        let words: BTreeMap<String, u64> = [("▁library", 9), ("▁rare", 1), ("▁lib", 2)]
            .map(|(word, count)| (word.to_string(), count))
            .into();
        let pieces = pieces(&words, 30);
        assert_eq!(pieces[0].0, "▁library");
        let has = |text: &str| pieces.iter().any(|(piece, _)| piece == text);
        assert!(has("▁lib") && has("e") && !has("▁rare"));
    }

    #[test]
    fn punctuation_is_a_piece_of_its_own() {
        let words: BTreeMap<String, u64> = [("▁don't!!", 9), ("▁(so", 7), ("▁...", 5)]
            .map(|(word, count)| (word.to_string(), count))
            .into();
        let pieces = pieces(&words, 40);
        let has = |text: &str| pieces.iter().any(|(piece, _)| piece == text);
        assert!(has("▁don't") && has("!!") && has("so") && has("▁..."));
        assert!(!has("▁don't!") && !has("▁(so"));
    }
}
