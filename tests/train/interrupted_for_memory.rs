//! A run that ended without a word when it filled the machine's memory says so afterwards.

use crate::store_support::*;
use emprl::engine::Supervisor;
use emprl::experiment::{MachineMemory, Stage};
use emprl::metrics::declared;
use emprl::store::{RunStatus, Store};

#[test]
fn an_interrupted_run_that_filled_the_memory_names_the_likely_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let total = MachineMemory::now().unwrap().total as f64;
    let mut runs = Vec::new();
    for share in [0.95, 0.1] {
        let lock = store.create_run(&new_run("large")).unwrap();
        let values = [(declared::RESIDENT_MEMORY, share * total)];
        let report = metrics(Stage::Ppo, 3, &values);
        store.record(lock.run(), &[(1, report)]).unwrap();
        // Its process is gone.
        runs.push(lock.run());
    }
    drop(store);
    let _supervisor = Supervisor::new(dir.path()).unwrap();
    let reader = Store::open(dir.path()).unwrap().reader().unwrap();
    let [full, small] = [runs[0], runs[1]].map(|run| reader.run(run).unwrap().row);
    assert_eq!([full.status, small.status], [RunStatus::Interrupted; 2]);
    let why = full.error.unwrap();
    assert!(why.contains("for want of memory"), "{why}");
    assert_eq!(small.error, None);
    let events = reader.events(full.id).unwrap();
    assert_eq!(events.last().unwrap().words(), why);
}
