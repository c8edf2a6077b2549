//! A loss that is not finite: the run pauses, the alert is on record with its step and what it was made of,
//! the last checkpoint is a good one, and the run goes on from it with what a person changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::store_support::{key, new_run};
use emprl::data::Example;
use emprl::engine::{
    Control, Listener, Message, MessageKind, RunBody, RunEnd, RunHandle, RunOutcome, StartRequest,
    Supervisor, What, worker,
};
use emprl::experiment::{Change, Config, EventKind, Report, Severity, Stage, Tuning};
use emprl::metrics::declared;
use emprl::nn::t5::{T5, T5Config};
use emprl::store::{CatalogParts, RunId, RunRef, RunStatus, StoreReader};
use emprl::text::{EOS, Tokenizer, train_unigram};
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::evaluate::{Examiner, sampling};
use emprl::train::material::Encoded;
use emprl::train::model_tokenizer::ModelTokenizer;
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::trainer::{Inputs, train};
use emprl::train::ppo::Ppo;
use emprl::train::reward::{Candidate, Reward, Score};
use emprl::train::session::Session;

const LONG: Duration = Duration::from_secs(120);
const STEPS: u64 = 12;
/// The step whose score is lost, and the last checkpoint before it.
const LOST: u64 = 8;
const SAVED: u64 = 6;

/// Scores by length; from the lost step on one score is no number, until that is fixed.
struct Breaking {
    calls: u64,
    fixed: Arc<AtomicBool>,
}

impl Reward for Breaking {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        self.calls += 1;
        let lost = self.calls >= LOST && !self.fixed.load(Ordering::SeqCst);
        let score = |(row, candidate): (usize, &Candidate<'_>)| match lost && row == 1 {
            true => Score::from(f32::NAN),
            false => Score::from(candidate.response.len() as f32 / 20.0),
        };
        Ok(candidates.iter().enumerate().map(score).collect())
    }
}

fn settings() -> Config {
    let mut config = Config::default();
    config.sampling.max_new_tokens = 4;
    config.ppo.tuning = Tuning::Full;
    config.ppo.steps = STEPS;
    config.ppo.batch = 4;
    config.ppo.lr = 3e-3;
    config.ppo.evaluate_every = 4;
    config.run.checkpoint_every = 3;
    config.evaluation.resamples = 10;
    config
}

fn examples(tokenizer: &Tokenizer) -> Vec<Encoded> {
    let encoded = |text: &str| {
        let mut tokens = tokenizer.encode_plain(text);
        tokens.push(EOS);
        tokens
    };
    let colours = ["red", "blue", "green", "white"];
    let example = |colour: &str| Encoded {
        example: Example {
            conversation: colour.into(),
            turn: 2,
            emotion: "content".into(),
            situation: String::new(),
            context: vec![format!("my hat is {colour}")],
            roles: Vec::new(),
            target: colour.into(),
        },
        source: encoded(&format!("my hat is {colour}")),
        target: encoded(colour),
    };
    colours.map(example).to_vec()
}

/// PPO of a tiny model under the engine.
fn body(config: Config, fixed: Arc<AtomicBool>) -> RunBody {
    Box::new(move |observer, context| {
        let words = ["red", "blue", "green", "white", "my", "hat", "is"];
        let tokenizer = train_unigram(words.iter().cycle().take(700), 40, 0)?;
        let device = crate::device_support::device();
        let shape = T5Config {
            vocab_size: tokenizer.vocab_size(),
            d_model: 16,
            d_kv: 8,
            d_ff: 32,
            num_layers: 1,
            num_decoder_layers: 1,
            num_heads: 2,
            ..T5Config::default()
        };
        let generator = Policy {
            model: T5::new(&shape, &device, 1).into(),
            adapter: None,
            value_head: None,
        };
        let examples = examples(&tokenizer);
        let tokenizer = ModelTokenizer::new(tokenizer, None, &generator.model.config()).unwrap();
        let mut session = Session {
            config: &config,
            device: device.clone(),
            checkpoints: Checkpoints::of(&context.dir),
            observer,
        };
        let examiner = Examiner {
            tokenizer: &tokenizer,
            identifiers: None,
            auditors: &[],
            sampling: sampling(&config.sampling),
            weights: [1.0; 3],
            batch: 4,
            resamples: 10,
            ppl_batch: 0,
            run_seed: 1,
            device,
            search: None,
        };
        let from = context.from.as_ref().map_or(0, |from| from.step);
        let inputs = Inputs {
            train: &examples,
            validation: &examples,
            tokenizer: &tokenizer,
            reward: &mut Breaking { calls: from, fixed },
            examiner: &examiner,
            base: None,
        };
        match train(&Ppo, &mut session, inputs, &generator)? {
            Some(_) => Ok(RunOutcome::Finished),
            None => Ok(RunOutcome::Stopped),
        }
    })
}

fn request(listener: Listener, body: RunBody) -> StartRequest {
    StartRequest {
        what: What::New(Box::new(new_run("breaking"))),
        listener,
        waker: None,
        body,
    }
}

/// Reads events until one is as wanted.
fn until(handle: &RunHandle, wanted: impl Fn(&Message) -> bool) -> Message {
    let deadline = Instant::now() + LONG;
    loop {
        let event = handle.messages().recv_deadline(deadline).unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

fn is_alert(event: &Message) -> bool {
    event.event().and_then(EventKind::severity) == Some(Severity::Alert)
}

fn is_status(event: &Message, wanted: RunStatus) -> bool {
    event.event() == Some(&EventKind::Status { status: wanted })
}

fn values(reader: &StoreReader, run: RunId, name: &str) -> Vec<(u64, f64)> {
    let points = reader.series(run, &key(Stage::Ppo, name), None).unwrap();
    points
        .into_iter()
        .map(|(step, value, _)| (step, value))
        .collect()
}

/// What must be on record once the loss was lost.
fn check_record(reader: &StoreReader, run: RunId) {
    let events = reader.events(run).unwrap();
    let alerts: Vec<_> = events
        .iter()
        .filter(|event| event.kind.severity() == Some(Severity::Alert))
        .collect();
    assert_eq!(alerts.len(), 1, "told once");
    assert_eq!((alerts[0].stage, alerts[0].step), (Some(Stage::Ppo), LOST));
    let words = alerts[0].words();
    assert!(words.contains("at step 8: the loss is NaN"), "{words}");
    assert!(words.contains("last good checkpoint is kept"), "{words}");
    let last = reader.checkpoints(run).unwrap().pop().unwrap();
    assert_eq!((last.stage, last.step), (Stage::Ppo, SAVED));
    let checkpoints = Checkpoints::of(&reader.run_dir(run));
    let checkpoint = checkpoints.latest(Stage::Ppo).unwrap().unwrap();
    assert_eq!(checkpoint.listing.step, SAVED);
    checkpoint.verify().unwrap();
    // The step was not recorded as done, but what it was made of is.
    let steps = values(reader, run, declared::SHAPED_SCORE);
    assert_eq!(steps.last().unwrap().0, LOST - 1);
    assert!(steps.iter().all(|(_, value)| value.is_finite()));
    let rollout = reader.rollout_at(run, Stage::Ppo, LOST).unwrap();
    assert_eq!(rollout.len(), 4);
    assert!(rollout[1].score.is_nan() && rollout[0].score.is_finite());
    assert!(
        rollout[1]
            .figures()
            .last()
            .unwrap()
            .reward
            .unwrap()
            .is_nan()
    );
}

#[test]
fn the_run_pauses_and_goes_on_from_the_last_good_checkpoint_with_another_learning_rate() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let fixed = Arc::new(AtomicBool::new(false));
    let handle = supervisor.start(request(Listener::Lossy, body(settings(), fixed.clone())));
    let run = handle.wait_for_start().unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let alert = until(&handle, is_alert);
    assert_eq!((alert.stage, alert.step), (Some(Stage::Ppo), LOST));
    until(&handle, |event| is_status(event, RunStatus::Paused));
    assert_eq!(reader.run(run).unwrap().row.status, RunStatus::Paused);
    check_record(&reader, run);

    // Going on without a change meets the same end, in the first step now: it pauses once more.
    handle.control(Control::Resume);
    until(&handle, |event| is_status(event, RunStatus::Running));
    let again = until(&handle, is_alert);
    assert_eq!(again.step, SAVED + 1);
    until(&handle, |event| is_status(event, RunStatus::Paused));

    fixed.store(true, Ordering::SeqCst);
    let slower = Change::new("ppo.lr", 1e-3).unwrap();
    handle.control(Control::Set(slower));
    handle.control(Control::Resume);
    until(&handle, |event| is_status(event, RunStatus::Running));
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(of)) if of == run));
    let rates = values(&reader, run, declared::PPO_LEARNING_RATE);
    let expected = (1..=STEPS).map(|step| (step, if step > SAVED { 1e-3 } else { 3e-3 }));
    assert_eq!(rates, expected.collect::<Vec<_>>());
    let events = reader.events(run).unwrap();
    assert!(
        events
            .iter()
            .any(|event| event.kind.change() == Some(slower))
    );
    assert_eq!(
        reader.rollouts(run).unwrap(),
        [4, SAVED + 1, LOST, 12].map(|step| (Stage::Ppo, step))
    );
    for (stage, step) in reader.rollouts(run).unwrap() {
        let rollout = reader.rollout_at(run, stage, step).unwrap();
        let mut figures = rollout.iter().flat_map(|response| response.figures());
        let finite = figures.all(|figures| figures.reward.unwrap().is_finite());
        assert!(finite, "step {step} was done again");
    }
}

#[test]
fn where_nobody_can_go_on_the_run_fails_and_is_resumed_from_the_last_good_checkpoint() {
    let mut firm = settings();
    firm.alerts.pause = false;
    // On the command line, and in the window where the settings ask for it.
    for (listener, config) in [(Listener::Lossless, settings()), (Listener::Lossy, firm)] {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new(dir.path()).unwrap();
        let fixed = Arc::new(AtomicBool::new(false));
        let handle = supervisor.start(request(listener, body(config.clone(), fixed.clone())));
        let run = handle.wait_for_start().unwrap();
        until(&handle, |event| {
            matches!(event.kind, MessageKind::Failed { .. })
        });
        let end = handle.wait(Some(LONG)).unwrap();
        assert!(
            end.to_string().contains("the loss is NaN. Lower `ppo.lr`"),
            "{end}"
        );
        let reader = StoreReader::open(dir.path()).unwrap();
        assert_eq!(reader.run(run).unwrap().row.status, RunStatus::Failed);
        check_record(&reader, run);

        fixed.store(true, Ordering::SeqCst);
        let handle = supervisor.start(StartRequest {
            what: What::Resume(RunRef { run, step: None }),
            ..request(Listener::Nobody, body(config, fixed))
        });
        assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(_))));
        let steps = values(&reader, run, declared::SHAPED_SCORE);
        let steps: Vec<u64> = steps.into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>());
    }
}

/// A whole run, whose β adaptive control drives beyond all bounds.
#[test]
fn settings_that_lose_the_loss_are_changed_while_the_run_waits() {
    let mut config = crate::quickstart_support::quickstart();
    crate::quickstart_support::with_hasty_identifiers(&mut config);
    let text = |path: &str, value: &str| (path.to_string(), value.to_string());
    for (path, value) in [
        text("model.vocabulary", "400"),
        text("generator.max_steps", "6"),
        text("generator.validate_every", "6"),
        text("data.validation_limit", "8"),
        text("data.test_limit", "8"),
        text("evaluation.subset", "4"),
        text("evaluation.resamples", "20"),
        text("run.checkpoint_every", "5"),
        text("ppo.steps", "24"),
        text("ppo.batch", "48"),
        text("ppo.epochs", "1"),
        text("ppo.evaluate_every", "24"),
        text("sampling.max_new_tokens", "4"),
        text("reward.kl_control", "\"adaptive\""),
        text("reward.kl_horizon", "1.0"),
        text("reward.kl_target", "0.001"),
    ] {
        let given: toml::Table = format!("value = {value}").parse().unwrap();
        config.set(&path, given["value"].clone()).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let new = worker::new_run(dir.path(), "quickstart", "runaway", &config).unwrap();
    let handle = supervisor.start(StartRequest {
        what: What::New(Box::new(new)),
        listener: Listener::Lossy,
        waker: None,
        body: worker::body(config, None),
    });
    let run = handle.wait_for_start().unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let lost = until(&handle, |event| {
        is_alert(event)
            && matches!(event.event(), Some(EventKind::Note { text, .. })
                if text.contains("The last good checkpoint is kept"))
    });
    until(&handle, |event| is_status(event, RunStatus::Paused));
    let saved = reader.checkpoints(run).unwrap().pop().unwrap();
    assert_eq!(saved.stage, Stage::Ppo);
    assert!(
        saved.step < lost.step && lost.step <= saved.step + 5,
        "{}",
        lost.step
    );
    assert!(
        !reader
            .rollout_at(run, Stage::Ppo, lost.step)
            .unwrap()
            .is_empty()
    );
    for (path, value) in [("reward.beta", 0.05), ("ppo.lr", 1e-6)] {
        handle.control(Control::Set(Change::new(path, value).unwrap()));
    }
    handle.control(Control::Resume);
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(_))));
    let rates = values(&reader, run, declared::PPO_LEARNING_RATE);
    assert_eq!(rates.last(), Some(&(24, 1e-6)));
    assert_eq!(
        values(&reader, run, declared::KL_BETA)[saved.step as usize],
        (saved.step + 1, 0.05)
    );
    // Though they were made after a later step, they hold from the one it went back to.
    let made = reader.catalog_row(run, &CatalogParts::ALL).unwrap().changes;
    let made: Vec<(u64, &str)> = made
        .iter()
        .map(|made| (made.after_step, made.change.path()))
        .collect();
    assert_eq!(made, [(saved.step, "reward.beta"), (saved.step, "ppo.lr")]);
}

#[test]
fn a_paused_run_makes_no_step_while_it_is_saved_and_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let body = body(settings(), Arc::new(AtomicBool::new(true)));
    let handle = supervisor.start(request(Listener::Lossy, body));
    handle.control(Control::Pause);
    let run = handle.wait_for_start().unwrap();
    let paused = until(&handle, |event| is_status(event, RunStatus::Paused));
    let reader = StoreReader::open(dir.path()).unwrap();
    let steps = || values(&reader, run, declared::SHAPED_SCORE).len() as u64;
    assert_eq!(
        steps(),
        paused.step,
        "the step before the pause is on record"
    );

    for _ in 0..2 {
        handle.control(Control::Checkpoint);
        handle.control(Control::Evaluate);
        let evaluated = until(&handle, |event| {
            matches!(event.kind, MessageKind::Report(Report::Samples { .. }))
        });
        assert_eq!(evaluated.step, paused.step);
    }
    let slower = Change::new("ppo.lr", 1e-3).unwrap();
    handle.control(Control::Set(slower));
    handle.control(Control::Stop);
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Stopped(of)) if of == run));
    assert_eq!(steps(), paused.step, "no step was made while it was paused");
    let saved = reader.checkpoints(run).unwrap();
    assert_eq!(saved.last().unwrap().step, paused.step);
    // What was asked for and never taken is not lost without a word.
    let events = reader.events(run).unwrap();
    let told = |words: &str| events.iter().any(|event| event.words().contains(words));
    assert!(told("Learning rate 0.001 was requested but not applied"));
}
