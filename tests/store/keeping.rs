//! Runs are tagged, put aside, deleted and brought back; only what is removed for good is gone.

use crate::store_support::{key, metrics, new_run};
use emprl::experiment::Stage;
use emprl::store::{CatalogParts, RunId, RunStatus, Store, StoreError};

fn store_of(runs: usize) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for n in 1..=runs {
        let lock = store.create_run(&new_run(&format!("run {n}"))).unwrap();
        store
            .record(
                lock.run(),
                &[(1, metrics(Stage::Ppo, 1, &[("ppo/reward/empathy", 0.5)]))],
            )
            .unwrap();
        store
            .set_status(lock.run(), RunStatus::Finished, None, 2)
            .unwrap();
    }
    (dir, store)
}

fn ids(store: &Store) -> Vec<i64> {
    let runs = store.reader().unwrap().list_runs().unwrap();
    runs.iter().map(|run| run.id.0).collect()
}

#[test]
fn tags_and_names_are_kept_in_order_and_once() {
    let (_dir, mut store) = store_of(1);
    let tags = |names: &[&str]| {
        names
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    };
    store
        .tag(RunId(1), &tags(&["paper", "best", "paper"]), &[])
        .unwrap();
    store
        .tag(RunId(1), &tags(&["late"]), &tags(&["best"]))
        .unwrap();
    store.rename(RunId(1), "the first").unwrap();
    let run = store.reader().unwrap().run(RunId(1)).unwrap().row;
    assert_eq!(
        (run.name.as_str(), run.tags),
        ("the first", tags(&["late", "paper"]))
    );
    for wrong in ["", "two words", "a,b"] {
        let refused = store.tag(RunId(1), &tags(&[wrong]), &[]);
        assert!(
            matches!(refused, Err(StoreError::InvalidTag { .. })),
            "{wrong}"
        );
    }
    let missing = store.tag(RunId(9), &tags(&["x"]), &[]);
    assert!(matches!(missing, Err(StoreError::NoRun { .. })));
}

#[test]
fn what_is_deleted_comes_back_whole() {
    let (_dir, mut store) = store_of(2);
    store.delete(RunId(1)).unwrap();
    assert_eq!(ids(&store), [2]);
    let deleted = store.reader().unwrap().deleted_runs().unwrap();
    assert_eq!(deleted.len(), 1);
    assert!(deleted[0].deleted.is_some());
    assert!(matches!(
        store.resume_run(RunId(1)),
        Err(StoreError::Deleted { .. })
    ));
    store.undelete(RunId(1)).unwrap();
    assert_eq!(ids(&store), [2, 1]);
    let run = store.reader().unwrap().run(RunId(1)).unwrap().row;
    assert_eq!(run.summary["ppo/reward/empathy"], 0.5);
}

#[test]
fn only_what_is_deleted_is_removed_and_its_folder_with_it() {
    let (_dir, mut store) = store_of(2);
    let checkpoint = store.run_dir(RunId(1)).join("checkpoints/x");
    std::fs::create_dir_all(&checkpoint).unwrap();
    assert!(matches!(
        store.remove_for_good(RunId(1)),
        Err(StoreError::NotDeleted { .. })
    ));
    store.delete(RunId(1)).unwrap();
    assert!(checkpoint.is_dir());
    let leftover = store.remove_for_good(RunId(1)).unwrap();
    assert_eq!(leftover, None);
    assert!(!store.run_dir(RunId(1)).exists());
    assert_eq!(ids(&store), [2]);
    let reader = store.reader().unwrap();
    assert!(matches!(
        reader.run(RunId(1)),
        Err(StoreError::NoRun { .. })
    ));
    let points = reader
        .series(RunId(1), &key(Stage::Ppo, "ppo/reward/empathy"), None)
        .unwrap();
    assert!(points.is_empty());
}

#[test]
fn a_run_in_progress_is_not_deleted() {
    let (_dir, mut store) = store_of(0);
    let lock = store.create_run(&new_run("held")).unwrap();
    assert!(matches!(
        store.delete(lock.run()),
        Err(StoreError::Held { .. })
    ));
    drop(lock);
    store.delete(RunId(1)).unwrap();
}

#[test]
fn a_sketch_is_even_over_the_steps() {
    let (_dir, mut store) = store_of(1);
    let reports: Vec<_> = (1..=1000)
        .map(|step| {
            (
                1,
                metrics(Stage::Ppo, step, &[("ppo/kl/full", step as f64)]),
            )
        })
        .collect();
    store.record(RunId(1), &reports).unwrap();
    let reader = store.reader().unwrap();
    let sketch = reader
        .sketch(RunId(1), &key(Stage::Ppo, "ppo/kl/full"), 10)
        .unwrap();
    assert_eq!(sketch.len(), 10);
    assert_eq!((sketch[0], sketch[9]), (1.0, 1000.0));
    let short = reader
        .sketch(RunId(1), &key(Stage::Ppo, "ppo/reward/empathy"), 10)
        .unwrap();
    assert_eq!(short, [0.5]);
    let catalog = reader
        .catalog(false, &CatalogParts::ALL, |row| row)
        .unwrap();
    assert_eq!(catalog[0].keys.len(), 2);
}
