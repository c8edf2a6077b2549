//! Comparing runs: bands over seeds, differing settings, paired differences of figures.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Entry, Spread};
use crate::data::rows::Row;
use crate::data::{EmpathyLevel, Mechanism};
use crate::experiment::{Held, settings};
use crate::metrics::declared::{self, declared};
use crate::metrics::{
    AuditFigure, AuditLevels, Bootstrap, Estimate, LevelPairs, Levels, ResponseWords, TargetLoss,
    audit_difference, emp_f1_difference, gain_difference, perplexity_difference,
};
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
pub struct Aligned {
    pub steps: Vec<u64>,
    /// Each curve's value at each step, or NaN.
    pub values: Vec<Vec<f64>>,
}

impl Aligned {
    /// Aligns curves of `(step, value)`, by step, at every step where any of them is finite; if these are
    /// more than `places`, at evenly chosen ones and the last.
    pub fn new(curves: &[&[(u64, f64)]], places: usize) -> Aligned {
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
        Aligned { steps, values }
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

/// The settings that differ between the runs, in the order of the configuration.
pub fn differing_settings(entries: &[&Entry]) -> Vec<SettingRow> {
    settings()
        .map(|known| SettingRow {
            path: known.path.to_string(),
            label: known.label(),
            values: entries.iter().map(|entry| entry.held(known.path)).collect(),
        })
        .filter(|row| row.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}

/// A run's responses on the test split, one row for each example.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    keys: Vec<String>,
    responses: Vec<String>,
    losses: Option<Vec<TargetLoss>>,
    levels: Option<LevelPairs>,
    /// Of the responses shuffled over the contexts; None where no controls were computed.
    shuffled: Option<LevelPairs>,
    /// By each auditor.
    audits: Vec<AuditLevels>,
}

impl Answers {
    /// From the rows that an evaluation writes. Those of earlier versions have responses only.
    pub fn new(rows: &[Row]) -> Answers {
        let number = |row: &Row, name: &str| row.fields.get(name).and_then(|value| value.as_f64());
        let losses = rows.iter().map(|row| {
            Some(TargetLoss {
                nll: number(row, "target_nll")?,
                tokens: number(row, "target_tokens")? as usize,
            })
        });
        let levels = |name: &str| -> Option<Vec<Levels>> {
            rows.iter().map(|row| levels_of(row, name)).collect()
        };
        let pairs = |responses: &str| {
            Some(LevelPairs {
                targets: levels("target_levels")?,
                responses: levels(responses)?,
            })
        };
        Answers {
            keys: keys(rows),
            responses: rows
                .iter()
                .map(|row| row.response.clone().unwrap_or_default())
                .collect(),
            losses: losses.collect(),
            levels: pairs("levels"),
            shuffled: pairs("shuffled_levels"),
            audits: audits(rows),
        }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn picked(&self, at: &[usize]) -> Answers {
        fn pick<T: Clone>(from: &[T], at: &[usize]) -> Vec<T> {
            at.iter().map(|&at| from[at].clone()).collect()
        }
        let pairs = |pairs: &Option<LevelPairs>| {
            let picked = |pairs: &LevelPairs| LevelPairs {
                targets: pick(&pairs.targets, at),
                responses: pick(&pairs.responses, at),
            };
            pairs.as_ref().map(picked)
        };
        Answers {
            keys: pick(&self.keys, at),
            responses: pick(&self.responses, at),
            losses: self.losses.as_ref().map(|losses| pick(losses, at)),
            levels: pairs(&self.levels),
            shuffled: pairs(&self.shuffled),
            audits: self
                .audits
                .iter()
                .map(|own| AuditLevels {
                    auditor: own.auditor.clone(),
                    targets: pick(&own.targets, at),
                    responses: pick(&own.responses, at),
                    shuffled: own.shuffled.as_ref().map(|shuffled| pick(shuffled, at)),
                })
                .collect(),
        }
    }
}

/// What each auditor of the first row found in all of them; one that did not judge all is left out.
fn audits(rows: &[Row]) -> Vec<AuditLevels> {
    let found = |row: &Row, auditor: &str, name: &str| {
        levels_in(row.fields.get("held_out")?.get(auditor)?.get(name)?)
    };
    let all = |auditor: &str, name: &str| -> Option<Vec<Levels>> {
        rows.iter().map(|row| found(row, auditor, name)).collect()
    };
    let first = rows
        .first()
        .and_then(|row| row.fields.get("held_out")?.as_object());
    let auditors = first.into_iter().flat_map(|of| of.keys());
    auditors
        .filter_map(|auditor| {
            Some(AuditLevels {
                auditor: auditor.clone(),
                targets: all(auditor, "target_levels")?,
                responses: all(auditor, "levels")?,
                shuffled: all(auditor, "shuffled_levels"),
            })
        })
        .collect()
}

/// Keys of the examples: context and position of the target, numbered if repeated.
fn keys(rows: &[Row]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    rows.iter()
        .map(|row| {
            let part = |name: &str| {
                row.fields
                    .get(name)
                    .map_or(String::new(), ToString::to_string)
            };
            let key = format!(
                "{}\n{}\n{}",
                row.context_text().unwrap_or_default(),
                part("conversation"),
                part("turn")
            );
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            format!("{key}\n{count}")
        })
        .collect()
}

fn levels_of(row: &Row, name: &str) -> Option<Levels> {
    levels_in(row.fields.get(name)?)
}

fn levels_in(value: &Value) -> Option<Levels> {
    let values = value.as_array()?;
    let level = |at: usize| EmpathyLevel::from_index(values.get(at)?.as_u64()? as usize);
    Some([level(0)?, level(1)?, level(2)?])
}

/// A metric of the first run minus that of the second, over the same examples.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedRow {
    /// Its key.
    pub metric: &'static str,
    pub outcome: Result<Estimate, NotPaired>,
}

impl PairedRow {
    pub fn title(&self) -> Cow<'static, str> {
        declared(self.metric).map_or(self.metric.into(), |metric| metric.name)
    }
}

/// Why there is no paired difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    #[error("not kept of each example by one of the runs, or by the version that made it")]
    NotKept,
    #[error(
        "the runs split the targets into other tokens, so that their perplexities cannot be compared"
    )]
    OtherTokens,
    #[error("nothing to compare")]
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// Examples that both answered.
    pub n: usize,
    /// Whether the identifiers of both runs found the same levels in the targets. Each run's responses are
    /// measured by its own identifiers.
    pub same_identifiers: bool,
    pub rows: Vec<PairedRow>,
}

/// Metrics of `first` minus those of `second` with 95 % intervals, by a paired bootstrap over examples. Can
/// take seconds: not for the UI thread.
pub fn paired(first: &Answers, second: &Answers, bootstrap: &Bootstrap) -> Paired {
    let place: HashMap<&str, usize> = second
        .keys
        .iter()
        .enumerate()
        .map(|(at, key)| (key.as_str(), at))
        .collect();
    let common: Vec<(usize, usize)> = first
        .keys
        .iter()
        .enumerate()
        .filter_map(|(at, key)| Some((at, *place.get(key.as_str())?)))
        .collect();
    let (mine, theirs): (Vec<usize>, Vec<usize>) = common.into_iter().unzip();
    let (first, second) = (first.picked(&mine), second.picked(&theirs));
    let mut rows = vec![PairedRow {
        metric: declared::VALIDATION_PPL,
        outcome: perplexities(&first, &second, bootstrap),
    }];
    let words = (
        ResponseWords::new(&first.responses),
        ResponseWords::new(&second.responses),
    );
    for (n, metric) in [
        (1, declared::VALIDATION_DIST_1),
        (2, declared::VALIDATION_DIST_2),
    ] {
        let outcome = words
            .0
            .difference(&words.1, n, bootstrap)
            .ok_or(NotPaired::Nothing);
        rows.push(PairedRow { metric, outcome });
    }
    let mut same_identifiers = true;
    rows.extend(audited(&first.audits, &second.audits, bootstrap));
    rows.push(PairedRow {
        metric: declared::VALIDATION_EMP_F1_GAIN,
        outcome: gains(&first, &second, bootstrap),
    });
    match (&first.levels, &second.levels) {
        (Some(first), Some(second)) => {
            same_identifiers = first.targets == second.targets;
            let whole = emp_f1_difference(first, second, &Mechanism::ALL, bootstrap);
            rows.push(PairedRow {
                metric: declared::VALIDATION_EMP_F1,
                outcome: whole.ok_or(NotPaired::Nothing),
            });
            for mechanism in Mechanism::ALL {
                let one = emp_f1_difference(first, second, &[mechanism], bootstrap);
                rows.push(PairedRow {
                    metric: declared::VALIDATION_F1_KEYS[mechanism.index()],
                    outcome: one.ok_or(NotPaired::Nothing),
                });
            }
        }
        _ => rows.push(PairedRow {
            metric: declared::VALIDATION_EMP_F1,
            outcome: Err(NotPaired::NotKept),
        }),
    }
    Paired {
        n: mine.len(),
        same_identifiers,
        rows,
    }
}

/// Differences as the auditors see them that judged both runs; nothing where none did. Those of one name that found other
/// levels in the same targets are not the same.
fn audited(first: &[AuditLevels], second: &[AuditLevels], bootstrap: &Bootstrap) -> Vec<PairedRow> {
    let both = first.iter().filter_map(|own| {
        let same =
            |other: &&AuditLevels| other.auditor == own.auditor && other.targets == own.targets;
        Some((own.clone(), second.iter().find(same)?.clone()))
    });
    let (first, second): (Vec<AuditLevels>, Vec<AuditLevels>) = both.unzip();
    if first.is_empty() {
        return Vec::new();
    }
    let figures = [
        (declared::VALIDATION_EMP_F1_HELD_OUT, AuditFigure::EmpF1),
        (declared::VALIDATION_EMP_F1_HELD_OUT_GAIN, AuditFigure::Gain),
        (declared::VALIDATION_KAPPA_HELD_OUT, AuditFigure::MeanKappa),
    ];
    let row = |(metric, figure)| PairedRow {
        metric,
        outcome: audit_difference(&first, &second, figure, bootstrap).ok_or(NotPaired::Nothing),
    };
    figures.map(row).to_vec()
}

/// The difference of two gains over shuffled. The examples that both runs answered stay paired with the answers that
/// each run moved there.
fn gains(first: &Answers, second: &Answers, bootstrap: &Bootstrap) -> Result<Estimate, NotPaired> {
    let pairs = |answers: &Answers| Some((answers.levels.clone()?, answers.shuffled.clone()?));
    let (Some(first), Some(second)) = (pairs(first), pairs(second)) else {
        return Err(NotPaired::NotKept);
    };
    gain_difference((&first.0, &first.1), (&second.0, &second.1), bootstrap)
        .ok_or(NotPaired::Nothing)
}

fn perplexities(
    first: &Answers,
    second: &Answers,
    bootstrap: &Bootstrap,
) -> Result<Estimate, NotPaired> {
    let (Some(first), Some(second)) = (&first.losses, &second.losses) else {
        return Err(NotPaired::NotKept);
    };
    let other_tokens = first.iter().zip(second).any(|(a, b)| a.tokens != b.tokens);
    if other_tokens {
        return Err(NotPaired::OtherTokens);
    }
    perplexity_difference(first, second, bootstrap).ok_or(NotPaired::Nothing)
}

/// Groups runs whose settings, also those changed during the run, differ only in the seed; as indices of
/// `entries`, in the order of their first members. Runs whose settings cannot be read are not grouped.
pub fn seed_groups(entries: &[&Entry]) -> Vec<Vec<usize>> {
    let same = |a: &Entry, b: &Entry| {
        !a.settings.is_empty()
            && a.changed() == b.changed()
            && a.settings.len() == b.settings.len()
            && a.settings
                .iter()
                .all(|(path, value)| path == "run.seed" || b.settings.get(path) == Some(value))
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
        Aligned::new(&of_group.collect::<Vec<_>>(), BAND_POINTS)
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
    pub aligned: Vec<Aligned>,
    /// Of each run: whether its values are of the truncated distribution ([`Entry::has_truncated`]).
    pub truncated: Vec<bool>,
}
