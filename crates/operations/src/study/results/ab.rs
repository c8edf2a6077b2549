//! Results of an A/B test: wins, their significance, and strengths of several systems.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::agreement::{Agreement, Labels, agreement};
use super::{by_raters, system_name};
use crate::metrics::{Bootstrap, Estimate};
use crate::study::contexts::ContextKey;
use crate::study::make::{Content, Role};
use crate::study::record::{Judged, Record};
use crate::study::statistics::bradley_terry::bradley_terry_or_prior;
use crate::study::statistics::significance::{Share, clopper_pearson, sign_test, wilson};
use crate::study::statistics::{Figure, Undefined, write_figure};
use crate::study::verdict::{Fourth, Outcome, Verdict, verdict};

const CONFIDENCE: f64 = 0.95;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AbResults {
    /// The compared pairs of systems (rows of Table IV).
    pub pairs: Vec<PairResults>,
    /// Over the items of all pairs.
    pub agreement: Agreement,
    /// Bradley-Terry strengths, with a tie as half a win of each.
    #[serde(serialize_with = "write_figure")]
    pub strengths: Result<Vec<SystemStrength>, Undefined>,
    /// Wins added to both sides of every pair because a system was undefeated, or 0.
    pub strengths_prior: f64,
}

/// One system against another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairResults {
    /// Model A.
    pub first: String,
    /// Model B.
    pub second: String,
    /// Items assigned.
    pub items: u64,
    /// Items won, lost, tied or unresolved.
    pub judged: u64,
    /// Items with missing votes.
    pub open: u64,
    /// Items on which three differ and the fourth has not voted.
    pub waiting_for_fourth: u64,
    /// Items that the fourth decided.
    pub by_fourth: u64,
    /// Of judged items, with Wilson's 95 % interval, as are the next three.
    pub win: Option<Share>,
    pub lose: Option<Share>,
    pub tie: Option<Share>,
    pub unresolved: Option<Share>,
    /// Wins among wins and losses, with Wilson's 95 % interval.
    pub preference: Option<Share>,
    /// The same with the exact 95 % interval of Clopper and Pearson.
    pub preference_exact: Option<Share>,
    /// Two-sided p of the exact sign test of wins against losses.
    #[serde(serialize_with = "write_figure")]
    pub p: Figure,
    /// Share won minus share lost, with its 95 % bootstrap interval over items.
    pub margin: Option<Estimate>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemStrength {
    pub system: String,
    /// Natural-log strength; all sum to 0.
    pub theta: f64,
    /// Elo points around 1000, with the 95 % bootstrap interval over contexts.
    pub elo: Option<Estimate>,
}

/// The verdict on an item, and the votes behind it, a fourth annotator's among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemVerdict {
    pub item: u32,
    pub verdict: Verdict<Outcome>,
    pub votes: Vec<Outcome>,
}

/// An item with its verdict.
struct Judgement<'a> {
    item: u32,
    pair: (usize, usize),
    context: &'a ContextKey,
    verdict: Verdict<Outcome>,
    votes: Vec<Outcome>,
}

pub(super) fn results(study: &Record, all: &[Judged<'_>], bootstrap: &Bootstrap) -> AbResults {
    let labels = labels(study, all);
    let judgements = judgements(study, all, &labels);
    let pairs = study.definition.pairs();
    let (strengths, strengths_prior) = strengths(study, &judgements, bootstrap);
    AbResults {
        pairs: pairs
            .into_iter()
            .map(|pair| pair_results(study, pair, &judgements, bootstrap))
            .collect(),
        agreement: agreement(study, &labels, Outcome::ALL.len(), false, bootstrap),
        strengths,
        strengths_prior,
    }
}

/// The verdict on each item, by number.
pub(super) fn verdicts(study: &Record, all: &[Judged<'_>]) -> Vec<ItemVerdict> {
    let judgements = judgements(study, all, &labels(study, all)).into_iter();
    judgements
        .map(|judgement| ItemVerdict {
            item: judgement.item,
            verdict: judgement.verdict,
            votes: judgement.votes,
        })
        .collect()
}

/// Numbers of the items on which three differ and that were not given to the fourth.
pub(super) fn split_unassigned(study: &Record, all: &[Judged<'_>]) -> Vec<u32> {
    let given = all.iter().filter(|judged| is_by_fourth(study, judged));
    let given: BTreeSet<u32> = given.map(|judged| judged.item.number).collect();
    let judgements = judgements(study, all, &labels(study, all));
    let split = judgements.iter().filter(|judgement| {
        judgement.verdict == Verdict::NeedsFourth && !given.contains(&judgement.item)
    });
    split.map(|judgement| judgement.item).collect()
}

fn is_by_fourth(study: &Record, judged: &Judged<'_>) -> bool {
    let number = judged.assignment.annotator;
    let annotator = study.annotators.iter().find(|a| a.number == number);
    annotator.is_some_and(|annotator| {
        annotator.role == Role::Adjudicator && annotator.standing().counts()
    })
}

/// The raters' outcomes.
fn labels(study: &Record, all: &[Judged<'_>]) -> Labels {
    let mut labels = Labels::new();
    for judged in by_raters(study, all) {
        if let Some(outcome) = judged.outcome() {
            let said = labels.entry(judged.item.number).or_default();
            said.insert(judged.assignment.annotator, outcome.index());
        }
    }
    labels
}

fn judgements<'a>(study: &Record, all: &[Judged<'a>], labels: &Labels) -> Vec<Judgement<'a>> {
    let fourths: BTreeMap<u32, Fourth<Outcome>> = all
        .iter()
        .filter(|judged| is_by_fourth(study, judged))
        .map(|judged| {
            let said = match judged.outcome() {
                Some(outcome) => Fourth::Said(outcome),
                None if judged.state.skipped => Fourth::Abstained,
                None => Fourth::Waiting,
            };
            (judged.item.number, said)
        })
        .collect();
    let mut items: BTreeMap<u32, Judgement<'a>> = BTreeMap::new();
    for judged in all {
        let Content::Pair(a, b) = judged.item.content else {
            continue;
        };
        let number = judged.item.number;
        let said = labels.get(&number);
        let votes: Vec<Outcome> = said
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|label| Outcome::ALL[*label])
            .collect();
        let fourth = fourths.get(&number).copied().unwrap_or(Fourth::Waiting);
        items.entry(number).or_insert_with(|| Judgement {
            item: number,
            pair: (a, b),
            context: &judged.item.context,
            verdict: verdict(&votes, fourth),
            votes: match fourth {
                Fourth::Said(vote) => [&votes[..], &[vote]].concat(),
                Fourth::Waiting | Fourth::Abstained => votes,
            },
        });
    }
    items.into_values().collect()
}

fn pair_results(
    study: &Record,
    pair: (usize, usize),
    judgements: &[Judgement<'_>],
    bootstrap: &Bootstrap,
) -> PairResults {
    let verdicts: Vec<Verdict<Outcome>> = judgements
        .iter()
        .filter(|judgement| judgement.pair == pair)
        .map(|judgement| judgement.verdict)
        .collect();
    let count = |is: &dyn Fn(Verdict<Outcome>) -> bool| {
        verdicts.iter().filter(|verdict| is(**verdict)).count() as u64
    };
    let ended = |outcome| count(&|verdict| verdict.label() == Some(outcome));
    let [wins, losses, ties] = Outcome::ALL.map(ended);
    let unresolved = count(&|verdict| verdict == Verdict::Unresolved);
    let judged = wins + losses + ties + unresolved;
    let share = |n| wilson(n, judged, CONFIDENCE).ok();
    let scores: Vec<f64> = verdicts
        .iter()
        .filter(|verdict| !matches!(verdict, Verdict::Open | Verdict::NeedsFourth))
        .map(|verdict| match verdict.label() {
            Some(Outcome::Win) => 1.0,
            Some(Outcome::Lose) => -1.0,
            Some(Outcome::Tie) | None => 0.0,
        })
        .collect();
    let mean =
        |drawn: &[usize]| drawn.iter().map(|at| scores[*at]).sum::<f64>() / drawn.len() as f64;
    PairResults {
        first: system_name(study, pair.0),
        second: system_name(study, pair.1),
        items: verdicts.len() as u64,
        judged,
        open: count(&|verdict| verdict == Verdict::Open),
        waiting_for_fourth: count(&|verdict| verdict == Verdict::NeedsFourth),
        by_fourth: count(&|verdict| matches!(verdict, Verdict::ByFourth(_))),
        win: share(wins),
        lose: share(losses),
        tie: share(ties),
        unresolved: share(unresolved),
        preference: wilson(wins, wins + losses, CONFIDENCE).ok(),
        preference_exact: clopper_pearson(wins, wins + losses, CONFIDENCE).ok(),
        p: sign_test(wins, losses),
        margin: bootstrap.estimate(scores.len(), mean),
    }
}

type Strengths = (Result<Vec<SystemStrength>, Undefined>, f64);

fn strengths(study: &Record, judgements: &[Judgement<'_>], bootstrap: &Bootstrap) -> Strengths {
    let n = study.definition.systems.len();
    let mut contexts: BTreeMap<&ContextKey, Vec<&Judgement<'_>>> = BTreeMap::new();
    for judgement in judgements {
        contexts
            .entry(judgement.context)
            .or_default()
            .push(judgement);
    }
    let contexts: Vec<Vec<&Judgement<'_>>> = contexts.into_values().collect();
    let wins = |drawn: &[usize]| {
        let mut wins = vec![vec![0.0; n]; n];
        for judgement in drawn.iter().flat_map(|at| &contexts[*at]) {
            let (a, b) = judgement.pair;
            match judgement.verdict.label() {
                Some(Outcome::Win) => wins[a][b] += 1.0,
                Some(Outcome::Lose) => wins[b][a] += 1.0,
                Some(Outcome::Tie) => {
                    wins[a][b] += 0.5;
                    wins[b][a] += 0.5;
                }
                None => {}
            }
        }
        wins
    };
    let all: Vec<usize> = (0..contexts.len()).collect();
    let strengths = match bradley_terry_or_prior(&wins(&all)) {
        Ok(strengths) => strengths,
        Err(undefined) => return (Err(undefined), 0.0),
    };
    let elo = |system: usize, drawn: &[usize]| {
        let drawn = bradley_terry_or_prior(&wins(drawn));
        drawn.map_or(f64::NAN, |drawn| drawn.elo[system])
    };
    let systems = (0..n).map(|system| SystemStrength {
        system: system_name(study, system),
        theta: strengths.theta[system],
        elo: bootstrap.estimate(contexts.len(), |drawn| elo(system, drawn)),
    });
    (Ok(systems.collect()), strengths.prior)
}
