//! A response is attached to the context it answers, or the file is refused with the rows; nothing by guess.

use std::fmt::Write;
use std::path::Path;

use emprl::study::AlignBy;
use emprl::study::StudyError;
use emprl::study::contexts::OrderedContexts;
use emprl::study::responses::{SystemResponses, import};

/// Imports `responses` against `contexts`, both as text in files of these names.
fn matched(
    contexts: &str,
    (name, responses): (&str, &str),
    by: Option<AlignBy>,
) -> Result<(OrderedContexts, SystemResponses), StudyError> {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let contexts = write("contexts.jsonl", contexts);
    let (order, _) = OrderedContexts::from_file(&contexts, &[])?;
    let responses = import(&write(name, responses), &order, by)?;
    Ok((order, responses))
}

/// The response to each context, by the context's last word.
fn pairs((order, responses): &(OrderedContexts, SystemResponses)) -> Vec<(String, String)> {
    let contexts = order.contexts().iter().zip(&responses.answers);
    contexts
        .filter_map(|(context, answer)| Some((context.utterances.concat(), answer.clone()?)))
        .collect()
}

fn numbered(numbers: &[u32]) -> String {
    let mut text = String::new();
    for n in numbers {
        writeln!(
            text,
            "{{\"idx\": {n}, \"context\": [\"Job {n}.\"], \"response\": \"T{n}.\"}}"
        )
        .unwrap();
    }
    text
}

fn answers(numbers: &[u32], number: impl Fn(u32) -> String) -> String {
    let mut text = String::new();
    for n in numbers {
        writeln!(
            text,
            "{{\"idx\": {}, \"response\": \"For {n}.\"}}",
            number(*n)
        )
        .unwrap();
    }
    text
}

fn all_right(found: &(OrderedContexts, SystemResponses), count: usize) {
    let pairs = pairs(found);
    assert_eq!(pairs.len(), count);
    for (context, answer) in pairs {
        assert_eq!(context.replace("Job", "For"), answer);
    }
    assert_eq!(found.1.aligned_by, AlignBy::Index);
}

fn refused(contexts: &str, responses: (&str, &str), parts: &[&str]) {
    let error = matched(contexts, responses, None).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "no {part:?} in {error:?}");
    }
}

#[test]
fn rows_go_by_the_contexts_own_numbers_whatever_the_order() {
    let shuffled = numbered(&[5, 3, 0, 1, 2, 4]);
    let rows = answers(&[0, 1, 2, 3, 4, 5], |n| n.to_string());
    all_right(&matched(&shuffled, ("r.jsonl", &rows), None).unwrap(), 6);
    let subset = numbered(&[100, 205, 317, 3, 9]);
    let rows = answers(&[3, 9, 100, 205, 317], |n| n.to_string());
    all_right(&matched(&subset, ("r.jsonl", &rows), None).unwrap(), 5);
    // 3.0, "3" and a column of floats are the number 3.
    for number in [|n| format!("{n}.0"), |n| format!("\"{n}\"")] {
        let rows = answers(&[7, 11, 0, 8], number);
        let contexts = numbered(&[0, 7, 8, 11]);
        all_right(&matched(&contexts, ("r.jsonl", &rows), None).unwrap(), 4);
    }
    let csv = "idx,response\n7.0,For 7.\n0.0,For 0.\n";
    all_right(
        &matched(&numbered(&[0, 7]), ("r.csv", csv), None).unwrap(),
        2,
    );
    // An id of any kind is a number too.
    let contexts =
        "{\"id\": \"a\", \"context\": \"Job a.\"}\n{\"id\": \"b\", \"context\": \"Job b.\"}\n";
    let rows =
        "{\"id\": \"b\", \"response\": \"For b.\"}\n{\"id\": \"a\", \"response\": \"For a.\"}\n";
    all_right(&matched(contexts, ("r.jsonl", rows), None).unwrap(), 2);
}

#[test]
fn numbers_that_can_be_read_in_two_ways_are_refused() {
    let contexts = numbered(&[0, 1, 2, 3]);
    // Under another name, from one, the last missing: or from nought, the first missing.
    let rows = "{\"index\": 1, \"response\": \"a\"}\n{\"index\": 2, \"response\": \"b\"}\n{\"index\": 3, \"response\": \"c\"}\n";
    refused(
        &contexts,
        ("r.jsonl", rows),
        &[
            "index runs from 1 to 3 where idx of contexts.jsonl runs from 0 to 3",
            "--by index",
        ],
    );
    let told = matched(&contexts, ("r.jsonl", rows), Some(AlignBy::Index)).unwrap();
    assert_eq!(told.1.answers[1].as_deref(), Some("a"));
    assert!(
        told.1.notes[0].contains("if it counts from one"),
        "{:?}",
        told.1.notes
    );
    // Plainly from one.
    refused(
        &contexts,
        ("r.jsonl", &answers(&[1, 2, 3, 4], |n| n.to_string())),
        &[
            "idx runs from 1 to 4",
            "it counts from one, the contexts do not",
        ],
    );
    // Contexts without numbers of their own.
    let plain = "First.\nSecond.\nThird.\nFourth.\n";
    let rows = answers(&[1, 2], |n| n.to_string());
    refused(
        plain,
        ("r.jsonl", &rows),
        &["it may count from 0 or from 1"],
    );
    let from_one = matched(
        plain,
        ("r.jsonl", &answers(&[1, 4], |n| n.to_string())),
        None,
    )
    .unwrap();
    assert_eq!(from_one.1.answers[3].as_deref(), Some("For 4."));
    assert_eq!(from_one.1.notes, ["idx is read as counting from one."]);
}

#[test]
fn a_row_without_its_number_is_refused_with_its_line() {
    let contexts = numbered(&[0, 1, 2]);
    for row in [
        "{\"response\": \"For 1.\"}",
        "{\"idx\": null, \"response\": \"For 1.\"}",
    ] {
        let rows = format!(
            "{{\"idx\": 2, \"response\": \"For 2.\"}}\n{row}\n{{\"idx\": 0, \"response\": \"For 0.\"}}\n"
        );
        refused(
            &contexts,
            ("r.jsonl", &rows),
            &["1 of 3 rows has no idx (line 2)", "--by"],
        );
        let in_order = matched(&contexts, ("r.jsonl", &rows), Some(AlignBy::Order)).unwrap();
        assert_eq!(in_order.1.answers[0].as_deref(), Some("For 2."));
    }
    let twice = numbered(&[0, 1, 1]);
    let rows = answers(&[0, 1], |n| n.to_string());
    refused(
        &twice,
        ("r.jsonl", &rows),
        &["lines 2 and 3 both have idx 1"],
    );
    let ids = "{\"id\": 2, \"response\": \"a\"}\n{\"id\": 1, \"response\": \"b\"}\n";
    refused(
        "Job 1.\nJob 2.\n",
        ("r.jsonl", ids),
        &["ids do not ascend (line 1 has 2, line 2 has 1)"],
    );
}

#[test]
fn contexts_of_signs_alone_are_told_apart() {
    let texts = ["😀", "😢", "...", "!!!", "我失业了", "ถูกไล่ออก", "مرحبا"];
    let row = |text: &str| format!("{{\"context\": [\"{text}\"], \"response\": \"to {text}\"}}\n");
    let contexts: String = texts.iter().map(|text| row(text)).collect();
    let rows: String = texts.iter().rev().map(|text| row(text)).collect();
    let found = matched(&contexts, ("r.jsonl", &rows), None).unwrap();
    assert_eq!(found.1.aligned_by, AlignBy::Words);
    let pairs = pairs(&found);
    assert_eq!(pairs.len(), texts.len());
    assert!(
        pairs
            .iter()
            .all(|(context, answer)| *answer == format!("to {context}"))
    );
    assert!(found.1.notes.is_empty(), "{:?}", found.1.notes);
    // Where words are shared it is said, and an exact copy goes to its own.
    let contexts = "{\"context\": \"Hi!\"}\n{\"context\": \"Hi.\"}\n{\"context\": \"Hi.\"}\n";
    let rows = "{\"context\": \"Hi.\", \"response\": \"b\"}\n{\"context\": \"Hi!\", \"response\": \"a\"}\n\
                {\"context\": \"Hi.\", \"response\": \"c\"}\n";
    let (_, found) = matched(contexts, ("r.jsonl", rows), None).unwrap();
    assert_eq!(
        found.answers.iter().flatten().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(
        found.notes[0].starts_with("2 rows have a context that several"),
        "{:?}",
        found.notes
    );
}

#[test]
fn targets_are_read_from_contexts_and_from_rows() {
    let contexts = "{\"context\": \"A.\", \"target\": \"Gold.\", \"response\": \"A system's.\"}\n{\"context\": \"B.\"}\n";
    let rows = "{\"response\": \"a\", \"target\": \"Other.\"}\n{\"response\": \"b\", \"target\": \"Own.\"}\n";
    let (mut order, found) = matched(contexts, ("r.jsonl", rows), None).unwrap();
    assert_eq!(order.contexts()[0].target.as_deref(), Some("Gold."));
    let taken = found
        .targets
        .iter()
        .map(|(place, target)| order.fill_target(*place, target));
    assert_eq!(taken.collect::<Vec<_>>(), [false, true]);
    assert_eq!(order.contexts()[0].target.as_deref(), Some("Gold."));
    assert_eq!(order.contexts()[1].target.as_deref(), Some("Own."));
}

#[test]
fn a_file_that_is_shifted_by_a_line_is_suspected() {
    const WORDS: [&str; 8] = [
        "garden", "violin", "river", "castle", "pepper", "window", "marble", "thunder",
    ];
    let word = |at: usize| format!("{} {}", WORDS[at % 8], WORDS[(at / 8 + at) % 8]);
    let mut contexts = String::new();
    let mut rows = Vec::new();
    for at in 0..64 {
        writeln!(contexts, "{{\"context\": \"I lost my {}.\"}}", word(at)).unwrap();
        rows.push(format!("Sorry about the {}.", word(at)));
    }
    let notes = |rows: &[String]| {
        matched(&contexts, ("r.txt", &rows.join("\n")), None)
            .unwrap()
            .1
            .notes
    };
    assert!(notes(&rows).is_empty(), "{:?}", notes(&rows));
    let mut late = rows.clone();
    late.rotate_right(1);
    let mut early = rows;
    early.rotate_left(1);
    for (rows, what) in [
        (late, "begins with a line that is no response"),
        (early, "lacks its first response"),
    ] {
        let notes = notes(&rows);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].starts_with("The responses may be shifted by one"),
            "{notes:?}"
        );
        assert!(notes[0].contains(what), "{notes:?}");
    }
}

#[test]
fn published_responses_shifted_by_a_line_are_suspected_and_else_are_not() {
    let Some(systems) = crate::shared_data::shared("system_responses") else {
        return;
    };
    let (order, _) = OrderedContexts::from_file(&systems.join("contexts.jsonl"), &[]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.txt");
    let notes = |path: &Path| import(path, &order, None).unwrap().notes;
    for name in ["cem", "kemp", "mime", "moel", "transformer"] {
        let file = systems.join(format!("{name}.txt"));
        assert!(notes(&file).is_empty(), "{name}: {:?}", notes(&file));
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.rotate_left(1);
        std::fs::write(&path, lines.join("\n")).unwrap();
        assert!(notes(&path)[0].contains("shifted by one"), "{name}");
    }
}
