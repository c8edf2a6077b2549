//! What an annotator sees: pages in order, and their own answers.
//!
//! Pages, packs and an annotator's store consist of these types only. None can contain the name, number or
//! order of a system; only the blinded part of the study knows the sides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::aspects::{Aspect, Aspects};
use super::definition::StudyKind;
use super::error::StudyError;
use super::history::{ItemState, last_settled, states};
use super::judgement::{Answer, JudgementAction, JudgementRecord};
use crate::data::Role;

/// What annotators know about a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyHead {
    /// Globally unique.
    pub uid: String,
    pub title: String,
    pub kind: StudyKind,
    pub instructions: String,
    /// In milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// What a rating asks in place of the paper's aspects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspects: Option<Aspects>,
    /// What a comment is asked for; else it is the annotator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl StudyHead {
    /// The aspects of a rating.
    pub fn aspects(&self) -> &[Aspect] {
        &self.aspects.as_ref().unwrap_or(Aspects::paper()).0
    }

    /// Whether it asks anything that earlier versions did not know.
    pub fn asks_more(&self) -> bool {
        self.aspects.is_some() || self.comment.is_some()
    }

    /// An answer with these scores, if they are those of its aspects.
    pub fn rated(&self, points: &[u8]) -> Option<Answer> {
        Answer::rated(self.aspects.as_ref(), points)
    }

    /// Checks that an action fits the study.
    ///
    /// # Errors
    /// As of [`JudgementAction::check`].
    pub fn check(&self, action: &JudgementAction, item: u32) -> Result<(), StudyError> {
        action.check(item, self.kind, self.aspects.as_ref())
    }
}

/// One item as shown to one annotator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Item numbers are random, so they reveal nothing.
    pub item: u32,
    /// The conversation so far, oldest first.
    pub context: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    pub shown: Shown,
}

/// The responses on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shown {
    Pair { left: String, right: String },
    Single { response: String },
}

impl Shown {
    pub fn kind(&self) -> StudyKind {
        match self {
            Shown::Pair { .. } => StudyKind::AbTest,
            Shown::Single { .. } => StudyKind::Rating,
        }
    }

    /// The responses in view.
    pub fn responses(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Shown::Pair { left, right } => (left, Some(right)),
            Shown::Single { response } => (response, None),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}

/// One annotator's pages in their order, with the state of each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worklist {
    pub head: StudyHead,
    pub pseudonym: String,
    pages: Vec<Page>,
    states: BTreeMap<u32, ItemState>,
    /// How many of their records it is made of.
    known: usize,
}

/// How far an annotator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    pub assigned: usize,
    pub answered: usize,
    pub skipped: usize,
    pub flagged: usize,
    /// Answered differently at several places, so that no answer counts.
    #[serde(default)]
    pub contested: usize,
}

impl Worklist {
    /// From an annotator's pages and all of their judgements.
    pub fn new<'a>(
        head: StudyHead,
        pseudonym: String,
        pages: Vec<Page>,
        judgements: impl IntoIterator<Item = &'a JudgementRecord>,
    ) -> Worklist {
        let mut known = 0;
        let counted = judgements.into_iter().inspect(|_| known += 1);
        let states = states(&head.uid, &pseudonym, counted);
        Worklist {
            head,
            pseudonym,
            pages,
            states,
            known,
        }
    }

    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    pub fn state(&self, page: &Page) -> ItemState {
        self.states.get(&page.item).cloned().unwrap_or_default()
    }

    /// The index of the next page to judge: the first open one, then the first skipped one; None if all are
    /// answered.
    pub fn next(&self) -> Option<usize> {
        self.next_in(0..self.pages.len())
    }

    /// The index of the page to judge after the one at `index`: the same, but starting behind it.
    pub fn next_after(&self, index: usize) -> Option<usize> {
        let behind = index + 1..self.pages.len();
        self.next_in(behind.chain(0..self.pages.len().min(index + 1)))
    }

    fn next_in(&self, mut indices: impl Iterator<Item = usize> + Clone) -> Option<usize> {
        let state = |at: &usize| self.state(&self.pages[*at]);
        let open = indices.clone().find(|at| state(at).is_open());
        open.or_else(|| indices.find(|at| state(at).skipped))
    }

    /// The index of the page that an undo reopens.
    pub fn last(&self) -> Option<usize> {
        let item = last_settled(&self.states)?;
        self.pages.iter().position(|page| page.item == item)
    }

    /// Applies a judgement that was recorded.
    pub fn apply(&mut self, act: &JudgementRecord) {
        self.states.entry(act.item).or_default().apply(act);
        self.known += 1;
    }

    /// How many of the annotator's records are in view here; a judgement is made with these in mind.
    pub fn known(&self) -> usize {
        self.known
    }

    /// The items that stand otherwise than in an earlier reading, in the annotator's order.
    pub fn changed_since(&self, earlier: &Worklist) -> Vec<u32> {
        let items = self.pages.iter();
        let changed = items.filter(|page| self.state(page) != earlier.state(page));
        changed.map(|page| page.item).collect()
    }

    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for page in &self.pages {
            let state = self.state(page);
            progress.assigned += 1;
            progress.answered += usize::from(state.answer.is_some());
            progress.skipped += usize::from(state.skipped);
            progress.flagged += usize::from(state.flagged);
            progress.contested += usize::from(!state.contested.is_empty());
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::Choice;

    fn worklist() -> Worklist {
        let head = StudyHead {
            uid: "u".to_string(),
            title: "t".to_string(),
            kind: StudyKind::AbTest,
            instructions: String::new(),
            created_ms: 0,
            aspects: None,
            comment: None,
        };
        let page = |item| Page {
            item,
            context: vec!["Hi.".to_string()],
            roles: Vec::new(),
            shown: Shown::Pair {
                left: "a".to_string(),
                right: "b".to_string(),
            },
        };
        Worklist::new(head, "A1".to_string(), [30, 10, 20].map(page).to_vec(), &[])
    }

    fn act(seq: u64, item: u32, action: JudgementAction) -> JudgementRecord {
        JudgementRecord {
            seq,
            item,
            action,
            shown_ms: 5,
            wall_ms: 0,
        }
    }

    #[test]
    fn skipped_items_come_last_and_undo_comes_back() {
        let mut worklist = worklist();
        let tie = JudgementAction::Answer(Answer::Choice(Choice::Tie));
        assert_eq!(worklist.next(), Some(0));
        worklist.apply(&act(1, 30, JudgementAction::Skip));
        assert_eq!(worklist.next(), Some(1));
        worklist.apply(&act(2, 10, tie.clone()));
        assert_eq!(
            (worklist.next(), worklist.next_after(1)),
            (Some(2), Some(2))
        );
        worklist.apply(&act(3, 20, tie.clone()));
        assert_eq!((worklist.next(), worklist.last()), (Some(0), Some(2)));
        assert_eq!(worklist.next_after(2), Some(0));
        worklist.apply(&act(4, 20, JudgementAction::Undo));
        assert_eq!((worklist.next(), worklist.last()), (Some(2), Some(1)));
        worklist.apply(&act(5, 20, tie.clone()));
        worklist.apply(&act(6, 30, tie));
        worklist.apply(&act(7, 30, JudgementAction::Flag(true)));
        assert_eq!((worklist.next(), worklist.next_after(0)), (None, None));
        let progress = worklist.progress();
        assert_eq!(
            (progress.answered, progress.skipped, progress.flagged),
            (3, 0, 1)
        );
    }
}
