//! Two scores of a corpus against each other: how they go together, and whether they say the same.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::{Answer, Measured, Narrowing, OfConversations, compared};
use crate::metrics::{Bootstrap, Estimate, pearson, spearman};
use crate::study::statistics::agreement::{Metric, Weights, cohen_kappa, krippendorff_alpha};
use crate::study::statistics::{Figure, write_figure};

/// Steps of the longest scale that κ and α are computed on.
const LONGEST_SCALE: usize = 20;

/// How two scores agree, over the answers that have both; scores of records count once a record.
#[derive(Debug, Serialize)]
pub struct Agreement {
    pub first: String,
    pub second: String,
    /// Answers that lack one of the two.
    pub without: usize,
    /// Over all answers where they are of several systems, then by system.
    pub rows: Vec<AgreementRow>,
    /// What a person should know about the figures; each a sentence.
    pub notes: Vec<String>,
}

/// The answers of one system, or of all. Intervals are of 95 %, over conversations.
#[derive(Debug, Serialize)]
pub struct AgreementRow {
    /// None: of all systems.
    pub system: Option<String>,
    pub n: usize,
    pub conversations: usize,
    pub mean_first: f64,
    pub mean_second: f64,
    /// Pearson's r; none of fewer than three answers, or where one score is constant.
    pub pearson: Option<Estimate>,
    /// Spearman's ρ.
    pub spearman: Option<Estimate>,
    /// The scores as two raters on one scale; none where they are not.
    pub same_scale: Option<SameScale>,
}

/// What has a meaning only where both scores are steps of one scale.
#[derive(Debug, Serialize)]
pub struct SameScale {
    /// Mean of the first less the second.
    pub difference: Option<Estimate>,
    /// Share of equal scores, in %.
    pub equal: f64,
    /// Cohen's κ with quadratic weights.
    #[serde(serialize_with = "write_figure")]
    pub kappa: Figure,
    /// Krippendorff's α, ordinal.
    #[serde(serialize_with = "write_figure")]
    pub alpha: Figure,
}

/// Both scores of the answers of a conversation.
pub(in crate::operations) type Pairs = Vec<(f64, f64)>;

/// Compares two scores over the answers that have both; repeats of a score count as their mean. A label whose values are
/// numbers or empathy levels is one as well.
///
/// # Errors
/// There is no such corpus, it is damaged or has no such score, or a label is no number.
pub fn agreement(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    first: &str,
    second: &str,
) -> Result<Agreement, OperationError> {
    let (first, second) = (
        narrowing.names.measured(first)?,
        narrowing.names.measured(second)?,
    );
    let number = |of: Measured<'_>, answer: &Answer<'_>| {
        of.of(answer).map_err(|value| OperationError::NoNumber {
            label: of.name().to_string(),
            value: value.to_string(),
        })
    };
    let mut systems: BTreeMap<String, HashMap<String, Pairs>> = BTreeMap::new();
    let (mut without, mut ranges) = (0, [None; 2]);
    let mut once = OfConversations::of(store, corpus)?;
    let of_conversations = once.has(first.name()) && once.has(second.name());
    narrowing.each(store, corpus, |_, answers| {
        for answer in compared(answers, [first.name(), second.name()]) {
            if of_conversations && !once.counts(&answer, "", first.name()) {
                continue;
            }
            for (range, of) in ranges.iter_mut().zip([first, second]) {
                *range = range.or_else(|| answer.range(of.name()));
            }
            match (number(first, &answer)?, number(second, &answer)?) {
                (Some(one), Some(other)) => {
                    let of_system = systems.entry(answer.system.to_string()).or_default();
                    let conversation = answer.conversation().to_string();
                    of_system
                        .entry(conversation)
                        .or_default()
                        .push((one, other));
                }
                _ => without += 1,
            }
        }
        Ok(())
    })?;
    let names = [first, second].map(|of| of.name().to_string());
    Ok(of_pairs(names, &systems, ranges, without))
}

/// How two scores agree: their pairs by system and conversation, with the lowest and highest value of each where that is
/// known, and how many answers lack one of the two.
pub(in crate::operations) fn of_pairs(
    [first, second]: [String; 2],
    systems: &BTreeMap<String, HashMap<String, Pairs>>,
    ranges: [Option<[f64; 2]>; 2],
    without: usize,
) -> Agreement {
    let mut all: HashMap<&str, Pairs> = HashMap::new();
    for (conversation, pairs) in systems.values().flatten() {
        all.entry(conversation).or_default().extend(pairs);
    }
    let scale = Scale::of(all.values().flatten(), ranges);
    let mut rows = Vec::new();
    if systems.len() > 1 {
        rows.push(AgreementRow::new(None, &clusters(&all), scale.as_ref()));
    }
    if !systems.is_empty() {
        rows.extend(systems.iter().map(|(system, pairs)| {
            AgreementRow::new(Some(system.clone()), &clusters(pairs), scale.as_ref())
        }));
    }
    let mut notes = Vec::new();
    if systems.len() > 1 {
        let note = "Over all systems, what is good about one system raises both scores; whether single answers are \
                    ranked alike is said by the rows of each.";
        notes.push(note.to_string());
    }
    match (&scale, ranges) {
        _ if rows.is_empty() => {}
        (None, _) => notes.push(format!(
            "The two are not known to be whole numbers of one scale of at most {LONGEST_SCALE} steps, so they have no κ, \
             no α and no difference; a mapping can say what range each has."
        )),
        (Some(_), [Some(_), Some(_)]) => {}
        (Some(scale), _) => notes.push(format!(
            "Both are whole numbers from {} to {} and are taken for one scale; a mapping can say what range each has.",
            scale.lowest,
            scale.lowest + scale.steps as f64 - 1.0
        )),
    }
    Agreement {
        first,
        second,
        without,
        rows,
        notes,
    }
}

/// Conversations in a fixed order, so that the same are always drawn.
fn clusters<K: Ord>(pairs: &HashMap<K, Pairs>) -> Vec<&Pairs> {
    let mut named: Vec<(&K, &Pairs)> = pairs.iter().collect();
    named.sort_unstable_by_key(|(name, _)| *name);
    named.into_iter().map(|(_, pairs)| pairs).collect()
}

/// The whole numbers from the lowest score to the highest.
struct Scale {
    lowest: f64,
    steps: usize,
}

impl Scale {
    /// The scale of both scores, if it is one; `ranges` are what could be given, where that is known, else what was.
    fn of<'a>(
        pairs: impl Iterator<Item = &'a (f64, f64)>,
        ranges: [Option<[f64; 2]>; 2],
    ) -> Option<Scale> {
        const NONE: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];
        let mut seen = [NONE; 2];
        for pair in pairs {
            for (seen, score) in seen.iter_mut().zip([pair.0, pair.1]) {
                if score.fract() != 0.0 {
                    return None;
                }
                *seen = [seen[0].min(score), seen[1].max(score)];
            }
        }
        let of = |score: usize| ranges[score].unwrap_or(seen[score]);
        if of(0) != of(1) {
            return None;
        }
        let [lowest, highest] = [0, 1].map(|end| seen[0][end]);
        let [lowest, highest] = [lowest.min(seen[1][0]), highest.max(seen[1][1])];
        let steps = highest - lowest + 1.0;
        let scale = Scale {
            lowest,
            steps: steps as usize,
        };
        // Of no scores there are infinitely few steps.
        (1.0..=LONGEST_SCALE as f64)
            .contains(&steps)
            .then_some(scale)
    }

    fn step(&self, score: f64) -> usize {
        (score - self.lowest) as usize
    }
}

impl AgreementRow {
    fn new(system: Option<String>, clusters: &[&Pairs], scale: Option<&Scale>) -> AgreementRow {
        let bootstrap = Bootstrap::default();
        let drawn = |drawn: &[usize]| -> Pairs {
            let pairs = drawn.iter().flat_map(|place| clusters[*place]);
            pairs.copied().collect()
        };
        let over = |figure: fn(&[(f64, f64)]) -> Option<f64>| {
            bootstrap.estimate(clusters.len(), |places| {
                figure(&drawn(places)).unwrap_or(f64::NAN)
            })
        };
        let all: Pairs = clusters.iter().copied().flatten().copied().collect();
        AgreementRow {
            system,
            n: all.len(),
            conversations: clusters.len(),
            mean_first: mean(all.iter().map(|pair| pair.0)),
            mean_second: mean(all.iter().map(|pair| pair.1)),
            pearson: over(|pairs| pearson(pairs.iter().copied())),
            spearman: over(spearman),
            same_scale: scale.map(|scale| SameScale {
                difference: over(|pairs| Some(mean(pairs.iter().map(|(one, other)| one - other)))),
                equal: 100.0 * mean(all.iter().map(|(one, other)| f64::from(one == other))),
                kappa: {
                    let of = |of: fn(&(f64, f64)) -> f64| {
                        let steps = all.iter().map(|pair| scale.step(of(pair)));
                        steps.collect::<Vec<usize>>()
                    };
                    let (first, second) = (of(|pair| pair.0), of(|pair| pair.1));
                    cohen_kappa(&first, &second, scale.steps, Weights::Quadratic)
                },
                alpha: {
                    let items: Vec<Vec<f64>> =
                        all.iter().map(|pair| vec![pair.0, pair.1]).collect();
                    krippendorff_alpha(&items, Metric::Ordinal)
                },
            }),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_raters_on_one_scale_have_kappa_and_alpha() {
        let pairs = [
            (1.0, 1.0),
            (2.0, 2.0),
            (3.0, 2.0),
            (3.0, 3.0),
            (1.0, 2.0),
            (2.0, 2.0),
        ];
        let each: Vec<Pairs> = pairs.iter().map(|pair| vec![*pair]).collect();
        let clusters: Vec<&Pairs> = each.iter().collect();
        let scale = Scale::of(pairs.iter(), [Some([1.0, 3.0]); 2]).unwrap();
        let row = AgreementRow::new(None, &clusters, Some(&scale));
        assert_eq!(
            (row.n, row.conversations, row.mean_first, row.mean_second),
            (6, 6, 2.0, 2.0)
        );
        let both = row.same_scale.unwrap();
        // By hand: Σ(a-b)² = 2, expected over the margins (2,2,2) and (1,4,1): Σ = 6.
        assert!((both.kappa.unwrap() - (1.0 - 2.0 * 6.0 / (6.0 * 6.0))).abs() < 1e-12);
        assert!((both.equal - 400.0 / 6.0).abs() < 1e-9);
        assert_eq!(both.difference.unwrap().value, 0.0);
        // By hand: sum of products 2, of squares 4 and 2.
        assert!((row.pearson.unwrap().value - 2.0 / 8f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn different_scales_are_only_correlated() {
        let unknown = [None; 2];
        assert!(Scale::of([(1.0, 0.3)].iter(), unknown).is_none());
        assert!(Scale::of([(1.0, 60.0)].iter(), unknown).is_none());
        assert!(Scale::of([].iter(), unknown).is_none());
        let ranges = [Some([1.0, 5.0]), Some([1.0, 10.0])];
        assert!(Scale::of([(1.0, 2.0)].iter(), ranges).is_none());
        // 1 to 5 as a mapping says, and 1 to 3 as far as was given.
        let ranges = [Some([1.0, 5.0]), None];
        assert!(Scale::of([(1.0, 1.0), (5.0, 3.0)].iter(), ranges).is_none());
        assert!(Scale::of([(1.0, 1.0), (4.0, 5.0)].iter(), ranges).is_some());
    }

    #[test]
    fn answers_of_one_conversation_are_drawn_together() {
        let one: Pairs = vec![(1.0, 2.0), (2.0, 4.0), (3.0, 5.0)];
        let row = AgreementRow::new(None, &[&one], None);
        let pearson = row.pearson.unwrap();
        assert_eq!((pearson.low, pearson.high), (pearson.value, pearson.value));
    }
}
