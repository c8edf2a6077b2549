//! Runs that wait are kept in their order, and each is begun once, however many begin at the same time.

use std::sync::{Arc, Barrier};

use crate::store_support::new_run;
use emprl::store::{NewQueuedRun, QueueId, RunId, Store, StoreError, StoreReader};

fn to_queue(name: &str) -> NewQueuedRun {
    NewQueuedRun {
        experiment: "quickstart".into(),
        name: name.into(),
        config_toml: format!("# {name}"),
        reuse: (name == "c").then_some(RunId(7)),
    }
}

fn names(store: &Store) -> Vec<String> {
    let queue = store.reader().unwrap().queue().unwrap();
    queue.into_iter().map(|queued| queued.run.name).collect()
}

#[test]
fn what_waits_is_kept_in_the_order_that_people_give_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let ids = store
        .enqueue(&[to_queue("a"), to_queue("b"), to_queue("c")])
        .unwrap();
    store.enqueue(&[to_queue("d")]).unwrap();
    assert_eq!(names(&store), ["a", "b", "c", "d"]);
    store.swap_queued(ids[0], ids[1]).unwrap();
    assert_eq!(names(&store), ["b", "a", "c", "d"]);
    let taken = store.unqueue(&ids[..1]).unwrap().remove(0);
    assert_eq!(taken.run, to_queue("a"));
    assert_eq!(names(&store), ["b", "c", "d"]);
    // Who waits no more changes places with nobody.
    store.swap_queued(ids[0], ids[1]).unwrap();
    assert_eq!(names(&store), ["b", "c", "d"]);
    let never = store.create_queued_run(taken.id, &new_run("a"));
    assert!(matches!(never, Err(StoreError::NotQueued { .. })));
    store.requeue(taken.id).unwrap();
    store.requeue(taken.id).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(names(&store), ["b", "a", "c", "d"], "as after a restart");
    let queue = store.reader().unwrap().queue().unwrap();
    assert_eq!(queue[2].run, to_queue("c"));
    assert!(queue[2].queued > 0);
}

#[test]
fn a_run_leaves_the_queue_as_it_begins_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let ids = store.enqueue(&[to_queue("a"), to_queue("b")]).unwrap();
    let lock = store.create_queued_run(ids[0], &new_run("a")).unwrap();
    assert_eq!(names(&store), ["b"]);
    for gone in [ids[0], QueueId(99)] {
        let again = store.create_queued_run(gone, &new_run("a")).unwrap_err();
        assert!(matches!(again, StoreError::NotQueued { id } if id == gone));
        assert!(again.to_string().contains("emprl queue list"), "{again}");
        assert!(matches!(
            store.unqueue(&[ids[1], gone]),
            Err(StoreError::NotQueued { .. })
        ));
        assert_eq!(names(&store), ["b"], "all of them or none");
    }
    // What was begun is not put back by undoing something.
    assert!(matches!(
        store.requeue(ids[0]),
        Err(StoreError::NotQueued { .. })
    ));
    assert_eq!(names(&store), ["b"]);
    let runs = store.reader().unwrap().list_runs().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].id, lock.run());
    // A number is never given twice: who asks for one that is gone gets no other run.
    store.unqueue(&ids[1..2]).unwrap();
    let next = store.enqueue(&[to_queue("e")]).unwrap();
    assert!(next[0] > ids[1]);
}

#[test]
fn two_programs_never_begin_the_same_run() {
    const RUNS: usize = 12;
    let dir = tempfile::tempdir().unwrap();
    let queued: Vec<NewQueuedRun> = (0..RUNS).map(|n| to_queue(&format!("run {n}"))).collect();
    Store::open(dir.path()).unwrap().enqueue(&queued).unwrap();
    let together = Arc::new(Barrier::new(3));
    let programs: Vec<_> = (0..3)
        .map(|_| {
            let (path, together) = (dir.path().to_path_buf(), together.clone());
            let program = move || {
                let mut store = Store::open(&path).unwrap();
                let mut begun = 0;
                together.wait();
                // Each sees the same queue and begins at the same end.
                for next in store.reader().unwrap().queue().unwrap() {
                    match store.create_queued_run(next.id, &new_run(&next.run.name)) {
                        Ok(_lock) => begun += 1,
                        Err(StoreError::NotQueued { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                begun
            };
            std::thread::Builder::new().spawn(program).unwrap()
        })
        .collect();
    let begun: usize = programs
        .into_iter()
        .map(|program| program.join().unwrap())
        .sum();
    assert_eq!(begun, RUNS);
    let reader = StoreReader::open(dir.path()).unwrap();
    assert!(reader.queue().unwrap().is_empty());
    let mut names: Vec<String> = reader
        .list_runs()
        .unwrap()
        .into_iter()
        .map(|run| run.name)
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), RUNS);
}
