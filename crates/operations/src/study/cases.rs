//! Cases: a context with every system's answer, searchable by words, emotion and levels.
//!
//! Knows texts and levels; must not know a store or a screen. Systems are named here: only studies are blind.

use std::collections::BTreeSet;

use serde::Serialize;

use super::contexts::{Context, ContextKey};
use crate::data::EmpathyLevel;

/// Levels by mechanism, in the order of [`crate::data::Mechanism::ALL`].
pub type Levels = [EmpathyLevel; 3];

/// A system's answer as shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseAnswer {
    /// Detokenized if needed.
    pub text: String,
    /// None if the system was not scored with identifiers.
    pub levels: Option<AnswerLevels>,
}

/// Levels of an answer and of the target, if it is known, by the same identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AnswerLevels {
    pub response: Levels,
    pub target: Option<Levels>,
}

impl AnswerLevels {
    /// How many of the three mechanisms match the target.
    pub fn agreement(&self) -> Option<usize> {
        let pairs = self.response.iter().zip(self.target.as_ref()?);
        Some(pairs.filter(|(a, b)| a == b).count())
    }
}

/// A context with every system's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    pub key: ContextKey,
    pub context: Context,
    /// By system; None if it gave no answer.
    pub answers: Vec<Option<CaseAnswer>>,
    /// The note of a pinned case.
    pub pin: Option<String>,
    /// All searchable text, in lower case.
    #[serde(skip)]
    pub search: String,
}

/// All cases of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CaseSet {
    /// The systems, in the order of the answers.
    pub systems: Vec<String>,
    /// In the order of the first system that answered them.
    pub cases: Vec<Case>,
    /// Cases left out because they are in a study that is still blind.
    pub withheld: usize,
    /// Those of them that are pinned.
    pub withheld_pins: usize,
}

impl Case {
    pub fn new(key: ContextKey, context: Context, answers: Vec<Option<CaseAnswer>>) -> Case {
        let known = [&context.emotion, &context.situation, &context.target];
        let known = known.into_iter().flatten();
        let texts = answers.iter().flatten().map(|answer| &answer.text);
        let mut search = String::new();
        for part in context.utterances.iter().chain(known).chain(texts) {
            search += &part.to_lowercase();
            // No match may span two parts.
            search.push('\n');
        }
        Case {
            key,
            context,
            answers,
            pin: None,
            search,
        }
    }

    fn answers_of(&self, systems: &[usize]) -> impl Iterator<Item = &CaseAnswer> {
        let answers = systems.iter().map(|system| self.answers.get(*system));
        answers.filter_map(|answer| answer?.as_ref())
    }

    /// Whether these systems' answers differ in levels or, without levels, in words.
    pub fn disagree(&self, systems: &[usize]) -> bool {
        let levels = self.answers_of(systems).filter_map(|answer| answer.levels);
        let levels: Vec<Levels> = levels.map(|levels| levels.response).collect();
        if levels.len() > 1 {
            return levels.windows(2).any(|pair| pair[0] != pair[1]);
        }
        let texts: Vec<&str> = self.answers_of(systems).map(|a| &*a.text).collect();
        texts.windows(2).any(|pair| pair[0] != pair[1])
    }

    /// Whether any of these systems' answers misses a level of the target.
    pub fn misses_target(&self, systems: &[usize]) -> bool {
        let mut levels = self.answers_of(systems).filter_map(|answer| answer.levels);
        levels.any(|levels| {
            levels
                .target
                .is_some_and(|target| target != levels.response)
        })
    }
}

impl CaseSet {
    /// The emotions that occur, sorted.
    pub fn emotions(&self) -> Vec<String> {
        let emotions = self
            .cases
            .iter()
            .filter_map(|case| case.context.emotion.clone());
        emotions.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Indices of the pinned cases.
    pub fn pinned(&self) -> Vec<usize> {
        let pinned = (0..self.cases.len()).filter(|at| self.cases[*at].pin.is_some());
        pinned.collect()
    }
}

/// What to search for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFilter {
    /// All must occur; case is ignored.
    pub words: String,
    pub emotion: Option<String>,
    /// Indices of the systems to compare.
    pub systems: Vec<usize>,
    /// Only cases on which they disagree.
    pub disagree: bool,
    /// Only cases where one of them misses a level of the target.
    pub misses_target: bool,
    pub pinned: bool,
}

/// A search in steps, so that a window can draw in between.
#[derive(Debug, Clone, Default)]
pub struct Search {
    filter: CaseFilter,
    words: Vec<String>,
    next: usize,
    /// Indices of the matches so far, in order.
    pub found: Vec<usize>,
}

impl Search {
    pub fn new(filter: CaseFilter) -> Search {
        let words = filter.words.to_lowercase();
        Search {
            words: words.split_whitespace().map(str::to_string).collect(),
            filter,
            next: 0,
            found: Vec::new(),
        }
    }

    pub fn filter(&self) -> &CaseFilter {
        &self.filter
    }

    /// Searches up to `count` more cases; false when done.
    pub fn advance(&mut self, set: &CaseSet, count: usize) -> bool {
        let end = (self.next + count).min(set.cases.len());
        let found = (self.next..end).filter(|at| self.matches(&set.cases[*at]));
        let found: Vec<usize> = found.collect();
        self.found.extend(found);
        self.next = end;
        end < set.cases.len()
    }

    fn matches(&self, case: &Case) -> bool {
        let filter = &self.filter;
        let emotion = |wanted: &String| case.context.emotion.as_ref() == Some(wanted);
        filter.emotion.as_ref().is_none_or(emotion)
            && (!filter.pinned || case.pin.is_some())
            && self.words.iter().all(|word| case.search.contains(word))
            && (!filter.disagree || case.disagree(&filter.systems))
            && (!filter.misses_target || case.misses_target(&filter.systems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EmpathyLevel::{No, Strong, Weak};

    fn book() -> CaseSet {
        let answer = |text: &str, levels: Option<(Levels, Levels)>| {
            Some(CaseAnswer {
                text: text.to_string(),
                levels: levels.map(|(response, target)| AnswerLevels {
                    response,
                    target: Some(target),
                }),
            })
        };
        let context = |text: &str, emotion: &str| Context {
            conversation: None,
            turn: None,
            emotion: Some(emotion.to_string()),
            situation: None,
            utterances: vec![text.to_string()],
            roles: Vec::new(),
            target: Some("Oh.".to_string()),
        };
        let case =
            |name: &str, context, answers| Case::new(ContextKey(name.into()), context, answers);
        let level = [No, Weak, Strong];
        CaseSet {
            systems: vec!["A".to_string(), "B".to_string()],
            cases: vec![
                case(
                    "1",
                    context("I won!", "proud"),
                    vec![answer("Great", None), answer("Great", None)],
                ),
                case(
                    "2",
                    context("My dog died", "sad"),
                    vec![
                        answer("Sorry", Some((level, level))),
                        answer("Ok", Some(([No; 3], level))),
                    ],
                ),
                case(
                    "3",
                    context("We won a dog", "proud"),
                    vec![answer("Nice", None), None],
                ),
            ],
            withheld: 0,
            withheld_pins: 0,
        }
    }

    fn found(filter: CaseFilter) -> Vec<usize> {
        let book = book();
        let mut search = Search::new(filter);
        while search.advance(&book, 2) {}
        search.found
    }

    #[test]
    fn cases_are_found_by_words_emotion_and_levels() {
        let all = CaseFilter {
            systems: vec![0, 1],
            ..CaseFilter::default()
        };
        assert_eq!(found(all.clone()), [0, 1, 2]);
        let words = |words: &str| CaseFilter {
            words: words.into(),
            ..all.clone()
        };
        assert_eq!(found(words("WON dog")), [2]);
        assert_eq!(found(words("sorry")), [1]);
        let emotion = Some("proud".to_string());
        assert_eq!(
            found(CaseFilter {
                emotion,
                ..all.clone()
            }),
            [0, 2]
        );
        assert_eq!(
            found(CaseFilter {
                disagree: true,
                ..all.clone()
            }),
            [1]
        );
        assert_eq!(
            found(CaseFilter {
                misses_target: true,
                ..all.clone()
            }),
            [1]
        );
        let first = CaseFilter {
            systems: vec![0],
            misses_target: true,
            ..all.clone()
        };
        assert_eq!(found(first), [0usize; 0]);
        assert_eq!(
            found(CaseFilter {
                pinned: true,
                ..all
            }),
            [0usize; 0]
        );
        let levels = book().cases[1].answers[1].clone().unwrap().levels.unwrap();
        assert_eq!(levels.agreement(), Some(1));
        let alone = AnswerLevels {
            target: None,
            ..levels
        };
        assert_eq!(alone.agreement(), None);
    }
}
