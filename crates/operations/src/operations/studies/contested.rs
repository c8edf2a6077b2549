//! Items that one annotator answered differently at several places: which they are, where each answer was given, and
//! which answer counts.

use serde::Serialize;

use super::{PackFile, ReceivedPack};
use crate::operations::OperationError;
use crate::store::{AnswerSource, SourcedAnswer, Store, StoreReader, StudyId};
use crate::study::history::Decision;
use crate::study::judgement::Answer;
use crate::study::page::Page;

/// An item with different answers of one annotator, none of which counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContestedItem {
    pub annotator: u32,
    pub pseudonym: String,
    pub page: Page,
    /// In the order in which they came in.
    pub answers: Vec<GivenAnswer>,
}

/// One of the answers to a contested item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GivenAnswer {
    pub answer: Answer,
    /// The places that say so in the end; none where it was taken back.
    pub from: Vec<AnswerSource>,
}

/// By which place contested items are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The answer that came in first counts.
    First,
    /// The answer that came in second counts.
    Second,
    /// Neither counts: the items are open again.
    Neither,
}

impl ContestedItem {
    /// What it means to decide the item by a place; None if it has no such answer.
    pub fn decision(&self, place: Place) -> Option<Decision> {
        let given = match place {
            Place::First => self.answers.first(),
            Place::Second => self.answers.get(1),
            Place::Neither => return Some(Decision::Neither),
        };
        Some(Decision::Counts(given?.answer))
    }
}

/// All contested items of a study, by annotator and in their order.
pub fn contested(
    reader: &StoreReader,
    study: StudyId,
) -> Result<Vec<ContestedItem>, OperationError> {
    let mut items = Vec::new();
    for annotator in reader.study(study)?.annotators {
        if annotator.progress.contested == 0 {
            continue;
        }
        let worklist = reader.worklist(study, annotator.number)?;
        let sources = reader.answer_sources(study, annotator.number)?;
        for page in worklist.pages() {
            let answers = worklist.state(page).contested;
            if !answers.is_empty() {
                items.push(ContestedItem {
                    annotator: annotator.number,
                    pseudonym: annotator.pseudonym.clone(),
                    answers: given(page.item, answers, &sources),
                    page: page.clone(),
                });
            }
        }
    }
    Ok(items)
}

/// An item's answers with where they were given, in the order in which they came in; those that were taken back last.
fn given(item: u32, answers: Vec<Answer>, sources: &[SourcedAnswer]) -> Vec<GivenAnswer> {
    let with_sources = |answer: Answer| {
        let said = sources.iter();
        let said = said.filter(|one| one.item == item && one.answer == answer);
        let from = said.map(|one| one.source.clone()).collect();
        GivenAnswer { answer, from }
    };
    let mut given: Vec<GivenAnswer> = answers.into_iter().map(with_sources).collect();
    given.sort_by(|a, b| {
        let unknown = |one: &GivenAnswer| one.from.is_empty();
        (unknown(a), a.from.first()).cmp(&(unknown(b), b.from.first()))
    });
    given
}

/// Where an answer was given, in words.
pub fn place_words(from: &[AnswerSource]) -> String {
    let one = |source: &AnswerSource| match source {
        AnswerSource::Here => "judged here".to_string(),
        AnswerSource::Pack {
            name,
            edited: false,
            ..
        } => format!("in {name}"),
        AnswerSource::Pack { name, .. } => format!("in {name}, which was edited"),
    };
    match from {
        [] => "taken back later".to_string(),
        from => from.iter().map(one).collect::<Vec<_>>().join(" and "),
    }
}

/// Decides all contested items of one annotator by a place; returns how many.
///
/// # Errors
/// The study is unblinded or came as a pack; then nothing is decided.
pub fn decide_all(
    store: &mut Store,
    study: StudyId,
    annotator: u32,
    place: Place,
) -> Result<usize, OperationError> {
    let items = contested(&store.reader()?, study)?;
    let own = items.iter().filter(|item| item.annotator == annotator);
    let decisions: Vec<(u32, Decision)> = own
        .filter_map(|item| Some((item.page.item, item.decision(place)?)))
        .collect();
    if !decisions.is_empty() {
        store.decide(study, annotator, &decisions)?;
    }
    Ok(decisions.len())
}

/// Lets the answers of one pack count for the contested items of its annotator; returns how many are decided.
/// `received` says where it was merged.
pub fn prefer(
    store: &mut Store,
    pack: &PackFile,
    received: &ReceivedPack,
) -> Result<usize, OperationError> {
    let (study, annotator) = (received.merged.study, received.merged.annotator);
    let items = contested(&store.reader()?, study)?;
    let own = items.iter().filter(|item| item.annotator == annotator);
    let decisions: Vec<(u32, Answer)> = own
        .filter_map(|item| {
            let answer = pack.answer(item.page.item)?;
            let among = item.answers.iter().any(|given| given.answer == answer);
            among.then_some((item.page.item, answer))
        })
        .collect();
    if !decisions.is_empty() {
        store.decide(study, annotator, &decisions)?;
    }
    Ok(decisions.len())
}
