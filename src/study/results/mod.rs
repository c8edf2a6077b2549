//! What a study shows, from its unblinded record: wins, means, agreement, and each annotator's work.
//!
//! Only an [`Unblinded`] study has results. Shares are fractions of 1. Must not know how they are shown.

mod ab;
mod agreement;
mod people;
mod rating;

pub use ab::{AbResults, PairResults, SystemStrength};
pub use agreement::{Agreement, RaterPair};
pub use people::{AnnotatorResults, Block, CheckResults, SideBias};
pub use rating::{AspectResults, MeanDifference, RatingResults, SystemMean};

use serde::Serialize;

use super::definition::StudyKind;
use super::make::{Content, Role};
use super::record::{Judged, Record, Unblinded, Unblinding};
use crate::metrics::Bootstrap;

/// All that a study shows.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    pub uid: String,
    pub title: String,
    pub kind: StudyKind,
    /// The systems; in an A/B test the first is model A.
    pub systems: Vec<String>,
    pub contexts: usize,
    pub seed: u64,
    pub unblinding: Unblinding,
    /// Acts that came in after the unblinding, from packs judged elsewhere; they count.
    pub late_acts: usize,
    pub found: Findings,
    pub annotators: Vec<AnnotatorResults>,
}

/// What a study of each kind finds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Findings {
    AbTest(AbResults),
    Rating(RatingResults),
}

/// Computes the results of a study. Intervals are of `bootstrap` over contexts, all judgements of a context
/// together.
pub fn results(unblinded: &Unblinded, bootstrap: &Bootstrap) -> Results {
    let study = &unblinded.record;
    let item_states = study.item_states();
    let all = item_states.all();
    let found = match study.head.kind {
        StudyKind::AbTest => Findings::AbTest(ab::results(study, &all, bootstrap)),
        StudyKind::Rating => Findings::Rating(rating::results(study, &all, bootstrap)),
    };
    Results {
        uid: study.head.uid.clone(),
        title: study.head.title.clone(),
        kind: study.head.kind,
        systems: study.definition.systems.clone(),
        contexts: study.definition.contexts,
        seed: study.definition.seed,
        unblinding: unblinded.unblinding.clone(),
        late_acts: study.acts.iter().filter(|act| act.late).count(),
        found,
        annotators: people::results(study, &all),
    }
}

/// Numbers of the items on which three differ and the fourth has not spoken: what a store gives to the
/// fourth annotator. Empty for ratings.
pub fn waiting_for_fourth(study: &Record) -> Vec<u32> {
    match study.head.kind {
        StudyKind::AbTest => ab::waiting_for_fourth(study, &study.item_states().all()),
        StudyKind::Rating => Vec::new(),
    }
}

/// Judgements by those who were given items from the start, attention checks left out.
fn by_raters<'a>(study: &Record, all: &[Judged<'a>]) -> Vec<Judged<'a>> {
    let rates = |judged: &&Judged<'_>| {
        let number = judged.assignment.annotator;
        let annotator = study.annotators.iter().find(|a| a.number == number);
        annotator.is_some_and(|annotator| annotator.role == Role::Rater)
            && judged.item.content != Content::Check
    };
    all.iter().filter(rates).copied().collect()
}

fn system_name(study: &Record, system: usize) -> String {
    study
        .definition
        .systems
        .get(system)
        .cloned()
        .unwrap_or_default()
}
