//! The plots of several runs over each other: a line for each run, or for each group of seeds their mean.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::Color32;

use super::event_marks::EventMarks;
use super::short_name;
use super::source::{LegendEntry, PlotSource};
use crate::app::state::arrangement::Arrangement;
use crate::app::state::compared::{ComparedCurves, ReadCurve, RunCurves, quantity};
use crate::app::state::model::is_evaluation;
use crate::app::state::tiles::{Tile, compared_choices};
use crate::app::theme::ThemeTokens;
use crate::app::widgets::chart::{AlongX, ChartLine, ChartMark, Dashes};
use crate::experiment::Stage;
use crate::metrics::Digits;
use crate::metrics::declared::MetricDecl;
use crate::store::RunId;

/// How long smoothing may take in a frame; what is left is smoothed in the next ones.
const BUDGET: Duration = Duration::from_millis(3);

/// The dashes of the second metric of a plot, the third and so on.
const DASHES: [Dashes; 3] = [(7.0, 4.0), (2.0, 3.0), (12.0, 3.0)];

/// A compared run, as plots show it.
pub struct PlottedRun {
    pub run: RunId,
    pub name: String,
    pub colour: Color32,
    /// Its colour on paper, by place.
    pub paper: usize,
}

pub struct ComparedPlots<'a> {
    pub runs: &'a [PlottedRun],
    pub curves: &'a mut ComparedCurves,
    /// Whether runs that differ in the seed alone are one line; along the clock each has its own.
    pub means: bool,
    pub smoothing: f64,
    /// The metrics that any of the runs has logged.
    pub logged: &'a BTreeSet<&'a str>,
    /// The run that is pointed at above the plots, by place.
    pub pointed: Option<usize>,
    /// When smoothing began in this frame.
    begun: Instant,
}

impl<'a> ComparedPlots<'a> {
    pub fn new(
        runs: &'a [PlottedRun],
        curves: &'a mut ComparedCurves,
        logged: &'a BTreeSet<&'a str>,
    ) -> Self {
        ComparedPlots {
            runs,
            curves,
            means: false,
            smoothing: 0.0,
            logged,
            pointed: None,
            begun: Instant::now(),
        }
    }

    fn draws_means(&self, along: AlongX) -> bool {
        self.means && along != AlongX::Wall
    }

    /// Whether the means are those of these runs in this order.
    fn has_means(&self) -> bool {
        let answered = self.curves.answered.as_ref();
        answered.is_some_and(|answered| {
            let runs = self.runs.iter().map(|run| run.run);
            answered.means && answered.runs.iter().copied().eq(runs)
        })
    }

    fn read(&self, run: RunId, metric: &MetricDecl) -> Option<(&RunCurves, &ReadCurve)> {
        let of = self.curves.runs.get(&run)?;
        Some((of, of.curves.get(&quantity(&metric.key))?))
    }

    /// What the x of a run's curve are less by than those of its points.
    fn offset(of: &RunCurves, stage: Stage, along: AlongX) -> f64 {
        match along {
            AlongX::Relative => of.start(stage),
            AlongX::Step | AlongX::Wall => 0.0,
        }
    }

    fn dashes(metrics: &[MetricDecl], at: usize) -> Option<Dashes> {
        let at = at.checked_sub(1).filter(|_| metrics.len() > 1)?;
        Some(DASHES[at % DASHES.len()])
    }
}

impl PlotSource for ComparedPlots<'_> {
    fn name(&self) -> String {
        "compare".to_string()
    }

    fn runs(&self) -> Vec<RunId> {
        self.runs.iter().map(|run| run.run).collect()
    }

    fn extent(&self, metrics: &[MetricDecl], along: AlongX, following: bool) -> (f64, f64) {
        // Plots of one stage share their x, those of others have their own.
        let read = |metric: &MetricDecl| {
            let mut runs = self.runs.iter();
            runs.find_map(|run| self.read(run.run, metric))
        };
        let stages: BTreeSet<Stage> = metrics
            .iter()
            .filter_map(|metric| Some(read(metric)?.1.key.stage))
            .collect();
        let is_of = |stage: Stage| {
            let same = |of: &Stage| *of == stage || (of.trains_policy() && stage.trains_policy());
            stages.iter().any(same)
        };
        let range = |run: &PlottedRun| {
            let of = self.curves.runs.get(&run.run)?;
            let curves = of.curves.values().filter(|read| is_of(read.key.stage));
            let ranges = curves.filter_map(|read| {
                let (from, to) = read.track.curve.raw().x_range(along.axis())?;
                let offset = Self::offset(of, read.key.stage, along);
                Some((from - offset, to - offset))
            });
            ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let ranges = self.runs.iter().filter_map(range);
        let all = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (from, to) = all.unwrap_or((0.0, 1.0));
        match along {
            AlongX::Relative if !following => (from.min(0.0), to),
            _ => (from, to),
        }
    }

    fn origin(&self, _along: AlongX) -> f64 {
        // Each run has its own beginning, which its offset takes away.
        0.0
    }

    fn smoothing(&self) -> f64 {
        self.smoothing
    }

    fn prepare(&mut self, metrics: &[MetricDecl], log: bool) -> bool {
        let mut is_done = true;
        for metric in metrics {
            let quantity = quantity(&metric.key);
            if let Some(means) = self.curves.means.get_mut(&quantity).filter(|_| log) {
                let curves = means.curves.iter_mut();
                curves.for_each(|mean| mean.curve.keep_logarithms());
            }
            let weight = match is_evaluation(&metric.key) {
                true => 0.0,
                false => self.smoothing,
            };
            for run in self.runs {
                let of = self.curves.runs.get_mut(&run.run);
                let Some(read) = of.and_then(|of| of.curves.get_mut(&quantity)) else {
                    continue;
                };
                if !read.track.is_smoothed_by(weight) {
                    if self.begun.elapsed() > BUDGET {
                        is_done = false;
                        continue;
                    }
                    read.track.smooth(weight);
                }
                if log {
                    read.track.curve.keep_logarithms();
                }
            }
        }
        is_done
    }

    fn lines<'b>(
        &'b self,
        metrics: &'b [MetricDecl],
        along: AlongX,
        _t: &ThemeTokens,
    ) -> Vec<ChartLine<'b>> {
        let mut lines = Vec::new();
        for (at, metric) in metrics.iter().enumerate() {
            let (digits, dots) = (Digits::of(&metric.key), is_evaluation(&metric.key));
            let named = |name: &'b str| match metrics {
                [_] => name.into(),
                _ => format!("{name}, {}", short_name(metric, metrics)).into(),
            };
            if self.draws_means(along) {
                let means = self.curves.means.get(&quantity(&metric.key));
                let means = means.filter(|_| self.has_means());
                for mean in means.iter().flat_map(|means| &means.curves) {
                    let Some(run) = self.runs.get(mean.of) else {
                        continue;
                    };
                    lines.push(ChartLine {
                        name: named(&mean.name),
                        digits,
                        dots,
                        band: Some(&mean.band),
                        dashes: Self::dashes(metrics, at),
                        paper: run.paper,
                        ..ChartLine::new("", run.colour, &mean.curve)
                    });
                }
                continue;
            }
            for run in self.runs {
                let Some((of, read)) = self.read(run.run, metric) else {
                    continue;
                };
                lines.push(ChartLine {
                    name: named(&run.name),
                    digits,
                    dots,
                    offset: Self::offset(of, read.key.stage, along),
                    dashes: Self::dashes(metrics, at),
                    paper: run.paper,
                    ..ChartLine::new("", run.colour, &read.track.curve)
                });
            }
        }
        lines
    }

    /// Runs are named above the plots; the metrics of a plot are told apart by their dashes.
    fn legend(
        &self,
        metrics: &[MetricDecl],
        _lines: &[ChartLine<'_>],
        t: &ThemeTokens,
    ) -> Vec<LegendEntry> {
        if metrics.len() < 2 {
            return Vec::new();
        }
        let named = metrics.iter().enumerate().map(|(at, metric)| LegendEntry {
            line: None,
            name: short_name(metric, metrics).to_string(),
            colour: t.secondary,
            dots: false,
            dashes: Self::dashes(metrics, at),
        });
        named.collect()
    }

    /// The settings changed on the way, each in the colour of its run.
    fn marks(
        &self,
        _cache: &mut EventMarks,
        metrics: &[MetricDecl],
        along: AlongX,
        _t: &ThemeTokens,
    ) -> Arc<Vec<ChartMark>> {
        let mut marks = Vec::new();
        for run in self.runs {
            let Some(of) = self.curves.runs.get(&run.run) else {
                continue;
            };
            let read = |metric: &MetricDecl| of.curves.get(&quantity(&metric.key));
            let Some(stage) = metrics
                .iter()
                .find_map(|metric| Some(read(metric)?.key.stage))
            else {
                continue;
            };
            let changes = of
                .changes
                .iter()
                .filter(|change| change.stage == Some(stage));
            marks.extend(changes.map(|change| ChartMark {
                x: match along {
                    AlongX::Step => change.step as f64,
                    _ => change.wall_ms as f64 / 1e3 - Self::offset(of, stage, along),
                },
                colour: run.colour,
                words: format!("{}: {}", run.name, change.words()),
                tall: true,
            }));
        }
        marks.sort_by(|a, b| a.x.total_cmp(&b.x));
        Arc::new(marks)
    }

    fn emphasis(&self, lines: &[ChartLine<'_>]) -> Option<usize> {
        // A mean is of several runs.
        let run = self.runs.get(self.pointed?).filter(|_| !self.means)?;
        let is_of =
            |line: &ChartLine<'_>| line.colour == run.colour && line.name.starts_with(&run.name);
        lines.iter().position(is_of)
    }

    fn choices(&self) -> Vec<MetricDecl> {
        compared_choices(self.logged)
    }

    fn new_tile(&self, others: &Arrangement) -> Tile {
        new_tile(self.logged, others)
    }

    fn nothing(&self, metrics: &[MetricDecl]) -> &'static str {
        let is_read = metrics.iter().all(|metric| {
            let of = quantity(&metric.key);
            self.runs
                .iter()
                .all(|run| self.curves.has_read(run.run, &of))
        });
        match metrics {
            [] => "Choose a metric in the menu above",
            _ if !is_read || (self.means && !self.has_means()) => "Reading the curves…",
            _ => "None of these runs has logged this metric",
        }
    }
}

/// A plot of the first metric that none of the others shows.
pub fn new_tile(logged: &BTreeSet<&str>, others: &Arrangement) -> Tile {
    let tiles = others.plots().flat_map(|tile| &tile.keys);
    let shown: BTreeSet<String> = tiles.map(|key| quantity(key)).collect();
    let free = compared_choices(logged);
    let free = free
        .iter()
        .find(|metric| !shown.contains(&quantity(&metric.key)));
    Tile::of(free.map(|metric| &*metric.key))
}
