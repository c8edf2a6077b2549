//! Emp-F1 with the length of responses and targets held equal: within terciles of the target's length, and of two
//! systems weighted to the lengths they have in common.
//!
//! Words are NLTK's, as Dist counts them; must not know how levels were identified.

use serde::{Deserialize, Serialize};

use super::Digits;
use super::bootstrap::{Bootstrap, Estimate};
use super::emp_f1::{LevelPairs, Levels, mean_f1};
use crate::data::{EmpathyLevel, Mechanism};
use crate::text::word_tokenize;

/// Words of a text.
pub fn words_of(text: &str) -> usize {
    word_tokenize(text).len()
}

/// Emp-F1 of the examples whose target has so many words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LengthTercile {
    /// Words of the target.
    pub least: u64,
    pub most: u64,
    pub n: u64,
    /// In %.
    pub emp_f1: Estimate,
}

/// Emp-F1 within the terciles of the target's length, shortest first. Targets of one length are never parted, so that
/// fewer than three are left where many have the same. Empty where the numbers do not agree, or without examples.
pub fn by_target_length(
    targets: &[Levels],
    responses: &[Levels],
    target_words: &[usize],
    bootstrap: &Bootstrap,
) -> Vec<LengthTercile> {
    let n = targets.len();
    if responses.len() != n || target_words.len() != n || n == 0 {
        return Vec::new();
    }
    let mut sorted = target_words.to_vec();
    sorted.sort_unstable();
    // The longest of the first and of the second third.
    let [first, second] = [n.div_ceil(3), (2 * n).div_ceil(3)].map(|count| sorted[count - 1]);
    let ranges = [(0, first), (first + 1, second), (second + 1, usize::MAX)];
    let tercile = |(from, to): (usize, usize)| {
        let within = |at: &usize| (from..=to).contains(&target_words[*at]);
        let places: Vec<usize> = (0..n).filter(within).collect();
        let words = places.iter().map(|at| target_words[*at] as u64);
        let (least, most) = (words.clone().min()?, words.max()?);
        let mut drawn_places = Vec::with_capacity(places.len());
        let emp_f1 = bootstrap.estimate(places.len(), |drawn| {
            drawn_places.clear();
            drawn_places.extend(drawn.iter().map(|at| places[*at]));
            mean_f1(targets, responses, &drawn_places)
        })?;
        Some(LengthTercile {
            least,
            most,
            n: places.len() as u64,
            emp_f1,
        })
    };
    ranges.into_iter().filter_map(tercile).collect()
}

/// A sentence for the notes of a table; None without terciles.
pub fn length_sentence(system: &str, terciles: &[LengthTercile]) -> Option<String> {
    let words = |of: &LengthTercile| match of.least == of.most {
        true => of.least.to_string(),
        false => format!("{} to {}", of.least, of.most),
    };
    let each: Vec<String> = terciles
        .iter()
        .map(|of| {
            let figure = Digits::RESULT.with_interval(&of.emp_f1);
            format!("{figure} where it has {} words (n = {})", words(of), of.n)
        })
        .collect();
    let listed = each.join(", ");
    (!each.is_empty()).then(|| format!("{system}, Emp-F1 by the target's length: {listed}."))
}

/// Emp-F1 of two systems at matched length: each system's responses are weighted so that both have the same
/// distribution of lengths, of each length (in words) the smaller of the two systems' shares. Nothing is cut, and nothing
/// has to be identified again; [`super::EqualLength`] cuts the responses instead.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedLength {
    /// How much of the two distributions of lengths is common, 0 to 1.
    pub overlap: f64,
    /// In %.
    pub first: Estimate,
    pub second: Estimate,
    /// In points, paired by example.
    pub difference: Estimate,
}

/// Less in common than this, and figures at matched length are those of few, unusual responses.
const SLIGHT_OVERLAP: f64 = 0.3;

impl MatchedLength {
    /// Of each system its levels and the words of its responses, to the same examples. None where there are not as many
    /// of all, or no length in common.
    pub fn new(
        first: (&LevelPairs, &[usize]),
        second: (&LevelPairs, &[usize]),
        bootstrap: &Bootstrap,
    ) -> Option<MatchedLength> {
        let n = first.1.len();
        let whole = |(pairs, words): (&LevelPairs, &[usize])| {
            [pairs.targets.len(), pairs.responses.len(), words.len()] == [n; 3]
        };
        if !whole(first) || !whole(second) {
            return None;
        }
        let both = |drawn: &[usize]| matched(first, second, drawn);
        let all: Vec<usize> = (0..n).collect();
        Some(MatchedLength {
            overlap: both(&all).overlap,
            first: bootstrap.estimate(n, |drawn| both(drawn).first)?,
            second: bootstrap.estimate(n, |drawn| both(drawn).second)?,
            difference: bootstrap.estimate(n, |drawn| {
                let both = both(drawn);
                both.first - both.second
            })?,
        })
    }

    /// A sentence for the notes of a table.
    pub fn sentence(&self, first: &str, second: &str) -> String {
        let figure = |estimate: &Estimate| Digits::RESULT.with_interval(estimate);
        let slight = match self.overlap < SLIGHT_OVERLAP {
            true => " Their lengths have so little in common that this is of few responses.",
            false => "",
        };
        format!(
            "At matched length (responses weighted so that both systems have the same lengths, {} % in common): Emp-F1 of \
             {first} {}, of {second} {}, difference {}.{slight}",
            super::written::fixed(100.0 * self.overlap, 0),
            figure(&self.first),
            figure(&self.second),
            figure(&self.difference),
        )
    }
}

/// Both systems' Emp-F1 over drawn examples.
struct Matched {
    overlap: f64,
    first: f64,
    second: f64,
}

fn matched(
    first: (&LevelPairs, &[usize]),
    second: (&LevelPairs, &[usize]),
    drawn: &[usize],
) -> Matched {
    let count = |words: &[usize]| {
        let longest = drawn.iter().map(|at| words[*at]).max().unwrap_or(0);
        let mut counts = vec![0usize; longest + 1];
        drawn.iter().for_each(|at| counts[words[*at]] += 1);
        counts
    };
    let counts = [count(first.1), count(second.1)];
    let common: Vec<usize> = counts[0]
        .iter()
        .zip(&counts[1])
        .map(|(a, b)| *a.min(b))
        .collect();
    let emp_f1 = |(pairs, words): (&LevelPairs, &[usize]), own: &[usize]| {
        let weight = |at: usize| {
            let length = words[at];
            let common = common.get(length).copied().unwrap_or(0);
            common as f64 / own[length] as f64
        };
        let sum: f64 = Mechanism::ALL
            .into_iter()
            .map(|mechanism| weighted_f1(pairs, mechanism, drawn, &weight))
            .sum();
        100.0 * sum / Mechanism::ALL.len() as f64
    };
    Matched {
        overlap: common.iter().sum::<usize>() as f64 / drawn.len() as f64,
        first: emp_f1(first, &counts[0]),
        second: emp_f1(second, &counts[1]),
    }
}

/// The weighted F1 of one mechanism where each example counts by its weight, 0 to 1; not a number without weight.
fn weighted_f1(
    pairs: &LevelPairs,
    mechanism: Mechanism,
    drawn: &[usize],
    weight: &dyn Fn(usize) -> f64,
) -> f64 {
    const LEVELS: usize = EmpathyLevel::ALL.len();
    let mut confusion = [[0.0; LEVELS]; LEVELS];
    for &at in drawn {
        let level = |levels: &Levels| levels[mechanism.index()].index();
        let (gold, found) = (level(&pairs.targets[at]), level(&pairs.responses[at]));
        confusion[gold][found] += weight(at);
    }
    let gold = |level: usize| confusion[level].iter().sum::<f64>();
    let found = |level: usize| confusion.iter().map(|row| row[level]).sum::<f64>();
    let of_level = |level: usize| match gold(level) + found(level) {
        0.0 => 0.0,
        both => gold(level) * 2.0 * confusion[level][level] / both,
    };
    let total: f64 = (0..LEVELS).map(gold).sum();
    (0..LEVELS).map(of_level).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use EmpathyLevel::{No, Strong, Weak};

    fn pairs(responses: Vec<Levels>) -> LevelPairs {
        let targets = (0..responses.len())
            .map(|at| {
                if at % 2 == 0 {
                    [No; 3]
                } else {
                    [Weak, Strong, Weak]
                }
            })
            .collect();
        LevelPairs { targets, responses }
    }

    #[test]
    fn terciles_are_by_the_words_of_the_target() {
        let levels = pairs(vec![[No; 3]; 9]);
        let words = [3, 1, 2, 30, 20, 10, 5, 6, 4];
        let of = |responses: &[Levels], words: &[usize]| {
            by_target_length(&levels.targets, responses, words, &Bootstrap::default())
        };
        let found = of(&levels.responses, &words);
        let ranges: Vec<_> = found.iter().map(|of| (of.least, of.most, of.n)).collect();
        assert_eq!(ranges, [(1, 3, 3), (4, 6, 3), (10, 30, 3)]);
        // In the first third two of three targets have the level that is always said.
        assert!((found[0].emp_f1.value - 100.0 * 2.0 / 3.0 * 0.8).abs() < 1e-9);
        let same = of(&levels.responses, &[7; 9]);
        assert_eq!((same.len(), same[0].n), (1, 9));
        assert!(of(&levels.responses, &words[1..]).is_empty());
        assert!(of(&[], &[]).is_empty());
    }

    #[test]
    fn at_matched_length_a_gain_by_length_alone_is_gone() {
        // Whatever the system, a response of two words has the level of the target, one of five words has not.
        let system = |short: usize| {
            let responses: Vec<Levels> = (0..100)
                .map(|at| match (at < short, at % 2 == 0) {
                    (true, true) | (false, false) => [No; 3],
                    _ => [Weak, Strong, Weak],
                })
                .collect();
            let words: Vec<usize> = (0..100).map(|at| if at < short { 2 } else { 5 }).collect();
            (pairs(responses), words)
        };
        let (first, second) = (system(80), system(40));
        let plain = |(levels, _): &(LevelPairs, Vec<usize>)| {
            let all: Vec<usize> = (0..100).collect();
            mean_f1(&levels.targets, &levels.responses, &all)
        };
        assert!(plain(&first) - plain(&second) > 30.0);
        let found = MatchedLength::new(
            (&first.0, &first.1),
            (&second.0, &second.1),
            &Bootstrap::default(),
        )
        .unwrap();
        assert!((found.overlap - 0.6).abs() < 1e-9);
        assert!(found.difference.value.abs() < 1e-9, "{found:?}");
        let none = MatchedLength::new(
            (&first.0, &[3; 100]),
            (&second.0, &[4; 100]),
            &Bootstrap::default(),
        );
        assert_eq!(none, None, "no length in common");
    }

    #[test]
    fn equal_weights_give_the_plain_figure() {
        let levels = pairs((0..50).map(|at| [[No; 3], [Weak; 3]][at % 3 % 2]).collect());
        let words: Vec<usize> = (0..50).map(|at| at % 7).collect();
        let found = MatchedLength::new((&levels, &words), (&levels, &words), &Bootstrap::default())
            .unwrap();
        let all: Vec<usize> = (0..50).collect();
        let plain = mean_f1(&levels.targets, &levels.responses, &all);
        assert!((found.first.value - plain).abs() < 1e-9);
        assert_eq!((found.overlap, found.difference.value), (1.0, 0.0));
    }
}
