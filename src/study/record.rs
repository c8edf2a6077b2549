//! A study with nothing hidden: names, items, sides, and every act of everybody.
//!
//! All that is needed to compute its results again. Readers of the store get it only as [`Unblinded`], once
//! the unblinding is recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::judgement::{Answer, Choice, ItemState, JudgementRecord, states};
use super::make::{Annotator, Assignment, Item};
use super::page::StudyHead;
use super::verdict::Outcome;

/// The explicit act by which a study's systems become known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unblinding {
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// When, in milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// Judgements that were still missing then.
    pub missing: u64,
}

/// An act, whose it is, and whether it came in after the unblinding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAct {
    pub annotator: u32,
    pub act: JudgementRecord,
    /// Whether it was merged after the unblinding, from a pack judged elsewhere.
    pub late: bool,
}

/// A study with nothing hidden.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub head: StudyHead,
    pub definition: Definition,
    pub annotators: Vec<Annotator>,
    /// What was judged, in the order of numbers.
    pub items: Vec<Item>,
    /// Who was given what, and on which side.
    pub assignments: Vec<Assignment>,
    pub acts: Vec<RecordedAct>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unblinded {
    pub record: Record,
    pub unblinding: Unblinding,
}

/// One item as one annotator had it.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    pub assignment: &'a Assignment,
    pub item: &'a Item,
    pub state: &'a ItemState,
}

impl Judged<'_> {
    /// The outcome for the first response; none where it was not answered or is rated.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state.answer? {
            Answer::Choice(Choice::Tie) => Some(Outcome::Tie),
            Answer::Choice(choice) => {
                let first = (choice == Choice::Left) != self.assignment.swapped;
                Some(if first { Outcome::Win } else { Outcome::Lose })
            }
            Answer::Rating(_) => None,
        }
    }
}

/// How all items stand for all annotators.
pub struct ItemStates<'a> {
    study: &'a Record,
    items: BTreeMap<u32, &'a Item>,
    states: BTreeMap<u32, BTreeMap<u32, ItemState>>,
    untouched: ItemState,
}

impl Record {
    /// Reads off the acts how everything stands.
    pub fn item_states(&self) -> ItemStates<'_> {
        let of = |annotator: &Annotator| {
            let own = self
                .acts
                .iter()
                .filter(|act| act.annotator == annotator.number);
            let own = own.map(|act| &act.act);
            (
                annotator.number,
                states(&self.head.uid, &annotator.pseudonym, own),
            )
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
    /// Every assignment with its item and how it stands, in order of annotator and position. An assignment
    /// of an item that is not there is left out.
    pub fn all(&self) -> Vec<Judged<'_>> {
        let mut all: Vec<Judged<'_>> = self
            .study
            .assignments
            .iter()
            .filter_map(|assignment| {
                let states = self.states.get(&assignment.annotator);
                let state = states.and_then(|states| states.get(&assignment.item));
                Some(Judged {
                    assignment,
                    item: self.items.get(&assignment.item)?,
                    state: state.unwrap_or(&self.untouched),
                })
            })
            .collect();
        all.sort_by_key(|judged| (judged.assignment.annotator, judged.assignment.position));
        all
    }
}
