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
            "damaged.txt",
            b"Caf\xc3\xa9.\nCaf\xe9.\n".to_vec(),
            &["line 2", "not UTF-8"],
        ),
        (
            "a.gz",
            b"\x1f\x8b\x08\0".to_vec(),
            &["a gzip file that cannot be unpacked"],
        ),
        (
            "a.parquet",
            b"PAR1\x15\x04".to_vec(),
            &["no Parquet file that can be read"],
        ),
        (
            "tabs.txt",
            b"0\tI'm sorry.\n1\tOh no!\n\n2\t\n".to_vec(),
            &["begins with a number and a tab", "a table without a header"],
        ),
        (
            "commas.txt",
            b"0,\"I'm sorry, really.\"\n1,Oh no!\n2,\n".to_vec(),
            &["begins with a number and a comma", "`idx` and `response`"],
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

#[test]
fn text_that_begins_with_numbers_is_text() {
    let place = Place::new();
    for text in [
        "2, I think.\n3, or so.\n4, at most.\n",
        "1,000 of them?\n2,000 at least.\n3,500 today!\n",
        "7\tOh no.\n8\tSo sorry.\n",
        "7\tOh no.\n8\tSo sorry.\nWell done.\n",
        "10 years!\n20 years?\n30 years.\n",
    ] {
        let file = place.write("numbers.txt", text);
        let results = place.json(&["evaluate", "--responses", &file]);
        assert_eq!(results["n"], text.lines().count(), "{text}");
    }
}

/// The notes of `evaluate --json`.
fn notes(results: &Value) -> Vec<String> {
    serde_json::from_value(results["notes"].clone()).unwrap()
}

#[test]
fn every_command_counts_the_same_responses_and_says_so_alike() {
    let place = Place::new();
    let contexts = place.write(
        "contexts.jsonl",
        "{\"idx\": 0, \"context\": \"A.\", \"target\": \"Gold.\"}\n{\"idx\": 1, \"context\": \"B.\"}\n\
         {\"idx\": 2, \"context\": \"C.\"}\n",
    );
    let file = place.write(
        "twice.jsonl",
        "{\"idx\": 0, \"response\": \"one two\", \"target\": \"Other.\"}\n{\"idx\": 0, \"response\": \"three\"}\n\
         {\"idx\": 7, \"response\": \"four\"}\n{\"idx\": 2, \"response\": null}\n",
    );
    let said = [
        "1 row has another target than the context; the contexts' targets are kept.",
        "The row of line 4 has no response, or null: it counts as an empty one.",
        "line 2: a second response to context idx 0, after line 1; the first counts",
        "line 3: there is no context of idx 7; left out",
        "line 4: the response to context idx 2 is empty",
        "context idx 1: no response",
    ];
    let import = [
        "responses",
        "import",
        &file,
        "--system",
        "Zero",
        "--contexts",
        &contexts,
    ];
    let imported = place.ok(&import);
    let results = place.json(&["evaluate", "--responses", &file, "--contexts", &contexts]);
    let notes = notes(&results);
    for words in said {
        assert!(imported.contains(words), "{words:?} is not in {imported}");
        assert!(
            notes.iter().any(|note| note == words),
            "{words:?} is not in {notes:?}"
        );
    }
    assert_eq!(
        (&results["n"], &results["mean_words"]),
        (&json!(2), &json!(1.0))
    );
    assert!(
        imported.contains("Zero: 2 responses to 3 contexts"),
        "{imported}"
    );
    assert!(
        imported.contains("1.0 words per response, 0.00 % repeat an earlier response"),
        "{imported}"
    );
}

#[test]
fn a_response_that_is_null_is_an_empty_one() {
    let place = Place::new();
    let file = place.write(
        "null.jsonl",
        "{\"response\": \"a\"}\n{\"response\": null}\n{\"idx\": 4}\n",
    );
    let results = place.json(&["evaluate", "--responses", &file]);
    assert_eq!(results["n"], 3);
    let said = notes(&results).join(" ");
    assert!(
        said.contains(
            "2 rows, that of line 2 first, have no response, or null: each counts as an empty one."
        ),
        "{said}"
    );
    assert!(said.contains("2 of 3 responses are empty."), "{said}");
}

#[test]
fn figures_of_answers_without_words_are_cautioned_about_wherever_they_stand() {
    let place = Place::new();
    let contexts = place.write(
        "contexts.jsonl",
        "{\"context\": \"A.\"}\n{\"context\": \"B.\"}\n",
    );
    let file = place.write(
        "nothing.jsonl",
        "{\"response\": \"\"}\n{\"response\": null}\n",
    );
    let said = "answers with 0.0 words on average: its answers are all but empty, and figures of them tell nothing.";
    let text = place.ok(&["evaluate", "--responses", &file]);
    assert!(text.contains(&format!("nothing {said}")), "{text}");
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system",
        "Zero",
        "--contexts",
        &contexts,
    ]);
    let text = place.ok(&["responses", "score", "Zero"]);
    assert!(text.contains(&format!("Zero {said}")), "{text}");
    let done = place.run(&["responses", "list", "--json"]);
    assert!(done.stderr.contains(said), "{}", done.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn an_import_that_cannot_be_reported_is_said_to_be_done() {
    let place = Place::new();
    let contexts = place.write("contexts.jsonl", "{\"context\": \"A.\"}\n");
    let file = place.write("one.txt", "One.\n");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = place.command(&[
        "responses",
        "import",
        &file,
        "--system",
        "Zero",
        "--contexts",
        &contexts,
    ]);
    let done = command.stdout(full).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("stdout: ") && said.contains("; what was asked for is done"),
        "{said}"
    );
    assert_eq!(place.json(&["responses", "list"])[0]["name"], "Zero");
    // Where nothing but words was asked for, nothing is done.
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let done = place
        .command(&["responses", "list"])
        .stdout(full)
        .output()
        .unwrap();
    assert!(!String::from_utf8(done.stderr).unwrap().contains("is done"));
}
