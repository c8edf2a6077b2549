//! Files that are joined to a corpus: each row finds the answers that it is about, or is counted and named.

use serde_json::Value;

use crate::cli_support::Place;

fn notes(document: &Value) -> String {
    document["notes"].to_string()
}

#[test]
fn an_id_of_several_records_is_joined_where_the_row_says_which_and_named_else() {
    let place = Place::new();
    // Two contexts under each id, which are records of their own; and an id given twice by mistake.
    for (name, head, rows) in [
        (
            "long",
            "id,model,context,response",
            "a,anna,I failed.,Oh no.\na,bert,I fell.,Why?\nb,anna,We won!,Great!\nb,bert,We lost!,Whom?\n",
        ),
        (
            "twice",
            "id,context,response",
            "a,I failed.,Oh no.\na,We won!,Great!\nc,I moved.,Where?\nd,It rains.,Still?\n\
             e,I read.,What?\nf,I ran.,Far?\ng,I sing.,What?\nh,I slept.,Long?\ni,I ate.,What?\nj,I am.,Oh.\nk,I did.,Oh.\n",
        ),
    ] {
        let file = place.write(&format!("{name}.csv"), format!("{head}\n{rows}"));
        place.ok(&["corpus", "import", &file, name]);
        let scores = place.write("scores.csv", "id,warmth\na,1\nc,2\nz,3\n");
        let joined = place.run(&["corpus", "join", name, &scores, "--as", "j"]);
        if name == "long" {
            let said = "2 have an id that no record has, 1 one that several records have";
            assert!(joined.stderr.contains(said), "{}", joined.stderr);
        } else {
            let said = "1 row with an id that several records have, not joined";
            assert!(joined.stdout.contains(said), "{}", joined.stdout);
            assert!(
                joined
                    .stdout
                    .contains("or an id of each record): a in line 2.")
            );
        }
    }
    let of_systems = place.write("s.csv", "id,model,warmth\na,anna,1\na,bert,2\nb,carl,3\n");
    let joined = place.json(&["corpus", "join", "long", &of_systems, "--as", "j"]);
    for (what, n) in [("joined", 2), ("of_several", 0), ("without_response", 1)] {
        assert_eq!(joined[what], n, "{what}");
    }
}

#[test]
fn one_record_written_twice_is_no_riddle_and_its_row_counts_once() {
    let place = Place::new();
    let rows = (0..12).map(|at| {
        let at = if at == 11 { 3 } else { at };
        format!("r{at},I lost key {at}.,Sorry for key {at}.\n")
    });
    let rows: String = rows.collect();
    let file = place.write("twice.csv", format!("id,context,response\n{rows}"));
    place.ok(&["corpus", "import", &file, "it"]);
    let scores = place.write("scores.csv", "id,warmth\nr3,4\nr5,2\n");
    let joined = place.json(&["corpus", "join", "it", &scores, "--as", "j"]);
    for (what, n) in [
        ("rows", 2),
        ("joined", 2),
        ("answers", 3),
        ("of_several", 0),
    ] {
        assert_eq!(joined[what], n, "{what}");
    }
}

#[test]
fn columns_named_for_systems_are_of_their_answers() {
    let place = Place::new();
    let wide = place.write(
        "wide.csv",
        "id,context,response_human,response_chatgpt_empathy\n\
         a,I failed.,Oh no.,That must be hard.\nb,We won!,Great!,How nice.\nc,I moved.,Where?,\n",
    );
    let long = place.write(
        "long.csv",
        "id,model,context,response\na,human,I failed.,Oh no.\na,chatgpt_empathy,I failed.,That must be hard.\n\
         b,human,We won!,Great!\nb,chatgpt_empathy,We won!,How nice.\nc,human,I moved.,Where?\n",
    );
    let scores = place.write(
        "scores.csv",
        "id,warmth_human,warmth_chatgpt_empathy,length\na,1,5,2\nb,2,4,3\nc,3,1,4\n",
    );
    for (name, file) in [("wide", &wide), ("long", &long)] {
        place.ok(&["corpus", "import", file, name]);
        let join = ["corpus", "join", name, &scores, "--as", "j"];
        let joined = place.json(&[&join[..], &["--dry-run"]].concat());
        let said = notes(&joined);
        assert!(
            said.contains(
                r#"\"warmth_chatgpt_empathy\" is read as what is said of \"chatgpt_empathy\""#
            ),
            "{said}"
        );
        assert_eq!(joined["joined"], 3, "{name}");
        assert_eq!(joined["answers"], 5, "{name}: {joined}");
        assert!(
            said.contains("have no response in the record"),
            "{name}: {said}"
        );
        assert!(
            !said.contains("do not say which of several records"),
            "{said}"
        );
        place.ok(&join);
        let table = place.json(&["corpus", "table", name]);
        let rows = table["rows"].as_array().unwrap();
        let mean = |system: &str| {
            let mut rows = rows.iter();
            let row = rows
                .find(|row| row["system"].to_string().contains(system))
                .unwrap();
            row["scores"]["j_warmth"]["mean"]["value"].clone()
        };
        assert_eq!(mean("chatgpt"), 4.5, "{name}: {table}");
        assert_eq!(mean("human"), 2.0, "{name}");
    }
    let text = place.ok(&["corpus", "join", "wide", &scores, "--as", "k"]);
    // The third record has one answer, whose length it is.
    assert!(
        text.contains("3 are about 5 answers and 2 records."),
        "{text}"
    );
}

#[test]
fn a_column_that_counts_rows_is_no_id_beside_one_that_names_the_records() {
    let place = Place::new();
    // As pandas writes a table with its index; of a filtered one it begins elsewhere.
    for (at, head) in [
        ",item,context,response_anna,response_bert",
        ",sample_id,context,response_anna,response_bert",
        "idx,item_id,context,response_anna,response_bert",
    ]
    .iter()
    .enumerate()
    {
        let mut rows = format!("{head}\n");
        for row in 0..8 {
            rows += &format!(
                "{},{},I lost key {row} today.,Sorry for key {row}.,Where is key {row}?\n",
                row + at,
                row + 1
            );
        }
        let name = format!("c{at}");
        let file = place.write(&format!("{name}.csv"), rows);
        place.ok(&["corpus", "import", &file, &name]);
        let column = head.split(',').nth(1).unwrap();
        let mut scores = format!(",{column},system,overall\n");
        for row in 0..8 {
            scores += &format!("{},{},anna,{}\n", row, row + 1, row + 1);
        }
        let scores = place.write("scores.csv", scores);
        let joined = place.json(&["corpus", "join", &name, &scores, "--as", "s"]);
        assert_eq!(
            (joined["id"].as_str(), joined["joined"].as_u64()),
            (Some(column), Some(8)),
            "{joined}"
        );
        let shown = place.json(&["corpus", "show", &name, "--where", "s_overall = 1"]);
        assert_eq!(shown["records"][0]["id"], "1", "{shown}");
        let said = shown["records"][0]["context"][0]["text"].as_str();
        assert_eq!(said, Some("I lost key 0 today."));
    }
}

#[test]
fn a_corpus_without_ids_is_joined_by_its_numbers_only_where_somebody_says_so() {
    let place = Place::new();
    let rows = (1..=6).map(|row| format!("I lost key {row} today.,Sorry for key {row}.\n"));
    let rows: String = rows.collect();
    let file = place.write("bare.csv", format!("context,response\n{rows}"));
    place.ok(&["corpus", "import", &file, "bare"]);
    let scores = (1..=6).map(|row| format!("{row},{row}\n"));
    let scores: String = scores.collect();
    let scores = place.write("scores.csv", format!("item,warmth\n{scores}"));
    let join = ["corpus", "join", "bare", &scores, "--as", "s"];
    let refused = place.run(&join);
    for part in ["has no ids of its own", "numbered from 0", "--id"] {
        assert!(
            refused.code != 0 && refused.stderr.contains(part),
            "{part}: {}",
            refused.stderr
        );
    }
    let joined = place.json(&[&join[..], &["--id", "item"]].concat());
    assert_eq!(joined["joined"], 5, "{joined}");
    let said = notes(&joined);
    assert!(
        said.contains("taken for the numbers of its records")
            && said.contains("none of them is 0 here"),
        "{said}"
    );
}

#[test]
fn a_winner_of_two_sides_that_no_column_names_is_refused() {
    let place = Place::new();
    let mut answers = "item,context,response_anna,response_bert\n".to_string();
    let mut votes = "item,annotator,winner\n".to_string();
    for row in 1..=6 {
        answers += &format!("{row},I lost key {row}.,Sorry for key {row}.,Where is key {row}?\n");
        for (at, who) in ["ada", "ben", "cem"].iter().enumerate() {
            votes += &format!("{row},{who},{}\n", ["A", "B", "tie"][(row + at) % 3]);
        }
    }
    let answers = place.write("answers.csv", answers);
    place.ok(&["corpus", "import", &answers, "it"]);
    let votes = place.write("votes.csv", votes);
    let join = ["corpus", "join", "it", &votes, "--as", "j"];
    let refused = place.run(&join);
    let said = "\"winner\" says A/B/tie, but no columns say which systems A and B are";
    assert!(
        refused.code != 0 && refused.stderr.contains(said),
        "{}",
        refused.stderr
    );
    // As a label it is what the first says of each, which is said.
    let kept = place.json(&[&join[..], &["--keep", "winner"]].concat());
    assert_eq!(kept["labels"]["j_winner"], 6, "{kept}");
}

#[test]
fn scores_of_one_aspect_a_row_are_joined_as_a_score_of_each() {
    let place = Place::new();
    let mut answers = "item,context,response_anna,response_bert\n".to_string();
    let mut scores = "item,system,aspect,annotator,score\n".to_string();
    for row in 1..=6 {
        answers += &format!("{row},I lost key {row}.,Sorry for key {row}.,Where is key {row}?\n");
        for system in ["anna", "bert"] {
            for who in ["x", "y"] {
                scores +=
                    &format!("{row},{system},warmth,{who},5\n{row},{system},fluency,{who},1\n");
            }
        }
    }
    let answers = place.write("answers.csv", answers);
    place.ok(&["corpus", "import", &answers, "it"]);
    let scores = place.write("scores.csv", scores);
    let joined = place.json(&["corpus", "join", "it", &scores, "--as", "j"]);
    assert_eq!(
        joined["scores"],
        serde_json::json!({"j_fluency": 24, "j_warmth": 24}),
        "{joined}"
    );
    assert!(notes(&joined).contains("says what each row's score is of"));
}
