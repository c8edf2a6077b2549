//! Agreement of a study's annotators, overall and pairwise, from labels by item and annotator.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::{Bootstrap, Estimate};
use crate::study::record::Record;
use crate::study::statistics::agreement::{
    Metric, Weights, cohen_kappa, fleiss_kappa, krippendorff_alpha,
};
use crate::study::statistics::{Figure, Undefined, write_figure};

/// Labels `0..categories` by item and annotator.
pub(super) type Labels = BTreeMap<u32, BTreeMap<u32, usize>>;

/// Agreement over the items of a study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Items with two or more judgements.
    pub items: usize,
    /// Judgements of these.
    pub judgements: usize,
    /// Over the items judged by all of their raters.
    #[serde(serialize_with = "write_figure")]
    pub fleiss_kappa: Figure,
    /// The same with its 95 % bootstrap interval over items.
    pub fleiss_interval: Option<Estimate>,
    /// The number of those items.
    pub fleiss_items: usize,
    /// Over all judgements.
    #[serde(serialize_with = "write_figure")]
    pub krippendorff_alpha: Figure,
    /// The same with its 95 % bootstrap interval over items.
    pub alpha_interval: Option<Estimate>,
    pub alpha_metric: Metric,
    pub pairs: Vec<RaterPair>,
}

/// Two annotators (pseudonyms) who judged the same items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RaterPair {
    pub first: String,
    pub second: String,
    pub items: usize,
    /// Cohen's kappa, unweighted.
    #[serde(serialize_with = "write_figure")]
    pub kappa: Figure,
    /// Cohen's kappa with quadratic weights; undefined for labels without an order.
    #[serde(serialize_with = "write_figure")]
    pub weighted_kappa: Figure,
}

/// Agreement over labels; `ordered` if their order has a meaning.
pub(super) fn agreement(
    study: &Record,
    labels: &Labels,
    categories: usize,
    ordered: bool,
    bootstrap: &Bootstrap,
) -> Agreement {
    let paired: Vec<&BTreeMap<u32, usize>> =
        labels.values().filter(|said| said.len() > 1).collect();
    let whole: Vec<Vec<usize>> = paired
        .iter()
        .filter(|said| said.len() == study.definition.raters_per_item)
        .map(|said| said.values().copied().collect())
        .collect();
    let values: Vec<Vec<f64>> = paired
        .iter()
        .map(|said| said.values().map(|label| *label as f64).collect())
        .collect();
    let alpha_metric = if ordered {
        Metric::Ordinal
    } else {
        Metric::Nominal
    };
    Agreement {
        items: paired.len(),
        judgements: paired.iter().map(|said| said.len()).sum(),
        fleiss_kappa: fleiss_kappa(&whole, categories),
        fleiss_interval: bootstrap.estimate(whole.len(), |drawn| {
            fleiss_kappa(&at(&whole, drawn), categories).unwrap_or(f64::NAN)
        }),
        fleiss_items: whole.len(),
        krippendorff_alpha: krippendorff_alpha(&values, alpha_metric),
        alpha_interval: bootstrap.estimate(values.len(), |drawn| {
            krippendorff_alpha(&at(&values, drawn), alpha_metric).unwrap_or(f64::NAN)
        }),
        alpha_metric,
        pairs: rater_pairs(study, &paired, categories, ordered),
    }
}

/// The items that a resample draws.
fn at<T: Clone>(items: &[Vec<T>], drawn: &[usize]) -> Vec<Vec<T>> {
    drawn.iter().map(|at| items[*at].clone()).collect()
}

fn rater_pairs(
    study: &Record,
    items: &[&BTreeMap<u32, usize>],
    categories: usize,
    ordered: bool,
) -> Vec<RaterPair> {
    let mut pairs = Vec::new();
    for (at, first) in study.annotators.iter().enumerate() {
        for second in &study.annotators[at + 1..] {
            let both = items
                .iter()
                .filter_map(|said| Some((*said.get(&first.number)?, *said.get(&second.number)?)));
            let (a, b): (Vec<usize>, Vec<usize>) = both.unzip();
            if a.is_empty() {
                continue;
            }
            let kappa = |weights| cohen_kappa(&a, &b, categories, weights);
            pairs.push(RaterPair {
                first: first.pseudonym.clone(),
                second: second.pseudonym.clone(),
                items: a.len(),
                kappa: kappa(Weights::Unweighted),
                weighted_kappa: match ordered {
                    true => kappa(Weights::Quadratic),
                    false => Err(Undefined::Mismatch),
                },
            });
        }
    }
    pairs
}
