//! The design of a study: its kind, systems, contexts, annotators and texts.
//!
//! The only part of a study that names systems, with the blinded key. Knows no file and no clock.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::aspects::Aspects;
use super::error::StudyError;
use crate::text::alike;

/// Annotators who judge each item of an A/B test; a fourth decides where they differ.
pub const AB_RATERS: usize = 3;

/// The longest title and instructions, and the longest name of a person, in characters.
pub const TITLE_LIMIT: usize = 200;
pub const INSTRUCTIONS_LIMIT: usize = 20_000;
pub const PERSON_LIMIT: usize = 100;

/// What annotators are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyKind {
    /// Which of two responses to the same context is better.
    AbTest,
    /// How good one response is in several aspects: the paper's three from 1 to 5, or the study's own.
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
    /// In how many contexts each pair is judged, or each system rated.
    pub contexts: usize,
    /// Whether an annotator of an A/B test may meet a response again in another pair, as all did in studies of early
    /// versions. It shows whose responses all others are compared with.
    #[serde(default = "yes")]
    pub repeats: bool,
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
    /// What a rating asks in place of the paper's aspects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspects: Option<Aspects>,
    /// What annotators are asked to comment on; must not name a system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
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
            repeats: false,
            seed: 0,
            key: 0,
            stratified: false,
            annotators,
            adjudicator: None,
            raters_per_item: AB_RATERS,
            attention_checks: 0,
            aspects: None,
            comment: None,
        }
    }

    /// Asks these aspects of a rating in place of the paper's; the usual instructions follow.
    pub fn ask(&mut self, aspects: Aspects) {
        if self.instructions == default_instructions(self.kind) {
            self.instructions = aspects.instructions(OWN_INSTRUCTIONS);
        }
        self.aspects = Some(aspects);
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

    /// What allowing repeats gives away; None where nobody meets a response twice anyway.
    pub fn repeats_give_away(&self) -> Option<String> {
        let pairs = self.pairs();
        let of_first = pairs.iter().filter(|(a, _)| *a == 0).count();
        (self.repeats && of_first > 1).then(|| {
            format!(
                "every annotator reads the response of {} to a context {of_first} times, and so may learn whose \
                 responses the others are compared with",
                self.systems[0]
            )
        })
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
        check_texts(&self.title, &self.instructions)?;
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
        let everyone: Vec<&str> = everyone.map(String::as_str).collect();
        check_people(&everyone)?;
        self.check_raters()?;
        self.check_questions()?;
        self.check_blinding()
    }

    /// Checks what a study of its own asks.
    fn check_questions(&self) -> Result<(), StudyError> {
        let wrong = |what: &str, fix: &str| {
            Err(StudyError::Definition {
                what: what.to_string(),
                fix: fix.to_string(),
            })
        };
        if let Some(comment) = &self.comment {
            check_comment(comment)?;
        }
        let Some(aspects) = &self.aspects else {
            return Ok(());
        };
        aspects.check()?;
        match self.kind {
            StudyKind::AbTest => wrong(
                "an A/B test asks which response is better, not for scores",
                "leave the aspects out, or make a rating",
            ),
            StudyKind::Rating if self.attention_checks > 0 && aspects.checked().is_none() => wrong(
                "attention checks show shuffled words, and no aspect is said to notice them",
                "let `check` be true of one, such as fluency, or leave the checks out",
            ),
            StudyKind::Rating => Ok(()),
        }
    }

    /// Checks that there are enough annotators for every item.
    fn check_raters(&self) -> Result<(), StudyError> {
        let (named, each) = (self.annotators.len(), self.raters_per_item);
        let (what, fix) = match self.kind {
            StudyKind::AbTest if each != AB_RATERS => (
                format!("an A/B test has three annotators per item, not {each}"),
                "set three".to_string(),
            ),
            StudyKind::AbTest if named < AB_RATERS => (
                format!("an A/B test has three annotators per item, and {named} are named"),
                "name at least three, besides the fourth".to_string(),
            ),
            StudyKind::Rating if self.adjudicator.is_some() => (
                "a rating has no fourth annotator".to_string(),
                "leave the fourth out".to_string(),
            ),
            _ if each == 0 => (
                "there are no annotators per item".to_string(),
                "set at least one".to_string(),
            ),
            _ if named < each => (
                format!("each item has {each} annotators, and {named} are named"),
                format!("name at least {each}, or set fewer annotators per item"),
            ),
            _ => return Ok(()),
        };
        Err(StudyError::Definition { what, fix })
    }

    fn check_blinding(&self) -> Result<(), StudyError> {
        let aspects = self.aspects.iter().flat_map(Aspects::texts);
        let asked = aspects.chain(self.comment.as_deref());
        let texts = [
            ("title", &*self.title),
            ("instructions", &self.instructions),
        ];
        for (place, text) in texts
            .into_iter()
            .chain(asked.map(|text| ("question", text)))
        {
            if let Some(system) = self.systems.iter().find(|system| names(text, system)) {
                let system = system.clone();
                return Err(StudyError::NamesSystem { place, system });
            }
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

/// Checks that a title and instructions can be shown.
///
/// # Errors
/// One of them is too long, or the title has several lines.
pub fn check_texts(title: &str, instructions: &str) -> Result<(), StudyError> {
    let wrong = |what: String, fix: &str| {
        let fix = fix.to_string();
        Err(StudyError::Definition { what, fix })
    };
    if title.chars().count() > TITLE_LIMIT {
        let what = format!("the title has over {TITLE_LIMIT} characters");
        return wrong(what, "shorten it");
    }
    if title.contains(char::is_control) {
        let what = "the title has a line break or a control character".to_string();
        return wrong(what, "write it on one line");
    }
    if instructions.chars().count() > INSTRUCTIONS_LIMIT {
        let what = format!("the instructions have over {INSTRUCTIONS_LIMIT} characters");
        return wrong(what, "shorten them");
    }
    Ok(())
}

/// Checks that what comments are asked for can be shown.
///
/// # Errors
/// It is empty or too long, or has several lines.
pub fn check_comment(comment: &str) -> Result<(), StudyError> {
    let is_long = comment.chars().count() > TITLE_LIMIT;
    match comment.trim().is_empty() || is_long || comment.contains(char::is_control) {
        false => Ok(()),
        true => Err(StudyError::Definition {
            what: format!(
                "what comments are asked for is empty, has over {TITLE_LIMIT} characters, or a line break"
            ),
            fix: "write one short question, or none".to_string(),
        }),
    }
}

/// Checks the names of a study's people, in the order of their codes A1, A2, …: every later one is known by name, by
/// code and by number.
///
/// # Errors
/// A name is missing, given twice or too long, or is another's code or number.
pub fn check_people(names: &[&str]) -> Result<(), StudyError> {
    for (name, number) in names.iter().zip(1..) {
        check_person(name, number)?;
    }
    match has_duplicates(names) {
        false => Ok(()),
        true => Err(StudyError::Definition {
            what: "an annotator is named twice".to_string(),
            fix: "name different people; the fourth annotator is none of the others".to_string(),
        }),
    }
}

/// Whether two names are one person's, however they were typed.
pub fn same_person(one: &str, other: &str) -> bool {
    alike(one) == alike(other)
}

/// Checks the name of the annotator with this number, as [`check_people`] does.
pub fn check_person(name: &str, number: u32) -> Result<(), StudyError> {
    let wrong = |what: String, fix: &str| {
        let fix = fix.to_string();
        Err(StudyError::Definition { what, fix })
    };
    let name = name.trim();
    if alike(name).is_empty() {
        return wrong("an annotator has no name".to_string(), "name everyone");
    }
    if name.chars().count() > PERSON_LIMIT || name.contains(char::is_control) {
        let what = format!("the name of annotator {number} is too long or has a line break");
        return wrong(what, "shorten it");
    }
    let read = alike(name).replace(' ', "");
    let code = read.strip_prefix('a').unwrap_or(&read);
    let is_code = !code.is_empty() && code.chars().all(char::is_numeric);
    if is_code && read != format!("a{number}") {
        let what = format!(
            "annotator {number} is named {name}, which reads as the code of another (the codes are A1, A2, …)"
        );
        return wrong(what, "give another name");
    }
    Ok(())
}

/// The first line of the instructions of a rating with aspects of its own, which follow.
pub const OWN_INSTRUCTIONS: &str =
    "You read a conversation and one response to it. Rate it in each of these aspects.";

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

fn has_duplicates(names: &[impl AsRef<str>]) -> bool {
    let different: HashSet<String> = names.iter().map(|name| alike(name.as_ref())).collect();
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
        assert!(
            refused(&|s| s.annotators.truncate(2)).contains("2 are named; name at least three")
        );
        assert!(refused(&|s| s.adjudicator = Some("Person 1".to_string())).contains("fourth"));
        for name in ["PERSON\u{a0}1", "person  1", "\u{ff50}erson 1"] {
            assert!(
                refused(&|s| s.annotators[2] = name.to_string()).contains("named twice"),
                "{name}"
            );
        }
        assert!(refused(&|s| s.adjudicator = Some(" ".to_string())).contains("no name"));
        assert!(refused(&|s| s.raters_per_item = 2).contains("three annotators"));
        // Codes are A1, A2 and so on: a name must not be another's.
        for name in [
            "A2",
            "a3",
            "2",
            "A17",
            "A 2",
            "\u{ff21}\u{ff12}",
            "a\u{200b}2",
        ] {
            assert!(
                refused(&|s| s.annotators[0] = name.to_string()).contains("code"),
                "{name}"
            );
        }
        assert!(refused(&|s| s.annotators[0] = "x".repeat(101)).contains("too long"));
        assert!(refused(&|s| s.title = "x".repeat(70_000)).contains("over 200"));
        assert!(refused(&|s| s.title = "a\nb".to_string()).contains("one line"));
        assert!(refused(&|s| s.instructions = "x".repeat(20_001)).contains("over 20000"));
        assert!(refused(&|s| s.contexts = 0).contains("no contexts"));
        assert!(refused(&|s| s.ask(Aspects::paper().clone())).contains("not for scores"));
        assert!(refused(&|s| s.comment = Some(" ".to_string())).contains("comments"));
        assert!(
            refused(&|s| s.comment = Some("Why not MoEL?".to_string())).contains("question names")
        );
        assert!(refused(&|s| s.title = "MoEL against us".to_string()).contains("the title names"));
        assert!(
            refused(&|s| s.instructions.push_str(" (emprl is ours)"))
                .contains("instructions names")
        );
    }

    #[test]
    fn a_rating_with_its_own_aspects_says_so_first() {
        let mut study = Definition::new(StudyKind::Rating, systems(&["EmpRL"]), people(3));
        let file = "[[aspect]]\nname = \"Warmth\"\npoints = 7\n";
        study.ask(Aspects::from_toml(file).unwrap());
        study.validate().unwrap();
        assert!(study.instructions.ends_with("\nWarmth (1 … 7)"));
        study.attention_checks = 1;
        let refused = study.validate().unwrap_err().to_string();
        assert!(refused.contains("no aspect is said to notice"), "{refused}");
        study.attention_checks = 0;
        let file = "[[aspect]]\nname = \"As EmpRL\"\n";
        study.aspects = Some(Aspects::from_toml(file).unwrap());
        let refused = study.validate().unwrap_err().to_string();
        assert!(refused.contains("the question names"), "{refused}");
    }

    #[test]
    fn a_person_may_be_named_as_their_own_code() {
        let names = ["A1", "A2", "A3"].map(str::to_string).to_vec();
        Definition::new(StudyKind::AbTest, systems(&["EmpRL", "MoEL"]), names)
            .validate()
            .unwrap();
        let mut rating = Definition::new(StudyKind::Rating, systems(&["EmpRL"]), people(3));
        rating.adjudicator = Some("Dee".to_string());
        assert!(
            rating
                .validate()
                .unwrap_err()
                .to_string()
                .contains("no fourth")
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
        study.repeats = true;
        assert_eq!(study.workload(), (230, 920));
        assert_eq!(study.pairs(), [(0, 1), (0, 2), (1, 2)]);
    }
}
