//! Curves of runs over each other as lines to draw: each run's own, or one with a band for runs that differ
//! in the seed only.
//!
//! The same for the window and the command line; knows no screen and no file.

use super::compare::Prepared;
use super::sheets::called;
use super::{Entry, Spread};
use crate::metrics::declared;
use crate::report::{Figure, FigureLine};
use crate::series::Ema;

/// One line over the steps.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    /// The run whose colour it has, by its place among the entries.
    pub of: usize,
    pub points: Vec<(f64, f64)>,
    /// Of each point what it sums up; empty where the line is a run's own.
    pub spreads: Vec<Spread>,
}

/// A line a run, smoothed by a debiased exponential moving average of this weight, from 0 to 0.99.
pub fn run_lines(entries: &[&Entry], curves: &Prepared, weight: f64) -> Vec<Line> {
    let lines = entries.iter().zip(&curves.lines).enumerate();
    lines
        .map(|(of, (entry, points))| {
            let mut average = Ema::new(weight);
            let points = points.iter().map(|&(x, y)| (x, average.push(y)));
            Line {
                name: called(entry),
                of,
                points: points.collect(),
                spreads: Vec::new(),
            }
        })
        .collect()
}

/// A line for the runs of each group of seeds: their mean, and a band of one sample standard deviation
/// either way. n is how many runs a place stands for.
pub fn seed_lines(entries: &[&Entry], curves: &Prepared) -> Vec<Line> {
    let groups = curves.groups.iter().zip(&curves.bands);
    groups
        .map(|(group, points)| Line {
            name: format!("{} (n = {})", entries[group[0]].row.name, group.len()),
            of: group[0],
            points: points
                .iter()
                .map(|point| (point.step, point.spread.mean))
                .collect(),
            spreads: points.iter().map(|point| point.spread).collect(),
        })
        .collect()
}

impl Line {
    /// Of each point the least and the greatest of its band; empty where there is none.
    pub fn band(&self) -> Vec<(f64, f64)> {
        let bounds = |spread: &Spread| {
            let deviation = spread.deviation.unwrap_or(0.0);
            (spread.mean - deviation, spread.mean + deviation)
        };
        self.spreads.iter().map(bounds).collect()
    }
}

/// The lines of a metric as a plot for a paper.
pub fn figure(metric: &str, lines: &[Line]) -> Figure {
    let known = declared(metric);
    let title = known.map_or(metric.to_string(), |known| known.full_name());
    let y_label = match known.map_or("", |known| known.unit) {
        "" => title.clone(),
        unit => format!("{title} ({unit})"),
    };
    let lines = lines.iter().map(|line| FigureLine {
        name: line.name.clone(),
        points: line.points.clone(),
        band: line.band(),
    });
    Figure {
        title,
        x_label: "step".into(),
        y_label,
        lines: lines.collect(),
    }
}
