//! What an annotator is given: texts in an order, and their own answers.
//!
//! These types are all that a page, a pack or an annotator's store is made of. None has a place for the
//! name, number or order of a system; what is on which side is known to the sealed key alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definition::StudyKind;
use super::judgement::{ItemState, JudgementRecord, last_settled, states};

/// What annotators know of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyHead {
    /// Tells it from every other study, wherever it was made.
    pub uid: String,
    pub title: String,
    pub kind: StudyKind,
    pub instructions: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: i64,
}

/// One item as it is shown to one annotator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Number of the item; numbers are drawn, so they tell nothing.
    pub item: u32,
    /// The conversation so far, oldest first.
    pub context: Vec<String>,
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
    /// The kind of study whose items look so.
    pub fn kind(&self) -> StudyKind {
        match self {
            Shown::Pair { .. } => StudyKind::AbTest,
            Shown::Single { .. } => StudyKind::Rating,
        }
    }
}

/// One annotator's work: their pages in their order, and how each stands. It holds nobody else's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worklist {
    pub head: StudyHead,
    pub pseudonym: String,
    pages: Vec<Page>,
    states: BTreeMap<u32, ItemState>,
}

/// How far an annotator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    pub assigned: usize,
    pub answered: usize,
    pub skipped: usize,
    pub flagged: usize,
}

impl Worklist {
    /// From an annotator's pages and all of their judgements.
    pub fn new<'a>(
        head: StudyHead,
        pseudonym: String,
        pages: Vec<Page>,
        judgements: impl IntoIterator<Item = &'a JudgementRecord>,
    ) -> Worklist {
        let states = states(&head.uid, &pseudonym, judgements);
        Worklist {
            head,
            pseudonym,
            pages,
            states,
        }
    }

    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    pub fn state(&self, page: &Page) -> ItemState {
        self.states.get(&page.item).cloned().unwrap_or_default()
    }

    /// The place of the page to judge next: the first that is open, then the first that was skipped; none
    /// when all are answered.
    pub fn next(&self) -> Option<usize> {
        let open = self
            .pages
            .iter()
            .position(|page| self.state(page).is_open());
        open.or_else(|| self.pages.iter().position(|page| self.state(page).skipped))
    }

    /// The place of the page to judge after the one at `place`: the next open one behind it, else as
    /// [`Worklist::next`] but another one where there is another.
    pub fn next_after(&self, place: usize) -> Option<usize> {
        let behind = place + 1..self.pages.len();
        let all = behind.chain(0..self.pages.len().min(place + 1));
        let find = |wanted: fn(&ItemState) -> bool| {
            let mut all = all.clone();
            all.find(|at| wanted(&self.state(&self.pages[*at])))
        };
        find(ItemState::is_open).or_else(|| find(|state| state.skipped))
    }

    /// The place of the page that an undo opens again.
    pub fn last(&self) -> Option<usize> {
        let item = last_settled(&self.states)?;
        self.pages.iter().position(|page| page.item == item)
    }

    /// Takes an act that was recorded.
    pub fn take(&mut self, act: &JudgementRecord) {
        self.states.entry(act.item).or_default().take(act);
    }

    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for page in &self.pages {
            let state = self.state(page);
            progress.assigned += 1;
            progress.answered += usize::from(state.answer.is_some());
            progress.skipped += usize::from(state.skipped);
            progress.flagged += usize::from(state.flagged);
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::{Answer, Choice, JudgementAction};

    fn worklist() -> Worklist {
        let head = StudyHead {
            uid: "u".to_string(),
            title: "t".to_string(),
            kind: StudyKind::AbTest,
            instructions: String::new(),
            created_ms: 0,
        };
        let page = |item| Page {
            item,
            context: vec!["Hi.".to_string()],
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
        let mut desk = desk();
        let tie = JudgementAction::Answer(Answer::Choice(Choice::Tie));
        assert_eq!(desk.next(), Some(0));
        desk.take(&act(1, 30, JudgementAction::Skip));
        assert_eq!(desk.next(), Some(1));
        desk.take(&act(2, 10, tie.clone()));
        assert_eq!((desk.next(), desk.next_after(1)), (Some(2), Some(2)));
        desk.take(&act(3, 20, tie.clone()));
        assert_eq!((desk.next(), desk.last()), (Some(0), Some(2)));
        assert_eq!(desk.next_after(2), Some(0));
        desk.take(&act(4, 20, JudgementAction::Undo));
        assert_eq!((desk.next(), desk.last()), (Some(2), Some(1)));
        desk.take(&act(5, 20, tie.clone()));
        desk.take(&act(6, 30, tie));
        desk.take(&act(7, 30, JudgementAction::Flag(true)));
        assert_eq!((desk.next(), desk.next_after(0)), (None, None));
        let progress = desk.progress();
        assert_eq!(
            (progress.answered, progress.skipped, progress.flagged),
            (3, 0, 1)
        );
    }
}
