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
fn long_tables_say_how_their_systems_come_to_be_compared() {
    let place = Place::new();
    let mut rows = "id,model,context,response,bleu\n".to_string();
    let mut rated = "id,model,annotator,context,response,warmth\n".to_string();
    for at in 0..12 {
        for (model, bleu) in [("anna", 0.25), ("bert", 0.5)] {
            let answer = format!("I lost key {at}.,Sorry says {model} for key {at}.");
            rows += &format!("q{at},{model},{answer},{bleu}\n");
            for who in 0..2 {
                rated += &format!("q{at},{model},w{who},{answer},{}\n", 1 + (at + who) % 5);
            }
        }
    }
    let file = place.write("long.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    let said = notes(&found);
    assert!(
        said.contains("a table with one row an id and a column of answers for each system"),
        "{said}"
    );
    place.ok(&["corpus", "import", &file, "long"]);
    let table = place.ok(&["corpus", "table", "long", "--verdicts=bleu"]);
    let wide = "a column of answers for each system";
    assert!(
        table.contains("No record has two of these answers with the score \"bleu\"."),
        "{table}"
    );
    let out = place.path().join("pairs.jsonl").display().to_string();
    let refused = place.run(&[
        "corpus",
        "export",
        "long",
        &out,
        "--form=preferences",
        "--prefer=bleu",
    ]);
    assert!(refused.stderr.contains(wide), "{}", refused.stderr);

    // Each rated by several: then the id says nothing that the answers do not, and stays as a label.
    let file = place.write("rated.csv", rated);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 24);
    assert_eq!(found["counts"]["labels"]["id"], 24);
    let said = notes(&found);
    assert!(
        said.contains("\"id\" is taken for no id") && said.contains(wide),
        "{said}"
    );
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
