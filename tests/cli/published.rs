//! What the systems and corpora that the field compares with publish, in the forms in which they do, each to the end that
//! its users have. The texts are our own; `tests/fixtures/corpus.py` wrote the files.

use serde_json::{Value, json};

use crate::cli_support::Place;

fn fixture(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    folder.join(name).display().to_string()
}

fn imported(file: &str) -> (Place, Value) {
    let place = Place::new();
    let manifest = place.json(&["corpus", "import", file, "it"]);
    let counts = manifest["corpus"]["counts"].clone();
    (place, counts)
}

#[test]
fn moel_mime_empdg_kemp_cem_seek_case_write_blocks() {
    let (place, counts) = imported(&fixture("blocks.txt"));
    assert_eq!(
        (&counts["systems"], &counts["with_target"]),
        (&json!({"blocks": 3}), &json!(3))
    );
    let table = place.json(&["corpus", "table", "it", "--by", "emotion"]);
    let systems: Vec<&str> = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["system"].as_str())
        .collect();
    assert!(
        systems.contains(&"blocks") && systems.contains(&"target"),
        "{table}"
    );
    // Several systems side by side, without their contexts.
    let (_, counts) = imported(&fixture("columns.json"));
    assert_eq!(counts["systems"], json!({"parrot": 3, "echo-2": 3}));
}

#[test]
fn chatgpts_published_answers_have_lines_before_their_header() {
    let (_, counts) = imported(&fixture("preamble.csv"));
    assert_eq!(
        (&counts["records"], &counts["with_target"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(counts["systems"], json!({"preamble": 3}));
}

#[test]
fn whee_has_cues_and_levels_of_exchanges() {
    let (place, counts) = imported(&fixture("exchanges.csv"));
    assert_eq!(counts["labelled"], counts["records"]);
    assert!(counts["scores"]["valence"].is_number(), "{counts}");
    let narrow = [
        "corpus",
        "show",
        "it",
        "--where",
        "valence > -0.2 and exploration = 0",
    ];
    assert!(place.json(&narrow)["matching"].as_u64().unwrap() > 0);
}

#[test]
fn omni_models_have_speech_with_scores() {
    let (place, counts) = imported(&fixture("sharegpt.json"));
    assert_eq!(counts["scores"], json!({"naturalness": 2}));
    let shown = place.json(&["corpus", "show", "it", "--limit", "1"]);
    assert_eq!(shown["records"][0]["context"][0]["audio"], "a/0.wav");
}

#[test]
fn distilling_empathy_rates_systems_side_by_side_and_its_pairs_teach_dpo() {
    let (place, counts) = imported(&fixture("wide.csv"));
    assert_eq!(counts["systems"], json!({"anna": 4, "anna_b": 3}));
    let table = place.json(&["corpus", "table", "it", "--by", "emotion"]);
    assert!(table.to_string().contains("rating"), "{table}");
    let added = place.json(&["corpus", "systems", "it"]);
    assert_eq!(added["systems"], counts["systems"]);
    let listed = place.json(&["responses", "list"]).to_string();
    assert!(listed.contains("anna_b"), "{listed}");
    let pairs = place.path().join("pairs.jsonl").display().to_string();
    let export = [
        "corpus",
        "export",
        "it",
        &pairs,
        "--form",
        "preferences",
        "--prefer",
        "rating",
    ];
    assert!(place.json(&export)["exported"]["rows"].as_u64().unwrap() > 0);
    place.ok(&["data", "import", "preferences", &pairs, "--name", "rated"]);
    let sets = place.json(&["data", "list"]);
    let of = |set: &&Value| set["name"] == "rated";
    assert!(sets.as_array().unwrap().iter().find(of).unwrap()["preference_pairs"].is_number());
}

#[test]
fn lpe_reasons_before_it_answers() {
    let place = Place::new();
    let rows = concat!(
        r#"{"id": "a", "context": "I failed again.", "system": "lpe", "response": "<think>She doubts herself.</think>That is hard."}"#,
        "\n",
        r#"{"id": "b", "context": "We won!", "system": "lpe", "response": "<think>Joy.</think>Who is we?"}"#,
        "\n",
    );
    let file = place.write("lpe.jsonl", rows);
    let text = place.ok(&["corpus", "import", &file, "it"]);
    assert!(text.contains("2 responses have reasoning"), "{text}");
    let shown = place.json(&["corpus", "show", "it", "--limit", "1"]);
    let response = &shown["records"][0]["responses"][0];
    assert_eq!(response["reasoning"], "She doubts herself.");
    assert_eq!(response["text"], "That is hard.");
}

#[test]
fn reflectdiffu_predicts_emotion_and_intent() {
    let place = Place::new();
    let rows = "context,response,system,emotion,predicted_emotion,intent,predicted_intent\n\
                I failed.,Oh no.,rd,sad,sad,consoling,consoling\n\
                We won!,Great!,rd,joyful,sad,acknowledging,consoling\n\
                He left.,I am sorry.,rd,sad,sad,consoling,acknowledging\n";
    let file = place.write("predictions.csv", rows);
    place.ok(&["corpus", "import", &file, "it"]);
    let of = |given: &str, predicted: &str| {
        let found = place.json(&["corpus", "table", "it", "--confusion", given, predicted]);
        found["report"]["accuracy"].as_f64().unwrap()
    };
    assert!((of("emotion", "predicted_emotion") - 200.0 / 3.0).abs() < 1e-9);
    assert!((of("intent", "predicted_intent") - 100.0 / 3.0).abs() < 1e-9);
}

#[test]
fn synth_empathy_selects_by_quality_and_diversity() {
    let (place, _) = imported(&fixture("wide.csv"));
    let out = place.path().join("best.jsonl").display().to_string();
    let select = [
        "corpus",
        "select",
        "it",
        &out,
        "--distinct",
        "0.8",
        "--best",
        "rating",
    ];
    let chosen = place.json(&[&select[..], &["--at-most", "3"]].concat());
    assert_eq!(chosen["selected"]["chosen"], 3);
    assert!(!chosen["selected"]["curve"].as_array().unwrap().is_empty());
    let out = place.path().join("far.jsonl").display().to_string();
    let encoder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert_small");
    let encoder = encoder.display().to_string();
    let select = [
        "corpus",
        "select",
        "it",
        &out,
        "--diverse",
        &encoder,
        "--at-most",
        "3",
    ];
    let chosen = place.json(&select);
    assert_eq!(chosen["selected"]["chosen"], 3);
    assert_eq!(chosen["selected"]["cover"].as_array().unwrap().len(), 3);
}

#[test]
fn aptness_and_extes_are_two_subsets_with_strategies_and_train_together() {
    let place = Place::new();
    place.ok(&["corpus", "import", &fixture("alpaca.json"), "ed"]);
    place.ok(&["corpus", "import", &fixture("dialogues.json"), "extes"]);
    let table = place.json(&["corpus", "table", "extes", "--by", "strategy"]);
    assert!(table.to_string().contains("Question"), "{table}");
    let plan = place.json(&[
        "run",
        "quickstart",
        "--dry-run",
        "--set",
        "data.dialogues=builtin, ed:2, extes:0.5",
    ]);
    assert!(
        plan.to_string().contains("builtin, ed:2, extes:0.5"),
        "{plan}"
    );
}

/// Answers of three systems to six contexts.
fn answered(place: &Place) {
    let mut rows = String::new();
    for at in 0..6 {
        let row = json!({
            "id": format!("q{at}"),
            "context": format!("I lost my key number {at} today."),
            "response_anna": format!("Oh no, the key number {at}? Where was it last?"),
            "response_bert": "I am so sorry to hear that.",
            "response_carl": "Keys are made of metal.",
        });
        rows += &format!("{row}\n");
    }
    let file = place.write("answered.jsonl", rows);
    place.ok(&["corpus", "import", &file, "answered"]);
}

/// Verdicts of two people and a model on the first two systems, whose columns change places.
fn votes() -> String {
    let mut rows = "question_id,model_a,model_b,winner,annotator,shown_first\n".to_string();
    for at in 0..6 {
        for (person, odd) in [("w1", at == 0), ("w2", at == 0 || at == 5)] {
            // Anna wins, but in the first, and for w2 in the last, which is a tie.
            let winner = match (odd, at) {
                (true, 5) => "tie (bothbad)",
                (true, _) => "model_a",
                (false, _) => "model_b",
            };
            rows += &format!("q{at},bert,anna,{winner},{person},model_b\n");
        }
    }
    rows
}

#[test]
fn verdicts_in_a_file_of_their_own_are_joined_and_summed_up() {
    let place = Place::new();
    answered(&place);
    let votes = place.write("votes.csv", votes());
    let joined = place.json(&["corpus", "join", "answered", &votes, "--as", "study"]);
    assert_eq!(
        (&joined["id"], &joined["joined"], &joined["verdicts"]),
        (
            &json!("question_id"),
            &json!(12),
            &json!({"study_winner": 12})
        )
    );
    let judge = "id,system_1,system_2,better,judge\n\
                 q0,anna,bert,1,m\nq1,anna,bert,1,m\nq2,anna,bert,2,m\nq3,anna,carl,1,m\nq9,anna,bert,1,m\n\
                 q4,anna,dora,1,m\n";
    let judge = place.write("judged.csv", judge);
    let text = place.ok(&["corpus", "join", "answered", &judge, "--as", "study2"]);
    assert!(
        text.contains("an id that no record has") && text.contains("a system without a response"),
        "{text}"
    );

    let table = place.json(&["corpus", "table", "answered", "--verdicts=study_winner"]);
    let group = &table["groups"][0];
    assert_eq!(
        (
            &group["origin"],
            &group["people"],
            &group["judged_by_several"]
        ),
        (&json!("human"), &json!(2), &json!(6))
    );
    let pair = &group["pairs"][0];
    assert_eq!(
        (
            &pair["first"],
            &pair["second"],
            &pair["records"],
            &pair["verdicts"]
        ),
        (&json!("anna"), &json!("bert"), &json!(6), &json!(12))
    );
    // Five records are anna's; of the last one verdict is, and one is a tie.
    assert_eq!(
        (&pair["wins"], &pair["ties"], &pair["losses"]),
        (&json!(5), &json!(0), &json!(1))
    );
    let rate = &pair["win_rate"];
    assert!(
        (rate["value"].as_f64().unwrap() - 9.5 / 12.0).abs() < 1e-9,
        "{rate}"
    );
    assert!(rate["low"].as_f64() < rate["value"].as_f64());
    // Anna was always shown first: nine verdicts of eleven that are no tie.
    let bias = pair["position_bias"]["value"].as_f64().unwrap();
    assert!((bias - 7.0 / 11.0).abs() < 1e-9, "{bias}");

    // The judge of the other file is nobody of the people, whatever its verdicts are called.
    let all = place.json(&["corpus", "table", "answered", "--verdicts"]);
    let by: Vec<&str> = all["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["origin"].as_str().unwrap())
        .collect();
    assert_eq!(by, ["judge", "human"]);
    let text = place.ok(&["corpus", "table", "answered", "--verdicts"]);
    for part in [
        "study_winner, by 2 people",
        "study2_better, by m (a judge, no person)",
        "anna over bert",
        "Krippendorff's α",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let plain = place.ok(&["corpus", "table", "answered"]);
    assert!(plain.contains("16 verdicts stand beside them"), "{plain}");
    let shown = place.ok(&["corpus", "show", "answered", "--limit", "1"]);
    assert!(
        shown.contains("study_winner: bert over anna, by w1 (a person), shown anna first"),
        "{shown}"
    );

    // The pairs, without the tie of a record where both have as many; people's verdicts decide.
    let pairs = place.path().join("pairs.jsonl").display().to_string();
    let export = [
        "corpus",
        "export",
        "answered",
        &pairs,
        "--form",
        "preferences",
    ];
    let unnamed = place.run(&export);
    assert!(
        unnamed.code == 2 && unnamed.stderr.contains("study_winner"),
        "{}",
        unnamed.stderr
    );
    let done = place.json(&[&export[..], &["--prefer", "study_winner"]].concat());
    assert_eq!(done["exported"]["rows"], 6);
    let rows = crate::cli_support::lines(&std::fs::read_to_string(&pairs).unwrap());
    assert_eq!(
        (&rows[0]["chosen_system"], &rows[1]["chosen_system"]),
        (&json!("bert"), &json!("anna"))
    );
    assert_eq!(
        (
            &rows[5]["verdicts_for"],
            &rows[5]["verdicts_tied"],
            &rows[5]["by_people"]
        ),
        (&json!(1), &json!(1), &json!(true))
    );
    place.ok(&["data", "import", "preferences", &pairs, "--name", "votes"]);

    // Records keep them all, and a narrower file those of its systems.
    let out = place.path().join("out.jsonl").display().to_string();
    place.ok(&["corpus", "export", "answered", &out]);
    place.ok(&["corpus", "import", &out, "again"]);
    let again = place.json(&["corpus", "table", "again", "--verdicts=study_winner"]);
    assert_eq!(again["groups"], table["groups"]);
    let narrow = [
        "corpus",
        "table",
        "again",
        "--verdicts",
        "--where",
        "system != bert",
    ];
    let narrow = place.json(&narrow);
    assert_eq!(narrow["groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(narrow["groups"][0]["pairs"][0]["second"], "carl");
    let csv = place.path().join("out.csv").display().to_string();
    place.ok(&["corpus", "export", "answered", &csv]);
    let csv = std::fs::read_to_string(&csv).unwrap();
    let head = csv.lines().next().unwrap();
    assert!(head.contains("study_winner_anna_bert"), "{head}");
}

#[test]
fn verdicts_with_their_texts_make_records_of_several_judges() {
    let place = Place::new();
    let mut rows = String::new();
    for (at, pair, winner, judge) in [
        (0, ["anna", "bert"], "A", "w1"),
        (0, ["anna", "bert"], "B", "w2"),
        (0, ["bert", "carl"], "tie", "w1"),
        (1, ["carl", "anna"], "B", "w1"),
    ] {
        let says = |system: &str| format!("So says {system}, and no more.");
        let row = json!({
            "prompt_id": at, "prompt": format!("My cat number {at} is ill."), "system_a": pair[0], "system_b": pair[1],
            "response_a": says(pair[0]), "response_b": says(pair[1]), "preferred": winner, "annotator_id": judge,
        });
        rows += &format!("{row}\n");
    }
    let file = place.write("pairs.jsonl", rows);
    let text = place.ok(&["corpus", "inspect", &file]);
    assert!(
        text.contains("[verdicts.preferred]") && text.contains("Verdicts: preferred 4"),
        "{text}"
    );
    place.ok(&["corpus", "import", &file, "pairs"]);
    let shown = place.json(&["corpus", "show", "pairs"]);
    let records = shown["records"].as_array().unwrap();
    let counts: Vec<(usize, usize)> = records
        .iter()
        .map(|record| {
            let n = |what: &str| record[what].as_array().unwrap().len();
            (n("responses"), n("verdicts"))
        })
        .collect();
    assert_eq!(counts, [(3, 3), (2, 1)]);
    let pairs = place.path().join("out.jsonl").display().to_string();
    let export = ["corpus", "export", "pairs", &pairs, "--form", "preferences"];
    let done = place.json(&export);
    assert_eq!(done["exported"]["rows"], 1);
    assert_eq!(
        done["exported"]["left_out"],
        json!({"the verdicts on two answers are a tie": 2})
    );
}

#[test]
fn verdicts_alone_are_a_corpus_of_win_rates() {
    let place = Place::new();
    let file = place.write(
        "wins.csv",
        "item_id,system_a,system_b,winner\n1,anna,bert,anna\n2,anna,bert,bert\n3,bert,anna,anna\n4,bert,anna,tie\n",
    );
    place.ok(&["corpus", "import", &file, "wins"]);
    let text = place.ok(&["corpus", "table", "wins"]);
    assert!(
        text.contains("4 verdicts stand beside them; --verdicts"),
        "{text}"
    );
    let table = place.json(&["corpus", "table", "wins", "--verdicts"]);
    let pair = &table["groups"][0]["pairs"][0];
    assert_eq!(pair["win_rate"]["value"], 0.625);
    assert!(pair["position_bias"].is_null());
    assert!(
        table["notes"][0].as_str().unwrap().contains("origin"),
        "{table}"
    );

    // A judge's, joined under a name of their own, answer the same question; a misspelt one is its row's.
    let judge = place.write(
        "judge.csv",
        "item_id,system_a,system_b,winner,judge\n1,anna,bert,anna,m\n2,anna,bert,anna,m\n3,bert,anna,ann,m\n4,bert,anna,tie,m\n",
    );
    let joined = place.json(&["corpus", "join", "wins", &judge, "--as", "gpt"]);
    assert_eq!(joined["verdicts"], json!({"gpt_winner": 3}), "{joined}");
    assert_eq!(joined["problems"][0]["line"], 4, "{joined}");
    let table = place.json(&["corpus", "table", "wins", "--verdicts"]);
    let agreement = table["agreement"].as_array().unwrap();
    assert_eq!(
        (agreement.len(), &agreement[0]["n"]),
        (1, &json!(3)),
        "{table}"
    );

    // A mapping that names nothing makes no corpus of empty records.
    let nothing = place.write("nothing.toml", "format = 1\n");
    let refused = place.run(&["corpus", "import", &file, "empty", "--mapping", &nothing]);
    assert!(
        refused.code != 0 && refused.stderr.contains("the mapping names no column of"),
        "{}",
        refused.stderr
    );
}

#[test]
fn win_rates_follow_from_ratings_side_by_side() {
    let (place, _) = imported(&fixture("wide.csv"));
    let table = place.json(&["corpus", "table", "it", "--verdicts=rating"]);
    let pair = &table["groups"][0]["pairs"][0];
    assert_eq!(
        (&pair["first"], &pair["second"]),
        (&json!("anna"), &json!("anna_b"))
    );
    assert_eq!(
        (&pair["records"], &table["score"]),
        (&json!(3), &json!("rating"))
    );
    let none = place.run(&["corpus", "table", "it", "--verdicts"]);
    assert!(
        none.code == 2
            && none
                .stderr
                .contains("name a score that they are to follow from: rating"),
        "{}",
        none.stderr
    );
    let wrong = place.run(&["corpus", "table", "it", "--verdicts=ratings"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("the scores rating"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn esconvs_strategies_stand_in_a_table_without_a_header() {
    let place = Place::new();
    let rows = "1.0 0 0 My exam went badly.  EOS 1.0 1 1 [Questions] What happened, \"exactly\"?\n\
                0.0 1 1 [Questions] What happened? EOS 0.0 0 2 I froze. EOS 1.0 1 3 [Affirmation] That can happen to anyone.\n\
                1.0 0 0 Hello.\n";
    let file = place.write("strategy.tsv", rows);
    let refused = place.run(&["corpus", "inspect", &file]);
    assert!(
        refused.code == 1 && refused.stderr.contains("`header = false`"),
        "{}",
        refused.stderr
    );
    let help = place.ok(&["corpus", "inspect", "--help"]);
    let (_, example) = help.split_once("is read by this\nmapping").unwrap();
    let (_, example) = example.split_once("):\n").unwrap();
    let mapping: Vec<&str> = example
        .trim_matches('\n')
        .lines()
        .map(str::trim_start)
        .collect();
    let mapping = place.write("m.toml", mapping.join("\n"));
    let import = ["corpus", "import", &file, "it", "--mapping", &mapping];
    let text = place.ok(&import);
    assert!(
        text.contains("line 3 does not end with a turn of the listener"),
        "{text}"
    );
    let shown = place.json(&["corpus", "show", "it"]);
    let records = shown["records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["target"], "What happened, \"exactly\"?");
    assert_eq!(records[1]["context"].as_array().unwrap().len(), 2);
    let table = place.json(&["corpus", "table", "it", "--by", "strategy"]);
    assert!(table.to_string().contains("Affirmation"), "{table}");

    // What nothing is found in has a mapping to begin with.
    let out = place.path().join("draft.toml").display().to_string();
    let drafted = place.run(&["corpus", "inspect", &file, "--mapping-out", &out]);
    assert!(
        drafted.code == 1 && drafted.stderr.contains("A mapping to begin with is in"),
        "{}",
        drafted.stderr
    );
    let draft = std::fs::read_to_string(&out).unwrap();
    assert!(
        draft.contains("header = false") && draft.contains("# [turns]"),
        "{draft}"
    );
    let again = place.run(&["corpus", "inspect", &file, "--mapping-out", &out]);
    assert!(again.stderr.contains("draft.toml"), "{}", again.stderr);
    let found = place.path().join("found.toml").display().to_string();
    let wide = fixture("wide.csv");
    place.ok(&["corpus", "inspect", &wide, "--mapping-out", &found]);
    place.ok(&["corpus", "import", &wide, "wide", "--mapping", &found]);
}

#[test]
fn what_trainers_read_comes_back_with_its_systems() {
    for form in ["sharegpt", "messages", "alpaca"] {
        let (place, _) = imported(&fixture("wide.csv"));
        let out = place.path().join("out.jsonl").display().to_string();
        place.ok(&["corpus", "export", "it", &out, "--form", form]);
        place.ok(&["corpus", "import", &out, "again"]);
        let counts = place.json(&["corpus", "list"])[0]["counts"].clone();
        assert_eq!(counts["systems"], json!({"anna": 4, "anna_b": 3}), "{form}");
        assert!(counts["scores"]["rating"].is_number(), "{form}: {counts}");
        assert!(
            counts["labels"]["emotion"].is_number() && counts["labels"]["model"].is_null(),
            "{form}: {counts}"
        );
    }
}

#[test]
fn a_records_own_scores_stand_under_no_system() {
    let place = Place::new();
    let rows = r#"
{"id": "a", "split": "train", "context": [{"role": "speaker", "text": "I failed."}], "scores": [{"name": "valence", "value": -1.0}], "labels": {"level": "1"}, "responses": [{"system": "x", "text": "Oh."}, {"system": "y", "text": "Sorry.", "scores": [{"name": "human", "value": 2.0}]}]}
{"id": "b", "split": "test", "context": [{"role": "speaker", "text": "I won."}], "scores": [{"name": "valence", "value": 1.0}], "labels": {"level": "2"}, "responses": [{"system": "x", "text": "Wow."}, {"system": "y", "text": "Great.", "scores": [{"name": "human", "value": 3.0}]}]}
{"id": "c", "split": "test", "context": [{"role": "speaker", "text": "I won."}], "scores": [{"name": "valence", "value": 0.5}], "labels": {"level": "1"}, "responses": [{"system": "x", "text": "Wow."}]}
"#;
    let file = place.write("own.jsonl", rows.trim_start());
    place.ok(&["corpus", "import", &file, "own"]);
    let table = place.json(&["corpus", "table", "own"]);
    let of = |system: &str| {
        let rows = table["rows"].as_array().unwrap();
        rows.iter().find(|row| row["system"] == system).unwrap()["scores"].clone()
    };
    // The only answer of a record has what its record has.
    assert_eq!(of("x")["valence"]["n"], 1);
    assert!(of("y")["valence"].is_null() && of("y")["human"]["n"] == 2);
    let own = &table["records"][0];
    assert_eq!(
        (&own["n"], &own["scores"]["valence"]["mean"]["value"]),
        (&json!(2), &json!(0.0))
    );
    assert!(place.ok(&["corpus", "table", "own"]).contains("(record)"));
    let by = place.json(&["corpus", "table", "own", "--by", "split"]);
    let found: Vec<(&str, &str, u64)> = by["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("system"), text("value"), row["n"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("x", "test", 2),
            ("x", "train", 1),
            ("y", "test", 1),
            ("y", "train", 1)
        ]
    );

    // A label whose values are numbers is compared with a score.
    let both = place.json(&["corpus", "table", "own", "--agreement", "level", "human"]);
    assert_eq!(
        (&both["rows"][0]["n"], &both["rows"][0]["mean_first"]),
        (&json!(2), &json!(1.5))
    );
    let words = place.run(&["corpus", "table", "own", "--agreement", "human", "nothing"]);
    assert!(words.code == 2, "{}", words.stderr);
}

#[test]
fn rows_of_an_array_on_one_line_are_named_by_their_number() {
    let place = Place::new();
    let rows = r#"[{"context": "I failed.", "response": "Oh."}, {"context": "", "response": "Oh."}, {"context": "I won.", "response": "Wow."}]"#;
    let file = place.write("one.json", rows);
    let text = place.ok(&["corpus", "inspect", &file]);
    assert!(
        text.contains("line 1 (element 2 of the array) has no context"),
        "{text}"
    );
    let file = place.write("broken.json", rows.replace(r#""I won.""#, "I won"));
    let broken = place.run(&["corpus", "inspect", &file]);
    assert!(broken.stderr.contains("of element 3"), "{}", broken.stderr);
}
