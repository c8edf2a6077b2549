//! `emprl queue`: runs wait with the settings they were queued with, and start in order.

use crate::cli_support::{Place, SHORT};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn names(place: &Place) -> Vec<String> {
    let rows = json(&place.ok(&["queue", "list", "--json"]));
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn what_waits_keeps_its_settings_when_the_file_changes() {
    let place = Place::new();
    assert_eq!(place.ok(&["queue", "list"]), "The queue is empty.\n");
    assert!(!place.store().exists(), "looking makes nothing");
    let file = place.write("mine.toml", "parent = \"quickstart\"\n[ppo]\nsteps = 5\n");
    let said = place.ok(&[
        "queue",
        "add",
        &file,
        "--seed",
        "9",
        "--set",
        "ppo.lr=0.002",
    ]);
    assert!(said.contains("mine is queued as 1"), "{said}");
    place.write("mine.toml", "parent = \"quickstart\"\n[ppo]\nsteps = 6\n");
    let added = json(&place.ok(&["queue", "add", &file, "--name", "second", "--json"]));
    assert_eq!(added["queued"], serde_json::json!([2]));
    let rows = json(&place.ok(&["queue", "list", "--json"]));
    let (first, second) = (&rows[0], &rows[1]);
    assert_eq!(first["id"], 1);
    assert_eq!(first["seed"], 9);
    assert_eq!(first["settings"]["ppo.steps"], 5);
    assert_eq!(first["settings"]["ppo.lr"], 0.002);
    assert_eq!(first["differs"], "seed 9");
    assert_eq!(second["settings"]["ppo.steps"], 6);
    assert_eq!(second["experiment"], "mine");
    let table = place.ok(&["queue", "list"]);
    assert!(
        table.contains("second") && table.contains("Settings of"),
        "{table}"
    );
    let said = place.ok(&["queue", "remove", "1"]);
    assert_eq!(said, "mine (1) was removed from the queue.\n");
    assert_eq!(names(&place), ["second"]);

    let other = [
        "queue",
        "add",
        "quickstart",
        "--set",
        "ppo.lr=0.002",
        "--set",
        "ppo.steps=4",
        "--set",
        "ppo.batch=2",
    ];
    place.ok(&other);
    let table = place.ok(&["queue", "list"]);
    let said = "seed 1, ppo.steps 4, ppo.batch 2, 1 more";
    assert!(table.contains(said), "{table}");
}

#[test]
fn what_cannot_wait_is_refused_with_the_fix() {
    let place = Place::new();
    for (arguments, code, words) in [
        (vec!["queue", "add", "nothing"], 2, "quickstart"),
        (
            vec!["queue", "add", "quickstart", "--set", "ppo.stepps=1"],
            2,
            "ppo.steps",
        ),
        (vec!["queue", "add", "quickstart", "--seed=many"], 2, "seed"),
        (vec!["queue", "add", "emprl-paper"], 1, "emprl data import"),
        (vec!["queue", "add", "quickstart", "--reuse", "4"], 1, ""),
        (vec!["queue", "remove", "1"], 1, ""),
        (vec!["queue", "remove", "x"], 2, "emprl queue list"),
    ] {
        let done = place.run(&arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}", done.stderr);
        assert!(
            done.stderr.contains(words),
            "{arguments:?}: {}",
            done.stderr
        );
    }
    assert!(names(&place).is_empty());
    place.ok(&["queue", "add", "quickstart"]);
    let done = place.run(&["queue", "remove", "7"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("7 is not in the queue"),
        "{}",
        done.stderr
    );
}

#[test]
fn what_waits_is_run_in_order() {
    let place = Place::new();
    for name in ["one", "two"] {
        let mut arguments = vec!["queue", "add", "quickstart", "--name", name];
        arguments.extend(SHORT);
        place.ok(&arguments);
    }
    let lines = place.ok(&["queue", "run", "--json"]);
    let finished: Vec<Value> = lines
        .lines()
        .map(json)
        .filter(|line| line["event"] == "finished")
        .collect();
    assert_eq!(finished.len(), 2);
    assert!(names(&place).is_empty());
    let runs = json(&place.ok(&["runs", "list", "--json"]));
    let of = |run: u64| {
        let mut rows = runs.as_array().unwrap().iter();
        rows.find(|row| row["id"] == run).unwrap()["name"].clone()
    };
    assert_eq!([of(1), of(2)], ["one", "two"]);
    assert_eq!(place.ok(&["queue", "run"]), "The queue is empty.\n");
}

#[test]
fn queued_runs_share_stages_and_end_as_if_they_did_not() {
    let place = Place::new();
    for beta in ["reward.beta=0.1", "reward.beta=0.3"] {
        let mut arguments = vec!["queue", "add", "quickstart", "--name", beta, "--set", beta];
        arguments.extend(SHORT);
        place.ok(&arguments);
    }
    place.ok(&["queue", "run"]);
    let mut alone = vec!["run", "quickstart", "--set=reward.beta=0.3"];
    alone.extend(SHORT);
    place.ok(&alone);

    let show = |run: &str| json(&place.ok(&["runs", "show", run, "--json"]));
    let taken_over = |run: &str| {
        let shown = show(run);
        let events = shown["events"].as_array().unwrap().iter();
        let over = |event: &&Value| event["text"].to_string().contains("Taken over from run 1");
        events.filter(over).count()
    };
    assert_eq!(
        (taken_over("1"), taken_over("2"), taken_over("3")),
        (0, 2, 0)
    );
    assert_eq!(show("2")["results"], show("3")["results"]);
    assert_ne!(show("1")["results"], show("2")["results"]);
}

#[test]
fn several_runs_at_once_end_as_one_after_the_other() {
    let place = Place::new();
    for seed in ["1", "2", "3"] {
        let mut arguments = vec!["queue", "add", "quickstart", "--seed", seed];
        arguments.extend(SHORT);
        place.ok(&arguments);
    }
    let done = place.run(&["queue", "run", "--at-once", "2"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout
            .ends_with("3 runs of the queue are done; the queue is empty.\n")
    );
    let at = |words: &str| {
        done.stderr
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {}", done.stderr))
    };
    assert!(at("run 2: ") < at("run 1: PPO 24/24"), "{}", done.stderr);

    let mut alone = vec!["run", "quickstart", "--seed", "2"];
    alone.extend(SHORT);
    place.ok(&alone);
    let runs = json(&place.ok(&["runs", "list", "--json"]));
    let results = |pick: &dyn Fn(&Value) -> bool| {
        let mut rows = runs.as_array().unwrap().iter().filter(|row| pick(row));
        rows.next().unwrap()["results"].clone()
    };
    let beside = results(&|row| row["seed"] == 2 && row["id"] != 4);
    assert_eq!(beside, results(&|row| row["id"] == 4));

    let refused = place.run(&["queue", "run", "--at-once", "9"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("from 1 to 8"), "{}", refused.stderr);
}
