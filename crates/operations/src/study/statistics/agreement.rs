//! How far annotators agree beyond chance: Fleiss' kappa, Krippendorff's alpha, Cohen's kappa.
//!
//! Knows labels and numbers only; an item is the list of its labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Figure, Undefined};

/// The distance of two values, for Krippendorff's alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Same or not.
    Nominal,
    /// By how many judgements lie between them.
    Ordinal,
    /// By their difference.
    Interval,
    /// By the ratio of their difference to their sum.
    Ratio,
}

/// How disagreements are weighted in Cohen's kappa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Any two different labels are equally far apart.
    Unweighted,
    /// By the distance of the labels.
    Linear,
    /// By its square.
    Quadratic,
}

/// Fleiss' kappa from the labels of each item, `0..categories`.
///
/// # Errors
/// No items; a single rater; different numbers of raters; a label out of range; or all labels the same.
pub fn fleiss_kappa(items: &[Vec<usize>], categories: usize) -> Figure {
    let raters = items.first().ok_or(Undefined::NoData)?.len();
    if items.iter().any(|labels| labels.len() != raters) {
        return Err(Undefined::UnequalRaters);
    }
    if raters < 2 {
        return Err(Undefined::NoPairs);
    }
    let mut totals = vec![0.0; categories];
    let mut observed = 0.0;
    for labels in items {
        let mut counts = vec![0.0; categories];
        for label in labels {
            *counts.get_mut(*label).ok_or(Undefined::Mismatch)? += 1.0;
        }
        observed += counts.iter().map(|n| n * (n - 1.0)).sum::<f64>();
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count;
        }
    }
    let judgements = (items.len() * raters) as f64;
    observed /= judgements * (raters - 1) as f64;
    if totals.contains(&judgements) {
        return Err(Undefined::NoVariation);
    }
    let expected: f64 = totals.iter().map(|n| (n / judgements).powi(2)).sum();
    Ok((observed - expected) / (1.0 - expected))
}

/// Krippendorff's alpha from the values given to each item; missing values are left out of the list, and
/// items with fewer than two values are ignored.
///
/// # Errors
/// No item has two values; all values are the same; or, for [`Metric::Ratio`], a value is negative.
pub fn krippendorff_alpha(items: &[Vec<f64>], metric: Metric) -> Figure {
    if items.is_empty() {
        return Err(Undefined::NoData);
    }
    let items: Vec<&Vec<f64>> = items.iter().filter(|values| values.len() > 1).collect();
    if items.is_empty() {
        return Err(Undefined::NoPairs);
    }
    let mut values: Vec<f64> = items.iter().copied().flatten().copied().collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(Undefined::Mismatch);
    }
    values.sort_by(f64::total_cmp);
    values.dedup();
    if metric == Metric::Ratio && values[0] < 0.0 {
        return Err(Undefined::Negative);
    }
    if values.len() == 1 {
        return Err(Undefined::NoVariation);
    }
    let mut totals = vec![0.0; values.len()];
    let mut pairs: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for item in items {
        let places: Vec<usize> = item
            .iter()
            .map(|value| values.partition_point(|other| other < value))
            .collect();
        let weight = 1.0 / (places.len() - 1) as f64;
        for (at, one) in places.iter().enumerate() {
            totals[*one] += 1.0;
            for other in places[at + 1..].iter().filter(|other| *other != one) {
                *pairs.entry((*one.min(other), *one.max(other))).or_default() += weight;
            }
        }
    }
    let distance = |low: usize, high: usize| distance(metric, &values, &totals, low, high);
    let n: f64 = totals.iter().sum();
    let observed: f64 = pairs
        .iter()
        .map(|((low, high), count)| count * distance(*low, *high))
        .sum();
    let expected: f64 = (0..values.len())
        .flat_map(|high| (0..high).map(move |low| (low, high)))
        .map(|(low, high)| totals[low] * totals[high] * distance(low, high))
        .sum();
    Ok(1.0 - (n - 1.0) * observed / expected)
}

/// Squared distance of two different values, by their places in the sorted list.
fn distance(metric: Metric, values: &[f64], totals: &[f64], low: usize, high: usize) -> f64 {
    let difference = values[high] - values[low];
    match metric {
        Metric::Nominal => 1.0,
        Metric::Ordinal => {
            let between: f64 = totals[low..=high].iter().sum();
            (between - (totals[low] + totals[high]) / 2.0).powi(2)
        }
        Metric::Interval => difference * difference,
        Metric::Ratio => (difference / (values[high] + values[low])).powi(2),
    }
}

/// Cohen's kappa of two annotators who labelled the same items, labels `0..categories` in their order.
///
/// # Errors
/// No items; lists of different lengths or a label out of range; or both gave one and the same label throughout.
pub fn cohen_kappa(
    first: &[usize],
    second: &[usize],
    categories: usize,
    weights: Weights,
) -> Figure {
    if first.len() != second.len() || first.iter().chain(second).any(|l| *l >= categories) {
        return Err(Undefined::Mismatch);
    }
    if first.is_empty() {
        return Err(Undefined::NoData);
    }
    let weight = |a: usize, b: usize| {
        let apart = a.abs_diff(b) as f64;
        match weights {
            Weights::Unweighted => f64::from(a != b),
            Weights::Linear => apart,
            Weights::Quadratic => apart * apart,
        }
    };
    let count = |labels: &[usize]| {
        let mut counts = vec![0.0; categories];
        labels.iter().for_each(|label| counts[*label] += 1.0);
        counts
    };
    let (rows, columns) = (count(first), count(second));
    let observed: f64 = first.iter().zip(second).map(|(a, b)| weight(*a, *b)).sum();
    let mut expected = 0.0;
    for (a, row) in rows.iter().enumerate() {
        for (b, column) in columns.iter().enumerate() {
            expected += row * column * weight(a, b);
        }
    }
    if expected == 0.0 {
        return Err(Undefined::NoVariation);
    }
    Ok(1.0 - observed * first.len() as f64 / expected)
}
