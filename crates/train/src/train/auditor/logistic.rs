//! The built-in auditor: for each mechanism a logistic regression over the words of the response and of the context,
//! trained on the labelled pairs in seconds. It shares neither architecture nor seed with any identifier.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::regression::{Examples, Regression};
use super::tfidf::{SparseRow, Tfidf};
use crate::data::{EmpathyLevel, LabelledPair, LevelSet, Mechanism};
use crate::metrics::{Confusion, IdentifierScores, Levels};
use crate::train::error::TrainError;

/// Of the folds: the same for every run, so that all are judged by the same auditor.
const SEED: u64 = 20_240_823;
const FOLDS: usize = 5;
/// The inverse strength of the penalty.
const C: f64 = 10.0;
const TOLERANCE: f64 = 1e-3;

/// A regression for each mechanism.
pub struct LogisticAuditor {
    by_mechanism: Vec<Classifier>,
    /// Over pairs that a classifier did not learn from, whose seeker posts it did not see: cross-validated.
    pub scores: Vec<IdentifierScores>,
}

impl LogisticAuditor {
    /// Learns from all labelled pairs; the scores come from five folds by seeker post.
    ///
    /// # Errors
    /// A mechanism has no labelled pairs.
    pub fn train(set: &LevelSet) -> Result<Self, TrainError> {
        let folds = folds(set);
        let trained = Mechanism::ALL.map(|mechanism| {
            let labelled: Vec<Labelled<'_>> = labelled(&set.pairs, mechanism).collect();
            if labelled.is_empty() {
                return Err(TrainError::Empty {
                    what: format!("{} of {}", mechanism.title(), set.name),
                    fix: "import the data set again".into(),
                });
            }
            let scores = cross_validated(mechanism, &labelled, &folds);
            Ok((Classifier::train(&labelled), scores))
        });
        let trained = trained.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (by_mechanism, scores) = trained.into_iter().unzip();
        Ok(LogisticAuditor {
            by_mechanism,
            scores,
        })
    }

    /// The likeliest level of each mechanism, of each (context, response).
    pub fn levels(&self, pairs: &[(&str, &str)]) -> Vec<Levels> {
        let of_pair = |pair: &(&str, &str)| {
            Mechanism::ALL.map(|mechanism| {
                let classifier = &self.by_mechanism[mechanism.index()];
                EmpathyLevel::ALL[likeliest(&classifier.probabilities(*pair))]
            })
        };
        pairs.par_iter().map(of_pair).collect()
    }
}

/// A pair with its level of one mechanism.
#[derive(Clone, Copy)]
struct Labelled<'a> {
    pair: &'a LabelledPair,
    level: usize,
}

impl<'a> Labelled<'a> {
    /// Context and response.
    fn texts(&self) -> (&'a str, &'a str) {
        (&self.pair.seeker_post, &self.pair.response_post)
    }
}

fn labelled(pairs: &[LabelledPair], mechanism: Mechanism) -> impl Iterator<Item = Labelled<'_>> {
    pairs.iter().filter_map(move |pair| {
        let level = pair.levels[mechanism.index()]?.index();
        Some(Labelled { pair, level })
    })
}

/// The fold of each seeker post.
fn folds(set: &LevelSet) -> BTreeMap<&str, usize> {
    let posts: BTreeSet<&str> = set.pairs.iter().map(|pair| &*pair.seeker_id).collect();
    let mut posts: Vec<&str> = posts.into_iter().collect();
    posts.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
    let places = posts.into_iter().enumerate();
    places.map(|(at, post)| (post, at % FOLDS)).collect()
}

/// Judges each fold by what the others taught.
fn cross_validated(
    mechanism: Mechanism,
    labelled: &[Labelled<'_>],
    folds: &BTreeMap<&str, usize>,
) -> IdentifierScores {
    let judged = (0..FOLDS).into_par_iter().map(|fold| {
        let is_held = |one: &&Labelled<'_>| folds.get(&*one.pair.seeker_id) == Some(&fold);
        let (held, taught): (Vec<_>, Vec<_>) = labelled.iter().partition(is_held);
        // Of a set of very few posts.
        if held.is_empty() || taught.is_empty() {
            return Vec::new();
        }
        let classifier = Classifier::train(&taught);
        let of_pair = |one: Labelled<'_>| (one.level, classifier.probabilities(one.texts()));
        held.into_iter().map(of_pair).collect()
    });
    let judged: Vec<_> = judged.collect();
    let (mut confusion, mut loss) = (Confusion::new(EmpathyLevel::ALL.len()), 0.0);
    for (level, probabilities) in judged.into_iter().flatten() {
        confusion.add(level, likeliest(&probabilities));
        loss -= probabilities[level].max(f64::MIN_POSITIVE).ln();
    }
    IdentifierScores {
        mechanism,
        loss: loss / confusion.n().max(1) as f64,
        confusion,
    }
}

/// One mechanism: the words of context and response are features of their own.
struct Classifier {
    context: Tfidf,
    response: Tfidf,
    regression: Regression,
}

impl Classifier {
    fn train(labelled: &[Labelled<'_>]) -> Classifier {
        let (contexts, responses): (Vec<&str>, Vec<&str>) =
            labelled.iter().map(Labelled::texts).unzip();
        let (context, response) = (Tfidf::fit(&contexts), Tfidf::fit(&responses));
        let rows: Vec<SparseRow> = labelled
            .iter()
            .map(|one| row(&context, &response, one.texts()))
            .collect();
        let classes: Vec<usize> = labelled.iter().map(|one| one.level).collect();
        let examples = Examples {
            rows: &rows,
            classes: &classes,
            features: context.len() + response.len(),
        };
        let regression = Regression::fit(&examples, C, TOLERANCE);
        Classifier {
            context,
            response,
            regression,
        }
    }

    fn probabilities(&self, pair: (&str, &str)) -> [f64; 3] {
        let row = row(&self.context, &self.response, pair);
        self.regression.probabilities(&row)
    }
}

fn row(context: &Tfidf, response: &Tfidf, (before, answer): (&str, &str)) -> SparseRow {
    let mut row = context.row(before, 0);
    row.extend(response.row(answer, context.len()));
    row
}

/// The first of the most probable classes.
fn likeliest(probabilities: &[f64; 3]) -> usize {
    let mut best = 0;
    for (class, p) in probabilities.iter().enumerate() {
        if *p > probabilities[best] {
            best = class;
        }
    }
    best
}
