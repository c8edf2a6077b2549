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
    Listener, MessageKind, RunContext, RunError, RunOutcome, StartRequest, Supervisor, What,
};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{RunId, RunRef, RunStatus, Store, StoreReader};
use emprl::train::observer::Observer;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STORE: &str = "EMPRL_TEST_STORE";
const RESUME: &str = "EMPRL_TEST_RESUME";
const ROUNDS: usize = 20;

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
            MessageKind::Failed { error } => panic!("{error}"),
            _ => continue,
        };
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    }
}

fn start(dir: &Path, resume: Option<RunId>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
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
#[derive(Default)]
struct Seen {
    run: Option<RunId>,
    shown: Vec<u64>,
    saved: Vec<u64>,
}

fn read(out: ChildStdout) -> Seen {
    let mut seen = Seen::default();
    for line in BufReader::new(out).lines() {
        let line = line.unwrap();
        let Some((word, number)) = line.split_once(' ') else {
            continue;
        };
        match (word, number.parse::<u64>()) {
            ("shown", Ok(step)) => seen.shown.push(step),
            ("saved", Ok(step)) => seen.saved.push(step),
            ("began", Ok(run)) => seen.run = Some(RunId(run as i64)),
            _ => {}
        }
    }
    seen
}

#[test]
fn nothing_shown_is_lost_whenever_the_program_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let expected: Vec<f64> = std::iter::successors(Some(next(1)), |state| Some(next(*state)))
        .take(200_000)
        .map(value)
        .collect();
    let mut resume = None;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..ROUNDS {
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
        }
        let Some(last) = reader.list_runs().unwrap().first().map(|row| row.id) else {
            continue;
        };
        // A new run now and then; else the last one goes on.
        resume = (round % 6 != 5).then_some(last);
    }
    println!("killed: {kinds:?}");
    assert!(kinds["in progress"] > ROUNDS / 2, "{kinds:?}");
}

fn check(reader: &StoreReader, run: RunId, seen: &Seen, expected: &[f64]) {
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
