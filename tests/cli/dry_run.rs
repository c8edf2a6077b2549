//! `emprl run --dry-run`: says what a run would be, refuses what the run would refuse, touches nothing.

use crate::cli_support::{Place, short};

#[test]
fn a_plan_is_the_run_that_follows_it() {
    let place = Place::new();
    let plan = place.json(&short(&["--dry-run"]));
    assert!(!place.store().exists(), "nothing is written");
    assert_eq!(plan["experiment"], "quickstart");
    let differs = plan["differs_from_defaults"].as_object().unwrap();
    assert_eq!(differs["ppo.steps"], 24);
    assert!(!differs.contains_key("ppo.epochs"));
    assert!(plan["operations_per_second"].as_f64().unwrap() > 1e6);

    let events = place.lines(&short(&[]));
    for stage in plan["stages"].as_array().unwrap() {
        let begun = events
            .iter()
            .find(|line| {
                line["event"] == "stage"
                    && line["stage"] == stage["stage"]
                    && line["status"] == "running"
            })
            .unwrap();
        assert_eq!(stage["steps"], begun["total"], "{stage}");
        assert!(stage["memory"]["total"].as_u64() <= plan["peak_memory"].as_u64());
        assert!(stage["seconds"].as_f64().unwrap() > 0.0);
    }
    // A checkpoint holds a tokenizer and lists besides, which are some 50 kB.
    let saved = place.json(&["runs", "show", "1"])["checkpoints"].clone();
    let saved: Vec<u64> = saved
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["bytes"].as_u64().unwrap().saturating_sub(50_000))
        .collect();
    let (planned, whole) = (plan["disk"].as_u64().unwrap(), saved.iter().sum::<u64>());
    assert!(
        planned > whole * 7 / 10 && planned < whole * 13 / 10,
        "{planned} planned, {whole} on disk in {} checkpoints",
        saved.len()
    );
    let model = place.json(&["model", "show", "1"]);
    let policy = &plan["parameters"]["policy"];
    let both = policy["trained"].as_u64().unwrap() + policy["frozen"].as_u64().unwrap();
    let width = model["config"]["d_model"].as_u64().unwrap();
    assert_eq!(
        both,
        model["model_parameters"].as_u64().unwrap()
            + model["adapter_parameters"].as_u64().unwrap()
            + width
            + 1
    );
    assert_eq!(policy["frozen"], model["model_parameters"]);

    let text = place.ok(&short(&["--dry-run", "--reuse=1", "--set=reward.beta=0"]));
    for words in [
        "Nothing was started or written",
        "reward.beta = 0",
        "taken over",
        "Policy with value head",
        "All of it in about",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(place.json(&["runs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_run_is_refused_in_the_same_words() {
    let place = Place::new();
    for arguments in [
        vec!["emprl-paper"],
        vec!["identifiers"],
        vec!["quickstart", "--set=generator.tuning=prefix"],
        vec!["quickstart", "--set=ppo.tuning=prefix"],
        vec!["quickstart", "--set=model.source=nowhere"],
        vec!["quickstart", "--set=ppo.stepps=3"],
        vec!["quickstart", "--device=abacus"],
        vec!["quickstart", "--reuse=7"],
        vec![],
    ] {
        let start = place.run(&[&["run"][..], &arguments].concat());
        let plan = place.run(&[&["run", "--dry-run"][..], &arguments].concat());
        assert!(start.code == 1 || start.code == 2, "{arguments:?}");
        assert_eq!(
            (plan.code, plan.stderr.as_str(), plan.stdout.as_str()),
            (start.code, start.stderr.as_str(), ""),
            "{arguments:?}"
        );
    }
}
