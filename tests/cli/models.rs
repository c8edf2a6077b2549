//! `emprl generate`, `score`, `identify`, `evaluate`, `model show`, `data` on real models and rows.

use std::process::Command;
use std::sync::OnceLock;

use crate::cli_support::{Place, lines, short};
use serde_json::{Value, json};

pub(crate) fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = Place::new();
        place.ok(&short(&[]));
        place
    })
}

const CONTEXTS: &str = concat!(
    "{\"id\": 7, \"context\": \"I lost my job today.\"}\n",
    "{\"context\": [\"We won!\", \"That is great.\", \"I am so proud of her.\"], \"z\": {\"b\": 1, \"a\": 2}}\n",
    "{\"context\": \"My dog is ill and I do not know what to do about it.\"}\n",
);

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

#[test]
fn the_score_of_a_greedy_response_is_its_logprobs() {
    let place = place();
    let contexts = place.write("greedy.jsonl", CONTEXTS);
    let generated = place.lines(&["generate", "--model", "1", "--input", &contexts, "--greedy"]);
    assert_eq!(generated.len(), 3);
    assert_eq!(generated[0]["id"], 7);
    assert_eq!(generated[1]["z"], json!({"b": 1, "a": 2}));
    let text: String = generated.iter().map(|row| format!("{row}\n")).collect();
    let rows = place.write("generated.jsonl", text);
    let scored = place.lines(&["score", "--model", "1", "--input", &rows]);
    for (scored, generated) in scored.iter().zip(&generated) {
        assert_eq!(scored["tokens"], generated["tokens"]);
        let (own, again) = (floats(&generated["logprobs"]), floats(&scored["logprobs"]));
        for (own, again) in own.iter().zip(&again) {
            assert!((own - again).abs() < 1e-4, "{own} {again}");
        }
        let nll: f64 = -again.iter().sum::<f64>();
        assert!((scored["nll"].as_f64().unwrap() - nll).abs() < 1e-4);
    }
}

#[test]
fn a_response_is_scored_with_its_eos() {
    let place = place();
    let row = "{\"context\": \"I lost my job.\", \"response\": \"I am sorry to hear that.\"}\n";
    let rows = place.write("response.jsonl", row);
    let scored = &place.lines(&["score", "--model", "1", "--input", &rows])[0];
    let tokens = scored["tokens"].as_array().unwrap();
    assert_eq!(tokens.last().unwrap(), 1);
    assert_eq!(scored["logprobs"].as_array().unwrap().len(), tokens.len());

    let contexts = place.write("context.jsonl", "{\"context\": \"I lost my job.\"}\n");
    let plain = place.write("plain.txt", "I am sorry to hear that.\n");
    let same = &place.lines(&[
        "score",
        "--model",
        "1",
        "--input",
        &plain,
        "--contexts",
        &contexts,
    ])[0];
    assert_eq!(same["nll"], scored["nll"]);
}

#[test]
fn draws_follow_the_seed_and_not_the_batch() {
    let place = place();
    let contexts = place.write("draws.jsonl", CONTEXTS);
    let with = |more: &[&str]| -> Vec<Value> {
        let arguments = [&["generate", "--model", "1", "--input", &contexts], more].concat();
        place
            .lines(&arguments)
            .iter()
            .map(|row| row["response"].clone())
            .collect()
    };
    assert_eq!(
        with(&["--seed", "5"]),
        with(&["--seed", "5", "--batch", "1"])
    );
    assert_ne!(with(&["--seed", "5"]), with(&["--seed", "6"]));
    let short = place.lines(&[
        "generate",
        "--model",
        "1",
        "--input",
        &contexts,
        "--max-new-tokens",
        "2",
    ]);
    assert!(
        short
            .iter()
            .all(|row| row["tokens"].as_array().unwrap().len() <= 2)
    );
    let refused = place.run(&[
        "generate",
        "--model",
        "1",
        "--input",
        &contexts,
        "--temperature",
        "0",
    ]);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("--temperature: 0 is out of range; it goes from 0.01 to 10")
    );
}

#[test]
fn identified_levels_are_those_of_the_largest_probability() {
    let place = place();
    let rows = place.write(
        "identify.jsonl",
        "{\"context\": [\"I lost my job.\"], \"response\": \"I am so sorry.\", \"id\": \"a\"}\n\
         {\"context\": \"We won!\", \"response\": \"\"}\n",
    );
    let rows = place.lines(&["identify", "--identifiers", "1", "--input", &rows]);
    assert_eq!(rows[0]["id"], "a");
    for row in &rows {
        for mechanism in ["emotional_reaction", "interpretation", "exploration"] {
            let probs = floats(&row[mechanism]["probs"]);
            assert!((probs.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{probs:?}");
            let level = row[mechanism]["level"].as_u64().unwrap() as usize;
            assert!(probs.iter().all(|p| *p <= probs[level]));
        }
    }
}

#[test]
fn a_checkpoint_is_evaluated_as_its_run_did() {
    let place = place();
    let shown = place.json(&["runs", "show", "1"]);
    let policy = place.json(&["evaluate", "--run", "1", "--split", "test"]);
    let generator_step = shown["checkpoints"]
        .as_array()
        .unwrap()
        .iter()
        .rfind(|row| row["stage"] == "generator")
        .unwrap()["step"]
        .to_string();
    let generator = place.json(&["evaluate", "--run", &format!("1@{generator_step}")]);
    for (found, system) in [(policy, "EmpRL"), (generator, "Generator")] {
        let own = &shown["results"][system];
        assert_eq!(found["system"], system);
        for figure in [
            "ppl",
            "dist_1",
            "dist_2",
            "emp_f1",
            "emotional_reaction_f1",
            "exploration_f1",
            "n",
        ] {
            assert_eq!(found[figure], own[figure], "{system} {figure}");
        }
        assert!(
            found["definitions"]["ppl"]
                .as_str()
                .unwrap()
                .contains("cross-entropy")
        );
    }
}

#[test]
fn responses_from_elsewhere_are_evaluated() {
    let place = place();
    let plain = place.write("system.txt", "Yes yes yes.\nNo.\n");
    let found = place.json(&["evaluate", "--responses", &plain]);
    // Words: Yes yes yes . and No . have 4 distinct of 6; pairs: 4 of 4.
    assert_eq!(found["n"], 2);
    assert!((found["dist_1"]["value"].as_f64().unwrap() - 400.0 / 6.0).abs() < 1e-9);
    assert!((found["dist_2"]["value"].as_f64().unwrap() - 100.0).abs() < 1e-9);
    assert!(found["ppl"].is_null() && found["emp_f1"].is_null());

    let contexts = place.write(
        "targets.jsonl",
        "{\"context\": [\"I lost my job.\"], \"target\": \"Yes yes yes.\"}\n\
         {\"context\": [\"We won!\"], \"target\": \"Never.\"}\n",
    );
    let arguments = [
        "evaluate",
        "--responses",
        &plain,
        "--contexts",
        &contexts,
        "--identifiers",
        "1",
    ];
    let found = place.json(&arguments);
    assert!(found["emp_f1"]["value"].is_number());
    let controls = &found["controls"];
    assert!(controls["shuffled"]["value"].is_number(), "{found}");
    assert!(controls["constant"]["response"].is_string(), "{found}");
    assert_eq!(
        found["truncation"],
        json!({"max_context": 16, "max_response": 16, "contexts": 0.0, "responses": 0.0, "targets": 0.0})
    );
    let text = place.ok(&arguments);
    assert!(text.contains("Emp-F1 (%)"), "{text}");
    assert!(
        text.contains("first 16 of a response; nothing is cut."),
        "{text}"
    );

    let own = place.write(
        "own.jsonl",
        "{\"context\": [\"I lost my job.\"], \"target\": \"Yes yes yes.\"}\n\
         {\"context\": [\"We won!\"], \"target\": \"No.\"}\n",
    );
    let arguments = [
        "evaluate",
        "--responses",
        &plain,
        "--contexts",
        &own,
        "--identifiers",
        "1",
    ];
    let done = place.run(&arguments);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("are the targets themselves, word for word"),
        "{}",
        done.stderr
    );

    let short = place.write("short.txt", "Yes.\n");
    let done = place.run(&["evaluate", "--responses", &short, "--contexts", &contexts]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("short.txt: has 1 response where there are 2 contexts in targets.jsonl")
    );
}

#[test]
fn models_are_shown() {
    let place = place();
    let policy = place.json(&["model", "show", "1"]);
    assert_eq!(policy["stage"], "ppo");
    assert_eq!(policy["step"], 24);
    assert_eq!(policy["config"]["d_model"], 64);
    assert!(policy["value_head"].as_bool().unwrap() && policy["prefix"]["encoder"] == 8);
    let folder = policy["folder"].as_str().unwrap();
    assert_eq!(
        place.json(&["model", "show", folder])["model_parameters"],
        policy["model_parameters"]
    );
    let text = place.ok(&["model", "show", "1@24"]);
    assert!(text.contains("run 1, ppo step 24"), "{text}");
    let done = place.run(&["model", "show", "1@3"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("run 1 has no policy or generator checkpoint at step 3; it has"),
        "{}",
        done.stderr
    );
}

#[test]
fn data_are_imported_listed_and_shown() {
    let place = Place::new();
    let header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
    let rows = "c1,1,proud,I won_comma_ at last,7,I won \"the\" race.,5|5|5,\n\
                c1,2,proud,I won_comma_ at last,9,Well done!,5|5|5,\n\
                c2,5,sad,I lost,7,Oh no,5|5|5,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        place.write(&format!("ed/{file}"), format!("{header}{rows}"));
    }
    let dir = place.path().join("ed").display().to_string();
    let report = place.json(&["data", "import", "empathetic-dialogues", &dir]);
    assert_eq!(report["rows"], json!({"read": 9, "kept": 6, "skipped": 3}));
    assert_eq!(
        report["splits"]["train"],
        json!({"conversations": 1, "pairs": 1})
    );
    assert_eq!(report["skipped"][0]["line"], 4);
    assert!(
        report["skipped"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("starts with utterance 5")
    );
    let text = place.ok(&["data", "import", "empathetic-dialogues", &dir]);
    assert!(text.contains("skipped train.csv, line 4:"), "{text}");
    let sets = place.json(&["data", "list"]);
    let imported = |name: &str| {
        let set = sets
            .as_array()
            .unwrap()
            .iter()
            .find(|set| set["name"] == name)
            .unwrap();
        set["imported"].as_bool().unwrap()
    };
    assert!(imported("builtin") && imported("empathetic-dialogues"));
    assert!(!imported("mental-health-subreddits"));
    let shown = place.json(&["data", "show", "empathetic-dialogues"]);
    assert_eq!(shown["splits"]["test"]["pairs"], 1);
    let shown = place.json(&["data", "show", "builtin"]);
    assert!(shown["labelled_pairs"].as_u64().unwrap() > 100);
}

#[test]
fn the_doctor_looks_and_makes_nothing() {
    let place = Place::new();
    let found = place.json(&["doctor"]);
    assert_eq!(found["ok"], true);
    assert!(
        found["devices"][0]["what"]
            .as_str()
            .unwrap()
            .contains("flex")
    );
    assert_eq!(found["display"][0]["ok"], false);
    assert!(!place.store().exists());
}

#[test]
fn the_program_knows_the_commit_that_it_was_built_from() {
    let git = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = git.ok().filter(|output| output.status.success());
    let commit = output.map(|output| String::from_utf8(output.stdout).unwrap());
    let found = Place::new().json(&["doctor"]);
    assert_eq!(
        found["program"]["commit"],
        json!(commit.as_deref().map(str::trim))
    );
}

#[test]
fn a_checkpoint_answers_as_a_system_and_identifiers_judge_it() {
    let place = place();
    let rows = CONTEXTS.lines().map(|line| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row["response"] = "I am so sorry to hear that.".into();
        format!("{row}\n")
    });
    let contexts = place.write("system.jsonl", rows.collect::<String>());
    let generate = ["responses", "generate", "--model", "1", "--system", "Ours"];
    let made = place.json(&[&generate[..], &["--contexts", &contexts, "--greedy"]].concat());
    assert_eq!((&made["responses"], &made["rows"]), (&json!(3), &json!(3)));
    assert!(
        made["source"].as_str().unwrap().starts_with("run 1, ppo"),
        "{made}"
    );
    let input = ["generate", "--model", "1", "--input", &contexts, "--greedy"];
    let again = place.lines(&input);
    let cases = place.json(&["responses", "cases", "dog"]);
    assert_eq!(
        cases["cases"][0]["answers"][0]["text"],
        again[2]["response"]
    );
    assert_eq!(cases["cases"][0]["answers"][0]["levels"], Value::Null);

    let judged = [
        "responses",
        "score",
        "Ours",
        "--identifiers",
        "1",
        "--auditors",
        "logistic",
    ];
    let scored = place.json(&judged);
    let score = &scored[0]["score"];
    let held_out = &score["results"]["held_out"];
    assert_eq!(held_out["auditors"][0]["auditor"], "logistic");
    assert!(held_out["gain"]["value"].is_number());
    assert_eq!(score["identifiers"], "the identifiers of run 1");
    assert!(score["results"]["emp_f1"]["value"].is_number());
    let cases = place.json(&["responses", "cases", "dog"]);
    let levels = &cases["cases"][0]["answers"][0]["levels"];
    assert_eq!(levels["target"].as_array().unwrap().len(), 3);
    assert_eq!(levels["response"].as_array().unwrap().len(), 3);
    let table = place.json(&["table", "2", "--systems=ours"]);
    assert!(
        table["notes"]
            .to_string()
            .contains("Emp-F1 by the identifiers of run 1")
    );
    // Scored again without identifiers, what they found before is kept.
    let plain = place.json(&["responses", "score", "Ours"]);
    let again = &plain[0]["score"];
    assert_eq!(again["identifiers"], score["identifiers"]);
    assert!(score["results"]["controls"]["gain"]["value"].is_number());
    for figure in [
        "emp_f1",
        "mechanism_f1",
        "truncation",
        "controls",
        "held_out",
    ] {
        assert_eq!(again["results"][figure], score["results"][figure]);
    }
    let cases = place.json(&["responses", "cases", "dog"]);
    assert_eq!(cases["cases"][0]["answers"][0]["levels"], *levels);
}

#[test]
fn auditors_judge_beside_the_identifiers_and_are_never_the_same() {
    let place = place();
    let row = |response: &str| {
        let row =
            json!({"context": "I lost my job.", "response": response, "target": "What happened?"});
        format!("{row}\n")
    };
    let rows = ["Oh no.", "Why?", "I am so sorry."].map(row).concat();
    let file = place.write("audited.jsonl", rows);
    let evaluate = ["evaluate", "--responses", &file, "--identifiers", "1"];
    let judged_by = |auditors: &'static str| [&evaluate[..], &["--auditors", auditors]].concat();
    let found = place.json(&judged_by("logistic"));
    let held_out = &found["held_out"];
    assert_eq!(held_out["auditors"][0]["emp_f1"], held_out["emp_f1"]);
    assert!(held_out["mean_kappa"].is_null() || held_out["mean_kappa"]["value"].is_number());
    let text = place.ok(&judged_by("logistic"));
    assert!(text.contains("The auditor logistic judges and gives no reward"));
    assert!(
        text.contains("Emp-F1, held out (%)") && text.contains("by logistic (%)"),
        "{text}"
    );
    let text = place.ok(&evaluate);
    assert!(
        text.contains("judged by the reward's own identifiers alone"),
        "{text}"
    );

    let whole = ["evaluate", "--run", "1", "--auditors", "logistic"];
    let found = place.json(&whole);
    assert!(found["held_out"]["emp_f1"]["value"].is_number());
    for (auditors, why) in [
        ("1", "the auditor run 1 has the same weights"),
        (
            "77",
            "identifiers.auditors names run 77, which does not exist; run 1 has some",
        ),
        ("logistic, logistic", "names one of them twice"),
    ] {
        let refused = place.run(&judged_by(auditors));
        assert_ne!(refused.code, 0);
        assert!(
            refused.stderr.contains(why),
            "{auditors}: {}",
            refused.stderr
        );
    }
    let alone = place.run(&["evaluate", "--responses", &file, "--auditors", "logistic"]);
    assert!(alone.stderr.contains("give these too"), "{}", alone.stderr);
}

#[test]
fn what_is_not_read_of_texts_stands_beside_every_figure() {
    let place = place();
    let long = "I lost my job today and I do not know what to do about it at all. ".repeat(3);
    let rows = [
        ("Hi.", "Oh."),
        (&*long, "Oh."),
        ("Hi.", &*long),
        (&*long, &*long),
    ];
    let row = |(context, response): (&str, &str)| {
        let row = json!({"context": context, "response": response, "target": "No."});
        format!("{row}\n")
    };
    let file = place.write("long.jsonl", rows.map(row).concat());
    let found = place.json(&["evaluate", "--responses", &file, "--identifiers", "1"]);
    let cut = json!({"max_context": 16, "max_response": 16, "contexts": 50.0, "responses": 50.0, "targets": 0.0});
    assert_eq!(found["truncation"], cut);
    let text = place.ok(&["evaluate", "--responses", &file, "--identifiers", "1"]);
    let said = "The identifiers read the last 16 tokens of a context and the first 16 of a response; \
                50.0 % of contexts, 50.0 % of responses and no targets are cut.";
    assert!(text.contains(said), "{text}");
    let identified = place.run(&["identify", "--identifiers", "1", "--input", &file]);
    assert!(
        identified
            .stderr
            .contains("50.0 % of contexts and 50.0 % of responses are cut."),
        "{}",
        identified.stderr
    );
    let truncated: Vec<_> = lines(&identified.stdout)
        .iter()
        .map(|row| {
            [&row["context_truncated"], &row["response_truncated"]]
                .map(|cut| cut.as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        truncated,
        [[false, false], [true, false], [false, true], [true, true]]
    );
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system",
        "Zlong",
        "--contexts",
        &file,
    ]);
    let scored = place.json(&["responses", "score", "Zlong", "--identifiers", "1"]);
    assert_eq!(scored[0]["score"]["results"]["truncation"], cut);
    let table = place.json(&["table", "2", "--systems=Zlong"]);
    assert!(table["notes"].to_string().contains(said), "{table}");
    // Of a run's own results too.
    let shown = place.json(&["runs", "show", "1"]);
    let own = &shown["results"]["EmpRL"]["truncation"];
    assert_eq!(own["max_context"], 16);
    assert!(own["contexts"].as_f64().unwrap() > 0.0);
    let evaluated = place.json(&["evaluate", "--run", "1"]);
    assert_eq!(evaluated["truncation"], *own);
    // What a generator does not read of contexts.
    let generate = [
        "generate",
        "--model",
        "1",
        "--input",
        &file,
        "--max-source",
        "16",
        "--max-new-tokens",
        "2",
    ];
    let done = place.run(&generate);
    assert!(
        done.stderr
            .contains("note: 2 of 4 contexts are longer than 16 tokens"),
        "{}",
        done.stderr
    );
}

#[test]
fn systems_without_targets_get_levels_and_a_reason() {
    let place = place();
    let contexts = place.write(
        "untargeted.jsonl",
        "{\"context\": \"I failed.\"}\n{\"context\": \"I passed.\"}\n",
    );
    let file = place.write("untargeted.txt", "I am so sorry.\nThat is great!\n");
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system",
        "Zuntargeted",
        "--contexts",
        &contexts,
    ]);
    let done = place.run(&[
        "responses",
        "score",
        "Zuntargeted",
        "--identifiers",
        "1",
        "--json",
    ]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stderr.contains(
            "Zuntargeted: no response has a target to compare it with, so there is no Emp-F1"
        ) && done
            .stderr
            .contains("(no/weak/strong): emotional reaction "),
        "{}",
        done.stderr
    );
    let scored: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(scored.as_array().unwrap().len(), 1);
    assert_eq!(scored[0]["score"]["results"]["emp_f1"], Value::Null);
    assert_eq!(
        scored[0]["score"]["results"]["truncation"]["targets"],
        Value::Null
    );
    let cases = place.json(&["responses", "cases", "failed"]);
    let systems = cases["systems"].as_array().unwrap();
    let at = systems
        .iter()
        .position(|name| name == "Zuntargeted")
        .unwrap();
    let levels = &cases["cases"][0]["answers"][at]["levels"];
    assert_eq!(levels["response"].as_array().unwrap().len(), 3);
    assert_eq!(levels["target"], Value::Null);
    // The same of a file that is evaluated.
    let evaluated = place.json(&[
        "evaluate",
        "--responses",
        &file,
        "--contexts",
        &contexts,
        "--identifiers",
        "1",
    ]);
    assert_eq!(evaluated["emp_f1"], Value::Null);
    assert_eq!(evaluated["truncation"]["contexts"], 0.0);
    let notes = evaluated["notes"].to_string();
    assert!(
        notes.contains("so there is no Emp-F1") && notes.contains("(no/weak/strong)"),
        "{notes}"
    );
}

#[test]
fn rows_find_their_contexts_by_number_and_tables_are_answered_by_row() {
    let place = place();
    let contexts = place.write(
        "numbered.jsonl",
        "{\"idx\": 1, \"context\": \"We won!\"}\n{\"idx\": 0, \"context\": \"I lost my job.\"}\n",
    );
    let file = place.write(
        "numbered.csv",
        "idx,response\n0.0,\"Oh, no.\"\n1.0,Great!\n",
    );
    for command in ["score", "identify"] {
        let of = if command == "score" {
            "--model"
        } else {
            "--identifiers"
        };
        let rows = place.lines(&[command, of, "1", "--input", &file, "--contexts", &contexts]);
        assert_eq!(rows[0]["context"], json!(["I lost my job."]));
        assert_eq!(rows[0]["response"], "Oh, no.");
        assert_eq!(rows[1]["context"], json!(["We won!"]));
        // Numbers in a table are numbers, as in JSON.
        assert_eq!((&rows[0]["idx"], &rows[1]["idx"]), (&json!(0), &json!(1)));
        let twice = place.write("twice.csv", "idx,response\n0,\"Oh, no.\"\n0,Great!\n");
        let done = place.run(&[command, of, "1", "--input", &twice, "--contexts", &contexts]);
        assert_eq!((done.code, lines(&done.stdout).len()), (0, 1));
        for said in [
            "note: line 3: a second response to context idx 0, after line 2; the first counts",
            "note: context idx 1: no response",
        ] {
            assert!(done.stderr.contains(said), "{}", done.stderr);
        }
    }
    let table = place.write(
        "contexts.csv",
        "context;response\n\"I lost; sadly.\";x\nWe won!;y\n",
    );
    let answered = place.lines(&[
        "generate",
        "--model",
        "1",
        "--input",
        &table,
        "--max-new-tokens",
        "2",
    ]);
    let contexts: Vec<_> = answered.iter().map(|row| &row["context"]).collect();
    assert_eq!(contexts, ["I lost; sadly.", "We won!"]);
}

#[test]
fn a_special_token_in_a_row_is_scored_as_text_unless_asked_for() {
    let place = place();
    let row = "{\"context\": \"Bye </s>\", \"response\": \"I <extra_id_0> see </s> you\"}\n";
    let rows = place.write("special.jsonl", row);
    let score = ["score", "--model", "1", "--input", &rows];
    let controls = |rows: &[Value], id: u64| -> usize {
        let tokens = rows[0]["tokens"].as_array().unwrap().iter();
        tokens.filter(|token| token.as_u64() == Some(id)).count()
    };
    let text = place.lines(&score);
    assert_eq!(controls(&text, 1), 1);
    let special = place.lines(&[&score[..], &["--special-tokens"]].concat());
    assert_eq!(controls(&special, 1), 2);
    assert!(
        special[0]["tokens"].as_array().unwrap().len()
            < text[0]["tokens"].as_array().unwrap().len()
    );
}

#[test]
fn a_folder_from_elsewhere_is_shown_with_what_is_left_out_or_refused_in_one_line() {
    let place = place();
    let folder = place.path().join("elsewhere").display().to_string();
    place.ok(&["model", "export", "1", &folder]);
    let at = |name: &str| place.path().join("elsewhere").join(name);
    let shown = place.json(&["model", "show", &folder]);
    assert_eq!(
        (&shown["left_out"], &shown["special_tokens"]),
        (&json!([]), &json!(false))
    );

    let path = at("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    tokenizer["model"]["vocab"][9][0] = "x".repeat(130_700).into();
    std::fs::write(&path, tokenizer.to_string()).unwrap();
    let done = place.run(&["model", "show", &folder]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("tokenizer.json: piece 9 is 130700 bytes long"),
        "{}",
        done.stderr
    );
    assert_eq!(done.stderr.trim().lines().count(), 1, "{}", done.stderr);
}

/// Three answers to each of `records` contexts, the second of them too long to be read in one window.
fn corpus_file(place: &Place, records: usize) -> String {
    let rows = (0..records).map(|n| {
        let long = "I hear you and it is hard. ".repeat(6);
        let row = json!({
            "id": n.to_string(),
            "context": [{"role": "speaker", "text": format!("I lost my job {n} weeks ago.")}],
            "target": "I am so sorry.",
            "responses": [
                {"system": "long", "text": format!("{long}What happened then?")},
                {"system": "short", "text": format!("Did you tell the {n} others?")},
            ],
        });
        format!("{row}\n")
    });
    place.write(&format!("levels-{records}.jsonl"), rows.collect::<String>())
}

#[test]
fn clinicians_long_answers_and_synthempathys_pairs_without_targets_are_scored() {
    let place = place();
    // Answers to patients of some 375 words, whose questions stand at the end.
    let long =
        "I hear how hard this has been, and it makes sense that you are worn out. ".repeat(24);
    let turns = (0..4).map(|n| {
        let said = format!("My chest has hurt for {n} days.");
        let answer = format!("{long}When did it begin? Is it worse at night? Who is with you?");
        let row = json!({"id": n, "conversation": [
            {"from": "patient", "value": said}, {"from": "clinician", "value": answer},
        ]});
        format!("{row}\n")
    });
    let clinic = place.write("clinic.jsonl", turns.collect::<String>());
    place.ok(&["corpus", "import", &clinic, "clinic"]);
    let scored = place.json(&["corpus", "score", "clinic", "--identifiers", "1"]);
    assert_eq!(
        (&scored["answers"], &scored["in_windows"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(scored["truncation"]["responses"], 0.0);

    // Situations and answers of a model, and no target.
    let rows =
        (0..200).map(|n| format!("\"I failed exam {n}.\",\"Oh no. What came of exam {n}?\"\n"));
    let file = format!("prompt,response\n{}", rows.collect::<String>());
    let pairs = place.write("synthempathy.csv", file);
    place.ok(&["corpus", "import", &pairs, "synthempathy"]);
    let scored = place.json(&["corpus", "score", "synthempathy", "--identifiers", "1"]);
    assert_eq!(
        (&scored["answers"], &scored["in_windows"]),
        (&json!(200), &json!(0))
    );
    let records = place.json(&["corpus", "show", "synthempathy", "--limit", "1"]);
    let record = &records["records"][0];
    assert_eq!(record["target"], Value::Null);
    assert_eq!(
        record["responses"][0]["scores"].as_array().unwrap().len(),
        3
    );
    let table = place.ok(&["corpus", "table", "synthempathy"]);
    assert!(table.contains("identifiers_exploration"), "{table}");
}

#[test]
fn identifiers_score_a_corpus_and_a_kill_loses_nothing() {
    let place = place();
    let file = corpus_file(place, 120);
    place.ok(&["corpus", "import", &file, "levels"]);
    let score = ["corpus", "score", "levels", "--identifiers", "1"];
    let whole = place.json(&score);
    assert_eq!(whole["answers"], 360);
    assert_eq!(
        (&whole["before"], &whole["in_windows"]),
        (&json!(0), &json!(120))
    );
    assert_eq!(whole["truncation"]["responses"], 0.0);

    // Killed after its first commit, and gone on with: the same as in one go.
    let killed = [&score[..], &["--as", "killed", "--batch", "1"]].concat();
    let mut child = place.start(&killed);
    let manifest = place.store().join("data/levels/additions/killed.json");
    while !manifest.exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let again = place.json(&killed);
    assert_eq!(again["answers"], 360);
    assert!(again["before"].as_u64().unwrap() > 0, "{again}");
    let records = place.json(&["corpus", "show", "levels", "--limit", "1000"]);
    let records = records["records"].as_array().unwrap();
    assert_eq!(records.len(), 120);
    for record in records {
        let responses = record["responses"].as_array().unwrap();
        for said in [record].into_iter().chain(responses) {
            for mechanism in ["emotional_reaction", "interpretation", "exploration"] {
                let of = |judge: &str| &said["labels"][format!("{judge}_{mechanism}")];
                assert!(of("identifiers").is_string(), "{said}");
                assert_eq!(of("identifiers"), of("killed"));
            }
            let scores = said["scores"].as_array().unwrap();
            assert_eq!(scores.len(), 6);
            let probabilities = floats(&scores[0]["probabilities"]);
            assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
            let mean = probabilities[1] + 2.0 * probabilities[2];
            assert!((mean - scores[0]["value"].as_f64().unwrap()).abs() < 1e-5);
        }
    }

    // A short answer has the levels that `identify` gives it.
    let short = &records[7]["responses"][1];
    let row = json!({"context": records[7]["context"][0]["text"], "response": short["text"]});
    let input = place.write("identify.jsonl", format!("{row}\n"));
    let identified = place.lines(&["identify", "--identifiers", "1", "--input", &input]);
    for score in short["scores"].as_array().unwrap() {
        let mechanism = score["name"].as_str().unwrap().split_once('_').unwrap().1;
        let [found, expected] =
            [&score["probabilities"], &identified[0][mechanism]["probs"]].map(floats);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{score} {expected}");
        }
    }

    // What was added is filtered, summed up and exported like all else, and deleted by its name.
    let table = place.json(&[
        "corpus",
        "table",
        "levels",
        "--by",
        "identifiers_exploration",
    ]);
    assert!(table.to_string().contains("killed_exploration"), "{table}");
    let out = place.path().join("levels.csv").display().to_string();
    place.ok(&[
        "corpus",
        "export",
        "levels",
        &out,
        "--where",
        "killed_exploration != none",
    ]);
    let taken = place.run(&[
        "corpus",
        "score",
        "levels",
        "--identifiers",
        "1",
        "--beginning",
    ]);
    assert!(
        taken.code != 0 && taken.stderr.contains("choose another name with --as"),
        "{}",
        taken.stderr
    );
    let delete = ["corpus", "delete", "levels", "--addition", "killed"];
    assert_eq!(place.run(&delete).code, 2);
    place.ok(&[&delete[..], &["--for-good"]].concat());
    let left = place.json(&["corpus", "show", "levels", "--limit", "1"]);
    assert!(!left.to_string().contains("killed"));
    place.ok(&["corpus", "delete", "levels", "--for-good"]);
    assert!(
        place
            .run(&["corpus", "show", "levels"])
            .stderr
            .contains("no corpus")
    );
}
