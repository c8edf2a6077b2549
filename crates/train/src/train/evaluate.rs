//! A policy's answers and their metrics (Table II), and the sample dialogues.

use std::ops::ControlFlow;

use burn::tensor::Device;

use super::auditor::{Auditor, held_out_values};
use super::control_answers::ConstantSearch;
use super::identifier_set::{IdentifierSet, LevelLogProbs, levels};
use super::likelihood::target_losses;
use super::material::Encoded;
use super::policy::Policy;
use super::reward::empathy::{empathy_score, mechanism_weights, target_log_probs};
use super::seed::{Draw, seed, stream};
use super::tensors::by_length;
use crate::data::rows::Row;
use crate::data::{EmpathyLevel, Mechanism};
use crate::experiment::{Config, SampleDialogue, SampleLevel, SamplingSettings};
use crate::metrics::control_answers::shuffled;
use crate::metrics::controls::{commonest_levels, level_shares};
use crate::metrics::emp_f1::{Levels, emp_f1};
use crate::metrics::{
    Answered, AuditLevels, Bootstrap, ControlLevels, ResponseWords, SystemResults, TargetLoss,
    Truncation, declared, perplexity, system_results, words_of,
};
use crate::nn::sampling::Sampling;
use crate::nn::{Generated, generate};
use crate::text::Tokenizer;

/// The sampling settings in the form that [`generate`] takes.
pub fn sampling(settings: &SamplingSettings) -> Sampling {
    Sampling {
        max_new_tokens: settings.max_new_tokens,
        min_new_tokens: settings.min_new_tokens,
        greedy: false,
        top_k: settings.top_k,
        top_p: settings.top_p as f32,
        temperature: settings.temperature as f32,
    }
}

/// Whose random streams responses are drawn from: one for each source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples {
    pub seed: u64,
    pub draw: Draw,
    pub index: u64,
}

impl Samples {
    /// Those of a system's answers.
    pub fn answers(seed: u64) -> Self {
        Samples {
            seed,
            draw: Draw::Answer,
            index: 0,
        }
    }
}

/// Answers every source, `batch` at once, each from its own random stream whatever the batches are. `done` is
/// called with the number answered so far; if it breaks, only the answers so far are returned.
pub(super) fn answer_all(
    policy: &Policy,
    sources: &[&[u32]],
    sampling: &Sampling,
    samples: Samples,
    batch: usize,
    done: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Vec<Generated> {
    let adapter = policy.adapter_weights();
    let mut answers: Vec<Option<Generated>> = vec![None; sources.len()];
    let mut finished = 0;
    for indices in by_length(sources.len(), batch, |index| sources[index].len()) {
        let rows: Vec<&[u32]> = indices.iter().map(|&index| sources[index]).collect();
        let mut streams: Vec<_> = indices
            .iter()
            .map(|&row| stream(samples.seed, samples.draw, samples.index, row as u64))
            .collect();
        let generated = generate(
            &policy.model,
            adapter.as_ref(),
            &rows,
            sampling,
            &mut streams,
        );
        for (&index, answer) in indices.iter().zip(generated) {
            answers[index] = Some(answer);
        }
        finished += indices.len();
        if done(finished).is_break() {
            break;
        }
    }
    answers.into_iter().flatten().collect()
}

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

    /// The validation metrics, without intervals.
    pub fn curve(&self, policy: &Policy, exam: &Exam<'_>, answers: &Answers) -> Vec<(String, f64)> {
        let losses = target_losses(policy, exam.examples, self.batch);
        let words = ResponseWords::new(&answers.responses);
        let mut values = vec![
            (declared::VALIDATION_DIST_1.to_string(), words.dist(1)),
            (declared::VALIDATION_DIST_2.to_string(), words.dist(2)),
        ];
        let references = ResponseWords::new(&exam.references());
        for (n, key) in [
            (1, declared::VALIDATION_EAD_1),
            (2, declared::VALIDATION_EAD_2),
        ] {
            let ead = words.ead(n, references.vocabulary(n));
            values.extend(ead.is_finite().then(|| (key.to_string(), ead)));
        }
        if !words.is_empty() {
            let mean = words.words() as f64 / words.len() as f64;
            values.push((declared::VALIDATION_WORDS.to_string(), mean));
        }
        if let Some(ppl) = perplexity(&losses) {
            values.push((declared::VALIDATION_PPL.to_string(), ppl));
        }
        if let Some((gold, given)) = answers.levels() {
            let constant = exam.constant().map(|(_, levels)| levels);
            let shuffled = answers.shuffled.as_deref();
            let values_of = level_values(&gold, &given, shuffled, constant);
            values.extend(values_of.into_iter().map(|(key, v)| (key.to_string(), v)));
        }
        let held_out = held_out_values(&answers.audits).into_iter();
        values.extend(held_out.map(|(key, value)| (key.to_string(), value)));
        values
    }

    /// The first `count` examples as sample dialogues.
    pub fn samples(
        &self,
        examples: &[Encoded],
        answers: &Answers,
        count: usize,
    ) -> Vec<SampleDialogue> {
        examples
            .iter()
            .take(count)
            .enumerate()
            .map(|(index, encoded)| {
                let mut sample_levels = Vec::new();
                let mut reward = None;
                if let (Some(log_probs), Some(gold)) = (&answers.log_probs, &answers.gold) {
                    let (log_probs, gold) = (&log_probs[index], gold[index]);
                    let scored = empathy_score(target_log_probs(log_probs, &gold), self.weights);
                    reward = Some(f64::from(scored.total));
                    let generated = levels(log_probs);
                    for mechanism in Mechanism::ALL {
                        let place = mechanism.index();
                        sample_levels.push(SampleLevel {
                            mechanism,
                            target: gold[place],
                            generated: generated[place],
                            reward: f64::from(scored.per_mechanism[place]),
                        });
                    }
                }
                SampleDialogue {
                    index: index as u32,
                    emotion: encoded.example.emotion.clone(),
                    situation: encoded.example.situation.clone(),
                    context: encoded.example.context.clone(),
                    roles: encoded.example.roles.clone(),
                    target: encoded.example.target.clone(),
                    generated: answers.responses[index].clone(),
                    levels: sample_levels,
                    reward,
                }
            })
            .collect()
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

/// Emp-F1 and its controls without intervals. What is undefined is left out.
fn level_values(
    targets: &[Levels],
    responses: &[Levels],
    shuffled: Option<&[Levels]>,
    constant: Option<&[Levels]>,
) -> Vec<(&'static str, f64)> {
    let Some(found) = emp_f1(targets, responses) else {
        return Vec::new();
    };
    let mut values = vec![(declared::VALIDATION_EMP_F1, found.emp_f1)];
    values.extend(
        declared::VALIDATION_F1_KEYS
            .into_iter()
            .zip(found.mechanism_f1),
    );
    let Some(shuffled) = shuffled.and_then(|levels| emp_f1(targets, levels)) else {
        return values;
    };
    values.push((declared::VALIDATION_EMP_F1_SHUFFLED, shuffled.emp_f1));
    let gain = found.emp_f1 - shuffled.emp_f1;
    values.push((declared::VALIDATION_EMP_F1_GAIN, gain));
    if let Some(constant) = constant.and_then(|levels| emp_f1(targets, levels)) {
        values.push((declared::VALIDATION_EMP_F1_CONSTANT, constant.emp_f1));
    }
    let commonest = commonest_levels(&level_shares(targets), &level_shares(responses));
    for (at, (agreement, commonest)) in found.agreement.iter().zip(commonest).enumerate() {
        let kappa = agreement.kappa();
        values.extend(kappa.map(|kappa| (declared::VALIDATION_KAPPA_KEYS[at], kappa)));
        values.extend([
            (
                declared::VALIDATION_MACRO_F1_KEYS[at],
                100.0 * agreement.macro_f1(),
            ),
            (
                declared::VALIDATION_COMMONEST_KEYS[at],
                commonest.of_responses,
            ),
            (
                declared::VALIDATION_COMMONEST_OF_TARGETS_KEYS[at],
                commonest.of_targets,
            ),
        ]);
    }
    values
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
