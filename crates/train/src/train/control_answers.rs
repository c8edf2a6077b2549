//! The control answers of Emp-F1, judged by a run's identifiers.

use std::cell::OnceCell;
use std::convert::Infallible;

use super::evaluate::{Answers, Exam, Examiner};
use super::identifier_set::levels;
use super::material::Encoded;
use super::seed::{Draw, seed};
use crate::data::Example;
use crate::metrics::control_answers::{best_constant, cut_to_equal_length};
use crate::metrics::emp_f1::Levels;
use crate::metrics::{EqualLength, EqualLengthKappa, LevelPairs};

/// The search for the best constant answer: the training examples, and what was found, for all evaluations.
#[derive(Clone, Copy)]
pub struct ConstantSearch<'a> {
    pub train: &'a [Encoded],
    pub found: &'a OnceCell<Option<String>>,
}

impl Examiner<'_> {
    /// The levels of a response to each context; None without identifiers.
    pub(super) fn levels_of<'t>(
        &self,
        contexts: &'t [String],
        responses: impl Iterator<Item = &'t str>,
    ) -> Option<Vec<Levels>> {
        let pairs: Vec<_> = contexts.iter().map(String::as_str).zip(responses).collect();
        self.identify(&pairs)
    }

    fn identify(&self, pairs: &[(&str, &str)]) -> Option<Vec<Levels>> {
        let log_probs = self.identifiers?.log_probs(pairs, self.batch, &self.device);
        Some(log_probs.iter().map(levels).collect())
    }

    /// The best constant answer, searched for at the first call; None without identifiers, controls or examples.
    pub(super) fn best_constant(&self) -> Option<&str> {
        let (search, _) = (self.search.as_ref()?, self.identifiers?);
        let found = search.found.get_or_init(|| {
            let train: Vec<&Example> = search.train.iter().map(|one| &one.example).collect();
            let mut identify = |pairs: &[(&str, &str)]| {
                Ok::<_, Infallible>(self.identify(pairs).unwrap_or_default())
            };
            let Ok(best) = best_constant(&train, self.control_seed(), &mut identify);
            best
        });
        found.as_deref()
    }

    /// A policy and another system, their answers to each context cut to the same number of words and judged again;
    /// None without identifiers or without controls.
    pub fn at_equal_length(
        &self,
        exam: &Exam<'_>,
        answers: &Answers,
        (baseline, others): (&str, &Answers),
    ) -> Option<EqualLength> {
        self.search.as_ref()?;
        let (own, other) = cut_to_equal_length(&answers.responses, &others.responses);
        let words: usize = own.iter().map(|text| text.split_whitespace().count()).sum();
        let mean_words = words as f64 / own.len().max(1) as f64;
        let judged = |responses: &[String]| {
            Some(LevelPairs {
                targets: exam.gold.clone()?,
                responses: self.levels_of(&exam.contexts, responses.iter().map(String::as_str))?,
            })
        };
        let (own, other) = (judged(&own)?, judged(&other)?);
        EqualLength::new(baseline, mean_words, &own, &other, &self.bootstrap())
    }

    /// κ by the auditors of the same cut answers; None without auditors or without controls.
    pub fn kappa_at_equal_length(
        &self,
        exam: &Exam<'_>,
        answers: &Answers,
        (baseline, others): (&str, &Answers),
    ) -> Option<EqualLengthKappa> {
        self.search.as_ref().filter(|_| !self.auditors.is_empty())?;
        let (own, other) = cut_to_equal_length(&answers.responses, &others.responses);
        let audits = |responses: &[String]| {
            let responses: Vec<&str> = responses.iter().map(String::as_str).collect();
            self.audits(exam, &responses, None)
        };
        EqualLengthKappa::new(baseline, &audits(&own), &audits(&other), &self.bootstrap())
    }

    /// The seed of the shuffling and of the search.
    pub(super) fn control_seed(&self) -> u64 {
        seed(self.run_seed, Draw::Controls, 0)
    }
}
