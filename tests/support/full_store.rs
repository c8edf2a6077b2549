//! A store with something of everything, made once and copied.

use std::fs;
use std::path::Path;

use crate::cli_support::Place;
use crate::store_support::*;
use emprl::experiment::{Config, Report, Stage};
use emprl::store::{NewRun, RunStatus, Store};

/// Runs with curves, dialogues, rollouts and results (the third is archived, the fourth deleted), two systems, a
/// study that is blind and one that is not, and a run in the queue.
pub fn fill(place: &Place) {
    let mut store = Store::open(&place.store()).unwrap();
    for seed in 1..=4 {
        let new = NewRun {
            config_toml: Config::default().to_toml(),
            seed,
            ..new_run(&format!("run of seed {seed}"))
        };
        let lock = store.create_run(&new).unwrap();
        let run = lock.run();
        let mut reports: Vec<(i64, Report)> = Vec::new();
        for step in 0..20 {
            let values = [("ppo/reward/empathy", step as f64), ("ppo/kl/full", 0.1)];
            reports.push((step as i64, metrics(Stage::Ppo, step, &values)));
        }
        reports.push((
            21,
            Report::Samples {
                stage: Stage::Ppo,
                step: 10,
                dialogues: vec![dialogue(0, "I see.", Some(0.5))],
            },
        ));
        reports.push((
            22,
            Report::Rollout {
                stage: Stage::Ppo,
                step: 10,
                responses: vec![response(0, 0.5)],
            },
        ));
        reports.push((
            23,
            Report::Results {
                system: results("policy", Some(20.0)),
            },
        ));
        store.record(run, &reports).unwrap();
        store
            .set_status(run, RunStatus::Finished, None, 24)
            .unwrap();
        store.tag(run, &["paper".into()], &[]).unwrap();
    }
    store.archive(emprl::store::RunId(3), true).unwrap();
    store.delete(emprl::store::RunId(4)).unwrap();
    drop(store);
    let contexts: Vec<String> = (0..12)
        .map(|at| {
            serde_json::json!({
                "conv_id": format!("c{at}"), "emotion": "sad",
                "context": [format!("This is what happened, number {at}."), "Oh?", "Yes."],
                "response": format!("I am so sorry to hear of all that is in number {at}."),
            })
            .to_string()
        })
        .collect();
    place.write("contexts.jsonl", contexts.join("\n"));
    for (name, mark) in [("Qoxmodel", "indeed"), ("Zyvbaseline", "perhaps")] {
        let rows: Vec<String> = (0..12)
            .map(|at| format!("I {mark} see, about {at}."))
            .collect();
        let file = place.write(&format!("{name}.txt"), rows.join("\n"));
        let system = format!("--system={name}");
        place.ok(&[
            "responses",
            "import",
            &file,
            &system,
            "--contexts",
            "contexts.jsonl",
        ]);
    }
    for kind in ["ab", "rating"] {
        place.ok(&[
            "study",
            "create",
            "--kind",
            kind,
            "--systems=Qoxmodel,Zyvbaseline",
            "--annotators=Ada,Ben,Cem",
            "--contexts=12",
        ]);
    }
    place.ok(&["queue", "add", "quickstart"]);
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
