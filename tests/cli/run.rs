//! `emprl run` and `emprl runs`: events are whole, what was stopped or killed goes on exactly.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::OnceLock;

use crate::cli_support::{Place, lines, short};
use serde_json::Value;

/// An uninterrupted run, made once: its store and its events.
fn whole() -> &'static (Place, Vec<Value>) {
    static WHOLE: OnceLock<(Place, Vec<Value>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let place = Place::new();
        let events = place.lines(&short(&["--name", "whole"]));
        (place, events)
    })
}

fn of<'a>(events: &'a [Value], event: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|line| line["event"] == event)
        .collect()
}

/// Reads lines until one says that a checkpoint of `stage` at `step` or later is there.
fn read_until_checkpoint(child: &mut Child, stage: &str, step: u64) -> Vec<Value> {
    let mut read = Vec::new();
    let stdout = BufReader::new(child.stdout.as_mut().unwrap());
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let there = line["event"] == "checkpoint"
            && line["stage"] == stage
            && line["step"].as_u64().unwrap() >= step;
        read.push(line);
        if there {
            return read;
        }
    }
    panic!("no checkpoint of {stage} at {step}: {read:?}");
}

#[test]
fn events_are_one_a_line_and_complete() {
    let (_, events) = whole();
    for event in events {
        assert_eq!(event["run"], 1, "{event}");
        assert!(
            event.get("stage").is_some() && event["step"].is_u64(),
            "{event}"
        );
    }
    let begun: Vec<&str> = of(events, "stage")
        .iter()
        .filter(|line| line["status"] == "running")
        .filter_map(|line| line["stage"].as_str())
        .collect();
    assert_eq!(begun, ["identifiers", "generator", "ppo", "evaluation"]);
    let metrics = of(events, "metrics");
    let ppo: Vec<u64> = metrics
        .iter()
        .filter(|line| line["stage"] == "ppo")
        .filter_map(|line| line["step"].as_u64())
        .collect();
    assert!(ppo.iter().copied().eq(0..=24), "{ppo:?}");
    let last = metrics.iter().rfind(|line| line["stage"] == "ppo").unwrap();
    for key in [
        "ppo/reward/empathy",
        "ppo/kl/full",
        "ppo/kl/k1",
        "validation/emp_f1",
    ] {
        assert!(last["values"][key].is_number(), "{key}: {last}");
    }
    assert!(!of(events, "samples").is_empty() && !of(events, "checkpoint").is_empty());
    assert!(of(events, "failed").is_empty());
    let finished = events.last().unwrap();
    assert_eq!(finished["event"], "finished");
    for system in ["Generator", "EmpRL"] {
        let row = &finished["results"][system];
        for figure in ["ppl", "dist_1", "dist_2", "emp_f1", "interpretation_f1"] {
            let bounds = ["low", "value", "high"].map(|bound| row[figure][bound].as_f64().unwrap());
            assert!(bounds.is_sorted(), "{system} {figure} {bounds:?}");
        }
        assert_eq!(row["n"], 24);
        let controls = &row["controls"];
        let gain = row["emp_f1"]["value"].as_f64().unwrap()
            - controls["shuffled"]["value"].as_f64().unwrap();
        assert!((controls["gain"]["value"].as_f64().unwrap() - gain).abs() < 1e-9);
        assert!(controls["constant"]["response"].is_string(), "{row}");
        let cut = &controls["equal_length"]["baseline"];
        assert_eq!(cut.is_null(), system == "Generator", "{row}");
    }
}

#[test]
fn controls_stand_beside_emp_f1_and_change_nothing_of_the_training() {
    let (whole_place, events) = whole();
    let place = Place::new();
    let without = place.lines(&short(&["--set=evaluation.controls=false"]));
    let clock = |key: &str| {
        ["seconds", "tokens_per_second", "memory"]
            .iter()
            .any(|of| key.contains(of))
    };
    let steps = |events: &[Value]| -> Vec<Vec<(String, Value)>> {
        let metrics = of(events, "metrics").into_iter();
        metrics
            .map(|line| {
                let values = line["values"].as_object().unwrap().iter();
                let values = values.filter(|(key, _)| !clock(key) && !control(key));
                values
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            })
            .collect()
    };
    assert_eq!(steps(events), steps(&without));
    let has_control = |events: &[Value]| {
        let metrics = of(events, "metrics").into_iter();
        let mut values = metrics.flat_map(|line| line["values"].as_object().unwrap().keys());
        values.any(|key| control(key))
    };
    assert!(has_control(events) && !has_control(&without));
    let results = |events: &[Value]| events.last().unwrap()["results"].clone();
    for system in ["Generator", "EmpRL"] {
        assert_eq!(
            results(&without)[system]["emp_f1"],
            results(events)[system]["emp_f1"]
        );
        assert!(results(&without)[system]["controls"].is_null());
    }

    let table = whole_place.ok(&["table", "2", "--runs=1"]);
    for words in [
        "Shuffled (%)",
        "Gain, in points",
        "Cohen's κ",
        "answers cut to equal length",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let to = place.path().join("curves").display().to_string();
    whole_place.ok(&["runs", "export", "1", "--format", "csv", &to]);
    let exported = std::fs::read_to_string(format!("{to}/results.csv")).unwrap();
    for words in [
        "controls.gain,",
        "controls.kappa.1,",
        "truncation.contexts,",
    ] {
        assert!(exported.contains(words), "{words}: {exported}");
    }
    assert!(!exported.contains("null"), "{exported}");
    let shown = whole_place.ok(&["runs", "show", "1"]);
    for words in [
        "gain over shuffled",
        "The constant answer: ",
        "no/weak/strong in %",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let evaluated = whole_place.json(&["evaluate", "--run=1"]);
    assert_eq!(
        evaluated["controls"]["gain"],
        results(events)["EmpRL"]["controls"]["gain"]
    );
    let listed = whole_place.json(&["runs", "list", "--filter", "test.emp_f1_gain > -100"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}

/// Whether a metric is a control of Emp-F1.
fn control(key: &str) -> bool {
    let ends = [
        "_shuffled",
        "_gain",
        "_constant",
        "_macro_f1",
        "_kappa",
        "_commonest",
        "_of_targets",
    ];
    key.starts_with("validation/") && ends.iter().any(|end| key.ends_with(end))
}

#[test]
fn runs_are_listed_and_shown() {
    let (place, events) = whole();
    let list = place.json(&["runs", "list"]);
    let run = list
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["id"] == 1)
        .unwrap();
    assert_eq!(run["name"], "whole");
    assert_eq!(run["experiment"], "quickstart");
    assert_eq!(run["seed"], 1);
    assert_eq!(run["status"], "finished");
    assert_eq!(run["stage"], "evaluation");
    assert!(run["step"].is_u64() && run["started"].as_str().unwrap().contains('T'));
    assert!(run["summary"]["validation/emp_f1"].is_number());
    let text = place.ok(&["runs", "list"]);
    assert!(
        text.contains("whole") && text.contains("finished"),
        "{text}"
    );

    let shown = place.json(&["runs", "show", "1"]);
    assert_eq!(shown["settings"]["ppo.steps"], 24);
    assert_eq!(shown["results"], events.last().unwrap()["results"]);
    assert!(shown["environment"]["program"].is_string());
    let identifiers = shown["identifiers"].as_array().unwrap();
    assert_eq!(identifiers.len(), 3);
    assert_eq!(identifiers[2]["mechanism"], "exploration");
    assert!(identifiers[0]["confusion"]["counts"][2][2].is_u64());
    assert_eq!(shown["fingerprints"]["builtin"].as_str().unwrap().len(), 64);
    let text = place.ok(&["runs", "show", "1"]);
    assert!(
        text.contains("Emp-F1 (%)")
            && text.contains("ppo.steps = 24")
            && text.contains("87.68")
            && text.contains("commonest"),
        "{text}"
    );
}

#[test]
fn rollouts_are_shown_token_by_token() {
    let (place, _) = whole();
    let last = place.json(&["runs", "rollout", "1"]);
    assert_eq!(
        (last["step"].as_u64(), &last["stage"]),
        (Some(24), &"ppo".into())
    );
    assert_eq!(last["steps"], serde_json::json!([12, 24]));
    let responses = last["responses"].as_array().unwrap();
    assert_eq!(responses.len(), 4, "the whole batch");
    for response in responses {
        let tokens = response["tokens"].as_array().unwrap();
        assert!(!tokens.is_empty());
        let number = |token: &Value, name: &str| token[name].as_f64().unwrap();
        for token in tokens {
            let k1 = number(token, "log_prob") - number(token, "reference_log_prob");
            assert!((number(token, "kl_k1") - k1).abs() < 1e-5, "{token}");
            assert!(number(token, "log_prob") <= 0.0 && number(token, "kl_full") > -1e-5);
            for name in ["value", "reward", "return", "advantage"] {
                assert!(number(token, name).is_finite());
            }
        }
        assert_eq!(response["score"], response["shaped"]);
        let terms = response["terms"].as_object().unwrap();
        assert_eq!(terms.len(), 3, "a term for each mechanism");
        let product: f64 = terms.values().map(|term| term.as_f64().unwrap()).product();
        assert!((product - response["score"].as_f64().unwrap()).abs() < 1e-5);
        // The score is part of the last token's reward, beside the KL penalty.
        let rewards: f64 = tokens.iter().map(|token| number(token, "reward")).sum();
        let kl: f64 = tokens.iter().map(|token| number(token, "kl_k1")).sum();
        let beta = (response["score"].as_f64().unwrap() - rewards) / kl;
        assert!((beta - 0.05).abs() < 1e-4 || kl.abs() < 1e-3, "{beta} {kl}");
    }
    let earlier = place.json(&["runs", "rollout", "1", "--step", "12", "--response", "2"]);
    assert_eq!(earlier["responses"].as_array().unwrap().len(), 1);
    assert_eq!(earlier["responses"][0]["index"], 1);
    let text = place.ok(&["runs", "rollout", "1"]);
    for words in [
        "PPO step 24",
        "log π",
        "log ρ",
        "advantage",
        "Speaker",
        "</s>",
        "12, 24",
        "(emotional reaction ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for (arguments, words) in [
        (["--step", "7"], "it has those of 12, 24"),
        (["--response", "9"], "has no response 9; 4 are kept"),
    ] {
        let refused = place.run(&[&["runs", "rollout", "1"], arguments.as_slice()].concat());
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    let unknown = place.run(&["runs", "rollout", "7"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("there is no run 7"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn sample_dialogues_are_shown_at_a_step_and_over_all_steps() {
    let (place, _) = whole();
    let last = place.json(&["runs", "samples", "1"]);
    assert_eq!(last["step"], 24);
    let one = place.json(&["runs", "samples", "1", "--dialogue", "2"]);
    let answers = one["answers"].as_array().unwrap();
    let steps: Vec<u64> = answers
        .iter()
        .map(|a| a["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [24, 12, 0], "the latest first");
    assert_eq!(answers[0]["generated"], last["dialogues"][1]["generated"]);
    assert_eq!(one["target"], last["dialogues"][1]["target"]);
    let text = place.ok(&["runs", "samples", "1", "--dialogue", "2"]);
    for words in ["Dialogue 2", "PPO 24", "PPO 0", "Target", "reward"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        place
            .ok(&["runs", "samples", "1", "--step", "12"])
            .contains("PPO step 12")
    );
    let refused = place.run(&["runs", "samples", "1", "--dialogue", "99"]);
    assert!(
        refused.stderr.contains("has no sample dialogue 99"),
        "{}",
        refused.stderr
    );
}

#[test]
fn alerts_are_reported_while_a_run_goes_on_and_kept_with_their_step() {
    let place = Place::new();
    let more = ["--set=alerts.window=2", "--set=alerts.kl_limit=0.0000001"];
    let done = place.run(&short(&more));
    assert_eq!(done.code, 0, "{}", done.stderr);
    let line = done
        .stderr
        .lines()
        .find(|l| l.starts_with("alert: PPO step "));
    let line = line.unwrap_or_else(|| panic!("{}", done.stderr));
    assert!(line.contains("above alerts.kl_limit"), "{line}");
    let step: u64 = line["alert: PPO step ".len()..]
        .split(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let shown = place.ok(&["runs", "show", "1"]);
    assert!(
        shown.contains(&format!("alert, step {step}: The KL of a response")),
        "{shown}"
    );
    let command = format!("`emprl runs rollout 1 --step {step}");
    assert!(done.stderr.contains(&command), "{}", done.stderr);
    assert!(
        shown.contains(&command) || shown.contains(&command.replace("rollout", "samples")),
        "{shown}"
    );
    let events = place.json(&["runs", "show", "1"])["events"]
        .as_array()
        .unwrap()
        .clone();
    let alert = events
        .iter()
        .find(|event| event["severity"] == "alert")
        .unwrap();
    assert_eq!(alert["step"], step);
    // What the alert is about can be looked at.
    let asked = step.to_string();
    let rollout = place.json(&["runs", "rollout", "1", "--step", &asked]);
    assert_eq!(rollout["step"], step);
    let lines = place.lines(&short(&more));
    let alerts = of(&lines, "alert").into_iter();
    let mut alerts = alerts.filter(|event| event["severity"] == "alert");
    assert_eq!(alerts.next().unwrap()["step"], step);
}

#[test]
fn a_person_reads_stages_and_a_table() {
    let place = Place::new();
    let done = place.run(&short(&[
        "--set",
        "run.stages=[\"generator\", \"evaluation\"]",
    ]));
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stdout.contains("PPL") && done.stdout.contains("Generator"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Run 1 is finished"), "{}", done.stdout);
    assert!(done.stderr.contains("Evaluation") && !done.stdout.contains("Generator: at most"));
}

#[test]
fn a_killed_run_is_interrupted_and_goes_on_as_if_it_had_not_been() {
    let place = Place::new();
    let arguments = short(&[
        "--name",
        "whole",
        "--set",
        "run.checkpoint_every=10",
        "--json",
    ]);
    let mut child = place.start(&arguments);
    read_until_checkpoint(&mut child, "ppo", 10);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.json(&["runs", "list"])[0]["status"], "interrupted");

    let events = place.lines(&["run", "--resume", "1"]);
    let note = &of(&events, "alert")[0]["text"];
    assert!(
        note.as_str().unwrap().starts_with("Resumed from ppo step"),
        "{note}"
    );
    let finished = events.last().unwrap();
    let (_, whole) = whole();
    assert_eq!(finished["results"], whole.last().unwrap()["results"]);
    assert_eq!(place.json(&["runs", "list"])[0]["status"], "finished");

    let again = place.run(&["run", "--resume", "1"]);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (1, "error: run 1 is finished; there is nothing to resume\n")
    );
}

#[test]
fn stages_of_another_run_are_taken_over_and_make_no_difference() {
    let place = Place::new();
    let without_penalty = ["--set", "reward.beta=0"];
    place.ok(&short(&["--name", "full"]));
    let alone = place.lines(&short(&without_penalty));
    let reusing = place.lines(&short(&[&without_penalty[..], &["--reuse", "1"]].concat()));
    assert_eq!(
        reusing.last().unwrap()["results"],
        alone.last().unwrap()["results"]
    );
    let trained = |events: &[Value]| -> Vec<String> {
        of(events, "metrics")
            .iter()
            .map(|line| line["stage"].as_str().unwrap().to_string())
            .collect()
    };
    assert!(!trained(&reusing).contains(&"generator".to_string()));
    let ppo = |events: &[Value]| -> Vec<Value> {
        of(events, "samples")
            .iter()
            .filter(|line| line["stage"] == "ppo")
            .map(|line| line["dialogues"].clone())
            .collect()
    };
    assert!(!ppo(&alone).is_empty());
    assert_eq!(ppo(&reusing), ppo(&alone));
    let notes: Vec<&str> = of(&reusing, "alert")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(
        notes[..2],
        [
            "Taken over from run 1",
            "Taken over from run 1; what follows is not, since `reward.beta` differs"
        ]
    );

    let other = place.run(&short(&["--seed", "9", "--reuse", "1"]));
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("`run.seed` differs"),
        "{}",
        other.stderr
    );
    assert_eq!(place.json(&["runs", "list"]).as_array().unwrap().len(), 3);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_with_a_checkpoint_and_says_how_to_go_on() {
    let place = Place::new();
    let mut child = place.start(&short(&[
        "--set",
        "generator.max_steps=100000",
        "--set",
        "generator.epochs=900",
        "--json",
    ]));
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !(line.contains("\"metrics\"") && line.contains("\"generator\"")) {
        line.clear();
        assert!(
            stdout.read_line(&mut line).unwrap() > 0,
            "the run ended early"
        );
    }
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    let rest = lines(&rest);
    assert!(
        rest.iter()
            .any(|line| line["event"] == "checkpoint" && line["stage"] == "generator")
    );
    assert_eq!(rest.last().unwrap()["status"], "stopped");
    assert!(stderr.contains("`emprl run --resume 1`"), "{stderr}");
    assert_eq!(place.json(&["runs", "list"])[0]["status"], "stopped");
}

#[test]
fn settings_are_listed_with_range_default_and_the_papers_value() {
    let place = Place::new();
    let settings = place.json(&["settings"]);
    let beta = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["path"] == "reward.beta")
        .unwrap();
    assert_eq!(beta["default"], 0.2);
    assert_eq!(beta["paper"], "0.2");
    assert_eq!(beta["range"], "0 to 100");
    let text = place.ok(&["run", "quickstart", "--list-settings"]);
    assert!(
        text.contains("; default 24000; 1 to 10000000 steps; paper 24 000)"),
        "{text}"
    );
    assert!(!place.store().exists());
}

#[test]
fn without_a_display_one_line_names_the_terminal_command() {
    let done = Place::new().run(&[]);
    assert_eq!(done.code, 1);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr
            .contains("cargo run --release -- run experiments/quickstart.toml")
    );
    assert!(done.stdout.is_empty());
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let place = Place::new();
    let mut child = place.start(&["settings"]);
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}
