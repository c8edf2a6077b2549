//! A part of a corpus: without what repeats an earlier answer, and the best by a score.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::Narrowing;
use super::near_duplicates::NearDuplicates;
use crate::metrics::ResponseWords;

/// What answers are chosen by; each step chooses from what the one before has left.
#[derive(Clone, Copy, Debug, Default)]
pub struct Criteria<'a> {
    /// Leave out an answer as similar as this to an earlier one in its context, from 0 to 1 (exact repetitions).
    pub distinct: Option<f64>,
    /// The highest by this score; those without it are left out.
    pub best: Option<&'a str>,
    /// At most so many.
    pub at_most: Option<usize>,
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
    pub dist_2: f64,
}

/// Chooses answers of a corpus; the narrowing that is returned has those alone.
///
/// # Errors
/// There is no such corpus or score, the corpus is damaged, or the similarity is not over 0 and at most 1.
pub fn select(
    store: &Path,
    corpus: &str,
    narrowing: Narrowing,
    criteria: &Criteria<'_>,
) -> Result<(Selected, Narrowing), OperationError> {
    let best = criteria.best.map(|best| narrowing.names.score(best));
    let best = best.transpose()?.map(str::to_string);
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
    };
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
                    text: best.is_some().then(|| text.to_string()),
                }),
            }
        }
        Ok(())
    })?;
    if best.is_some() {
        // Of equal scores the earlier answer is the better.
        left.sort_by(|a, b| b.score.total_cmp(&a.score));
        selected.curve = curve(&left);
    }
    left.truncate(criteria.at_most.unwrap_or(usize::MAX));
    selected.chosen = left.len();
    let places: HashSet<usize> = left.iter().map(|candidate| candidate.place).collect();
    Ok((selected, narrowing.chosen(places)))
}

struct Candidate {
    /// Among the answers that the filter lets through.
    place: usize,
    score: f64,
    /// Where a curve is drawn of it.
    text: Option<String>,
}

/// Of candidates from the best down.
fn curve(candidates: &[Candidate]) -> Vec<CurvePoint> {
    const STEPS: usize = 10;
    let mut sizes: Vec<usize> = (1..=STEPS)
        .map(|step| (candidates.len() * step).div_ceil(STEPS))
        .filter(|size| *size > 0)
        .collect();
    sizes.dedup();
    let points = sizes.into_iter().map(|size| {
        let best = &candidates[..size];
        let texts: Vec<&str> = best.iter().filter_map(|one| one.text.as_deref()).collect();
        let words = ResponseWords::new(&texts);
        CurvePoint {
            answers: size,
            least: best[size - 1].score,
            mean: best.iter().map(|one| one.score).sum::<f64>() / size as f64,
            words: words.words() as f64 / size as f64,
            dist_2: words.dist(2),
        }
    });
    points.collect()
}
