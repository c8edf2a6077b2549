//! Files as people bring them, with what is odd in their rows: it is read as it was meant, or said with its lines.

use serde_json::{Value, json};

use crate::cli_support::Place;

/// Each a sentence.
fn notes(document: &Value) -> Vec<&str> {
    let notes = document["notes"].as_array().unwrap().iter();
    notes.map(|note| note.as_str().unwrap()).collect()
}

fn note_with<'a>(document: &'a Value, part: &str) -> &'a str {
    let all = notes(document);
    let mut with = all.iter().filter(|note| note.contains(part));
    with.next()
        .unwrap_or_else(|| panic!("no {part:?} in {all:?}"))
}

/// Verdicts of two people and a language model on six pairs of answers; one person judged the first twice.
fn judged() -> String {
    let mut rows = "question_id,model_a,model_b,winner,annotator\n".to_string();
    for item in 0..6 {
        for (place, who) in ["human1", "human2", "gpt-4"].iter().enumerate() {
            let winner = ["anna", "bert", "tie"][(item + place) % 3];
            rows += &format!("q{item},anna,bert,{winner},{who}\n");
        }
    }
    rows + "q0,anna,bert,bert,human1\n"
}

#[test]
fn a_language_model_among_those_who_judge_is_none_of_the_people() {
    let place = Place::new();
    let file = place.write("judged.csv", judged());
    let found = place.json(&["corpus", "inspect", &file]);
    let line = "judges = [\"gpt-4\"] under [verdicts.winner]";
    let note = note_with(&found, "\"annotator\" names who seem to be language models");
    assert!(note.contains(line), "{note}");

    let mapping = found["mapping"].as_str().unwrap();
    assert!(mapping.contains("judges = [\"gpt-4\"]"), "{mapping}");
    // A mapping that does not say it is taken at its word, and told the line to add.
    let silent = place.write("m.toml", mapping.replace("judges = [\"gpt-4\"]\n", ""));
    let told = place.json(&["corpus", "inspect", &file, "--mapping", &silent]);
    let note = note_with(&told, "counts them among people");
    assert!(note.contains(line), "{note}");

    place.ok(&["corpus", "import", &file, "it"]);
    let table = place.json(&["corpus", "table", "it", "--verdicts"]);
    let groups = table["groups"].as_array().unwrap();
    let of = |origin: &str| {
        let mut groups = groups.iter();
        groups.find(|group| group["origin"] == origin).unwrap()
    };
    assert_eq!((groups.len(), &of("human")["people"]), (2, &json!(2)));
    assert_eq!(of("judge")["judge"], "gpt-4");
    assert_eq!(table["agreement"][0]["first"], "people");
}

#[test]
fn who_judges_the_same_again_counts_once_and_it_is_said() {
    let place = Place::new();
    let file = place.write("judged.csv", judged());
    let dry = place.ok(&["corpus", "import", &file, "it", "--dry-run"]);
    let said = "1 verdict or score is of somebody who judged the same again: human1 on \"q0\" in lines 2 and 20";
    assert!(dry.contains(said), "{dry}");
    assert!(place.ok(&["corpus", "import", &file, "it"]).contains(said));
    let table = place.json(&["corpus", "table", "it", "--verdicts"]);
    note_with(
        &table,
        "1 verdict is left out, of somebody who judged the same again: the last counts",
    );
    let people = &table["groups"][0]["pairs"][0];
    // Of 13 rows 12 count; the last of human1 on q0 is for bert, and human2's as well.
    assert_eq!(
        (&people["verdicts"], &people["losses"]),
        (&json!(12), &json!(3))
    );
    let text = place.ok(&["corpus", "table", "it", "--verdicts"]);
    assert!(text.contains("the last counts"), "{text}");
}

/// Ratings of three people and a language model of five answers, a row each; one person rated the first twice.
fn rated(id: &str) -> String {
    let mut rows = format!("{id},context,response,emotion,empathy,annotator\n");
    for item in 0..5 {
        for (place, who) in ["w1", "w2", "w3", "gpt-4"].iter().enumerate() {
            let score = 1 + (item + place / 2) % 5;
            let emotion = if place == 1 && item == 2 {
                "angry"
            } else {
                "sad"
            };
            rows += &format!(
                "c{item},I lost my key number {item} today.,I am sorry about key {item}.,{emotion},{score},{who}\n"
            );
        }
    }
    rows + "c0,I lost my key number 0 today.,I am sorry about key 0.,sad,2,w1\n"
}

#[test]
fn ratings_of_several_people_in_rows_of_their_own_are_one_record_with_their_agreement() {
    for id in ["conversation_id", "id", "text"] {
        let place = Place::new();
        let rows = match id {
            // Nothing but the words says what is the same.
            "text" => rated("x").lines().fold(String::new(), |all, line| {
                all + line.split_once(',').unwrap().1 + "\n"
            }),
            id => rated(id),
        };
        let file = place.write("rated.csv", rows);
        let found = place.json(&["corpus", "inspect", &file]);
        let counts = &found["counts"];
        assert_eq!(counts["records"], 5, "{id}");
        assert_eq!(counts["scores"], json!({"empathy": 16, "gpt-4_empathy": 5}));
        note_with(&found, "1 record has several values of \"emotion\"");
        note_with(&found, "judged the same again: w1 ");
        note_with(&found, "judges = [\"gpt-4\"] under [raters]");
        let scores = found["records"][0]["scores"].as_array().unwrap();
        assert_eq!((scores.len(), &scores[1]["rater"]), (5, &json!("w2")));
        assert_eq!(found["records"][2]["labels"]["emotion"], "angry; sad");
        if id == "id" {
            assert_eq!(found["records"][1]["id"], "c1");
        }

        place.ok(&["corpus", "import", &file, "it"]);
        let table = place.json(&["corpus", "table", "it"]);
        let raters = &table["raters"][0];
        for (what, n) in [("raters", 3), ("rated", 5), ("by_several", 5), ("again", 1)] {
            assert_eq!(raters[what], n, "{what}");
        }
        assert!(raters["alpha"]["value"].as_f64().unwrap() > 0.0, "{raters}");
        assert_eq!(
            table["raters"].as_array().unwrap().len(),
            1,
            "a judge is none of them"
        );
        // 2 for the first, given again, beside 1 and 2; then 2, 2, 3; 3, 3, 4; 4, 4, 5; 5, 5, 1.
        let mean = table["rows"][0]["scores"]["empathy"]["mean"]["value"].as_f64();
        let expected = (5.0 / 3.0 + 7.0 / 3.0 + 10.0 / 3.0 + 13.0 / 3.0 + 11.0 / 3.0) / 5.0;
        assert!((mean.unwrap() - expected).abs() < 1e-9, "{mean:?}");
        let text = place.ok(&["corpus", "table", "it"]);
        assert!(
            text.contains("Who rated the same") && text.contains("(ordinal)"),
            "{text}"
        );
    }
}

#[test]
fn rows_of_one_rater_each_stay_records_with_a_label() {
    let place = Place::new();
    let rows = (0..6).map(|row| {
        format!(
            "Key {row} is lost for good.,I am sorry for key {row}.,{},w{}\n",
            1 + row % 5,
            row % 2
        )
    });
    let file = place.write(
        "each.csv",
        "context,response,empathy,annotator\n".to_string() + &rows.collect::<String>(),
    );
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["records"], 6);
    assert_eq!(found["counts"]["labels"], json!({"annotator": 6}));
}

#[test]
fn ratings_that_are_none_are_said_with_their_lines_and_decimal_commas_are_read() {
    let place = Place::new();
    let empathy = ["3", "4", "9", "5", "good", "2", "3", "1"];
    let warmth = ["3,5", "2,0", "4,5", "1,5", "2,5", "3,0", "4", "5"];
    let mut rows = "id;context;response;empathy (1-5);warmth\n".to_string();
    for (at, (empathy, warmth)) in empathy.iter().zip(warmth).enumerate() {
        rows += &format!(
            "r{at};I lost my key number {at}.;I am sorry about key {at}.;{empathy};{warmth}\n"
        );
    }
    let file = place.write("scale.csv", &rows);
    let outside =
        "\"empathy (1-5)\" has 1 value outside 1 to 5, not read as a score: \"9\" in line 4.";
    let word = "\"empathy (1-5)\" has 1 value that is no number and not read as a score: \"good\" in line 6.";
    let commas = "\"warmth\" has decimal commas, and 3,5 is read as 3.5.";
    let dry = place.ok(&["corpus", "import", &file, "it", "--dry-run"]);
    let done = place.ok(&["corpus", "import", &file, "it"]);
    for note in [outside, word, commas] {
        assert!(dry.contains(note) && done.contains(note), "{note}: {dry}");
    }
    let list = place.json(&["corpus", "list"]);
    let counts = &list[0]["counts"];
    assert_eq!(
        (&counts["records"], &counts["skipped"]),
        (&json!(8), &json!(0))
    );
    assert_eq!(counts["scores"], json!({"empathy (1-5)": 6, "warmth": 8}));
    let table = place.json(&["corpus", "table", "it"]);
    assert_eq!(
        table["rows"][0]["scores"]["warmth"]["mean"]["value"],
        26.0 / 8.0
    );

    // By a mapping that gives a scale, in any number.
    let mapping = place.json(&["corpus", "inspect", &file])["mapping"].clone();
    let mapping = mapping.as_str().unwrap();
    assert!(mapping.contains("decimal_comma = true"), "{mapping}");
    let mapping = mapping.replace("decimal_comma = true\n", "");
    let mapping = place.write("m.toml", mapping);
    let found = place.json(&["corpus", "inspect", &file, "--mapping", &mapping]);
    let note = note_with(&found, "\"warmth\" has 6 values");
    assert!(
        note.contains("\"1,5\" in line 5") && note.contains("and 1 more"),
        "{note}"
    );
    assert!(note.contains("decimal_comma = true"), "{note}");
}

#[test]
fn short_answers_are_texts_where_the_column_says_so() {
    let place = Place::new();
    let mut rows = "id,context,response_anna,bert_answer,response_type\n".to_string();
    for at in 0..10 {
        let kind = ["question", "advice"][at % 2];
        rows += &format!(
            "r{at},I lost my key number {at} today.,{},Sorry,{kind}\n",
            ["Oh", "Yes"][at % 2]
        );
    }
    let file = place.write("short.csv", rows);
    let found = place.json(&["corpus", "inspect", &file]);
    assert_eq!(found["counts"]["systems"], json!({"anna": 10, "bert": 10}));
    assert_eq!(found["counts"]["labels"], json!({"response_type": 10}));
}

#[test]
fn a_table_of_our_own_brings_its_verdicts_back() {
    let place = Place::new();
    let mut rows = "id,context,response_anna,response_bert_2,winner,annotator\n".to_string();
    for at in 0..9 {
        let winner = ["anna", "bert_2", "tie"][at % 3];
        for who in ["w1", "w2"] {
            rows += &format!(
                "r{at},I lost my key number {at} today.,I am sorry about key {at}.,Where did you see key {at}?,{winner},{who}\n"
            );
        }
    }
    let file = place.write("two.csv", rows);
    place.ok(&["corpus", "import", &file, "two"]);
    let alone = place.write("alone.csv", judged());
    place.ok(&["corpus", "import", &alone, "alone"]);
    for (corpus, ending) in [("two", "csv"), ("two", "parquet"), ("alone", "csv")] {
        let again = format!("{corpus}-{ending}");
        let out = place.path().join(&again).with_extension(ending);
        let out = out.display().to_string();
        place.ok(&["corpus", "export", corpus, &out]);
        place.ok(&["corpus", "import", &out, &again]);
        let table = |name: &str, more: &[&str]| {
            let mut table = place.json(&[&["corpus", "table", name], more].concat());
            for own in ["corpus", "fingerprint"] {
                table[own] = Value::Null;
            }
            table
        };
        assert_eq!(
            table(&again, &["--verdicts"]),
            table(corpus, &["--verdicts"]),
            "{again}"
        );
        assert_eq!(table(&again, &[]), table(corpus, &[]), "{again}");
    }
}

#[test]
fn repeated_ids_are_named_with_their_lines() {
    let place = Place::new();
    let rows = |id: &dyn Fn(usize) -> usize| {
        let row = |at| {
            format!(
                "r{},I lost my key number {at} today.,I am sorry about key {at}.\n",
                id(at)
            )
        };
        "id,context,response\n".to_string() + &(0..20).map(row).collect::<String>()
    };
    let few = place.write("few.csv", rows(&|at| if at == 7 { 3 } else { at }));
    let said = "1 record has an id that another has before: \"r3\" in lines 5 and 9.";
    let dry = place.ok(&["corpus", "import", &few, "few", "--dry-run"]);
    let done = place.ok(&["corpus", "import", &few, "few"]);
    assert!(dry.contains(said) && done.contains(said), "{dry}");
    assert_eq!(
        place.json(&["corpus", "list"])[0]["counts"]["repeated_ids"],
        1
    );

    let many = place.write("many.csv", rows(&|at| at / 2));
    let found = place.json(&["corpus", "inspect", &many]);
    let note = note_with(&found, "\"id\" is taken for no id");
    for part in [
        "10 rows have",
        "\"r0\" in lines 2 and 3",
        "and 5 more",
        "id = \"id\"",
    ] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert_eq!(found["records"][1]["id"], "1");
}

#[test]
fn winners_that_nobody_understands_are_refused_and_no_side_is_taken_for_the_system() {
    let place = Place::new();
    let mut answers = "id,context,response_anna,response_bert\n".to_string();
    let mut verdicts = "id,model_a,model_b,winner,judge\n".to_string();
    let winners = ["ana", "brt", "anna", "berta", "an", "tie", "anna", "bert"];
    for (at, winner) in winners.iter().enumerate() {
        answers += &format!(
            "r{at},I lost my key number {at}.,I am sorry about key {at}.,Where did you see key {at}?\n"
        );
        verdicts += &format!("r{at},anna,bert,{winner},gpt\n");
    }
    let answers = place.write("answers.csv", answers);
    let verdicts = place.write("verdicts.csv", verdicts);
    place.ok(&["corpus", "import", &answers, "it"]);
    let join = ["corpus", "join", "it", &verdicts, "--as", "j"];
    let refused = place.run(&join);
    for part in [
        "\"winner\" seems to say which of the systems in \"model_a\" and \"model_b\"",
        "\"ana\", \"berta\"",
        "--system",
    ] {
        assert!(
            refused.code != 0 && refused.stderr.contains(part),
            "{part}: {}",
            refused.stderr
        );
    }
    // Whoever says whose rows they are gets what they say.
    let said = place.json(&[&join[..], &["--system", "model_b", "--dry-run"]].concat());
    assert_eq!(said["labels"]["j_winner"], 8);
    let alone = place.run(&["corpus", "inspect", &verdicts]);
    assert!(
        alone.stderr.contains("neither one of these nor a word"),
        "{}",
        alone.stderr
    );
}

#[test]
fn systems_of_other_places_are_replaced_where_somebody_says_so() {
    let place = Place::new();
    let rows = |answer: &str| format!("id,context,system,response\na,I failed.,anna,{answer}\n");
    for (name, answer) in [("one", "Oh no."), ("two", "Poor you.")] {
        let file = place.write(&format!("{name}.csv"), rows(answer));
        place.ok(&["corpus", "import", &file, name]);
    }
    place.ok(&["corpus", "systems", "one"]);
    let refused = place.run(&["corpus", "systems", "two"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("replace it with --replace"),
        "{}",
        refused.stderr
    );
    place.ok(&["corpus", "systems", "two", "--replace"]);
    let listed = place.ok(&["responses", "list"]);
    assert!(
        listed.contains("corpus two") && !listed.contains("corpus one"),
        "{listed}"
    );
}

#[test]
fn people_and_models_that_joined_scores_are_of_are_told_apart() {
    let place = Place::new();
    let answers = place.write(
        "answers.csv",
        "id,context,response\na,I failed.,Oh no.\nb,We won!,Great!\n",
    );
    place.ok(&["corpus", "import", &answers, "it"]);
    let scores = place.write(
        "scores.csv",
        "id,warmth,rater\na,1,w1\na,2,w2\na,5,gpt-4\nb,4,w1\nb,4,w2\nb,much,gpt-4\n",
    );
    let join = [
        "corpus", "join", "it", &scores, "--as", "j", "--origin", "human",
    ];
    let joined = place.json(&join);
    assert_eq!(
        joined["scores"],
        json!({"j_warmth": 4, "j_gpt-4_warmth": 1})
    );
    note_with(&joined, "gpt-4 seems to be a language model by the name");
    note_with(&joined, "\"much\" in line 7");
    let table = place.json(&["corpus", "table", "it"]);
    assert_eq!(table["raters"][0]["raters"], 2);
}

#[test]
fn equals_are_drawn_for_preference_pairs_and_not_taken_by_their_column() {
    let place = Place::new();
    let head = "context,response_A,response_B,response_C,empathy_A,empathy_B,empathy_C\n";
    let rows =
        (0..40).map(|n| format!("I failed exam {n}.,Oh no {n}.,That is sad {n}.,Why {n}?,4,4,1\n"));
    let file = place.write("ties.csv", format!("{head}{}", rows.collect::<String>()));
    place.ok(&["corpus", "import", &file, "ties"]);
    let out = place.path().join("pairs.jsonl").display().to_string();
    let export = [
        "corpus",
        "export",
        "ties",
        &out,
        "--form=preferences",
        "--prefer=empathy",
    ];
    let said = place.ok(&export);
    assert!(
        said.contains("In 40 rows several answers share the best"),
        "{said}"
    );
    let pairs = crate::cli_support::lines(&std::fs::read_to_string(&out).unwrap());
    let of = |system: &str| {
        let chosen = pairs.iter().filter(|pair| pair["chosen_system"] == system);
        chosen.count()
    };
    assert_eq!((pairs.len(), of("C")), (40, 0));
    assert!(of("A") >= 8 && of("B") >= 8, "{} and {}", of("A"), of("B"));
    let is_drawn = |pair: &Value| pair["rejected_system"] == "C" && pair["drawn"] == true;
    assert!(pairs.iter().all(is_drawn));
}

#[test]
fn a_score_is_known_by_the_name_that_tables_write() {
    let place = Place::new();
    let rows = "context,response,empathy (1-5)\nI lost my job.,Oh no.,4\nI won.,Great!,2\n";
    let file = place.write("named.csv", rows);
    place.ok(&["corpus", "import", &file, "named"]);
    let table = place.ok(&["corpus", "table", "named", "--scores", "empathy (1-5)"]);
    assert!(table.contains("empathy (1-5)"), "{table}");
}

#[test]
fn whoever_a_column_of_raters_names_is_one_of_the_people_in_verdicts_as_in_scores() {
    for column in ["rater", "coder", "annotator", "evaluator_id"] {
        let place = Place::new();
        let mut rows = format!("id,model_a,model_b,empathy_winner,shown_first,{column}\n");
        let mut scores = format!("id,context,response,warmth,{column}\n");
        for item in 0..6 {
            for who in 0..3 {
                let winner = ["anna", "bert", "tie"][(item + who / 2) % 3];
                rows += &format!("q{item},anna,bert,{winner},anna,P{who}\n");
                let warmth = 1 + (item + who / 2) % 5;
                scores += &format!("q{item},I lost key {item}.,Sorry {item}.,{warmth},P{who}\n");
            }
        }
        let file = place.write("v3.csv", rows);
        place.ok(&["corpus", "import", &file, "v3"]);
        let table = place.json(&["corpus", "table", "v3", "--verdicts"]);
        let groups = table["groups"].as_array().unwrap();
        assert_eq!(groups.len(), 1, "{column}: {table}");
        let people = &groups[0];
        assert_eq!(
            (&people["origin"], &people["people"]),
            (&json!("human"), &json!(3)),
            "{column}"
        );
        assert!(people["alpha"].is_object(), "{column}: {people}");
        let file = place.write("s3.csv", scores);
        place.ok(&["corpus", "import", &file, "s3"]);
        let table = place.json(&["corpus", "table", "s3"]);
        assert_eq!(table["raters"][0]["raters"], 3, "{column}");
        let shown = place.json(&["corpus", "show", "s3"]);
        let score = &shown["records"][0]["scores"][0];
        assert_eq!(score["origin"], "human", "{column}");
    }
}
