//! The plots of one run: a stage's metrics, and under them those of another run, the baseline.

use std::sync::Arc;

use eframe::egui::Color32;

use super::event_marks::EventMarks;
use super::source::{LegendEntry, PlotSource};
use super::{colour, short_name};
use crate::app::state::arrangement::Arrangement;
use crate::app::state::model::{RunModel, Track, is_evaluation};
use crate::app::state::tiles::{self, Tile};
use crate::app::theme::ThemeTokens;
use crate::app::widgets::chart::{AlongX, ChartLine, ChartMark};
use crate::experiment::Stage;
use crate::metrics::Digits;
use crate::metrics::declared::{self, MetricDecl};
use crate::report::LINE_COLOURS;
use crate::store::{MetricKey, RunId};

/// How strong the line of a baseline is.
const UNDER: f32 = 0.45;

pub struct RunPlots<'a> {
    pub run: &'a mut RunModel,
    /// What is laid under it.
    pub baseline: Option<&'a mut RunModel>,
    pub stage: Stage,
    pub smoothing: f64,
}

/// The x range of a stage.
pub fn extent(run: &RunModel, stage: Stage, along: AlongX) -> Option<(f64, f64)> {
    let first = MetricKey {
        stage,
        name: String::new(),
    };
    run.tracks
        .range(first..)
        .take_while(|(key, _)| key.stage == stage)
        .filter_map(|(_, track)| track.curve.raw().x_range(along.axis()))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The stage of another run that is measured as this one is: the one that trains its policy for one that does.
fn stage_of(other: &RunModel, stage: Stage) -> Stage {
    match stage.trains_policy() {
        true => other.policy_stage().unwrap_or(stage),
        false => stage,
    }
}

/// The key of the same quantity in another run.
fn key_in(other: &RunModel, stage: Stage, metric: &str) -> Option<MetricKey> {
    let stage = stage_of(other, stage);
    let names = declared::in_every_stage(metric).into_iter();
    let mut keys = names.map(|name| MetricKey { stage, name });
    keys.find(|key| other.tracks.contains_key(key))
}

impl RunPlots<'_> {
    fn key(&self, metric: &MetricDecl) -> MetricKey {
        MetricKey {
            stage: self.stage,
            name: metric.key.to_string(),
        }
    }

    /// The baseline, unless x is the time of day, at which it was not there.
    fn under(&self, along: AlongX) -> Option<&RunModel> {
        let baseline = self.baseline.as_deref();
        baseline.filter(|_| along != AlongX::Wall)
    }

    /// How much later the stage of the baseline began.
    fn offset(&self, baseline: &RunModel, along: AlongX) -> f64 {
        let stage = stage_of(baseline, self.stage);
        match along {
            AlongX::Step | AlongX::Wall => 0.0,
            AlongX::Relative => {
                let [of, own] = [(baseline, stage), (&*self.run, self.stage)]
                    .map(|(run, stage)| extent(run, stage, along).map_or(0.0, |range| range.0));
                of - own
            }
        }
    }
}

impl PlotSource for RunPlots<'_> {
    fn name(&self) -> String {
        format!("run-{}-{}", self.run.id, self.stage.key())
    }

    fn runs(&self) -> Vec<RunId> {
        let baseline = self.baseline.iter().map(|baseline| baseline.id);
        std::iter::once(self.run.id).chain(baseline).collect()
    }

    fn shown(&self, tile: &Tile) -> Tile {
        tile.for_rewards(&self.run.own_metrics())
    }

    fn extent(&self, _metrics: &[MetricDecl], along: AlongX, following: bool) -> (f64, f64) {
        let own = extent(self.run, self.stage, along);
        let under = self.under(along).filter(|_| !following);
        let under = under.and_then(|baseline| {
            let (from, to) = extent(baseline, stage_of(baseline, self.stage), along)?;
            let offset = self.offset(baseline, along);
            Some((from - offset, to - offset))
        });
        // Without a point of the run there is no time at which the baseline could be.
        let under = under.filter(|_| own.is_some() || along == AlongX::Step);
        own.into_iter()
            .chain(under)
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            .unwrap_or((0.0, 1.0))
    }

    fn origin(&self, along: AlongX) -> f64 {
        // Relative times start with the stage, whichever metric came first.
        match along {
            AlongX::Relative => extent(self.run, self.stage, along).map_or(0.0, |range| range.0),
            AlongX::Step | AlongX::Wall => 0.0,
        }
    }

    fn smoothing(&self) -> f64 {
        self.smoothing
    }

    fn prepare(&mut self, metrics: &[MetricDecl], log: bool) -> bool {
        let smoothing = self.smoothing;
        let prepare = |track: &mut Track, metric: &MetricDecl| {
            track.smooth(match is_evaluation(&metric.key) {
                true => 0.0,
                false => smoothing,
            });
            if log {
                track.curve.keep_logarithms();
            }
        };
        for metric in metrics {
            let key = self.key(metric);
            if let Some(track) = self.run.tracks.get_mut(&key) {
                prepare(track, metric);
            }
            if let Some(baseline) = self.baseline.as_deref_mut()
                && let Some(key) = key_in(baseline, self.stage, &metric.key)
                && let Some(track) = baseline.tracks.get_mut(&key)
            {
                prepare(track, metric);
            }
        }
        true
    }

    fn lines<'a>(
        &'a self,
        metrics: &'a [MetricDecl],
        along: AlongX,
        t: &ThemeTokens,
    ) -> Vec<ChartLine<'a>> {
        let line = |track: &'a Track, metric: &MetricDecl, name: String, colour: Color32| {
            let place = metrics.iter().position(|other| other.key == metric.key);
            ChartLine {
                digits: Digits::of(&metric.key),
                dots: is_evaluation(&metric.key),
                paper: place.unwrap_or_default(),
                ..ChartLine::new(name, colour, &track.curve)
            }
        };
        let mut lines = Vec::new();
        for (n, metric) in metrics.iter().enumerate() {
            if let Some(track) = self.run.tracks.get(&self.key(metric)) {
                let name = short_name(metric, metrics).to_string();
                lines.push(line(track, metric, name, colour(t, &metric.key, n)));
            }
        }
        let Some(baseline) = self.under(along) else {
            return lines;
        };
        let offset = self.offset(baseline, along);
        for (n, metric) in metrics.iter().enumerate() {
            let key = key_in(baseline, self.stage, &metric.key);
            let Some(track) = key.and_then(|key| baseline.tracks.get(&key)) else {
                continue;
            };
            let name = match metrics {
                [_] => format!("Baseline #{}", baseline.id),
                _ => format!("{}, baseline", short_name(metric, metrics)),
            };
            let colour = colour(t, &metric.key, n).gamma_multiply(UNDER);
            let line = line(track, metric, name, colour);
            lines.push(ChartLine {
                offset,
                is_under: true,
                paper: line.paper + LINE_COLOURS.len() / 2,
                ..line
            });
        }
        lines
    }

    fn legend(
        &self,
        metrics: &[MetricDecl],
        lines: &[ChartLine<'_>],
        _t: &ThemeTokens,
    ) -> Vec<LegendEntry> {
        if metrics.len() < 2 {
            return Vec::new();
        }
        let own = lines.iter().enumerate().filter(|(_, line)| !line.is_under);
        own.map(|(at, line)| LegendEntry {
            line: Some(at),
            name: line.name.to_string(),
            colour: line.colour,
            dots: line.dots,
            dashes: None,
        })
        .collect()
    }

    fn marks(
        &self,
        cache: &mut EventMarks,
        _metrics: &[MetricDecl],
        along: AlongX,
        t: &ThemeTokens,
    ) -> Arc<Vec<ChartMark>> {
        cache.marks(self.run, self.stage, along, t)
    }

    fn choices(&self) -> Vec<MetricDecl> {
        tiles::choices(self.stage, &self.run.own_metrics()).collect()
    }

    fn new_tile(&self, others: &Arrangement) -> Tile {
        Tile::next_to(self.stage, &self.run.own_metrics(), others.plots())
    }

    fn nothing(&self, metrics: &[MetricDecl]) -> &'static str {
        match metrics {
            [] => "Choose a metric in the menu above",
            all if all.iter().all(|metric| is_evaluation(&metric.key)) => {
                "From the first evaluation on"
            }
            _ => "No values yet",
        }
    }
}
