//! Curves of several runs as lines to draw: one for each run, or one with a band for runs that differ only in
//! the seed. Knows no screen and no file.

use super::compare::{BandPoint, PreparedCurves, differing_settings};
use super::sheets::run_label;
use super::{Entry, Spread};
use crate::experiment::value_words;
use crate::metrics::{MetricDecl, declared};
use crate::report::{Figure, FigureLine, LINE_COLOURS};
use crate::series::Ema;

/// One line over the steps.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    /// Index of the run whose colour it has.
    pub of: usize,
    pub points: Vec<(f64, f64)>,
    /// By point; empty for a single run.
    pub spreads: Vec<Spread>,
}

/// One line for each run, smoothed by a debiased exponential moving average with this weight, 0 to 0.99.
pub fn run_lines(entries: &[&Entry], curves: &PreparedCurves, weight: f64) -> Vec<Line> {
    let lines = entries.iter().zip(&curves.lines).enumerate();
    lines
        .map(|(of, (entry, points))| {
            let mut average = Ema::new(weight);
            let points = points.iter().map(|&(x, y)| (x, average.push(y)));
            Line {
                name: run_label(entry),
                of,
                points: points.collect(),
                spreads: Vec::new(),
            }
        })
        .collect()
}

/// One line for each group of seeds: the mean, and a band of one sample standard deviation, of curves smoothed
/// as in [`run_lines`].
pub fn seed_lines(entries: &[&Entry], curves: &PreparedCurves, weight: f64) -> Vec<Line> {
    let groups = curves.groups.iter().zip(&curves.aligned);
    let firsts: Vec<&Entry> = curves
        .groups
        .iter()
        .map(|group| entries[group[0]])
        .collect();
    groups
        .map(|(group, aligned)| {
            let points = aligned.band(weight);
            let name = group_name(entries[group[0]], &firsts);
            let mean = |point: &BandPoint| (point.step as f64, point.spread.mean);
            Line {
                name: format!("{name} (n = {})", group.len()),
                of: group[0],
                points: points.iter().map(mean).collect(),
                spreads: points.iter().map(|point| point.spread).collect(),
            }
        })
        .collect()
}

/// The name of a group's first run; if another group has the same name, with the settings that differ.
fn group_name(first: &Entry, firsts: &[&Entry]) -> String {
    let name = &first.row.name;
    let same = |other: &&&Entry| other.row.name == *name;
    let alike: Vec<&Entry> = firsts.iter().filter(same).copied().collect();
    let Some(at) = alike.iter().position(|other| other.row.id == first.row.id) else {
        return name.clone();
    };
    let rows = differing_settings(&alike);
    let differs = rows.iter().filter(|row| row.path != "run.seed").take(2);
    let words = differs.filter_map(|row| {
        let value = value_words(row.values[at].as_ref()?);
        Some(format!(", {} {value}", row.label.to_lowercase()))
    });
    format!("{name}{}", words.collect::<String>())
}

impl Line {
    /// Lower and upper end of the band at each point; empty without a band.
    pub fn band(&self) -> Vec<(f64, f64)> {
        let bounds = |spread: &Spread| {
            let deviation = spread.deviation.unwrap_or(0.0);
            (spread.mean - deviation, spread.mean + deviation)
        };
        self.spreads.iter().map(bounds).collect()
    }
}

/// The index of each run's colour among `count`: its own, or the next free one.
pub fn colours(entries: &[&Entry], count: usize) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::new();
    for entry in entries {
        let own = entry.row.id.0.unsigned_abs() as usize % count;
        let free = (0..count)
            .map(|more| (own + more) % count)
            .find(|place| !taken.contains(place));
        taken.push(free.unwrap_or(own));
    }
    taken
}

/// The lines of a metric as a plot for a paper, in the colours of their runs; `weight` is that of the smoothing.
pub fn figure(entries: &[&Entry], metric: &str, lines: &[Line], weight: f64) -> Figure {
    let known = declared(metric);
    let title = known
        .as_ref()
        .map_or(metric.to_string(), MetricDecl::full_name);
    let mut y_label = match known.map_or("", |known| known.unit) {
        "" => title.clone(),
        unit => format!("{title} ({unit})"),
    };
    if weight > 0.0 {
        y_label += &format!(", smoothed by {weight:.2}");
    }
    let colours = colours(entries, LINE_COLOURS.len());
    let lines = lines.iter().map(|line| FigureLine {
        name: line.name.clone(),
        colour: colours[line.of],
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
