//! What a run had recorded past the checkpoint it is resumed from is no longer its own, and not lost either.

use std::path::PathBuf;

use crate::store_support::*;
use emprl::experiment::{EventKind, Report, Severity, Stage};
use emprl::store::{RunId, Store, StoreReader};

fn report_steps(store: &mut Store, run: RunId, steps: std::ops::RangeInclusive<u64>, by: f64) {
    for step in steps {
        let reward = metrics(Stage::Ppo, step, &[("ppo/reward", step as f64 * by)]);
        let text = format!("step {step} times {by}");
        let severity = Severity::Info;
        let note = Report::event(Stage::Ppo, step, EventKind::Note { severity, text });
        let samples = Report::Samples {
            stage: Stage::Ppo,
            step,
            dialogues: vec![dialogue(0, &format!("{by}"), None)],
        };
        let mut reports = vec![(1, reward), (1, note), (1, samples)];
        if step % 5 == 0 {
            let path = PathBuf::from(format!("checkpoints/ppo-{step}"));
            std::fs::create_dir_all(store.run_dir(run).join(&path)).unwrap();
            let saved = EventKind::Checkpoint { path, bytes: 1 };
            reports.push((1, Report::event(Stage::Ppo, step, saved)));
        }
        store.record(run, &reports).unwrap();
    }
}

fn curve(reader: &StoreReader, run: RunId) -> Vec<(u64, f64)> {
    let points = reader.series(run, &key(Stage::Ppo, "ppo/reward"), None);
    let points = points.unwrap().into_iter();
    points.map(|(step, value, _)| (step, value)).collect()
}

fn times(steps: std::ops::RangeInclusive<u64>, by: f64) -> Vec<(u64, f64)> {
    steps.map(|step| (step, step as f64 * by)).collect()
}

#[test]
fn it_is_dropped_with_its_checkpoints_once_a_checkpoint_has_passed_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let lock = store.create_run(&new_run("branch")).unwrap();
    let run = lock.run();
    let reader = store.reader().unwrap();
    let there = |step: u64| {
        let name = format!("checkpoints/ppo-{step}");
        reader.run_dir(run).join(name).is_dir()
    };
    report_steps(&mut store, run, 1..=17, 1.0);
    store.return_to(run, Some((Stage::Ppo, 5)), false).unwrap();
    assert_eq!(curve(&reader, run), times(1..=5, 1.0));
    let ends = |reader: &StoreReader| {
        let aside = reader.set_aside(run).unwrap();
        aside.map(|aside| (aside.first.1, aside.last.1))
    };
    assert_eq!(ends(&reader), Some((6, 17)));
    report_steps(&mut store, run, 6..=19, 2.0);
    assert_eq!(ends(&reader), Some((6, 17)), "15 is not past 17");
    assert!(there(15));
    report_steps(&mut store, run, 20..=20, 2.0);
    assert_eq!(ends(&reader), None);
    assert!([5, 10, 15, 20].into_iter().all(there));
    let expected = [times(1..=5, 1.0), times(6..=20, 2.0)].concat();
    assert_eq!(curve(&reader, run), expected);
}

#[test]
fn the_run_can_return_to_it_whole_however_often_it_went_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let lock = store.create_run(&new_run("branch")).unwrap();
    let run = lock.run();
    let reader = store.reader().unwrap();
    report_steps(&mut store, run, 1..=10, 1.0);
    let system = results("EmpRL", Some(12.0));
    let table = Report::Results {
        system: system.clone(),
    };
    store.record(run, &[(1, table)]).unwrap();
    report_steps(&mut store, run, 11..=17, 1.0);
    store.return_to(run, Some((Stage::Ppo, 5)), false).unwrap();
    assert_eq!(reader.results(run).unwrap(), []);
    report_steps(&mut store, run, 6..=8, 2.0);
    // Interrupted, and taken up again from the same checkpoint.
    store.return_to(run, Some((Stage::Ppo, 5)), false).unwrap();
    report_steps(&mut store, run, 6..=9, 2.0);
    assert_eq!(
        curve(&reader, run),
        [times(1..=5, 1.0), times(6..=9, 2.0)].concat()
    );

    store.return_to(run, Some((Stage::Ppo, 15)), true).unwrap();
    assert_eq!(
        curve(&reader, run),
        times(1..=15, 1.0),
        "of one branch only"
    );
    let row = reader.run(run).unwrap().row;
    assert_eq!((row.stage, row.step), (Some(Stage::Ppo), 15));
    assert_eq!(reader.keys(run).unwrap()[0].count, 15);
    let samples = reader.sample_over_steps(run, 0).unwrap();
    assert!(
        samples
            .iter()
            .all(|(_, _, dialogue)| dialogue.generated == "1")
    );
    assert_eq!(samples.len(), 15);
    let kept = reader.results(run).unwrap();
    assert_eq!(kept[0].controls, Some(controls()));
    assert_eq!(kept[0].held_out, Some(held_out()));
    let notes: Vec<String> = reader
        .events(run)
        .unwrap()
        .iter()
        .map(|e| e.words())
        .collect();
    assert_eq!(
        notes
            .iter()
            .filter(|note| note.ends_with("times 1"))
            .count(),
        15
    );
    assert!(
        !notes.iter().any(|note| note.ends_with("times 2")),
        "{notes:?}"
    );
    let steps: Vec<u64> = reader
        .checkpoints(run)
        .unwrap()
        .iter()
        .map(|c| c.step)
        .collect();
    assert_eq!(steps, [5, 10, 15]);
    let aside = reader.set_aside(run).unwrap().unwrap();
    assert_eq!((aside.first.1, aside.last.1), (16, 17));
}

#[test]
fn a_run_removed_for_good_takes_it_along() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let lock = store.create_run(&new_run("gone")).unwrap();
    let run = lock.run();
    report_steps(&mut store, run, 1..=7, 1.0);
    store.return_to(run, None, false).unwrap();
    drop(lock);
    store.delete(run).unwrap();
    store.remove_for_good(run).unwrap();
    let raw = rusqlite::Connection::open(dir.path().join("emprl.db")).unwrap();
    let left: i64 = raw
        .query_row("SELECT count(*) FROM aside_points", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
