//! Cases: a context with the answers of every system side by side, found by words, emotion and levels.
//!
//! Knows texts and levels; must not know a store or a screen. Names of systems are in the open here: what is
//! blind is a study, never a case.

use serde::Serialize;

use super::contexts::{Context, ContextKey};
use crate::data::EmpathyLevel;

/// Levels by mechanism, in the order of [`crate::data::Mechanism::ALL`].
pub type Levels = [EmpathyLevel; 3];

/// A system's answer as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseAnswer {
    /// The response, put as people write.
    pub text: String,
    /// What the system's identifiers say of it and of the target; none where it was not scored with any.
    pub levels: Option<AnswerLevels>,
}

/// Levels of an answer and of the target, by the same identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AnswerLevels {
    /// Of the answer.
    pub response: Levels,
    /// Of the target.
    pub target: Levels,
}

impl AnswerLevels {
    /// How many of the three mechanisms have the target's level.
    pub fn agreement(&self) -> usize {
        let pairs = self.response.iter().zip(&self.target);
        pairs.filter(|(a, b)| a == b).count()
    }
}

/// A context with everybody's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What tells it from others.
    pub key: ContextKey,
    /// The context, with emotion, situation and target.
    pub context: Context,
    /// One for each system of the book; none where it gave no answer.
    pub answers: Vec<Option<CaseAnswer>>,
    /// The note it is pinned with; none where it is not pinned.
    pub pin: Option<String>,
    /// Everything that can be searched, in lower case.
    #[serde(skip)]
    pub search: String,
}

/// Every case of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CaseSet {
    /// The systems, in the order of the answers.
    pub systems: Vec<String>,
    /// The cases, in the order in which the first system that has them answered.
    pub cases: Vec<Case>,
    /// Cases that are left out because a study that is still blind shows them.
    pub withheld: usize,
}

impl Case {
    /// A case, ready to be searched.
    pub fn new(key: ContextKey, context: Context, answers: Vec<Option<CaseAnswer>>) -> Case {
        let mut case = Case {
            key,
            context,
            answers,
            pin: None,
            search: String::new(),
        };
        case.search = case.searchable();
        case
    }

    fn searchable(&self) -> String {
        let known = [
            &self.context.emotion,
            &self.context.situation,
            &self.context.target,
        ];
        let known = known.into_iter().flatten();
        let answers = self.answers.iter().flatten().map(|answer| &answer.text);
        let mut text = String::new();
        for part in self.context.utterances.iter().chain(known).chain(answers) {
            text += part;
            // A word does not reach from one part into the next.
            text.push('\n');
        }
        text.to_lowercase()
    }

    fn chosen(&self, systems: &[usize]) -> impl Iterator<Item = &CaseAnswer> {
        systems
            .iter()
            .filter_map(|system| self.answers.get(*system)?.as_ref())
    }

    /// Whether the answers of these systems have different levels; where none is known, different words.
    pub fn disagree(&self, systems: &[usize]) -> bool {
        let levels: Vec<Levels> = self
            .chosen(systems)
            .filter_map(|answer| Some(answer.levels?.response))
            .collect();
        if levels.len() > 1 {
            return levels.windows(2).any(|pair| pair[0] != pair[1]);
        }
        let texts: Vec<&str> = self.chosen(systems).map(|answer| &*answer.text).collect();
        texts.windows(2).any(|pair| pair[0] != pair[1])
    }

    /// Whether an answer of these systems misses a level of the target.
    pub fn misses_target(&self, systems: &[usize]) -> bool {
        let mut levels = self.chosen(systems).filter_map(|answer| answer.levels);
        levels.any(|levels| levels.response != levels.target)
    }
}

impl CaseSet {
    /// The emotions that occur, in the order of the alphabet.
    pub fn emotions(&self) -> Vec<String> {
        let mut emotions: Vec<String> = self
            .cases
            .iter()
            .filter_map(|case| case.context.emotion.clone())
            .collect();
        emotions.sort_unstable();
        emotions.dedup();
        emotions
    }

    /// Places of the pinned cases.
    pub fn pinned(&self) -> Vec<usize> {
        let pinned = (0..self.cases.len()).filter(|at| self.cases[*at].pin.is_some());
        pinned.collect()
    }
}

/// Which cases are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseFilter {
    /// Every word must occur, in any case.
    pub words: String,
    /// The speaker's emotion.
    pub emotion: Option<String>,
    /// The systems that count, by place.
    pub systems: Vec<usize>,
    /// Only where they disagree.
    pub disagree: bool,
    /// Only where one of them misses a level of the target.
    pub misses_target: bool,
    /// Only pinned ones.
    pub pinned: bool,
}

/// A search that goes through the book a stretch at a time, so that a window can draw in between.
#[derive(Debug, Clone, Default)]
pub struct Search {
    filter: CaseFilter,
    words: Vec<String>,
    next: usize,
    /// Places of the cases found so far, in the order of the book.
    pub found: Vec<usize>,
}

impl Search {
    /// A search that has not begun.
    pub fn new(filter: CaseFilter) -> Search {
        let words = filter.words.to_lowercase();
        Search {
            words: words.split_whitespace().map(str::to_string).collect(),
            filter,
            next: 0,
            found: Vec::new(),
        }
    }

    /// What is searched for.
    pub fn filter(&self) -> &CaseFilter {
        &self.filter
    }

    /// Looks at up to `stretch` more cases; false when all were looked at.
    pub fn advance(&mut self, book: &CaseSet, stretch: usize) -> bool {
        let end = (self.next + stretch).min(book.cases.len());
        for at in self.next..end {
            if self.wants(&book.cases[at]) {
                self.found.push(at);
            }
        }
        self.next = end;
        end < book.cases.len()
    }

    fn wants(&self, case: &Case) -> bool {
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
                levels: levels.map(|(response, target)| AnswerLevels { response, target }),
            })
        };
        let context = |text: &str, emotion: &str| Context {
            conversation: None,
            turn: None,
            emotion: Some(emotion.to_string()),
            situation: None,
            utterances: vec![text.to_string()],
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
        assert_eq!(levels.agreement(), 1);
    }
}
