//! A part of a corpus: without what repeats an earlier answer, the best by a score, or those that lie near all others.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::super::{OnProgress, OperationError, Progress};
use super::answers::Narrowing;
use super::k_centre::{Centres, k_centre};
use super::near_duplicates::NearDuplicates;
use crate::data::library;
use crate::metrics::ResponseWords;
use crate::train::features::TextEncoder;

/// Texts that are encoded at once.
const BATCH: usize = 32;

/// What answers are chosen by; each step chooses from what the one before has left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Criteria<'a> {
    /// Leave out an answer as similar as this to an earlier one in its context, from 0 to 1 (exact repetitions).
    pub distinct: Option<f64>,
    /// The highest by this score, or those that lie near all others.
    pub by: Option<ChosenBy<'a>>,
    /// At most so many.
    pub at_most: Option<usize>,
}

/// Which answers come first.
#[derive(Clone, Copy, Debug)]
pub enum ChosenBy<'a> {
    /// The highest by this score; those without it are left out.
    Score(&'a str),
    /// Each answer that is farthest from all that come before it, in its context, by the states of a sentence encoder.
    Distance {
        /// Folder of a BERT.
        encoder: &'a Path,
        device: &'a str,
    },
}

/// What each step of a selection has left.
#[derive(Debug, Serialize)]
pub struct Selected {
    /// Answers that the filter lets through.
    pub answers: usize,
    /// Those that repeat an earlier one.
    pub repeated: usize,
    /// Those without the score.
    pub without_score: usize,
    pub chosen: usize,
    /// What more answers cost in quality, where there is a score: the best tenth, two tenths, … of those left.
    pub curve: Vec<CurvePoint>,
    /// What more answers cover, where they are chosen by distance: the first tenth, two tenths, … of those chosen.
    pub cover: Vec<CoverPoint>,
}

/// The first answers by distance.
#[derive(Debug, Serialize)]
pub struct CoverPoint {
    pub answers: usize,
    /// Of the answer that is farthest from all of them, to the nearest: `1 - cos`, from 0 to 2.
    pub radius: f64,
}

/// The best answers by the score, down to some number.
#[derive(Debug, Serialize)]
pub struct CurvePoint {
    pub answers: usize,
    /// The least score among them.
    pub least: f64,
    pub mean: f64,
    /// Words an answer.
    pub words: f64,
    /// Dist-2 in %.
    pub dist_2: Option<f64>,
}

/// Chooses answers of a corpus; the narrowing that is returned has those alone.
///
/// # Errors
/// There is no such corpus or score, the corpus is damaged, the similarity is not over 0 and at most 1, the encoder cannot
/// be opened, answers are chosen by distance without a number; or [`OperationError::Stopped`].
pub fn select(
    store: &Path,
    corpus: &str,
    narrowing: Narrowing,
    criteria: &Criteria<'_>,
    on_progress: OnProgress<'_>,
) -> Result<(Selected, Narrowing), OperationError> {
    let best = match criteria.by {
        Some(ChosenBy::Score(score)) => Some(narrowing.names.score(score)?.to_string()),
        _ => None,
    };
    let encoder = match (criteria.by, criteria.at_most) {
        (Some(ChosenBy::Distance { encoder, device }), Some(_)) => {
            Some(TextEncoder::open(encoder, device)?)
        }
        (Some(ChosenBy::Distance { .. }), None) => return Err(OperationError::HowMany),
        _ => None,
    };
    let mut seen = match criteria.distinct {
        Some(similarity) if !(similarity > 0.0 && similarity <= 1.0) => {
            return Err(OperationError::Similarity { similarity });
        }
        similarity => similarity.map(NearDuplicates::new),
    };
    let mut selected = Selected {
        answers: 0,
        repeated: 0,
        without_score: 0,
        chosen: 0,
        curve: Vec::new(),
        cover: Vec::new(),
    };
    let mut go_on =
        |doing: &str, done: usize, of: usize| match on_progress(Progress { doing, done, of })
            .is_break()
        {
            true => Err(OperationError::Stopped),
            false => Ok(()),
        };
    let (_, entry) = library::require_corpus(store, corpus)?;
    let of = entry.counts.with_target + entry.counts.systems.values().sum::<usize>();
    let mut left: Vec<Candidate> = Vec::new();
    narrowing.each(store, corpus, |record, answers| {
        let context = record.context_text();
        for answer in answers {
            let place = selected.answers;
            selected.answers += 1;
            let text = answer.text.unwrap_or_default();
            let score = best.as_deref().map(|best| answer.score(best));
            match score {
                Some(None) => selected.without_score += 1,
                _ if seen
                    .as_mut()
                    .is_some_and(|seen| seen.repeats([&context, text])) =>
                {
                    selected.repeated += 1;
                }
                score => left.push(Candidate {
                    place,
                    score: score.flatten().unwrap_or_default(),
                    text: match (&best, &encoder) {
                        (Some(_), _) => Some(text.to_string()),
                        (None, Some(_)) => Some(format!("{context} {text}")),
                        (None, None) => None,
                    },
                }),
            }
        }
        go_on("Reading", selected.answers, of.max(selected.answers))
    })?;
    if best.is_some() {
        // Of equal scores the earlier answer is the better.
        left.sort_by(|a, b| b.score.total_cmp(&a.score));
        selected.curve = curve(&left);
    }
    if let (Some(encoder), Some(k)) = (&encoder, criteria.at_most) {
        selected.cover = farthest_first(&mut left, encoder, k, &mut go_on)?;
    }
    left.truncate(criteria.at_most.unwrap_or(usize::MAX));
    selected.chosen = left.len();
    let places: HashSet<usize> = left.iter().map(|candidate| candidate.place).collect();
    Ok((selected, narrowing.chosen(places)))
}

/// Leaves the candidates that are chosen by distance.
fn farthest_first(
    left: &mut Vec<Candidate>,
    encoder: &TextEncoder,
    k: usize,
    go_on: &mut dyn FnMut(&str, usize, usize) -> Result<(), OperationError>,
) -> Result<Vec<CoverPoint>, OperationError> {
    let mut refused = Ok(());
    let mut while_wanted = |doing: &str, done: usize, of: usize| match go_on(doing, done, of) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            refused = Err(error);
            ControlFlow::Break(())
        }
    };
    let texts = left
        .iter()
        .filter_map(|candidate| candidate.text.as_deref());
    let texts: Vec<&str> = texts.collect();
    let (of, k) = (texts.len(), k.min(texts.len()));
    let points = encoder.points(&texts, BATCH, &mut |done| {
        while_wanted("Encoding", done, of)
    });
    let centres = match points.len() == of * encoder.width() {
        true => k_centre(&points, encoder.width(), k, &mut |done| {
            while_wanted("Choosing", done, k)
        }),
        false => Centres::default(),
    };
    refused?;
    let mut candidates: Vec<Option<Candidate>> = left.drain(..).map(Some).collect();
    left.extend(
        centres
            .places
            .iter()
            .filter_map(|place| candidates[*place].take()),
    );
    let point = |size: usize| CoverPoint {
        answers: size,
        radius: centres.radii[size - 1],
    };
    Ok(tenths(left.len()).into_iter().map(point).collect())
}

struct Candidate {
    /// Among the answers that the filter lets through.
    place: usize,
    score: f64,
    /// Where a curve is drawn of it, or with its context where it is encoded.
    text: Option<String>,
}

/// Of candidates from the best down.
fn curve(candidates: &[Candidate]) -> Vec<CurvePoint> {
    let points = tenths(candidates.len()).into_iter().map(|size| {
        let best = &candidates[..size];
        let texts: Vec<&str> = best.iter().filter_map(|one| one.text.as_deref()).collect();
        let words = ResponseWords::new(&texts);
        CurvePoint {
            answers: size,
            least: best[size - 1].score,
            mean: best.iter().map(|one| one.score).sum::<f64>() / size as f64,
            words: words.words() as f64 / size as f64,
            dist_2: words.defined_dist(2),
        }
    });
    points.collect()
}

/// A tenth of so many, two tenths, … all.
fn tenths(all: usize) -> Vec<usize> {
    const STEPS: usize = 10;
    let mut sizes: Vec<usize> = (1..=STEPS)
        .map(|step| (all * step).div_ceil(STEPS))
        .filter(|size| *size > 0)
        .collect();
    sizes.dedup();
    sizes
}
