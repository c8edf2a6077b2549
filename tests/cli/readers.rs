//! Files of rows are read rightly in every form that people keep them in, or refused with what was seen: no bracket,
//! head line or label is ever scored as a response.

use crate::cli_support::Place;
use serde_json::{Value, json};

const RESPONSES: [&str; 3] = ["I am sorry, really.", "Oh no!", "Well done, \"you\"."];

fn rows() -> Vec<Value> {
    let row = |(at, text): (usize, &&str)| json!({"idx": at, "response": text});
    RESPONSES.iter().enumerate().map(row).collect()
}

/// The same three responses in every form.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let rows = rows();
    let lines = |between: &str| {
        rows.iter()
            .map(|row| format!("{row}{between}"))
            .collect::<String>()
    };
    let column = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    let by_row = |key: &str| {
        let cells = rows.iter().enumerate();
        cells
            .map(|(at, row)| (at.to_string(), row[key].clone()))
            .collect::<serde_json::Map<_, _>>()
    };
    let table = |separator: &str| {
        let mut text = format!("idx{separator}response\r\n");
        for (at, response) in RESPONSES.iter().enumerate() {
            text += &format!("{at}.0{separator}\"{}\"\r\n", response.replace('"', "\"\""));
        }
        text
    };
    let plain = RESPONSES.join("\n");
    let utf16 = |text: &str| {
        let units = [0xfeff].into_iter().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let pretty = rows
        .iter()
        .map(|row| serde_json::to_string_pretty(row).unwrap() + "\n")
        .collect::<String>();
    vec![
        ("r.txt", plain.clone().into_bytes()),
        (
            "crlf.txt",
            format!("\u{feff}{}\r\n", RESPONSES.join("\r\n")).into_bytes(),
        ),
        ("cr.txt", RESPONSES.join("\r").into_bytes()),
        ("utf16.txt", utf16(&plain)),
        (
            "quoted.txt",
            RESPONSES
                .map(|text| json!(text).to_string())
                .join("\n")
                .into_bytes(),
        ),
        ("r.jsonl", lines("\n").into_bytes()),
        ("pretty.jsonl", pretty.into_bytes()),
        ("array.json", json!(rows).to_string().into_bytes()),
        (
            "pretty.json",
            serde_json::to_vec_pretty(&json!(rows)).unwrap(),
        ),
        ("texts.json", json!(RESPONSES).to_string().into_bytes()),
        (
            "lists.json",
            json!({"idx": column("idx"), "response": column("response")})
                .to_string()
                .into_bytes(),
        ),
        (
            "pandas.json",
            json!({"idx": by_row("idx"), "response": by_row("response")})
                .to_string()
                .into_bytes(),
        ),
        ("r.csv", table(",").into_bytes()),
        ("pandas.csv", table(",").replace("idx", "").into_bytes()),
        ("semicolon.csv", table(";").into_bytes()),
        ("tab.tsv", table("\t").into_bytes()),
        ("csv_by_another_name.txt", table(",").into_bytes()),
    ]
}

#[test]
fn evaluate_reads_every_form_alike() {
    let place = Place::new();
    for (name, bytes) in forms() {
        let file = place.write(name, bytes);
        let results = place.json(&["evaluate", "--responses", &file]);
        // NLTK's words: 6, 3 and 7 of them, of which a full stop and a comma come twice and `` '' once.
        assert_eq!(results["n"], 3, "{name}");
        let words = results["mean_words"].as_f64().unwrap();
        assert!((words - 16.0 / 3.0).abs() < 1e-9, "{name}: {words}");
        let dist = results["dist_1"]["value"].as_f64().unwrap();
        assert!((dist - 100.0 * 14.0 / 16.0).abs() < 1e-9, "{name}: {dist}");
    }
}

#[test]
fn import_reads_every_form_alike() {
    let place = Place::new();
    let contexts = "{\"context\": \"A.\"}\n{\"context\": \"B.\"}\n{\"context\": \"C.\"}\n";
    let contexts = place.write("contexts.jsonl", contexts);
    for (name, bytes) in forms() {
        let file = place.write(name, bytes);
        let arguments = [
            "responses",
            "import",
            &file,
            "--system",
            name,
            "--contexts",
            &contexts,
        ];
        let report = place.json(&arguments);
        assert_eq!(
            (&report["rows"], &report["responses"]),
            (&json!(3), &json!(3)),
            "{name}"
        );
        assert_eq!(report["problems"], json!([]), "{name}");
    }
    let cases = place.json(&["responses", "cases", "."]);
    for (case, response) in cases["cases"].as_array().unwrap().iter().zip(RESPONSES) {
        for answer in case["answers"].as_array().unwrap() {
            assert_eq!(answer["text"], response);
        }
    }
}

#[test]
fn what_is_no_file_of_responses_is_refused_with_what_was_seen() {
    let place = Place::new();
    let blocks =
        "emotion:sad \nContext:['my dog died'] \nPred:oh no .  \nRef:so sorry \n".repeat(3);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "blocks.txt",
            blocks.into(),
            &[
                "labelled lines",
                "\"emotion\", \"Context\", \"Pred\", \"Ref\"",
            ],
        ),
        (
            "other.csv",
            b"idx,generated\n0,Hi.\n".to_vec(),
            &[
                "line 1",
                "no column is called `response`",
                "\"idx\", \"generated\"",
            ],
        ),
        (
            "headless.tsv",
            b"0\tHi there\n1\tHo\n".to_vec(),
            &["no column is called `response`", "\"0\", \"Hi there\""],
        ),
        (
            "other.jsonl",
            b"{\"idx\": 0, \"text\": \"Hi.\"}\n{\"idx\": 1}\n".to_vec(),
            &["line 1", "no \"response\" (it has \"idx\", \"text\")"],
        ),
        (
            "models.json",
            b"{\"moel\": [\"a\", \"b\"], \"mime\": [\"c\", \"d\"]}".to_vec(),
            &["no \"response\" (it has \"moel\", \"mime\")"],
        ),
        (
            "uneven.json",
            b"{\"response\": [\"a\", \"b\"], \"idx\": [1]}".to_vec(),
            &["\"response\" is a list of 2, which \"idx\" is not"],
        ),
        ("numbers.json", b"[\n1,\n2]".to_vec(), &["numbers.json"]),
        (
            "mixed.json",
            b"[\"a\",\n3]".to_vec(),
            &["line 2", "neither an object nor a text"],
        ),
        (
            "cut.json",
            b"[{\"response\": \"a\"},\n{\"resp".to_vec(),
            &["line 2", "cut off"],
        ),
        (
            "unended.json",
            b"[{\"response\": \"a\"}\n".to_vec(),
            &["cut off"],
        ),
        (
            "two.json",
            b"[{\"response\": \"a\"}]\n[{\"response\": \"b\"}]\n".to_vec(),
            &["line 2", "something follows"],
        ),
        (
            "open.csv",
            b"idx,response\n0,\"Hi.\n1,Ho.\n".to_vec(),
            &["line 2", "never closed"],
        ),
        (
            "ragged.csv",
            b"idx,response\n0,Hi, there\n".to_vec(),
            &["line 2", "3 cells where the header has 2"],
        ),
        ("blank.txt", b"\n\n\n".to_vec(), &["every line is blank"]),
        ("header.csv", b"idx,response\n".to_vec(), &["has no rows"]),
        (
            "latin1.txt",
            b"Caf\xe9.\n".to_vec(),
            &["line 1", "not UTF-8", "Latin-1"],
        ),
        (
            "utf16.txt",
            b"H\0i\0.\0".to_vec(),
            &["UTF-16 without a byte order mark"],
        ),
        ("a.gz", b"\x1f\x8b\x08\0".to_vec(), &["a gzip archive"]),
        ("a.parquet", b"PAR1\x15\x04".to_vec(), &["a Parquet file"]),
        (
            "null.jsonl",
            b"{\"response\": \"a\"}\n{\"response\": null}\n".to_vec(),
            &["line 2", "no \"response\""],
        ),
    ];
    for (name, bytes, parts) in cases {
        let file = place.write(name, bytes);
        let done = place.run(&["evaluate", "--responses", &file]);
        if name == "numbers.json" {
            // What starts like no array of rows is plain text.
            assert_eq!(done.code, 0, "{name}");
            continue;
        }
        assert_eq!(
            (done.code, &*done.stdout),
            (1, ""),
            "{name}: {}",
            done.stderr
        );
        for part in parts {
            assert!(
                done.stderr.contains(part),
                "{name}: no {part:?} in {:?}",
                done.stderr
            );
        }
    }
    let folder = place.path().display().to_string();
    let done = place.run(&["evaluate", "--responses", &folder]);
    assert!(
        done.code == 1 && done.stderr.contains("it is a folder"),
        "{}",
        done.stderr
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused_and_not_waited_for() {
    let place = Place::new();
    let done = place.run(&["evaluate", "--responses", "/dev/zero"]);
    assert!(
        done.code == 1 && done.stderr.contains("pipe, socket or device"),
        "{}",
        done.stderr
    );
}

#[test]
fn responses_without_words_are_said_to_be() {
    let place = Place::new();
    let notes = |name: &str, text: &str| {
        let file = place.write(name, text);
        let results = place.json(&["evaluate", "--responses", &file]);
        let notes: Vec<String> = serde_json::from_value(results["notes"].clone()).unwrap();
        (results["n"].clone(), notes.join(" "))
    };
    let (n, said) = notes(
        "blank.jsonl",
        "{\"response\": \"\"}\n{\"response\": \"a b\"}\n",
    );
    assert!(
        n == 2 && said.contains("1 of 2 responses is empty."),
        "{said}"
    );
    let (n, said) = notes("marks.txt", "...\n?!\n—\n");
    assert!(
        n == 3 && said.contains("3 of 3 responses are punctuation or signs alone."),
        "{said}"
    );
    let (n, said) = notes("one.txt", "Hi\n");
    assert!(n == 1 && said.contains("There is one response"), "{said}");
    let (_, said) = notes("comma.txt", "Oh no_comma_ sorry.\n");
    assert!(
        said.contains("1 row with EmpatheticDialogues' _comma_ is read with commas."),
        "{said}"
    );
}

#[test]
fn targets_come_with_rows_and_are_added_when_they_were_missing() {
    let place = Place::new();
    let contexts = place.write(
        "contexts.jsonl",
        "{\"context\": \"A.\"}\n{\"context\": \"B.\"}\n",
    );
    let first = place.write("first.txt", "a\nb\n");
    let second = place.write(
        "second.jsonl",
        "{\"response\": \"c\", \"target\": \"Gold A.\"}\n{\"response\": \"d\"}\n",
    );
    for (file, name) in [(first, "first"), (second, "second")] {
        place.ok(&[
            "responses",
            "import",
            &file,
            "--system",
            name,
            "--contexts",
            &contexts,
        ]);
    }
    let cases = place.json(&["responses", "cases", "."]);
    let target = |at: usize| &cases["cases"][at]["context"]["target"];
    assert_eq!(target(0), "Gold A.");
    assert_eq!(*target(1), Value::Null);
    assert_eq!(cases["cases"][0]["answers"].as_array().unwrap().len(), 2);
    let text = place.ok(&["responses", "cases", "Gold"]);
    assert!(text.ends_with("1 case\n"), "{text}");
    // A corpus is not its own system.
    let same = place.write(
        "same.jsonl",
        "{\"context\": \"C.\", \"response\": \"x\"}\n{\"context\": \"D.\", \"response\": \"y\"}\n",
    );
    place.ok(&[
        "responses",
        "import",
        &same,
        "--system",
        "same",
        "--contexts",
        &same,
    ]);
    let done = place.run(&["responses", "score", "same", "--identifiers", "1"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("the responses of same are the targets themselves"),
        "{}",
        done.stderr
    );
    let text = place.ok(&["responses", "score", "second"]);
    assert!(text.contains("second") && !text.contains("first"), "{text}");
}

#[test]
fn two_utterances_in_a_row_keep_their_side_in_tables_and_on_pages() {
    let place = Place::new();
    let header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
    let rows = "c1,1,sad,I felt bad.,7,I lost my cat.,,\nc1,2,sad,I felt bad.,7,She was 17.,,\n\
                c1,3,sad,I felt bad.,9,Oh no.,,\nc1,4,sad,I felt bad.,7,Yes.,,\nc1,5,sad,I felt bad.,9,So sorry.,,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        place.write(&format!("ed/{file}"), format!("{header}{rows}"));
    }
    let dir = place.path().join("ed").display().to_string();
    place.ok(&["data", "import", "empathetic-dialogues", &dir]);
    for name in ["Qoxmodel", "Zyvbaseline"] {
        let file = place.write(
            &format!("{name}.txt"),
            format!("{name} one.\n{name} two.\n"),
        );
        place.ok(&["responses", "import", &file, "--system", name]);
    }
    let cases = place.json(&["responses", "cases", "cat"]);
    for case in cases["cases"].as_array().unwrap() {
        place.ok(&["responses", "pin", case["key"].as_str().unwrap()]);
    }
    let table = place.ok(&["table", "6", "--systems=Qoxmodel,Zyvbaseline"]);
    assert!(
        table.contains("Speaker: I lost my cat. Speaker: She was 17.\n"),
        "{table}"
    );
    assert!(
        table.contains("Speaker: She was 17. Listener: Oh no. Speaker: Yes.\n"),
        "{table}"
    );
    let roles = json!(["speaker", "speaker", "listener", "speaker"]);
    assert_eq!(cases["cases"][1]["context"]["roles"], roles);
    place.ok(&[
        "study",
        "create",
        "--kind=ab",
        "--systems=Qoxmodel,Zyvbaseline",
        "--annotators=Ada,Ben,Cem",
        "--contexts=2",
        "--checks=0",
    ]);
    let mut judge = place.command(&["study", "judge", "1", "--annotator", "Ada"]);
    let page = judge.output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("  Speaker: I lost my cat.\n  Speaker: She was 17.\n"),
        "{page}"
    );
}
