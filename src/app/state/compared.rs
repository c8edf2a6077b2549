//! The curves of the compared runs, as they have been read so far.
//!
//! Knows no widget and no thread: answers are applied to it as they come.

use std::collections::BTreeMap;

use super::arrangement::Arrangement;
use super::model::{Track, is_evaluation};
use crate::app::queries::compared::{
    CurveNews, CurveQuestion, Known, KnownCurves, MeanCurve, MeanStamp, NewPoints, Quantity,
    RunNews,
};
use crate::experiment::{Event, Stage};
use crate::metrics::declared;
use crate::store::{MetricKey, RunId};

/// A curve of one run.
#[derive(Debug)]
pub struct ReadCurve {
    pub key: MetricKey,
    pub track: Track,
    known: Known,
}

#[derive(Debug, Default)]
pub struct RunCurves {
    pub curves: BTreeMap<Quantity, ReadCurve>,
    /// The settings changed on the way.
    pub changes: Vec<Event>,
    starts: BTreeMap<Stage, i64>,
}

impl RunCurves {
    /// When a stage began, in seconds since the Unix epoch.
    pub fn start(&self, stage: Stage) -> f64 {
        self.starts
            .get(&stage)
            .map_or(0.0, |start| *start as f64 / 1e3)
    }
}

/// The means of runs that differ in the seed alone.
#[derive(Debug)]
pub struct Means {
    stamp: MeanStamp,
    pub curves: Vec<MeanCurve>,
}

#[derive(Debug, Default)]
pub struct ComparedCurves {
    pub runs: BTreeMap<RunId, RunCurves>,
    pub means: BTreeMap<Quantity, Means>,
    /// What was read last.
    pub answered: Option<CurveQuestion>,
}

/// The quantity that a metric is of.
pub fn quantity(metric: &str) -> Quantity {
    declared::as_of_ppo(metric).into_owned()
}

/// What there is to draw: the runs, and the quantities that the plots show.
pub fn question(runs: &[RunId], plots: &Arrangement, smoothing: f64, means: bool) -> CurveQuestion {
    let keys = plots.plots().flat_map(|tile| tile.keys.iter());
    let weighed = |key: &String| {
        // Evaluations have few points and are never smoothed.
        let weight = match means && !is_evaluation(key) {
            true => smoothing,
            false => 0.0,
        };
        (quantity(key), weight)
    };
    CurveQuestion {
        runs: runs.to_vec(),
        quantities: keys.map(weighed).collect(),
        means,
    }
}

impl ComparedCurves {
    /// What is known, for the question after.
    pub fn known(&self) -> KnownCurves {
        let curves = self.runs.iter().flat_map(|(run, of)| {
            let curves = of.curves.iter();
            curves.map(|(quantity, read)| ((*run, quantity.clone()), read.known))
        });
        let means = self.means.iter();
        KnownCurves {
            curves: curves.collect(),
            means: means
                .map(|(quantity, means)| (quantity.clone(), means.stamp.clone()))
                .collect(),
        }
    }

    /// Takes what is new.
    pub fn apply(&mut self, question: CurveQuestion, news: CurveNews) {
        self.runs.retain(|run, _| question.runs.contains(run));
        for run in news.runs {
            let of = self.runs.entry(run.run).or_default();
            of.curves
                .retain(|quantity, _| question.quantities.contains_key(quantity));
            of.apply(run);
        }
        self.means
            .retain(|quantity, _| question.means && question.quantities.contains_key(quantity));
        for (quantity, stamp, curves) in news.means {
            self.means.insert(quantity, Means { stamp, curves });
        }
        self.answered = Some(question);
    }

    /// Whether a quantity of a run was looked for, be there a curve or not.
    pub fn has_read(&self, run: RunId, quantity: &str) -> bool {
        self.answered.as_ref().is_some_and(|answered| {
            answered.runs.contains(&run) && answered.quantities.contains_key(quantity)
        })
    }
}

impl RunCurves {
    fn apply(&mut self, news: RunNews) {
        self.changes = news.changes;
        self.starts = news.starts;
        for (quantity, new) in news.curves {
            let known = new.known;
            match (new.points, self.curves.get_mut(&quantity)) {
                (NewPoints::More(points), Some(read)) if read.known.reading == known.reading => {
                    read.known = known;
                    points
                        .into_iter()
                        .for_each(|point| read.track.curve.push(point));
                }
                // Read anew with the next question, since this is not known.
                (NewPoints::More(_), _) => {}
                (NewPoints::All(curve, weight), _) => {
                    let track = Track::of(*curve, weight);
                    let key = new.key;
                    self.curves
                        .insert(quantity, ReadCurve { key, track, known });
                }
            }
        }
    }
}
