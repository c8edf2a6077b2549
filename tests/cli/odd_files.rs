//! Files of which a part is not what it seems: ids that are missing, long tables, openings, reasoning that does not end,
//! sums that were edited. What is done with it is said.

use std::fs;

use serde_json::{Value, json};

use crate::cli_support::{Place, lines};

fn notes(document: &Value) -> String {
    let notes = document["notes"].as_array().unwrap().iter();
    let notes: Vec<&str> = notes.map(|note| note.as_str().unwrap()).collect();
    notes.join("\n")
}

#[test]
fn one_row_without_an_id_leaves_the_others_theirs_and_no_join_finds_it() {
    let place = Place::new();
    let rows = (0..6).map(|at| {
        let id = if at == 4 {
            String::new()
        } else {
            (at + 2).to_string()
        };
        format!("{id},I lost key {at}.,Sorry for key {at}.\n")
    });
    let rows: String = rows.collect();
    let file = place.write("one.csv", format!("id,context,response\n{rows}"));
    let found = place.json(&["corpus", "inspect", &file]);
    let ids = found["records"].as_array().unwrap().iter();
    let ids: Vec<&str> = ids.map(|of| of["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["2", "3", "4", "5", "row 5", "7"]);
    let said = notes(&found);
    assert!(
        said.contains("1 row has nothing in \"id\", the column of ids: line 6."),
        "{said}"
    );
    let mapping = "format = 1\nid = \"id\"\n[context]\ntext = [\"context\"]\n\
                   [[responses]]\nsystem = \"anna\"\ntext = \"response\"\n";
    let mapping = place.write("m.toml", mapping);
    let scores = place.write("scores.csv", "id,warmth\n4,4\n5,5\n6,1\n");
    for (name, more) in [("found", &[][..]), ("said", &["--mapping", &mapping])] {
        place.ok(&[&["corpus", "import", &file, name], more].concat());
        let joined = place.json(&["corpus", "join", name, &scores, "--as", "j"]);
        assert_eq!(
            (&joined["joined"], &joined["unknown_ids"]),
            (&json!(2), &json!([{"id": "6", "line": 4}])),
            "{name}"
        );
    }
}

#[test]
fn a_row_without_an_id_among_several_raters_is_said_and_the_others_stay_together() {
    let place = Place::new();
    let mut rows = "id,context,response,warmth,annotator\n".to_string();
    for item in 0..5 {
        for who in 0..3 {
            let id = if item == 2 && who == 1 {
                String::new()
            } else {
                format!("c{item}")
            };
            rows += &format!(
                "{id},I lost key {item}.,Sorry for key {item}.,{},w{who}\n",
                1 + who
            );
        }
    }
    let file = place.write("rated.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 6);
    assert_eq!(found["records"][1]["id"], "c1");
    let said = notes(&found);
    assert!(said.contains("1 row has nothing in \"id\""), "{said}");
}

#[test]
fn a_system_called_target_is_the_listeners_own() {
    let place = Place::new();
    let rows = "id,context,gold,anna\na,I failed.,Oh no.,Why?\nb,We won!,Great!,Whom?\n";
    let file = place.write("t.csv", rows);
    let mapping = "format = 1\nid = \"id\"\n[context]\ntext = [\"context\"]\n\
                   [[responses]]\nsystem = \"target\"\ntext = \"gold\"\n\
                   [[responses]]\nsystem = \"anna\"\ntext = \"anna\"\n";
    let target = place.write("m.toml", mapping);
    let found = place.json(&["corpus", "inspect", &file, "--mapping", &target]);
    assert_eq!(found["records"][0]["target"], "Oh no.");
    assert_eq!(found["counts"]["systems"], json!({"anna": 2}));
    let twice = mapping.replace("id = \"id\"", "id = \"id\"\ntarget = \"anna\"");
    let twice = place.write("twice.toml", twice);
    let refused = place.run(&["corpus", "inspect", &file, "--mapping", &twice]);
    assert!(
        refused.code != 0 && refused.stderr.contains("which is the target as well"),
        "{}",
        refused.stderr
    );
}

#[test]
fn long_tables_have_the_systems_of_one_id_in_one_record() {
    let place = Place::new();
    let mut rows = "id,emotion,model,context,response,bleu\n".to_string();
    let mut rated = "id,model,annotator,context,response,warmth\n".to_string();
    for at in 0..12 {
        let emotion = ["sad", "proud"][at % 2];
        for (model, bleu) in [("bert", 0.5), ("anna", 0.25)] {
            let answer = format!("I lost key {at}.,Sorry says {model} for key {at}.");
            rows += &format!("q{at},{emotion},{model},{answer},{bleu}\n");
            for who in 0..2 {
                rated += &format!("q{at},{model},w{who},{answer},{}\n", 1 + (at + who) % 5);
            }
        }
    }
    let file = place.write("long.csv", &rows);
    let found = place.json(&["corpus", "inspect", &file]);
    let said = notes(&found);
    assert!(
        said.contains("12 records have the answers of 2 systems") && said.contains("by_id = false"),
        "{said}"
    );
    let first = &found["records"][0];
    assert_eq!(
        (&first["id"], &first["labels"]),
        (&json!("q0"), &json!({"emotion": "sad"}))
    );
    let systems: Vec<&Value> = first["responses"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&systems[0]["system"], &systems[1]["system"]),
        (&json!("bert"), &json!("anna"))
    );
    assert_eq!(systems[0]["scores"][0]["value"], 0.5);
    place.ok(&["corpus", "import", &file, "long"]);
    let table = place.json(&["corpus", "table", "long", "--verdicts=bleu"]);
    assert_eq!(table["groups"][0]["pairs"][0]["verdicts"], 12, "{table}");
    let out = place.path().join("pairs.jsonl").display().to_string();
    let exported = place.json(&[
        "corpus",
        "export",
        "long",
        &out,
        "--form=preferences",
        "--prefer=bleu",
    ]);
    assert_eq!(exported["exported"]["rows"], 12);
    // Verdicts of two systems are about both answers.
    let mut votes = "id,model_a,model_b,winner,annotator\n".to_string();
    for at in 0..12 {
        votes += &format!("q{at},anna,bert,{},w1\n", ["anna", "bert", "tie"][at % 3]);
    }
    let votes = place.write("votes.csv", votes);
    let joined = place.json(&["corpus", "join", "long", &votes, "--as", "people"]);
    assert_eq!(
        (&joined["joined"], &joined["of_several"]),
        (&json!(12), &json!(0))
    );

    // A person may want a record of each row.
    let mapping = found["mapping"].as_str().unwrap();
    let apart = place.write("apart.toml", mapping.replace("by_id = true\n", ""));
    place.ok(&["corpus", "import", &file, "apart", "--mapping", &apart]);
    let table = place.ok(&["corpus", "table", "apart", "--verdicts=bleu"]);
    assert!(
        table.contains("No record has two of these answers with the score \"bleu\"."),
        "{table}"
    );

    // Each rated by several.
    let file = place.write("rated.csv", rated);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 12);
    assert_eq!(found["counts"]["scores"], json!({"warmth": 48}));
    let response = &found["records"][0]["responses"][1];
    assert_eq!(
        response["scores"].as_array().unwrap().len(),
        2,
        "{response}"
    );

    // Rows of one id with contexts of their own are records of their own, which is said.
    let file = place.write("other.csv", rows.replace("bert,I lost", "bert,I found"));
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 24);
    let said = notes(&found);
    assert!(
        said.contains("\"id\" is taken for no id") && said.contains("by_id = true"),
        "{said}"
    );
}

#[test]
fn a_column_for_each_turn_is_a_conversation_in_which_an_empty_cell_was_not_said() {
    let place = Place::new();
    let said = [
        "I failed my exam today and feel awful.",
        "Oh no, that must hurt a lot.",
        "It does, I studied for weeks.",
        "What was the hardest part?",
    ];
    for head in [
        "turn_1,turn_2,turn_3,turn_4",
        "speaker_1,listener_1,speaker_2,listener_2",
    ] {
        let mut rows = format!("id,{head},emotion\n");
        for at in 0..8 {
            let cell = |turn: usize| match (at, turn) {
                (3, 2 | 3) | (5, 1) => String::new(),
                _ => format!("\"{} {at}\"", said[turn]),
            };
            let cells: Vec<String> = (0..4).map(cell).collect();
            rows += &format!("c{at},{},{}\n", cells.join(","), ["sad", "angry"][at % 2]);
        }
        let file = place.write("turns.csv", rows);
        let found = place.json(&["corpus", "inspect", &file]);
        assert_eq!(found["shape"], "turn_columns", "{found}");
        assert_eq!(
            (&found["counts"]["records"], &found["counts"]["skipped"]),
            (&json!(14), &json!(0))
        );
        let second = head.split(',').nth(1).unwrap();
        let note = notes(&found);
        let expected = format!(
            "1 row has nothing in \"{second}\", the column of a turn that others follow: line 7"
        );
        assert!(note.contains(&expected), "{note}");
        let records = found["records"].as_array().unwrap();
        let broken = records
            .iter()
            .find(|record| record["conversation"] == "c3")
            .unwrap();
        assert_eq!(broken["target"], "Oh no, that must hurt a lot. 3");
        place.ok(&["corpus", "import", &file, &second.replace('_', "-")]);
    }
}

#[test]
fn a_conversation_or_a_turn_that_a_row_lacks_is_named_and_parts_no_column_from_the_others() {
    let place = Place::new();
    let mut rows = "conversation_id,turn,item,Unnamed: 0,context,response\n".to_string();
    for at in 0..8 {
        let conversation = if at == 3 {
            String::new()
        } else {
            format!("c{}", at / 2)
        };
        let turn = if at == 5 {
            String::new()
        } else {
            (at % 2 * 2 + 2).to_string()
        };
        rows += &format!("{conversation},{turn},{at},{at},I lost key {at}.,Sorry for key {at}.\n");
    }
    let file = place.write("c.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["scores"], json!({}));
    let (third, fifth) = (&found["records"][3], &found["records"][5]);
    assert_eq!(
        (&third["id"], &third["conversation"]),
        (&json!("3"), &Value::Null)
    );
    assert_eq!(
        (&fifth["conversation"], &fifth["turn"]),
        (&json!("c2"), &Value::Null)
    );
    let said = notes(&found);
    for part in [
        "1 row has nothing in \"conversation_id\", the column of conversations: line 5.",
        "1 row has nothing in \"turn\", the column of turns: line 7.",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn turns_of_the_listener_that_open_conversations_are_counted() {
    let place = Place::new();
    let dialog = |opens: bool| {
        let mut turns = vec![json!({"speaker": "supporter", "content": "Hello, how are you?"})];
        turns.retain(|_| opens);
        turns.push(json!({"speaker": "seeker", "content": "I failed my exam today."}));
        turns.push(json!({"speaker": "supporter", "content": "I am sorry to hear that."}));
        json!({"emotion_type": "sadness", "dialog": turns})
    };
    let rows: Vec<String> = (0..6).map(|at| dialog(at % 2 == 0).to_string()).collect();
    let file = place.write("support.jsonl", rows.join("\n"));
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 6);
    let said = notes(&found);
    assert!(
        said.contains("3 opening turns without a context make no records")
            && said.contains("lines 1, 3 and 5"),
        "{said}"
    );
}

#[test]
fn reasoning_that_does_not_end_is_named() {
    let place = Place::new();
    let rows = "id,context,response\na,I failed.,<think>She is sad.</think>Oh no.\n\
                b,We won!,<think>She is happy and\nc,I moved.,Where to?\n";
    let file = place.write("think.csv", rows);
    let said = notes(&place.json(&["corpus", "inspect", &file]));
    assert!(
        said.contains("1 answer begins with reasoning that does not end")
            && said.contains("line 3"),
        "{said}"
    );
}

#[test]
fn a_score_that_differs_from_the_list_beside_it_is_named() {
    let place = Place::new();
    let mut rows = "id,context,response,warmth,annotator\n".to_string();
    for at in 0..4 {
        for who in 0..2 {
            rows += &format!(
                "r{at},I lost key {at}.,Sorry for key {at}.,{},w{who}\n",
                1 + at
            );
        }
    }
    let file = place.write("rated.csv", rows);
    place.ok(&["corpus", "import", &file, "it"]);
    let out = place.path().join("out.csv");
    let path = out.display().to_string();
    place.ok(&["corpus", "export", "it", &path]);
    let same = place.json(&["corpus", "inspect", &path]);
    assert!(!notes(&same).contains("differ"), "{}", notes(&same));
    let table = fs::read_to_string(&out).unwrap();
    let (head, _) = table.split_once('\n').unwrap();
    let at = head.split(',').position(|title| title == "warmth").unwrap();
    let mut reader = csv::Reader::from_path(&out).unwrap();
    let mut writer = csv::Writer::from_path(place.path().join("edited.csv")).unwrap();
    writer.write_record(reader.headers().unwrap()).unwrap();
    for (row, record) in reader.records().enumerate() {
        let mut cells: Vec<String> = record.unwrap().iter().map(str::to_string).collect();
        if row == 2 {
            cells[at] = "1".to_string();
        }
        writer.write_record(&cells).unwrap();
    }
    writer.flush().unwrap();
    let edited = place.path().join("edited.csv").display().to_string();
    let said = notes(&place.json(&["corpus", "inspect", &edited]));
    assert!(
        said.contains(
            "1 score differs from what \"scores\" lists, which counts: \"warmth\" in line 4."
        ),
        "{said}"
    );
    place.ok(&["corpus", "import", &edited, "edited"]);
    let out = place.path().join("edited.jsonl");
    place.ok(&["corpus", "export", "edited", &out.display().to_string()]);
    let records = lines(&fs::read_to_string(out).unwrap());
    assert_eq!(records[2]["scores"][0]["value"], 3.0);
}

#[test]
fn what_is_not_there_is_said_before_anything_is_asked_for_good() {
    let place = Place::new();
    let file = place.write(
        "a.csv",
        "id,context,response\na,I failed.,Oh no.\nb,We won!,Great!\n",
    );
    place.ok(&["corpus", "import", &file, "it"]);
    let none = place.run(&["corpus", "delete", "it", "--addition", "nix"]);
    assert!(
        none.code != 0
            && none
                .stderr
                .contains("it has no addition \"nix\"; it has none"),
        "{}",
        none.stderr
    );
    let judge = place.run(&[
        "endpoint",
        "judge",
        "--address",
        "http://127.0.0.1:9",
        "--model",
        "m",
        "--rubric",
        "comapre",
        "--corpus",
        "it",
    ]);
    assert!(
        judge.code != 0
            && judge.stderr.contains("comapre")
            && judge.stderr.contains("rate and compare"),
        "{}",
        judge.stderr
    );
}

#[test]
fn a_score_of_a_long_table_is_of_its_rows_answer_also_where_all_have_the_same() {
    let place = Place::new();
    let mut rows = ",item,system,context,response,empathy,safety\n".to_string();
    for at in 0..6 {
        for (system, empathy) in [("anna", 1 + at % 5), ("bert", 5 - at % 5)] {
            let row = 2 * at + usize::from(system == "bert");
            rows += &format!(
                "{row},{at},{system},I lost key {at}.,Sorry says {system} for key {at}.,{empathy},{}\n",
                1 + at % 5
            );
        }
    }
    let file = place.write("long.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 6, "{found}");
    let record = &found["records"][0];
    assert!(
        record.get("scores").is_none_or(|of| *of == json!([])),
        "{record}"
    );
    for response in record["responses"].as_array().unwrap() {
        assert_eq!(response["scores"].as_array().unwrap().len(), 2, "{record}");
    }
    place.ok(&["corpus", "import", &file, "long"]);
    let table = place.json(&["corpus", "table", "long"]);
    for row in table["rows"].as_array().unwrap() {
        assert_eq!(row["scores"]["safety"]["n"], 6, "{table}");
    }
    assert_eq!(table["records"], json!([]));
}

#[test]
fn a_person_who_makes_one_record_of_an_id_gives_scores_to_the_answers() {
    let place = Place::new();
    let file = place.write(
        "min.csv",
        "item,system,context,response,empathy\n1,anna,C one,A1,5\n1,bert,C one,B1,1\n2,anna,C two,A2,4\n\
         2,bert,C two!,B2,2\n2,bert,C two!,B2b,2\n",
    );
    let mapping = "format = 1\nid = \"item\"\nby_id = true\n[context]\ntext = [\"context\"]\n[[responses]]\n\
                   system_column = \"system\"\ntext = \"response\"\n[scores.empathy]\ncolumn = \"empathy\"\n";
    let mapping = place.write("min.toml", mapping);
    let found = place.json(&["corpus", "inspect", &file, "--mapping", &mapping]);
    let responses = &found["records"][0]["responses"];
    assert_eq!(
        (
            &responses[0]["scores"][0]["value"],
            &responses[1]["scores"][0]["value"]
        ),
        (&json!(5.0), &json!(1.0)),
        "{found}"
    );
    assert!(notes(&found).contains("[responses.scores]"), "{found}");
}

#[test]
fn a_column_of_what_was_rated_makes_a_score_of_each_of_its_values() {
    let place = Place::new();
    for (name, by) in [("aspect", "annotator"), ("what", "rater")] {
        let mut rows = format!("item,system,context,response,{name},{by},score\n");
        for at in 0..6 {
            for system in ["anna", "bert"] {
                for (aspect, score) in [("empathy", 5), ("fluency", 1)] {
                    for who in ["x", "y"] {
                        rows += &format!(
                            "{at},{system},I lost key {at}.,Sorry says {system} for key {at}.,{aspect},{who},{score}\n"
                        );
                    }
                }
            }
        }
        let file = place.write(&format!("{name}.csv"), rows);
        let found = place.json(&["corpus", "inspect", &file]);
        assert_eq!(
            (&found["counts"]["records"], &found["counts"]["scores"]),
            (&json!(6), &json!({"empathy": 24, "fluency": 24})),
            "{found}"
        );
        let said = notes(&found);
        assert!(said.contains("says what each row's score is of"), "{said}");
        // The mapping that is shown reads the same.
        let mapping = place.write("m.toml", found["mapping"].as_str().unwrap());
        place.ok(&["corpus", "import", &file, name, "--mapping", &mapping]);
        let table = place.json(&["corpus", "table", name]);
        let row = &table["rows"][0];
        assert_eq!(row["scores"]["empathy"]["mean"]["value"], 5.0, "{table}");
        assert_eq!(row["scores"]["fluency"]["mean"]["value"], 1.0, "{table}");
    }
}

#[test]
fn scores_of_whole_conversations_count_once_for_each() {
    let place = Place::new();
    // Of two answers each, and of one.
    let file = place.write(
        "turns.csv",
        "id,turn_1,turn_2,turn_3,turn_4,warmth,effort\nc1,Hi I feel low.,Why is that?,Exams.,That is hard.,5,4\n\
         c2,I am angry.,At whom?,My boss shouted.,How awful.,5,5\nc3,I got a cat.,How lovely!,,,1,2\n\
         c4,I am sad.,What happened?,,,1,1\n",
    );
    let found = place.json(&["corpus", "inspect", &file]);
    let said = notes(&found);
    assert!(said.contains("once for each conversation"), "{said}");
    place.ok(&["corpus", "import", &file, "turns"]);
    let table = place.json(&["corpus", "table", "turns"]);
    let row = &table["rows"][0];
    assert_eq!(row["n"], 6, "{table}");
    assert_eq!(
        (
            &row["scores"]["warmth"]["n"],
            &row["scores"]["warmth"]["mean"]["value"]
        ),
        (&json!(4), &json!(3.0)),
        "{table}"
    );
}

#[test]
fn the_first_letter_of_a_column_is_no_system() {
    let place = Place::new();
    let mut rows = "id,context,annotator,age,response_a,response_b,a_warmth,winner\n".to_string();
    for (who, age, warmth, winner) in [
        ("Ada", 31, 4, "B"),
        ("Ben", 45, 3, "A"),
        ("Cem", 27, 5, "A"),
    ] {
        rows += &format!(
            "S01,I failed my driving test again.,{who},{age},That must be so frustrating.,I am sorry to hear it.,{warmth},{winner}\n"
        );
    }
    let file = place.write("judged.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    let mapping = found["mapping"].as_str().unwrap();
    assert!(mapping.contains("annotator"), "{mapping}");
    for wrong in ["\nnnotator", "\nge ="] {
        assert!(!mapping.contains(wrong), "{mapping}");
    }
    // With a mark between them it is one.
    assert!(mapping.contains("[responses.scores.warmth]"), "{mapping}");
}
