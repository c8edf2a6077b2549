//! Runs on threads: what is shown is on disk, what is asked is done, and every end is told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::store_support::*;
use emprl::checkpoint::publish;
use emprl::engine::{
    Control, Listener, Message, MessageKind, RunBody, RunEnd, RunHandle, RunOutcome, RunState,
    StartError, StartRequest, Supervisor, What,
};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{RunId, RunRef, RunStatus, Store, StoreReader};
use emprl::train::observer::{Directive, Observer};

const LONG: Duration = Duration::from_secs(30);

/// A trainer that counts: reports each step, does what it is told, saves every tenth step.
fn counting(total: u64) -> RunBody {
    Box::new(move |observer, context| {
        let first = context.from.as_ref().map_or(0, |from| from.step);
        observer.report(Report::event(
            Stage::Ppo,
            0,
            EventKind::StageBegun { total },
        ));
        let save = |observer: &mut dyn Observer, step: u64| {
            let done = publish(&context.dir, &format!("ppo-{step}"), |dir| {
                Ok(std::fs::write(dir.join("step"), step.to_string())?)
            })?;
            observer.report(Report::event(
                Stage::Ppo,
                step,
                EventKind::Checkpoint {
                    path: done.path,
                    bytes: done.bytes,
                },
            ));
            Ok::<(), emprl::engine::RunError>(())
        };
        for step in first + 1..=total {
            observer.report(metrics(Stage::Ppo, step, &[("ppo/reward", step as f64)]));
            match observer.directive() {
                Directive::Continue => {}
                Directive::Checkpoint | Directive::Set(_) => save(observer, step)?,
                Directive::Evaluate => observer.report(Report::Samples {
                    stage: Stage::Ppo,
                    step,
                    dialogues: vec![dialogue(0, "evaluated", None)],
                }),
                Directive::Stop => {
                    save(observer, step)?;
                    return Ok(RunOutcome::Stopped);
                }
            }
            if step % 10 == 0 {
                save(observer, step)?;
            }
        }
        observer.report(Report::event(Stage::Ppo, total, EventKind::StageDone));
        observer.report(Report::Results {
            system: results("EmpRL", Some(20.0)),
        });
        Ok(RunOutcome::Finished)
    })
}

fn request(name: &str, body: RunBody) -> StartRequest {
    StartRequest {
        what: What::New(Box::new(new_run(name))),
        listener: Listener::Lossless,
        waker: None,
        body,
    }
}

fn steps(reader: &StoreReader, run: RunId) -> Vec<u64> {
    let points = reader.series(run, &key(Stage::Ppo, "ppo/reward"), None);
    points.unwrap().iter().map(|point| point.0).collect()
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

fn is_step(event: &Message, at: u64) -> bool {
    matches!(&event.kind, MessageKind::Report(Report::Metrics { step, .. }) if *step >= at)
}

fn is_status(event: &Message, wanted: RunStatus) -> bool {
    event.event() == Some(&EventKind::Status { status: wanted })
}

#[test]
fn what_is_shown_is_on_disk_and_every_step_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let handle = supervisor.start(request("whole", counting(3_000)));
    let run = handle.wait_for_start().unwrap();
    let mut shown = Vec::new();
    let mut lines = Vec::new();
    for event in handle.messages() {
        assert_eq!(event.run, run);
        if let MessageKind::Report(Report::Metrics { step, .. }) = &event.kind {
            shown.push(*step);
            if step % 100 == 0 {
                assert!(
                    steps(&reader, run).len() as u64 >= *step,
                    "shown before recorded"
                );
            }
        }
        lines.extend(event.to_json());
    }
    assert_eq!(shown, (1..=3_000).collect::<Vec<_>>());
    assert_eq!(steps(&reader, run), shown);
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(of)) if of == run));
    let row = reader.run(run).unwrap().row;
    assert_eq!((row.status, row.step), (RunStatus::Finished, 3_000));
    assert!(row.ended.is_some());
    assert_eq!(reader.checkpoints(run).unwrap().len(), 300);

    // The lines of `run --json`.
    for line in &lines {
        assert!(line["event"].is_string() && line["run"] == run.0, "{line}");
        assert!(
            line.get("stage").is_some() && line["step"].is_u64(),
            "{line}"
        );
    }
    let named = |name: &str| lines.iter().filter(|line| line["event"] == name).count();
    assert_eq!(
        (named("metrics"), named("checkpoint"), named("finished")),
        (3_000, 300, 1)
    );
    assert_eq!(
        lines
            .iter()
            .rfind(|line| line["event"] == "metrics")
            .unwrap()["values"]["ppo/reward"],
        3_000.0
    );
    let last = lines.last().unwrap();
    assert_eq!(last["results"]["EmpRL"]["ppl"]["value"], 20.0);
    assert_eq!(last["results"]["EmpRL"]["n"], 100);
}

#[test]
fn a_run_pauses_goes_on_and_stops_and_all_of_it_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let handle = supervisor.start(request("asked", counting(u64::MAX)));
    let run = handle.wait_for_start().unwrap();
    until(&handle, |event| is_step(event, 5));
    handle.control(Control::Pause);
    until(&handle, |event| is_status(event, RunStatus::Paused));
    assert_eq!(reader.run(run).unwrap().row.status, RunStatus::Paused);
    let before = steps(&reader, run).len();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        steps(&reader, run).len(),
        before,
        "nothing happens in a pause"
    );
    assert!(handle.messages().is_empty());
    // A checkpoint may be asked for in a pause; the pause goes on after it.
    handle.control(Control::Checkpoint);
    let saved = until(&handle, |e| {
        matches!(e.event(), Some(EventKind::Checkpoint { .. }))
    });
    assert_eq!(saved.step, before as u64);
    handle.control(Control::Resume);
    until(&handle, |event| is_status(event, RunStatus::Running));
    let went_on = until(&handle, |event| is_step(event, 0));
    handle.control(Control::Evaluate);
    until(&handle, |e| {
        matches!(&e.kind, MessageKind::Report(Report::Samples { .. }))
    });
    handle.control(Control::Stop);
    until(&handle, |event| is_status(event, RunStatus::Stopped));
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Stopped(of)) if of == run));

    let row = reader.run(run).unwrap().row;
    assert_eq!(row.status, RunStatus::Stopped);
    assert!(row.step >= went_on.step);
    let asked: Vec<EventKind> = reader
        .events(run)
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| matches!(kind, EventKind::Control { .. } | EventKind::Status { .. }))
        .collect();
    let control = |control| EventKind::Control { control };
    let status = |status| EventKind::Status { status };
    let expected = [
        status(RunStatus::Running),
        control(Control::Pause),
        status(RunStatus::Paused),
        control(Control::Checkpoint),
        control(Control::Resume),
        status(RunStatus::Running),
        control(Control::Evaluate),
        control(Control::Stop),
        status(RunStatus::Stopped),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn stopping_wakes_a_paused_run() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let handle = supervisor.start(request("asleep", counting(u64::MAX)));
    handle.control(Control::Pause);
    until(&handle, |event| is_status(event, RunStatus::Paused));
    handle.control(Control::Stop);
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Stopped(_))));
}

#[test]
fn a_stopped_run_goes_on_from_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let handle = supervisor.start(request("twice", counting(100)));
    let run = handle.wait_for_start().unwrap();
    until(&handle, |event| is_step(event, 35));
    handle.control(Control::Pause);
    until(&handle, |event| is_status(event, RunStatus::Paused));
    handle.control(Control::Stop);
    handle.wait(Some(LONG)).unwrap();
    let stopped_at = reader.run(run).unwrap().row.step;

    let again = |step: Option<u64>, total: u64| StartRequest {
        what: What::Resume(RunRef { run, step }),
        ..request("", counting(total))
    };
    // From an earlier checkpoint: what came later is forgotten first.
    let handle = supervisor.start(again(Some(20), 25));
    let resumed = until(&handle, |e| matches!(e.event(), Some(EventKind::Resumed)));
    assert_eq!((resumed.run, resumed.step), (run, 20));
    let first = until(&handle, |event| is_step(event, 0));
    assert_eq!(first.step, 21);
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(of)) if of == run));
    assert!(stopped_at > 25);
    assert_eq!(steps(&reader, run), (1..=25).collect::<Vec<_>>());
    let left: Vec<u64> = reader
        .checkpoints(run)
        .unwrap()
        .iter()
        .map(|row| row.step)
        .collect();
    assert_eq!(left, [10, 20]);
    assert!(!reader.run_dir(run).join("checkpoints/ppo-30").exists());

    for (what, wanted) in [
        (RunRef { run, step: None }, "is finished"),
        (
            RunRef {
                run: RunId(77),
                step: None,
            },
            "there is no run 77",
        ),
    ] {
        let handle = supervisor.start(StartRequest {
            what: What::Resume(what),
            ..request("", counting(1))
        });
        let error = handle.wait_for_start().unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let mut store = Store::open(dir.path()).unwrap();
    store.set_status(run, RunStatus::Stopped, None, 0).unwrap();
    let error = supervisor
        .start(again(Some(13), 30))
        .wait_for_start()
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no checkpoint at step 13; it has PPO 10, 20"),
        "{error}"
    );
    // Refused, it is as it was.
    assert_eq!(reader.run(run).unwrap().row.status, RunStatus::Stopped);
    let handle = supervisor.start(again(None, 30));
    assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Finished(_))));
    assert_eq!(steps(&reader, run), (1..=30).collect::<Vec<_>>());
}

#[test]
fn errors_and_panics_end_the_run_with_their_words() {
    #[derive(Debug, thiserror::Error)]
    #[error("the weights do not fit")]
    struct Outer(#[source] std::io::Error);

    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let bodies: [(RunBody, &str); 3] = [
        (
            Box::new(|observer, _| {
                observer.report(metrics(Stage::Ppo, 1, &[("ppo/reward", 1.0)]));
                Err(Box::new(Outer(std::io::Error::other("line 3"))))
            }),
            "the weights do not fit: line 3",
        ),
        (
            Box::new(|observer, _| {
                observer.report(metrics(Stage::Ppo, 1, &[("ppo/reward", 1.0)]));
                panic!("index {} is out of range", 7)
            }),
            "internal error: index 7 is out of range",
        ),
        (
            Box::new(|observer, _| {
                observer.report(metrics(Stage::Ppo, 1, &[("ppo/reward", 1.0)]));
                std::panic::panic_any(5)
            }),
            "internal error: a panic without a message",
        ),
    ];
    for (body, words) in bodies {
        let handle = supervisor.start(request("fails", body));
        let run = handle.wait_for_start().unwrap();
        let event = until(&handle, |e| matches!(&e.kind, MessageKind::Failed { .. }));
        assert_eq!(event.to_json().unwrap()["error"], words);
        assert_eq!((event.stage, event.step), (Some(Stage::Ppo), 1));
        let end = handle.wait(Some(LONG)).unwrap();
        assert!(
            matches!(&end, RunEnd::Failed(of, error) if *of == run && error == words),
            "{end}"
        );
        let row = reader.run(run).unwrap().row;
        assert_eq!(
            (row.status, row.error.as_deref()),
            (RunStatus::Failed, Some(words))
        );
        assert_eq!(steps(&reader, run), [1], "what came before is there");
    }
}

#[test]
fn a_window_that_does_not_look_is_told_to_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = woken.clone();
    let handle = supervisor.start(StartRequest {
        listener: Listener::Lossy,
        waker: Some(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        })),
        ..request("unseen", counting(6_000))
    });
    let end = handle.wait(Some(LONG)).unwrap();
    let run = end.run().unwrap();
    assert!(matches!(end, RunEnd::Finished(_)));
    assert!(handle.take_lagging());
    assert!(!handle.take_lagging(), "said once");
    assert!(woken.load(Ordering::Relaxed) > 0);
    assert_eq!(steps(&reader, run).len(), 6_000, "the disk lost nothing");
    assert!(handle.messages().len() < 6_000);
}

#[test]
fn runs_wait_for_their_turn() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let busy = Arc::new(AtomicBool::new(false));
    let body = |busy: &Arc<AtomicBool>| -> RunBody {
        let busy = busy.clone();
        Box::new(move |observer, _| {
            assert!(!busy.swap(true, Ordering::SeqCst), "one at a time");
            while observer.directive() != Directive::Stop {
                std::thread::sleep(Duration::from_millis(1));
            }
            busy.store(false, Ordering::SeqCst);
            Ok(RunOutcome::Stopped)
        })
    };
    let handles: Vec<RunHandle> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| supervisor.start(request(name, body(&busy))))
        .collect();
    assert_eq!(handles[0].wait_for_start().unwrap(), RunId(1));
    assert!(matches!(handles[1].state(), RunState::Queued));
    assert_eq!(supervisor.waiting(), 3);
    // The third is taken back while it waits: it leaves no trace.
    handles[2].control(Control::Stop);
    let end = handles[2].wait(Some(LONG)).unwrap();
    assert!(matches!(&end, RunEnd::NotStarted(why) if matches!(**why, StartError::Cancelled)));
    assert_eq!(supervisor.waiting(), 2);
    for (handle, id) in [(&handles[0], 1), (&handles[1], 2), (&handles[3], 3)] {
        assert_eq!(handle.wait_for_start().unwrap(), RunId(id));
        handle.control(Control::Stop);
        assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Stopped(_))));
    }
    let names: Vec<String> = StoreReader::open(dir.path())
        .unwrap()
        .list_runs()
        .unwrap()
        .into_iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names, ["d", "b", "a"]);
}

#[test]
fn quitting_saves_and_ends_everything() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    // The command that reads the events has stopped reading: that must not hold up the end.
    let first = supervisor.start(request("first", counting(u64::MAX)));
    let second = supervisor.start(request("second", counting(5)));
    let run = first.wait_for_start().unwrap();
    while first.messages().len() < 4_096 {
        std::thread::sleep(Duration::from_millis(5));
    }
    supervisor.shutdown(LONG).unwrap();
    assert!(matches!(
        first.wait(Some(Duration::ZERO)),
        Some(RunEnd::Stopped(_))
    ));
    assert!(matches!(
        second.wait(Some(Duration::ZERO)),
        Some(RunEnd::NotStarted(_))
    ));
    let row = reader.run(run).unwrap().row;
    assert_eq!(row.status, RunStatus::Stopped);
    let last = reader.checkpoints(run).unwrap().pop().unwrap();
    assert_eq!(last.step, row.step, "saved where it stopped");
    assert_eq!(steps(&reader, run).len() as u64, row.step);
    let late = supervisor.start(request("late", counting(1)));
    assert!(late.wait_for_start().is_err());
}

#[test]
fn a_run_that_does_not_end_in_time_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let (let_go, held) = crossbeam::channel::bounded::<()>(0);
    let handle = supervisor.start(request(
        "stubborn",
        Box::new(move |_, _| {
            let _ = held.recv();
            Ok(RunOutcome::Stopped)
        }),
    ));
    let run = handle.wait_for_start().unwrap();
    let still = supervisor.shutdown(Duration::from_millis(50)).unwrap_err();
    assert_eq!(still.runs, [run]);
    assert!(still.to_string().contains("run 1"));
    drop(let_go);
    supervisor.shutdown(LONG).unwrap();
}

/// Makes every further record of the store fail.
fn break_store(dir: &Path) {
    let raw = rusqlite::Connection::open(dir.join("emprl.db")).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER broken BEFORE INSERT ON points
         BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END",
    )
    .unwrap();
}

#[test]
fn nothing_goes_on_unrecorded() {
    let dir = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    for paused in [false, true] {
        let handle = supervisor.start(request("doomed", counting(u64::MAX)));
        let run = handle.wait_for_start().unwrap();
        until(&handle, |event| is_step(event, 3));
        if paused {
            handle.control(Control::Pause);
            until(&handle, |event| is_status(event, RunStatus::Paused));
        }
        break_store(dir.path());
        handle.control(Control::Resume);
        let event = until(&handle, |e| matches!(&e.kind, MessageKind::Failed { .. }));
        let end = handle.wait(Some(LONG)).unwrap();
        assert!(end.to_string().contains("the disk is on fire"), "{end}");
        assert!(end.to_string().contains("emprl.db"), "{end}");
        let row = reader.run(run).unwrap().row;
        assert_eq!(row.status, RunStatus::Failed);
        assert_eq!(
            row.error,
            event.to_json().unwrap()["error"].as_str().map(String::from)
        );
        assert_eq!(steps(&reader, run).len() as u64, row.step);
        let raw = rusqlite::Connection::open(dir.path().join("emprl.db")).unwrap();
        raw.execute_batch("DROP TRIGGER broken").unwrap();
    }
}
