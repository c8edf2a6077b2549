//! GRPO and RLOO from a file to a result table, as PPO: rollouts by group, metrics under their own keys, the same names in
//! filters.

use crate::cli_support::{Place, SHORT};
use serde_json::{Value, json};

fn of<'a>(events: &'a [Value], event: &str) -> Vec<&'a Value> {
    let is_it = |line: &&Value| line["event"] == event;
    events.iter().filter(is_it).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn grpo_runs_from_its_file_to_its_results() {
    let place = Place::new();
    let own = [
        "--set=grpo.tuning=prefix",
        "--set=grpo.steps=6",
        "--set=grpo.batch=2",
        "--set=grpo.evaluate_every=3",
    ];
    let arguments = [&["run", "quickstart-grpo"], SHORT.as_slice(), &own].concat();
    let plan = place.json(&[arguments.as_slice(), &["--dry-run"]].concat());
    let stages: Vec<&Value> = plan["stages"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&stages[2]["stage"], &stages[2]["steps"]),
        (&json!("grpo"), &json!(6))
    );
    assert!(stages[2]["memory"]["total"].as_u64().unwrap() > 0);
    let text = place.ok(&[arguments.as_slice(), &["--dry-run"]].concat());
    assert!(
        text.contains("Policy ") && !text.contains("value head"),
        "{text}"
    );

    let events = place.lines(&arguments);
    let last = of(&events, "metrics")
        .into_iter()
        .rfind(|line| line["stage"] == "grpo" && line["step"] == 6)
        .unwrap();
    let values = &last["values"];
    for key in [
        "grpo/reward/empathy",
        "grpo/reward/exploration",
        "grpo/group/reward_std",
        "grpo/group/zero_std",
        "grpo/kl/k1",
        "grpo/kl/k3",
        "grpo/kl/full",
        "grpo/clip_ratio/low",
        "grpo/clip_ratio/high",
        "grpo/loss",
        "grpo/entropy",
        "grpo/response_length",
        "grpo/ended_share",
        "grpo/gradient_norm",
        "grpo/lr",
        "grpo/tokens_per_second",
        "grpo/seconds/rollout",
        "validation/emp_f1",
    ] {
        assert!(number(&values[key]).is_finite(), "{key}");
    }
    assert!((number(&values["grpo/beta"]) - 0.05).abs() < 1e-6);
    assert!(
        !values
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.starts_with("ppo/"))
    );
    let finished = of(&events, "finished");
    let systems = finished[0]["results"].as_object().unwrap();
    let systems: Vec<&String> = systems.keys().collect();
    assert!(
        systems.contains(&&"GRPO".to_string()) && systems.len() == 2,
        "{systems:?}"
    );

    let rollout = place.json(&["runs", "rollout", "1"]);
    assert_eq!(
        (&rollout["stage"], &rollout["step"]),
        (&json!("grpo"), &json!(6))
    );
    let responses = rollout["responses"].as_array().unwrap();
    assert_eq!(responses.len(), 8, "two contexts, four responses each");
    for group in responses.chunks(4) {
        let context = &group[0]["context"];
        assert!(group.iter().all(|response| response["context"] == *context));
        let shaped: Vec<f64> = group
            .iter()
            .map(|response| number(&response["shaped"]))
            .collect();
        let mean = shaped.iter().sum::<f64>() / 4.0;
        let advantages: f64 = group
            .iter()
            .map(|response| number(&response["group"]["advantage"]))
            .sum();
        assert!(advantages.abs() < 1e-3, "they add up to nothing");
        for (response, score) in group.iter().zip(&shaped) {
            let of_group = &response["group"];
            assert!((number(&of_group["mean"]) - mean).abs() < 1e-5);
            let divisor = number(&of_group["std"]) + 1e-4;
            let expected = (score - mean) / divisor;
            assert!((number(&of_group["advantage"]) - expected).abs() < 1e-3);
            for token in response["tokens"].as_array().unwrap() {
                assert_eq!(token["advantage"], of_group["advantage"]);
                assert!(token["value"].is_null() && token["reward"].is_null());
            }
        }
    }
    let text = place.ok(&["runs", "rollout", "1"]);
    assert!(text.contains("among the answers to context 2"), "{text}");
    assert!(!text.contains("return"), "{text}");

    let found = place.json(&[
        "runs",
        "list",
        "--filter",
        "kl < 1000 and reward >= 0 and entropy > 0",
    ]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    let model = place.json(&["model", "show", "1"]);
    assert!(
        model.to_string().contains("grpo"),
        "the policy answers: {model}"
    );
}

#[test]
fn rloo_runs_too_and_a_second_way_of_training_a_policy_is_refused() {
    let place = Place::new();
    let own = [
        "--set=run.stages=[\"identifiers\", \"generator\", \"rloo\", \"evaluation\"]",
        "--set=rloo.tuning=prefix",
        "--set=rloo.steps=3",
        "--set=rloo.batch=2",
        "--set=rloo.evaluate_every=3",
    ];
    let arguments = [&["run", "quickstart"], SHORT.as_slice(), &own].concat();
    let events = place.lines(&arguments);
    let last = of(&events, "metrics")
        .into_iter()
        .rfind(|line| line["stage"] == "rloo" && line["step"] == 3)
        .unwrap();
    assert!(number(&last["values"]["rloo/kl/reward"]).is_finite());
    assert_eq!(last["values"]["rloo/beta"], 0.05);
    let finished = of(&events, "finished");
    assert!(finished[0]["results"]["RLOO"]["ppl"].is_object());

    for (setting, words) in [
        (
            "run.stages=[\"identifiers\", \"generator\", \"ppo\", \"grpo\"]",
            "keep one of ppo, grpo and rloo",
        ),
        ("reward.kl_control=\"adaptive\"", "no adaptive control"),
        (
            "reward.whiten_rewards=true",
            "no tokens that could be whitened",
        ),
        (
            "grpo.gradient_accumulation_steps=5",
            "must divide the 32 responses",
        ),
    ] {
        let refused = place.run(&["run", "quickstart-grpo", &format!("--set={setting}")]);
        assert_eq!(refused.code, 2, "{setting}");
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
