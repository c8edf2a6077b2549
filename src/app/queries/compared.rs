//! Runs beside each other, as the place Compare shows them: what their answers say, and their curves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::catalog::compare::prepare;
use crate::catalog::figures::{Line, seed_lines};
use crate::catalog::load::{Comparison, compare, load_entries};
use crate::catalog::{Entry, Spread};
use crate::experiment::{Event, EventKind, Stage};
use crate::metrics::{Bootstrap, declared};
use crate::series::{Band, Curve, Point, Series, XAxis};
use crate::store::{MetricKey, RunId, RunStatus, StoreError, StoreReader};

#[derive(Debug)]
pub struct Compared {
    pub runs: Vec<RunId>,
    /// Of their answers on the test split.
    pub comparison: Comparison,
}

/// Compares the answers of runs on the test split with those of the first.
///
/// # Errors
/// The store cannot be read.
pub fn compared(reader: &StoreReader, runs: Vec<RunId>) -> Result<Compared, StoreError> {
    let entries = load_entries(reader, &runs)?;
    let entries: Vec<_> = entries.iter().collect();
    Ok(Compared {
        comparison: compare(reader, &entries, &Bootstrap::default())?,
        runs,
    })
}

/// Of a metric: what several algorithms log is one quantity.
pub type Quantity = String;

/// What is to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurveQuestion {
    pub runs: Vec<RunId>,
    /// With the weight by which curves are smoothed before a mean is made of them.
    pub quantities: BTreeMap<Quantity, f64>,
    /// Whether runs that differ in the seed alone are also drawn as one.
    pub means: bool,
}

impl CurveQuestion {
    /// Whether both ask for the same curves, however they are smoothed.
    pub fn is_alike(&self, other: &CurveQuestion) -> bool {
        self.runs == other.runs
            && self.means == other.means
            && self.quantities.keys().eq(other.quantities.keys())
    }
}

/// A curve as far as it is known: which reading of it, and how many points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// A number of its own for every curve that was read from its beginning.
    pub reading: u64,
    pub points: usize,
}

/// What a mean was made of; another one is made where this differs.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanStamp {
    runs: Vec<RunId>,
    weight: f64,
    curves: Vec<Option<Known>>,
    entries: Vec<EntryStamp>,
}

/// What tells that a run's settings and metrics are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EntryStamp {
    changes: usize,
    metrics: usize,
}

/// What the window has.
#[derive(Clone, Debug, Default)]
pub struct KnownCurves {
    pub curves: BTreeMap<(RunId, Quantity), Known>,
    pub means: BTreeMap<Quantity, MeanStamp>,
}

/// What is new of the curves.
#[derive(Debug)]
pub struct CurveNews {
    pub runs: Vec<RunNews>,
    pub means: Vec<(Quantity, MeanStamp, Vec<MeanCurve>)>,
}

#[derive(Debug)]
pub struct RunNews {
    pub run: RunId,
    /// The settings changed on the way.
    pub changes: Vec<Event>,
    /// When each of its stages began.
    pub starts: BTreeMap<Stage, i64>,
    pub curves: Vec<(Quantity, CurvePoints)>,
}

#[derive(Debug)]
pub struct CurvePoints {
    pub key: MetricKey,
    pub known: Known,
    pub points: NewPoints,
}

#[derive(Debug)]
pub enum NewPoints {
    /// From its beginning, smoothed with this weight.
    All(Box<Curve>, f64),
    /// Behind those that are known.
    More(Vec<Point>),
}

/// The mean of runs that differ in the seed alone. Its times are counted from the beginning of the stage in each.
#[derive(Debug)]
pub struct MeanCurve {
    pub name: String,
    /// The run whose colour it has, by place.
    pub of: usize,
    pub curve: Curve,
    pub band: Band,
}

/// What was read already.
#[derive(Debug, Default)]
pub struct CurveCache {
    runs: BTreeMap<RunId, CachedRun>,
    entries: Option<(Vec<RunId>, Vec<EntryStamp>, Vec<Entry>)>,
}

#[derive(Debug, Default)]
struct CachedRun {
    curves: BTreeMap<Quantity, CachedCurve>,
    events: Vec<Event>,
    metrics: usize,
    resumptions: Arc<[i64]>,
}

#[derive(Debug)]
struct CachedCurve {
    key: MetricKey,
    reading: u64,
    series: Series,
}

impl CachedCurve {
    fn known(&self) -> Known {
        Known {
            reading: self.reading,
            points: self.series.len(),
        }
    }
}

/// Reads what has been recorded since, and tells what the window does not know.
///
/// # Errors
/// The store cannot be read.
pub fn curves(
    reader: &StoreReader,
    cache: &mut CurveCache,
    question: &CurveQuestion,
    known: &KnownCurves,
    smoothing: f64,
) -> Result<CurveNews, StoreError> {
    cache.runs.retain(|run, _| question.runs.contains(run));
    for run in &question.runs {
        let cached = cache.runs.entry(*run).or_default();
        cached.read(reader, *run, &question.quantities)?;
    }
    let news = |run: &RunId| Some(cache.runs.get(run)?.news(*run, known, smoothing));
    let runs = question.runs.iter().filter_map(news).collect();
    let means = match question.means {
        true => cache.means(reader, question, known)?,
        false => Vec::new(),
    };
    Ok(CurveNews { runs, means })
}

impl CachedRun {
    /// Reads the events and curves of a run, of each curve only what has been added where that is all.
    fn read(
        &mut self,
        reader: &StoreReader,
        run: RunId,
        quantities: &BTreeMap<Quantity, f64>,
    ) -> Result<(), StoreError> {
        self.events = reader.events(run)?;
        let running = EventKind::Status {
            status: RunStatus::Running,
        };
        let resumed = self.events.iter().filter(|event| event.kind == running);
        let mut resumptions: Vec<i64> = resumed.map(|event| event.wall_ms).collect();
        resumptions.sort_unstable();
        if *self.resumptions != resumptions[..] {
            // What was recorded after the checkpoint it went on from is no part of it any more.
            self.resumptions = resumptions.into();
            self.curves.clear();
        }
        let keys = reader.keys(run)?;
        self.metrics = keys.len();
        self.curves.retain(|of, _| quantities.contains_key(of));
        for quantity in quantities.keys() {
            let is_same = |key: &MetricKey| declared::as_of_ppo(&key.name) == *quantity;
            // The latest stage that logs it.
            let Some(summary) = keys.iter().rfind(|summary| is_same(&summary.key)) else {
                self.curves.remove(quantity);
                continue;
            };
            let count = summary.count as usize;
            if let Some(cached) = self.curves.get_mut(quantity)
                && cached.key == summary.key
                && let Some(last) = cached.series.last()
                && cached.series.len() <= count
                && last.step <= summary.last_step
            {
                if cached.series.len() == count {
                    continue;
                }
                let more = reader.series(run, &summary.key, Some(last.step))?;
                // A point may have come since the summary was read.
                if cached.series.len() + more.len() >= count {
                    more.into_iter().map(point).for_each(|point| {
                        cached.series.push(point);
                    });
                    continue;
                }
            }
            let all = reader.series(run, &summary.key, None)?;
            let mut series: Series = all.into_iter().map(point).collect();
            series.set_resumptions(self.resumptions.clone());
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let cached = CachedCurve {
                key: summary.key.clone(),
                reading: NEXT.fetch_add(1, Ordering::Relaxed),
                series,
            };
            self.curves.insert(quantity.clone(), cached);
        }
        Ok(())
    }

    fn news(&self, run: RunId, known: &KnownCurves, smoothing: f64) -> RunNews {
        let mut curves = Vec::new();
        for (quantity, cached) in &self.curves {
            let (now, series) = (cached.known(), &cached.series);
            let before = known.curves.get(&(run, quantity.clone()));
            let points = match before.filter(|before| before.reading == now.reading) {
                Some(before) if before.points == now.points => continue,
                Some(before) => {
                    let from = before.points.min(series.len());
                    NewPoints::More(
                        (from..series.len())
                            .filter_map(|at| series.get(at))
                            .collect(),
                    )
                }
                None => {
                    // Evaluations have few points and are never smoothed.
                    let metric = declared::declared(&cached.key.name);
                    let weight = match metric {
                        Some(metric) if metric.per_what == "evaluation" => 0.0,
                        _ => smoothing,
                    };
                    NewPoints::All(Box::new(Curve::new(series.clone(), weight)), weight)
                }
            };
            let key = cached.key.clone();
            let points = CurvePoints {
                key,
                known: now,
                points,
            };
            curves.push((quantity.clone(), points));
        }
        RunNews {
            run,
            changes: self.changes().cloned().collect(),
            starts: self.starts(),
            curves,
        }
    }

    fn changes(&self) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .filter(|event| event.kind.change().is_some())
    }

    /// When its stages began, or had their first value.
    fn starts(&self) -> BTreeMap<Stage, i64> {
        let begun = self.events.iter().filter_map(|event| match event.kind {
            EventKind::StageBegun { .. } => Some((event.stage?, event.wall_ms)),
            _ => None,
        });
        let first = self
            .curves
            .values()
            .filter_map(|cached| Some((cached.key.stage, cached.series.get(0)?.wall_ms)));
        let mut starts: BTreeMap<Stage, i64> = BTreeMap::new();
        for (stage, wall_ms) in begun.chain(first) {
            let start = starts.entry(stage).or_insert(wall_ms);
            *start = wall_ms.min(*start);
        }
        starts
    }
}

fn point((step, value, wall_ms): (u64, f64, i64)) -> Point {
    Point {
        step,
        value,
        wall_ms,
    }
}

type Means = Vec<(Quantity, MeanStamp, Vec<MeanCurve>)>;

impl CurveCache {
    fn means(
        &mut self,
        reader: &StoreReader,
        question: &CurveQuestion,
        known: &KnownCurves,
    ) -> Result<Means, StoreError> {
        let stamp = |run: &RunId| {
            let cached = self.runs.get(run);
            EntryStamp {
                changes: cached.map_or(0, |cached| cached.changes().count()),
                metrics: cached.map_or(0, |cached| cached.metrics),
            }
        };
        let stamps: Vec<EntryStamp> = question.runs.iter().map(stamp).collect();
        let is_current = |(runs, of, _): &&(Vec<RunId>, Vec<EntryStamp>, Vec<Entry>)| {
            *runs == question.runs && *of == stamps
        };
        if self.entries.as_ref().filter(is_current).is_none() {
            let entries = load_entries(reader, &question.runs)?;
            self.entries = Some((question.runs.clone(), stamps.clone(), entries));
        }
        let Some((_, _, entries)) = &self.entries else {
            return Ok(Vec::new());
        };
        let entries: Vec<&Entry> = entries.iter().collect();
        let mut means = Vec::new();
        for (quantity, weight) in &question.quantities {
            let of = |run: &RunId| self.runs.get(run)?.curves.get(quantity);
            let stamp = MeanStamp {
                runs: question.runs.clone(),
                weight: *weight,
                curves: question
                    .runs
                    .iter()
                    .map(|run| of(run).map(CachedCurve::known))
                    .collect(),
                entries: stamps.clone(),
            };
            if known.means.get(quantity) == Some(&stamp) {
                continue;
            }
            let points = |run: &RunId| -> Vec<(u64, f64)> {
                let points = of(run).into_iter().flat_map(|of| of.series.points());
                points.map(|point| (point.step, point.value)).collect()
            };
            let curves: Vec<Vec<(u64, f64)>> = question.runs.iter().map(points).collect();
            let prepared = prepare(&entries, &curves, quantity);
            let lines = seed_lines(&entries, &prepared, *weight);
            let lines = lines.into_iter().zip(&prepared.groups);
            let curves = lines.map(|(line, group)| {
                let members = group.iter().filter_map(|at| {
                    let run = question.runs.get(*at)?;
                    let cached = self.runs.get(run)?;
                    let curve = cached.curves.get(quantity)?;
                    let start = cached.starts().get(&curve.key.stage).copied();
                    Some((&curve.series, start.unwrap_or_default()))
                });
                mean_curve(line, &members.collect::<Vec<_>>())
            });
            means.push((quantity.clone(), stamp, curves.collect()));
        }
        Ok(means)
    }
}

/// A mean as a curve; each of its points lies at the mean time at which its members, with their beginnings, were there.
fn mean_curve(line: Line, members: &[(&Series, i64)]) -> MeanCurve {
    let time = |step: u64| {
        let there = members.iter().filter_map(|(series, start)| {
            let point = series.nearest(XAxis::Step, step as f64)?;
            (point.step == step).then_some(point.wall_ms - start)
        });
        let there: Vec<i64> = there.collect();
        there.iter().sum::<i64>() / (there.len() as i64).max(1)
    };
    let points: Vec<Point> = line
        .points
        .iter()
        .map(|&(step, value)| Point {
            step: step as u64,
            value,
            wall_ms: time(step as u64),
        })
        .collect();
    let spreads = line.spreads.iter();
    let bounds = spreads.map(|spread: &Spread| (spread.band(), spread.n));
    let band = points.iter().zip(bounds);
    let band = Band::new(band.map(|(point, (bounds, n))| (*point, bounds, n)));
    MeanCurve {
        name: line.name,
        of: line.of,
        curve: Curve::new(points.into_iter().collect(), 0.0),
        band,
    }
}

/// The metrics that any of these runs has logged.
pub fn logged<'a>(entries: &[&'a Entry]) -> BTreeSet<&'a str> {
    let keys = entries.iter().flat_map(|entry| entry.metrics.keys());
    keys.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Environment, ExperimentFile, Report};
    use crate::store::{NewRun, RunLock, Store};

    /// A run of quickstart with this seed.
    fn begin(store: &mut Store, seed: u64) -> RunLock {
        let preset = ExperimentFile::preset("quickstart").unwrap().unwrap();
        let mut config = preset.config;
        config.run.seed = seed;
        let new = NewRun {
            name: format!("seed {seed}"),
            experiment: "quickstart".into(),
            seed,
            device: "flex".into(),
            config_toml: config.to_toml(),
            environment: Environment::capture(),
            fingerprints: BTreeMap::new(),
        };
        store.create_run(&new).unwrap()
    }

    fn record(store: &mut Store, run: RunId, steps: std::ops::RangeInclusive<u64>) {
        let reports = steps.map(|step| {
            let value = step as f64 * run.0 as f64;
            let values = vec![(declared::EMPATHY_REWARD.to_string(), value)];
            let report = Report::Metrics {
                stage: Stage::Ppo,
                step,
                total: 100,
                values,
            };
            (1000 * step as i64 + run.0, report)
        });
        store.record(run, &reports.collect::<Vec<_>>()).unwrap();
    }

    /// Asks for the rest of what `known` has not, and notes it there. How many points came of each run, and whether the
    /// curve came as a whole.
    fn ask(
        store: &Store,
        cache: &mut CurveCache,
        question: &CurveQuestion,
        known: &mut KnownCurves,
    ) -> (Vec<(bool, usize)>, Vec<MeanCurve>) {
        let news = curves(&store.reader().unwrap(), cache, question, known, 0.0).unwrap();
        let mut found = Vec::new();
        for run in news.runs {
            for (quantity, curve) in run.curves {
                found.push(match &curve.points {
                    NewPoints::All(all, _) => (true, all.raw().len()),
                    NewPoints::More(more) => (false, more.len()),
                });
                known.curves.insert((run.run, quantity), curve.known);
            }
        }
        let mut means = Vec::new();
        for (quantity, stamp, curves) in news.means {
            known.means.insert(quantity, stamp);
            means.extend(curves);
        }
        (found, means)
    }

    #[test]
    fn only_what_is_new_is_read_and_a_mean_is_made_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let locks = [1, 2].map(|seed| begin(&mut store, seed));
        let runs = locks.each_ref().map(RunLock::run);
        for run in runs {
            record(&mut store, run, 1..=5);
        }
        let question = CurveQuestion {
            runs: runs.to_vec(),
            quantities: BTreeMap::from([(declared::EMPATHY_REWARD.to_string(), 0.0)]),
            means: true,
        };
        let (mut cache, mut known) = Default::default();
        let mut ask = |store: &Store| ask(store, &mut cache, &question, &mut known);
        let (found, means) = ask(&store);
        assert_eq!(found, [(true, 5), (true, 5)]);
        let [mean] = &means[..] else {
            panic!("{means:?}")
        };
        assert_eq!(mean.curve.raw().last().unwrap().value, 7.5);
        // From the beginning of each run, which is when its first value came.
        assert_eq!(mean.curve.raw().last().unwrap().wall_ms, 4000);
        let spread = mean.band.at(5).unwrap();
        assert_eq!((spread.count, spread.low < 7.5), (2, true));
        let (found, means) = ask(&store);
        assert!(found.is_empty() && means.is_empty(), "nothing is new");
        record(&mut store, runs[1], 6..=8);
        let (found, means) = ask(&store);
        assert_eq!(found, [(false, 3)]);
        assert_eq!(means[0].band.at(8).unwrap().count, 1);
        // What a run that went on again had recorded before may have been set aside.
        let status = RunStatus::Running;
        let again = Report::Event {
            at: None,
            kind: EventKind::Status { status },
        };
        store.record(runs[0], &[(9000, again)]).unwrap();
        let (found, _) = ask(&store);
        assert_eq!(found, [(true, 5)]);
    }
}
