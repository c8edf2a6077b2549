//! Groups of runs that share a value, and the spread of their figures.

use super::{Cell, Column, Entry};

/// Runs with the same value of a column.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub value: Cell,
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
        let value = by.cell(entry);
        match found.iter_mut().find(|group| group.value == value) {
            Some(group) => group.members.push(entry),
            None => found.push(Group {
                value,
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
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Spread { mean, deviation, n })
    }
}
