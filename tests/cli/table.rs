//! `emprl table`: the paper's values stand beside ours, in every format, and never mixed with it.

use std::process::Command;

use crate::cli_support::Place;
use emprl::store::RunStatus;
use serde_json::{Value, json};

fn with_run() -> Place {
    let place = Place::new();
    crate::window_support::run(&place.store(), "first try", RunStatus::Finished);
    place
}

fn row<'a>(table: &'a Value, name: &str) -> &'a Value {
    let rows = table["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["name"] == name);
    &found.unwrap_or_else(|| panic!("no row {name}: {table}"))["cells"]
}

#[test]
fn without_a_choice_tables_hold_what_the_paper_reports() {
    let place = Place::new();
    let known = [
        ("1", "Exploration", vec![94.98, 94.80]),
        ("2", "EmpRL", vec![12.87, 4.55, 27.71, 66.40]),
        ("3", "ChatGPT", vec![4.25, 4.32, 4.52]),
        ("4", "EmpRL vs ChatGPT", vec![12.0, 40.0, 48.0]),
        ("5", "w/o KL Penalty", vec![28.71, 1.64, 7.08, 58.15]),
    ];
    for (number, name, values) in known {
        let table = place.json(&["table", number]);
        let cells = row(&table, name).as_array().unwrap();
        let columns = table["columns"].as_array().unwrap();
        let reported: Vec<f64> = cells
            .iter()
            .zip(columns)
            .filter(|(_, column)| column["reported"] == true)
            .map(|(cell, _)| cell["value"].as_f64().unwrap())
            .collect();
        assert_eq!(reported, values, "table {number}");
        let mut ours = cells
            .iter()
            .zip(columns)
            .filter(|(_, column)| column["reported"] == false);
        assert!(ours.all(|(cell, _)| cell.is_null()), "table {number}");
    }
    // ChatGPT's perplexity is not reported.
    assert_eq!(row(&place.json(&["table", "2"]), "ChatGPT")[1], Value::Null);
}

#[test]
fn a_runs_figures_stand_in_the_papers_rows_with_their_samples() {
    let place = with_run();
    let table = place.json(&["table", "2", "--runs=1"]);
    let cells = row(&table, "EmpRL (first try, run 1)");
    assert_eq!(cells[0], json!({"value": 12.5, "low": 11.5, "high": 13.5}));
    assert_eq!(cells[1]["value"], 12.87);
    assert_eq!(row(&table, "Generator (first try, run 1)")[1], Value::Null);
    let notes = table["notes"].to_string();
    for words in [
        "seed 3",
        "not T5-base",
        "50 examples of the test split",
        "95 % bootstrap",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let identifiers = place.json(&["table", "1", "--runs=1"]);
    assert_eq!(identifiers["columns"][0]["title"], "Accuracy (%), run 1");
    assert!(
        row(&identifiers, "Exploration")[0]["value"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    let ablation = place.json(&["table", "5", "--runs=1"]);
    assert_eq!(row(&ablation, "first try (run 1)")[6]["value"], 68.0);
}

#[test]
fn every_format_says_the_same() {
    let place = with_run();
    let markdown = place.ok(&["table", "2", "--runs=1", "--format=markdown"]);
    assert!(
        markdown.contains("| EmpRL (first try, run 1) | 12.50 \\[11.50, 13.50\\] | 12.87 |"),
        "{markdown}"
    );
    let csv = place.ok(&["table", "2", "--runs=1", "--format=csv"]);
    assert!(
        csv.starts_with("Models,PPL,\"PPL, low\",\"PPL, high\",\"PPL, reported\","),
        "{csv}"
    );
    assert!(
        csv.contains("\"EmpRL (first try, run 1)\",12.5,11.5,13.5,12.87,"),
        "{csv}"
    );
    let latex = place.ok(&["table", "2", "--runs=1", "--format=latex"]);
    assert!(
        latex.contains("EmpRL (first try, run 1) & 12.50 {\\scriptsize [11.50, 13.50]} & 12.87 &"),
        "{latex}"
    );
    place.ok(&["table", "2", "--out=two.tex", "--format=latex"]);
    assert!(place.path().join("two.tex").is_file());
}

#[test]
fn what_a_table_is_not_made_of_is_refused() {
    let place = with_run();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let done = place.run(&[&["table"], arguments].concat());
        assert_eq!(done.code, code, "{}", done.stderr);
        assert!(done.stderr.contains(words), "{}", done.stderr);
    };
    refused(&["7"], 2, "7");
    refused(&["3", "--runs=1"], 2, "they are for tables 1, 2, 5");
    refused(&["2", "--runs=9"], 1, "no run 9");
    refused(&["2", "--systems=Nobody"], 1, "there is no system Nobody");
    refused(&["6"], 1, "no case is pinned");
    refused(&["4", "--study=1"], 1, "no study 1");
}

/// A case whose texts hold everything that a format could take for its own.
fn with_pinned_case() -> Place {
    let place = with_run();
    let said = r"50% of $5 & {x}_1 #2 \\ ~^ <b> | `a` *b* “quoted” … café 😀 – [c] don't";
    let contexts = json!({"conv_id": "c1", "emotion": "sad", "context": [said, "Oh?", "Yes."], "response": said});
    place.write("contexts.jsonl", contexts.to_string());
    let answer = json!({"conv_id": "c1", "context": [said, "Oh?", "Yes."], "response": said});
    let file = place.write("answers.jsonl", answer.to_string());
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system",
        "A&B_1",
        "--contexts",
        "contexts.jsonl",
    ]);
    let key = place.json(&["responses", "cases", "oh"])["cases"][0]["key"].clone();
    place.ok(&[
        "responses",
        "pin",
        key.as_str().unwrap(),
        "--note",
        "50% & more",
    ]);
    place
}

#[test]
fn cases_go_into_table_six_whatever_they_say() {
    let place = with_pinned_case();
    let table = place.json(&["table", "6", "--systems=a&b_1"]);
    assert_eq!(row(&table, "Emotion")[0], "sad");
    assert!(
        row(&table, "Context")[0]
            .as_str()
            .unwrap()
            .ends_with("Listener: Oh? Speaker: Yes.")
    );
    assert_eq!(row(&table, "Note")[0], "50% & more");
    let markdown = place.ok(&["table", "6", "--format=markdown"]);
    let pipes = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(
        markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .all(|line| pipes(line) == 3),
        "{markdown}"
    );
    let csv = place.ok(&["table", "6", "--format=csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert!(reader.records().all(|record| record.unwrap().len() == 2));
}

/// Where there is a LaTeX, every table compiles as it is; where there is none, this says so.
#[test]
fn the_latex_compiles_as_it_is() {
    if Command::new("pdflatex").arg("--version").output().is_err() {
        eprintln!("no pdflatex here: the LaTeX of the tables is not compiled");
        return;
    }
    let place = with_pinned_case();
    for number in ["1", "2", "3", "4", "5", "6"] {
        let file = format!("table-{number}.tex");
        let chosen: &[&str] = match number {
            "1" | "2" | "5" => &["--runs=1"],
            _ => &[],
        };
        place.ok(&[&["table", number, "--format=latex", "--out", &file], chosen].concat());
        let output = Command::new("pdflatex")
            .args(["-interaction=nonstopmode", "-halt-on-error", &file])
            .current_dir(place.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "table {number}: {log}");
        assert!(place.path().join(format!("table-{number}.pdf")).is_file());
    }
}
