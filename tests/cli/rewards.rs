//! A reward of several terms through a whole run, and a person's word before one of them is a program.

use std::fs;

use serde_json::Value;

use crate::cli_support::{Place, SHORT};
use crate::notices::notices;

/// An experiment whose reward is the paper's, less a penalty for length, and what a program says.
fn experiment(place: &Place) -> String {
    let script = "while read -r line; do id=${line#*\\\"id\\\":}; echo \"{\\\"id\\\": ${id%%,*}, \\\"score\\\": 0.5}\"; done\n";
    place.write("tone.sh", script);
    place.write(
        "own.toml",
        r#"
        parent = "quickstart"

        [[reward.term]]
        name = "empathy"
        kind = "identifiers"

        [[reward.term]]
        name = "short"
        kind = "length"
        weight = 0.01
        at_most = 5

        [[reward.term]]
        name = "tone"
        kind = "command"
        weight = 2
        command = ["sh", "tone.sh"]
        "#,
    )
}

#[cfg(unix)]
#[test]
fn a_reward_of_terms_runs_once_its_program_is_allowed() {
    let place = Place::new();
    let file = experiment(&place);
    let run = |more: &[&str]| place.run(&[&["run", &file], &SHORT[..], more].concat());

    let plan = place.ok(&[&["run", &file], &SHORT[..], &["--dry-run"]].concat());
    assert!(
        plan.contains("The reward starts a program: sh tone.sh"),
        "{plan}"
    );
    let refused = run(&[]);
    assert_eq!(refused.code, 1);
    let script = fs::canonicalize(place.path().join("tone.sh")).unwrap();
    for part in ["--allow-command", script.to_str().unwrap()] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(
        !place.store().join("runs/1").exists(),
        "nothing was started"
    );
    let refused = place.run(&[&["queue", "add", &file], &SHORT[..]].concat());
    assert!(
        refused.stderr.contains("--allow-command"),
        "{}",
        refused.stderr
    );

    let done = run(&["--allow-command", "--set=reward.term.short.weight=0.02"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let shown = place.json(&["runs", "show", "1"]);
    let metrics = shown["metrics"].as_array().unwrap();
    let last = |key: &str| {
        let of = metrics.iter().find(|metric| metric["name"] == key);
        of.unwrap_or_else(|| panic!("{key} is not logged"))["last"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(last("ppo/reward/tone"), 0.5);
    assert!(last("ppo/reward/short") <= 0.0 && last("ppo/reward/exploration") > 0.0);
    let sum = last("ppo/reward/empathy") + 0.02 * last("ppo/reward/short") + 2.0 * 0.5;
    assert!((last("ppo/reward/total") - sum).abs() < 1e-5);

    let rollout = place.json(&["runs", "rollout", "1"]);
    let terms = rollout["responses"][0]["terms"].as_object().unwrap();
    let names: Vec<&str> = terms.keys().map(String::as_str).collect();
    let mechanisms = ["emotional_reaction", "interpretation", "exploration"];
    assert_eq!(
        names,
        [&["empathy"], &mechanisms[..], &["short", "tone"]].concat()
    );

    // The word is kept for the queue, and for this program alone.
    let queued = place.run(&[&["queue", "add", &file], &SHORT[..]].concat());
    assert_eq!(queued.code, 0, "{}", queued.stderr);
    let other = run(&["--set=reward.term.tone.command=[\"sh\", \"tone.sh\", \"--hard\"]"]);
    assert!(other.stderr.contains("--hard"), "{}", other.stderr);
}

#[cfg(unix)]
#[test]
fn a_run_whose_program_fails_says_why_and_can_be_resumed() {
    let place = Place::new();
    let file = experiment(&place);
    let good = fs::read_to_string(place.path().join("tone.sh")).unwrap();
    place.write("tone.sh", "echo 'no model there' >&2; exit 3\n");
    let (address, notices) = notices();
    let given = ["run", &file, "--allow-command", "--notify", &address];
    let done = place.run(&[&given, &SHORT[..]].concat());
    assert_eq!(done.code, 1);
    let notice = notices.lock().unwrap().last().unwrap().clone();
    assert_eq!(notice["event"], "failed");
    let text = notice["text"].as_str().unwrap();
    assert!(
        text.contains("failed: ") && text.contains("\"tone\""),
        "{text}"
    );
    for part in [
        "\"tone\"",
        "exit status: 3",
        "no model there",
        "run --resume 1",
    ] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
    let shown = place.json(&["runs", "show", "1"]);
    let events = shown["events"].as_array().unwrap();
    let told = events.iter().any(|event: &Value| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.contains("could not be scored at first"))
    });
    assert!(told, "{events:?}");

    place.write("tone.sh", good);
    place.ok(&["run", "--resume", "1"]);
}
