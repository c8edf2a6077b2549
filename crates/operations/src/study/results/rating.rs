//! Results of a rating: each system's mean in each aspect, and its difference from the first system's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::agreement::{Agreement, Labels, agreement};
use super::{by_raters, system_name};
use crate::metrics::{Bootstrap, Estimate};
use crate::study::aspects::Aspect;
use crate::study::contexts::ContextKey;
use crate::study::judgement::Answer;
use crate::study::make::Content;
use crate::study::record::{Judged, Record};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RatingResults {
    /// In their order; the paper's are the columns of Table III.
    pub aspects: Vec<AspectResults>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AspectResults {
    /// Its name: of the paper's, in lower case.
    pub aspect: String,
    pub title: String,
    /// The points of its scale, from 1.
    pub points: u8,
    /// Whether it is one of the study's own, and none of the paper's.
    pub is_own: bool,
    pub systems: Vec<SystemMean>,
    /// Each other system's mean minus the first one's, over the contexts with ratings of both.
    pub differences: Vec<MeanDifference>,
    pub agreement: Agreement,
}

impl AspectResults {
    /// As it heads a column: one of the study's own with its scale.
    pub fn heading(&self) -> String {
        match self.is_own {
            true => format!("{} (1-{})", self.title, self.points),
            false => self.title.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemMean {
    pub system: String,
    pub contexts: usize,
    pub scores: usize,
    /// Over all scores, with a 95 % bootstrap interval over contexts.
    pub mean: Option<Estimate>,
}

/// The mean of `system` minus that of `minus`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanDifference {
    pub system: String,
    pub minus: String,
    /// Contexts with ratings of both.
    pub contexts: usize,
    /// With a 95 % paired bootstrap interval over contexts.
    pub difference: Option<Estimate>,
}

/// Scores of every system in one aspect, by context.
type Scores<'a> = Vec<BTreeMap<&'a ContextKey, Vec<f64>>>;

pub(super) fn results(study: &Record, all: &[Judged<'_>], bootstrap: &Bootstrap) -> RatingResults {
    let raters = by_raters(study, all);
    let of = |(at, aspect)| aspect_results(study, &raters, at, aspect, bootstrap);
    RatingResults {
        aspects: study.head.aspects().iter().enumerate().map(of).collect(),
    }
}

fn aspect_results(
    study: &Record,
    raters: &[Judged<'_>],
    at: usize,
    aspect: &Aspect,
    bootstrap: &Bootstrap,
) -> AspectResults {
    let systems = study.definition.systems.len();
    let mut labels = Labels::new();
    let mut scores_of: Scores<'_> = vec![BTreeMap::new(); systems];
    for judged in raters {
        let Content::Single(system) = judged.item.content else {
            continue;
        };
        let scores = judged.state.answer.and_then(Answer::scores);
        let Some(points) = scores.and_then(|scores| scores.points().get(at).copied()) else {
            continue;
        };
        let said = labels.entry(judged.item.number).or_default();
        said.insert(judged.assignment.annotator, usize::from(points) - 1);
        if let Some(of_system) = scores_of.get_mut(system) {
            let of_context = of_system.entry(&judged.item.context).or_default();
            of_context.push(f64::from(points));
        }
    }
    AspectResults {
        aspect: match study.head.aspects {
            Some(_) => aspect.name.clone(),
            None => aspect.name.to_lowercase(),
        },
        title: aspect.name.clone(),
        points: aspect.points,
        is_own: study.head.aspects.is_some(),
        systems: (0..systems)
            .map(|system| system_mean(study, system, &scores_of[system], bootstrap))
            .collect(),
        differences: (1..systems)
            .map(|system| difference(study, system, &scores_of, bootstrap))
            .collect(),
        agreement: agreement(study, &labels, usize::from(aspect.points), true, bootstrap),
    }
}

fn system_mean(
    study: &Record,
    system: usize,
    scores: &BTreeMap<&ContextKey, Vec<f64>>,
    bootstrap: &Bootstrap,
) -> SystemMean {
    let contexts: Vec<&Vec<f64>> = scores.values().collect();
    SystemMean {
        system: system_name(study, system),
        contexts: contexts.len(),
        scores: contexts.iter().map(|scores| scores.len()).sum(),
        mean: bootstrap.estimate(contexts.len(), |drawn| mean(&contexts, drawn)),
    }
}

fn difference(
    study: &Record,
    system: usize,
    scores: &Scores<'_>,
    bootstrap: &Bootstrap,
) -> MeanDifference {
    let both = scores[system].iter().filter_map(|(context, own)| {
        let others = scores[0].get(context)?;
        Some((own, others))
    });
    let (own, others): (Vec<&Vec<f64>>, Vec<&Vec<f64>>) = both.unzip();
    MeanDifference {
        system: system_name(study, system),
        minus: system_name(study, 0),
        contexts: own.len(),
        difference: bootstrap.difference(
            own.len(),
            |drawn| mean(&own, drawn),
            |drawn| mean(&others, drawn),
        ),
    }
}

/// Mean of all scores of the drawn contexts.
fn mean(contexts: &[&Vec<f64>], drawn: &[usize]) -> f64 {
    let (mut sum, mut n) = (0.0, 0usize);
    for at in drawn {
        sum += contexts[*at].iter().sum::<f64>();
        n += contexts[*at].len();
    }
    sum / n as f64
}
