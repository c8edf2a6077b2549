//! Cells and rows of which only a part can be meant: it is read as far as it goes, and the rest is named with its lines.

use serde_json::{Value, json};

use crate::cli_support::Place;

fn note_with<'a>(document: &'a Value, part: &str) -> &'a str {
    let notes = document["notes"].as_array().unwrap();
    let mut with = notes
        .iter()
        .filter_map(Value::as_str)
        .filter(|note| note.contains(part));
    with.next()
        .unwrap_or_else(|| panic!("no {part:?} in {notes:?}"))
}

/// Rows of a context, a response and these cells.
fn rows(head: &str, cells: &[&str]) -> String {
    let row = |(at, cell): (usize, &&str)| {
        format!("I lost my key number {at}.;I am sorry about key {at}.;{cell}\n")
    };
    let rows: String = cells.iter().enumerate().map(row).collect();
    format!("context;response;{head}\n{rows}")
}

#[test]
fn marks_of_missing_scores_are_no_words_among_them() {
    let place = Place::new();
    let file = place.write(
        "marks.csv",
        rows("empathy", &["3", "-", "None", "N/A", "4", "–", "", "2"]),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["scores"], json!({"empathy": 3}));
    let note = note_with(&found, "\"empathy\" has 4 marks of missing scores");
    assert!(
        note.contains("\"-\" in line 3, \"None\" in line 4, \"N/A\" in line 5"),
        "{note}"
    );
    assert!(found["left_out"].as_object().unwrap().is_empty(), "{found}");
    // Words alone are none.
    let file = place.write(
        "words.csv",
        rows("cue", &["none", "none", "yes", "none", "yes", "none"]),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["labels"], json!({"cue": 6}));
}

#[test]
fn decimals_after_commas_and_points_are_both_read_and_said() {
    let place = Place::new();
    let file = place.write(
        "mixed.csv",
        rows("warmth", &["1,5", "2.5", "3", "4,5", "2.0", "1"]),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["scores"], json!({"warmth": 6}));
    let note = note_with(
        &found,
        "\"warmth\" has decimals after commas (lines 2, 5) and after points (lines 3, 6)",
    );
    assert!(note.contains("decimal_comma = true"), "{note}");
    assert_eq!(found["records"][3]["scores"][0]["value"], 4.5);
    // Thousands or decimals: nobody knows, and the reason says what to write.
    let file = place.write(
        "thousands.csv",
        rows(
            "chars",
            &["1,234", "2,001", "1,900", "3,123", "1,111", "2,222"],
        ),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    let left_out = &found["left_out"]["chars"];
    for part in [
        "the comma may stand before decimals or thousands",
        "column = \"chars\"",
        "decimal_comma",
    ] {
        assert!(
            left_out.as_str().is_some_and(|why| why.contains(part)),
            "{part}: {found}"
        );
    }
    let file = place.write(
        "half.csv",
        rows("len", &["12", "13", "14", "15", "16 letters", "x 17"]),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    assert!(
        !found
            .to_string()
            .contains("numbers, names or times of rows"),
        "{found}"
    );
}

#[test]
fn ids_of_several_answers_are_kept_as_labels() {
    let place = Place::new();
    for id in ["id", "qid", "question_id"] {
        let mut rows = format!("{id},model,context,response\n");
        for at in 0..40 {
            for model in ["anna", "bert"] {
                // Each was said something else.
                rows += &format!(
                    "{at},{model},I lost key {at} to {model}.,Sorry says {model} for key {at}.\n"
                );
            }
        }
        let file = place.write(&format!("{id}.csv"), &rows);
        let found = place.json(&["corpus", "inspect", &file]);
        let note = note_with(&found, "is taken for no id");
        for part in [
            "40 rows have one",
            "\"0\" in lines 2 and 3",
            &format!("kept as the label \"{id}\""),
        ] {
            assert!(note.contains(part), "{part}: {note}");
        }
        assert_eq!(found["counts"]["labels"], json!({id: 80}));
        assert_eq!(found["records"][3]["labels"][id], "1");
        assert_eq!(found["counts"]["systems"], json!({"anna": 40, "bert": 40}));

        // A file of scores finds the answer of its system by it, never the row of that number.
        place.ok(&["corpus", "import", &file, id]);
        let scores = format!("{id},model,warmth\n3,bert,5\n4,anna,2\n9,carl,1\n");
        let scores = place.write("scores.csv", scores);
        let joined = place.json(&["corpus", "join", id, &scores, "--as", "j"]);
        assert_eq!(
            (&joined["joined"], &joined["without_response"]),
            (&json!(2), &json!(1))
        );
        let shown = place.json(&["corpus", "show", id, "--where", "j_warmth = 5"]);
        let answer = &shown["records"][0]["responses"][0]["text"];
        assert_eq!(answer, "Sorry says bert for key 3.");
    }
}

#[test]
fn every_row_of_a_joined_file_is_accounted_for() {
    let place = Place::new();
    let answers =
        (0..5).map(|at| format!("r{at},I lost key {at}.,Sorry for key {at}.,Where is key {at}?\n"));
    let answers: String = answers.collect();
    let file = place.write(
        "answers.csv",
        format!("id,context,response_anna,response_bert\n{answers}"),
    );
    place.ok(&["corpus", "import", &file, "it"]);
    let verdicts = "id,model_a,model_b,winner,judge\n\
        r0,anna,bert,anna,w1\nr1,anna,bert,,w1\nr2,anna,bert,bert,w1\nx1,anna,bert,anna,w1\nx2,anna,bert,tie,w1\n\
        r3,anna,carl,anna,w1\nr4,anna,bert,,w1\nr4,anna,bert,anne,w1\nr0,anna,bert,bert,w2\nr2,anna,bert,tie,w2\n\
        r3,anna,bert,bert,w2\n";
    let file = place.write("verdicts.csv", verdicts);
    let join = ["corpus", "join", "it", &file, "--as", "j", "--dry-run"];
    let joined = place.json(&join);
    let n = |name: &str| joined[name].as_u64().unwrap();
    assert_eq!(n("rows"), 11);
    let problems = joined["problems"].as_array().unwrap().len() as u64;
    let counted = [
        "joined",
        "without_record",
        "without_response",
        "without_remark",
    ]
    .map(n);
    assert_eq!((counted, problems), ([5, 2, 1, 2], 1));
    assert_eq!(counted.iter().sum::<u64>() + problems, n("rows"));
    note_with(
        &joined,
        "\"winner\" is empty in 2 rows, with no verdict by it: lines 3 and 8.",
    );
    let text = place.ok(&join);
    for part in [
        "11 rows, by the ids in id: 5 are about 3 records.",
        "2 rows with an id that no record has: x1 in line 5, x2 in line 6.",
        "1 row with a system without a response in their record: r3 in line 7.",
        "2 rows without a label, a score or a verdict: r1 in line 3, r4 in line 8.",
        "1 row that cannot be read, listed below.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The windows of two conversations, each with what the last turn of it answers.
fn windows() -> String {
    let turn = |who: usize, text: &str| format!("1.0 {who} {text}");
    let mut rows = String::new();
    for conversation in 0..2 {
        let said: Vec<String> = (0..12)
            .map(|at| match at {
                0 => turn(0, "Hello"),
                at => turn(
                    at % 2,
                    &format!("This is turn {at} of talk {conversation}."),
                ),
            })
            .collect();
        for last in (1..12_usize).step_by(2) {
            let window = &said[last.saturating_sub(4)..=last];
            rows += &format!("{}\n", window.join(" EOS "));
        }
    }
    rows
}

#[test]
fn windows_of_a_conversation_are_of_one_conversation() {
    let place = Place::new();
    let file = place.write("windows.tsv", windows());
    let mapping = "format = 1\nheader = false\n[turns]\nlist = \"1\"\nseparator = \" EOS \"\n\
        forms = [\"{weight} {who} {text}\"]\nrole = \"who\"\nspeaker = [\"0\"]\nlistener = [\"1\"]\ntext = \"text\"\nlast = true\n";
    let mapping = place.write("m.toml", mapping);
    let found = place.json(&["corpus", "inspect", &file, "--mapping", &mapping]);
    note_with(&found, "12 rows are windows of 2 conversations");
    let records = found["records"].as_array().unwrap();
    assert_eq!(
        (&records[5]["conversation"], &records[5]["turn"]),
        (&json!("0"), &json!(12))
    );
    assert_eq!(
        (&records[6]["conversation"], &records[6]["turn"]),
        (&json!("6"), &json!(2))
    );
    place.ok(&["corpus", "import", &file, "it", "--mapping", &mapping]);
    let table = place.json(&["corpus", "table", "it", "--by", "split"]);
    let conversations = table["rows"].as_array().unwrap().iter();
    let conversations: u64 = conversations
        .filter_map(|row| row["conversations"].as_u64())
        .sum();
    assert_eq!(conversations, 2, "{table}");
}

#[test]
fn a_conversation_on_two_sides_of_a_split_is_named() {
    let place = Place::new();
    let file = place.write(
        "parted.csv",
        "conversation_id,split,context,response\nc1,train,I failed.,Oh no.\nc2,test,We won!,Great!\nc1,test,Again.,Why?\n",
    );
    let found = place.json(&["corpus", "inspect", &file]);
    let note = note_with(&found, "1 conversation has records in several splits");
    assert!(note.contains("\"c1\" in line 4"), "{note}");
}

#[test]
fn a_column_that_may_name_raters_is_proposed() {
    let place = Place::new();
    for (column, names) in [
        ("annotator_3", ["k1", "k2"]),
        ("rated_by", ["1", "2"]),
        ("who", ["ann", "bo"]),
        ("coder", ["c1", "c2"]),
    ] {
        let mut rows = format!("context,response,empathy,{column}\n");
        for at in 0..6 {
            for (place, who) in names.iter().enumerate() {
                rows += &format!(
                    "I lost key {at}.,Sorry for key {at}.,{},{who}\n",
                    1 + (at + place) % 5
                );
            }
        }
        let file = place.write(&format!("{column}.csv"), rows);
        let text = place.ok(&["corpus", "import", &file, "it", "--dry-run"]);
        let part = format!("column = \"{column}\"");
        assert!(
            text.contains("[raters]") && text.contains(&part),
            "{column}: {text}"
        );
        let found = place.json(&["corpus", "inspect", &file]);
        if column == "coder" {
            assert_eq!(found["counts"]["records"], 6, "{column}");
            continue;
        }
        note_with(&found, "may say who rated: 6 answers stand in several rows");
        let mapping = found["mapping"].as_str().unwrap();
        let mapping = place.write(
            "m.toml",
            format!("{mapping}\n[raters]\ncolumn = \"{column}\"\n"),
        );
        let read = place.json(&["corpus", "inspect", &file, "--mapping", &mapping]);
        assert_eq!(read["counts"]["records"], 6, "{column}");
        assert_eq!(read["records"][0]["scores"][1]["rater"], names[1]);
    }
    // Nothing is proposed where every answer stands once.
    let file = place.write(
        "once.csv",
        rows("empathy;who", &["1;a", "2;b", "3;a", "4;b"]),
    );
    assert!(
        !place
            .ok(&["corpus", "inspect", &file])
            .contains("may say who rated")
    );
}

#[test]
fn rows_and_answers_are_told_apart_and_one_system_has_no_verdicts() {
    let place = Place::new();
    let answers = (0..5).map(|at| {
        format!("r{at},I lost key {at}.,Sorry for key {at}.,Where is key {at}?,{at},3\n")
    });
    let head = "id,context,response_anna,response_bert,warmth_anna,warmth_bert\n";
    let file = place.write("two.csv", head.to_string() + &answers.collect::<String>());
    place.ok(&["corpus", "import", &file, "it"]);
    let out = place.path().join("part.csv").display().to_string();
    let said = place.ok(&["corpus", "select", "it", &out, "--at-most", "8"]);
    for part in [
        "10 answers; 8 answers chosen",
        "4 rows are in",
        "a row is a record, and they have 8 answers",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = place.ok(&[
        "corpus",
        "table",
        "it",
        "--verdicts=warmth",
        "--where",
        "system = anna",
    ]);
    assert!(
        said.contains("Verdicts are on two systems, and all these answers are of anna."),
        "{said}"
    );
}
