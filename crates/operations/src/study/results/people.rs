//! Each annotator's work: amount, speed and distance from the others, also over time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::study::aspects::Aspects;
use crate::study::judgement::{Answer, Choice};
use crate::study::make::{Content, Role};
use crate::study::page::Progress;
use crate::study::record::{Judged, Record};
use crate::study::standing::StandingChange;
use crate::study::statistics::significance::sign_test;
use crate::study::statistics::{Figure, write_figure};
use crate::study::verdict::Outcome;

/// Parts of an annotator's items, in their order, for figures over time.
const BLOCKS: usize = 4;
/// Nobody reads a word faster, in milliseconds: 600 words a minute, where 175 to 300 are usual (Brysbaert, "How many words do
/// we read per minute?", 2019).
const MS_OF_A_WORD: u64 = 100;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotatorResults {
    pub pseudonym: String,
    pub role: Role,
    /// What became of them, with reasons; of who is excluded nothing counts.
    pub standings: Vec<StandingChange>,
    pub progress: Progress,
    pub comments: usize,
    /// Median time in view of an answered item.
    pub median_ms: Option<u64>,
    /// Total time in view.
    pub total_ms: u64,
    /// Answers given in less time than it takes to read the item.
    pub too_fast: usize,
    /// Most items answered alike one after the other.
    pub longest_run: usize,
    /// Mean distance from the other raters' answers on the same items: in an A/B test the share that differs, in
    /// a rating the mean absolute difference in points over the aspects.
    pub distance: Option<f64>,
    /// None in a rating.
    pub sides: Option<SideBias>,
    /// None without attention checks.
    pub checks: Option<CheckResults>,
    pub over_time: Vec<Block>,
}

/// How often each side was chosen. Sides are random, so neither should be preferred.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideBias {
    pub left: u64,
    pub right: u64,
    /// Two-sided p of the exact sign test.
    #[serde(serialize_with = "write_figure")]
    pub p: Figure,
}

/// To pass an attention check the target must be chosen in an A/B test; in a rating the shuffled words must get a low score
/// in the aspect that notices them, a fluency of 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckResults {
    pub answered: usize,
    pub passed: usize,
}

/// A part of an annotator's items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    /// Position of the first item, from 1.
    pub from: u32,
    /// Position of the last item.
    pub to: u32,
    pub answered: usize,
    pub median_ms: Option<u64>,
    /// As [`AnnotatorResults::distance`].
    pub distance: Option<f64>,
}

/// Raters' answers by item, as vectors: an outcome, or the scores.
type Said = BTreeMap<u32, Vec<(u32, Vec<f64>)>>;

pub(super) fn results(study: &Record, all: &[Judged<'_>]) -> Vec<AnnotatorResults> {
    let mut said = Said::new();
    for judged in super::by_raters(study, all) {
        if let Some(answer) = answer(&judged) {
            let of_item = said.entry(judged.item.number).or_default();
            of_item.push((judged.assignment.annotator, answer));
        }
    }
    let of = |annotator: &crate::study::make::Annotator| {
        let own: Vec<Judged<'_>> = all
            .iter()
            .filter(|judged| judged.assignment.annotator == annotator.number)
            .copied()
            .collect();
        AnnotatorResults {
            pseudonym: annotator.pseudonym.clone(),
            role: annotator.role,
            standings: annotator.standings.clone(),
            progress: progress(&own),
            comments: own
                .iter()
                .filter(|judged| !judged.state.comment.is_empty())
                .count(),
            median_ms: median_ms(&own),
            total_ms: own.iter().fold(0, |sum: u64, judged| {
                sum.saturating_add(judged.state.shown_ms)
            }),
            too_fast: own.iter().filter(|judged| is_too_fast(judged)).count(),
            longest_run: longest_run(&own),
            distance: distance(&own, &said),
            sides: sides(&own),
            checks: checks(
                &own,
                study.head.aspects.as_ref().unwrap_or(Aspects::paper()),
            ),
            over_time: over_time(&own, &said),
        }
    };
    study.annotators.iter().map(of).collect()
}

fn answer(judged: &Judged<'_>) -> Option<Vec<f64>> {
    match judged.state.answer? {
        Answer::Choice(_) => {
            let outcome = judged.outcome()?;
            let is = |other| f64::from(u8::from(outcome == other));
            // Different outcomes are 3 apart in sum, so 1 in the mean.
            let outcomes = [is(Outcome::Win), is(Outcome::Lose), is(Outcome::Tie)];
            Some(outcomes.map(|is| is * 1.5).to_vec())
        }
        rated @ (Answer::Rating(_) | Answer::Scores(_)) => {
            let scores = rated.scores()?;
            Some(scores.points().iter().copied().map(f64::from).collect())
        }
    }
}

fn distance(own: &[Judged<'_>], said: &Said) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0usize);
    for judged in own {
        let (Some(mine), Some(others)) = (answer(judged), said.get(&judged.item.number)) else {
            continue;
        };
        for (annotator, theirs) in others {
            if *annotator != judged.assignment.annotator {
                let apart: f64 = mine.iter().zip(theirs).map(|(a, b)| (a - b).abs()).sum();
                sum += apart / mine.len() as f64;
                n += 1;
            }
        }
    }
    (n > 0).then(|| sum / n as f64)
}

fn progress(own: &[Judged<'_>]) -> Progress {
    let count = |is: &dyn Fn(&Judged<'_>) -> bool| own.iter().filter(|j| is(j)).count();
    Progress {
        assigned: own.len(),
        answered: count(&|judged| judged.state.answer.is_some()),
        skipped: count(&|judged| judged.state.skipped),
        flagged: count(&|judged| judged.state.flagged),
        contested: count(&|judged| !judged.state.contested.is_empty()),
    }
}

fn median_ms(own: &[Judged<'_>]) -> Option<u64> {
    let answered = own.iter().filter(|judged| judged.state.answer.is_some());
    let mut times: Vec<u64> = answered.map(|judged| judged.state.shown_ms).collect();
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.len() % 2 {
        1 => Some(times[middle]),
        _ => Some(times.get(middle.checked_sub(1)?)?.midpoint(times[middle])),
    }
}

/// Whether an answer came before the item's words could be read. An empty time was measured nowhere.
fn is_too_fast(judged: &Judged<'_>) -> bool {
    let texts = judged.item.utterances.iter().chain(&judged.item.texts);
    let words: usize = texts.map(|text| text.split_whitespace().count()).sum();
    let shown = judged.state.shown_ms;
    judged.state.answer.is_some() && shown > 0 && shown < words as u64 * MS_OF_A_WORD
}

/// Answers as they were given, by side or scores, in the order of the items.
fn longest_run(own: &[Judged<'_>]) -> usize {
    let answers: Vec<Answer> = own
        .iter()
        .filter_map(|judged| judged.state.answer)
        .collect();
    let runs = answers.chunk_by(|a, b| a == b);
    runs.map(<[Answer]>::len).max().unwrap_or(0)
}

fn sides(own: &[Judged<'_>]) -> Option<SideBias> {
    let chosen = |side: Choice| {
        let is = |judged: &&Judged<'_>| {
            judged.item.content != Content::Check
                && judged.state.answer == Some(Answer::Choice(side))
        };
        own.iter().filter(is).count() as u64
    };
    let is_ab = own.iter().any(|judged| judged.item.texts.len() > 1);
    let (left, right) = (chosen(Choice::Left), chosen(Choice::Right));
    is_ab.then(|| SideBias {
        left,
        right,
        p: sign_test(left, right),
    })
}

fn checks(own: &[Judged<'_>], aspects: &Aspects) -> Option<CheckResults> {
    let checks: Vec<&Judged<'_>> = own
        .iter()
        .filter(|judged| judged.item.content == Content::Check)
        .collect();
    let passed = |judged: &&&Judged<'_>| match judged.state.answer {
        Some(Answer::Choice(_)) => judged.outcome() == Some(Outcome::Win),
        Some(rated @ (Answer::Rating(_) | Answer::Scores(_))) => {
            let (at, aspect) = aspects.checked().unzip();
            let scores = rated.scores();
            let score = scores
                .zip(at)
                .and_then(|(scores, at)| scores.points().get(at).copied());
            score
                .zip(aspect)
                .is_some_and(|(score, aspect)| score <= aspect.noticed())
        }
        None => false,
    };
    (!checks.is_empty()).then(|| CheckResults {
        answered: checks
            .iter()
            .filter(|judged| judged.state.answer.is_some())
            .count(),
        passed: checks.iter().filter(passed).count(),
    })
}

fn over_time(own: &[Judged<'_>], said: &Said) -> Vec<Block> {
    let size = own.len().div_ceil(BLOCKS).max(1);
    own.chunks(size)
        .map(|block| Block {
            from: block[0].assignment.position,
            to: block[block.len() - 1].assignment.position,
            answered: progress(block).answered,
            median_ms: median_ms(block),
            distance: distance(block, said),
        })
        .collect()
}
