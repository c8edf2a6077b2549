//! The queue outlives the window: it is there as it was, nothing of it starts unasked, and two windows on
//! one store start each run once.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::window_support::{
    Window, click, expect, find, labels, open, run, settle, shows, wait_for,
};
use egui_kittest::kittest::NodeT;
use emprl::experiment::ExperimentFile;
use emprl::operations::queue::{enqueue, to_queue};
use emprl::store::{RunStatus, Store, StoreReader};

/// Quickstarts of a few steps, without PPO.
fn queue(store: &Path, names: &[&str]) {
    queue_of(store, names, 3);
}

fn queue_of(store: &Path, names: &[&str], steps: usize) {
    let mut file = ExperimentFile::preset("quickstart").unwrap().unwrap();
    let set = [
        "run.stages=[\"generator\"]",
        "model.vocabulary=400",
        &format!("generator.max_steps={steps}"),
        &format!("generator.validate_every={steps}"),
        "generator.epochs=1000",
        "data.train_limit=24",
        "data.validation_limit=8",
        "data.test_limit=8",
        "evaluation.subset=4",
        "evaluation.resamples=20",
    ];
    file.assign(&set.map(String::from)).unwrap();
    let runs: Vec<_> = names
        .iter()
        .map(|name| to_queue("quickstart", name, &file.config, None))
        .collect();
    Store::open(store).unwrap().enqueue(&runs).unwrap();
}

fn runs(store: &Path) -> Vec<(String, RunStatus)> {
    let rows = StoreReader::open(store).unwrap().list_runs().unwrap();
    let mut rows: Vec<_> = rows.into_iter().map(|row| (row.id, row)).collect();
    rows.sort_by_key(|(id, _)| *id);
    rows.into_iter()
        .map(|(_, row)| (row.name, row.status))
        .collect()
}

fn waiting(store: &Path) -> Vec<String> {
    let queue = StoreReader::open(store).unwrap().queue().unwrap();
    queue.into_iter().map(|queued| queued.run.name).collect()
}

fn run_for(windows: &mut [&mut Window], time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        for window in windows.iter_mut() {
            window.run_ok();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_reopened_window_shows_the_queue_and_starts_nothing_unasked() {
    let store = tempfile::tempdir().unwrap();
    queue(store.path(), &["one", "two", "three"]);
    let mut window = open(store.path());
    expect(&mut window, "No run in progress, 3 wait in the queue");
    click(&mut window, "Experiments");
    expect(&mut window, "kept, nothing of it starts by itself");
    expect(&mut window, "seed ");
    run_for(&mut [&mut window], Duration::from_millis(600));
    assert_eq!(runs(store.path()), []);

    // What is changed is kept.
    click(&mut window, "Run three earlier");
    click(&mut window, "Take one out of the queue");
    expect(&mut window, "one removed from the queue");
    assert_eq!(waiting(store.path()), ["three", "two"]);
    drop(window);
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    expect(&mut window, "3  three");
    expect(&mut window, "2  two");
    let earlier = find(&window, "Run three earlier");
    assert!(earlier.accesskit_node().is_disabled(), "it is the first");

    click(&mut window, "Start the queue");
    let until = Instant::now() + Duration::from_secs(120);
    while !waiting(store.path()).is_empty() || shows(&window, "Run in progress") {
        assert!(Instant::now() < until, "{:?}", labels(&window));
        settle(&mut window);
    }
    let done = RunStatus::Finished;
    assert_eq!(
        runs(store.path()),
        [("three".to_string(), done), ("two".to_string(), done)]
    );
}

#[test]
fn what_was_taken_out_is_put_back_by_undo() {
    let store = tempfile::tempdir().unwrap();
    queue(store.path(), &["one", "two"]);
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    click(&mut window, "Take one out of the queue");
    expect(&mut window, "one removed from the queue");
    click(&mut window, "Undo");
    expect(&mut window, "1  one");
    assert!(!shows(&window, "Put back one"));
    assert_eq!(waiting(store.path()), ["one", "two"]);
}

#[test]
fn two_windows_start_each_run_once() {
    let store = tempfile::tempdir().unwrap();
    let names = ["one", "two", "three", "four"];
    queue(store.path(), &names);
    let (mut here, mut there) = (open(store.path()), open(store.path()));
    for window in [&mut here, &mut there] {
        click(window, "Experiments");
        wait_for(window, "Start the queue", 10);
    }
    for window in [&mut here, &mut there] {
        find(window, "Start the queue").click();
    }
    let until = Instant::now() + Duration::from_secs(120);
    let in_progress =
        |window: &Window| shows(window, "Run in progress") || shows(window, "Starting");
    while !waiting(store.path()).is_empty() || in_progress(&here) || in_progress(&there) {
        assert!(Instant::now() < until, "{:?}", labels(&here));
        run_for(&mut [&mut here, &mut there], Duration::from_millis(200));
    }
    let mut done = runs(store.path());
    done.sort_by(|a, b| a.0.cmp(&b.0));
    let mut wanted = names.map(|name| (name.to_string(), RunStatus::Finished));
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(done, wanted);
    for window in [&here, &there] {
        assert!(
            !shows(window, "problem"),
            "nothing went wrong: {:?}",
            labels(window)
        );
    }
}

#[test]
fn a_start_that_is_refused_leaves_the_run_in_its_place() {
    let store = tempfile::tempdir().unwrap();
    let paper = ExperimentFile::preset("emprl-paper").unwrap().unwrap();
    let lacks = to_queue("emprl-paper", "lacks its data", &paper.config, None);
    Store::open(store.path())
        .unwrap()
        .enqueue(&[lacks])
        .unwrap();
    queue(store.path(), &["next"]);
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    click(&mut window, "Start the queue");
    expect(&mut window, "The run could not start");
    expect(&mut window, "held");
    run_for(&mut [&mut window], Duration::from_millis(400));
    assert_eq!(waiting(store.path()), ["lacks its data", "next"]);
    assert_eq!(runs(store.path()), []);
}

#[test]
fn a_run_of_another_seed_waits_without_what_it_cannot_take_over() {
    let store = tempfile::tempdir().unwrap();
    let done = run(store.path(), "first", RunStatus::Finished);
    let mut config = crate::quickstart_support::quickstart();
    config.run.seed = 1;
    let same = to_queue("quickstart", "same", &config, Some(done));
    config.run.seed = 4;
    let other = to_queue("quickstart", "other", &config, Some(done));
    let mut writer = Store::open(store.path()).unwrap();
    let lost = enqueue(&mut writer, &[same.clone(), other])
        .unwrap()
        .lost_reuse
        .unwrap();
    assert_eq!((lost.count, lost.differs), (1, "run.seed"));
    let queued = writer.reader().unwrap().queue().unwrap();
    assert_eq!(queued[0].run, same);
    assert_eq!(queued[1].run.reuse, None);
}

#[test]
fn two_runs_go_on_at_once_and_each_can_be_watched_and_stopped() {
    let store = tempfile::tempdir().unwrap();
    queue_of(store.path(), &["one", "two", "three"], 100_000);
    let mut window = open(store.path());
    click(&mut window, "Settings");
    click(&mut window, "Runs at once 2");
    click(&mut window, "Experiments");
    click(&mut window, "Start the queue");
    let until = |window: &mut Window, second: RunStatus| {
        let expected = [("one", RunStatus::Running), ("two", second)];
        let expected = expected.map(|(name, status)| (name.to_string(), status));
        let begun = Instant::now();
        while runs(store.path()) != expected {
            assert!(begun.elapsed().as_secs() < 60, "{:?}", runs(store.path()));
            run_for(&mut [window], Duration::from_millis(100));
        }
    };
    until(&mut window, RunStatus::Running);
    run_for(&mut [&mut window], Duration::from_millis(300));
    assert_eq!(waiting(store.path()), ["three"]);

    expect(&mut window, "#1 Generator");
    click(&mut window, "+1");
    settle(&mut window);
    let entry = labels(&window)
        .into_iter()
        .find(|label| label.starts_with("#2 two"));
    click(&mut window, &entry.expect("the other run in the menu"));
    expect(&mut window, "two #2");
    click(&mut window, "Experiments");
    click(&mut window, "Hold");
    click(&mut window, "Live");
    click(&mut window, "Stop");
    until(&mut window, RunStatus::Stopped);
    drop(window);
    assert_eq!(runs(store.path())[0].1, RunStatus::Stopped);
}
