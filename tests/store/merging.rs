//! Runs of other stores: taken over once, in any order, and again as they go on; nothing of anybody's is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store_support::*;
use emprl::checkpoint::{publish, verify};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{
    CheckpointFiles, MergedRuns, RunId, RunStatus, Store, StoreError, StoreReader, WhyLeftOut,
};
use proptest::prelude::*;
use tempfile::TempDir;

/// A time after the last, as a run's signs of life have.
fn later(by: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() as i64 + 1_000 * by
}

/// Records steps of a run, with a metric of its own beside one of all, and a checkpoint at the last.
fn go_on(store: &mut Store, run: RunId, steps: std::ops::RangeInclusive<u64>) {
    let last = *steps.end();
    let own = format!("own/{}", store.reader().unwrap().run(run).unwrap().row.name);
    let mut reports: Vec<(i64, Report)> = steps
        .map(|step| {
            let values = [("ppo/loss", step as f64), (own.as_str(), -(step as f64))];
            (later(step as i64), metrics(Stage::Ppo, step, &values))
        })
        .collect();
    let weights = format!("weights of {own} at {last}");
    let saved = publish(&store.run_dir(run), &format!("ppo-{last}"), |dir: &Path| {
        fs::create_dir(dir.join("lora"))?;
        fs::write(dir.join("lora/adapter.safetensors"), weights)?;
        Ok(())
    })
    .unwrap();
    let kind = EventKind::Checkpoint {
        path: saved.path,
        bytes: saved.bytes,
    };
    reports.push((later(last as i64), Report::event(Stage::Ppo, last, kind)));
    let samples = Report::Samples {
        stage: Stage::Ppo,
        step: last,
        dialogues: vec![dialogue(1, &own, Some(0.5))],
    };
    reports.push((later(last as i64), samples));
    store.record(run, &reports).unwrap();
}

/// A store with finished runs of these names.
fn store_of(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    for name in names {
        let lock = store.create_run(&new_run(name)).unwrap();
        go_on(&mut store, lock.run(), 1..=5);
        store
            .set_status(lock.run(), RunStatus::Finished, None, later(6))
            .unwrap();
    }
    dir
}

fn merge(into: &Path, from: &Path) -> MergedRuns {
    let mut store = Store::open(into).unwrap();
    let reader = StoreReader::open(from).unwrap();
    store.merge_runs(&reader, CheckpointFiles::Copy).unwrap()
}

/// All that a store has of its runs, by name; numbers are not theirs.
fn contents(dir: &Path) -> BTreeMap<String, String> {
    let reader = StoreReader::open(dir).unwrap();
    let runs = reader.list_runs().unwrap();
    let of_run = |run: RunId| {
        let detail = reader.run(run).unwrap();
        let mut curves = String::new();
        for summary in reader.keys(run).unwrap() {
            let points = reader.series(run, &summary.key, None).unwrap();
            curves += &format!("{summary:?} {points:?}\n");
        }
        let events: Vec<String> = reader
            .events(run)
            .unwrap()
            .iter()
            .map(|event| event.words())
            .collect();
        let checkpoints = reader.checkpoints(run).unwrap();
        for saved in &checkpoints {
            verify(&reader.run_dir(run).join(&saved.path)).unwrap();
        }
        let steps = reader.samples(run).unwrap().into_iter();
        let samples: Vec<_> = steps
            .map(|(stage, step)| reader.samples_at(run, stage, step).unwrap())
            .collect();
        format!(
            "{:?} {:?} {:?} {} {curves} {events:?} {} {samples:?}",
            detail.row.status,
            detail.row.started,
            detail.row.step,
            detail.config_toml,
            checkpoints.len()
        )
    };
    runs.iter()
        .map(|run| (run.name.clone(), of_run(run.id)))
        .collect()
}

#[test]
fn runs_are_taken_over_whole_and_once_in_any_order() {
    let stores = [
        store_of(&["one", "two"]),
        store_of(&["three"]),
        store_of(&["four", "five"]),
    ];
    let all: BTreeMap<String, String> =
        stores.iter().flat_map(|dir| contents(dir.path())).collect();
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let here = tempfile::tempdir().unwrap();
        for index in order {
            let merged = merge(here.path(), stores[index].path());
            assert_eq!(merged.known, 0);
            let again = merge(here.path(), stores[index].path());
            assert_eq!((again.known, again.added.len()), (merged.added.len(), 0));
        }
        assert_eq!(contents(here.path()), all);
    }
    // What was taken over comes home as known, with what came from elsewhere.
    let here = tempfile::tempdir().unwrap();
    merge(here.path(), stores[0].path());
    merge(here.path(), stores[1].path());
    let home = merge(stores[0].path(), here.path());
    assert_eq!((home.known, home.added.len()), (2, 1));
}

#[test]
fn a_run_that_goes_on_there_is_brought_up_to_date_and_words_given_here_stay() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = Store::open(there.path()).unwrap();
    let lock = store.create_run(&new_run("long")).unwrap();
    go_on(&mut store, lock.run(), 1..=5);
    let merged = merge(here.path(), there.path());
    let run = merged.added[0].here;
    let mut own = Store::open(here.path()).unwrap();
    let status = |own: &Store| own.reader().unwrap().run(run).unwrap().row.status;
    assert_eq!(
        status(&own),
        RunStatus::Interrupted,
        "it goes on there, not here"
    );
    own.rename(run, "renamed").unwrap();
    own.set_note(run, "mine").unwrap();

    go_on(&mut store, lock.run(), 6..=9);
    store
        .set_status(lock.run(), RunStatus::Finished, None, later(20))
        .unwrap();
    let merged = merge(here.path(), there.path());
    assert_eq!((merged.updated.len(), merged.added.len()), (1, 0));
    let row = own.reader().unwrap().run(run).unwrap().row;
    assert_eq!((row.name.as_str(), row.note.as_str()), ("renamed", "mine"));
    assert_eq!((row.status, row.step), (RunStatus::Finished, 9));
    assert_eq!(own.reader().unwrap().checkpoints(run).unwrap().len(), 2);
    assert_eq!(merge(here.path(), there.path()).known, 1);
}

#[test]
fn a_run_that_went_on_in_both_is_left_as_it_is() {
    let (there, here) = (store_of(&["both"]), tempfile::tempdir().unwrap());
    let run = merge(here.path(), there.path()).added[0].here;
    let mut own = Store::open(here.path()).unwrap();
    let lock = own.hold_run(run).unwrap();
    let in_progress = merge(here.path(), there.path());
    assert_eq!(in_progress.known, 1, "nothing is new there");
    go_on(&mut own, run, 6..=7);
    let before = contents(here.path());

    let mut other = Store::open(there.path()).unwrap();
    let (known, one) = (merge(here.path(), there.path()), RunId(1));
    assert_eq!(known.known, 1, "it went on here alone");
    other
        .record(
            one,
            &[(later(90), metrics(Stage::Ppo, 8, &[("ppo/loss", 8.0)]))],
        )
        .unwrap();
    let both = merge(here.path(), there.path());
    assert_eq!(both.left_out[0].why, WhyLeftOut::WentOnInBoth);
    assert_eq!(contents(here.path()), before);
    drop(lock);
}

#[test]
fn what_a_failure_left_is_completed_by_the_next_merge() {
    let (there, here) = (store_of(&["first", "second"]), tempfile::tempdir().unwrap());
    let all = contents(there.path());
    // A file of the second run that leads nowhere.
    let broken = there
        .path()
        .join("runs/2/checkpoints/ppo-5/lora/adapter.safetensors");
    let aside = there.path().join("aside");
    fs::rename(&broken, &aside).unwrap();
    std::os::unix::fs::symlink(there.path().join("nothing"), &broken).unwrap();
    let mut store = Store::open(here.path()).unwrap();
    let reader = StoreReader::open(there.path()).unwrap();
    let failed = store.merge_runs(&reader, CheckpointFiles::Copy);
    assert!(matches!(failed, Err(StoreError::File { .. })), "{failed:?}");
    fs::remove_file(&broken).unwrap();
    fs::rename(&aside, &broken).unwrap();
    let merged = merge(here.path(), there.path());
    assert_eq!((merged.known, merged.updated.len()), (1, 1));
    assert_eq!(contents(here.path()), all);
}

#[test]
fn deleted_runs_stay_away_and_checkpoints_come_as_asked() {
    let (there, here) = (store_of(&["gone", "kept"]), tempfile::tempdir().unwrap());
    Store::open(there.path()).unwrap().delete(RunId(1)).unwrap();
    let merged = merge(here.path(), there.path());
    assert_eq!(merged.left_out[0].why, WhyLeftOut::Deleted);
    assert_eq!(merged.added.len(), 1);

    let light = tempfile::tempdir().unwrap();
    let reader = StoreReader::open(there.path()).unwrap();
    let mut store = Store::open(light.path()).unwrap();
    store.merge_runs(&reader, CheckpointFiles::Leave).unwrap();
    assert!(
        store
            .reader()
            .unwrap()
            .checkpoints(RunId(1))
            .unwrap()
            .is_empty()
    );

    let linked = tempfile::tempdir_in(there.path()).unwrap();
    let mut store = Store::open(linked.path()).unwrap();
    store.merge_runs(&reader, CheckpointFiles::Link).unwrap();
    let file = store
        .run_dir(RunId(1))
        .join("checkpoints/ppo-5/lora/adapter.safetensors");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(fs::metadata(file).unwrap().nlink(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Two stores whose runs go on by turns, merged now and then: what is here is always what some moment there was.
    #[test]
    fn any_history_of_merges_ends_as_the_other_store(steps in prop::collection::vec(0..3u8, 1..8)) {
        let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut store = Store::open(there.path()).unwrap();
        let mut locks = Vec::new();
        let mut done = 0;
        for step in steps {
            match step {
                0 => locks.push(store.create_run(&new_run(&format!("run {}", locks.len()))).unwrap()),
                1 => {
                    done += 1;
                    if let Some(lock) = locks.last() {
                        go_on(&mut store, lock.run(), done..=done);
                    }
                }
                _ => drop(merge(here.path(), there.path())),
            }
        }
        for lock in &locks {
            store.set_status(lock.run(), RunStatus::Stopped, None, later(100 + lock.run().0)).unwrap();
        }
        merge(here.path(), there.path());
        prop_assert_eq!(contents(here.path()), contents(there.path()));
    }
}
