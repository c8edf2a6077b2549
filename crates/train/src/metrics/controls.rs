//! Controls of Emp-F1: the same figure for answers that do not heed their context, and figures that no constant
//! answer raises.
//!
//! Emp-F1 pays for the commonest level of each mechanism, so that a system can gain it without reading what it
//! answers. Takes identified levels; must not know how they were identified.

use serde::{Deserialize, Serialize};

use super::Digits;
use super::bootstrap::{Bootstrap, Estimate};
use super::classification::Confusion;
use super::emp_f1::{LevelPairs, Levels, confusion, emp_f1_difference, mean_f1};
use super::length::{LengthTercile, by_target_length};
use crate::data::{EmpathyLevel, Mechanism};

/// Shares of levels in %, `[mechanism][level]`.
pub type LevelShares = [[f64; 3]; 3];

/// What a system's Emp-F1 is to be read beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controls {
    /// Emp-F1 in % of the answers shuffled over the contexts.
    pub shuffled: Estimate,
    /// Emp-F1 less `shuffled`, in points, paired by context.
    pub gain: Estimate,
    /// None where no training targets were at hand to find it among.
    pub constant: Option<ConstantAnswer>,
    /// F1 in % by mechanism, averaged evenly over the levels that occur.
    pub macro_f1: [Estimate; 3],
    /// Cohen's κ by mechanism; None where targets and answers all have one level, which leaves it undefined.
    pub kappa: [Option<Estimate>; 3],
    pub target_shares: LevelShares,
    pub response_shares: LevelShares,
    /// None where there was no other system to compare with.
    #[serde(default)]
    pub equal_length: Option<EqualLength>,
    /// Emp-F1 within terciles of the target's length, shortest first; empty where an earlier version measured.
    #[serde(default)]
    pub by_target_length: Vec<LengthTercile>,
}

/// The best single answer to every context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConstantAnswer {
    pub response: String,
    /// In %.
    pub emp_f1: Estimate,
}

/// Two systems whose answers to each context were cut to the same number of words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EqualLength {
    /// The other system.
    pub baseline: String,
    /// Of both systems' answers, after the cut.
    pub mean_words: f64,
    /// Emp-F1 in % of this system and of the other, and their difference, paired by context.
    pub emp_f1: Estimate,
    pub baseline_emp_f1: Estimate,
    pub difference: Estimate,
}

impl EqualLength {
    /// A sentence for the notes of a table.
    pub fn sentence(&self, system: &str) -> String {
        let figure = |estimate: &Estimate| Digits::RESULT.with_interval(estimate);
        format!(
            "{system} and {}, answers cut to equal length ({} words on average): Emp-F1 {} and {}, difference {}.",
            self.baseline,
            Digits::WORDS.write(self.mean_words),
            figure(&self.emp_f1),
            figure(&self.baseline_emp_f1),
            figure(&self.difference)
        )
    }
}

/// Levels identified for the controls, in the order of the examples.
#[derive(Clone, Copy, Debug)]
pub struct ControlLevels<'a> {
    pub targets: &'a [Levels],
    pub responses: &'a [Levels],
    /// Of the answers shuffled over the contexts.
    pub shuffled: &'a [Levels],
    /// Of the best constant answer, with it.
    pub constant: Option<(&'a str, &'a [Levels])>,
    /// Words of the targets.
    pub target_words: &'a [usize],
}

impl Controls {
    /// None where there are not as many levels of each, or fewer than two examples, which cannot be shuffled.
    pub fn new(levels: ControlLevels<'_>, bootstrap: &Bootstrap) -> Option<Controls> {
        let (targets, responses) = (levels.targets, levels.responses);
        let n = targets.len();
        let answers = [responses, levels.shuffled];
        let constant = levels.constant.map(|(_, levels)| levels);
        if n < 2 || answers.into_iter().chain(constant).any(|of| of.len() != n) {
            return None;
        }
        let emp_f1 = |answers: &[Levels], drawn: &[usize]| mean_f1(targets, answers, drawn);
        let by_mechanism = |figure: fn(&Confusion) -> f64| {
            Mechanism::ALL.map(|mechanism| {
                bootstrap.estimate(n, |drawn| {
                    let drawn = drawn.iter().copied();
                    figure(&confusion(targets, responses, mechanism, drawn))
                })
            })
        };
        let [Some(reaction), Some(interpretation), Some(exploration)] =
            by_mechanism(|confusion| 100.0 * confusion.macro_f1())
        else {
            return None;
        };
        let constant = match levels.constant {
            Some((response, levels)) => Some(ConstantAnswer {
                response: response.to_string(),
                emp_f1: bootstrap.estimate(n, |drawn| emp_f1(levels, drawn))?,
            }),
            None => None,
        };
        Some(Controls {
            shuffled: bootstrap.estimate(n, |drawn| emp_f1(levels.shuffled, drawn))?,
            gain: bootstrap.difference(
                n,
                |drawn| emp_f1(responses, drawn),
                |drawn| emp_f1(levels.shuffled, drawn),
            )?,
            constant,
            macro_f1: [reaction, interpretation, exploration],
            kappa: by_mechanism(|confusion| confusion.kappa().unwrap_or(f64::NAN)),
            target_shares: level_shares(targets),
            response_shares: level_shares(responses),
            equal_length: None,
            by_target_length: by_target_length(targets, responses, levels.target_words, bootstrap),
        })
    }
}

impl EqualLength {
    /// Of answers with these levels after the cut, against the targets' in `own` and in `other`. None as for
    /// [`emp_f1_difference`].
    pub fn new(
        baseline: &str,
        mean_words: f64,
        own: &LevelPairs,
        other: &LevelPairs,
        bootstrap: &Bootstrap,
    ) -> Option<EqualLength> {
        let emp_f1 = |pairs: &LevelPairs| {
            bootstrap.estimate(pairs.targets.len(), |drawn| {
                mean_f1(&pairs.targets, &pairs.responses, drawn)
            })
        };
        Some(EqualLength {
            baseline: baseline.to_string(),
            mean_words,
            difference: emp_f1_difference(own, other, &Mechanism::ALL, bootstrap)?,
            emp_f1: emp_f1(own)?,
            baseline_emp_f1: emp_f1(other)?,
        })
    }
}

/// The share of the level that most responses have of a mechanism, and that level's share of the targets, in %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommonestLevel {
    pub level: EmpathyLevel,
    pub of_responses: f64,
    pub of_targets: f64,
}

/// The commonest level of the responses by mechanism; of equally common ones the lower.
pub fn commonest_levels(targets: &LevelShares, responses: &LevelShares) -> [CommonestLevel; 3] {
    Mechanism::ALL.map(|mechanism| {
        let (targets, responses) = (targets[mechanism.index()], responses[mechanism.index()]);
        let mut all = EmpathyLevel::ALL.map(|level| CommonestLevel {
            level,
            of_responses: responses[level.index()],
            of_targets: targets[level.index()],
        });
        all.sort_by(|a, b| b.of_responses.total_cmp(&a.of_responses));
        all[0]
    })
}

/// Shares of the levels by mechanism, in %; 0 without levels.
pub fn level_shares(levels: &[Levels]) -> LevelShares {
    Mechanism::ALL.map(|mechanism| {
        EmpathyLevel::ALL.map(|level| {
            let has = |levels: &&Levels| levels[mechanism.index()] == level;
            100.0 * levels.iter().filter(has).count() as f64 / levels.len().max(1) as f64
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::emp_f1::emp_f1;
    use EmpathyLevel::{No, Strong, Weak};

    /// Levels that a tenth of the targets has, else none.
    fn targets() -> Vec<Levels> {
        let level = |i: usize| match i % 10 {
            0 => [Weak, Strong, Weak],
            _ => [No, No, No],
        };
        (0..200).map(level).collect()
    }

    /// By a shift of three, so that the levels stand elsewhere.
    fn shifted(levels: &[Levels]) -> Vec<Levels> {
        let mut shifted = levels.to_vec();
        shifted.rotate_left(3);
        shifted
    }

    fn controls(responses: &[Levels], shuffled: &[Levels]) -> Controls {
        let targets = targets();
        let constant = vec![[No; 3]; targets.len()];
        let levels = ControlLevels {
            targets: &targets,
            responses,
            shuffled,
            constant: Some(("That is good.", &constant)),
            target_words: &[],
        };
        Controls::new(levels, &Bootstrap::default()).unwrap()
    }

    #[test]
    fn who_heeds_the_context_gains_over_shuffled() {
        let targets = targets();
        let shuffled = shifted(&targets);
        let found = controls(&targets, &shuffled);
        let alone = emp_f1(&targets, &shuffled).unwrap().emp_f1;
        assert!((found.shuffled.value - alone).abs() < 1e-9);
        assert!((found.gain.value - (100.0 - alone)).abs() < 1e-9);
        assert!(found.gain.low > 0.0 && found.gain.high > found.gain.value);
        assert_eq!(found.kappa.map(|kappa| kappa.unwrap().value), [1.0; 3]);
        assert_eq!(found.macro_f1.map(|f1| f1.value), [100.0; 3]);
    }

    #[test]
    fn a_constant_has_a_high_emp_f1_no_gain_and_no_kappa() {
        let always = vec![[No; 3]; 200];
        let found = controls(&always, &always);
        let constant = found.constant.unwrap();
        // Nine tenths have the level, whose F1 is 18/19.
        assert!((constant.emp_f1.value - 90.0 * 18.0 / 19.0).abs() < 1e-9);
        assert_eq!(constant.emp_f1.value, found.shuffled.value);
        let nothing = Estimate::NOTHING;
        assert_eq!((found.gain, found.kappa), (nothing, [Some(nothing); 3]));
        assert!(found.macro_f1.iter().all(|f1| f1.value < 50.0));
        assert_eq!(found.target_shares[1], [90.0, 0.0, 10.0]);
        assert_eq!(found.response_shares[1], [100.0, 0.0, 0.0]);
        let [_, commonest, _] = commonest_levels(&found.target_shares, &found.response_shares);
        let shares = (commonest.of_responses, commonest.of_targets);
        assert_eq!((commonest.level, shares), (No, (100.0, 90.0)));
    }

    #[test]
    fn kappa_is_undefined_where_all_have_one_level() {
        let always = vec![[No; 3]; 20];
        let levels = ControlLevels {
            targets: &always,
            responses: &always,
            shuffled: &always,
            constant: None,
            target_words: &[],
        };
        let found = Controls::new(levels, &Bootstrap::default()).unwrap();
        assert_eq!((found.kappa, found.constant), ([None; 3], None));
    }

    #[test]
    fn unequal_or_too_few_levels_give_none() {
        let targets = targets();
        let of = |targets, responses, shuffled| {
            let levels = ControlLevels {
                targets,
                responses,
                shuffled,
                constant: None,
                target_words: &[],
            };
            Controls::new(levels, &Bootstrap::default())
        };
        assert_eq!(of(&targets[..1], &targets[..1], &targets[..1]), None);
        assert_eq!(of(&targets, &targets, &targets[1..]), None);
        assert_eq!(of(&targets, &targets[1..], &targets), None);
        assert!(of(&targets, &targets, &targets).is_some());
    }

    #[test]
    fn what_was_stored_before_has_no_figures_by_length() {
        let found = controls(&targets(), &targets());
        let mut stored = serde_json::to_value(&found).unwrap();
        stored.as_object_mut().unwrap().remove("equal_length");
        stored.as_object_mut().unwrap().remove("by_target_length");
        assert_eq!(
            serde_json::from_value::<Controls>(stored).ok(),
            Some(found.clone())
        );
        let whole = serde_json::to_value(&found).unwrap();
        assert_eq!(serde_json::from_value::<Controls>(whole).ok(), Some(found));
    }

    #[test]
    fn at_equal_length_two_systems_are_paired() {
        let targets = targets();
        let pairs = |responses: Vec<Levels>| LevelPairs {
            targets: targets.clone(),
            responses,
        };
        let (own, other) = (pairs(targets.clone()), pairs(vec![[No; 3]; 200]));
        let found = EqualLength::new("Generator", 5.0, &own, &other, &Bootstrap::default());
        let found = found.unwrap();
        let apart = found.emp_f1.value - found.baseline_emp_f1.value;
        assert!((found.difference.value - apart).abs() < 1e-9 && found.difference.low > 0.0);
        let none = pairs(Vec::new());
        let nothing = EqualLength::new("Generator", 5.0, &own, &none, &Bootstrap::default());
        assert_eq!(nothing, None);
    }
}
