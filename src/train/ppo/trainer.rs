//! The PPO stage (Sec. III-E): its steps one after another, their evaluation and their checkpoints.
//! What a step does stands in `step`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;

use super::checks::{Subject, check};
use super::measured::{Seconds, measured};
use super::rollout::Rollout;
use super::shown::shown;
use super::step::{Learner, Spoiled, State, Stepped, Stepper};
use crate::data::batch::Batches;
use crate::experiment::{Change, Config, Problem, RolloutResponse, Severity, Stage};
use crate::nn::value_head::ValueHead;
use crate::text::Tokenizer;
use crate::train::TrainError;
use crate::train::checkpoint::{read_json, write_json};
use crate::train::evaluate::{Examiner, sampling};
use crate::train::generator::Order;
use crate::train::material::Encoded;
use crate::train::observer::Wait;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::reward::{Reward, Score, candidates};
use crate::train::seed::{Draw, seed, stream};
use crate::train::session::{Asked, Ended, Session, memory};

const STAGE: Stage = Stage::Ppo;
const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";

/// What the trainer works with besides its settings.
pub struct Task<'a> {
    pub train: &'a [Encoded],
    /// The fixed validation subset.
    pub validation: &'a [Encoded],
    pub tokenizer: &'a Tokenizer,
    pub reward: &'a mut dyn Reward,
    pub examiner: &'a Examiner<'a>,
    /// Where T5's weights are, if this stage does not change them; relative to a checkpoint.
    pub base: Option<&'a Path>,
}

/// Trains a policy that starts as `generator`, which stays the reference `ρ` of the KL.
///
/// Goes on from the stage's last checkpoint if there is one.
pub fn train(
    session: &mut Session<'_>,
    task: &mut Task<'_>,
    generator: &Policy,
) -> Result<(Policy, Ended), TrainError> {
    let mut config = session.config.clone();
    let device = session.device.clone();
    let total = config.ppo.steps;
    let (mut learner, mut step, fresh) = match start(session, task, generator)? {
        Start::Finished(policy) => return Ok((policy, Ended::Done)),
        Start::At(learner, step) => (learner, step, false),
        Start::Fresh(learner) => (learner, 0, true),
    };
    learner
        .state
        .settle(&mut config)
        .map_err(TrainError::Change)?;
    // A frozen T5 is shared with the reference; only what is trained exists twice.
    let reference = generator.valid();
    let reference_vectors = reference.vectors();

    session.begin(STAGE, total);
    if fresh {
        evaluate(session, task, &learner.policy.valid(), 0, vec![])?;
        // What was asked for in earlier stages holds from the first step.
        if attend(
            session,
            task,
            (&mut learner, &mut config),
            (0, false),
            || None,
        )? {
            return Ok((learner.policy.valid(), Ended::Stopped));
        }
    }
    let mut contexts = Contexts::new(task.train, &config);
    let mut checked = false;
    // Steps that failed: what was shown of them is replaced once they are done again.
    let mut failed = BTreeSet::new();
    while step < total {
        let indices = contexts.batch(step);
        let clock = Instant::now();
        let rollout = draw(&config, task, &learner.policy.valid(), &indices, step);
        let rollout_seconds = clock.elapsed().as_secs_f64();
        if !checked {
            checked = true;
            let passed = check(&Subject {
                policy: &learner.policy,
                tuning: config.ppo.tuning,
                reference: &reference,
                reference_vectors: reference_vectors.as_ref(),
                rollout: &rollout,
                untouched: step == 0,
                device: &device,
            })?;
            session.note(STAGE, step, Severity::Info, passed);
        }

        let clock = Instant::now();
        let candidates = candidates(task.train, &indices, &rollout.responses);
        let scores = task.reward.score(&candidates)?;
        let seconds = Seconds {
            rollout: rollout_seconds,
            reward: clock.elapsed().as_secs_f64(),
        };

        let stepper = Stepper {
            config: &config,
            reference_vectors: reference_vectors.clone(),
            reference: &reference,
            device: &device,
        };
        let batch = Batch {
            rollout: &rollout,
            indices: &indices,
            scores: &scores,
        };
        let done = stepper.step(learner, &rollout, &totals(&scores), step);
        let stepped: Stepped;
        (learner, stepped) = match done {
            Ok(done) => done,
            Err(spoiled) => match lost(session, task, generator, *spoiled, (&batch, step + 1))? {
                Lost::Stop => return Ok((generator.valid(), Ended::Stopped)),
                Lost::From(last, at, changes) => {
                    failed.insert(step + 1);
                    (learner, step, config) = (*last, at, session.config.clone());
                    let state = &mut learner.state;
                    let mut settle = || -> Result<(), Problem> {
                        state.settle(&mut config)?;
                        changes.iter().try_for_each(|c| state.take(c, &mut config))
                    };
                    settle().map_err(TrainError::Change)?;
                    continue;
                }
            },
        };
        step += 1;

        let mut values = measured(
            &rollout,
            task.reward.total_metric(),
            &scores,
            &stepped,
            &seconds,
        );
        values.extend(memory());
        let due = step.is_multiple_of(config.ppo.evaluate_every) || step == total;
        match due {
            true => evaluate(session, task, &learner.policy.valid(), step, values)?,
            false => session.metrics(STAGE, step, total, values),
        }
        let shown = || batch.shown(&stepped, task);
        let wanted = session.observer.wants_rollout() | failed.remove(&step);
        if due || wanted {
            session.rollout(STAGE, step, shown());
        }
        // The end of the stage is saved in any case.
        let mut saved = step == total;
        if !saved && session.checkpoint_is_due(step) {
            save(session, task, &learner, step)?;
            saved = true;
        }
        let shown = || Some(shown());
        let at = (step, saved);
        if attend(session, task, (&mut learner, &mut config), at, shown)? && step < total {
            return Ok((learner.policy.valid(), Ended::Stopped));
        }
    }
    finish(session, task, &learner, step)?;
    Ok((learner.policy.valid(), Ended::Done))
}

/// Does what is asked of the run after `step`, of which `saved` says whether a checkpoint holds it and
/// `shown` gives the rollout. True where the run is to stop, of which there is a checkpoint then.
fn attend(
    session: &mut Session<'_>,
    task: &Task<'_>,
    (learner, config): (&mut Learner, &mut Config),
    (step, mut saved): (u64, bool),
    shown: impl Fn() -> Option<Vec<RolloutResponse>>,
) -> Result<bool, TrainError> {
    let stop = session.attend(|session, asked| {
        match asked {
            Asked::Evaluate => {
                evaluate(session, task, &learner.policy.valid(), step, vec![])?;
                if let Some(shown) = shown() {
                    session.rollout(STAGE, step, shown);
                }
                return Ok(());
            }
            Asked::Set(change) => {
                let taken = learner.state.take(&change, config);
                taken.map_err(TrainError::Change)?;
                // In a checkpoint before a step is made with it, so that none forgets it. The end of the
                // stage is saved in any case.
                saved = step == config.ppo.steps;
            }
            Asked::Checkpoint => {}
        }
        if !saved {
            save(session, task, learner, step)?;
            saved = true;
        }
        Ok(())
    })?;
    if stop && !saved {
        save(session, task, learner, step)?;
    }
    Ok(stop)
}

/// Saves what the stage goes on from.
fn save(
    session: &mut Session<'_>,
    task: &Task<'_>,
    learner: &Learner,
    step: u64,
) -> Result<(), TrainError> {
    session.checkpoint(STAGE, step, false, |folder| {
        let policy = &learner.policy;
        policy.save(folder, task.tokenizer, task.base)?;
        learner.optimizer.save(policy, &folder.join(OPTIMIZER))?;
        write_json(&folder.join(STATE), &learner.state)
    })
}

/// What a step is made from.
struct Batch<'a> {
    rollout: &'a Rollout,
    /// The training examples that are answered.
    indices: &'a [usize],
    scores: &'a [Score],
}

impl Batch<'_> {
    /// Some of its responses, token by token.
    fn shown(&self, stepped: &Stepped, task: &Task<'_>) -> Vec<RolloutResponse> {
        let examples = (task.train, self.indices);
        shown(
            (self.rollout, stepped),
            self.scores,
            examples,
            task.tokenizer,
        )
    }
}

/// How to go on when a loss is not finite.
enum Lost {
    Stop,
    /// From the last checkpoint, after so many steps, with these changes.
    From(Box<Learner>, u64, Vec<Change>),
}

/// Tells that the loss of a step is not finite, shows what it was made of, and waits for a person, who may
/// change settings meanwhile. What was learnt since the last checkpoint is given up: the step has spoiled it.
fn lost(
    session: &mut Session<'_>,
    task: &Task<'_>,
    generator: &Policy,
    Spoiled { error, stepped }: Spoiled,
    (batch, step): (&Batch<'_>, u64),
) -> Result<Lost, TrainError> {
    if !matches!(error, TrainError::NotFinite { .. }) {
        return Err(error);
    }
    session.rollout(STAGE, step, batch.shown(&stepped, task));
    let words = format!(
        "{error}. The last good checkpoint is kept; the run goes on from there, with what is changed until then"
    );
    session.note(STAGE, step, Severity::Alert, words);
    match session.wait() {
        Wait::Nobody => Err(error),
        Wait::Stop => Ok(Lost::Stop),
        Wait::Go(changes) => match start(session, task, generator)? {
            Start::Fresh(learner) => Ok(Lost::From(Box::new(learner), 0, changes)),
            Start::At(learner, at) => Ok(Lost::From(Box::new(learner), at, changes)),
            Start::Finished(_) => Err(error),
        },
    }
}

/// Where the stage begins.
enum Start {
    /// It was done already.
    Finished(Policy),
    /// After so many steps, from a checkpoint.
    At(Learner, u64),
    /// Before the first step, from the generator.
    Fresh(Learner),
}

/// The generator with a fresh value head, or what the last checkpoint holds.
fn start(session: &Session<'_>, task: &Task<'_>, generator: &Policy) -> Result<Start, TrainError> {
    let (config, device) = (session.config, &session.device);
    let mut policy = generator.clone();
    policy.value_head = Some(ValueHead::new(generator.t5.config().d_model, device));
    let mut optimizer = AdamW::new(config.ppo.weight_decay);
    let mut state = State::new(config);
    let mut step = None;
    if let Some(checkpoint) = session.checkpoints.latest(STAGE)? {
        checkpoint.verify()?;
        step = Some(checkpoint.listing.step);
        policy = policy.resume(&checkpoint.folder, device, task.base.is_some())?;
        if checkpoint.listing.done {
            return Ok(Start::Finished(policy));
        }
        state = read_json(&checkpoint.folder.join(STATE))?;
        policy = policy.for_tuning(config.ppo.tuning);
        optimizer.load(&policy, &checkpoint.folder.join(OPTIMIZER))?;
    }
    let policy = policy.for_tuning(config.ppo.tuning).train();
    let learner = Learner {
        policy,
        optimizer,
        state,
    };
    Ok(match step {
        Some(step) => Start::At(learner, step),
        None => Start::Fresh(learner),
    })
}

/// Which training examples a step takes.
struct Contexts {
    lengths: Vec<usize>,
    batch: usize,
    seed: u64,
    order: Order,
}

impl Contexts {
    fn new(train: &[Encoded], config: &Config) -> Self {
        Contexts {
            lengths: train.iter().map(|example| example.source.len()).collect(),
            batch: config.ppo.batch,
            seed: seed(config.run.seed, Draw::RolloutOrder, 0),
            order: Order::default(),
        }
    }

    fn batch(&mut self, step: u64) -> Vec<usize> {
        let per_epoch = self.lengths.len().div_ceil(self.batch) as u64;
        let batches = |epoch| Batches::new(&self.lengths, self.batch, self.seed, epoch);
        self.order.batch(step, per_epoch, batches).to_vec()
    }
}

/// Responses to the examples at `indices`, each from a stream of its own.
fn draw(
    config: &Config,
    task: &Task<'_>,
    policy: &Policy,
    indices: &[usize],
    step: u64,
) -> Rollout {
    let contexts = indices
        .iter()
        .map(|&i| task.train[i].source.clone())
        .collect();
    let mut streams: Vec<_> = (0..indices.len())
        .map(|row| stream(config.run.seed, Draw::Rollout, step, row as u64))
        .collect();
    let sampling = sampling(&config.sampling);
    Rollout::draw(policy, contexts, &sampling, &mut streams, task.tokenizer)
}

fn totals(scores: &[Score]) -> Vec<f32> {
    scores.iter().map(|score| score.total).collect()
}

/// The stage's last checkpoint, and what a person should know of it.
fn finish(
    session: &mut Session<'_>,
    task: &Task<'_>,
    learner: &Learner,
    step: u64,
) -> Result<(), TrainError> {
    session.checkpoint(STAGE, step, true, |folder| {
        learner.policy.save(folder, task.tokenizer, task.base)
    })?;
    session.end(STAGE, step);
    let skipped = learner.state.skipped;
    if skipped > 0 {
        session.note(
            STAGE,
            step,
            Severity::Warning,
            format!(
                "{skipped} updates were skipped because their mean ratio passed ppo.ratio_threshold"
            ),
        );
    }
    Ok(())
}

/// Answers the validation subset; logs its curve points together with the step's own values.
fn evaluate(
    session: &mut Session<'_>,
    task: &Task<'_>,
    policy: &Policy,
    step: u64,
    mut values: Vec<(String, f64)>,
) -> Result<(), TrainError> {
    let total = session.config.ppo.steps;
    let answers = task.examiner.answer(policy, task.validation);
    values.extend(task.examiner.curve(policy, task.validation, &answers));
    session.metrics(STAGE, step, total, values);
    let count = session.config.evaluation.samples;
    session.samples(
        STAGE,
        step,
        task.examiner.samples(task.validation, &answers, count),
    );
    Ok(())
}
