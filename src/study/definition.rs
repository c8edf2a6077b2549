//! The design of a study: its kind, systems, contexts, annotators and texts.
//!
//! The only part of a study that names systems, with the blinded key. Knows no file and no clock.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::error::StudyError;

/// Annotators who judge each item of an A/B test; a fourth decides where they differ.
pub const AB_RATERS: usize = 3;

/// What annotators are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyKind {
    /// Which of two responses to the same context is better.
    AbTest,
    /// How good one response is in three aspects, 1 to 5.
    Rating,
}

impl StudyKind {
    pub const fn key(self) -> &'static str {
        match self {
            StudyKind::AbTest => "ab_test",
            StudyKind::Rating => "rating",
        }
    }

    /// The kind whose [`key`](StudyKind::key) this is.
    pub fn from_key(key: &str) -> Option<StudyKind> {
        let kinds = [StudyKind::AbTest, StudyKind::Rating];
        kinds.into_iter().find(|kind| kind.key() == key)
    }
}

/// Which systems are compared in an A/B test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// The first system against each of the others, as in Table IV.
    #[default]
    FirstAgainstEach,
    /// Every system against every other.
    EveryPair,
}

/// A study's settings.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Shown to annotators; must not name a system.
    pub title: String,
    pub kind: StudyKind,
    /// Shown to annotators first; must not name a system.
    pub instructions: String,
    /// In an A/B test the first is model A.
    pub systems: Vec<String>,
    pub pairing: Pairing,
    /// How many contexts to draw.
    pub contexts: usize,
    /// Seed of the drawn contexts and, with `key`, of item numbers, orders and sides.
    pub seed: u64,
    /// Random and blinded: seeds are small and can be guessed, and with the sides an annotator would know
    /// whose responses they judge. 0 before the study is created, and in studies of early versions.
    #[serde(default)]
    pub key: u64,
    /// Whether the drawn contexts keep the proportions of emotions.
    pub stratified: bool,
    /// Names that never leave this store.
    pub annotators: Vec<String>,
    /// The fourth annotator, for items on which three differ; can also be named later.
    pub adjudicator: Option<String>,
    /// 3 in an A/B test.
    pub raters_per_item: usize,
    /// Items with a known right answer, added for every annotator.
    pub attention_checks: usize,
}

impl Definition {
    /// A study with the paper's settings: 100 contexts, three annotators per item, the paper's definitions
    /// as instructions.
    pub fn new(kind: StudyKind, systems: Vec<String>, annotators: Vec<String>) -> Definition {
        Definition {
            title: match kind {
                StudyKind::AbTest => "Which response is better?".to_string(),
                StudyKind::Rating => "How good is the response?".to_string(),
            },
            kind,
            instructions: default_instructions(kind),
            systems,
            pairing: Pairing::FirstAgainstEach,
            contexts: 100,
            seed: 0,
            key: 0,
            stratified: false,
            annotators,
            adjudicator: None,
            raters_per_item: AB_RATERS,
            attention_checks: 0,
        }
    }

    /// Seed of what annotators must not be able to guess: item numbers, orders and sides.
    pub fn blinded_seed(&self) -> u64 {
        self.seed ^ self.key
    }

    /// The pairs of systems to compare, by index; empty in a rating.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        let n = self.systems.len();
        match (self.kind, self.pairing) {
            (StudyKind::Rating, _) => Vec::new(),
            (StudyKind::AbTest, Pairing::FirstAgainstEach) => (1..n).map(|b| (0, b)).collect(),
            (StudyKind::AbTest, Pairing::EveryPair) => {
                let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
                pairs.collect()
            }
        }
    }

    /// Items for each annotator, including checks, and judgements in all.
    pub fn workload(&self) -> (usize, usize) {
        let of_a_context = match self.kind {
            StudyKind::AbTest => self.pairs().len(),
            StudyKind::Rating => self.systems.len(),
        };
        let annotators = self.annotators.len().max(1);
        let contexts = (self.contexts * self.raters_per_item).div_ceil(annotators);
        let each = contexts * of_a_context + self.attention_checks;
        let checks = self.attention_checks * self.annotators.len();
        (
            each,
            self.contexts * self.raters_per_item * of_a_context + checks,
        )
    }

    /// Checks everything that can be checked without the responses.
    ///
    /// # Errors
    /// The first invalid setting, or a text for annotators that names a system.
    pub fn validate(&self) -> Result<(), StudyError> {
        let wrong = |what: &str, fix: &str| {
            Err(StudyError::Definition {
                what: what.to_string(),
                fix: fix.to_string(),
            })
        };
        if self.title.trim().is_empty() {
            return wrong("the study has no title", "give one that names no system");
        }
        let least = match self.kind {
            StudyKind::AbTest => 2,
            StudyKind::Rating => 1,
        };
        if self.systems.len() < least {
            return wrong(
                "there are too few systems",
                "choose two for an A/B test, one for a rating",
            );
        }
        if has_duplicates(&self.systems) || self.systems.iter().any(|s| s.trim().is_empty()) {
            return wrong(
                "a system is named twice or not at all",
                "choose different systems",
            );
        }
        if self.contexts == 0 {
            return wrong("there are no contexts", "choose at least one, such as 100");
        }
        let everyone = self.annotators.iter().chain(&self.adjudicator);
        let everyone: Vec<String> = everyone.cloned().collect();
        if has_duplicates(&everyone) || everyone.iter().any(|name| name.trim().is_empty()) {
            return wrong(
                "an annotator is named twice or not at all",
                "name different people; the fourth annotator is none of the others",
            );
        }
        if self.kind == StudyKind::AbTest && self.raters_per_item != AB_RATERS {
            return wrong("an A/B test needs three annotators an item", "set three");
        }
        if self.raters_per_item == 0 || self.annotators.len() < self.raters_per_item {
            return wrong(
                "there are fewer annotators than judge each item",
                "name more annotators, or let fewer judge each item",
            );
        }
        self.check_blinding()
    }

    fn check_blinding(&self) -> Result<(), StudyError> {
        for (place, text) in [("title", &self.title), ("instructions", &self.instructions)] {
            if let Some(system) = self.systems.iter().find(|system| names(text, system)) {
                let system = system.clone();
                return Err(StudyError::NamesSystem { place, system });
            }
        }
        Ok(())
    }
}

/// The paper's own words on what is judged.
pub fn default_instructions(kind: StudyKind) -> String {
    match kind {
        StudyKind::AbTest => {
            "You read a conversation and two responses to it. Choose the response that you think is better; \
             if both are equally good, choose a tie. Consider how far each expresses understanding of the \
             speaker's situation and feelings and conveys fitting emotions, how relevant it is to the \
             conversation, and how natural and fluent it is."
        }
        StudyKind::Rating => {
            "You read a conversation and one response to it. Rate it from 1 to 5 in three aspects \
             (1 poor, 2 marginal, 3 moderate, 4 good, 5 excellent).\n\
             Empathy: whether the response expresses understanding of the speaker's situation and feelings \
             and conveys fitting emotions.\n\
             Relevance: whether the response is relevant to the context.\n\
             Fluency: whether the response is natural and fluent."
        }
    }
    .to_string()
}

/// Whether a text contains a system's name as whole words, ignoring case. A name of one letter is too common.
pub fn names(text: &str, system: &str) -> bool {
    let (text, system) = (text.to_lowercase(), system.trim().to_lowercase());
    let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    system.chars().count() > 1
        && text.match_indices(&system).any(|(at, found)| {
            !in_word(text[..at].chars().next_back())
                && !in_word(text[at + found.len()..].chars().next())
        })
}

fn has_duplicates(names: &[String]) -> bool {
    let different: HashSet<String> = names.iter().map(|n| n.trim().to_lowercase()).collect();
    different.len() < names.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(n: usize) -> Vec<String> {
        (0..n).map(|at| format!("person {at}")).collect()
    }

    fn systems(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn the_papers_settings_are_sound() {
        for kind in [StudyKind::AbTest, StudyKind::Rating] {
            let study = Definition::new(kind, systems(&["EmpRL", "MoEL", "CEM"]), people(3));
            study.validate().unwrap();
            assert_eq!(StudyKind::from_key(kind.key()), Some(kind));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let sound = Definition::new(StudyKind::AbTest, systems(&["EmpRL", "MoEL"]), people(3));
        let refused = |change: &dyn Fn(&mut Definition)| {
            let mut study = sound.clone();
            change(&mut study);
            study.validate().unwrap_err().to_string()
        };
        assert!(refused(&|s| s.systems.truncate(1)).contains("too few systems"));
        assert!(refused(&|s| s.systems[1] = "emprl ".to_string()).contains("named twice"));
        assert!(refused(&|s| s.annotators.truncate(2)).contains("fewer annotators"));
        assert!(refused(&|s| s.adjudicator = Some("Person 1".to_string())).contains("fourth"));
        assert!(refused(&|s| s.raters_per_item = 2).contains("three annotators"));
        assert!(refused(&|s| s.contexts = 0).contains("no contexts"));
        assert!(refused(&|s| s.title = "MoEL against us".to_string()).contains("the title names"));
        assert!(
            refused(&|s| s.instructions.push_str(" (emprl is ours)"))
                .contains("instructions names")
        );
    }

    #[test]
    fn a_name_is_found_as_a_word_of_its_own() {
        assert!(names("our EmpRL, say", "emprl"));
        assert!(names("T5 (base)", "T5"));
        assert!(!names("camera", "CAM"));
        assert!(!names("A/B test", "A"));
        assert!(!names("any", ""));
    }

    #[test]
    fn workload_counts_every_judgement() {
        let mut study = Definition::new(StudyKind::AbTest, systems(&["a1", "b1", "c1"]), people(4));
        assert_eq!(study.workload(), (150, 600));
        study.pairing = Pairing::EveryPair;
        study.attention_checks = 5;
        assert_eq!(study.workload(), (230, 920));
        assert_eq!(study.pairs(), [(0, 1), (0, 2), (1, 2)]);
    }
}
