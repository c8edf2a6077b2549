//! Runs over several seeds: means with their intervals, differences with corrected tests, and the signature under each.

use emprl::data::rows::{Row, write_jsonl};
use emprl::experiment::Report;
use emprl::metrics::declared::{
    EMPATHY_REWARD, VALIDATION_EMP_F1, VALIDATION_PPL, VALIDATION_WORDS,
};
use emprl::metrics::{Answered, Bootstrap, system_results};
use emprl::store::{RunId, Store};
use serde_json::{Value, json};

use crate::cli_support::Place;
use crate::seeds_support::seed_run;

const CURVE: &[(u64, f64)] = &[(1, 0.1), (2, 0.2)];

/// A run of a seed, evaluated on 40 examples in 20 conversations; its responses miss the target's levels in every
/// `missed`th. A change on the way makes it another arm.
fn evaluated(place: &Place, seed: u64, missed: usize, change: Option<(u64, f64)>) -> RunId {
    let name = format!("seed {seed}");
    let run = seed_run(&place.store(), &name, seed, (EMPATHY_REWARD, CURVE), change);
    let rows: Vec<Row> = (0..40)
        .map(|at| {
            let level = at % 3;
            let found = if at % missed == 0 {
                (level + 1) % 3
            } else {
                level
            };
            let mut row = Row::new(vec![format!("context {at}")], format!("word {}", at % 7));
            row.set("conversation", format!("c{}", at / 2));
            row.set("turn", at % 2);
            row.set("target_nll", 3.0 + seed as f64 / 10.0);
            row.set("target_tokens", 2);
            row.set("target_levels", json!([level, level, level]));
            row.set("levels", json!([found, found, found]));
            row.set("shuffled_levels", json!([0, 1, 2]));
            row
        })
        .collect();
    let folder = place
        .store()
        .join("runs")
        .join(run.to_string())
        .join("responses");
    std::fs::create_dir_all(&folder).unwrap();
    let mut text = Vec::new();
    write_jsonl(&mut text, &rows).unwrap();
    std::fs::write(folder.join("emprl.jsonl"), text).unwrap();
    let responses: Vec<String> = rows.iter().filter_map(|row| row.response.clone()).collect();
    let answered = Answered {
        targets: None,
        ppl_batch: 0,
        responses: &responses,
        references: &["some words", "of targets"],
        levels: None,
        controls: None,
        truncation: None,
        held_out: &[],
    };
    let system = system_results("EmpRL", "test", answered, &Bootstrap::default());
    let mut store = Store::open(&place.store()).unwrap();
    let report = Report::Results { system };
    store.record(run, &[(2_000_300, report)]).unwrap();
    run
}

/// Seeds 1 to 3 of two arms: runs 1 to 3, and 4 to 6.
fn two_arms() -> Place {
    let place = Place::new();
    for (seed, missed) in [(1, 5), (2, 6), (3, 8)] {
        evaluated(&place, seed, missed, None);
    }
    for (seed, missed) in [(1, 3), (2, 3), (3, 4)] {
        evaluated(&place, seed, missed, Some((1, 5e-5)));
    }
    place
}

const ALL: [&str; 8] = ["runs", "compare", "1", "2", "3", "4", "5", "6"];

#[test]
fn means_over_seeds_stand_with_intervals_tests_and_what_weakens_them() {
    let place = two_arms();
    let text = place.ok(&ALL);
    for words in [
        "Means over seeds on the test split",
        "n < 5 seeds, so that intervals over seeds are too narrow",
        "IQM of F1 (%)",
        "Differences between means over seeds, from quickstart",
        "p (Holm)",
        "the same seeds",
        "At matched length",
        "EAD-1 (%)",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let found = place.json(&ALL);
    let over = &found["over_seeds"];
    assert_eq!(
        (&over["n"], &over["groups"][0]["seeds"]),
        (&json!(40), &json!([1, 2, 3]))
    );
    let figure = |group: usize, key: &str| over["groups"][group]["figures"][key].clone();
    let value = |figure: &Value, name: &str| figure[name].as_f64().unwrap();
    let ppl = figure(0, VALIDATION_PPL);
    let each = [3.1f64, 3.2, 3.3].map(|nll| (nll / 2.0).exp());
    assert!((value(&ppl, "value") - each.iter().sum::<f64>() / 3.0).abs() < 1e-9);
    let emp_f1 = [0, 1].map(|group| figure(group, VALIDATION_EMP_F1));
    for of in &emp_f1 {
        assert!(value(of, "low") < value(of, "value") && value(of, "value") < value(of, "high"));
    }
    let difference = &over["differences"][0];
    assert_eq!(difference["paired"], true);
    let of = &difference["figures"][VALIDATION_EMP_F1];
    let apart = value(&emp_f1[1], "value") - value(&emp_f1[0], "value");
    assert!((value(of, "value") - apart).abs() < 1e-9 && apart < 0.0);
    // Three seeds: no assignment of signs is rarer than one of four.
    assert_eq!(value(of, "p"), 0.25);
    assert!(value(of, "p_holm") >= value(of, "p"));
    assert_eq!(
        difference["figures"][VALIDATION_WORDS]["improvement"],
        Value::Null
    );
    let paired = &found["differences"][0]["figures"][VALIDATION_EMP_F1];
    assert!(value(paired, "p_holm") >= value(paired, "p"));
}

#[test]
fn performance_profiles_are_written() {
    let place = two_arms();
    let file = place.path().join("profiles.csv").display().to_string();
    place.ok(&[&ALL[..], &["--profiles", &file]].concat());
    let csv = std::fs::read_to_string(&file).unwrap();
    assert!(
        csv.starts_with("line,F1 (%),share of scores above,low,high,n,Signature\n"),
        "{csv}"
    );
    assert!(csv.contains("(n = 3)\",0,1,"), "{csv}");
    let alone = place.run(&["runs", "compare", "1", "4", "--profiles", "p.svg"]);
    assert_eq!(alone.code, 2);
    assert!(
        alone
            .stderr
            .contains("no two of these runs differ in the seed alone")
    );
}

#[test]
fn tables_have_a_row_for_the_mean_over_seeds() {
    let place = two_arms();
    let table = place.json(&["table", "2", "--runs=1,2,3"]);
    let rows = table["rows"].as_array().unwrap();
    let name = "EmpRL (mean of 3 seeds: runs 1, 2, 3)";
    let mean = rows.iter().find(|row| row["name"] == name).unwrap();
    let ppl = mean["cells"][0]["value"].as_f64().unwrap();
    assert!((4.5..5.5).contains(&ppl), "{mean}");
    let notes = table["notes"].to_string();
    assert!(
        notes.contains("n < 5 seeds") && notes.contains("40 examples"),
        "{notes}"
    );
}

#[test]
fn a_signature_is_checked_against_a_store() {
    let place = two_arms();
    let table = place.json(&["table", "2", "--runs=1,2"]);
    let signature = table["signatures"][0].as_str().unwrap().to_string();
    assert!(signature.starts_with("ppl,dist_1,"), "{signature}");
    let parts: Vec<&str> = signature.split('|').collect();
    assert_eq!(
        (parts.len(), parts[5], parts[3]),
        (7, "1,2", "data:9f2c+9f2c")
    );
    for format in ["latex", "markdown", "csv"] {
        let format = format!("--format={format}");
        let text = place.ok(&["table", "2", "--runs=1,2", &format]);
        assert!(text.contains("Signature"), "{text}");
    }
    let compared = place.ok(&["runs", "compare", "1", "2", "--format", "csv"]);
    assert!(compared.contains(&signature), "{compared}");
    let ok = place.ok(&["signature", "check", &signature]);
    // A signature names no settings, so that the runs of the other arm are as it says too.
    assert!(
        ["ok: run 1, run 2\n", "ok: run 4, run 5\n"].contains(&&*ok),
        "{ok}"
    );
    let other = signature.replace("9f2c+9f2c", "0000+9f2c");
    let differs = place.run(&["signature", "check", &other]);
    assert_eq!(differs.code, 1);
    let words = "data: the signature has data:0000+9f2c, the store data:9f2c+9f2c";
    assert!(differs.stderr.contains(words), "{}", differs.stderr);
    let document = place.run(&["--json", "signature", "check", &other]);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["differing"][0]["part"], "data");
    let missing = place.run(&["signature", "check", &signature.replace("|1,2|", "|1,9|")]);
    assert!(
        missing.stderr.contains("seeds: the signature has 1,9"),
        "{}",
        missing.stderr
    );
    let wrong = place.run(&["signature", "check", "ppl|1"]);
    assert_eq!(wrong.code, 2);
}
