//! Comparing runs: bands over seeds, differing settings, paired differences of figures.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use toml::Value;

use super::{Entry, Spread};
use crate::experiment::{Held, RecordedSettings, settings};
use crate::metrics::declared::{self, declared};
use crate::metrics::paired_tests::{holm, randomisation_p};
use crate::metrics::{Bootstrap, Estimate, MatchedLength};
use crate::report::answers::{COMPARED, ExampleDraw, in_common, paired_figures};
pub use crate::report::answers::{NotPaired, RunAnswers};
use crate::series::Ema;

/// The most points of a band.
pub const BAND_POINTS: usize = 2000;

/// Several curves at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandPoint {
    pub step: u64,
    pub spread: Spread,
}

/// Curves at the same steps.
#[derive(Clone, Debug, Default)]
pub struct AlignedCurves {
    pub steps: Vec<u64>,
    /// Each curve's value at each step, or NaN.
    pub values: Vec<Vec<f64>>,
}

impl AlignedCurves {
    /// Aligns curves of `(step, value)`, by step, at every step where any of them is finite; if these are
    /// more than `places`, at evenly chosen ones and the last.
    pub fn new(curves: &[&[(u64, f64)]], places: usize) -> AlignedCurves {
        let finite = |(_, value): &&(u64, f64)| value.is_finite();
        let all = curves.iter().flat_map(|curve| curve.iter());
        let all: BTreeSet<u64> = all.filter(finite).map(|(step, _)| *step).collect();
        let each = all.len().div_ceil(places.max(1)).max(1);
        let last = all.len().saturating_sub(1);
        let kept = |(at, _): &(usize, u64)| at % each == 0 || *at == last;
        let steps = all.into_iter().enumerate().filter(kept);
        let steps: Vec<u64> = steps.map(|(_, step)| step).collect();
        let at = |curve: &&[(u64, f64)]| -> Vec<f64> {
            let values: HashMap<u64, f64> = curve.iter().copied().collect();
            let value = |step| values.get(step).copied().unwrap_or(f64::NAN);
            steps.iter().map(value).collect()
        };
        let values = curves.iter().map(at).collect();
        AlignedCurves { steps, values }
    }

    /// Mean and deviation at each step, over the curves that have a value there. Each curve is first smoothed
    /// by a debiased exponential moving average with this weight; 0 does not smooth.
    pub fn band(&self, weight: f64) -> Vec<BandPoint> {
        let smooth = |values: &Vec<f64>| -> Vec<f64> {
            let mut average = Ema::new(weight);
            values.iter().map(|value| average.push(*value)).collect()
        };
        let smooth: Vec<Vec<f64>> = self.values.iter().map(smooth).collect();
        let steps = self.steps.iter().enumerate();
        steps
            .filter_map(|(at, &step)| {
                let values = smooth.iter().map(|values| values[at]);
                let spread = Spread::of(values)?;
                Some(BandPoint { step, spread })
            })
            .collect()
    }
}

/// A setting with its values in each run; None if the run's settings cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingRow {
    pub path: String,
    pub label: String,
    pub values: Vec<Option<Held>>,
}

/// The settings that differ between the runs, in the order of the configuration; those of other programs behind, by name.
pub fn differing_settings(entries: &[&Entry]) -> Vec<SettingRow> {
    let ours = settings().map(|known| (known.path.to_string(), known.label()));
    let paths = entries.iter().flat_map(|entry| entry.settings.keys());
    let recorded: BTreeSet<&String> = paths
        .filter(|path| RecordedSettings::is_path(path))
        .collect();
    let recorded = recorded
        .into_iter()
        .map(|path| (path.clone(), path.clone()));
    ours.chain(recorded)
        .map(|(path, label)| SettingRow {
            values: entries.iter().map(|entry| entry.held(&path)).collect(),
            path,
            label,
        })
        .filter(|row| row.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

/// The same, those first that part the runs into the most and most even shares, as what a sweep varied does; the seed
/// last, which is no setting that anybody compares.
pub fn ranked_settings(entries: &[&Entry]) -> Vec<SettingRow> {
    let mut rows = differing_settings(entries);
    let rank = |row: &SettingRow| (row.path == "run.seed", -row.parts());
    rows.sort_by(|a, b| {
        let [a, b] = [a, b].map(rank);
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    rows
}

impl SettingRow {
    /// How many runs have each of its values.
    fn shares(&self) -> Vec<usize> {
        let mut found: Vec<(&Option<Held>, usize)> = Vec::new();
        for value in &self.values {
            match found.iter_mut().find(|(known, _)| *known == value) {
                Some((_, n)) => *n += 1,
                None => found.push((value, 1)),
            }
        }
        found.into_iter().map(|(_, n)| n).collect()
    }

    /// How many values it has.
    pub fn distinct(&self) -> usize {
        self.shares().len()
    }

    /// Into how many even parts it parts the runs, as bits of information.
    fn parts(&self) -> f64 {
        let all = self.values.len() as f64;
        let shares = self.shares().into_iter().map(|n| n as f64 / all);
        -shares.map(|share| share * share.log2()).sum::<f64>()
    }
}

/// A metric of a run minus that of the first, over the same examples.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedRow {
    /// Its key.
    pub metric: &'static str,
    pub outcome: Result<PairedDifference, NotPaired>,
}

/// A difference with its 95 % interval, and whether chance explains it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDifference {
    pub estimate: Estimate,
    /// Two-sided, by approximate randomisation over examples.
    pub p: f64,
    /// Corrected by Holm for all differences that are shown together.
    pub corrected_p: f64,
}

impl PairedRow {
    pub fn title(&self) -> Cow<'static, str> {
        declared(self.metric).map_or(self.metric.into(), |metric| metric.name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// Examples that both answered.
    pub n: usize,
    /// Whether the identifiers of both runs found the same levels in the targets. Each run's responses are
    /// measured by its own identifiers.
    pub same_identifiers: bool,
    /// What both runs' lengths have in common; None without levels.
    pub matched_length: Option<MatchedLength>,
    pub rows: Vec<PairedRow>,
}

/// Metrics of `first` minus those of `second` with 95 % intervals, by a paired bootstrap over examples, and p-values
/// that are still to be [corrected]. Can take seconds: not for the UI thread.
pub fn paired(first: &RunAnswers, second: &RunAnswers, bootstrap: &Bootstrap) -> Paired {
    let [first, second] = in_common([first, second]);
    let n = first.len();
    let both = first.followed_by(&second);
    let difference = |metric| {
        let (mut one, mut other) = paired_figures(&first, &second, metric)?;
        let estimate = bootstrap.difference(n, &mut one, &mut other);
        let exact = both.figure(metric, ExampleDraw::Subset)?;
        let p = randomisation_p(bootstrap, n, exact);
        let (estimate, p) = estimate.zip(p).ok_or(NotPaired::Nothing)?;
        Ok(PairedDifference {
            estimate,
            p,
            corrected_p: p,
        })
    };
    let has_row = |metric: &&str| first.are_audited() || !HELD_OUT.contains(metric);
    let rows = COMPARED
        .into_iter()
        .filter(has_row)
        .map(|metric| PairedRow {
            metric,
            outcome: difference(metric),
        });
    Paired {
        n,
        same_identifiers: first.same_targets(&second),
        matched_length: first.matched_length(&second, bootstrap),
        rows: rows.collect(),
    }
}

/// Figures that have a row where the same auditors judged both runs.
const HELD_OUT: [&str; 3] = [
    declared::VALIDATION_EMP_F1_HELD_OUT,
    declared::VALIDATION_EMP_F1_HELD_OUT_GAIN,
    declared::VALIDATION_KAPPA_HELD_OUT,
];

/// Corrects the p-values of all these differences together.
pub fn correct(found: &mut [Option<Paired>]) {
    let mut all: Vec<&mut PairedDifference> = found
        .iter_mut()
        .flatten()
        .flat_map(|paired| &mut paired.rows)
        .filter_map(|row| row.outcome.as_mut().ok())
        .collect();
    let p: Vec<f64> = all.iter().map(|difference| difference.p).collect();
    for (difference, corrected) in all.iter_mut().zip(holm(&p)) {
        difference.corrected_p = corrected;
    }
}

/// Groups runs whose settings, also those changed during the run, differ only in the seed; as indices of
/// `entries`, in the order of their first members. Runs whose settings cannot be read are not grouped.
pub fn seed_groups(entries: &[&Entry]) -> Vec<Vec<usize>> {
    let shared = |entry: &Entry| -> Vec<(String, Value)> {
        let of_one = |path: &str| path == "run.seed" || RecordedSettings::is_of_one_run(path);
        let shared = entry.settings.iter().filter(|(path, _)| !of_one(path));
        shared
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect()
    };
    let same = |a: &Entry, b: &Entry| {
        !a.settings.is_empty() && a.changed() == b.changed() && shared(a) == shared(b)
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match groups
            .iter_mut()
            .find(|group| same(entries[group[0]], entry))
        {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// Reduces a curve to the minimum and maximum of each of `places` stretches, in order. Non-finite values stay,
/// as gaps.
pub fn decimate(curve: &[(u64, f64)], places: usize) -> Vec<(f64, f64)> {
    if curve.len() <= 2 * places {
        return curve
            .iter()
            .map(|(step, value)| (*step as f64, *value))
            .collect();
    }
    let each = curve.len().div_ceil(places);
    let mut thin = Vec::new();
    for stretch in curve.chunks(each) {
        let finite = || stretch.iter().filter(|(_, value)| value.is_finite());
        let least = finite().min_by(|a, b| a.1.total_cmp(&b.1));
        let greatest = finite().max_by(|a, b| a.1.total_cmp(&b.1));
        let gap = stretch.iter().find(|(_, value)| !value.is_finite());
        let mut kept: Vec<&(u64, f64)> = least.into_iter().chain(greatest).chain(gap).collect();
        kept.sort_by_key(|(step, _)| *step);
        kept.dedup_by_key(|(step, _)| *step);
        thin.extend(kept.into_iter().map(|(step, value)| (*step as f64, *value)));
    }
    thin
}

/// Stretches of a drawn line.
const LINE_PLACES: usize = 600;

/// Prepares curves for drawing: decimated lines, and groups of seeds at the same steps. Not for the UI thread.
///
/// Runs of which one has the metric of another distribution than the other are no seeds of one another.
pub fn prepare(entries: &[&Entry], curves: &[Vec<(u64, f64)>], metric: &str) -> PreparedCurves {
    let truncated: Vec<bool> = entries
        .iter()
        .map(|entry| entry.has_truncated(metric))
        .collect();
    let groups = seed_groups(entries).into_iter().flat_map(|group| {
        let (apart, rest): (Vec<usize>, Vec<usize>) =
            group.into_iter().partition(|at| truncated[*at]);
        [rest, apart].into_iter().filter(|part| !part.is_empty())
    });
    let groups: Vec<Vec<usize>> = groups.collect();
    let aligned = groups.iter().map(|group| {
        let of_group = group.iter().map(|at| curves[*at].as_slice());
        AlignedCurves::new(&of_group.collect::<Vec<_>>(), BAND_POINTS)
    });
    let aligned = aligned.collect();
    PreparedCurves {
        lines: curves
            .iter()
            .map(|curve| decimate(curve, LINE_PLACES))
            .collect(),
        groups,
        aligned,
        truncated,
    }
}

/// Curves that are ready to draw.
#[derive(Debug)]
pub struct PreparedCurves {
    pub lines: Vec<Vec<(f64, f64)>>,
    pub groups: Vec<Vec<usize>>,
    /// The curves of each group at the same steps.
    pub aligned: Vec<AlignedCurves>,
    /// Of each run: whether its values are of the truncated distribution ([`Entry::has_truncated`]).
    pub truncated: Vec<bool>,
}
