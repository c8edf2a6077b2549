//! Scores by rules of a response's words. Pure functions.

use std::collections::HashSet;

use crate::experiment::{LengthTerm, RepetitionTerm};
use crate::text::word_tokenize;

/// Minus the number of words by which a response is outside of the limits. Words are what spaces divide.
pub fn length(settings: &LengthTerm, response: &str) -> f32 {
    let words = response.split_whitespace().count() as u64;
    let missing = settings.at_least.saturating_sub(words);
    let extra = match settings.at_most {
        0 => 0,
        at_most => words.saturating_sub(at_most),
    };
    -((missing + extra) as f32)
}

/// Minus the share of the n-grams that occurred before in the response: `-(1 - distinct / all)`, and 0 where it is
/// shorter than one. Words are those of Dist-n, without regard to case.
pub fn repetition(settings: &RepetitionTerm, response: &str) -> f32 {
    let words = word_tokenize(&response.to_lowercase());
    let all = words.windows(settings.ngram);
    let count = all.len();
    let distinct: HashSet<&[String]> = all.collect();
    match count {
        0 => 0.0,
        count => distinct.len() as f32 / count as f32 - 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_outside_of_the_limits_costs_one() {
        let limits = |at_least, at_most| LengthTerm { at_least, at_most };
        let five = "I am so very sorry.";
        for (at_least, at_most, score) in [
            (0, 5, 0.0),
            (0, 3, -2.0),
            (8, 0, -3.0),
            (6, 9, -1.0),
            (5, 5, 0.0),
        ] {
            assert_eq!(
                length(&limits(at_least, at_most), five),
                score,
                "{at_least} {at_most}"
            );
        }
        assert_eq!(length(&limits(2, 9), ""), -2.0);
    }

    #[test]
    fn ngrams_that_come_again_cost_their_share() {
        let of = |ngram, text| repetition(&RepetitionTerm { ngram }, text);
        // Words: oh no oh no no; of the 4 pairs, oh-no comes twice.
        assert_eq!(of(2, "Oh no oh no no"), -0.25);
        assert_eq!(of(1, "Oh no oh no no"), -0.6);
        assert_eq!(of(2, "I am here"), 0.0);
        assert_eq!(of(3, "Hello there"), 0.0);
        assert_eq!(of(2, ""), 0.0);
    }
}
