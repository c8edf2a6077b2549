//! Emp-F1: whether generated responses have the empathy levels of the targets.
//!
//! Takes identified levels; must not know how they were identified.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Bootstrap, Estimate};
use super::classification::Confusion;
use crate::data::{EmpathyLevel, Mechanism};

/// Levels of one response, in the order of [`Mechanism::ALL`].
pub type Levels = [EmpathyLevel; 3];

/// Levels found in a system's responses and in the targets of the same examples.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPairs {
    pub targets: Vec<Levels>,
    pub responses: Vec<Levels>,
}

/// Agreement of generated responses with targets, in %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmpF1 {
    pub n: usize,
    pub emp_f1: f64,
    pub mechanism_f1: [f64; 3],
    /// Levels of targets against levels of responses, `[target][response]`, of each mechanism.
    pub agreement: [Confusion; 3],
}

/// Emp-F1 and its parts with intervals over responses, in %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmpF1Estimates {
    pub n: usize,
    pub emp_f1: Estimate,
    pub mechanism_f1: [Estimate; 3],
    /// Levels of targets against levels of responses, `[target][response]`, of each mechanism.
    pub agreement: [Confusion; 3],
}

/// Emp-F1 of responses whose levels are `responses[i]` where the target's are `targets[i]`. None where
/// there are not as many of both, or none.
pub fn emp_f1(targets: &[Levels], responses: &[Levels]) -> Option<EmpF1> {
    if targets.len() != responses.len() || targets.is_empty() {
        return None;
    }
    let agreement = Mechanism::ALL.map(|m| {
        let all = 0..targets.len();
        confusion(targets, responses, m, all)
    });
    let mechanism_f1 = [0, 1, 2].map(|m: usize| 100.0 * agreement[m].weighted_f1());
    Some(EmpF1 {
        n: targets.len(),
        emp_f1: mean(mechanism_f1),
        mechanism_f1,
        agreement,
    })
}

/// Emp-F1 with intervals. None as for [`emp_f1`].
pub fn emp_f1_estimates(
    targets: &[Levels],
    responses: &[Levels],
    bootstrap: &Bootstrap,
) -> Option<EmpF1Estimates> {
    let whole = emp_f1(targets, responses)?;
    let of =
        |mechanism| bootstrap.estimate(whole.n, |drawn| f1(targets, responses, mechanism, drawn));
    Some(EmpF1Estimates {
        n: whole.n,
        emp_f1: bootstrap.estimate(whole.n, |drawn| mean_f1(targets, responses, drawn))?,
        mechanism_f1: [
            of(Mechanism::EmotionalReaction)?,
            of(Mechanism::Interpretation)?,
            of(Mechanism::Exploration)?,
        ],
        agreement: whole.agreement,
    })
}

/// The mean F1 over `mechanisms` of one system minus that of another, paired by example, each measured
/// against targets of its own. None where there are not as many of all four, or nothing.
pub fn emp_f1_difference(
    first: &LevelPairs,
    second: &LevelPairs,
    mechanisms: &[Mechanism],
    bootstrap: &Bootstrap,
) -> Option<Estimate> {
    let n = first.targets.len();
    if mechanisms.is_empty()
        || [&first.responses, &second.targets, &second.responses]
            .iter()
            .any(|of| of.len() != n)
    {
        return None;
    }
    let [first, second] = [first, second].map(|pairs| mean_f1_figure(pairs, mechanisms));
    bootstrap.difference(n, first, second)
}

/// The mean F1 over `mechanisms` of drawn examples, in %.
pub fn mean_f1_figure<'a>(
    pairs: &'a LevelPairs,
    mechanisms: &'a [Mechanism],
) -> impl Fn(&[usize]) -> f64 + 'a {
    move |drawn| {
        let sum: f64 = mechanisms
            .iter()
            .map(|mechanism| f1(&pairs.targets, &pairs.responses, *mechanism, drawn))
            .sum();
        sum / mechanisms.len() as f64
    }
}

/// Cohen's κ of drawn examples; not a number where it is undefined.
pub fn kappa_figure(pairs: &LevelPairs, mechanism: Mechanism) -> impl Fn(&[usize]) -> f64 + '_ {
    move |drawn| {
        let drawn = drawn.iter().copied();
        let confusion = confusion(&pairs.targets, &pairs.responses, mechanism, drawn);
        confusion.kappa().unwrap_or(f64::NAN)
    }
}

fn mean(values: [f64; 3]) -> f64 {
    values.iter().sum::<f64>() / 3.0
}

pub(super) fn mean_f1(targets: &[Levels], responses: &[Levels], drawn: &[usize]) -> f64 {
    mean(Mechanism::ALL.map(|mechanism| f1(targets, responses, mechanism, drawn)))
}

fn f1(targets: &[Levels], responses: &[Levels], mechanism: Mechanism, drawn: &[usize]) -> f64 {
    100.0 * confusion(targets, responses, mechanism, drawn.iter().copied()).weighted_f1()
}

pub(super) fn confusion(
    targets: &[Levels],
    responses: &[Levels],
    mechanism: Mechanism,
    items: impl Iterator<Item = usize>,
) -> Confusion {
    let level = |levels: &Levels| levels[mechanism.index()].index();
    let pairs = items.map(|item| (level(&targets[item]), level(&responses[item])));
    Confusion::from_pairs(EmpathyLevel::ALL.len(), pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use EmpathyLevel::{No, Strong, Weak};

    /// Golden cases of the weighted F1, one a mechanism.
    fn levels() -> (Vec<Levels>, Vec<Levels>) {
        let targets = [
            [No, No, No],
            [No, No, Weak],
            [No, Weak, Strong],
            [Weak, No, No],
            [Weak, No, Weak],
            [Strong, Weak, Strong],
        ];
        let responses = [
            [No, No, Weak],
            [No, Strong, Strong],
            [Weak, Weak, No],
            [Weak, No, Weak],
            [Weak, Strong, Strong],
            [Weak, Weak, No],
        ];
        (targets.to_vec(), responses.to_vec())
    }

    fn difference(first: &LevelPairs, second: &LevelPairs) -> Option<Estimate> {
        emp_f1_difference(first, second, &Mechanism::ALL, &Bootstrap::default())
    }

    #[test]
    fn emp_f1_is_the_mean_of_the_three() {
        let (targets, responses) = levels();
        let found = emp_f1(&targets, &responses).unwrap();
        let expected = [62.2222, 77.7778, 0.0];
        for (found, expected) in found.mechanism_f1.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4);
        }
        assert!((found.emp_f1 - 140.0 / 3.0).abs() < 1e-9);
        assert_eq!(found.agreement[2].counts, [[0, 2, 0], [0, 0, 2], [2, 0, 0]]);
        assert_eq!(emp_f1(&targets, &targets).unwrap().emp_f1, 100.0);
    }

    #[test]
    fn unequal_or_no_responses_give_none() {
        let (targets, responses) = levels();
        assert_eq!(emp_f1(&targets, &responses[1..]), None);
        assert_eq!(emp_f1(&[], &[]), None);
        assert_eq!(emp_f1_estimates(&[], &[], &Bootstrap::default()), None);
        let whole = LevelPairs { targets, responses };
        let none = LevelPairs {
            responses: Vec::new(),
            ..whole.clone()
        };
        assert_eq!(difference(&whole, &none), None);
    }

    #[test]
    fn estimates_contain_their_value() {
        let (targets, responses) = levels();
        let whole = emp_f1(&targets, &responses).unwrap();
        let found = emp_f1_estimates(&targets, &responses, &Bootstrap::default()).unwrap();
        assert_eq!(found.emp_f1.value, whole.emp_f1);
        assert_eq!(found.mechanism_f1.map(|m| m.value), whole.mechanism_f1);
        assert!(found.emp_f1.low < found.emp_f1.value && found.emp_f1.value < found.emp_f1.high);
        let right = LevelPairs {
            targets: targets.clone(),
            responses: targets.clone(),
        };
        let gap = difference(&right, &LevelPairs { targets, responses });
        assert!((gap.unwrap().value - (100.0 - whole.emp_f1)).abs() < 1e-9);
    }
}
