//! Curves of several runs as lines to draw: one for each run, or one with a band for runs that differ only in
//! the seed. Knows no screen and no file.

use std::collections::BTreeSet;

use super::compare::{BandPoint, PreparedCurves, differing_settings};
use super::sheets::run_label;
use super::{Entry, Spread};
use crate::experiment::RecordedSettings;
use crate::metrics::MetricDecl;
use crate::metrics::declared::{self, declared};
use crate::report::over_seeds::OverSeeds;
use crate::report::provenance::{Provenance, signatures};
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
                name: run_label(entry) + marked(curves, of),
                of,
                points: points.collect(),
                spreads: Vec::new(),
            }
        })
        .collect()
}

/// One line for each group of seeds: the mean, and a band of one sample standard deviation, of curves smoothed
/// as in [`run_lines`]. A run that is alone in its group keeps its name.
pub fn seed_lines(entries: &[&Entry], curves: &PreparedCurves, weight: f64) -> Vec<Line> {
    let groups = curves.groups.iter().zip(&curves.aligned);
    let names = group_names(entries, &curves.groups);
    groups
        .zip(names)
        .map(|((group, aligned), name)| {
            let points = aligned.band(weight);
            let spreads: Vec<Spread> = points.iter().map(|point| point.spread).collect();
            let mean = |point: &BandPoint| (point.step as f64, point.spread.mean);
            Line {
                name: format!(
                    "{name}{} ({})",
                    marked(curves, group[0]),
                    n_words(&spreads, group.len())
                ),
                of: group[0],
                points: points.iter().map(mean).collect(),
                spreads,
            }
        })
        .collect()
}

/// What tells a run apart whose values are of another distribution than the metric's name says.
fn marked(curves: &PreparedCurves, of: usize) -> &'static str {
    match curves.truncated[of] {
        true => ", of the truncated distribution",
        false => "",
    }
}

/// How many runs are behind the points of a mean over `members`, and how its line shows where it is one alone.
fn n_words(spreads: &[Spread], members: usize) -> String {
    let counts = || spreads.iter().map(|spread| spread.n);
    let (Some(least), Some(most)) = (counts().min(), counts().max()) else {
        return "no values".into();
    };
    let n = match least == most {
        true => format!("n = {most}"),
        false => format!("n {least}–{most}"),
    };
    let of = match most < members {
        true => format!(" of {members} runs"),
        false => String::new(),
    };
    let alone = match (least, most) {
        (1, 1) => ", thin, no band",
        (1, _) => ", thin and no band where n = 1",
        _ => "",
    };
    n + &of + alone
}

/// Names of the groups, each for what its runs share: their experiment and the settings in which it differs from
/// the other groups of that experiment.
pub(super) fn group_names(entries: &[&Entry], groups: &[Vec<usize>]) -> Vec<String> {
    let experiments: Vec<String> = groups
        .iter()
        .map(|group| {
            let names: BTreeSet<&str> = group
                .iter()
                .map(|at| entries[*at].row.experiment.as_str())
                .collect();
            names.into_iter().collect::<Vec<_>>().join(" and ")
        })
        .collect();
    let name = |(at, group): (usize, &Vec<usize>)| {
        if let [only] = group.as_slice() {
            return run_label(entries[*only]);
        }
        let others = groups.iter().zip(&experiments);
        let alike = others.filter(|(_, experiment)| **experiment == experiments[at]);
        let alike: Vec<&Entry> = alike.map(|(other, _)| entries[other[0]]).collect();
        let own = alike
            .iter()
            .position(|first| first.row.id == entries[group[0]].row.id);
        let rows = differing_settings(&alike);
        let of_one = |path: &str| path == "run.seed" || RecordedSettings::is_of_one_run(path);
        let differs = rows.iter().filter(|row| !of_one(&row.path));
        let words = differs.filter_map(|row| {
            let held = row.values[own?].as_ref()?;
            Some(format!(", {} {}", row.path, held.words()))
        });
        experiments[at].clone() + &words.collect::<String>()
    };
    groups.iter().enumerate().map(name).collect()
}

impl Line {
    /// Lower and upper end of the band at each point, NaN where a single run has none; empty for a line of one
    /// run.
    pub fn band(&self) -> Vec<(f64, f64)> {
        let bounds = self.spreads.iter().map(Spread::band);
        bounds
            .map(|bounds| bounds.unwrap_or((f64::NAN, f64::NAN)))
            .collect()
    }

    /// How many runs have a value at each point; empty for a line of one run.
    pub fn counts(&self) -> Vec<usize> {
        self.spreads.iter().map(|spread| spread.n).collect()
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
pub fn figure(
    entries: &[&Entry],
    metric: &str,
    lines: &[Line],
    weight: f64,
    provenance: &[Provenance],
) -> Figure {
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
        counts: line.counts(),
    });
    Figure {
        title,
        x_label: "step".into(),
        y_label,
        lines: lines.collect(),
        signatures: signatures(&[metric], provenance),
    }
}

/// Performance profiles of groups over seeds: the share of F1 of seed × mechanism above each threshold, as rliable
/// defines it. None without levels.
pub fn profiles(found: &OverSeeds, provenance: &[Provenance]) -> Option<Figure> {
    let lines: Vec<FigureLine> = found
        .groups
        .iter()
        .enumerate()
        .filter_map(|(colour, group)| {
            let points = group.aggregates.as_ref()?.profile();
            Some(FigureLine {
                name: format!("{} (n = {})", group.name, group.seeds.len()),
                colour,
                points,
                ..FigureLine::default()
            })
        })
        .collect();
    (!lines.is_empty()).then(|| Figure {
        title: "Performance profiles over seeds and mechanisms".into(),
        x_label: "F1 (%)".into(),
        y_label: "share of scores above".into(),
        lines,
        signatures: signatures(&declared::VALIDATION_F1_KEYS, provenance),
    })
}
