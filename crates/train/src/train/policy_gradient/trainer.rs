//! The stage of every algorithm that trains a policy from its own responses (Sec. III-E). A step is a rollout
//! (Eq. 12), its scores (Eq. 2-5), and then what the [`Algorithm`] makes of them.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::iter::repeat_n;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use super::algorithm::{Algorithm, Around, FailedStep, Learner, LearnerState};
use super::checks::{Subject, check};
use super::metrics::Seconds;
use super::record::recorded_responses;
use super::rollout::Rollout;
use crate::experiment::{Change, Config, RolloutResponse, Severity, Stage};
use crate::nn::value_head::ValueHead;
use crate::train::TrainError;
use crate::train::artifacts::Artifacts;
use crate::train::checkpoint::{Checkpoint, read_json, write_json};
use crate::train::evaluate::{Exam, Examiner, sampling};
use crate::train::material::{Encoded, validation_subset};
use crate::train::model_tokenizer::ModelTokenizer;
use crate::train::optimizer::AdamW;
use crate::train::order::Order;
use crate::train::policy::Policy;
use crate::train::reward::{self, Reward, Score, candidates};
use crate::train::seed::{Draw, seed, stream};
use crate::train::session::{Ended, Session, Values};
use crate::train::stage::{self, Evaluation, StageTrainer, StepError, When};

const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";

/// Trains the run's policy from its generator, with the configured reward.
pub fn run<A: Algorithm>(
    algorithm: &A,
    session: &mut Session<'_>,
    artifacts: &mut Artifacts,
) -> Result<Ended, TrainError> {
    let Some(generator) = &artifacts.generator else {
        return Ok(Ended::Done);
    };
    let config = session.config;
    let device = &session.device;
    let (identifiers, train_set) = (artifacts.identifiers.as_ref(), &artifacts.material.train);
    let mut reward = reward::chosen(&config.reward, identifiers, train_set, device)?;
    let validation = &artifacts.material.validation;
    let validation = validation_subset(validation, &config.evaluation, config.run.seed);
    let base = artifacts.base_under(algorithm.pace(config).tuning);
    let inputs = Inputs {
        train: train_set,
        validation: &validation,
        tokenizer: &artifacts.tokenizer,
        reward: reward.as_mut(),
        examiner: &artifacts.examiner(config, &session.device),
        base: base.as_deref(),
    };
    let Some(policy) = train(algorithm, session, inputs, generator)? else {
        return Ok(Ended::Stopped);
    };
    artifacts.policy = Some(policy);
    Ok(Ended::Done)
}

/// The inputs of the stage besides its settings.
pub struct Inputs<'a> {
    pub train: &'a [Encoded],
    /// The fixed validation subset.
    pub validation: &'a [Encoded],
    pub tokenizer: &'a ModelTokenizer,
    pub reward: &'a mut dyn Reward,
    pub examiner: &'a Examiner<'a>,
    /// Where the model's weights are, if this stage does not change them; relative to a checkpoint.
    pub base: Option<&'a Path>,
}

/// Trains a policy that starts as `generator`, which remains the reference `ρ` of the KL. `None` if it was
/// stopped.
///
/// # Errors
/// As [`stage::train`]; or a self-check fails.
pub fn train<A: Algorithm>(
    algorithm: &A,
    session: &mut Session<'_>,
    inputs: Inputs<'_>,
    generator: &Policy,
) -> Result<Option<Policy>, TrainError> {
    let config = session.config;
    let lengths = inputs.train.iter().map(|example| example.source.len());
    let order = seed(config.run.seed, Draw::RolloutOrder, 0);
    let mut trainer = PolicyTrainer {
        algorithm,
        initial: config,
        config: config.clone(),
        device: session.device.clone(),
        generator,
        reference: generator.valid(),
        order: Order::new(lengths.collect(), algorithm.pace(config).batch, order),
        inputs,
        exam: OnceCell::new(),
        is_checked: false,
        failed: BTreeSet::new(),
        warning: None,
    };
    let policy = stage::train(session, &mut trainer)?;
    if let Some(text) = trainer.warning.take() {
        let (stage, step) = (trainer.stage(), trainer.total());
        session.note(stage, step, Severity::Warning, text);
    }
    Ok(policy)
}

struct PolicyTrainer<'a, 'i, A: Algorithm> {
    algorithm: &'a A,
    /// The settings that the run was started with.
    initial: &'a Config,
    /// The same with the changes made since.
    config: Config,
    /// Without autodiff.
    device: Device,
    generator: &'a Policy,
    /// `ρ` of Eq. 6.
    reference: Policy,
    order: Order,
    inputs: Inputs<'i>,
    /// The validation subset, once it has been needed.
    exam: OnceCell<Exam<'i>>,
    /// Whether the self-checks passed.
    is_checked: bool,
    /// Steps that diverged; their recorded rollout is replaced once they are repeated.
    failed: BTreeSet<u64>,
    /// What the algorithm has to say of the stage, once it is complete.
    warning: Option<String>,
}

/// The learner and its position in the stage.
struct Progress<A: Algorithm> {
    learner: Learner<A::State>,
    /// Steps done.
    step: u64,
    /// The last step's batch; `None` before the first step since the stage was started.
    last: Option<Batch<A::Outcome>>,
}

/// A step's inputs and its outcome.
struct Batch<O> {
    /// The training examples that are answered, one for each response.
    indices: Vec<usize>,
    rollout: Rollout,
    scores: Vec<Score>,
    outcome: O,
}

impl<A: Algorithm> PolicyTrainer<'_, '_, A> {
    /// Responses to the examples at `indices` (Eq. 12), those to one side by side, each from a random stream of its
    /// own.
    fn rollout(&self, policy: &Policy, indices: &[usize], step: u64) -> Rollout {
        let (inputs, config) = (&self.inputs, &self.config);
        let count = self.algorithm.pace(config).responses;
        let contexts: Vec<Vec<u32>> = indices
            .iter()
            .map(|&i| inputs.train[i].source.clone())
            .collect();
        let mut streams: Vec<_> = (0..indices.len() * count)
            .map(|row| stream(config.run.seed, Draw::Rollout, step, row as u64))
            .collect();
        let (sampling, tokenizer) = (sampling(&config.sampling), inputs.tokenizer);
        match count {
            1 => Rollout::sample(policy, contexts, &sampling, &mut streams, tokenizer),
            _ => {
                Rollout::sample_groups(policy, &contexts, count, &sampling, &mut streams, tokenizer)
            }
        }
    }

    /// Runs the self-checks on the first rollout since the stage was started.
    fn check_once(
        &mut self,
        session: &mut Session<'_>,
        policy: &Policy,
        rollout: &Rollout,
        step: u64,
    ) -> Result<(), TrainError> {
        if self.is_checked {
            return Ok(());
        }
        self.is_checked = true;
        let passed = check(&Subject {
            policy,
            tuning: self.algorithm.pace(&self.config).tuning,
            reference: &self.reference,
            rollout,
            untouched: step == 0,
            loss: &|old, now| self.algorithm.checked_loss(old, now, &self.device),
        })?;
        session.note(self.algorithm.stage(), step, Severity::Info, passed);
        Ok(())
    }

    /// The first responses of a batch, token by token.
    fn recorded(&self, batch: &Batch<A::Outcome>) -> Vec<RolloutResponse> {
        recorded_responses(
            &batch.rollout,
            &batch.outcome,
            &batch.scores,
            self.inputs.train,
            &batch.indices,
            self.inputs.tokenizer,
        )
    }

    /// The generator, with an untrained value head if the algorithm has one.
    fn initial_policy(&self) -> Policy {
        let width = self.generator.model.shape().hidden_size;
        let value_head = self.algorithm.has_value_head();
        Policy {
            value_head: value_head.then(|| ValueHead::new(width, &self.device)),
            ..self.generator.clone()
        }
    }
}

impl<A: Algorithm> StageTrainer for PolicyTrainer<'_, '_, A> {
    type Learner = Progress<A>;
    type Trained = Policy;

    fn stage(&self) -> Stage {
        self.algorithm.stage()
    }

    fn total(&self) -> u64 {
        self.algorithm.pace(&self.config).steps
    }

    fn steps(&self, progress: &Progress<A>) -> u64 {
        progress.step
    }

    fn step(
        &mut self,
        session: &mut Session<'_>,
        progress: Progress<A>,
    ) -> Result<(Progress<A>, Values), StepError> {
        let Progress { learner, step, .. } = progress;
        let contexts = self.order.batch(step).to_vec();

        // Rollout (Eq. 12).
        let clock = Instant::now();
        let rollout = self.rollout(&learner.policy.valid(), &contexts, step);
        let count = self.algorithm.pace(&self.config).responses;
        let repeated = contexts.into_iter().flat_map(|i| repeat_n(i, count));
        let indices: Vec<usize> = repeated.collect();
        let rollout_seconds = clock.elapsed().as_secs_f64();
        self.check_once(session, &learner.policy, &rollout, step)?;

        // Scores (Eq. 2-5).
        let clock = Instant::now();
        let candidates = candidates(self.inputs.train, &indices, &rollout.responses);
        let scores = self.inputs.reward.score(&candidates);
        session.alerts(
            self.algorithm.stage(),
            step,
            self.inputs.reward.take_alerts(),
        );
        let scores = scores?;
        let seconds = Seconds {
            rollout: rollout_seconds,
            reward: clock.elapsed().as_secs_f64(),
        };

        // Rewards, advantages and updates.
        let around = Around {
            config: &self.config,
            reference: &self.reference,
            device: &self.device,
        };
        let totals: Vec<f32> = scores.iter().map(|score| score.total).collect();
        let (learner, outcome) = match self
            .algorithm
            .step(&around, learner, &rollout, &totals, step)
        {
            Ok(done) => done,
            Err(failed) => {
                let FailedStep { error, outcome } = *failed;
                if !matches!(error, TrainError::NotFinite { .. }) {
                    return Err(StepError::Fatal(error));
                }
                self.failed.insert(step + 1);
                let batch = Batch {
                    indices,
                    rollout,
                    scores,
                    outcome,
                };
                let rollout = self.recorded(&batch);
                return Err(StepError::Diverged { error, rollout });
            }
        };
        let values = self.algorithm.metrics(
            &rollout,
            self.inputs.reward.total_metric(),
            &scores,
            &outcome,
            &seconds,
        );
        let progress = Progress {
            learner,
            step: step + 1,
            last: Some(Batch {
                indices,
                rollout,
                scores,
                outcome,
            }),
        };
        Ok((progress, values))
    }

    /// Records the rollout of a step that an alert was about, or that is repeated.
    fn after_step(
        &mut self,
        session: &mut Session<'_>,
        progress: &mut Progress<A>,
        evaluated: bool,
    ) {
        let step = progress.step;
        let is_wanted = session.observer.wants_rollout() | self.failed.remove(&step);
        if let Some(batch) = &progress.last
            && is_wanted
            && !evaluated
        {
            session.rollout(self.stage(), step, self.recorded(batch));
        }
    }

    /// Requests are handled after the last step as well.
    fn can_pause(&self, _progress: &Progress<A>) -> bool {
        true
    }

    /// Answers the validation subset. Scheduled before the first step and after the last as well.
    fn evaluate(&self, progress: &mut Progress<A>, when: When) -> Option<Evaluation> {
        let (pace, step) = (self.algorithm.pace(&self.config), progress.step);
        let is_due = step.is_multiple_of(pace.evaluate_every) || step == pace.steps;
        if when == When::Scheduled && !is_due {
            return None;
        }
        let Inputs {
            validation,
            examiner,
            ..
        } = self.inputs;
        let exam = self.exam.get_or_init(|| examiner.exam(validation));
        let policy = progress.learner.policy.valid();
        let answers = examiner.answer(&policy, exam);
        let count = self.config.evaluation.samples;
        Some(Evaluation {
            values: examiner.curve(&policy, exam, &answers),
            samples: Some(examiner.samples(validation, &answers, count)),
            rollout: progress.last.as_ref().map(|batch| self.recorded(batch)),
        })
    }

    fn set(&mut self, progress: &mut Progress<A>, change: &Change) -> Result<(), TrainError> {
        let state = &mut progress.learner.state;
        state
            .set(change, &mut self.config)
            .map_err(TrainError::Change)
    }

    fn start(&mut self, from: Option<&Checkpoint>) -> Result<Progress<A>, TrainError> {
        let pace = self.algorithm.pace(self.initial);
        let mut policy = self.initial_policy();
        let mut optimizer = AdamW::new(pace.weight_decay);
        let mut state = A::State::new(self.initial);
        let mut step = 0;
        if let Some(Checkpoint { folder, listing }) = from {
            let is_frozen = self.inputs.base.is_some();
            policy = policy.resume(folder, &self.device, is_frozen)?;
            policy = policy.for_tuning(pace.tuning);
            optimizer.load(&policy, &folder.join(OPTIMIZER))?;
            state = read_json(&folder.join(STATE))?;
            step = listing.step;
        }
        self.config = self.initial.clone();
        let changes = state.changes();
        changes
            .apply(&mut self.config)
            .map_err(TrainError::Change)?;
        Ok(Progress {
            learner: Learner {
                policy: policy.for_tuning(pace.tuning).train(),
                optimizer,
                state,
            },
            step,
            last: None,
        })
    }

    fn save(&self, progress: &Progress<A>, folder: &Path) -> Result<(), TrainError> {
        let Learner {
            policy,
            optimizer,
            state,
        } = &progress.learner;
        policy.save(folder, self.inputs.tokenizer, self.inputs.base)?;
        optimizer.save(policy, &folder.join(OPTIMIZER))?;
        write_json(&folder.join(STATE), state)
    }

    fn finish(&mut self, progress: Progress<A>) -> Policy {
        self.warning = self.algorithm.warning(&progress.learner.state);
        progress.learner.policy.valid()
    }

    fn save_trained(&self, policy: &Policy, folder: &Path) -> Result<(), TrainError> {
        policy.save(folder, self.inputs.tokenizer, self.inputs.base)
    }

    fn load_trained(&self, folder: &Path) -> Result<Policy, TrainError> {
        let is_frozen = self.inputs.base.is_some();
        self.initial_policy()
            .resume(folder, &self.device, is_frozen)
    }
}
