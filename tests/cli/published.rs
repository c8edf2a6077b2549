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
