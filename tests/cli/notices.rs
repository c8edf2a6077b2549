//! Notices of a run to an address, beside its command.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::cli_support::{Place, short};
use crate::scores_support::{Reply, start};

/// A server that takes notices, and those that it got.
pub fn notices() -> (String, Arc<Mutex<Vec<Value>>>) {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = told.clone();
    let address = start(move |notice| {
        kept.lock().unwrap().push(notice.clone());
        Reply::of(200, "ok")
    });
    (address, told)
}

#[test]
fn who_is_away_is_told_that_a_run_is_finished() {
    let place = Place::new();
    let (address, told) = notices();
    let wrong = place.run(&short(&["--notify", "ftp://chat.example/x"]));
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    // Nobody listens at the second.
    let nobody = "http://127.0.0.1:9/s3cret";
    let done = place.run(&short(&["--notify", &address, "--notify", nobody]));
    assert_eq!(done.code, 0, "{}", done.stderr);
    let told = told.lock().unwrap();
    let last = told.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(
        (&last["run"], &last["name"]),
        (&1.into(), &"quickstart".into())
    );
    assert_eq!(last["text"], "quickstart (run 1, seed 1) is finished");
    let why = "a notice was not delivered to http://127.0.0.1:9:";
    assert!(done.stderr.contains(why), "{}", done.stderr);
    assert!(!done.stderr.contains("s3cret"), "{}", done.stderr);
}
