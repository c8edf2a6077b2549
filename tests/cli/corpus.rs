//! A file of anybody's at the command line: looked at, imported, listed, exported.

use std::path::Path;

use crate::cli_support::Place;
use serde_json::json;

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    folder.join(name).display().to_string()
}

#[test]
fn a_file_is_looked_at_changed_by_its_mapping_and_imported() {
    let place = Place::new();
    let wide = file("wide.csv");
    let text = place.ok(&["corpus", "inspect", &wide]);
    for part in [
        "a table with commas between cells, UTF-8; wide rows: a column for each system",
        "Responses: anna 4, anna_b 3",
        "empty: nothing in any row",
        "All records as they are read:",
        "  response of anna: You kept running, that takes heart. [rating 3]",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let found = place.json(&["corpus", "inspect", &wide]);
    assert_eq!(
        found["counts"]["examples"], 1,
        "one row has one response alone"
    );
    let mapping = found["mapping"].as_str().unwrap();
    let mapping = mapping.replace("system = \"anna_b\"", "system = \"bertha\"");
    let mapping = place.write("m.toml", mapping);
    let arguments = ["corpus", "import", &wide, "ratings", "--mapping", &mapping];
    let dry = place.ok(&[&arguments[..], &["--dry-run"]].concat());
    assert!(
        dry.contains("Nothing was written") && dry.contains("bertha"),
        "{dry}"
    );
    assert!(!place.store().join("data").exists());
    place.ok(&arguments);
    let again = place.run(&arguments);
    assert!(
        again.code == 2 && again.stderr.contains("--replace"),
        "{}",
        again.stderr
    );
    place.ok(&[&arguments[..], &["--replace"]].concat());

    let list = place.json(&["corpus", "list"]);
    assert_eq!(list[0]["name"], "ratings");
    assert_eq!(
        list[0]["counts"]["systems"],
        json!({"anna": 4, "bertha": 3})
    );
    let sets = place.ok(&["data", "list"]);
    assert!(
        sets.lines()
            .any(|line| line.starts_with("ratings") && line.contains("dialogues")),
        "{sets}"
    );
    let shown = place.json(&["data", "show", "ratings"]);
    assert_eq!(shown["records"], list[0]["counts"]);
    assert_eq!(shown["fingerprint"].as_str().map(str::len), Some(64));
    let shown = place.ok(&["data", "show", "ratings"]);
    assert!(shown.contains("As data.dialogues: "), "{shown}");
    assert_eq!(
        place.json(&["data", "show", "ratings"])["splits"]["train"]["pairs"]
            .as_u64()
            .map(|n| n < 2),
        Some(true)
    );

    let out = place.path().join("out.csv").display().to_string();
    place.ok(&["corpus", "export", "ratings", &out]);
    let again = place.json(&["corpus", "inspect", &out]);
    assert_eq!(again["counts"]["systems"], json!({"anna": 4, "bertha": 3}));
    assert_eq!(again["counts"]["scores"], json!({"rating": 7}));
    let wrong = place.run(&["corpus", "export", "ratings", "out.xlsx"]);
    assert!(
        wrong.code == 2
            && wrong
                .stderr
                .contains("as .jsonl, .csv, .tsv and .parquet do"),
        "{}",
        wrong.stderr
    );
    let missing = place.run(&["corpus", "export", "others", "o.csv"]);
    assert!(
        missing.code == 2 && missing.stderr.contains("there are ratings"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_file_without_responses_ends_with_what_it_has() {
    let place = Place::new();
    let done = place.run(&["corpus", "import", &file("scores_alone.jsonl"), "scores"]);
    assert_eq!((done.code, &*done.stdout), (1, ""));
    assert!(
        done.stderr.contains("\"scores.warmth\" (numbers)"),
        "{}",
        done.stderr
    );
    assert!(!place.store().join("data/scores").exists());
}

#[test]
fn nothing_in_a_file_acts_on_the_terminal() {
    let place = Place::new();
    let rows = json!({"context": "a\u{1b}[2J is what I said", "response": "b\u{7} is what you said", "\u{1b}[31m": 1});
    let file = place.write("odd.jsonl", format!("{rows}\n"));
    let text = place.ok(&["corpus", "inspect", &file]);
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{7}'),
        "{text:?}"
    );
}

#[test]
fn every_command_reads_what_is_packed_and_parquet() {
    let place = Place::new();
    let rows = place.json(&["evaluate", "--responses", &file("flat.jsonl.gz")]);
    assert_eq!(rows["n"], 4);
    let done = place.run(&["evaluate", "--responses", &file("wide.parquet")]);
    assert!(
        done.code == 1
            && done
                .stderr
                .contains("no \"response\" (it has \"dialogue_id\""),
        "{}",
        done.stderr
    );
    let latin = place.run(&["evaluate", "--responses", &file("latin1.csv")]);
    assert!(
        latin.code == 0 && latin.stdout.contains("Windows-1252"),
        "{}",
        latin.stderr
    );
}

/// 40 rated answers of two systems to 20 contexts of 10 conversations.
fn rated() -> String {
    let mut rows = String::new();
    for context in 0..20 {
        for (place, system) in ["anna", "bertha"].iter().enumerate() {
            let human = 1 + (context + place) % 5;
            // The judge likes bertha, and knows nothing of the rest.
            let judge = if *system == "bertha" {
                4 + context % 2
            } else {
                1 + context % 3
            };
            let row = json!({
                "id": format!("{context}-{system}"),
                "conversation": format!("c{}", context / 2),
                "context": format!("I lost my key number {context} today."),
                "response": format!("I am sorry. {}", "That is hard. ".repeat(1 + context % 3)),
                "system": system,
                "emotion": match context % 8 {
                    0 => "angry",
                    4 => "Angry",
                    _ => "sad",
                },
                "predicted_emotion": if context % 2 == 0 { "angry" } else { "sad" },
                "human": human,
                "judge": judge,
            });
            rows += &format!("{row}\n");
        }
    }
    rows
}

#[test]
fn a_corpus_is_shown_and_summed_up_by_its_labels_and_scores() {
    let place = Place::new();
    let file = place.write("rated.jsonl", rated());
    place.ok(&["corpus", "import", &file, "rated"]);

    let shown = place.json(&[
        "corpus",
        "show",
        "rated",
        "--where",
        "emotion = angry human >= 4",
    ]);
    let records = shown["records"].as_array().unwrap();
    assert_eq!(shown["matching"], records.len());
    assert!(records.len() > 1);
    for record in records {
        let text = record.to_string();
        assert!(text.contains("ngry"), "{text}");
    }
    let text = place.ok(&["corpus", "show", "rated", "--limit", "2", "--from", "3"]);
    assert!(
        text.ends_with("4 to 5 of 40 records; --from 5 goes on.\n"),
        "{text}"
    );
    let wrong = place.run(&["corpus", "show", "rated", "--where", "emotoin = sad"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("did you mean `emotion`"),
        "{}",
        wrong.stderr
    );

    let table = place.json(&["corpus", "table", "rated", "--by", "emotion"]);
    let rows = table["rows"].as_array().unwrap();
    let found: Vec<(&str, &str, u64)> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("system"), text("value"), row["n"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("anna", "sad", 15),
        ("anna", "angry", 5),
        ("bertha", "sad", 15),
        ("bertha", "angry", 5),
    ];
    assert_eq!(found, expected);
    // 0, 4, 8, 12 and 16 in 5 steps: 1, 5, 4, 3, 2.
    assert_eq!(rows[1]["scores"]["human"]["mean"]["value"], 3.0);
    assert_eq!(rows[1]["share"], 25.0);
    let text = place.ok(&["corpus", "table", "rated", "--by", "emotion"]);
    assert!(text.contains("over conversations"), "{text}");
    let missing = place.run(&["corpus", "table", "rated", "--by", "mood"]);
    assert!(
        missing.code == 2 && missing.stderr.contains("it has emotion, predicted_emotion"),
        "{}",
        missing.stderr
    );

    let arguments = [
        "corpus",
        "table",
        "rated",
        "--confusion",
        "emotion",
        "predicted_emotion",
    ];
    let found = place.json(&arguments);
    // 10 of 20 contexts are predicted as angry, 5 of them rightly; each has two answers.
    assert_eq!(found["classes"], json!(["sad", "angry"]));
    assert_eq!(found["counts"], json!([[20, 10], [0, 10]]));
    assert_eq!(found["report"]["accuracy"], 75.0);
    assert_eq!(found["constant"]["accuracy"], 75.0);
    let text = place.ok(&arguments);
    assert!(text.contains("Always \"sad\" has accuracy 75.00"), "{text}");

    let arguments = ["corpus", "table", "rated", "--agreement", "human", "judge"];
    let found = place.json(&arguments);
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "all, anna, bertha");
    assert_eq!(
        (&rows[0]["n"], &rows[0]["conversations"]),
        (&json!(40), &json!(10))
    );
    assert!(
        rows[0]["same_scale"]["kappa"]["value"].is_number(),
        "{}",
        rows[0]
    );
    let text = place.ok(&arguments);
    assert!(text.contains("are taken for one scale"), "{text}");
    let pairs = place.path().join("pairs.jsonl").display().to_string();
    let arguments_of_pairs = ["corpus", "export", "rated", &pairs, "--form", "preferences"];
    let wrong = place.run(&arguments_of_pairs);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("--prefer NAME"),
        "{}",
        wrong.stderr
    );
    // A record has one answer here.
    let none = place.run(&[&arguments_of_pairs[..], &["--prefer", "human"]].concat());
    assert!(
        none.code == 1 && none.stderr.contains("fewer than two answers"),
        "{}",
        none.stderr
    );
    let messages = place.path().join("messages.json").display().to_string();
    let text = place.ok(&[
        "corpus",
        "export",
        "rated",
        &messages,
        "--form",
        "messages",
        "--where",
        "human = 5",
    ]);
    assert!(text.starts_with("8 rows are in "), "{text}");

    let best = place.path().join("best.parquet").display().to_string();
    let chosen = [
        "corpus",
        "select",
        "rated",
        &best,
        "--best",
        "human",
        "--at-most",
        "10",
        "--distinct",
        "1",
    ];
    let text = place.ok(&chosen);
    assert!(
        text.contains("; 10 answers chosen") && text.contains("Mean human"),
        "{text}"
    );
    let again = place.json(&["corpus", "inspect", &best]);
    assert_eq!(again["counts"]["records"], 10);

    let of_one = place.json(&[&arguments[..], &["--where", "system = anna"]].concat());
    assert_eq!(of_one["rows"][0]["pearson"], rows[1]["pearson"]);
}

#[test]
fn scores_in_a_file_of_their_own_find_the_answers_they_are_about() {
    let place = Place::new();
    let records = place.write(
        "records.csv",
        "id,context,system,response,overall\n\
         a,I failed.,anna,Oh no.,3\n\
         b,We won!,anna,Great!,4\n\
         c,I moved.,bert,Where to?,5\n",
    );
    place.ok(&["corpus", "import", &records, "ratings"]);
    let scores = place.write(
        "judge.jsonl",
        concat!(
            r#"{"item": "a", "who": "anna", "run": {"repeat_idx": 0}, "scores": {"warmth": 1}, "risk": "low", "why": "Short and cold, as nobody would wish it to be."}"#,
            "\n",
            r#"{"item": "a", "who": "anna", "run": {"repeat_idx": 1}, "scores": {"warmth": 2}, "risk": "high", "why": "It hears the person, and that in two words, which is much."}"#,
            "\n",
            r#"{"item": "c", "who": "anna", "run": {"repeat_idx": 0}, "scores": {"warmth": 5}, "risk": "low", "why": "Here nobody answered of that name, which the reader must hear."}"#,
            "\n",
            r#"{"item": "z", "who": "bert", "run": {"repeat_idx": 0}, "scores": {"warmth": 5}, "risk": "low", "why": "There is no such record in all of it."}"#,
            "\n",
        ),
    );
    // The file alone holds no responses, and says what it is good for.
    let alone = place.run(&["corpus", "import", &scores, "judge"]);
    assert_ne!(alone.code, 0);
    let join = ["corpus", "join", "ratings", &scores, "--as", "judge"];
    let dry = place.json(&[&join[..], &["--dry-run"]].concat());
    assert_eq!(place.json(&["corpus", "list"])[0]["additions"], json!([]));
    let joined = place.json(&join);
    assert_eq!(joined, dry);
    assert_eq!(
        (&joined["id"], &joined["system"]),
        (&json!("item"), &json!("who"))
    );
    for (what, n) in [
        ("rows", 4),
        ("joined", 2),
        ("answers", 1),
        ("without_record", 1),
        ("without_response", 1),
        ("other_labels", 1),
    ] {
        assert_eq!(joined[what], n, "{what}");
    }
    assert_eq!(joined["scores"], json!({"judge_warmth": 2}));
    assert!(
        joined["left_out"]["why"]
            .as_str()
            .unwrap()
            .contains("--keep")
    );

    // Both scores stand beside the file's own, with whose they are.
    let shown = place.json(&["corpus", "show", "ratings", "--where", "has:judge_warmth"]);
    let response = &shown["records"][0]["responses"][0];
    assert_eq!(shown["matching"], 1);
    assert_eq!(response["labels"], json!({"judge_risk": "low"}));
    let values = |shown: &serde_json::Value| -> Vec<String> {
        let scores = shown["scores"].as_array().unwrap().iter();
        scores
            .map(|score| format!("{} {} {}", score["name"], score["value"], score["origin"]))
            .collect()
    };
    assert_eq!(
        values(response),
        [
            r#""judge_warmth" 1.0 "judge""#,
            r#""judge_warmth" 2.0 "judge""#
        ]
    );
    let list = place.json(&["corpus", "list"]);
    assert_eq!(list[0]["additions"][0]["by"], "judge.jsonl");
    // Joined twice it is the same, which is said; another file needs another name.
    let again = place.ok(&join);
    assert!(again.contains("in the store already"), "{again}");
    assert_eq!(place.json(&["corpus", "list"]), list);
    let other = place.run(&["corpus", "join", "ratings", &records, "--as", "judge"]);
    assert!(other.stderr.contains("by judge.jsonl"), "{}", other.stderr);
    let foreign = place.write("foreign.csv", "id,score\nq,1\nr,2\n");
    let refused = place.run(&["corpus", "join", "ratings", &foreign, "--as", "q"]);
    assert!(
        refused.stderr.contains("no column has the id of a record"),
        "{}",
        refused.stderr
    );
    let refused = place.run(&[
        "corpus", "join", "ratings", &foreign, "--as", "q", "--id", "id",
    ]);
    assert!(
        refused.stderr.contains("2 have an id that no record has"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_was_added_is_not_lost_with_a_corpus_unasked() {
    let place = Place::new();
    let rows = "id,context,system,response\n\
                c1,I failed.,anna,Oh no.\n\
                c2,We won!,anna,Great!\n\
                c3,I moved.,anna,Where to?\n";
    let records = place.write("records.csv", rows);
    place.ok(&["corpus", "import", &records, "it"]);
    // A judge that once said nothing, and a column of numbers that are no ids.
    let scores = place.write("scores.csv", "id,warmth\nc1,1\nc2,n/a\nc3,4.5\nc3,2.5\n");
    let joined = place.json(&["corpus", "join", "it", &scores, "--as", "judge"]);
    assert_eq!(joined["scores"], json!({"judge_warmth": 3}));
    // A table has the mean of repeated scores, as `corpus table` does.
    let out = place.path().join("out.csv").display().to_string();
    place.ok(&["corpus", "export", "it", &out]);
    let table = std::fs::read_to_string(&out).unwrap();
    let third = table.lines().find(|line| line.starts_with("c3")).unwrap();
    assert!(third.contains("3.5"), "{table}");
    let out = place.path().join("out.jsonl").display().to_string();
    place.ok(&["corpus", "export", "it", &out, "--form", "messages"]);
    let rows = std::fs::read_to_string(&out).unwrap();
    assert!(
        rows.lines()
            .last()
            .unwrap()
            .contains("\"judge_warmth\":3.5"),
        "{rows}"
    );

    // The same records again keep what was added; others are refused as long as there is any.
    place.ok(&["corpus", "import", &records, "it", "--replace"]);
    let list = place.json(&["corpus", "list"]);
    assert_eq!(list[0]["additions"][0]["name"], "judge");
    place.ok(&["corpus", "join", "it", &scores, "--as", "judge"]);
    let others = place.write("others.csv", "id,context,system,response\nd,Hm.,anna,Oh.\n");
    let refused = place.run(&["corpus", "import", &others, "it", "--replace"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("(judge)"),
        "{}",
        refused.stderr
    );
    assert_eq!(place.json(&["corpus", "list"]), list);
    place.ok(&["corpus", "systems", "it"]);
    let asked = place.run(&["corpus", "delete", "it"]);
    for part in ["(judge)", "labels of anna", "--for-good"] {
        assert!(asked.stderr.contains(part), "{}", asked.stderr);
    }
    place.ok(&[
        "corpus",
        "delete",
        "it",
        "--addition",
        "judge",
        "--for-good",
    ]);
    place.ok(&["corpus", "import", &others, "it", "--replace"]);
}

#[test]
fn rows_find_their_record_by_its_conversation_and_never_by_a_number_that_is_no_id() {
    let place = Place::new();
    let records = place.write(
        "records.csv",
        "dialogue_id,context,system,response\nd1,I failed.,anna,Oh no.\nd2,We won!,anna,Great!\n\
         d3,I moved.,anna,Where to?\nd3,It rains.,anna,Still?\n",
    );
    place.ok(&["corpus", "import", &records, "it"]);
    let scores = place.write("scores.csv", "dialogue_id,score\nd1,1\nd2,2\nd3,3\n");
    let joined = place.json(&["corpus", "join", "it", &scores, "--as", "judge"]);
    assert_eq!(joined["id"], "dialogue_id");
    // Of d3 there are two records.
    assert_eq!(
        (&joined["joined"], &joined["of_several"]),
        (&json!(2), &json!(1))
    );
    let foreign = place.write("foreign.csv", "sample,score\nx,1\ny,2\n");
    let refused = place.run(&["corpus", "join", "it", &foreign, "--as", "other"]);
    assert!(
        refused.stderr.contains("no column has the id of a record"),
        "{}",
        refused.stderr
    );
    // Splits that no record says are those that training draws.
    let of = |split: &str| {
        let filter = format!("split = {split}");
        let shown = place.json(&["corpus", "show", "it", "--where", &filter]);
        shown["matching"].as_u64().unwrap()
    };
    assert_eq!(of("train") + of("validation") + of("test"), 4);
    let summary = place.json(&["data", "show", "it"]);
    assert_eq!(summary["splits"]["train"]["pairs"], of("train"));
}
