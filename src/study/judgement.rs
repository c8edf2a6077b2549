//! Annotators' judgements: answers, skips, undos, flags, comments, and the time they took.
//!
//! Records are only ever added, and an item's state is computed from all of them in order, so that records
//! from several stores can be merged in any order. Knows no system.

use std::collections::BTreeMap;

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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// An item's state for one annotator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemState {
    pub answer: Option<Answer>,
    pub skipped: bool,
    pub flagged: bool,
    pub comment: String,
    /// Total time in view.
    pub shown_ms: u64,
    /// When the current answer was given.
    pub answered_ms: Option<i64>,
    /// `seq` of the answer or skip.
    settled_by: Option<u64>,
}

impl ItemState {
    /// Neither answered nor skipped.
    pub fn is_open(&self) -> bool {
        self.answer.is_none() && !self.skipped
    }

    /// Applies a record, which must be later than those before.
    pub fn apply(&mut self, act: &JudgementRecord) {
        self.shown_ms += act.shown_ms;
        match &act.action {
            JudgementAction::Flag(flagged) => self.flagged = *flagged,
            JudgementAction::Comment(comment) => self.comment.clone_from(comment),
            JudgementAction::Answer(_) | JudgementAction::Skip | JudgementAction::Undo => {
                self.answer = match act.action {
                    JudgementAction::Answer(answer) => Some(answer),
                    _ => None,
                };
                self.skipped = act.action == JudgementAction::Skip;
                self.answered_ms = self.answer.map(|_| act.wall_ms);
                self.settled_by = (act.action != JudgementAction::Undo).then_some(act.seq);
            }
        }
    }
}

/// The states of all items for one annotator, from all of their records in any order.
pub fn states<'a>(
    study: &str,
    pseudonym: &str,
    acts: impl IntoIterator<Item = &'a JudgementRecord>,
) -> BTreeMap<u32, ItemState> {
    let mut ordered: Vec<(u64, JudgementId, &JudgementRecord)> = acts
        .into_iter()
        .map(|act| (act.seq, act.id(study, pseudonym), act))
        .collect();
    ordered.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    // The same record may come from two stores.
    ordered.dedup_by(|a, b| a.1 == b.1);
    let mut states: BTreeMap<u32, ItemState> = BTreeMap::new();
    for (_, _, act) in ordered {
        states.entry(act.item).or_default().apply(act);
    }
    states
}

/// The item with the last answer or skip: what an undo reopens.
pub fn last_settled(states: &BTreeMap<u32, ItemState>) -> Option<u32> {
    let settled = states
        .iter()
        .filter_map(|(item, state)| Some((state.settled_by?, *item)));
    settled.max().map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(seq: u64, item: u32, action: JudgementAction) -> JudgementRecord {
        JudgementRecord {
            seq,
            item,
            action,
            shown_ms: 10,
            wall_ms: 1000 - seq as i64,
        }
    }

    fn choice(choice: Choice) -> JudgementAction {
        JudgementAction::Answer(Answer::Choice(choice))
    }

    #[test]
    fn the_last_answer_holds_whatever_the_order_and_the_clock() {
        let acts = [
            act(1, 1, choice(Choice::Left)),
            act(2, 2, JudgementAction::Skip),
            act(3, 2, JudgementAction::Comment("odd".to_string())),
            act(4, 2, JudgementAction::Flag(true)),
            act(5, 1, JudgementAction::Undo),
            act(6, 1, choice(Choice::Tie)),
            act(7, 3, choice(Choice::Right)),
        ];
        let expected = states("s", "A1", &acts);
        assert_eq!(expected[&1].answer, Some(Answer::Choice(Choice::Tie)));
        assert_eq!(expected[&1].shown_ms, 30);
        assert!(expected[&2].skipped && expected[&2].flagged && !expected[&2].is_open());
        assert_eq!(expected[&2].comment, "odd");
        assert_eq!(last_settled(&expected), Some(3));
        let mut other: Vec<&JudgementRecord> = acts.iter().chain(&acts[2..4]).collect();
        other.reverse();
        assert_eq!(states("s", "A1", other), expected, "twice and backwards");
    }

    #[test]
    fn undo_goes_back_one_item_after_the_other() {
        let mut acts = vec![
            act(1, 1, choice(Choice::Left)),
            act(2, 2, choice(Choice::Left)),
            act(3, 2, JudgementAction::Undo),
        ];
        let now = states("s", "A1", &acts);
        assert!(now[&2].is_open());
        assert_eq!(last_settled(&now), Some(1));
        acts.push(act(4, 1, JudgementAction::Undo));
        assert_eq!(last_settled(&states("s", "A1", &acts)), None);
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
