//! A whole study: names, items, sides and all judgements.
//!
//! Its results can be computed from it. The store returns it only as [`Unblinded`], after the unblinding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::history::{ItemState, states};
use super::judgement::{Answer, Choice, JudgementRecord};
use super::make::{Annotator, Assignment, Item};
use super::page::StudyHead;
use super::verdict::Outcome;

/// When, by whom and why a study was unblinded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unblinding {
    pub by: String,
    pub reason: String,
    /// In milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// Judgements that were still missing then.
    pub missing: u64,
}

/// A judgement with its annotator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAct {
    pub annotator: u32,
    pub act: JudgementRecord,
    /// Whether it was merged after the unblinding.
    pub late: bool,
    /// A late one counts only if the lead said so; in records of earlier versions all counted.
    #[serde(default = "counted")]
    pub counts: bool,
    /// Whether it came in a pack that was not as it was sent.
    #[serde(default)]
    pub edited: bool,
}

fn counted() -> bool {
    true
}

/// A study, including what is blinded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub head: StudyHead,
    pub definition: Definition,
    pub annotators: Vec<Annotator>,
    /// By number.
    pub items: Vec<Item>,
    pub assignments: Vec<Assignment>,
    pub acts: Vec<RecordedAct>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unblinded {
    pub record: Record,
    pub unblinding: Unblinding,
}

/// An item with one annotator's state.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    pub assignment: &'a Assignment,
    pub item: &'a Item,
    pub state: &'a ItemState,
}

impl Judged<'_> {
    /// The outcome for the first response; None if it is not answered or is a rating.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state.answer? {
            Answer::Choice(Choice::Tie) => Some(Outcome::Tie),
            Answer::Choice(choice) => {
                let first = (choice == Choice::Left) != self.assignment.swapped;
                Some(if first { Outcome::Win } else { Outcome::Lose })
            }
            Answer::Rating(_) | Answer::Scores(_) => None,
        }
    }
}

/// The states of all items for all annotators.
pub struct ItemStates<'a> {
    study: &'a Record,
    items: BTreeMap<u32, &'a Item>,
    states: BTreeMap<u32, BTreeMap<u32, ItemState>>,
    untouched: ItemState,
}

impl Record {
    pub fn item_states(&self) -> ItemStates<'_> {
        let of = |annotator: &Annotator| {
            let own = self.acts.iter();
            let own = own.filter(|act| act.annotator == annotator.number && act.counts);
            let own = own.map(|act| &act.act);
            let states = states(&self.head.uid, &annotator.pseudonym, own);
            (annotator.number, states)
        };
        ItemStates {
            study: self,
            items: self.items.iter().map(|item| (item.number, item)).collect(),
            states: self.annotators.iter().map(of).collect(),
            untouched: ItemState::default(),
        }
    }
}

impl<'a> ItemStates<'a> {
    /// All assignments with their items and states, by annotator and position. Assignments of missing items
    /// are skipped.
    pub fn all(&self) -> Vec<Judged<'_>> {
        let judged = |assignment: &'a Assignment| {
            let states = self.states.get(&assignment.annotator);
            let state = states.and_then(|states| states.get(&assignment.item));
            Some(Judged {
                assignment,
                item: self.items.get(&assignment.item)?,
                state: state.unwrap_or(&self.untouched),
            })
        };
        let assignments = self.study.assignments.iter();
        let mut all: Vec<Judged<'_>> = assignments.filter_map(judged).collect();
        all.sort_by_key(|judged| (judged.assignment.annotator, judged.assignment.position));
        all
    }
}
