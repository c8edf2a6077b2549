//! A run whose checkpoints are away or damaged, as its owner meets it in a terminal.

use std::fs;
use std::io::{BufRead, BufReader};

use crate::cli_support::{Place, short};
use serde_json::Value;

/// Starts a run and kills it after a step of PPO past its checkpoint at step 12.
fn killed(place: &Place) {
    let arguments = short(&["--set=run.checkpoint_every=6", "--json"]);
    let mut child = place.start(&arguments);
    let stdout = BufReader::new(child.stdout.as_mut().unwrap());
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let is_step = line["event"] == "metrics" && line["stage"] == "ppo";
        if is_step && line["step"].as_u64().unwrap() >= 15 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// All of the run that is on record, but for what is added when a run is resumed.
fn recorded(place: &Place) -> Value {
    let mut shown = place.json(&["runs", "show", "1"]);
    // The scores of the identifiers are read from their checkpoint.
    for changing in ["heartbeat", "ended", "status", "events", "identifiers"] {
        shown.as_object_mut().unwrap().remove(changing);
    }
    shown
}

#[test]
fn checkpoints_that_are_away_or_damaged_cost_nothing() {
    let place = Place::new();
    killed(&place);
    let before = recorded(&place);
    let folder = place.store().join("runs/1/checkpoints");
    let elsewhere = place.path().join("elsewhere");

    // The folder is moved away: nothing happens, however often one tries.
    fs::rename(&folder, &elsewhere).unwrap();
    for arguments in [["run", "--resume", "1"], ["run", "--resume", "1@12"]] {
        let refused = place.run(&arguments);
        assert_eq!(refused.code, 1);
        let words = &refused.stderr;
        assert_eq!(words.lines().count(), 1, "{words}");
        assert!(words.contains("runs/1/checkpoints"), "{words}");
        assert!(words.contains("is not there"), "{words}");
        assert!(recorded(&place) == before, "changed");
    }
    fs::rename(&elsewhere, &folder).unwrap();

    // The generator is gone: PPO cannot go on without it, and is not begun anew without a word.
    let generator = folder.join("generator-12");
    fs::rename(&generator, &elsewhere).unwrap();
    let refused = place.run(&["run", "--resume", "1@12"]);
    assert!(
        refused.stderr.contains("generator-12"),
        "{}",
        refused.stderr
    );
    assert!(recorded(&place) == before, "changed");
    fs::rename(&elsewhere, &generator).unwrap();

    // The last one is damaged: the one before it is taken, with a word, and the run ends as if nothing had happened.
    let last = before["checkpoints"].as_array().unwrap().last().unwrap()["path"].clone();
    let last = place.store().join("runs/1").join(last.as_str().unwrap());
    fs::write(last.join("stage.json"), "{}").unwrap();
    let done = place.run(&["run", "--resume", "1"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("cannot be used"), "{}", done.stderr);
    assert!(
        done.stderr.contains("is set aside until"),
        "{}",
        done.stderr
    );

    let whole = Place::new();
    whole.ok(&short(&["--set=run.checkpoint_every=6"]));
    let (resumed, whole) = (recorded(&place), recorded(&whole));
    assert_eq!(resumed["results"], whole["results"]);
    assert_eq!(resumed["set_aside"], Value::Null);
    let of_the_moment = ["tokens_per_second", "seconds", "memory"];
    let metrics = |shown: &Value| -> Vec<Value> {
        let mut metrics = shown["metrics"].as_array().unwrap().clone();
        metrics.retain(|metric| {
            let name = metric["name"].as_str().unwrap();
            of_the_moment.iter().all(|part| !name.contains(part))
        });
        for metric in &mut metrics {
            metric.as_object_mut().unwrap().remove("last_wall_ms");
        }
        metrics
    };
    assert_eq!(metrics(&resumed), metrics(&whole));
}

#[test]
fn a_run_that_does_not_fit_in_memory_is_refused_before_it_starts() {
    let place = Place::new();
    let huge = [
        "--set=ppo.batch=1024",
        "--set=data.max_source=4096",
        "--set=model.layers=48",
        "--set=model.d_model=4096",
    ];
    let refused = place.run(&short(&huge));
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    for words in ["of memory at its fullest", "`ppo.batch`", "--ignore-memory"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert!(!place.store().join("runs").exists());
}
