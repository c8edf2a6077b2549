//! Groups of runs that differ in the seed alone: their figures with intervals over seeds and conversations, and how far
//! one group is from another.

use super::answers::{COMPARED, ExampleDraw, NotPaired, RunAnswers, all_in_common};
use crate::data::Mechanism;
use crate::metrics::hierarchical::{ENOUGH_SEEDS, Figure, Group, SeedFigures};
use crate::metrics::paired_tests::{holm, permutation_p, sign_flip_p};
use crate::metrics::rliable::{
    interquartile_mean, optimality_gap, performance_profile, probability_of_improvement,
};
use crate::metrics::{Bootstrap, Direction, Estimate, declared};

/// What every F1 would be at best, in %.
const GOAL: f64 = 100.0;

/// Thresholds of performance profiles, in %.
const THRESHOLDS: usize = 201;

/// A group's runs: the answers of each to the test split.
#[derive(Clone, Debug, Default)]
pub struct SeededAnswers {
    pub name: String,
    /// With the seed of each.
    pub runs: Vec<(u64, RunAnswers)>,
}

/// Groups over the examples that all of their runs answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverSeeds {
    pub examples: usize,
    pub groups: Vec<GroupFigures>,
    /// Of each further group from the first.
    pub differences: Vec<GroupDifferences>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupFigures {
    pub name: String,
    pub seeds: Vec<u64>,
    /// Of those metrics among [`COMPARED`] that all of its runs have, and Emp-F1 shuffled.
    pub rows: Vec<SeedRow>,
    /// Over the F1 of every seed and mechanism; None without levels.
    pub aggregates: Option<Aggregates>,
}

/// A metric of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedRow {
    pub metric: &'static str,
    pub mean: Estimate,
    /// The sample standard deviation over the seeds; None of one seed.
    pub deviation: Option<f64>,
    /// The mean of the middle half of the seeds.
    pub interquartile_mean: Estimate,
}

/// rliable's aggregates of the scores of seed × mechanism, in %.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregates {
    pub interquartile_mean: Estimate,
    pub optimality_gap: Estimate,
    scores: Vec<f64>,
}

/// One group less the first.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDifferences {
    pub name: String,
    pub first: String,
    /// Of this group and of the first.
    pub seeds: [usize; 2],
    /// Whether both have the same seeds, which are then drawn together.
    pub paired: bool,
    pub rows: Vec<DifferenceRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceRow {
    pub metric: &'static str,
    /// Of the means over seeds.
    pub difference: Estimate,
    /// P(this group is better) + P(equal) / 2 of a seed of each, 0 to 1; None where neither way is better.
    pub improvement: Option<Estimate>,
    /// Two-sided over seeds: sign-flip where they are paired, else by permutation.
    pub p: f64,
    /// Corrected by Holm for all differences of all groups.
    pub corrected_p: f64,
}

impl GroupFigures {
    /// The figures of a metric.
    pub fn row(&self, metric: &str) -> Option<&SeedRow> {
        self.rows.iter().find(|row| row.metric == metric)
    }
}

impl Aggregates {
    /// The performance profile: thresholds in %, and the share of scores above each, 0 to 1.
    pub fn profile(&self) -> Vec<(f64, f64)> {
        let thresholds: Vec<f64> = (0..THRESHOLDS)
            .map(|at| GOAL * at as f64 / (THRESHOLDS - 1) as f64)
            .collect();
        let shares = performance_profile(&self.scores, &thresholds).unwrap_or_default();
        thresholds.into_iter().zip(shares).collect()
    }
}

impl OverSeeds {
    /// Whether a mean over seeds stands anywhere: some group has several.
    pub fn has_means(&self) -> bool {
        self.groups.iter().any(|group| group.seeds.len() > 1)
    }

    /// What weakens intervals over few seeds; None where all groups have enough.
    pub fn caution(&self) -> Option<String> {
        let few: Vec<String> = self
            .groups
            .iter()
            .filter(|group| group.seeds.len() < ENOUGH_SEEDS)
            .map(|group| match group.seeds.len() {
                1 => format!(
                    "{} (1 seed: its interval is of the examples alone)",
                    group.name
                ),
                n => format!("{} (n = {n})", group.name),
            })
            .collect();
        (!few.is_empty()).then(|| {
            format!(
                "n < {ENOUGH_SEEDS} seeds, so that intervals over seeds are too narrow: {}.",
                few.join(", ")
            )
        })
    }
}

/// Figures of groups, and their differences from the first. Can take seconds: not for the UI thread.
pub fn over_seeds(groups: &[SeededAnswers], bootstrap: &Bootstrap) -> OverSeeds {
    let all: Vec<&RunAnswers> = groups
        .iter()
        .flat_map(|group| group.runs.iter().map(|(_, answers)| answers))
        .collect();
    let common = all_in_common(&all);
    let examples = common.first().map_or(0, RunAnswers::len);
    let mut common = common.iter();
    let groups: Vec<Measured> = groups
        .iter()
        .map(|group| {
            let answers: Vec<&RunAnswers> = common.by_ref().take(group.runs.len()).collect();
            Measured::new(group, &answers, bootstrap)
        })
        .collect();
    let mut differences: Vec<GroupDifferences> = match groups.split_first() {
        Some((first, others)) => others
            .iter()
            .map(|group| group.less(first, bootstrap))
            .collect(),
        None => Vec::new(),
    };
    let mut rows: Vec<&mut DifferenceRow> =
        differences.iter_mut().flat_map(|of| &mut of.rows).collect();
    let p: Vec<f64> = rows.iter().map(|row| row.p).collect();
    for (row, corrected) in rows.iter_mut().zip(holm(&p)) {
        row.corrected_p = corrected;
    }
    OverSeeds {
        examples,
        groups: groups
            .iter()
            .map(|group| group.figures(bootstrap))
            .collect(),
        differences,
    }
}

/// The sample standard deviation; None of less than two.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    Some((squares.sum::<f64>() / (values.len() - 1) as f64).sqrt())
}

/// A group with what was drawn of each metric.
struct Measured {
    name: String,
    seeds: Vec<u64>,
    metrics: Vec<(&'static str, SeedFigures)>,
}

impl Measured {
    fn new(group: &SeededAnswers, answers: &[&RunAnswers], bootstrap: &Bootstrap) -> Measured {
        let conversations = answers
            .first()
            .map_or(Vec::new(), |first| first.by_conversation());
        let figures = |metric: &'static str| {
            let each = answers.iter().map(|of| {
                let figure = of.figure(metric, ExampleDraw::Resample)?;
                Ok::<_, NotPaired>(of_conversations(figure, &conversations))
            });
            let mut each: Vec<Figure<'_>> = each.collect::<Result<_, _>>().ok()?;
            Some((
                metric,
                bootstrap.seed_figures(conversations.len(), &mut each)?,
            ))
        };
        let metrics = COMPARED
            .into_iter()
            .chain([declared::VALIDATION_EMP_F1_SHUFFLED]);
        Measured {
            name: group.name.clone(),
            seeds: group.runs.iter().map(|(seed, _)| *seed).collect(),
            metrics: metrics.filter_map(figures).collect(),
        }
    }

    fn of(&self, metric: &str) -> Option<&SeedFigures> {
        let mut metrics = self.metrics.iter();
        metrics
            .find(|(known, _)| *known == metric)
            .map(|(_, figures)| figures)
    }

    fn figures(&self, bootstrap: &Bootstrap) -> GroupFigures {
        let row = |(metric, figures): &(&'static str, SeedFigures)| {
            let group = [Group { figures, draw: 0 }];
            Some(SeedRow {
                metric,
                mean: bootstrap.over_seeds(&group, |drawn| mean(&drawn[0]))?,
                deviation: deviation(&figures.values),
                interquartile_mean: bootstrap
                    .over_seeds(&group, |drawn| interquartile_mean(&drawn[0]))?,
            })
        };
        GroupFigures {
            name: self.name.clone(),
            seeds: self.seeds.clone(),
            rows: self.metrics.iter().filter_map(row).collect(),
            aggregates: self.aggregates(bootstrap),
        }
    }

    fn aggregates(&self, bootstrap: &Bootstrap) -> Option<Aggregates> {
        let by_mechanism: Option<Vec<Group<'_>>> = Mechanism::ALL
            .into_iter()
            .map(|mechanism| {
                let figures = self.of(declared::VALIDATION_F1_KEYS[mechanism.index()])?;
                // A run's mechanisms are drawn together.
                Some(Group { figures, draw: 0 })
            })
            .collect();
        let groups = by_mechanism?;
        let scores: Vec<f64> = groups
            .iter()
            .flat_map(|group| group.figures.values.clone())
            .collect();
        Some(Aggregates {
            interquartile_mean: bootstrap
                .over_seeds(&groups, |drawn| interquartile_mean(&drawn.concat()))?,
            optimality_gap: bootstrap
                .over_seeds(&groups, |drawn| optimality_gap(&drawn.concat(), GOAL))?,
            scores,
        })
    }

    fn less(&self, first: &Measured, bootstrap: &Bootstrap) -> GroupDifferences {
        let order = pairing(&self.seeds, &first.seeds);
        let rows = self.metrics.iter().filter_map(|(metric, own)| {
            let mut other = first.of(metric)?.clone();
            if let Some(order) = &order {
                other = other.ordered(order);
            }
            let groups = [
                Group {
                    figures: own,
                    draw: 0,
                },
                Group {
                    figures: &other,
                    draw: u64::from(order.is_none()),
                },
            ];
            let direction = declared::declared(metric)?.direction;
            let improvement = |drawn: &[Vec<f64>]| match direction {
                Direction::Higher => probability_of_improvement(&drawn[0], &drawn[1]),
                Direction::Lower => probability_of_improvement(&drawn[1], &drawn[0]),
                Direction::None => None,
            };
            let p = match order.is_some() {
                true => {
                    let pairs = own.values.iter().zip(&other.values);
                    sign_flip_p(&pairs.map(|(a, b)| a - b).collect::<Vec<f64>>())
                }
                false => permutation_p(&own.values, &other.values),
            }?;
            Some(DifferenceRow {
                metric,
                difference: bootstrap
                    .over_seeds(&groups, |drawn| Some(mean(&drawn[0])? - mean(&drawn[1])?))?,
                improvement: bootstrap.over_seeds(&groups, improvement),
                p,
                corrected_p: p,
            })
        });
        GroupDifferences {
            rows: rows.collect(),
            name: self.name.clone(),
            first: first.name.clone(),
            seeds: [self.seeds.len(), first.seeds.len()],
            paired: order.is_some(),
        }
    }
}

/// A figure of drawn conversations, from one of drawn examples.
fn of_conversations<'a>(mut figure: Figure<'a>, conversations: &'a [Vec<usize>]) -> Figure<'a> {
    let mut examples = Vec::new();
    Box::new(move |drawn| {
        examples.clear();
        examples.extend(drawn.iter().flat_map(|at| &conversations[*at]));
        figure(&examples)
    })
}

/// Where each of these seeds stands among `others`; None unless both are the same, each once.
fn pairing(seeds: &[u64], others: &[u64]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(seeds.len());
    for seed in seeds {
        let place = others.iter().position(|other| other == seed)?;
        if places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    (places.len() == others.len()).then_some(places)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::rows::Row;

    /// A run whose responses have the targets' levels in every example but each `missed`th.
    fn run(missed: usize) -> RunAnswers {
        let rows: Vec<Row> = (0..60)
            .map(|at| {
                let level = at % 3;
                let found = if at % missed == 0 {
                    (level + 1) % 3
                } else {
                    level
                };
                let mut row = Row::new(vec![format!("context {at}")], format!("well {at} yes"));
                row.set("target_nll", 2.0 + missed as f64 / 10.0);
                row.set("target_tokens", 2);
                row.set("target_levels", vec![level; 3]);
                row.set("levels", vec![found; 3]);
                row.set("shuffled_levels", vec![(level + at % 2) % 3; 3]);
                row
            })
            .collect();
        RunAnswers::new(&rows)
    }

    fn group(name: &str, runs: &[(u64, usize)]) -> SeededAnswers {
        SeededAnswers {
            name: name.to_string(),
            runs: runs
                .iter()
                .map(|(seed, missed)| (*seed, run(*missed)))
                .collect(),
        }
    }

    fn found(groups: &[SeededAnswers]) -> OverSeeds {
        let bootstrap = Bootstrap {
            resamples: 200,
            seed: 3,
        };
        over_seeds(groups, &bootstrap)
    }

    #[test]
    fn a_mean_over_seeds_has_an_interval_of_seeds_and_examples() {
        let found = found(&[group("full", &[(1, 3), (2, 6), (3, 10)])]);
        assert_eq!((found.examples, found.groups[0].seeds.len()), (60, 3));
        for row in &found.groups[0].rows {
            let mean = row.mean;
            assert!(
                mean.low < mean.value + 1e-9 && mean.value < mean.high + 1e-9,
                "{row:?}"
            );
        }
        let ppl = found.groups[0].row(declared::VALIDATION_PPL).unwrap();
        let each = [3.0f64, 6.0, 10.0].map(|missed| ((2.0 + missed / 10.0) / 2.0).exp());
        assert!((ppl.mean.value - each.iter().sum::<f64>() / 3.0).abs() < 1e-9);
        let aggregates = found.groups[0].aggregates.as_ref().unwrap();
        assert_eq!(aggregates.profile().first(), Some(&(0.0, 1.0)));
        assert_eq!(aggregates.profile().last(), Some(&(100.0, 0.0)));
        assert!((aggregates.optimality_gap.value - (100.0 - mean_f1(&found))).abs() < 1e-9);
        assert!(found.caution().unwrap().contains("full (n = 3)"));
        assert!(found.differences.is_empty() && found.has_means());
    }

    fn mean_f1(found: &OverSeeds) -> f64 {
        let row = found.groups[0].row(declared::VALIDATION_EMP_F1).unwrap();
        row.mean.value
    }

    #[test]
    fn the_same_seeds_are_paired_in_whichever_order() {
        let full = group("full", &[(1, 5), (2, 6), (3, 10)]);
        let paired = found(&[full.clone(), group("less", &[(3, 6), (1, 3), (2, 4)])]);
        let difference = &paired.differences[0];
        assert!(difference.paired && difference.seeds == [3, 3]);
        let emp_f1 = difference
            .rows
            .iter()
            .find(|row| row.metric == declared::VALIDATION_EMP_F1)
            .unwrap();
        assert!(emp_f1.difference.value < -5.0, "{emp_f1:?}");
        // Of three seeds one assignment of signs and its opposite are as far.
        assert_eq!(emp_f1.p, 0.25);
        assert!(emp_f1.corrected_p >= emp_f1.p);
        // One of the nine pairs is better, one equal.
        assert_eq!(emp_f1.improvement.unwrap().value, 1.5 / 9.0);
        let others = found(&[full.clone(), group("other", &[(1, 3), (7, 4)])]);
        assert!(!others.differences[0].paired);
        let same = found(&[full.clone(), full]);
        for row in &same.differences[0].rows {
            assert_eq!((row.difference.low, row.difference.high), (0.0, 0.0));
            assert_eq!((row.p, row.corrected_p), (1.0, 1.0));
        }
    }

    #[test]
    fn runs_without_levels_have_the_figures_of_their_words() {
        let plain: Vec<Row> = ["a b", "c d e"]
            .map(|text| Row::new(vec![text.to_string()], text))
            .to_vec();
        let group = SeededAnswers {
            name: "old".into(),
            runs: vec![(1, RunAnswers::new(&plain)), (2, RunAnswers::new(&plain))],
        };
        let found = found(&[group]);
        let metrics: Vec<&str> = found.groups[0].rows.iter().map(|row| row.metric).collect();
        let words = [
            declared::VALIDATION_DIST_1,
            declared::VALIDATION_DIST_2,
            declared::VALIDATION_WORDS,
        ];
        assert_eq!(metrics, words);
        assert_eq!(found.groups[0].aggregates, None);
    }
}
