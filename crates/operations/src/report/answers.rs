//! A run's answers on the test split with what was measured of each, from which every figure can be computed again over
//! any of the examples: for paired differences, and for intervals over seeds.

use std::collections::HashMap;

use serde_json::Value;

use crate::data::rows::Row;
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::emp_f1::{Levels, kappa_figure, mean_f1_figure};
use crate::metrics::hierarchical::Figure;
use crate::metrics::perplexity::loss_figure;
use crate::metrics::{
    AuditFigure, AuditLevels, Bootstrap, LevelPairs, MatchedLength, ResponseWords, TargetLoss,
    audit_figure, declared, words_of,
};

/// The metrics of answers, in the order in which they are shown.
pub const COMPARED: [&str; 15] = [
    declared::VALIDATION_PPL,
    declared::VALIDATION_DIST_1,
    declared::VALIDATION_DIST_2,
    declared::VALIDATION_EMP_F1_HELD_OUT,
    declared::VALIDATION_EMP_F1_HELD_OUT_GAIN,
    declared::VALIDATION_KAPPA_HELD_OUT,
    declared::VALIDATION_EMP_F1_GAIN,
    declared::VALIDATION_EMP_F1,
    declared::VALIDATION_F1_KEYS[0],
    declared::VALIDATION_F1_KEYS[1],
    declared::VALIDATION_F1_KEYS[2],
    declared::VALIDATION_KAPPA_KEYS[0],
    declared::VALIDATION_KAPPA_KEYS[1],
    declared::VALIDATION_KAPPA_KEYS[2],
    declared::VALIDATION_WORDS,
];

/// How the examples of a figure are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleDraw {
    /// With repetition, by a bootstrap. Dist-n is then the linear figure of its jackknife.
    Resample,
    /// Each at most once.
    Subset,
}

/// Why a figure of answers cannot be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    #[error("not kept of each example by one of the runs, or by the version that made it")]
    NotKept,
    #[error(
        "the runs split the targets into other tokens, so that their perplexities cannot be compared"
    )]
    OtherTokens,
    #[error("nothing to compare, or undefined")]
    Nothing,
}

/// A run's responses on the test split, one row for each example.
#[derive(Clone, Debug, Default)]
pub struct RunAnswers {
    keys: Vec<String>,
    /// The conversation of each example, by a number; its own where rows do not name one.
    conversations: Vec<usize>,
    responses: Vec<String>,
    losses: Option<Vec<TargetLoss>>,
    levels: Option<LevelPairs>,
    /// Of the responses shuffled over the contexts; None where no controls were computed.
    shuffled: Option<LevelPairs>,
    /// By each auditor.
    audits: Vec<AuditLevels>,
}

impl RunAnswers {
    /// From the rows that an evaluation writes. Those of earlier versions have responses only.
    pub fn new(rows: &[Row]) -> RunAnswers {
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
        RunAnswers {
            keys: keys(rows),
            conversations: conversations(rows),
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

    /// Whether an auditor judged them all.
    pub fn are_audited(&self) -> bool {
        !self.audits.is_empty()
    }

    /// The examples of each conversation: those of one are alike, and a bootstrap draws them together.
    pub fn by_conversation(&self) -> Vec<Vec<usize>> {
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut found: Vec<Vec<usize>> = Vec::new();
        for (at, conversation) in self.conversations.iter().enumerate() {
            let place = *places.entry(*conversation).or_insert_with(|| {
                found.push(Vec::new());
                found.len() - 1
            });
            found[place].push(at);
        }
        found
    }

    /// The figure of a metric among [`COMPARED`].
    ///
    /// # Errors
    /// What it is computed from was not kept.
    pub fn figure(&self, metric: &str, draw: ExampleDraw) -> Result<Figure<'_>, NotPaired> {
        let levels = || self.levels.as_ref().ok_or(NotPaired::NotKept);
        let audited = |figure| -> Result<Figure<'_>, NotPaired> {
            let mut audits = self.audits.iter();
            let lacks = match figure {
                AuditFigure::Gain => audits.any(|own| own.shuffled.is_none()),
                AuditFigure::EmpF1 | AuditFigure::MeanKappa => false,
            };
            match lacks || self.audits.is_empty() {
                true => Err(NotPaired::NotKept),
                false => Ok(Box::new(audit_figure(&self.audits, figure))),
            }
        };
        let dist = |n| -> Figure<'_> {
            let words = ResponseWords::new(&self.responses);
            match draw {
                ExampleDraw::Resample => Box::new(words.linear_dist(n)),
                ExampleDraw::Subset => Box::new(words.figure(n)),
            }
        };
        if let Some(at) = place(metric, declared::VALIDATION_F1_KEYS) {
            return Ok(Box::new(mean_f1_figure(
                levels()?,
                &Mechanism::ALL[at..=at],
            )));
        }
        if let Some(at) = place(metric, declared::VALIDATION_KAPPA_KEYS) {
            return Ok(Box::new(kappa_figure(levels()?, Mechanism::ALL[at])));
        }
        Ok(match metric {
            declared::VALIDATION_PPL => {
                let losses = self.losses.as_ref().ok_or(NotPaired::NotKept)?;
                Box::new(loss_figure(losses))
            }
            declared::VALIDATION_DIST_1 => dist(1),
            declared::VALIDATION_DIST_2 => dist(2),
            declared::VALIDATION_EMP_F1 => Box::new(mean_f1_figure(levels()?, &Mechanism::ALL)),
            declared::VALIDATION_EMP_F1_SHUFFLED => {
                let shuffled = self.shuffled.as_ref().ok_or(NotPaired::NotKept)?;
                Box::new(mean_f1_figure(shuffled, &Mechanism::ALL))
            }
            declared::VALIDATION_EMP_F1_GAIN => {
                let own = mean_f1_figure(levels()?, &Mechanism::ALL);
                let shuffled = self.shuffled.as_ref().ok_or(NotPaired::NotKept)?;
                let shuffled = mean_f1_figure(shuffled, &Mechanism::ALL);
                Box::new(move |drawn| own(drawn) - shuffled(drawn))
            }
            declared::VALIDATION_EMP_F1_HELD_OUT => audited(AuditFigure::EmpF1)?,
            declared::VALIDATION_EMP_F1_HELD_OUT_GAIN => audited(AuditFigure::Gain)?,
            declared::VALIDATION_KAPPA_HELD_OUT => audited(AuditFigure::MeanKappa)?,
            declared::VALIDATION_WORDS => {
                let words = self.word_counts();
                Box::new(move |drawn| {
                    let sum: usize = drawn.iter().map(|&at| words[at]).sum();
                    sum as f64 / drawn.len() as f64
                })
            }
            _ => return Err(NotPaired::NotKept),
        })
    }

    /// These answers and then those of `other`; what only one of them kept is lost.
    pub fn followed_by(&self, other: &RunAnswers) -> RunAnswers {
        fn both<T: Clone>(first: &[T], second: &[T]) -> Vec<T> {
            first.iter().chain(second).cloned().collect()
        }
        let pairs = |first: &Option<LevelPairs>, second: &Option<LevelPairs>| {
            let (first, second) = (first.as_ref()?, second.as_ref()?);
            Some(LevelPairs {
                targets: both(&first.targets, &second.targets),
                responses: both(&first.responses, &second.responses),
            })
        };
        let audits = self.audits.iter().filter_map(|own| {
            let same = |of: &&AuditLevels| of.auditor == own.auditor;
            let of_other = other.audits.iter().find(same)?;
            let shuffled = own.shuffled.as_ref().zip(of_other.shuffled.as_ref());
            Some(AuditLevels {
                auditor: own.auditor.clone(),
                targets: both(&own.targets, &of_other.targets),
                responses: both(&own.responses, &of_other.responses),
                shuffled: shuffled.map(|(own, of_other)| both(own, of_other)),
            })
        });
        RunAnswers {
            audits: audits.collect(),
            keys: both(&self.keys, &other.keys),
            conversations: both(&self.conversations, &other.conversations),
            responses: both(&self.responses, &other.responses),
            losses: self
                .losses
                .as_ref()
                .zip(other.losses.as_ref())
                .map(|(first, second)| both(first, second)),
            levels: pairs(&self.levels, &other.levels),
            shuffled: pairs(&self.shuffled, &other.shuffled),
        }
    }

    /// Whether identifiers found the same levels in the targets of both; true where either has none.
    pub fn same_targets(&self, other: &RunAnswers) -> bool {
        let both = self.levels.as_ref().zip(other.levels.as_ref());
        both.is_none_or(|(first, second)| first.targets == second.targets)
    }

    /// Emp-F1 of these answers and of `other`, both weighted to the lengths that they have in common; the examples are
    /// the same. None without levels.
    pub fn matched_length(
        &self,
        other: &RunAnswers,
        bootstrap: &Bootstrap,
    ) -> Option<MatchedLength> {
        let (own, others) = (self.word_counts(), other.word_counts());
        MatchedLength::new(
            (self.levels.as_ref()?, &own),
            (other.levels.as_ref()?, &others),
            bootstrap,
        )
    }

    fn word_counts(&self) -> Vec<usize> {
        self.responses.iter().map(|text| words_of(text)).collect()
    }

    fn picked(&self, at: &[usize]) -> RunAnswers {
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
        RunAnswers {
            keys: pick(&self.keys, at),
            conversations: pick(&self.conversations, at),
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

/// Leaves each with the auditors that judged all, in one order. Those of one name that found other levels in the same
/// targets are not the same.
fn keep_shared_auditors(all: &mut [RunAnswers]) {
    let same = |one: &AuditLevels, other: &AuditLevels| {
        one.auditor == other.auditor && one.targets == other.targets
    };
    let Some(first) = all.first() else {
        return;
    };
    let judged_all = |own: &&AuditLevels| {
        let judged = |of: &RunAnswers| of.audits.iter().any(|other| same(own, other));
        all.iter().all(judged)
    };
    let shared: Vec<AuditLevels> = first.audits.iter().filter(judged_all).cloned().collect();
    for answers in all {
        let known = std::mem::take(&mut answers.audits);
        let own = |of: &AuditLevels| known.iter().find(|other| same(of, other)).cloned();
        answers.audits = shared.iter().filter_map(own).collect();
    }
}

fn place(metric: &str, keys: [&str; 3]) -> Option<usize> {
    keys.iter().position(|key| *key == metric)
}

/// The figures of two runs' answers to the same examples.
///
/// # Errors
/// One of them did not keep what it is computed from, or their perplexities are by other tokens.
pub fn paired_figures<'a>(
    first: &'a RunAnswers,
    second: &'a RunAnswers,
    metric: &str,
) -> Result<(Figure<'a>, Figure<'a>), NotPaired> {
    if let (declared::VALIDATION_PPL, Some(first), Some(second)) =
        (metric, &first.losses, &second.losses)
    {
        let same = first.iter().zip(second).all(|(a, b)| a.tokens == b.tokens);
        if !same {
            return Err(NotPaired::OtherTokens);
        }
    }
    let [first, second] =
        [first, second].map(|answers| answers.figure(metric, ExampleDraw::Resample));
    Ok((first?, second?))
}

/// The answers to the examples that all of them have, in the same order, by the auditors that judged all of them.
pub fn in_common<const N: usize>(all: [&RunAnswers; N]) -> [RunAnswers; N] {
    let places = common_places(&all);
    let mut places = places.into_iter();
    let mut common = all.map(|answers| answers.picked(&places.next().unwrap_or_default()));
    keep_shared_auditors(&mut common);
    common
}

/// [`in_common`] of any number.
pub fn all_in_common(all: &[&RunAnswers]) -> Vec<RunAnswers> {
    let places = common_places(all);
    let each = all.iter().zip(places);
    let mut common: Vec<RunAnswers> = each.map(|(answers, at)| answers.picked(&at)).collect();
    keep_shared_auditors(&mut common);
    common
}

/// Of each, where the examples stand that all have.
fn common_places(all: &[&RunAnswers]) -> Vec<Vec<usize>> {
    let indices: Vec<HashMap<&str, usize>> = all
        .iter()
        .map(|answers| {
            let keys = answers.keys.iter().enumerate();
            keys.map(|(at, key)| (key.as_str(), at)).collect()
        })
        .collect();
    let mut places = vec![Vec::new(); all.len()];
    let keys = all.first().map_or(&[][..], |first| first.keys.as_slice());
    for key in keys {
        let at: Option<Vec<usize>> = indices
            .iter()
            .map(|index| index.get(key.as_str()).copied())
            .collect();
        for (places, at) in places.iter_mut().zip(at.into_iter().flatten()) {
            places.push(at);
        }
    }
    places
}

/// A number for the conversation of each row; a row that names none is one of its own.
fn conversations(rows: &[Row]) -> Vec<usize> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let number = |(at, row): (usize, &Row)| match row.fields.get("conversation") {
        Some(name) => *numbers.entry(name.to_string()).or_insert(at),
        None => at,
    };
    rows.iter().enumerate().map(number).collect()
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

fn levels_of(row: &Row, name: &str) -> Option<Levels> {
    levels_in(row.fields.get(name)?)
}

fn levels_in(value: &Value) -> Option<Levels> {
    let values = value.as_array()?;
    let level = |at: usize| EmpathyLevel::from_index(values.get(at)?.as_u64()? as usize);
    Some([level(0)?, level(1)?, level(2)?])
}
