//! Signs by which systems are told apart without reading: length, case, apostrophes, emoji, spaces before punctuation,
//! formatting.
//!
//! For the lead of a study, before it is judged. Says how well a sign works and never in which direction, since whoever
//! leads a study may judge in it.

use serde::Serialize;

use super::definition::{Definition, StudyKind};
use super::display::is_closing_mark;
use super::make::Candidate;
use super::statistics::significance::{Share, wilson};

/// What a reader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    Length,
    Case,
    Apostrophes,
    Emoji,
    SpacedPunctuation,
    Formatting,
}

impl Feature {
    const ALL: [Feature; 6] = [
        Feature::Length,
        Feature::Case,
        Feature::Apostrophes,
        Feature::Emoji,
        Feature::SpacedPunctuation,
        Feature::Formatting,
    ];

    /// "a reader who looks only at …"
    pub const fn words(self) -> &'static str {
        match self {
            Feature::Length => "length",
            Feature::Case => "capital letters",
            Feature::Apostrophes => "apostrophes",
            Feature::Emoji => "emoji",
            Feature::SpacedPunctuation => "spaces before punctuation",
            Feature::Formatting => "line breaks and formatting",
        }
    }

    fn of(self, text: &str) -> f64 {
        let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count() as f64;
        match self {
            Feature::Length => text.split_whitespace().count() as f64,
            // The share of capitals would tell length as well.
            Feature::Case => {
                let first = text.chars().find(|c| c.is_alphabetic());
                let begins = first.is_some_and(char::is_uppercase);
                let small_i = text.split_whitespace().any(|word| word == "i");
                f64::from(u8::from(begins)) - f64::from(u8::from(small_i))
            }
            // The typewriter's and the printer's are told apart.
            Feature::Apostrophes => count(|c| c == '\'') - count(|c| c == '’'),
            Feature::Emoji => count(is_emoji),
            Feature::SpacedPunctuation => {
                let pairs = text.chars().zip(text.chars().skip(1));
                let spaced = pairs.filter(|(a, b)| *a == ' ' && is_closing_mark(*b));
                spaced.count() as f64
            }
            Feature::Formatting => count(|c| matches!(c, '\n' | '*' | '#' | '`' | '|')),
        }
    }
}

/// Pictographs, and the selector that asks for one.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1F000}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{2B50}' | '\u{2B55}' | '\u{FE0F}')
}

/// Two systems that a sign tells apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sign {
    pub feature: Feature,
    pub systems: [String; 2],
    /// Of the contexts in which a reader guesses right who said what, seeing both responses and this feature alone; where
    /// the responses do not differ in it, the guess is by chance and counts half. With Wilson's 95 % interval.
    pub guessed: Share,
    pub contexts: usize,
}

impl Sign {
    /// As a sentence for the lead.
    pub fn words(&self) -> String {
        let [a, b] = &self.systems;
        format!(
            "a reader who looks only at {} tells {a} from {b} in {:.0} % of {} contexts [{:.0}, {:.0}]; by chance it is 50 %",
            self.feature.words(),
            100.0 * self.guessed.value,
            self.contexts,
            100.0 * self.guessed.low,
            100.0 * self.guessed.high,
        )
    }
}

/// The signs whose interval excludes chance, the clearest first. `shown` are the drawn contexts.
pub(super) fn signs(definition: &Definition, shown: &[&Candidate]) -> Vec<Sign> {
    let systems = &definition.systems;
    let all = 0..systems.len();
    let pairs: Vec<(usize, usize)> = match definition.kind {
        StudyKind::AbTest => definition.pairs(),
        StudyKind::Rating => all.flat_map(|b| (0..b).map(move |a| (a, b))).collect(),
    };
    let mut signs: Vec<Sign> = pairs
        .iter()
        .flat_map(|pair| Feature::ALL.map(|feature| (pair, feature)))
        .filter_map(|(&(a, b), feature)| {
            let guessed = guessed(feature, shown, a, b)?;
            Some(Sign {
                feature,
                systems: [systems[a].clone(), systems[b].clone()],
                guessed,
                contexts: shown.len(),
            })
        })
        .collect();
    signs.sort_by(|a, b| b.guessed.value.total_cmp(&a.guessed.value));
    signs
}

/// None where chance may have done it.
fn guessed(feature: Feature, shown: &[&Candidate], a: usize, b: usize) -> Option<Share> {
    let halves = shown.iter().map(|candidate| {
        let [a, b] = [a, b].map(|system| feature.of(&candidate.answers[system]));
        match a.total_cmp(&b) {
            std::cmp::Ordering::Greater => 2,
            std::cmp::Ordering::Equal => 1,
            std::cmp::Ordering::Less => 0,
        }
    });
    let (halves, all) = (halves.sum::<usize>(), 2 * shown.len());
    // The better of the two ways to guess.
    let right = halves.max(all - halves) / 2;
    let share = wilson(right as u64, shown.len() as u64, 0.95).ok()?;
    (share.low > 0.5).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::contexts::ContextKey;

    fn candidate(number: usize, answers: [&str; 2]) -> Candidate {
        Candidate {
            key: ContextKey(format!("{number}")),
            emotion: None,
            utterances: vec!["I lost my keys.".to_string()],
            roles: Vec::new(),
            target: None,
            answers: answers.map(str::to_string).to_vec(),
        }
    }

    fn found(answers: impl Fn(usize) -> [&'static str; 2]) -> Vec<Sign> {
        let systems = ["Ours", "Theirs"].map(str::to_string).to_vec();
        let people = (0..3).map(|at| format!("person {at}")).collect();
        let definition = Definition::new(StudyKind::AbTest, systems, people);
        let candidates: Vec<Candidate> = (0..100).map(|at| candidate(at, answers(at))).collect();
        signs(&definition, &candidates.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_sign_is_found_by_how_often_it_tells() {
        let signs = found(|at| match at < 71 {
            true => ["Oh no, that is sad.", "Oh no."],
            false => ["Oh no.", "Oh no, that is sad."],
        });
        let length = signs
            .iter()
            .find(|sign| sign.feature == Feature::Length)
            .unwrap();
        assert_eq!((length.guessed.value, length.contexts), (0.71, 100));
        assert!(
            length
                .words()
                .contains("only at length tells Ours from Theirs in 71 % of 100")
        );
        assert!(found(|_| ["I am sorry.", "I am sorry."]).is_empty());
        let by_chance = found(|at| [["Oh no.", "Why?"][at % 2], ["Why?", "Oh no."][at % 2]]);
        assert!(by_chance.is_empty(), "{by_chance:?}");
    }

    #[test]
    fn each_feature_is_seen() {
        for (feature, ours, theirs) in [
            (Feature::Case, "I am Sorry.", "i am sorry."),
            (Feature::Apostrophes, "It’s bad.", "It's bad."),
            (Feature::Emoji, "So sad 😢 😢", "So sad . ."),
            (Feature::SpacedPunctuation, "so sad .", "so sad. "),
            (Feature::Formatting, "**So** sad.", "So sad."),
        ] {
            let signs = found(|_| [ours, theirs]);
            assert!(
                signs
                    .iter()
                    .any(|sign| sign.feature == feature && sign.guessed.value == 1.0),
                "{feature:?}: {signs:?}"
            );
        }
    }

    #[test]
    fn ties_are_guessed_by_chance() {
        let signs = found(|at| match at < 60 {
            true => ["So sad. Why?", "So sad."],
            false => ["So sad.", "So sad."],
        });
        let length = signs
            .iter()
            .find(|sign| sign.feature == Feature::Length)
            .unwrap();
        assert_eq!(length.guessed.value, 0.8);
    }
}
