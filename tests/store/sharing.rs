//! Several programs use one store: none loses a row, and no run has two holders.

use crate::store_support::*;
use emprl::experiment::Stage;
use emprl::store::{RunId, RunStatus, Store, StoreError, StoreReader};
use rustix::fs::FlockOperation;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const STEPS: u64 = 60;
const STORE: &str = "EMPRL_TEST_STORE";

/// The body of a second program: does nothing unless a test started it as one.
#[test]
fn second_program() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let mut store = Store::open(Path::new(&dir)).unwrap();
    let lock = store.create_run(&new_run("child")).unwrap();
    for step in 0..STEPS {
        let report = metrics(Stage::Ppo, step, &[("a", step as f64), ("b", 1.0)]);
        store.record(lock.run(), &[(0, report)]).unwrap();
    }
    store
        .set_status(lock.run(), RunStatus::Finished, None, 1)
        .unwrap();
}

/// The body of a program that would have the database for itself, as SQLite would to remove its write-ahead log.
#[test]
fn last_user() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let db = Path::new(&dir).join("emprl.db");
    let db = std::fs::File::options().write(true).open(db).unwrap();
    let alone = rustix::fs::fcntl_lock(&db, FlockOperation::NonBlockingLockExclusive);
    assert!(
        alone.is_err(),
        "no connection of the other program holds its lock"
    );
}

fn start_second(dir: &Path) -> Child {
    start("sharing::second_program", dir)
}

fn start(body: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", body])
        .env(STORE, dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn programs_write_and_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // Also the making of the store is a race.
    let mut children: Vec<Child> = (0..3).map(|_| start_second(dir.path())).collect();
    let mut store = Store::open(dir.path()).unwrap();
    let reader = store.reader().unwrap();
    let lock = store.create_run(&new_run("parent")).unwrap();
    for step in 0..STEPS {
        let report = metrics(Stage::Ppo, step, &[("a", step as f64), ("b", 1.0)]);
        store.record(lock.run(), &[(0, report)]).unwrap();
        for row in reader.list_runs().unwrap() {
            assert_ne!(row.status, RunStatus::Interrupted, "run {} is held", row.id);
        }
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let rows = reader.list_runs().unwrap();
    assert_eq!(rows.len(), 4);
    for row in &rows {
        for name in ["a", "b"] {
            let points = reader.series(row.id, &key(Stage::Ppo, name), None).unwrap();
            assert_eq!(points.len() as u64, STEPS, "run {}, {name}", row.id);
        }
    }
    assert_eq!(store.recover().unwrap(), []);
}

/// What is written to the log is lost once another program has removed it.
#[test]
fn no_other_program_takes_itself_for_the_last_user() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    store.create_run(&new_run("parent")).unwrap();
    // What a window does beside: to open and close the file would give up this program's locks.
    drop(Store::open(dir.path()).unwrap());
    drop(StoreReader::open(dir.path()).unwrap());
    emprl::store::access(dir.path());
    let mut other = start("sharing::last_user", dir.path());
    assert!(other.wait().unwrap().success());
}

#[test]
fn threads_of_one_program_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["one", "two", "three", "four"] {
            let dir = dir.path();
            std::thread::Builder::new()
                .name(name.to_string())
                .spawn_scoped(scope, move || {
                    let mut store = Store::open(dir).unwrap();
                    let lock = store.create_run(&new_run(name)).unwrap();
                    for step in 0..STEPS {
                        let report = metrics(Stage::Ppo, step, &[(name, step as f64)]);
                        store.record(lock.run(), &[(0, report)]).unwrap();
                    }
                })
                .unwrap();
        }
    });
    let reader = StoreReader::open(dir.path()).unwrap();
    for row in reader.list_runs().unwrap() {
        assert_eq!(row.summary[&row.name], (STEPS - 1) as f64);
        // The lock was let go without a word on how it ended.
        assert_eq!(row.status, RunStatus::Interrupted);
    }
}

#[test]
fn a_run_has_one_holder() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Store::open(dir.path()).unwrap();
    let mut second = Store::open(dir.path()).unwrap();
    let lock = first.create_run(&new_run("held")).unwrap();
    let run = lock.run();
    let error = second.hold_run(run).unwrap_err();
    assert!(matches!(error, StoreError::Held { .. }), "{error}");
    let text = error.to_string();
    let me = format!("process {}", std::process::id());
    assert!(
        text.contains("run 1 is in progress") && text.contains(&me),
        "{text}"
    );
    assert_eq!(second.recover().unwrap(), []);
    assert_eq!(
        second.reader().unwrap().run(run).unwrap().row.status,
        RunStatus::Running
    );
    drop(lock);
    // Before anybody recovers it, it already reads as what it is.
    let row = second.reader().unwrap().run(run).unwrap().row;
    assert_eq!(
        (row.status, row.ended),
        (RunStatus::Interrupted, Some(row.heartbeat))
    );
    assert_eq!(second.recover().unwrap(), [run]);
    assert_eq!(second.recover().unwrap(), []);
    let lock = second.hold_run(run).unwrap();
    second.resume_run(&lock).unwrap();
    assert_eq!(
        first.reader().unwrap().run(run).unwrap().row.status,
        RunStatus::Running
    );
    assert!(matches!(first.hold_run(run), Err(StoreError::Held { .. })));
    drop(lock);
    assert!(matches!(
        first.hold_run(RunId(9)),
        Err(StoreError::NoRun { .. })
    ));
}
