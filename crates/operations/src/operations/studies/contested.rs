//! Items that one annotator answered differently at several places: which they are, and which answer counts.

use serde::Serialize;

use super::{PackFile, ReceivedPack};
use crate::operations::OperationError;
use crate::store::{Store, StoreReader, StudyId};
use crate::study::history::states;
use crate::study::judgement::Answer;
use crate::study::page::Page;

/// An item with different answers of one annotator, none of which counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContestedItem {
    pub annotator: u32,
    pub pseudonym: String,
    pub page: Page,
    /// The earliest first.
    pub answers: Vec<Answer>,
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
        for page in worklist.pages() {
            let answers = worklist.state(page).contested;
            if !answers.is_empty() {
                items.push(ContestedItem {
                    annotator: annotator.number,
                    pseudonym: annotator.pseudonym.clone(),
                    page: page.clone(),
                    answers,
                });
            }
        }
    }
    Ok(items)
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
            let among = item.answers.contains(&answer);
            among.then_some((item.page.item, answer))
        })
        .collect();
    store.decide(study, annotator, &decisions)?;
    Ok(decisions.len())
}

impl PackFile {
    /// The answer to an item by this pack alone.
    pub fn answer(&self, item: u32) -> Option<Answer> {
        let pack = &self.pack;
        let states = states(&pack.head.uid, &pack.pseudonym, &pack.acts);
        states.get(&item)?.answer
    }
}
