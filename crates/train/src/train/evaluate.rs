//! A policy's answers and their metrics (Table II).

mod answer;
mod curve;
mod samples;

use std::ops::ControlFlow;

use burn::tensor::Device;

pub use answer::sampling;
pub(super) use answer::{Samples, answer_all};

use super::auditor::Auditor;
use super::control_answers::ConstantSearch;
use super::identifier_set::{IdentifierSet, LevelLogProbs, levels};
use super::likelihood::target_losses;
use super::material::Encoded;
use super::policy::Policy;
use super::reward::empathy::mechanism_weights;
use super::seed::{Draw, seed};
use crate::data::EmpathyLevel;
use crate::data::rows::Row;
use crate::experiment::Config;
use crate::metrics::control_answers::shuffled;
use crate::metrics::emp_f1::Levels;
use crate::metrics::{
    Answered, AuditLevels, Bootstrap, ControlLevels, SystemResults, TargetLoss, Truncation,
    system_results, words_of,
};
use crate::nn::Generated;
use crate::nn::sampling::Sampling;
use crate::text::Tokenizer;

/// Generates answers and evaluates them.
pub struct Examiner<'a> {
    pub tokenizer: &'a Tokenizer,
    pub identifiers: Option<&'a IdentifierSet>,
    /// Judges that give no reward.
    pub auditors: &'a [Auditor],
    pub sampling: Sampling,
    pub weights: [f32; 3],
    pub batch: usize,
    pub resamples: usize,
    /// Targets a batch of the released code's perplexity; 0 to leave it out.
    pub ppl_batch: usize,
    pub run_seed: u64,
    pub device: Device,
    /// Finds the best constant answer; `None` leaves the controls of Emp-F1 out.
    pub search: Option<ConstantSearch<'a>>,
}

/// Examples to answer, with what the identifiers find whatever a policy answers.
pub struct Exam<'a> {
    pub examples: &'a [Encoded],
    pub(super) contexts: Vec<String>,
    /// Levels of the targets; `None` without identifiers.
    pub(super) gold: Option<Vec<Levels>>,
    /// The best constant answer and its levels; `None` without identifiers or without controls.
    constant: Option<(String, Vec<Levels>)>,
    /// Levels of the targets by each auditor.
    pub(super) audited: Vec<Vec<Levels>>,
}

/// A policy's answers to an exam, and the identifiers' levels of them.
pub struct Answers {
    pub responses: Vec<String>,
    pub generated: Vec<Generated>,
    /// Of the responses; `None` without identifiers.
    pub log_probs: Option<Vec<LevelLogProbs>>,
    /// Levels of the targets; `None` without identifiers.
    pub gold: Option<Vec<Levels>>,
    /// Levels of the responses shuffled over the contexts; `None` without identifiers or without controls.
    pub shuffled: Option<Vec<Levels>>,
    /// Levels by each auditor.
    pub audits: Vec<AuditLevels>,
}

impl<'a> Examiner<'a> {
    /// With the settings of a run.
    pub fn new(
        config: &Config,
        tokenizer: &'a Tokenizer,
        identifiers: Option<&'a IdentifierSet>,
        auditors: &'a [Auditor],
        search: ConstantSearch<'a>,
        device: &Device,
    ) -> Self {
        let evaluation = &config.evaluation;
        Examiner {
            tokenizer,
            identifiers,
            auditors,
            sampling: sampling(&config.sampling),
            weights: mechanism_weights(&config.reward),
            batch: evaluation.batch,
            resamples: evaluation.resamples,
            ppl_batch: evaluation.ppl_batch,
            run_seed: config.run.seed,
            device: device.clone(),
            search: evaluation.controls.then_some(search),
        }
    }
}

impl Examiner<'_> {
    /// Prepares examples to be answered, any number of times.
    pub fn exam<'e>(&self, examples: &'e [Encoded]) -> Exam<'e> {
        let contexts: Vec<String> = examples.iter().map(|e| e.example.context_text()).collect();
        let targets = examples.iter().map(|e| e.example.target.as_str());
        let gold = self.levels_of(&contexts, targets);
        let constant = self.best_constant().and_then(|best| {
            let levels = self.levels_of(&contexts, contexts.iter().map(|_| best))?;
            Some((best.to_string(), levels))
        });
        let targets = examples.iter().map(|e| e.example.target.as_str());
        let audited = self.audit(&contexts, &targets.collect::<Vec<_>>());
        Exam {
            examples,
            contexts,
            gold,
            constant,
            audited,
        }
    }

    /// Answers every example.
    pub fn answer(&self, policy: &Policy, exam: &Exam<'_>) -> Answers {
        let examples = exam.examples;
        let sources: Vec<&[u32]> = examples.iter().map(|e| e.source.as_slice()).collect();
        let generated = answer_all(
            policy,
            &sources,
            &self.sampling,
            Samples::answers(self.run_seed),
            self.batch,
            &mut |_| ControlFlow::Continue(()),
        );
        self.judged(exam, generated)
    }

    /// Answers as texts, with the identifiers' levels of them.
    pub(super) fn judged(&self, exam: &Exam<'_>, generated: Vec<Generated>) -> Answers {
        let responses: Vec<String> = generated
            .iter()
            .map(|answer| self.tokenizer.decode(&answer.tokens))
            .collect();
        let given: Vec<&str> = responses.iter().map(String::as_str).collect();
        let log_probs = self.identifiers.map(|identifiers| {
            let contexts = exam.contexts.iter().map(String::as_str);
            let pairs: Vec<_> = contexts.zip(given.iter().copied()).collect();
            identifiers.log_probs(&pairs, self.batch, &self.device)
        });
        let has_controls = self.search.is_some() && responses.len() > 1;
        let moved = has_controls.then(|| shuffled(&given, self.control_seed()));
        let audits = self.audits(exam, &given, moved.as_deref());
        let shuffled = moved.and_then(|moved| self.levels_of(&exam.contexts, moved.into_iter()));
        Answers {
            responses,
            generated,
            log_probs,
            gold: exam.gold.clone(),
            shuffled,
            audits,
        }
    }

    /// A policy's loss on the targets of some examples.
    pub fn losses(&self, policy: &Policy, examples: &[Encoded]) -> Vec<TargetLoss> {
        target_losses(policy, examples, self.batch)
    }

    /// The row of the result table, with intervals.
    pub fn results(
        &self,
        system: &str,
        split: &str,
        exam: &Exam<'_>,
        answers: &Answers,
        losses: &[TargetLoss],
    ) -> SystemResults {
        let levels = answers.levels();
        let references = exam.references();
        let target_words: Vec<usize> = references.iter().map(|text| words_of(text)).collect();
        let controls = levels.as_ref().and_then(|(targets, responses)| {
            Some(ControlLevels {
                targets,
                responses,
                shuffled: answers.shuffled.as_deref()?,
                constant: exam.constant(),
                target_words: &target_words,
            })
        });
        let answered = Answered {
            targets: Some(losses),
            ppl_batch: self.ppl_batch,
            responses: &answers.responses,
            references: &references,
            levels: levels
                .as_ref()
                .map(|(gold, given)| (gold.as_slice(), given.as_slice())),
            controls,
            truncation: self.truncation(exam, answers),
            held_out: &answers.audits,
        };
        system_results(system, split, answered, &self.bootstrap())
    }

    pub(super) fn bootstrap(&self) -> Bootstrap {
        Bootstrap {
            resamples: self.resamples,
            seed: seed(self.run_seed, Draw::Bootstrap, 0),
        }
    }

    /// What the identifiers do not read of the examples and their answers; None without identifiers.
    fn truncation(&self, exam: &Exam<'_>, answers: &Answers) -> Option<Truncation> {
        let identifiers = self.identifiers?;
        let contexts = || exam.contexts.iter().map(String::as_str);
        let targets = exam.references().into_iter();
        let responses = answers.responses.iter().map(String::as_str);
        let responses: Vec<(&str, &str)> = contexts().zip(responses).collect();
        let targets: Vec<(&str, &str)> = contexts().zip(targets).collect();
        let of = |pairs: &[(&str, &str)]| identifiers.truncated(pairs);
        Some(Truncation::new(
            identifiers.limits(),
            &of(&responses),
            &of(&targets),
        ))
    }
}

impl Exam<'_> {
    /// The targets.
    fn references(&self) -> Vec<&str> {
        let examples = self.examples.iter();
        examples.map(|e| e.example.target.as_str()).collect()
    }

    /// The best constant answer and its levels.
    fn constant(&self) -> Option<(&str, &[Levels])> {
        let (response, levels) = self.constant.as_ref()?;
        Some((response, levels))
    }
}

impl Answers {
    /// Adds to a row the loss of its example's target, and the levels by mechanism (0 no, 1 weak, 2 strong) of
    /// target and response, and of the response shuffled to this context, if there are identifiers; the same by each
    /// auditor.
    pub fn put_figures(&self, index: usize, losses: &[TargetLoss], row: &mut Row) {
        if let Some(loss) = losses.get(index) {
            row.set("target_nll", loss.nll);
            row.set("target_tokens", loss.tokens);
        }
        if let (Some(log_probs), Some(gold)) = (&self.log_probs, &self.gold) {
            let numbers = |levels: Levels| levels.map(EmpathyLevel::index).to_vec();
            row.set("target_levels", numbers(gold[index]));
            row.set("levels", numbers(levels(&log_probs[index])));
            if let Some(shuffled) = &self.shuffled {
                row.set("shuffled_levels", numbers(shuffled[index]));
            }
        }
        self.put_audits(index, row);
    }

    /// Levels of targets and of responses; `None` without identifiers.
    fn levels(&self) -> Option<(Vec<Levels>, Vec<Levels>)> {
        let (log_probs, gold) = (self.log_probs.as_ref()?, self.gold.as_ref()?);
        Some((gold.clone(), log_probs.iter().map(levels).collect()))
    }
}
