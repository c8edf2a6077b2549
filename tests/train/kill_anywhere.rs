//! Killed at any moment, a run loses nothing that was shown, reads as interrupted, and goes on as if
//! nothing had happened.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::store_support::*;
use emprl::checkpoint::{publish, verify};
use emprl::engine::{
    Listener, MessageKind, RunContext, RunEnd, RunError, RunOutcome, StartRequest, Supervisor, What,
};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{RunId, RunRef, RunStatus, Store, StoreReader};
use emprl::train::observer::Observer;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STORE: &str = "EMPRL_TEST_STORE";
const RESUME: &str = "EMPRL_TEST_RESUME";
/// How many times the program is killed, for who has hours: with `--ignored`.
const ROUNDS: &str = "EMPRL_TEST_ROUNDS";

/// Rounds of a long test: as many as a person asks for.
pub fn many_rounds() -> usize {
    std::env::var(ROUNDS).map_or(2_000, |rounds| rounds.parse().unwrap())
}

/// What the toy trainer learns: each step's value follows from the one before.
fn next(state: u64) -> u64 {
    state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1)
}

fn value(state: u64) -> f64 {
    (state >> 11) as f64
}

fn toy(observer: &mut dyn Observer, context: &RunContext) -> Result<RunOutcome, RunError> {
    let (mut step, mut state) = (0, 1);
    if let Some(from) = &context.from {
        let dir = context.dir.join(&from.path);
        verify(&dir)?;
        step = from.step;
        state = std::fs::read_to_string(dir.join("state"))?.parse()?;
    }
    observer.report(Report::event(
        Stage::Ppo,
        0,
        EventKind::StageBegun { total: u64::MAX },
    ));
    loop {
        step += 1;
        state = next(state);
        let values = [("ppo/reward", value(state)), ("ppo/entropy", step as f64)];
        observer.report(metrics(Stage::Ppo, step, &values));
        observer.directive();
        if step % 7 == 0 {
            let done = publish(&context.dir, &format!("ppo-{step}"), |dir| {
                Ok(std::fs::write(dir.join("state"), state.to_string())?)
            })?;
            observer.report(Report::event(
                Stage::Ppo,
                step,
                EventKind::Checkpoint {
                    path: done.path,
                    bytes: done.bytes,
                },
            ));
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// The body of the program that is killed: does nothing unless the test below started it as one.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let supervisor = Supervisor::new(Path::new(&dir)).unwrap();
    let what = match std::env::var(RESUME) {
        Ok(run) => What::Resume(RunRef {
            run: run.parse().unwrap(),
            step: None,
        }),
        Err(_) => What::New(Box::new(new_run("kill_anywhere::victim"))),
    };
    let handle = supervisor.start(StartRequest {
        what,
        listener: Listener::Lossless,
        waker: None,
        body: Box::new(toy),
    });
    let mut out = std::io::stdout().lock();
    for event in handle.messages() {
        let line = match &event.kind {
            MessageKind::Report(Report::Metrics { step, .. }) => format!("shown {step}"),
            MessageKind::Report(Report::Event {
                at: Some((_, step)),
                kind: EventKind::Checkpoint { .. },
            }) => format!("saved {step}"),
            MessageKind::Report(Report::Event {
                kind:
                    EventKind::Status {
                        status: RunStatus::Running,
                    },
                ..
            }) => format!("began {}", event.run),
            MessageKind::Failed { error } => format!("failed {error}"),
            _ => continue,
        };
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    }
    if let Some(RunEnd::NotStarted(error)) = handle.wait(None) {
        writeln!(out, "refused {error}").unwrap();
    }
}

pub fn start(dir: &Path, resume: Option<RunId>) -> Child {
    start_with(Command::new(std::env::current_exe().unwrap()), dir, resume)
}

/// Starts the victim with a command that ends in this program.
pub fn start_with(mut command: Command, dir: &Path, resume: Option<RunId>) -> Child {
    command
        .args(["--exact", "kill_anywhere::victim", "--nocapture"])
        .env(STORE, dir)
        .env_remove(RESUME)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(run) = resume {
        command.env(RESUME, run.to_string());
    }
    command.spawn().unwrap()
}

/// What was shown until the end.
#[derive(Debug, Default)]
pub struct Seen {
    pub run: Option<RunId>,
    pub shown: Vec<u64>,
    pub saved: Vec<u64>,
    pub failed: Option<String>,
    pub refused: Option<String>,
}

pub fn read(out: ChildStdout) -> Seen {
    let mut seen = Seen::default();
    for line in BufReader::new(out).lines() {
        let line = line.unwrap();
        let Some((word, number)) = line.split_once(' ') else {
            continue;
        };
        match word {
            "failed" => seen.failed = Some(number.to_string()),
            "refused" => seen.refused = Some(number.to_string()),
            _ => {}
        }
        match (word, number.parse::<u64>()) {
            ("shown", Ok(step)) => seen.shown.push(step),
            ("saved", Ok(step)) => seen.saved.push(step),
            ("began", Ok(run)) => seen.run = Some(RunId(run as i64)),
            _ => {}
        }
    }
    seen
}

/// What the toy trainer learns if nothing happens to it.
pub fn expected(steps: usize) -> Vec<f64> {
    std::iter::successors(Some(next(1)), |state| Some(next(*state)))
        .take(steps)
        .map(value)
        .collect()
}

#[test]
fn nothing_shown_is_lost_whenever_the_program_is_killed() {
    kill(20);
}

#[test]
#[ignore = "for hours: EMPRL_TEST_ROUNDS says how many kills"]
fn nothing_shown_is_lost_however_often_the_program_is_killed() {
    kill(many_rounds());
}

fn kill(rounds: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let expected = expected(200_000);
    let mut resume = None;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    // The last step shown of each run, in any round.
    let mut furthest: BTreeMap<RunId, u64> = BTreeMap::new();
    for round in 0..rounds {
        let mut child = start(dir.path(), resume);
        let out = child.stdout.take().unwrap();
        let after = Duration::from_millis(random.random_range(2..250));
        let killer = std::thread::Builder::new()
            .name("killer".to_string())
            .spawn(move || {
                std::thread::sleep(after);
                child.kill().unwrap();
                assert!(!child.wait().unwrap().success());
            })
            .unwrap();
        let seen = read(out);
        killer.join().unwrap();

        // Also a store that was being made opens.
        let mut store = Store::open(dir.path()).unwrap();
        let reader = store.reader().unwrap();
        let rows = reader.list_runs().unwrap();
        assert!(
            rows.iter().all(|row| row.status == RunStatus::Interrupted),
            "round {round}"
        );
        store.recover().unwrap();
        *kinds
            .entry(if seen.shown.is_empty() {
                "early"
            } else {
                "in progress"
            })
            .or_default() += 1;
        if let Some(run) = seen.run {
            check(&reader, run, &seen, &expected);
            let furthest = furthest.entry(run).or_default();
            *furthest = seen
                .shown
                .last()
                .map_or(*furthest, |last| *last.max(furthest));
            assert!(reached(&reader, run) >= *furthest, "round {round}");
        }
        let Some(last) = reader.list_runs().unwrap().first().map(|row| row.id) else {
            continue;
        };
        // A new run now and then; else the last one goes on.
        resume = (round % 6 != 5).then_some(last);
    }
    println!("killed {rounds} times: {kinds:?}; steps reached: {furthest:?}");
    assert!(kinds["in progress"] > rounds / 2, "{kinds:?}");
}

/// The last step on record: the run's own, or one set aside until it is repeated.
pub fn reached(reader: &StoreReader, run: RunId) -> u64 {
    let own = reader.keys(run).unwrap();
    let own = own.iter().map(|key| key.last_step).max().unwrap_or(0);
    let aside = reader.set_aside(run).unwrap();
    own.max(aside.map_or(0, |aside| aside.last.1))
}

pub fn check(reader: &StoreReader, run: RunId, seen: &Seen, expected: &[f64]) {
    let points = reader
        .series(run, &key(Stage::Ppo, "ppo/reward"), None)
        .unwrap();
    for (at, (step, value, _)) in points.iter().enumerate() {
        assert_eq!(*step, at as u64 + 1, "no hole in the curve");
        assert_eq!(*value, expected[at], "as if it had never been interrupted");
    }
    if let Some(last) = seen.shown.last() {
        assert!(
            points.len() as u64 >= *last,
            "{last} was shown, {} recorded",
            points.len()
        );
    }
    let row = reader.run(run).unwrap().row;
    assert_eq!(row.status, RunStatus::Interrupted);
    assert_eq!(row.ended, Some(row.heartbeat));
    let summary = reader.keys(run).unwrap();
    assert!(summary.iter().all(|s| s.count == points.len() as u64));
    assert!(summary.iter().all(|s| s.last_step == points.len() as u64));

    let checkpoints = reader.checkpoints(run).unwrap();
    for saved in &seen.saved {
        assert!(
            checkpoints.iter().any(|row| row.step == *saved),
            "{saved} was shown"
        );
    }
    for row in checkpoints {
        verify(&reader.run_dir(run).join(&row.path)).unwrap();
    }
}
