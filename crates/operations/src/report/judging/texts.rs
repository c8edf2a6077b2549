//! The words of the judging page in a browser, from a file that can be translated.

use std::borrow::Cow;

use serde::Deserialize;

use super::crowd::{Check, Consent, End, Practice};
use crate::study::definition::{Definition, OWN_INSTRUCTIONS, StudyKind, default_instructions};
use crate::study::page::StudyHead;

/// The languages that come with the program: their codes and files.
pub const LANGUAGES: [(&str, &str); 4] = [
    ("en", include_str!("../../../../../assets/judging/en.toml")),
    ("es", include_str!("../../../../../assets/judging/es.toml")),
    ("zh", include_str!("../../../../../assets/judging/zh.toml")),
    ("ar", include_str!("../../../../../assets/judging/ar.toml")),
];

/// The longest text of a file, in characters.
const LONGEST: usize = 20_000;

/// Why a file has not the words of a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextsError {
    #[error("{problem}; compare it with the languages that come along: en, es, zh, ar")]
    Unreadable { problem: String },
    #[error("`{name}` lacks {word}, which the program fills in; put it where it belongs")]
    Lacks {
        name: &'static str,
        word: &'static str,
    },
    #[error("`{name}` is empty or over {LONGEST} characters long; write what the page is to say")]
    Length { name: &'static str },
    #[error("`right` of a question must be the number of one of its options, from 1")]
    Right,
    #[error("`usual` of a practice item must be left, right or tie, or three scores from 1 to 5")]
    Usual,
    #[error(
        "`usual` of a practice item under `practice.own` must have a score of each of the study's aspects, on its scale"
    )]
    OwnUsual,
    #[error("`language` must be a code such as en or pt-BR")]
    Language,
}

/// The direction of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Ltr,
    Rtl,
}

impl Direction {
    pub const fn key(self) -> &'static str {
        match self {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }
}

/// All words of the page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    pub language: String,
    pub direction: Direction,
    pub(super) defaults: Defaults,
    pub(super) page: PageTexts,
    pub(super) notice: NoticeTexts,
    pub(super) consent: Consent,
    pub(super) check: Check,
    pub(super) practice: Practice,
    pub(super) end: End,
    pub(super) pack: PackTexts,
}

/// A group of words with their names, and those that the program fills in.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($word:ident $(($($place:literal),+))?),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(pub $word: String,)+
        }

        impl $name {
            fn check(&self) -> Result<(), TextsError> {
                $(check(stringify!($word), &self.$word, &[$($($place),+)?])?;)+
                Ok(())
            }
        }
    };
}

words! {
    /// Titles and instructions of studies that were made without words of their own.
    Defaults { title_ab, title_rating, instructions_ab, instructions_rating, instructions_own }
}

words! {
    /// What stands instead of an item, or above it.
    NoticeTexts {
        done, done_text("{all}"), nothing_yet, nothing_yet_text, over, over_text, paused, paused_text,
        dead, dead_text,         waiting, busy, refused, elsewhere, too_early, no_script,
    }
}

words! {
    /// Of a pack that is one HTML file.
    PackTexts { save, done_text("{all}"), not_kept }
}

words! {
    /// The words around an item.
    ItemTexts {
        begin, resume, instructions, count("{done}", "{all}"), item("{place}", "{all}"),
        skipped("{number}"), time_left("{minutes}"), conversation, speaker, listener, response,
        numbered_response("{number}"), left_is_better, right_is_better, first_is_better,
        second_is_better, tie, empathy, relevance, fluency, rating_hint, scores_hint, skip, flag, flagged,
        comment, comment_hint, keep_comment, undo, recorded,
        more_below, earlier_turns("{number}"),
    }
}

/// The words around an item, with those of the scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageTexts {
    pub words: ItemTexts,
    pub scores: [String; 5],
}

impl<'de> Deserialize<'de> for PageTexts {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<PageTexts, D::Error> {
        use serde::de::Error;
        // `flatten` would let unknown words pass.
        let mut table = toml::Table::deserialize(from)?;
        let scores = table
            .remove("scores")
            .ok_or_else(|| D::Error::missing_field("scores"))?;
        let scores = scores.try_into().map_err(D::Error::custom)?;
        let words = toml::Value::Table(table);
        let words = words.try_into().map_err(D::Error::custom)?;
        Ok(PageTexts { words, scores })
    }
}

impl PageTexts {
    /// The name of one of the paper's aspects, by its place.
    pub(super) fn aspect(&self, at: usize) -> Option<&str> {
        let words = &self.words;
        let names = [&words.empathy, &words.relevance, &words.fluency];
        names.get(at).map(|name| name.as_str())
    }
}

impl Texts {
    /// One of the languages that come with the program.
    pub fn of_language(code: &str) -> Option<Result<Texts, TextsError>> {
        let found = LANGUAGES.into_iter().find(|(known, _)| *known == code);
        found.map(|(_, text)| Texts::parse(text))
    }

    /// Reads a file of words.
    ///
    /// # Errors
    /// A word is missing, unknown, empty or without what is to be filled in.
    pub fn parse(text: &str) -> Result<Texts, TextsError> {
        let texts: Texts = toml::from_str(text).map_err(|error| TextsError::Unreadable {
            problem: error.to_string(),
        })?;
        let code = &texts.language;
        let is_code = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if code.is_empty() || code.len() > 35 || !code.chars().all(is_code) {
            return Err(TextsError::Language);
        }
        texts.defaults.check()?;
        texts.page.words.check()?;
        texts.notice.check()?;
        texts.consent.check()?;
        texts.check.check()?;
        texts.practice.check()?;
        texts.end.check()?;
        texts.pack.check()?;
        for word in &texts.page.scores {
            check("scores", word, &[])?;
        }
        Ok(texts)
    }

    /// Checks that practice items fit a study's own aspects.
    ///
    /// # Errors
    /// One has other scores.
    pub fn check_for(&self, head: &StudyHead) -> Result<(), TextsError> {
        match head.aspects.is_none() || self.practice.fits(head) {
            true => Ok(()),
            false => Err(TextsError::OwnUsual),
        }
    }

    /// The study's title: its own, or the usual one in this language.
    pub(super) fn title<'a>(&'a self, head: &'a StudyHead) -> &'a str {
        let usual = Definition::new(head.kind, Vec::new(), Vec::new()).title;
        match (head.title == usual, head.kind) {
            (false, _) => &head.title,
            (true, StudyKind::AbTest) => &self.defaults.title_ab,
            (true, StudyKind::Rating) => &self.defaults.title_rating,
        }
    }

    /// The study's instructions: its own, or the usual ones in this language.
    pub(super) fn instructions<'a>(&'a self, head: &'a StudyHead) -> Cow<'a, str> {
        if let Some(aspects) = &head.aspects {
            return match head.instructions == aspects.instructions(OWN_INSTRUCTIONS) {
                true => aspects.instructions(&self.defaults.instructions_own).into(),
                false => Cow::Borrowed(&head.instructions),
            };
        }
        Cow::Borrowed(
            match (
                head.instructions == default_instructions(head.kind),
                head.kind,
            ) {
                (false, _) => &head.instructions,
                (true, StudyKind::AbTest) => &self.defaults.instructions_ab,
                (true, StudyKind::Rating) => &self.defaults.instructions_rating,
            },
        )
    }
}

pub(super) fn check(
    name: &'static str,
    text: &str,
    places: &[&'static str],
) -> Result<(), TextsError> {
    if text.trim().is_empty() || text.chars().count() > LONGEST {
        return Err(TextsError::Length { name });
    }
    match places.iter().find(|place| !text.contains(**place)) {
        Some(word) => Err(TextsError::Lacks { name, word }),
        None => Ok(()),
    }
}

/// A text with what the program fills in.
pub(super) fn filled(text: &str, with: &[(&str, &str)]) -> String {
    let mut text = text.to_string();
    for (place, word) in with {
        text = text.replace(place, word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::aspects::Aspects;

    #[test]
    fn every_language_says_everything() {
        for (code, text) in LANGUAGES {
            let texts = Texts::parse(text).unwrap_or_else(|error| panic!("{code}: {error}"));
            assert_eq!(texts.language, code);
            assert_eq!(texts.direction == Direction::Rtl, code == "ar");
        }
        let english = Texts::of_language("en").unwrap().unwrap();
        for kind in [StudyKind::AbTest, StudyKind::Rating] {
            let usual = Definition::new(kind, Vec::new(), Vec::new());
            let mut head = StudyHead {
                uid: String::new(),
                title: usual.title.clone(),
                kind,
                instructions: usual.instructions.clone(),
                created_ms: 0,
                aspects: None,
                comment: None,
            };
            // The same words as in the window.
            assert_eq!(english.title(&head), usual.title);
            assert_eq!(english.instructions(&head).trim(), usual.instructions);
            let arabic = Texts::of_language("ar").unwrap().unwrap();
            assert_ne!(arabic.title(&head), usual.title);
            head.title = "Mine".to_string();
            assert_eq!(arabic.title(&head), "Mine");
        }
        // Of a study's own aspects the first line is in the language of the page.
        let mut own = Definition::new(StudyKind::Rating, Vec::new(), Vec::new());
        own.ask(Aspects::from_toml("[[aspect]]\nname = \"Warmth\"\n").unwrap());
        let head = StudyHead {
            uid: String::new(),
            title: own.title.clone(),
            kind: own.kind,
            instructions: own.instructions.clone(),
            created_ms: 0,
            aspects: own.aspects.clone(),
            comment: None,
        };
        assert_eq!(english.instructions(&head), own.instructions);
        let arabic = Texts::of_language("ar").unwrap().unwrap();
        assert_ne!(arabic.instructions(&head), own.instructions);
        assert!(arabic.instructions(&head).ends_with("\nWarmth (1 … 5)"));
    }

    #[test]
    fn a_file_with_less_or_more_is_refused() {
        let english = LANGUAGES[0].1;
        let refused = |from: &str, to: &str| {
            assert!(english.contains(from), "{from}");
            Texts::parse(&english.replace(from, to))
                .unwrap_err()
                .to_string()
        };
        assert!(refused("tie = \"Tie\"", "").contains("tie"));
        assert!(refused("tie = \"Tie\"", "tye = \"Tie\"\ntie = \"Tie\"").contains("tye"));
        assert!(refused("{done} of {all}", "many").contains("{done}"));
        assert!(refused("\"Tie\"", "\" \"").contains("`tie` is empty"));
        assert!(refused("language = \"en\"", "language = \"<en>\"").contains("code"));
        assert!(refused("\"poor\", ", "").contains("length 5"));
        assert!(Texts::of_language("xx").is_none());
    }
}
