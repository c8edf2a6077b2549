//! A study's results: wins, means, agreement, and each annotator's work.
//!
//! Only an [`Unblinded`] study has results; of a blind one the lead sees its annotators' [`Quality`]. Shares are fractions of 1. Must not know how they are shown.

mod ab;
mod agreement;
mod people;
mod quality;
mod rating;

pub use ab::{AbResults, ItemVerdict, PairResults, SystemStrength};
pub use agreement::{Agreement, RaterPair};
pub use people::{AnnotatorResults, Block, CheckResults, SideBias};
pub use quality::{ItemRemark, Quality, quality};
pub use rating::{AspectResults, MeanDifference, RatingResults, SystemMean};

use serde::Serialize;

use super::arrivals::{Arrivals, arrivals};
use super::definition::StudyKind;
use super::make::{Content, Role};
use super::record::{Judged, Record, Unblinded, Unblinding};
use crate::metrics::Bootstrap;

/// A study's results.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    pub uid: String,
    pub title: String,
    pub kind: StudyKind,
    /// In an A/B test the first is model A.
    pub systems: Vec<String>,
    pub contexts: usize,
    pub seed: u64,
    pub unblinding: Unblinding,
    /// Judgements that came in after the unblinding or in edited packs, and whether they count.
    pub arrivals: Arrivals,
    pub found: Findings,
    pub annotators: Vec<AnnotatorResults>,
}

/// The findings by kind of study.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Findings {
    AbTest(AbResults),
    Rating(RatingResults),
}

/// Computes the results of a study. `bootstrap` draws contexts, each with all of its judgements.
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
        arrivals: arrivals(&study.acts),
        found,
        annotators: people::results(study, &all),
    }
}

/// The verdict on each item of an A/B test, by number. Empty for ratings.
pub fn verdicts(study: &Record) -> Vec<ItemVerdict> {
    match study.head.kind {
        StudyKind::AbTest => ab::verdicts(study, &study.item_states().all()),
        StudyKind::Rating => Vec::new(),
    }
}

/// Numbers of the items on which three differ and that were not given to the fourth annotator yet. Empty for ratings.
pub fn split_unassigned(study: &Record) -> Vec<u32> {
    match study.head.kind {
        StudyKind::AbTest => ab::split_unassigned(study, &study.item_states().all()),
        StudyKind::Rating => Vec::new(),
    }
}

/// Judgements by raters who are not excluded, without attention checks.
fn by_raters<'a>(study: &Record, all: &[Judged<'a>]) -> Vec<Judged<'a>> {
    let rates = |judged: &&Judged<'_>| {
        let number = judged.assignment.annotator;
        let annotator = study.annotators.iter().find(|a| a.number == number);
        annotator
            .is_some_and(|annotator| annotator.role == Role::Rater && annotator.standing().counts())
            && judged.item.content != Content::Check
    };
    all.iter().filter(rates).copied().collect()
}

fn system_name(study: &Record, system: usize) -> String {
    let systems = &study.definition.systems;
    systems.get(system).cloned().unwrap_or_default()
}
