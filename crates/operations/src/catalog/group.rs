//! Groups of runs that share a value, and the spread of their figures.
//!
//! Runs in which a setting was changed are never in a group with others: their mean would mix two settings.

use super::{Cell, Column, Entry};
use crate::experiment::Held;

/// Runs with the same value of a column, and the same settings changed on the way.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub value: Cell,
    /// Settings changed during every one of them, by path.
    pub changed: Vec<(&'static str, Held)>,
    pub members: Vec<&'a Entry>,
}

/// A figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Sample standard deviation (n - 1); None for a single run.
    pub deviation: Option<f64>,
    /// Runs that have the figure.
    pub n: usize,
}

/// Groups in the order of their first members; members keep their order.
pub fn groups<'a>(entries: &[&'a Entry], by: &Column) -> Vec<Group<'a>> {
    let mut found: Vec<Group<'a>> = Vec::new();
    for entry in entries {
        let (value, changed) = (by.cell(entry), entry.changed());
        let same = |group: &&mut Group<'_>| group.value == value && group.changed == changed;
        match found.iter_mut().find(same) {
            Some(group) => group.members.push(entry),
            None => found.push(Group {
                value,
                changed,
                members: vec![entry],
            }),
        }
    }
    found
}

/// Sorts groups by the mean of a column; those without one come last.
pub fn sort_by_mean(groups: &mut [Group<'_>], column: &Column, descending: bool) {
    let mean = |group: &Group<'_>| {
        let spread = group.spread(column);
        spread.map_or(Cell::Missing, |spread| Cell::Number(spread.mean))
    };
    groups.sort_by(|a, b| mean(a).compare(&mean(b), descending));
}

impl Group<'_> {
    /// The settings changed during its runs, each with the values it had; without the column it is grouped by,
    /// which tells its own.
    pub fn changed_words(&self, by: &str) -> Vec<String> {
        let others = self.changed.iter().filter(|(path, _)| *path != by);
        let words = others.map(|(path, held)| format!("{path} {}", held.words()));
        words.collect()
    }

    /// A column's spread over the members; None without finite values.
    pub fn spread(&self, column: &Column) -> Option<Spread> {
        let values = self
            .members
            .iter()
            .filter_map(|entry| match column.cell(entry) {
                Cell::Number(value) => Some(value),
                _ => None,
            });
        Spread::of(values)
    }
}

impl Spread {
    /// Over the finite values.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let spread = Spread::plain(&values)?;
        if spread.mean.is_finite() && spread.deviation.is_none_or(f64::is_finite) {
            return Some(spread);
        }
        // Sums and squares of large numbers overflow: those of their ratios to the largest do not.
        let greatest = values
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        values.iter_mut().for_each(|value| *value /= greatest);
        let ratios = Spread::plain(&values)?;
        Some(Spread {
            mean: ratios.mean * greatest,
            deviation: ratios.deviation.map(|ratio| ratio * greatest),
            n: ratios.n,
        })
    }

    fn plain(values: &[f64]) -> Option<Spread> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Spread { mean, deviation, n })
    }

    /// Lower and upper end of the band; None for a single run.
    pub fn band(&self) -> Option<(f64, f64)> {
        let deviation = self.deviation?;
        let bound = |end: f64| end.clamp(f64::MIN, f64::MAX);
        let (low, high) = (self.mean - deviation, self.mean + deviation);
        Some((bound(low), bound(high)))
    }
}
