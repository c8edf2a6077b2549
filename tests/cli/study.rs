//! `emprl responses` and `emprl study`: from files of responses to unblinded results, in a terminal.

use crate::cli_support::{Done, Place, lines};
use crate::shared_data::shared;
use serde_json::{Value, json};

const SYSTEMS: [(&str, &str); 2] = [("Qoxmodel", "indeed"), ("Zyvbaseline", "perhaps")];

/// A store with two systems that answered `n` contexts.
fn with_systems(n: usize) -> Place {
    let place = Place::new();
    let contexts: Vec<String> = (0..n)
        .map(|at| {
            let emotion = ["sad", "proud"][at % 2];
            let row = json!({
                "conv_id": format!("c{at}"), "emotion": emotion,
                "context": [format!("This is what happened, number {at}."), "Oh?", "Yes."],
                "response": format!("I am so sorry to hear of all that is in number {at}."),
            });
            row.to_string()
        })
        .collect();
    place.write("contexts.jsonl", contexts.join("\n"));
    for (name, mark) in SYSTEMS {
        let rows: Vec<String> = (0..n)
            .map(|at| format!("I {mark} see, about {at}."))
            .collect();
        let file = place.write(&format!("{name}.txt"), rows.join("\n"));
        place.ok(&[
            "responses",
            "import",
            &file,
            "--system",
            name,
            "--contexts",
            "contexts.jsonl",
        ]);
    }
    place
}

fn create(place: &Place, kind: &str, more: &[&str]) -> Value {
    let who = ["--systems=Qoxmodel,Zyvbaseline", "--annotators=Ada,Ben,Cem"];
    place.json(&[&["study", "create", "--kind", kind], who.as_slice(), more].concat())
}

/// Judges with these lines on stdin.
fn judge(place: &Place, who: &str, said: &str, more: &[&str]) -> Done {
    let arguments = [&["study", "judge", "1", "--annotator", who], more].concat();
    place.run_with_input(&arguments, said)
}

fn names_no_system(what: &str) {
    let text = what.to_lowercase();
    for (name, _) in SYSTEMS {
        assert!(!text.contains(&name.to_lowercase()), "{what}");
    }
}

#[test]
fn responses_are_imported_scored_listed_and_deleted() {
    let place = with_systems(6);
    let again = [
        "responses",
        "import",
        "Qoxmodel.txt",
        "--system",
        "Qoxmodel",
        "--contexts",
        "contexts.jsonl",
    ];
    let done = place.run(&again);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("--replace"), "{}", done.stderr);
    let replaced = place.json(&[&again[..], &["--replace"]].concat());
    assert_eq!(
        (&replaced["rows"], &replaced["aligned_by"]),
        (&json!(6), &json!("order"))
    );
    assert_eq!(replaced["problems"], json!([]));
    let short = place.write("short.txt", "one\ntwo\n");
    let done = place.run(&[
        "responses",
        "import",
        &short,
        "--system",
        "S",
        "--contexts",
        "contexts.jsonl",
    ]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("2 responses where there are 6 contexts"),
        "{}",
        done.stderr
    );
    let done = place.run(&["responses", "import", &short, "--system", "S"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("--contexts FILE"), "{}", done.stderr);
    let by_index = [
        "responses",
        "import",
        "Qoxmodel.txt",
        "--system",
        "S",
        "--contexts",
        "contexts.jsonl",
        "--by=index",
    ];
    assert!(place.run(&by_index).stderr.contains("no idx (lines 1, 2"));

    let listed = place.json(&["responses", "list"]);
    assert_eq!(listed[0]["score"], Value::Null);
    let scored = place.json(&["responses", "score"]);
    for row in scored.as_array().unwrap() {
        let results = &row["score"]["results"];
        assert_eq!(results["n"], 6);
        assert!(results["dist_1"]["value"].as_f64().unwrap() > 0.0);
        assert_eq!(
            (&results["emp_f1"], &results["ppl"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert!(place.ok(&["responses", "list"]).contains("Qoxmodel.txt"));
    let cases = place.json(&["responses", "cases", "number", "3"]);
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1);
    assert_eq!(
        cases["cases"][0]["answers"][1]["text"],
        "I perhaps see, about 3."
    );
    let key = cases["cases"][0]["key"].as_str().unwrap().to_string();
    place.ok(&["responses", "pin", &key, "--note", "look"]);
    assert_eq!(
        place.json(&["responses", "cases"])["cases"][0]["pin"],
        "look"
    );
    place.ok(&["responses", "pin", &key, "--remove"]);
    assert_eq!(place.json(&["responses", "cases"])["cases"], json!([]));
    assert_eq!(place.run(&["responses", "pin", "nothing"]).code, 1);
    let delete = ["responses", "delete", "Zyvbaseline"];
    let asked = place.run(&delete);
    assert_eq!(asked.code, 2);
    assert!(asked.stderr.contains("--for-good"), "{}", asked.stderr);
    place.ok(&[&delete[..], &["--for-good"]].concat());
    assert_eq!(place.run(&[&delete[..], &["--for-good"]].concat()).code, 1);
    assert_eq!(
        place.json(&["responses", "list"]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn nothing_is_there_before_something_is() {
    let place = Place::new();
    assert_eq!(place.json(&["responses", "list"]), json!([]));
    assert_eq!(place.json(&["study", "list"]), json!([]));
    assert!(place.ok(&["study", "list"]).contains("No studies"));
    assert_eq!(place.run(&["responses", "score"]).code, 1);
    assert_eq!(place.run(&["study", "results", "1"]).code, 1);
    assert_eq!(place.run(&["study", "results", "one"]).code, 2);
}

/// Enough that some of them are answered in three ways: that none is has a chance of 2^-24.
const ITEMS: u64 = 24;

#[test]
fn a_study_is_made_judged_resolved_and_unblinded() {
    let place = with_systems(ITEMS as usize + 2);
    let made = create(
        &place,
        "ab",
        &[&format!("--contexts={ITEMS}"), "--seed=4", "--stratified"],
    );
    assert_eq!(
        (&made["study"], &made["items_each"]),
        (&json!(1), &json!(ITEMS))
    );
    assert_eq!(made["forecast"]["items"], ITEMS);

    // First always left, then always right, then always a tie: the sides are shuffled, so some are three-way.
    for (who, said) in [("Ada", "1\n"), ("A2", "2\n"), ("3", "3\n")] {
        let done = judge(&place, who, &said.repeat(ITEMS as usize), &[]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(
            done.stdout
                .contains(&format!("{ITEMS} of {ITEMS} items are judged")),
            "{}",
            done.stdout
        );
        names_no_system(&done.stdout);
    }
    let pairs = place.path().join("pairs.jsonl");
    let out = format!("--out={}", pairs.display());
    let blind = place.run(&["study", "preferences", "1", &out]);
    assert_eq!(blind.code, 1);
    assert!(
        blind.stderr.contains("blind") && !pairs.exists(),
        "{}",
        blind.stderr
    );
    names_no_system(&blind.stderr);
    let blind = place.run(&["study", "results", "1"]);
    assert_eq!(blind.code, 1);
    assert!(blind.stderr.contains("still blind"), "{}", blind.stderr);
    names_no_system(&blind.stderr);
    assert_eq!(place.run(&["study", "export", "1"]).code, 1);
    let own = lines(&place.ok(&["study", "export", "1", "--annotator=Ada"]));
    assert!(own.len() == ITEMS as usize && own.iter().all(|row| row["choice"] == "left"));
    let end = [
        "study",
        "unblind",
        "1",
        "--by=Ada",
        "--reason=all is judged",
    ];
    let early = place.run(&end);
    assert_eq!(early.code, 1);
    assert!(
        early.stderr.contains("for a fourth annotator")
            && early.stderr.contains("emprl study assign 1"),
        "{}",
        early.stderr
    );
    assert!(place.ok(&["study", "list"]).contains("for a fourth"));
    let no_fourth = place.run(&["study", "assign", "1"]);
    let given = match no_fourth.code {
        1 => {
            assert!(
                no_fourth.stderr.contains("no fourth annotator"),
                "{}",
                no_fourth.stderr
            );
            place.json(&["study", "assign", "1", "--adjudicator", "Dee"])["given"]
                .as_u64()
                .unwrap()
        }
        code => panic!("{code}: {}", no_fourth.stderr),
    };
    assert!(given > 0);
    assert_eq!(place.json(&["study", "assign", "1"])["given"], 0);
    judge(&place, "Dee", &"1\n".repeat(given as usize), &[]);

    names_no_system(&place.ok(&["study", "list"]));
    names_no_system(&place.ok(&["study", "list", "--json"]));
    assert_eq!(
        place.json(&["responses", "cases", "happened"])["withheld"],
        ITEMS
    );
    let silent = place.run(&["study", "unblind", "1", "--by=Ada", "--reason= "]);
    assert_eq!(silent.code, 1);
    let unblinding = place.json(&end);
    assert_eq!(unblinding["missing"], 0);
    // What is refused changes nothing.
    let study = place.json(&["study", "list"]);
    let late = place.run(&["study", "assign", "1", "--adjudicator", "Zed"]);
    assert_eq!(late.code, 1);
    assert!(late.stderr.contains("ended its judging"), "{}", late.stderr);
    assert_eq!(place.json(&["study", "list"]), study);
    let results = place.json(&["study", "results", "1"]);
    let pair = &results["found"]["ab_test"]["pairs"][0];
    assert_eq!(
        (&pair["items"], &pair["judged"], &pair["by_fourth"]),
        (&json!(ITEMS), &json!(ITEMS), &json!(given))
    );
    let text = place.ok(&["study", "results", "1"]);
    assert!(text.contains("Qoxmodel vs Zyvbaseline"), "{text}");
    let rows = lines(&place.ok(&["study", "export", "1"]));
    assert_eq!(rows.len() as u64, 3 * ITEMS + given);
    assert!(
        place
            .ok(&["study", "export", "1", "--format=csv"])
            .starts_with("item,context,")
    );
    let record: Value =
        serde_json::from_str(&place.ok(&["study", "export", "1", "--format=record"])).unwrap();
    assert_eq!(
        record["record"]["items"].as_array().unwrap().len(),
        ITEMS as usize
    );
    let written = place.json(&["study", "preferences", "1", &out]);
    let decided = pair["win"]["count"].as_u64().unwrap() + pair["lose"]["count"].as_u64().unwrap();
    assert_eq!(written["pairs"], decided);
    let left_out = ["ties", "undecided", "alike"].map(|what| written[what].as_u64().unwrap());
    assert_eq!(left_out.iter().sum::<u64>() + decided, ITEMS);
    let path = pairs.to_str().unwrap();
    let imported = place.json(&["data", "import", "preferences", path, "--name=study-1"]);
    assert_eq!(imported["preference_pairs"], decided);
    let shown = place.ok(&["data", "show", "study-1"]);
    assert!(
        shown.contains("between Qoxmodel and Zyvbaseline"),
        "{shown}"
    );
    let listed = place.ok(&["data", "list"]);
    assert!(listed.contains("preference pairs"), "{listed}");
    let wrong = place.run(&["data", "import", "preferences", path, "--name=builtin"]);
    assert!(
        wrong.code != 0 && wrong.stderr.contains("cannot be called"),
        "{}",
        wrong.stderr
    );
    let late = judge(&place, "Ada", "1\n", &[]);
    assert_eq!(late.code, 1);
    assert!(late.stderr.contains("ended its judging"), "{}", late.stderr);
    let again = place.run(&["study", "unblind", "1", "--by=Ben", "--reason=again"]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("unblinded before, by Ada"),
        "{}",
        again.stderr
    );
    assert_eq!(
        place.json(&["responses", "cases", "happened"])["withheld"],
        0
    );
}

#[test]
fn packs_travel_and_come_back() {
    let place = with_systems(5);
    create(&place, "rating", &["--contexts=3"]);
    place.ok(&["study", "pack", "1", "--annotator=Ben", "--out=out"]);
    let sent: Vec<_> = std::fs::read_dir(place.path().join("out"))
        .unwrap()
        .collect();
    let sent = sent[0].as_ref().unwrap().path();
    names_no_system(&std::fs::read_to_string(&sent).unwrap());
    let elsewhere = Place::new();
    let opened = elsewhere.json(&["study", "open", sent.to_str().unwrap()]);
    assert_eq!(opened[0]["study"], 1);
    let opened = elsewhere.ok(&["study", "open", sent.to_str().unwrap()]);
    assert!(
        opened.contains("emprl study judge 1 --annotator A2"),
        "{opened}"
    );
    let done = judge(
        &elsewhere,
        "A2",
        "435\ns\n5 5 5\nu\n111\nc all of it\nf\n222\n",
        &["--json"],
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    names_no_system(&done.stdout);
    let events = lines(&done.stdout);
    assert_eq!(events.last().unwrap()["progress"]["answered"], 3);
    assert_eq!(
        elsewhere
            .run(&["study", "unblind", "1", "--by=A", "--reason=B"])
            .code,
        1
    );
    elsewhere.ok(&["study", "pack", "1", "--out=back"]);
    let back: Vec<_> = std::fs::read_dir(elsewhere.path().join("back"))
        .unwrap()
        .collect();
    let back = back[0].as_ref().unwrap().path().display().to_string();
    let merged = place.json(&["study", "merge", &back, &back]);
    assert_eq!(merged[0]["added"], merged[1]["known"]);
    assert_eq!(merged[1]["added"], 0);
    // Items, not records: one was skipped, and one answered twice.
    let counts = ["new_answers", "known_answers", "flags", "comments"];
    assert_eq!(
        counts.map(|count| merged[0][count].clone()),
        [3, 0, 1, 1].map(Value::from)
    );
    let again = place.ok(&["study", "merge", &back]);
    assert!(
        again.contains("A2: 0 answers were new, 3 known before"),
        "{again}"
    );
    let list = place.json(&["study", "list"]);
    assert_eq!(list[0]["annotators"][1]["progress"]["answered"], 3);
    assert_eq!(list[0]["annotators"][1]["progress"]["flagged"], 1);
    let foreign = elsewhere.run(&["study", "merge", &back]);
    assert_eq!(foreign.code, 1);
    assert!(
        foreign.stderr.contains("another study"),
        "{}",
        foreign.stderr
    );
    let mut text = std::fs::read_to_string(&back).unwrap();
    text = text.replace("all of it", "none of it");
    std::fs::write(&back, text).unwrap();
    let changed = place.run(&["study", "merge", &back]);
    assert_eq!(changed.code, 1);
    assert!(changed.stderr.contains("checksum"), "{}", changed.stderr);
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_fix() {
    let place = with_systems(4);
    let systems = "--systems=Qoxmodel,Zyvbaseline";
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let done = place.run(&[&["study"], arguments].concat());
        assert_eq!(done.code, code, "{}", done.stderr);
        assert!(done.stderr.contains(words), "{}", done.stderr);
    };
    refused(
        &["create", "--kind=ab", systems, "--annotators=Ada"],
        2,
        "name at least three",
    );
    let three = "--annotators=Ada,Ben,Cem";
    refused(
        &["create", "--kind=ab", systems, three],
        1,
        "100 are wanted",
    );
    refused(
        &["create", "--kind=ab", systems, three, "--ties=2"],
        2,
        "0 to 1",
    );
    refused(
        &[
            "create",
            "--kind=ab",
            systems,
            three,
            "--title=Is qoxmodel good?",
        ],
        2,
        "names the system",
    );
    refused(
        &[
            "create",
            "--kind=ab",
            "--systems=Qoxmodel,Nobody",
            three,
            "--contexts=2",
        ],
        1,
        "no system Nobody",
    );
    refused(&["judge", "1", "--annotator=Ada"], 1, "no study 1");
    let dry = [
        "create",
        "--kind=ab",
        systems,
        three,
        "--ties=0",
        "--dry-run",
    ];
    refused(&dry, 1, "only 4 contexts");
    let dry = [&["study"], dry.as_slice()].concat();
    let wide = with_systems(100);
    let forecast = wide.json(&dry);
    assert_eq!(forecast["study"], Value::Null);
    let p = forecast["forecast"]["examples"][1]["p"].as_f64().unwrap();
    assert!((p - 0.056888).abs() < 1e-6, "60-40 of 100");
    let words = wide.ok(&dry);
    assert!(words.contains("60-40 has p = 0.057"), "{words}");
    assert_eq!(wide.json(&["study", "list"]), json!([]));
    assert_eq!(place.json(&["study", "list"]), json!([]));
    create(&place, "ab", &["--contexts=4"]);
    refused(
        &["judge", "1", "--annotator=Zoe"],
        2,
        "it has A1 (Ada), A2 (Ben), A3 (Cem)",
    );
    // A line that is no answer is said, and its item is asked again.
    let done = judge(&place, "Ada", "1\nboth\n0\nu\n2\n", &[]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr.contains("line 2: \"both\" is not an answer")
            && done.stderr.contains("1 line was not understood"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("Undone: 2 of "), "{}", done.stdout);
    assert_eq!(
        place.json(&["study", "list"])[0]["annotators"][0]["progress"]["answered"],
        2
    );
    for (who, words) in [
        ("Ada", "that is A1"),
        ("", "has no name"),
        ("A2", "code of another"),
    ] {
        let done = place.run(&["study", "assign", "1", "--adjudicator", who]);
        assert!(
            done.code != 0 && done.stderr.contains(words),
            "{}",
            done.stderr
        );
    }
    refused(
        &[
            "create",
            "--kind=ab",
            systems,
            "--annotators=A2,A1,Cem",
            "--contexts=2",
        ],
        2,
        "code of another",
    );
    // One person, however the name is typed.
    for other in ["ZOE\u{301}", "zo\u{e9}", " Zo\u{e9} "] {
        let annotators = format!("--annotators=Zo\u{e9},{other},Cem");
        let twice = ["create", "--kind=ab", systems, &annotators, "--contexts=2"];
        refused(&twice, 2, "named twice");
    }
}

#[test]
fn tokenised_responses_are_measured_as_people_see_them_and_as_they_are() {
    let place = Place::new();
    let row = |at: usize, response: &str| {
        let target = "I'm sorry. What happened?";
        json!({"context": [format!("context {at}")], "response": response, "target": target})
    };
    let responses = [
        "i ca n't say . i 'm sorry .",
        "i see . what happened ?",
        "so sorry ! i am so sorry .",
    ];
    let rows: Vec<String> = responses
        .iter()
        .enumerate()
        .map(|(at, response)| row(at, response).to_string())
        .collect();
    let file = place.write("tokens.jsonl", rows.join("\n"));
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system",
        "Tokens",
        "--contexts",
        &file,
    ]);
    let scored = &place.json(&["responses", "score", "Tokens"])[0]["score"]["results"];
    let tokens = &scored["as_imported"];
    let dist = |results: &Value| results["dist_1"]["value"].as_f64().unwrap();
    // Sentences begin with capitals: "So" and "so" are two words.
    assert!(dist(scored) > 0.0 && dist(tokens) > 0.0 && dist(scored) != dist(tokens));
    assert!(scored["ead"][0]["value"].as_f64().unwrap() > 0.0);
    assert_eq!(tokens["as_imported"], Value::Null);
    let text = place.ok(&["responses", "score", "Tokens"]);
    assert!(
        text.contains("is ranked detokenised, as people see it"),
        "{text}"
    );
    let table = place.json(&["table", "2", "--systems=Tokens"]);
    let names: Vec<&str> = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert!(names.contains(&"Tokens, tokens as imported"), "{names:?}");
    let signature = table["signatures"][0].as_str().unwrap();
    assert!(
        place
            .ok(&["signature", "check", signature])
            .contains("system Tokens")
    );
}

#[test]
fn the_published_responses_are_imported_as_they_are() {
    let Some(folder) = shared("system_responses") else {
        return;
    };
    let place = Place::new();
    let contexts = folder.join("contexts.jsonl").display().to_string();
    for name in ["cem", "kemp", "mime", "moel", "transformer"] {
        let file = folder.join(format!("{name}.txt")).display().to_string();
        let taken = place.json(&[
            "responses",
            "import",
            &file,
            "--system",
            name,
            "--contexts",
            &contexts,
        ]);
        assert_eq!(
            (&taken["responses"], &taken["tokenized"]),
            (&json!(5255), &json!(true))
        );
        assert_eq!(taken["problems"], json!([]));
    }
    let found = place.json(&["responses", "cases", "marathon"]);
    assert_eq!(found["systems"].as_array().unwrap().len(), 5);
    assert!(!found["cases"].as_array().unwrap().is_empty());
}

#[test]
fn the_lead_watches_pauses_and_replaces_annotators_while_the_study_is_blind() {
    let place = with_systems(6);
    create(&place, "ab", &["--contexts=4", "--checks=1"]);
    assert_eq!(judge(&place, "Ada", &"3\n".repeat(5), &[]).code, 0);
    let quality = place.ok(&["study", "quality", "1"]);
    names_no_system(&quality);
    assert!(
        quality.contains("5/5") && quality.contains("0/1"),
        "{quality}"
    );
    let rows = place.json(&["study", "quality", "1"]);
    assert_eq!(rows["annotators"][0]["longest_run"], 5);

    let paused = place.ok(&["study", "pause", "1", "Ben", "--reason=on leave"]);
    assert!(paused.contains("until they are resumed"), "{paused}");
    let refused = judge(&place, "Ben", "1\n", &[]);
    assert!(
        refused.code != 0 && refused.stderr.contains("emprl study resume 1 A2"),
        "{}",
        refused.stderr
    );
    assert!(place.ok(&["study", "list"]).contains("A2 (Ben), paused"));
    place.ok(&["study", "resume", "1", "A2", "--reason=back"]);
    assert_eq!(judge(&place, "Ben", "1\n", &[]).code, 0);
    let replaced = place.ok(&[
        "study",
        "replace",
        "1",
        "Ada",
        "--with=Dee",
        "--reason=only ties",
    ]);
    assert!(replaced.contains("A1 is excluded, and A4"), "{replaced}");
    let quality = place.ok(&["study", "quality", "1"]);
    assert!(
        quality.contains("A1: excluded") && quality.contains("only ties"),
        "{quality}"
    );
    let unknown = place.run(&["study", "exclude", "1", "Zoe", "--reason=x"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("A4 (Dee)"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn attention_checks_say_which_field_they_are_made_of() {
    let place = Place::new();
    place.write(
        "contexts.jsonl",
        "{\"context\": \"I failed.\"}\n{\"context\": \"We won!\"}\n",
    );
    for name in ["anna", "bert"] {
        let file = place.write(
            &format!("{name}.txt"),
            format!("{name} one.\n{name} two.\n"),
        );
        let import = ["responses", "import", &file, "--system", name];
        place.ok(&[&import[..], &["--contexts=contexts.jsonl"]].concat());
    }
    let create = ["study", "create", "--kind=ab", "--systems=anna,bert"];
    let more = ["--annotators=Ada,Ben,Cem", "--contexts=1", "--checks=1"];
    let refused = place.run(&[&create[..], &more].concat());
    assert!(
        refused.code != 0 && refused.stderr.contains("in the field \"response\""),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_gives_systems_away_is_said_before_a_study_is_made() {
    let place = with_systems(40);
    let third: Vec<String> = (0..40)
        .map(|at| format!("i can hear how much all of that is about {at} ."))
        .collect();
    let file = place.write("third.txt", third.join("\n"));
    place.ok(&[
        "responses",
        "import",
        &file,
        "--system=Third",
        "--contexts=contexts.jsonl",
    ]);
    let dry = |more: &[&str]| {
        let asked = [
            "study",
            "create",
            "--kind=ab",
            "--systems=Qoxmodel,Zyvbaseline,Third",
            "--annotators=Ada,Ben,Cem",
            "--dry-run",
        ];
        place.run(&[asked.as_slice(), more].concat())
    };
    let refused = dry(&["--contexts=30"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("takes 60 contexts"),
        "{}",
        refused.stderr
    );
    let spread = dry(&["--contexts=20"]).stdout;
    assert!(
        spread.contains("40 contexts are drawn") && spread.contains("6 annotators"),
        "{spread}"
    );
    assert!(
        spread.contains("only at length tells Qoxmodel from Third in 100 % of 40 contexts"),
        "{spread}"
    );
    let repeated = dry(&["--contexts=30", "--repeats"]).stdout;
    assert!(
        repeated.contains("reads the response of Qoxmodel to a context 2 times"),
        "{repeated}"
    );
}

#[test]
fn a_rating_asks_aspects_of_its_own() {
    let place = with_systems(6);
    let aspects = "[[aspect]]\nname = \"Warmth\"\nquestion = \"How warm is it?\"\nlow = \"cold\"\n\
                   high = \"warm\"\npoints = 11\n[[aspect]]\nname = \"Sense\"\n";
    let file = place.write("aspects.toml", aspects);
    let more = ["--contexts=2", "--aspects", &file, "--comment=What else?"];
    create(&place, "rating", &more);
    let done = judge(
        &place,
        "A1",
        "11 5\n12 5\n115\nc fine\n1 1\n2 2\n3 3\nq\n",
        &[],
    );
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert!(
        done.stdout
            .contains("Warmth: How warm is it? (1 cold … 11 warm)")
    );
    assert!(
        done.stdout
            .contains("a score for Warmth (1 to 11), Sense (1 to 5), with blanks between")
    );
    assert!(done.stderr.contains("line 2: \"12 5\" is not an answer"));
    assert!(done.stderr.contains("line 3: \"115\" is not an answer"));
    for who in ["A2", "A3"] {
        assert_eq!(judge(&place, who, "11 5\n1 1\n2 2\n3 3\n", &[]).code, 0);
    }
    place.ok(&["study", "unblind", "1", "--by=Ada", "--reason=done"]);
    let results = place.ok(&["study", "results", "1"]);
    assert!(results.contains("Warmth (1-11)") && results.contains("Sense: Fleiss' kappa"));
    let json = place.json(&["study", "results", "1"]);
    let found = json.to_string();
    assert!(found.contains(r#""aspect":"Warmth""#), "{found}");
    let csv = place.ok(&["study", "export", "1", "--format=csv"]);
    assert!(
        csv.lines()
            .next()
            .unwrap()
            .contains("scores.Warmth,scores.Sense"),
        "{csv}"
    );
    let table = place.ok(&["table", "3", "--study=1"]);
    assert!(
        table.contains("Warmth (1-11)") && !table.contains("Fluency"),
        "{table}"
    );

    let wrong = place.write("wrong.toml", aspects.replace("points = 11", "points = 12"));
    let create = ["study", "create", "--kind=rating", "--systems=Qoxmodel"];
    let create = [&create[..], &["--annotators=Ada,Ben,Cem", "--aspects"]].concat();
    let done = place.run(&[&create[..], &[&wrong]].concat());
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("wrong.toml: the scale of Warmth has 12 points"),
        "{}",
        done.stderr
    );
    let ab = [
        "study",
        "create",
        "--kind=ab",
        "--systems=Qoxmodel,Zyvbaseline",
    ];
    let ab = [&ab[..], &["--annotators=Ada,Ben,Cem", "--aspects", &file]].concat();
    let done = place.run(&ab);
    assert!(done.stderr.contains("not for scores"), "{}", done.stderr);
}
