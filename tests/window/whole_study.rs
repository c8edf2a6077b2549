//! A whole study in the window in one go, by keyboard: two systems' responses of the full test split are imported,
//! three annotators judge 100 items, a fourth resolves what is split, the study is unblinded, its results are
//! those of SciPy and scikit-learn, and the table is written.
//!
//! The responses are published ones where the shared data is there, else rows made here in the same form.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judging_support::{fill, judge, pages, says_none_of};
use crate::study_support::texts;
use crate::window_support::{Window, click, expect, open, shows, wait_for};
use eframe::egui::Key;
use emprl::data::library;
use emprl::metrics::Bootstrap;
use emprl::store::{StoreReader, StudyId};
use emprl::study::page::Page;
use emprl::study::results::{Findings, results};
use serde_json::{Value, json};

/// What the two systems are called here: names that no text holds by chance.
const NAMES: [&str; 2] = ["MoEL-2019", "KEMP-2022"];
/// What gives them away in any spelling.
const HINTS: [&str; 4] = ["moel", "kemp-2022", "kemp.txt", "contexts.jsonl"];
const ROWS: usize = 5255;
const STUDY: StudyId = StudyId(1);

/// Contexts and the two systems' responses.
struct Files {
    contexts: PathBuf,
    systems: [PathBuf; 2],
}

fn files(dir: &Path) -> Files {
    let folder = crate::shared_data::shared_or_own("system_responses").unwrap_or_else(|| {
        made_rows(dir);
        dir.to_path_buf()
    });
    Files {
        contexts: folder.join("contexts.jsonl"),
        systems: ["moel.txt", "kemp.txt"].map(|name| folder.join(name)),
    }
}

/// As many rows of the same form as the published ones: tokens in lower case, answers that repeat.
fn made_rows(dir: &Path) {
    let emotions = ["sad", "proud", "afraid", "joyful", "angry", "hopeful"];
    let row = |at: usize| {
        json!({
            "idx": at,
            "conv_id": format!("hit:{}_conv:{}", at / 2, at),
            "emotion": emotions[at % emotions.len()],
            "context": [format!("What happened to me , number {at} , still goes round in my head .")],
            "response": (!at.is_multiple_of(877)).then(|| format!("I am with you in number {at}.")),
            "response_tok": ["i", "am", "with", "you"],
        })
        .to_string()
    };
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    std::fs::write(dir.join("contexts.jsonl"), rows.join("\n")).unwrap();
    let first: Vec<String> = (0..ROWS)
        .map(|at| format!("i 'm sorry to hear that . what happened in {} ?", at % 900))
        .collect();
    let second: Vec<String> = (0..ROWS)
        .map(|at| match at % 40 {
            0 => first[at].clone(),
            _ => format!("that is great ! i wish you {} of luck .", at % 700),
        })
        .collect();
    for (name, lines) in [("moel.txt", first), ("kemp.txt", second)] {
        std::fs::write(dir.join(name), lines.join("\n")).unwrap();
    }
}

fn fixture() -> Value {
    let text = include_str!("../fixtures/study_whole.json");
    serde_json::from_str::<Value>(text).unwrap()["ab"].take()
}

/// The systems are imported by the form of the place Case study.
fn import(window: &mut Window, files: &Files) {
    click(window, "Case study");
    for (at, (file, name)) in files.systems.iter().zip(NAMES).enumerate() {
        if at > 0 {
            click(window, "Add system");
        }
        fill(window, "File of responses", &file.display().to_string());
        fill(window, "Name of the system", name);
        let contexts = files.contexts.display().to_string();
        fill(window, "File of contexts", &contexts);
        click(window, "Import responses");
        wait_for(
            window,
            &format!("{name}: 5\u{2009}255 responses to 5\u{2009}255 contexts, in order."),
            30,
        );
        wait_for(window, "5\u{2009}255 cases", 30);
        wait_for(window, &format!("Show {name}"), 30);
        assert!(!shows(window, "File of contexts"), "the form is closed");
    }
}

/// The study is made with the form of the place Studies.
fn make(window: &mut Window) {
    click(window, "Studies");
    click(window, "New study");
    for name in NAMES {
        click(window, name);
    }
    expect(window, "100 items, 20 % ties expected");
    click(window, "Make study");
    expect(window, "0 are named; name at least three");
    fill(window, "Annotators", "Ada, Ben, Cem");
    expect(
        window,
        "100 items for each annotator, 300 judgements in all",
    );
    click(window, "Make study");
    wait_for(window, "Study 1 is made.", 30);
    says_none_of(window, &HINTS);
}

/// What the annotators think of each drawn context: the votes of the fixture, in the order of the contexts. Where
/// both answers are the same words, only a tie can be right: those contexts get votes of three ties.
struct Minds {
    votes: HashMap<Vec<String>, usize>,
    first: HashMap<Vec<String>, String>,
    expected: Value,
}

impl Minds {
    fn of(dir: &Path, expected: Value) -> Minds {
        let reader = StoreReader::open(dir).unwrap();
        let candidates = reader.candidates(&NAMES.map(str::to_string)).unwrap();
        let first = candidates
            .into_iter()
            .map(|candidate| (candidate.utterances, candidate.answers[0].clone()))
            .collect();
        let mut drawn = pages(dir, STUDY, 1);
        drawn.sort_by(|a, b| a.context.cmp(&b.context));
        let (same, other): (Vec<Page>, Vec<Page>) = drawn
            .into_iter()
            .partition(|page| texts(page)[0] == texts(page)[1]);
        let all = expected["votes"].as_array().unwrap();
        let (ties, mixed): (Vec<usize>, Vec<usize>) =
            (0..all.len()).partition(|at| all[*at] == "ttt");
        assert!(same.len() <= ties.len());
        let (for_same, left) = ties.split_at(same.len());
        let places = for_same.iter().chain(left).chain(&mixed).copied();
        let contexts = same.into_iter().chain(other).map(|page| page.context);
        Minds {
            votes: contexts.zip(places).collect(),
            first,
            expected,
        }
    }

    /// The key for what an annotator thinks of a page.
    fn key(&self, page: &Page, annotator: usize) -> Key {
        let place = self.votes[&page.context];
        let letter = |list: &str, at: usize| {
            let word = self.expected[list][place].as_str().unwrap();
            word.chars().nth(at).unwrap()
        };
        let vote = match annotator {
            4 => letter("fourth", 0),
            one => letter("votes", one - 1),
        };
        let first_left = texts(page)[0] == self.first[&page.context];
        match (vote, first_left) {
            ('t', _) => Key::ArrowDown,
            ('-', _) => Key::S,
            ('w', true) | ('l', false) => Key::ArrowLeft,
            _ => Key::ArrowRight,
        }
    }
}

#[test]
fn a_whole_study_in_one_go() {
    let expected = fixture();
    let (dir, rows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = files(rows.path());
    let mut window = open(dir.path());
    import(&mut window, &files);
    make(&mut window);
    let minds = Minds::of(dir.path(), expected.clone());
    let blind = |window: &Window| says_none_of(window, &HINTS);

    for annotator in 1..=3 {
        let own = pages(dir.path(), STUDY, annotator as u32);
        let who = format!("A{annotator}");
        let count = judge(&mut window, &own, &who, blind, |page| {
            minds.key(page, annotator)
        });
        assert_eq!(count, 100);
        expect(&mut window, "100 of 100");
    }
    fill(&mut window, "Fourth annotator", "Dee");
    click(&mut window, "Give split items to the fourth");
    let split = expected["split"].as_u64().unwrap() as usize;
    assert!(split > 0);
    expect(
        &mut window,
        &format!("The fourth annotator has {split} more items"),
    );
    let own = pages(dir.path(), STUDY, 4);
    let count = judge(&mut window, &own, "A4", blind, |page| minds.key(page, 4));
    assert_eq!(count, split);
    blind(&window);

    click(&mut window, "Unblind…");
    fill(&mut window, "Who unblinds", "Ada");
    fill(&mut window, "Why", "Dee skipped three items");
    click(&mut window, "Unblind study");
    expect(&mut window, "Study 1 is unblinded");
    for label in [
        "MoEL-2019 vs KEMP-2022",
        "50.0",
        "23.0",
        "24.0",
        "Fleiss' kappa 0.346 [",
        "] over 100 items",
    ] {
        expect(&mut window, label);
    }
    same_as_computed_elsewhere(dir.path(), &expected);
    exported(&mut window, dir.path(), &minds);
    kept_as_pairs(&mut window, dir.path(), &expected);
    table(&mut window, dir.path());
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < 1e-10,
        "{what}: {found}, {expected}"
    );
}

/// The program's results are what SciPy and scikit-learn make of these votes.
fn same_as_computed_elsewhere(dir: &Path, expected: &Value) {
    let unblinded = StoreReader::open(dir).unwrap().unblinded(STUDY).unwrap();
    let results = results(&unblinded, &Bootstrap::default());
    let Findings::AbTest(found) = &results.found else {
        panic!("an A/B test");
    };
    let pair = &found.pairs[0];
    for (share, name) in [
        (pair.win, "win"),
        (pair.lose, "lose"),
        (pair.tie, "tie"),
        (pair.unresolved, "unresolved"),
        (pair.preference, "preference"),
    ] {
        let (share, expected) = (share.unwrap(), &expected[name]);
        assert_eq!(
            json!([share.count, share.of]),
            json!([expected[0], expected[1]])
        );
        close(share.low, &expected[2], name);
        close(share.high, &expected[3], name);
    }
    close(pair.p.unwrap(), &expected["p"], "p");
    let margin = pair.margin.unwrap().value;
    close(margin, &expected["margin"][0], "margin");
    let agreement = &found.agreement;
    close(
        agreement.fleiss_kappa.unwrap(),
        &expected["fleiss"],
        "Fleiss",
    );
    let alpha = agreement.krippendorff_alpha.unwrap();
    close(alpha, &expected["alpha"], "alpha");
    assert_eq!(json!(pair.by_fourth), expected["by_fourth"]);
    let cohen = expected["cohen"].as_array().unwrap();
    for (pair, kappa) in agreement.pairs.iter().zip(cohen) {
        close(pair.kappa.unwrap(), kappa, "Cohen");
    }
}

/// What the majority preferred is a data set of preference pairs, and a file of them.
fn kept_as_pairs(window: &mut Window, dir: &Path, expected: &Value) {
    click(window, "Keep preference pairs");
    let decided = [&expected["win"][0], &expected["lose"][0]];
    let decided: u64 = decided.iter().map(|count| count.as_u64().unwrap()).sum();
    let said = format!("{decided} preference pairs are in the data set study-1");
    expect(window, &said);
    assert!(dir.join("exports/study-1-preferences.jsonl").is_file());
    let set = library::open_preferences(dir, "study-1").unwrap();
    assert_eq!(set.pairs.len() as u64, decided);
    assert_eq!(set.studies()[0].systems, ["KEMP-2022", "MoEL-2019"]);
}

/// The exported rows are the keys that were pressed; where `EMPRL_PYTHON` names a Python with SciPy, it computes
/// the results from that file anew.
fn exported(window: &mut Window, dir: &Path, minds: &Minds) {
    click(window, "Save all judgements");
    expect(window, "study-1-judgements.csv");
    assert!(dir.join("exports/study-1-judgements-record.json").is_file());
    let path = dir.join("exports/study-1-judgements.csv");
    let record = StoreReader::open(dir).unwrap().unblinded(STUDY).unwrap();
    let items = record.record.items;
    let mut rows = csv::Reader::from_path(&path).unwrap();
    let head = rows.headers().unwrap().clone();
    let mut counted = 0;
    for row in rows.records().map(Result::unwrap) {
        let of = |name: &str| &row[head.iter().position(|column| column == name).unwrap()];
        let number: u32 = of("item").parse().unwrap();
        let item = items.iter().find(|item| item.number == number).unwrap();
        let place = minds.votes[&item.utterances];
        let (list, at) = match of("annotator") {
            "A4" => ("fourth", 0),
            who => ("votes", who[1..].parse::<usize>().unwrap() - 1),
        };
        let vote = minds.expected[list][place].as_str().unwrap();
        let meant = match vote.chars().nth(at).unwrap() {
            'w' => "win",
            'l' => "lose",
            't' => "tie",
            _ => "",
        };
        assert_eq!((of("outcome"), of("system")), (meant, NAMES[0]));
        assert_eq!(of("skipped") == "true", meant.is_empty());
        counted += 1;
    }
    let split = minds.expected["split"].as_u64().unwrap();
    assert_eq!(counted, 300 + split);
    let Some(python) = std::env::var_os("EMPRL_PYTHON") else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/study_whole.py");
    let told = Command::new(python)
        .arg(script)
        .arg(&path)
        .arg("1")
        .output();
    let told = told.unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let anew: Value = serde_json::from_slice(&told.stdout).unwrap();
    same_as_computed_elsewhere(dir, &anew);
}

fn table(window: &mut Window, dir: &Path) {
    click(window, "Tables");
    click(window, "Table IV");
    click(window, "Which response is better? #1");
    expect(window, "MoEL-2019 vs KEMP-2022");
    expect(window, "EmpRL vs ChatGPT");
    expect(window, "[40.38, 59.62]");
    click(window, "Save files");
    expect(window, "table-4.tex");
    for ending in ["tex", "md", "csv"] {
        let path = dir.join(format!("tables/table-4.{ending}"));
        let text = std::fs::read_to_string(path).unwrap();
        // A hyphen is written its own way in LaTeX.
        let named = text.replace("{-}", "-").contains("MoEL-2019 vs KEMP-2022");
        assert!(named, "{text}");
    }
}
