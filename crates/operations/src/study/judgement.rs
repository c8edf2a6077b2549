//! Annotators' judgements: answers, skips, undos, flags, comments, and the time they took.
//!
//! Records are only ever added; [`super::history`] computes from them what was said of an item. Knows no system.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aspects::{ASPECTS_LIMIT, Aspects, MOST_POINTS};
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

/// The scores of one response in the paper's three aspects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    pub empathy: Score,
    pub relevance: Score,
    pub fluency: Score,
}

/// The scores of one response, in the order of the aspects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Scores {
    /// 0 behind the last.
    points: [u8; ASPECTS_LIMIT],
    count: u8,
}

impl Scores {
    /// None where there are too few or too many, or one is on no scale.
    pub fn new(points: &[u8]) -> Option<Scores> {
        let on_scale = points.iter().all(|point| (1..=MOST_POINTS).contains(point));
        if points.is_empty() || points.len() > ASPECTS_LIMIT || !on_scale {
            return None;
        }
        let mut scores = Scores {
            points: [0; ASPECTS_LIMIT],
            count: points.len() as u8,
        };
        scores.points[..points.len()].copy_from_slice(points);
        Some(scores)
    }

    pub fn points(&self) -> &[u8] {
        &self.points[..usize::from(self.count)]
    }
}

impl std::fmt::Debug for Scores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scores").field(&self.points()).finish()
    }
}

impl TryFrom<Vec<u8>> for Scores {
    type Error = OffScales;

    fn try_from(points: Vec<u8>) -> Result<Scores, OffScales> {
        Scores::new(&points).ok_or(OffScales)
    }
}

impl From<Scores> for Vec<u8> {
    fn from(scores: Scores) -> Vec<u8> {
        scores.points().to_vec()
    }
}

/// Scores that are on no scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rating has 1 to {ASPECTS_LIMIT} scores, each from 1 to {MOST_POINTS}")]
pub struct OffScales;

/// An answer to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Choice(Choice),
    /// In the paper's aspects.
    Rating(Rating),
    /// In the study's own aspects.
    Scores(Scores),
}

impl Answer {
    /// A rating of a study with these aspects of its own, or with the paper's; None where they are not its scores.
    pub fn rated(own: Option<&Aspects>, points: &[u8]) -> Option<Answer> {
        match own {
            Some(aspects) => {
                let scores = Answer::Scores(Scores::new(points)?);
                scores.fits(Some(aspects)).then_some(scores)
            }
            None => {
                let [empathy, relevance, fluency] = *points else {
                    return None;
                };
                Some(Answer::Rating(Rating {
                    empathy: Score::try_from(empathy).ok()?,
                    relevance: Score::try_from(relevance).ok()?,
                    fluency: Score::try_from(fluency).ok()?,
                }))
            }
        }
    }

    /// The scores of a rating, in the order of its aspects.
    pub fn scores(self) -> Option<Scores> {
        match self {
            Answer::Rating(rating) => {
                let scores = [rating.empathy, rating.relevance, rating.fluency];
                Scores::new(&scores.map(Score::points))
            }
            Answer::Scores(scores) => Some(scores),
            Answer::Choice(_) => None,
        }
    }

    pub fn kind(&self) -> StudyKind {
        match self {
            Answer::Choice(_) => StudyKind::AbTest,
            Answer::Rating(_) | Answer::Scores(_) => StudyKind::Rating,
        }
    }

    /// Whether a rating has the scores of these aspects of a study's own, or of the paper's.
    fn fits(&self, own: Option<&Aspects>) -> bool {
        match (self, own) {
            (Answer::Choice(_), _) | (Answer::Rating(_), None) => true,
            (Answer::Scores(scores), Some(aspects)) => {
                let (points, aspects) = (scores.points(), &aspects.0);
                let mut both = points.iter().zip(aspects);
                points.len() == aspects.len() && both.all(|(point, one)| *point <= one.points)
            }
            (Answer::Rating(_), Some(_)) | (Answer::Scores(_), None) => false,
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

    /// Checks that the action fits a study of this kind, with these aspects of its own if it has any.
    ///
    /// # Errors
    /// An answer of the other kind or to other aspects, or a comment that is too long.
    pub fn check(
        &self,
        item: u32,
        kind: StudyKind,
        own: Option<&Aspects>,
    ) -> Result<(), StudyError> {
        let what = match self {
            JudgementAction::Answer(answer) if answer.kind() != kind => match kind {
                StudyKind::AbTest => "an A/B test is answered by a choice, not by scores",
                StudyKind::Rating => "a rating is answered by scores, not by a choice",
            },
            JudgementAction::Answer(answer) if !answer.fits(own) => {
                "a rating has a score of each of the study's aspects, on its scale"
            }
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
        let wrong = choice(Choice::Tie)
            .check(7, StudyKind::Rating, None)
            .unwrap_err();
        assert!(
            wrong
                .to_string()
                .starts_with("item 7: a rating is answered by scores")
        );
        let long = JudgementAction::Comment("x".repeat(COMMENT_LIMIT + 1));
        assert!(long.check(1, StudyKind::AbTest, None).is_err());
        assert!(serde_json::from_str::<Score>("6").is_err());
        assert!(serde_json::from_str::<Score>("0").is_err());
        assert_eq!(serde_json::from_str::<Score>("5").unwrap().points(), 5);
    }

    #[test]
    fn a_rating_fits_the_aspects_of_its_study() {
        let own = Aspects::from_toml(
            "[[aspect]]\nname = \"Warmth\"\npoints = 7\n[[aspect]]\nname = \"Sense\"\npoints = 2\n",
        )
        .unwrap();
        let own = Some(&own);
        let scores = Answer::rated(own, &[7, 2]).unwrap();
        assert_eq!(scores.scores().unwrap().points(), [7, 2]);
        for wrong in [&[8, 2][..], &[7, 3], &[7], &[7, 2, 1], &[0, 1]] {
            assert_eq!(Answer::rated(own, wrong), None, "{wrong:?}");
        }
        let paper = Answer::rated(None, &[5, 1, 3]).unwrap();
        assert_eq!(paper.scores().unwrap().points(), [5, 1, 3]);
        assert_eq!(Answer::rated(None, &[6, 1, 3]), None);
        let fits = |answer, own| {
            let action = JudgementAction::Answer(answer);
            action.check(1, StudyKind::Rating, own).is_ok()
        };
        assert!(fits(scores, own) && fits(paper, None));
        assert!(!fits(scores, None) && !fits(paper, own));
        // What earlier versions wrote stays as it was.
        let written = serde_json::to_string(&paper).unwrap();
        let earlier = r#"{"rating":{"empathy":5,"relevance":1,"fluency":3}}"#;
        assert_eq!(written, earlier);
        let written = serde_json::to_string(&scores).unwrap();
        assert_eq!(written, r#"{"scores":[7,2]}"#);
        assert_eq!(serde_json::from_str::<Answer>(&written).unwrap(), scores);
        assert!(serde_json::from_str::<Answer>(r#"{"scores":[12]}"#).is_err());
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
