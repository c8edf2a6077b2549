//! Names, responses and notes of other people are shown, and neither act on the terminal nor break a row; JSON has them
//! as they are; tables and commands that are copied mean what they say.

use std::process::Command;

use crate::cli_support::{Place, lines};
use emprl::store::RunStatus;
use emprl::text::shown::acts;
use serde_json::json;

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\rOver\u{202e}dlrow\u{2066}";

/// Names that a table's notation, a spreadsheet or a shell could take for something else.
const ODD: [&str; 14] = [
    "Emp_RL & co",
    "50% {best}",
    "#1 ~^\\model",
    "[ours]",
    "*star",
    "-dash",
    "=cmd|' /C calc'!A0",
    "<b>MoEL</b>",
    "Модель 😀 你好",
    "a|b",
    "$x^2$",
    "\"quoted\", comma",
    "two\nlines",
    HOSTILE,
];

fn assert_harmless(text: &str) {
    let acting = text.chars().find(|letter| acts(*letter) && *letter != '\n');
    assert_eq!(acting, None, "{text:?}");
}

/// A store with a system of this name, whose two responses act or break lines.
fn with_system(name: &str) -> Place {
    let place = Place::new();
    let rows = ["Hi.", "I am sad."]
        .map(|context| json!({"context": [context, HOSTILE, "So?"]}).to_string());
    place.write("contexts.jsonl", rows.join("\n"));
    let rows =
        [HOSTILE, "one\ntwo\r\n  forged: row"].map(|text| json!({"response": text}).to_string());
    let file = place.write("r.jsonl", rows.join("\n"));
    let system = format!("--system={name}");
    place.ok(&[
        "responses",
        "import",
        &file,
        &system,
        "--contexts",
        "contexts.jsonl",
    ]);
    place
}

#[test]
fn nothing_of_a_response_reaches_the_terminal_raw() {
    let place = with_system("S\u{202e}dlrow");
    let listed = place.ok(&["responses", "list"]);
    assert_harmless(&listed);
    assert!(listed.contains("S\\u{202e}dlrow"), "{listed}");
    let cases = place.ok(&["responses", "cases", "so"]);
    assert_harmless(&cases);
    // Two cases of two lines each, and their number.
    assert_eq!(cases.lines().count(), 5, "{cases}");
    assert!(cases.contains("one\\ntwo\\r\\n  forged: row"), "{cases}");

    let json = place.ok(&["responses", "cases", "so", "--json"]);
    assert_harmless(&json);
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    let texts: Vec<&str> = read["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["answers"][0]["text"].as_str().unwrap())
        .collect();
    assert!(texts.contains(&HOSTILE), "as it was: {texts:?}");

    let failed = place.run(&["responses", "delete", HOSTILE, "--for-good"]);
    assert!(failed.code > 0);
    assert_harmless(&failed.stderr);
}

/// A blind test of that system against another.
fn with_study() -> Place {
    let place = with_system("Qoxmodel");
    let file = place.write("b.txt", "fine\nfine too\n");
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system=Zyvbaseline",
        "--contexts=contexts.jsonl",
    ]);
    let who = [
        "--systems=Qoxmodel,Zyvbaseline",
        "--annotators=Ada,Ben,Cem",
        "--contexts=2",
    ];
    place.ok(&[&["study", "create", "--kind=ab"], who.as_slice()].concat());
    place
}

#[test]
fn an_annotator_sees_a_response_on_one_line() {
    let place = with_study();
    let shown = place.ok(&["study", "judge", "1", "--annotator=A1"]);
    assert_harmless(&shown);
    let sides = |side: &str| shown.lines().filter(|line| line.starts_with(side)).count();
    assert_eq!((sides("  1  "), sides("  2  ")), (1, 1), "{shown}");
    assert_eq!(
        shown.lines().filter(|line| line.contains("forged")).count(),
        shown.matches("forged").count()
    );
    let said = lines(&place.ok(&["study", "judge", "1", "--annotator=A1", "--json"]));
    assert!(!said.is_empty());
}

#[test]
fn runs_of_odd_names_are_shown_in_a_row_each() {
    let place = Place::new();
    for name in ODD {
        crate::window_support::run(&place.store(), name, RunStatus::Finished);
    }
    let listed = place.ok(&["runs", "list"]);
    assert_harmless(&listed);
    // Head, rule, a row each, a note.
    assert_eq!(listed.lines().count(), ODD.len() + 3, "{listed}");
    let numbers: Vec<String> = (1..=ODD.len()).map(|run| run.to_string()).collect();
    let compare = |more: &[&str]| {
        let runs: Vec<&str> = numbers.iter().map(String::as_str).collect();
        place.ok(&[&["runs", "compare"][..], &runs, &["--resamples=10"], more].concat())
    };
    assert_harmless(&compare(&[]));
    for number in &numbers {
        assert_harmless(&place.ok(&["runs", "show", number]));
    }

    let latex = compare(&["--format=latex"]);
    assert!(latex.is_ascii(), "any font and encoding has it: {latex}");
    for line in latex.lines().filter(|line| line.ends_with("\\\\")) {
        let cells = line.trim_start();
        assert!(
            !cells.starts_with(['[', '*']),
            "taken for an option: {line}"
        );
    }
    for name in [
        "Emp\\_RL \\& co",
        "50\\% \\{best\\}",
        "\\#1 \\textasciitilde{}",
        "{[}ours{]}",
        "{*}star",
    ] {
        assert!(latex.contains(name), "{name}: {latex}");
    }

    let csv = compare(&["--format=csv"]);
    assert!(csv.contains("'=cmd|' /C calc'!A0 #7"), "{csv}");
    assert!(
        csv.contains("'-dash #6") && csv.contains("\"two\nlines #13\""),
        "{csv}"
    );
    let marked = compare(&["--format=csv", "--excel"]);
    assert_eq!(marked, format!("\u{feff}{csv}"));
    let refused = place.run(&["runs", "compare", "1", "2", "--excel"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("--format csv"),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_papers_tables_take_odd_names_too() {
    let place = Place::new();
    for name in ODD {
        crate::window_support::run(&place.store(), name, RunStatus::Finished);
    }
    let runs: Vec<String> = (1..=ODD.len()).map(|run| run.to_string()).collect();
    let runs = format!("--runs={}", runs.join(","));
    for table in ["1", "2", "5"] {
        assert_harmless(&place.ok(&["table", table, &runs]));
        let rows = place.ok(&["table", table, &runs, "--format=markdown"]);
        let columns = |line: &&str| line.replace("\\|", "").matches('|').count();
        let widths: Vec<usize> = rows
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| columns(&line))
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{rows}");
        let latex = place.ok(&["table", table, &runs, "--format=latex"]);
        assert_harmless(&latex);
    }
    let out = place.path().join("t.csv").display().to_string();
    place.ok(&[
        "table",
        "5",
        &runs,
        "--format=csv",
        "--excel",
        "--out",
        &out,
    ]);
    let bytes = std::fs::read(out).unwrap();
    assert!(bytes.starts_with(b"\xef\xbb\xbf"));
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("\n'-dash (run 6),") && text.contains("'=cmd|' /C calc'!A0 (run 7)"),
        "{text}"
    );
    let mut records = csv::Reader::from_reader(text.as_bytes());
    assert!(records.records().all(|record| record.is_ok()));
}

/// Table 2 of odd names, and a comparison, are documents that LaTeX accepts.
#[test]
fn latex_of_odd_names_compiles() {
    if Command::new("pdflatex").arg("--version").output().is_err() {
        println!("left out: pdflatex is not installed");
        return;
    }
    let place = Place::new();
    for name in ODD {
        crate::window_support::run(&place.store(), name, RunStatus::Finished);
    }
    let runs: Vec<String> = (1..=ODD.len()).map(|run| run.to_string()).collect();
    let table = place.ok(&[
        "table",
        "2",
        &format!("--runs={}", runs.join(",")),
        "--format=latex",
    ]);
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    let compared = place.ok(&[
        &["runs", "compare", "--format=latex", "--resamples=10"][..],
        &runs[..3],
        &runs[3..7],
    ]
    .concat());
    for (name, document) in [("table", table), ("compared", compared)] {
        let file = place.write(&format!("{name}.tex"), document);
        let out = Command::new("pdflatex")
            .args(["-interaction=nonstopmode", "-halt-on-error", &file])
            .current_dir(place.path())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stdout)
        );
    }
}

#[test]
fn judgements_as_csv_compute_nothing_and_say_what_was_said() {
    let place = with_study();
    let said = "c =HYPERLINK(\"x\")\n1\nc -1.5\n2\n";
    let judged = place.run_with_input(&["study", "judge", "1", "--annotator=A1"], said);
    assert_eq!(judged.code, 0, "{}", judged.stderr);
    let export =
        |more: &[&str]| place.ok(&[&["study", "export", "1", "--annotator=A1"][..], more].concat());
    let csv = export(&["--format=csv"]);
    let comments: Vec<String> = csv::Reader::from_reader(csv.as_bytes())
        .deserialize()
        .map(
            |row: Result<std::collections::HashMap<String, String>, _>| {
                row.unwrap()["comment"].clone()
            },
        )
        .collect();
    assert_eq!(comments, ["'=HYPERLINK(\"x\")", "-1.5"]);
    assert!(export(&["--format=csv", "--excel"]).starts_with('\u{feff}'));
    // JSONL is exact.
    assert_eq!(lines(&export(&[]))[0]["comment"], "=HYPERLINK(\"x\")");
}

#[cfg(unix)]
#[test]
fn a_command_to_copy_means_what_it_says() {
    let place = Place::new();
    let odd = place.path().join("my $HOME 'store'");
    let store = odd.display().to_string();
    let rows = place.write("contexts.jsonl", "{\"context\": \"Hi.\"}\n");
    let file = place.write("r.txt", "Yes.\n");
    let said = place.ok(&[
        "responses",
        "import",
        &file,
        "--system=-my $system",
        "--contexts",
        &rows,
        "--store",
        &store,
    ]);
    let command = said.split('`').nth(1).unwrap();
    assert!(command.starts_with("emprl responses score"), "{said}");
    let script = format!("set -- {}; printf '%s\\n' \"$@\"", command);
    let out = Command::new("sh").args(["-c", &script]).output().unwrap();
    let words = String::from_utf8(out.stdout).unwrap();
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(
        words,
        [
            "emprl",
            "responses",
            "score",
            "--identifiers",
            "RUN",
            "--store",
            &store,
            "--",
            "-my $system"
        ]
    );
}

#[test]
fn a_table_never_shows_another_systems_figures() {
    let place = with_system("Foo");
    let file = place.write("b.txt", "fine\nfine too\n");
    let import = |system: &str| {
        let name = format!("--system={system}");
        place.run(&[
            "responses",
            "import",
            &file,
            &name,
            "--contexts=contexts.jsonl",
        ])
    };
    assert_eq!(import("foo").code, 0);
    place.ok(&["responses", "score", "foo"]);
    assert!(place.ok(&["table", "2", "--systems=foo"]).contains("foo"));
    let refused = |name: &str, why: &str| {
        let table = place.run(&["table", "2", &format!("--systems={name}")]);
        assert!(
            table.code > 0 && table.stderr.contains(why),
            "{}",
            table.stderr
        );
    };
    refused("Foo", "the system Foo has not been scored");
    refused("FOO", "there is no system FOO");
    place.ok(&["responses", "delete", "Foo", "--for-good"]);
    assert!(place.ok(&["table", "2", "--systems=FOO"]).contains("foo"));
    // The paper's values can be left out, and what is said of them.
    let whole = place.ok(&["table", "2", "--systems=foo"]);
    assert!(
        whole.contains("MoEL") && whole.contains("Reported: Table II"),
        "{whole}"
    );
    let ours = place.ok(&["table", "2", "--systems=foo", "--ours"]);
    assert!(
        ours.contains("foo") && !ours.contains("MoEL") && !ours.contains("eported"),
        "{ours}"
    );
    // Names that an option could not list.
    for name in ["a,b", " foo", "foo "] {
        let import = import(name);
        assert!(
            import.code == 2 && import.stderr.contains("a comma, or a blank"),
            "{}",
            import.stderr
        );
    }
}

#[test]
fn a_runs_name_is_one_line() {
    let place = Place::new();
    crate::window_support::run(&place.store(), "first", RunStatus::Finished);
    for name in ["two\nlines", "\u{1b}[31mred"] {
        let renamed = place.run(&["runs", "rename", "1", name]);
        assert!(
            renamed.code == 2 && renamed.stderr.contains("one line"),
            "{}",
            renamed.stderr
        );
    }
    assert!(place.ok(&["runs", "list"]).contains("first"));
}
