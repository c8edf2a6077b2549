//! Emp-F1 by auditors: judges that give no reward and stop no run.
//!
//! A policy can learn what pleases its reward's own identifiers alone; a judge that it never met does not share their
//! mistakes. Takes identified levels; must not know how they were identified.

use serde::{Deserialize, Serialize};

use super::Digits;
use super::bootstrap::{Bootstrap, Estimate};
use super::classification::Confusion;
use super::emp_f1::{Levels, confusion, mean_f1};
use super::results::SystemResults;
use crate::data::Mechanism;

/// What auditors find of a system's responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Means over the auditors.
    #[serde(flatten)]
    pub mean: AuditFigures,
    pub auditors: Vec<Audit>,
    /// None where there was no other system to compare with.
    #[serde(default)]
    pub equal_length: Option<EqualLengthKappa>,
}

/// κ of two systems whose answers to each context were cut to the same number of words, mean over mechanisms and
/// auditors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EqualLengthKappa {
    /// The other system.
    pub baseline: String,
    pub kappa: Estimate,
    pub baseline_kappa: Estimate,
    /// Paired by context.
    pub difference: Estimate,
}

impl EqualLengthKappa {
    /// None where the auditors are not the same of both, or κ is undefined.
    pub fn new(
        baseline: &str,
        own: &[AuditLevels],
        other: &[AuditLevels],
        bootstrap: &Bootstrap,
    ) -> Option<EqualLengthKappa> {
        let difference = audit_difference(own, other, AuditFigure::MeanKappa, bootstrap)?;
        let kappa = |levels: &[AuditLevels]| {
            let n = levels.first()?.targets.len();
            bootstrap.estimate(n, |drawn| mean(levels, &|own| own.mean_kappa(drawn)))
        };
        Some(EqualLengthKappa {
            baseline: baseline.to_string(),
            kappa: kappa(own)?,
            baseline_kappa: kappa(other)?,
            difference,
        })
    }

    /// A sentence for the notes of a table.
    pub fn sentence(&self, system: &str) -> String {
        let figure = |estimate: &Estimate| Digits::AGREEMENT.with_interval(estimate);
        format!(
            "{system} and {}, answers cut to equal length: κ by auditors {} and {}, difference {}.",
            self.baseline,
            figure(&self.kappa),
            figure(&self.baseline_kappa),
            figure(&self.difference)
        )
    }
}

/// What one auditor finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// "run 2", "logistic", or the name of a folder.
    pub auditor: String,
    #[serde(flatten)]
    pub figures: AuditFigures,
}

/// Agreement of responses with targets, of one auditor or in the mean of several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditFigures {
    /// In %.
    pub emp_f1: Estimate,
    /// Weighted F1 in % by mechanism.
    pub mechanism_f1: [Estimate; 3],
    /// Emp-F1 in % of the answers shuffled over the contexts; None without controls.
    pub shuffled: Option<Estimate>,
    /// Emp-F1 less `shuffled`, in points, paired by context.
    pub gain: Option<Estimate>,
    /// Cohen's κ by mechanism; None where one auditor's is undefined.
    pub kappa: [Option<Estimate>; 3],
    /// The mean of the three.
    pub mean_kappa: Option<Estimate>,
}

/// The levels that an auditor finds, in the order of the examples.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLevels {
    pub auditor: String,
    pub targets: Vec<Levels>,
    pub responses: Vec<Levels>,
    /// Of the answers shuffled over the contexts; None without controls.
    pub shuffled: Option<Vec<Levels>>,
}

impl HeldOut {
    /// None without auditors or examples, or where there are not as many levels of each.
    pub fn new(levels: &[AuditLevels], bootstrap: &Bootstrap) -> Option<HeldOut> {
        let n = levels.first()?.targets.len();
        let audits = levels.iter().map(|own| {
            Some(Audit {
                auditor: own.auditor.clone(),
                figures: AuditFigures::new(std::slice::from_ref(own), n, bootstrap)?,
            })
        });
        let auditors: Vec<Audit> = audits.collect::<Option<_>>()?;
        Some(HeldOut {
            mean: match auditors.as_slice() {
                [only] => only.figures,
                _ => AuditFigures::new(levels, n, bootstrap)?,
            },
            auditors,
            equal_length: None,
        })
    }

    /// The auditors by name, with commas between.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.auditors.iter().map(|own| &*own.auditor).collect();
        names.join(", ")
    }

    /// Emp-F1 by each of them: "by run 2 58.10 [57.20, 59.00], by logistic …".
    pub fn by_auditor(&self) -> String {
        let of = |own: &Audit| {
            let emp_f1 = Digits::RESULT.with_interval(&own.figures.emp_f1);
            format!("by {} {emp_f1}", own.auditor)
        };
        let all: Vec<String> = self.auditors.iter().map(of).collect();
        all.join(", ")
    }
}

/// Who judged Emp-F1, in a sentence for all systems that were judged alike: the reward's own identifiers alone, or
/// auditors as well.
pub fn judge_sentences<'a>(
    systems: impl IntoIterator<Item = (&'a str, &'a SystemResults)>,
) -> Vec<String> {
    let mut judged: Vec<(String, Vec<&str>)> = Vec::new();
    for (system, row) in systems {
        let how = match &row.held_out {
            Some(held_out) => format!(
                "judged as well by auditors, which gave no reward: {}",
                held_out.names()
            ),
            None if row.emp_f1.is_some() => OWN_JUDGE.to_string(),
            None => continue,
        };
        match judged.iter_mut().find(|(known, _)| *known == how) {
            Some((_, systems)) => systems.push(system),
            None => judged.push((how, vec![system])),
        }
    }
    let alike = judged.len() == 1;
    let sentence = |(how, systems): (String, Vec<&str>)| match alike {
        true => format!("Emp-F1: {how}."),
        false => format!("Emp-F1 of {}: {how}.", systems.join(", ")),
    };
    judged.into_iter().map(sentence).collect()
}

/// Where no auditor judged.
const OWN_JUDGE: &str = "judged by the reward's own identifiers alone";

/// A figure of auditors to compare two systems by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFigure {
    EmpF1,
    Gain,
    MeanKappa,
}

/// The mean of `figure` over auditors of one system less that of another, paired by example; the same auditors of both.
/// None where there are not as many levels of each, or the figure is undefined.
pub fn audit_difference(
    first: &[AuditLevels],
    second: &[AuditLevels],
    figure: AuditFigure,
    bootstrap: &Bootstrap,
) -> Option<Estimate> {
    let n = first.first()?.targets.len();
    let needs_shuffled = figure == AuditFigure::Gain;
    let all = || first.iter().chain(second);
    if second.len() != first.len()
        || !all().all(|own| own.has(n) && (own.shuffled.is_some() || !needs_shuffled))
    {
        return None;
    }
    let of = |levels| audit_figure(levels, figure);
    bootstrap.difference(n, of(first), of(second))
}

/// The mean of `figure` over auditors, of drawn examples; not a number where it is undefined. A gain needs the levels of
/// the shuffled answers of every auditor.
pub fn audit_figure(levels: &[AuditLevels], figure: AuditFigure) -> impl Fn(&[usize]) -> f64 + '_ {
    move |drawn| {
        mean(levels, &|own| match figure {
            AuditFigure::EmpF1 => own.emp_f1(drawn),
            AuditFigure::Gain => own.emp_f1(drawn) - own.emp_f1_shuffled(drawn),
            AuditFigure::MeanKappa => own.mean_kappa(drawn),
        })
    }
}

fn mean(levels: &[AuditLevels], figure: &dyn Fn(&AuditLevels) -> f64) -> f64 {
    levels.iter().map(figure).sum::<f64>() / levels.len() as f64
}

impl AuditLevels {
    /// Whether there are levels of `n` examples.
    fn has(&self, n: usize) -> bool {
        let shuffled = self.shuffled.as_ref();
        [self.targets.len(), self.responses.len()] == [n, n]
            && shuffled.is_none_or(|shuffled| shuffled.len() == n)
    }

    fn emp_f1(&self, drawn: &[usize]) -> f64 {
        mean_f1(&self.targets, &self.responses, drawn)
    }

    fn emp_f1_shuffled(&self, drawn: &[usize]) -> f64 {
        let shuffled = self.shuffled.as_deref().unwrap_or_default();
        mean_f1(&self.targets, shuffled, drawn)
    }

    fn confusion(&self, mechanism: Mechanism, drawn: &[usize]) -> Confusion {
        let drawn = drawn.iter().copied();
        confusion(&self.targets, &self.responses, mechanism, drawn)
    }

    /// NaN where it is undefined.
    fn kappa(&self, mechanism: Mechanism, drawn: &[usize]) -> f64 {
        self.confusion(mechanism, drawn).kappa().unwrap_or(f64::NAN)
    }

    fn mean_kappa(&self, drawn: &[usize]) -> f64 {
        let all = Mechanism::ALL.map(|mechanism| self.kappa(mechanism, drawn));
        all.iter().sum::<f64>() / all.len() as f64
    }
}

impl AuditFigures {
    /// Means over auditors of `n` examples.
    fn new(levels: &[AuditLevels], n: usize, bootstrap: &Bootstrap) -> Option<AuditFigures> {
        if !levels.iter().all(|own| own.has(n)) {
            return None;
        }
        let emp_f1 = |drawn: &[usize]| mean(levels, &|own| own.emp_f1(drawn));
        let of_shuffled = |drawn: &[usize]| mean(levels, &|own| own.emp_f1_shuffled(drawn));
        let by_mechanism = |figure: &dyn Fn(&AuditLevels, Mechanism, &[usize]) -> f64| {
            Mechanism::ALL.map(|mechanism| {
                let of = |drawn: &[usize]| mean(levels, &|own| figure(own, mechanism, drawn));
                bootstrap.estimate(n, of)
            })
        };
        let weighted_f1 = |own: &AuditLevels, mechanism, drawn: &[usize]| {
            100.0 * own.confusion(mechanism, drawn).weighted_f1()
        };
        let [Some(reaction), Some(interpretation), Some(exploration)] = by_mechanism(&weighted_f1)
        else {
            return None;
        };
        let has_controls = levels.iter().all(|own| own.shuffled.is_some());
        let controls = has_controls.then(|| {
            let gain = bootstrap.difference(n, emp_f1, of_shuffled);
            (bootstrap.estimate(n, of_shuffled), gain)
        });
        let (shuffled, gain) = controls.unwrap_or_default();
        Some(AuditFigures {
            emp_f1: bootstrap.estimate(n, emp_f1)?,
            mechanism_f1: [reaction, interpretation, exploration],
            shuffled,
            gain,
            kappa: by_mechanism(&AuditLevels::kappa),
            mean_kappa: bootstrap.estimate(n, |drawn| mean(levels, &|own| own.mean_kappa(drawn))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EmpathyLevel::{No, Strong, Weak};
    use crate::metrics::emp_f1::emp_f1;

    fn targets() -> Vec<Levels> {
        let level = |i: usize| match i % 5 {
            0 => [Weak, Strong, Weak],
            1 => [No, Strong, No],
            _ => [No, No, No],
        };
        (0..100).map(level).collect()
    }

    /// An auditor to whom every third response has the target's levels, and the others none.
    fn every_third(auditor: &str) -> AuditLevels {
        let response = |(at, target): (usize, Levels)| match at % 3 {
            0 => target,
            _ => [No; 3],
        };
        let mut moved = targets();
        moved.rotate_left(1);
        AuditLevels {
            auditor: auditor.to_string(),
            targets: targets(),
            responses: targets().into_iter().enumerate().map(response).collect(),
            shuffled: Some(moved),
        }
    }

    /// An auditor to whom all responses are alike.
    fn alike() -> AuditLevels {
        AuditLevels {
            auditor: "logistic".to_string(),
            targets: targets(),
            responses: vec![[No; 3]; 100],
            shuffled: Some(vec![[No; 3]; 100]),
        }
    }

    #[test]
    fn figures_are_means_over_auditors_and_stand_by_name() {
        let levels = [every_third("run 2"), alike()];
        let found = HeldOut::new(&levels, &Bootstrap::default()).unwrap();
        assert_eq!(found.names(), "run 2, logistic");
        let alone = |own: &AuditLevels| emp_f1(&own.targets, &own.responses).unwrap();
        let [first, second] = [0, 1].map(|at: usize| alone(&levels[at]));
        let near = |found: Estimate, expected: f64| {
            assert!(
                (found.value - expected).abs() < 1e-9,
                "{found:?} {expected}"
            );
            assert!(found.low <= found.value && found.value <= found.high);
        };
        near(found.mean.emp_f1, (first.emp_f1 + second.emp_f1) / 2.0);
        near(found.auditors[0].figures.emp_f1, first.emp_f1);
        let kappa = first.agreement[1].kappa().unwrap();
        near(found.auditors[0].figures.kappa[1].unwrap(), kappa);
        // A constant's κ is 0, so that the mean is half of the other's.
        near(found.mean.kappa[1].unwrap(), kappa / 2.0);
        let all = [0, 1, 2].map(|at: usize| first.agreement[at].kappa().unwrap());
        near(
            found.mean.mean_kappa.unwrap(),
            all.iter().sum::<f64>() / 6.0,
        );
        assert_eq!(found.auditors[1].figures.gain, Some(Estimate::NOTHING));
        let gain = first.emp_f1 - found.auditors[0].figures.shuffled.unwrap().value;
        near(found.mean.gain.unwrap(), gain / 2.0);
    }

    #[test]
    fn one_auditor_is_its_own_mean_and_needs_no_controls() {
        let levels = AuditLevels {
            shuffled: None,
            ..every_third("run 2")
        };
        let found = HeldOut::new(&[levels], &Bootstrap::default()).unwrap();
        assert_eq!(found.mean, found.auditors[0].figures);
        assert_eq!((found.mean.shuffled, found.mean.gain), (None, None));
    }

    #[test]
    fn what_is_undefined_for_one_auditor_is_for_their_mean() {
        let always = AuditLevels {
            targets: vec![[No; 3]; 100],
            ..alike()
        };
        let found = HeldOut::new(&[every_third("a"), always], &Bootstrap::default()).unwrap();
        assert_eq!((found.mean.kappa, found.mean.mean_kappa), ([None; 3], None));
        assert!(found.auditors[0].figures.mean_kappa.is_some());
    }

    #[test]
    fn two_systems_are_compared_by_the_same_auditors_and_examples() {
        let bootstrap = Bootstrap::default();
        let (own, other) = (
            [every_third("a")],
            [AuditLevels {
                auditor: "a".into(),
                ..alike()
            }],
        );
        let of = |figure| audit_difference(&own, &other, figure, &bootstrap).unwrap();
        let alone = HeldOut::new(&own, &bootstrap).unwrap().mean;
        // A constant gains nothing, and its κ is 0.
        assert_eq!(of(AuditFigure::Gain), alone.gain.unwrap());
        assert!(of(AuditFigure::EmpF1).low < of(AuditFigure::EmpF1).high);
        let found = EqualLengthKappa::new("Generator", &own, &other, &bootstrap).unwrap();
        assert!(found.baseline_kappa.value.abs() < 1e-12);
        assert!((found.difference.value - alone.mean_kappa.unwrap().value).abs() < 1e-12);
        let none = audit_difference(&own, &[], AuditFigure::EmpF1, &bootstrap);
        assert_eq!(none, None, "one was not judged");
    }

    #[test]
    fn unequal_or_no_levels_give_none() {
        let bootstrap = Bootstrap::default();
        assert_eq!(HeldOut::new(&[], &bootstrap), None);
        let mut short = every_third("a");
        short.responses.pop();
        assert_eq!(HeldOut::new(&[every_third("b"), short], &bootstrap), None);
    }

    #[test]
    fn they_survive_their_own_text() {
        let found = HeldOut::new(&[every_third("a"), alike()], &Bootstrap::default()).unwrap();
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<HeldOut>(&text).unwrap(), found);
    }
}
