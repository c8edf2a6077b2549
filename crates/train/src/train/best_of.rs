//! Best of n: n responses to each context, each draw with a seed of its own, of which the reward's best is kept. The
//! first drawn wins a tie.

use std::ops::ControlFlow;

use super::TrainError;
use super::evaluate::{Answers, Exam, Examiner, Samples, answer_all};
use super::policy::Policy;
use super::reward::empathy::EmpathyReward;
use super::reward::{Candidate, Reward};
use super::saved::{Drawing, GeneratedResponse, SavedIdentifiers, SavedModel};
use super::seed::Draw;
use crate::data::{Example, Turns};
use crate::experiment::{ClassWeights, RewardSettings};
use crate::metrics::BestOf;
use crate::nn::Generated;
use crate::nn::sampling::Sampling;
use crate::text::Tokenizer;

/// Draws and chooses responses.
struct Chooser<'a> {
    policy: &'a Policy,
    tokenizer: &'a Tokenizer,
    sampling: &'a Sampling,
    seed: u64,
    batch: usize,
}

impl Chooser<'_> {
    /// The best response to each source, whose example has the same place. `done` is called with the responses drawn so
    /// far; if it breaks, the best among those of whole draws are returned.
    fn best(
        &self,
        sources: &[&[u32]],
        examples: &[&Example],
        best_of: BestOf,
        reward: &mut dyn Reward,
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Vec<Generated>, TrainError> {
        let mut best: Vec<(f32, Generated)> = Vec::new();
        for draw in 0..best_of.n() {
            let mut flow = ControlFlow::Continue(());
            let samples = Samples {
                seed: self.seed,
                draw: Draw::BestOf,
                index: draw as u64,
            };
            let before = draw * sources.len();
            let drawn = answer_all(
                self.policy,
                sources,
                self.sampling,
                samples,
                self.batch,
                &mut |finished| {
                    flow = done(before + finished);
                    flow
                },
            );
            if flow.is_break() {
                break;
            }
            let totals = self.totals(&drawn, examples, reward)?;
            let scored = totals.into_iter().zip(drawn);
            if best.is_empty() {
                best.extend(scored);
                continue;
            }
            for (kept, new) in best.iter_mut().zip(scored) {
                if new.0 > kept.0 {
                    *kept = new;
                }
            }
        }
        Ok(best.into_iter().map(|(_, generated)| generated).collect())
    }

    fn totals(
        &self,
        drawn: &[Generated],
        examples: &[&Example],
        reward: &mut dyn Reward,
    ) -> Result<Vec<f32>, TrainError> {
        let decode = |generated: &Generated| self.tokenizer.decode(&generated.tokens);
        let responses: Vec<String> = drawn.iter().map(decode).collect();
        let candidates: Vec<Candidate<'_>> = examples
            .iter()
            .zip(&responses)
            .enumerate()
            .map(|(index, (example, response))| Candidate {
                index,
                example,
                response,
            })
            .collect();
        let mut totals = Vec::with_capacity(candidates.len());
        for batch in candidates.chunks(self.batch.max(1)) {
            totals.extend(reward.score(batch)?.iter().map(|score| score.total));
        }
        Ok(totals)
    }
}

impl Examiner<'_> {
    /// Answers every example by the best of n responses of a policy.
    ///
    /// # Errors
    /// The reward fails.
    pub fn best_of(
        &self,
        policy: &Policy,
        exam: &Exam<'_>,
        best_of: BestOf,
        reward: &mut dyn Reward,
    ) -> Result<Answers, TrainError> {
        let sources: Vec<&[u32]> = exam.examples.iter().map(|e| e.source.as_slice()).collect();
        let examples: Vec<&Example> = exam.examples.iter().map(|e| &e.example).collect();
        let chooser = Chooser {
            policy,
            tokenizer: self.tokenizer,
            sampling: &self.sampling,
            seed: self.run_seed,
            batch: self.batch,
        };
        let go_on = &mut |_| ControlFlow::Continue(());
        let best = chooser.best(&sources, &examples, best_of, reward, go_on)?;
        Ok(self.judged(exam, best))
    }
}

/// A context to answer, and the target whose empathy levels the reward compares a response with.
#[derive(Clone, Copy, Debug)]
pub struct Targeted<'a> {
    pub context: Turns<'a>,
    pub target: &'a str,
}

impl SavedModel {
    /// The best of n responses to each context by the empathy reward of these identifiers in the paper's form, until
    /// `done` breaks; it is called with the responses drawn so far.
    ///
    /// # Errors
    /// The chat template refuses a context, or the reward fails.
    pub fn best_of(
        &self,
        (best_of, max_source): (BestOf, usize),
        contexts: &[Targeted<'_>],
        (identifiers, reward): (&SavedIdentifiers, &RewardSettings),
        (drawing, batch): (&Drawing<'_>, usize),
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Vec<GeneratedResponse>, TrainError> {
        let sources = self.sources(contexts.iter().map(|one| one.context), max_source)?;
        let sources: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
        let examples: Vec<Example> = contexts.iter().map(example).collect();
        let examples: Vec<&Example> = examples.iter().collect();
        let sampling = drawing.sampling();
        // The shares of levels among the training examples are not at hand here.
        let settings = RewardSettings {
            class_weights: ClassWeights::None,
            log_prior: false,
            ..reward.clone()
        };
        let chooser = Chooser {
            policy: &self.policy,
            tokenizer: &self.tokenizer,
            sampling: &sampling,
            seed: drawing.seed,
            batch,
        };
        let device = identifiers.device.clone();
        let mut reward = EmpathyReward::new(&identifiers.set, &settings, &[], device);
        let best = chooser.best(&sources, &examples, best_of, &mut reward, done)?;
        Ok(best.into_iter().map(|one| self.answer_of(one)).collect())
    }
}

fn example(one: &Targeted<'_>) -> Example {
    Example {
        conversation: String::new(),
        turn: 0,
        emotion: String::new(),
        situation: String::new(),
        context: one.context.utterances.to_vec(),
        roles: one.context.roles.to_vec(),
        target: one.target.to_string(),
    }
}
