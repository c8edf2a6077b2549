//! What the lead of a study may see of its annotators' work while it is blind: nothing that depends on whose a response is.

use serde::Serialize;

use super::people::{self, AnnotatorResults};
use crate::study::record::{Judged, Record};

/// The annotators' work, and what they remarked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    pub annotators: Vec<AnnotatorResults>,
    /// By annotator and in their order.
    pub remarks: Vec<ItemRemark>,
}

/// An item that an annotator flagged or commented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemRemark {
    pub pseudonym: String,
    pub item: u32,
    pub flagged: bool,
    /// Empty if it is only flagged.
    pub comment: String,
}

/// Computes it from the whole study, of which it passes on nothing that is blinded.
pub fn quality(study: &Record) -> Quality {
    let item_states = study.item_states();
    let all = item_states.all();
    let is_remarked =
        |judged: &&Judged<'_>| judged.state.flagged || !judged.state.comment.is_empty();
    let remark = |judged: &Judged<'_>| {
        let number = judged.assignment.annotator;
        let annotator = study.annotators.iter().find(|one| one.number == number);
        ItemRemark {
            pseudonym: annotator
                .map(|one| one.pseudonym.clone())
                .unwrap_or_default(),
            item: judged.item.number,
            flagged: judged.state.flagged,
            comment: judged.state.comment.clone(),
        }
    };
    Quality {
        annotators: people::results(study, &all),
        remarks: all.iter().filter(is_remarked).map(remark).collect(),
    }
}
