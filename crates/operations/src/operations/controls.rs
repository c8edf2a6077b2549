//! The controls of Emp-F1 for responses from outside: the same answers shuffled over the contexts, and the best
//! constant answer, both judged by the same identifiers.

use std::path::Path;

use super::models::{ResolvedModel, SavedIdentifiers, identify};
use super::{OnProgress, OperationError};
use crate::data::{Example, library};
use crate::metrics::control_answers::{best_constant, shuffled};
use crate::metrics::{ControlLevels, Levels, words_of};
use crate::train::seed::{Draw, seed};

/// How control answers are made.
#[derive(Clone, Debug)]
pub(super) struct ControlAnswers {
    seed: u64,
    /// The best constant answer; None where the identifiers' run has no dialogues at hand.
    constant: Option<String>,
}

/// Levels of a system's control answers, in the order of its targeted responses.
#[derive(Clone, Debug)]
pub(super) struct FoundControls {
    shuffled: Vec<Levels>,
    constant: Option<(String, Vec<Levels>)>,
    target_words: Vec<usize>,
}

impl ControlAnswers {
    /// Searches the training targets of the identifiers' run for the best constant answer. None where that run's
    /// settings leave the controls out.
    ///
    /// # Errors
    /// `on_progress` stopped it.
    pub(super) fn search(
        store: &Path,
        found: &ResolvedModel,
        identifiers: &SavedIdentifiers,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Self>, OperationError> {
        let config = found.config();
        if !config.evaluation.controls {
            return Ok(None);
        }
        let seed = seed(config.run.seed, Draw::Controls, 0);
        // A folder of identifiers names no dialogues, and those of a run may have been removed since.
        let dialogues = found.origin.as_ref();
        let dialogues =
            dialogues.and_then(|_| library::open_dialogues(store, &config.data.dialogues).ok());
        let constant = match &dialogues {
            Some(set) => {
                let train: Vec<&Example> = set.train.iter().collect();
                best_constant(&train, seed, &mut |pairs| {
                    identify(identifiers, pairs, "The best constant answer", on_progress)
                })?
            }
            None => None,
        };
        Ok(Some(ControlAnswers { seed, constant }))
    }

    /// The responses, each moved to another context.
    pub(super) fn shuffled<'a>(&self, responses: &[&'a str]) -> Vec<&'a str> {
        shuffled(responses, self.seed)
    }

    /// Judges the control answers to these contexts; `targets` are those of the same contexts.
    ///
    /// # Errors
    /// `on_progress` stopped it.
    pub(super) fn levels(
        &self,
        identifiers: &SavedIdentifiers,
        answered: &[(&str, &str)],
        targets: &[(&str, &str)],
        doing: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<FoundControls, OperationError> {
        let (contexts, responses): (Vec<&str>, Vec<&str>) = answered.iter().copied().unzip();
        let mut judge = |responses: Vec<&str>, what: &str| {
            let pairs: Vec<_> = contexts.iter().copied().zip(responses).collect();
            identify(identifiers, &pairs, &format!("{doing}{what}"), on_progress)
        };
        let moved = shuffled(&responses, self.seed);
        Ok(FoundControls {
            shuffled: judge(moved, "answers shuffled")?,
            constant: match &self.constant {
                Some(constant) => {
                    let same = vec![constant.as_str(); responses.len()];
                    Some((constant.clone(), judge(same, "a constant answer")?))
                }
                None => None,
            },
            target_words: targets.iter().map(|(_, target)| words_of(target)).collect(),
        })
    }
}

impl FoundControls {
    /// With the levels of the same targets and responses.
    pub(super) fn beside<'a>(
        &'a self,
        targets: &'a [Levels],
        responses: &'a [Levels],
    ) -> ControlLevels<'a> {
        let constant = self.constant.as_ref();
        ControlLevels {
            targets,
            responses,
            shuffled: &self.shuffled,
            constant: constant.map(|(response, levels)| (response.as_str(), levels.as_slice())),
            target_words: &self.target_words,
        }
    }
}
