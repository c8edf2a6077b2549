//! `emprl runs compare`, `list` and `export` of runs over seeds: what is counted, named and changed on the way.

use std::process::Command;

use emprl::metrics::declared::EMPATHY_REWARD;
use serde_json::json;

use crate::cli_support::Place;
use crate::seeds_support::seed_run;

const LONG: &[(u64, f64)] = &[(1, 0.1), (2, 0.2), (3, 0.3)];

fn changed_and_not() -> Place {
    let place = Place::new();
    for (seed, change) in [(1, None), (2, None), (3, Some((2, 5e-5)))] {
        let name = format!("sweep seed {seed}");
        seed_run(&place.store(), &name, seed, (EMPATHY_REWARD, LONG), change);
    }
    place
}

#[test]
fn a_change_on_the_way_stands_in_every_list_filter_and_export() {
    let place = changed_and_not();
    let words = "3e-4 until step 2, then 5e-5";
    let made = json!([{"after_step": 2, "setting": "ppo.lr", "value": 5e-5}]);
    let list = |filter: &str| -> Vec<i64> {
        let runs = place.json(&["runs", "list", "--filter", filter]);
        let runs = runs.as_array().unwrap().clone();
        runs.iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(list("ppo.lr = 3e-4"), [2, 1]);
    assert_eq!(list("ppo.lr = 5e-5"), [0; 0]);
    assert_eq!(list("not ppo.lr = 3e-4"), [3]);
    assert_eq!(list("changed"), [3]);
    let runs = place.json(&["runs", "list"]);
    assert_eq!(
        (&runs[0]["changes"], &runs[1]["changes"]),
        (&made, &json!([]))
    );
    // Times always have three decimals.
    assert!(runs[0]["ended"].as_str().unwrap().ends_with(":20.290Z"));
    let listed = place.ok(&["runs", "list", "--columns", "id,ppo.lr,changed"]);
    assert!(listed.contains(words), "{listed}");
    for by in ["experiment", "ppo.lr"] {
        let grouped = place.ok(&["runs", "list", "--group", by, "--columns", "reward"]);
        let rows = || grouped.lines().filter(|line| line.contains("0.3"));
        assert_eq!(rows().count(), 2, "{grouped}");
        assert!(rows().any(|row| row.contains(words)), "{grouped}");
    }

    let shown = place.json(&["runs", "show", "3"]);
    assert_eq!(shown["changes"], made);
    let shown = place.ok(&["runs", "show", "3"]);
    assert!(shown.contains(&format!("ppo.lr = {words}")), "{shown}");

    let compared = place.ok(&["runs", "compare", "1", "3"]);
    assert!(compared.contains(words), "{compared}");
    let compared = place.json(&["runs", "compare", "1", "3"]);
    let rate = &compared["settings"]["ppo.lr"];
    assert_eq!(rate[0], 3e-4);
    assert_eq!(
        rate[1]["changed_to"],
        json!([{"after_step": 2, "value": 5e-5}])
    );

    for (format, file) in [("csv", "changes.csv"), ("jsonl", "run.json")] {
        let folder = place.path().join(format).display().to_string();
        place.ok(&["runs", "export", "3", "--format", format, &folder]);
        let text = std::fs::read_to_string(place.path().join(format).join(file)).unwrap();
        match format {
            "csv" => assert_eq!(text, "run,setting,after_step,value\n3,ppo.lr,2,0.00005\n"),
            _ => {
                let run: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(run["changes"], made);
            }
        }
    }
    let folder = place.path().join("board").display().to_string();
    let done = place.json(&["runs", "export", "3", "--format", "tensorboard", &folder]);
    let file = std::fs::read(done["files"][0].as_str().unwrap()).unwrap();
    let tag = b"settings/ppo.lr";
    let curve = file.windows(tag.len()).filter(|part| part == tag);
    assert_eq!(curve.count(), 2, "the value it began with, and the next");
}

#[test]
fn a_mean_over_seeds_leaves_the_changed_run_out() {
    let place = changed_and_not();
    let file = place.path().join("band.csv").display().to_string();
    let plot = ["--plot", EMPATHY_REWARD, "--bands", "--file", &file];
    place.ok(&[&["runs", "compare", "1", "2", "3"], &plot[..]].concat());
    let csv = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(lines.len(), 6, "{csv}");
    let mean = "\"quickstart, ppo.lr 3e-4 (n = 2)\",1,0.1,0.1,0.1,2,\"ppo/reward/empathy|1|";
    assert!(lines[0].starts_with(mean), "{csv}");
    assert!(lines[5].contains(",,,1,\"ppo/reward/empathy|1|"), "{csv}");
    assert!(lines[3].starts_with("\"sweep seed 3 #3 (n = 1, thin, no band)\""));
}

/// Where there is a LaTeX, it compiles; where there is none, this says so.
#[test]
fn the_latex_of_a_comparison_holds_any_name() {
    let place = Place::new();
    let names = [
        "[ours]",
        "*x",
        "a_b & c%",
        "50% {best}",
        "#1 ~^\\model",
        "Модель 😀",
        "模型 $x^2$",
    ];
    for (name, seed) in names.into_iter().zip(1..) {
        seed_run(&place.store(), name, seed, (EMPATHY_REWARD, LONG), None);
    }
    let runs = ["1", "2", "3", "4", "5", "6", "7"];
    let latex = place.ok(&[&["runs", "compare", "--format", "latex"], &runs[..]].concat());
    for part in [
        "{[}ours{]} \\#1",
        "{*}x \\#2",
        "a\\_b \\& c\\% \\#3",
        "50\\% \\{best\\} \\#4",
        "\\#1 \\textasciitilde{}\\textasciicircum{}\\textbackslash{}model \\#5",
        "{[}U+1F600{]} \\#6",
        "{[}U+6A21{]}{[}U+578B{]} \\$x\\textasciicircum{}2\\$ \\#7",
        "\\end{document}",
    ] {
        assert!(latex.contains(part), "{part}: {latex}");
    }
    // A row that begins with these would be an argument of the break before it.
    let begins = |line: &str| line.starts_with(['[', '*']);
    assert!(!latex.lines().any(begins), "{latex}");
    if Command::new("pdflatex").arg("--version").output().is_err() {
        eprintln!("no pdflatex here: the LaTeX of the comparison is not compiled");
        return;
    }
    place.write("compared.tex", &latex);
    let output = Command::new("pdflatex")
        .args(["-interaction=nonstopmode", "-halt-on-error", "compared.tex"])
        .current_dir(place.path())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{log}");
}
