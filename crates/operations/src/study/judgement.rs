//! Annotators' judgements: answers, skips, undos, flags, comments, and the time they took.
//!
//! Records are only ever added; [`super::history`] computes from them what was said of an item. Knows no system.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::definition::StudyKind;
use super::error::StudyError;
use super::hex;

/// Longest comment, in characters.
pub const COMMENT_LIMIT: usize = 10_000;

/// Which of two responses is better, by the side it was shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Left,
    Right,
    Tie,
}

/// A point on the scale: 1 poor, 2 marginal, 3 moderate, 4 good, 5 excellent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Score(u8);

impl Score {
    pub const WORDS: [&str; 5] = ["poor", "marginal", "moderate", "good", "excellent"];

    pub fn points(self) -> u8 {
        self.0
    }
}

/// A score that is not on the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not on the scale from 1 to 5")]
pub struct OffScale(u8);

impl TryFrom<u8> for Score {
    type Error = OffScale;

    fn try_from(points: u8) -> Result<Score, OffScale> {
        match points {
            1..=5 => Ok(Score(points)),
            _ => Err(OffScale(points)),
        }
    }
}

impl From<Score> for u8 {
    fn from(score: Score) -> u8 {
        score.0
    }
}

/// An aspect of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Whether it expresses understanding and conveys fitting emotions.
    Empathy,
    /// Whether it is relevant to the context.
    Relevance,
    /// Whether it is natural and fluent.
    Fluency,
}

impl Aspect {
    pub const ALL: [Aspect; 3] = [Aspect::Empathy, Aspect::Relevance, Aspect::Fluency];

    pub const fn title(self) -> &'static str {
        match self {
            Aspect::Empathy => "Empathy",
            Aspect::Relevance => "Relevance",
            Aspect::Fluency => "Fluency",
        }
    }
}

/// The three scores of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    pub empathy: Score,
    pub relevance: Score,
    pub fluency: Score,
}

impl Rating {
    pub fn get(&self, aspect: Aspect) -> Score {
        match aspect {
            Aspect::Empathy => self.empathy,
            Aspect::Relevance => self.relevance,
            Aspect::Fluency => self.fluency,
        }
    }
}

/// An answer to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Choice(Choice),
    Rating(Rating),
}

impl Answer {
    /// The scores of a rating.
    pub fn rating(self) -> Option<Rating> {
        match self {
            Answer::Rating(rating) => Some(rating),
            Answer::Choice(_) => None,
        }
    }

    pub fn kind(&self) -> StudyKind {
        match self {
            Answer::Choice(_) => StudyKind::AbTest,
            Answer::Rating(_) => StudyKind::Rating,
        }
    }
}

/// An annotator's action on an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgementAction {
    /// Replaces an earlier answer.
    Answer(Answer),
    /// Left for later; of an adjudicator: could not decide.
    Skip,
    /// Takes back the answer or skip: the item is open again.
    Undo,
    /// Marks it for the organiser, or removes the mark.
    Flag(bool),
    /// Replaces an earlier comment.
    Comment(String),
    /// These records of the item no longer count: they were made at several places, and it is decided which does.
    Overrule(Vec<JudgementId>),
}

/// One recorded action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgementRecord {
    /// Counts the annotator's records from 1; later ones take precedence.
    pub seq: u64,
    pub item: u32,
    /// Called `deed` in packs and stores.
    #[serde(rename = "deed")]
    pub action: JudgementAction,
    /// Time in view before the action, measured by [`super::attention::Attention`].
    pub shown_ms: u64,
    /// In milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// Identifies a record: a hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JudgementId(pub String);

impl JudgementRecord {
    /// A hash of the record, the annotator's pseudonym and the study's uid.
    pub fn id(&self, study: &str, pseudonym: &str) -> JudgementId {
        let action = serde_json::to_string(&self.action).unwrap_or_default();
        let text = format!(
            "{study}\n{pseudonym}\n{}\n{}\n{}\n{}\n{action}",
            self.seq, self.item, self.shown_ms, self.wall_ms
        );
        JudgementId(hex(&Sha256::digest(text.as_bytes())[..16]))
    }
}

impl JudgementAction {
    /// Whether it answers, skips or reopens the item.
    pub fn settles(&self) -> bool {
        matches!(
            self,
            JudgementAction::Answer(_) | JudgementAction::Skip | JudgementAction::Undo
        )
    }

    /// Checks that the action fits the kind of study.
    ///
    /// # Errors
    /// An answer of the other kind, or a comment that is too long.
    pub fn check(&self, item: u32, kind: StudyKind) -> Result<(), StudyError> {
        let what = match self {
            JudgementAction::Answer(answer) if answer.kind() != kind => match kind {
                StudyKind::AbTest => "an A/B test is answered by a choice, not by scores",
                StudyKind::Rating => "a rating is answered by scores, not by a choice",
            },
            JudgementAction::Comment(text) if text.chars().count() > COMMENT_LIMIT => {
                "the comment has over 10 000 characters; shorten it"
            }
            _ => return Ok(()),
        };
        Err(StudyError::Judgement { item, what })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn act(seq: u64, item: u32, action: JudgementAction) -> JudgementRecord {
        JudgementRecord {
            seq,
            item,
            action,
            shown_ms: 10,
            wall_ms: 1000 - seq as i64,
        }
    }

    pub fn choice(choice: Choice) -> JudgementAction {
        JudgementAction::Answer(Answer::Choice(choice))
    }

    #[test]
    fn answers_fit_their_kind_and_scale() {
        let wrong = choice(Choice::Tie).check(7, StudyKind::Rating).unwrap_err();
        assert!(
            wrong
                .to_string()
                .starts_with("item 7: a rating is answered by scores")
        );
        let long = JudgementAction::Comment("x".repeat(COMMENT_LIMIT + 1));
        assert!(long.check(1, StudyKind::AbTest).is_err());
        assert!(serde_json::from_str::<Score>("6").is_err());
        assert!(serde_json::from_str::<Score>("0").is_err());
        assert_eq!(serde_json::from_str::<Score>("5").unwrap().points(), 5);
    }

    #[test]
    fn acts_that_differ_have_different_names() {
        let one = act(1, 1, JudgementAction::Skip);
        assert_eq!(one.id("s", "A1"), one.clone().id("s", "A1"));
        assert_ne!(one.id("s", "A1"), one.id("s", "A2"));
        assert_ne!(
            one.id("s", "A1"),
            act(1, 1, JudgementAction::Undo).id("s", "A1")
        );
    }
}
