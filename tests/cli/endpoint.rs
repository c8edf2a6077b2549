//! Language models at addresses, in a terminal: systems that answer, judges, and servers that misbehave.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::chat_support::{Act, TestChat};
use crate::cli_support::{Done, Place};
use serde_json::{Value, json};

const KEY: &str = "sk-secret-0123456789";

/// `emprl endpoint answer` on the built-in corpus.
fn answering<'a>(chat: &'a TestChat, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "endpoint",
        "answer",
        "--address",
        &chat.address,
        "--model",
        "test-1",
        "--data",
        "builtin",
        "--system",
        "ChatGPT",
    ];
    [&fixed, more].concat()
}

/// The same with a key in the environment.
fn with_key(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("OPENAI_API_KEY", KEY);
    command
}

fn repeated(prompts: &[String]) -> usize {
    prompts.len() - prompts.iter().collect::<HashSet<_>>().len()
}

/// No file of the store has the key in it.
fn assert_no_key(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_key(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        assert!(!found, "{} has the key", path.display());
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn an_endpoint_becomes_a_system_that_is_like_any_other() {
    let place = Place::new();
    let chat = TestChat::start(|number, _| Act::say(format!("I hear you, {number} times.")));
    let arguments = answering(
        &chat,
        &[
            "--limit",
            "6",
            "--price-in",
            "0.5",
            "--price-out",
            "1.5",
            "--seed",
            "3",
        ],
    );
    let dry = place.ok(&[&arguments[..], &["--dry-run"]].concat());
    for part in [
        "6 requests to http://127.0.0.1:",
        "/v1/chat/completions, model test-1",
        "Now generate a response (no more than 30 words) for the following context. There are two examples:",
        "Nothing was sent.",
    ] {
        assert!(dry.contains(part), "no {part:?} in {dry}");
    }
    assert!(chat.requests().is_empty() && !place.store().exists());

    let done = place.run(&arguments);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stderr.contains("6 requests to") && done.stderr.contains("No key is sent"),
        "{}",
        done.stderr
    );
    assert!(
        done.stdout
            .contains("600 tokens of prompts, 60 of answers; at the given prices 0.0004"),
        "{}",
        done.stdout
    );
    let requests = chat.requests();
    assert_eq!((requests.len(), repeated(&chat.prompts())), (6, 0));
    let first = &requests[0];
    assert_eq!(first.path, "/v1/chat/completions");
    assert_eq!(
        (
            &first.body["model"],
            &first.body["temperature"],
            &first.body["seed"]
        ),
        (&json!("test-1"), &json!(1.0), &json!(3))
    );
    assert!(!first.headers.contains_key("authorization"));
    let prompt = first.prompt();
    assert_eq!(prompt.matches("Context:\nSpeaker: ").count(), 3, "{prompt}");
    assert!(prompt.ends_with("Response:"), "{prompt}");

    // As any system: listed with its provenance, scored, compared.
    let list = place.json(&["responses", "list"]);
    let system = &list.as_array().map_or(&list["systems"][0], |all| &all[0]);
    let source = system["source"]
        .as_str()
        .unwrap_or_else(|| panic!("{list}"));
    for part in [
        "test-1 at http://127.0.0.1:",
        ", template ",
        ", temperature 1, seed 3, 6 answers",
    ] {
        assert!(source.contains(part), "{source}");
    }
    place.ok(&["responses", "score", "ChatGPT"]);

    // Again: nothing is asked. With more contexts, only those.
    let again = place.json(&arguments);
    assert_eq!(
        (again["asked"].as_u64(), again["responses"].as_u64()),
        (Some(0), Some(6))
    );
    assert_eq!(again["tally"]["prompt_tokens"], 600);
    assert_eq!(chat.requests().len(), 6);
    let more = answering(&chat, &["--limit", "9", "--seed", "3", "--replace"]);
    let more = place.json(&more);
    assert_eq!(
        (more["asked"].as_u64(), more["responses"].as_u64()),
        (Some(3), Some(9))
    );
    assert_eq!((chat.requests().len(), repeated(&chat.prompts())), (9, 0));

    // Another seed draws other examples, and is another series.
    let other = answering(
        &chat,
        &["--limit", "1", "--seed", "4", "--replace", "--dry-run"],
    );
    assert!(place.json(&other)["recorded"] == 0);
    assert_ne!(
        place.json(&other)["first"]["messages"],
        first.body["messages"]
    );
    let taken = place.run(&answering(&chat, &["--limit", "1", "--seed", "4"]));
    assert!(
        taken.code == 2 && taken.stderr.contains("--replace"),
        "{}",
        taken.stderr
    );

    let series = place.json(&["endpoint", "list"]);
    assert_eq!(
        (series.as_array().unwrap().len(), &series[0]["answered"]),
        (1, &json!(9))
    );
    assert_eq!(series[0]["about"]["examples"].as_array().unwrap().len(), 2);
    assert!(place.ok(&["endpoint", "list"]).contains("complete"));
    let out = place.path().join("exchanges.jsonl").display().to_string();
    place.ok(&["endpoint", "export", "1", &out, "--exchanges"]);
    let rows = crate::cli_support::lines(&fs::read_to_string(&out).unwrap());
    assert_eq!(rows.len(), 9);
    assert!(
        rows.iter()
            .any(|row| row["request"] == first.body
                && row["answer"]["usage"]["prompt_tokens"] == 100)
    );
    place.ok(&["endpoint", "delete", "1", "--for-good"]);
    assert_eq!(place.json(&["endpoint", "list"]), json!([]));
}

#[test]
fn a_template_and_fields_can_be_ones_own() {
    let place = Place::new();
    let chat = TestChat::start(|_, _| Act::say("<think>Hm.</think>I see."));
    let template = place.write("own.txt", "Say {\"a\": 1} to: {context}");
    let arguments = answering(
        &chat,
        &[
            "--limit",
            "2",
            "--template",
            &template,
            "--field",
            "seed=null",
            "--field",
            "max_completion_tokens=9",
            "--field",
            "effort=low",
            "--max-tokens",
            "7",
            "--split",
            "all",
        ],
    );
    place.ok(&arguments);
    let request = &chat.requests()[0];
    assert!(
        request.prompt().starts_with("Say {\"a\": 1} to: Speaker: "),
        "{}",
        request.prompt()
    );
    let body = request.body.as_object().unwrap();
    assert!(!body.contains_key("seed"));
    assert_eq!(
        (
            &body["max_completion_tokens"],
            &body["effort"],
            &body["max_tokens"]
        ),
        (&json!(9), &json!("low"), &json!(7))
    );
    let cases = place.ok(&["responses", "cases", "I", "see"]);
    assert!(
        cases.contains("I see.") && !cases.contains("think"),
        "{cases}"
    );

    for (text, said) in [
        ("no place", "lacks {context}"),
        ("{context} {contxt}", "has {contxt}"),
    ] {
        let template = place.write("wrong.txt", text);
        let done = place.run(&answering(&chat, &["--template", &template, "--replace"]));
        assert!(
            done.code == 2 && done.stderr.contains(said),
            "{}",
            done.stderr
        );
    }
    assert_eq!(chat.requests().len(), 2);
}

#[test]
fn a_server_that_misbehaves_is_asked_again_until_it_answers() {
    let place = Place::new();
    let chat = TestChat::start(|number, _| match number {
        0 => Act::Raw(
            429,
            "Retry-After: 2",
            "{\"error\": {\"message\": \"slow down\"}}".into(),
        ),
        1 => Act::Raw(500, "X-A: b", "oops".into()),
        2 => Act::Cut,
        3 => Act::say("I see."),
        4 => Act::Raw(200, "X-A: b", "<html>nonsense</html>".into()),
        5 => Act::Raw(200, "X-A: b", "{\"choices\": []}".into()),
        6 => Act::Hang(Duration::from_secs(20), "too late".into()),
        _ => Act::say("I see."),
    });
    let arguments = answering(
        &chat,
        &["--limit", "2", "--concurrency", "1", "--timeout", "1"],
    );
    let found = place.json(&arguments);
    assert_eq!(
        (found["asked"].as_u64(), &found["refused"]),
        (Some(2), &json!([]))
    );
    let requests = chat.requests();
    assert_eq!(requests.len(), 8);
    let waited = requests[1].at - requests[0].at;
    assert!(
        waited >= Duration::from_secs(2),
        "{waited:?} after Retry-After: 2"
    );
    // The pauses grow.
    let pauses = [
        requests[2].at - requests[1].at,
        requests[3].at - requests[2].at,
    ];
    assert!(pauses[1] > Duration::from_millis(1900), "{pauses:?}");
}

#[test]
fn a_server_that_goes_on_failing_ends_the_command_with_the_reason() {
    let place = Place::new();
    let chat = TestChat::start(|_, _| {
        Act::Raw(
            503,
            "X-A: b",
            "{\"error\": {\"message\": \"no room\"}}".into(),
        )
    });
    let done = place.run(&answering(
        &chat,
        &["--limit", "3", "--attempts", "2", "--concurrency", "1"],
    ));
    assert_eq!(done.code, 1);
    for part in [
        "failed 2 times (the server answers 503: no room)",
        "0 of 3 are answered",
        "the same command",
    ] {
        assert!(done.stderr.contains(part), "no {part:?} in {}", done.stderr);
    }
    assert_eq!(chat.requests().len(), 2);

    let chat =
        TestChat::start(|_, _| Act::Raw(404, "X-A: b", "{\"error\": \"model not found\"}".into()));
    let done = place.run(&answering(&chat, &["--limit", "3", "--concurrency", "1"]));
    assert!(
        done.code == 1
            && done
                .stderr
                .contains("404: model not found; check the address, and the name of the model"),
        "{}",
        done.stderr
    );
    assert_eq!(chat.requests().len(), 1);

    let chat =
        TestChat::start(|_, _| Act::Raw(302, "Location: http://127.0.0.1:9/", String::new()));
    let done = place.run(&answering(&chat, &["--limit", "3", "--concurrency", "1"]));
    assert!(
        done.code == 1 && done.stderr.contains("302"),
        "{}",
        done.stderr
    );

    let nobody = [
        "endpoint",
        "answer",
        "--address",
        "http://127.0.0.1:9",
        "--model",
        "m",
        "--data",
        "builtin",
        "--system",
        "x",
    ];
    let done = place.run(&nobody);
    assert!(
        done.code == 1 && done.stderr.contains("cannot be reached"),
        "{}",
        done.stderr
    );
    assert_eq!(
        place
            .json(&["responses", "list"])
            .to_string()
            .matches("ChatGPT")
            .count(),
        0
    );
}

#[test]
fn a_request_that_is_refused_for_what_is_in_it_leaves_a_gap() {
    let place = Place::new();
    let chat = TestChat::start(|number, _| match number {
        2 => Act::Raw(
            400,
            "X-A: b",
            "{\"error\": {\"message\": \"filtered\"}}".into(),
        ),
        _ => Act::say("I see."),
    });
    let arguments = answering(&chat, &["--limit", "4", "--concurrency", "1"]);
    let found = place.json(&arguments);
    assert_eq!(
        (found["responses"].as_u64(), found["contexts"].as_u64()),
        (Some(3), Some(4))
    );
    assert!(
        found["refused"][0]["why"]
            .as_str()
            .unwrap()
            .contains("400: filtered"),
        "{found}"
    );
    assert_eq!(
        found["problems"],
        json!([{"problem": "missing", "place": 2}])
    );
    let again = place.json(&[&arguments[..], &["--replace"]].concat());
    assert_eq!(
        (again["asked"].as_u64(), again["responses"].as_u64()),
        (Some(1), Some(4))
    );
    // One that refuses the first would refuse them all.
    let chat = TestChat::start(|_, _| {
        Act::Raw(
            400,
            "X-A: b",
            "{\"error\": {\"message\": \"no temperature\"}}".into(),
        )
    });
    let done = place.run(&answering(
        &chat,
        &["--limit", "9", "--concurrency", "1", "--replace"],
    ));
    assert!(
        done.code == 1 && done.stderr.contains("400: no temperature"),
        "{}",
        done.stderr
    );
    assert_eq!(chat.requests().len(), 1);
}

#[test]
fn the_key_goes_to_the_server_and_nowhere_else() {
    let place = Place::new();
    // It repeats what it was sent, as some do.
    let chat = TestChat::start(|number, request| {
        let heard = request
            .headers
            .get("authorization")
            .cloned()
            .unwrap_or_default();
        match number {
            0..3 => Act::say(format!("You sent {heard}.")),
            _ => Act::Raw(
                401,
                "X-A: b",
                json!({"error": {"message": format!("wrong key: {heard}")}}).to_string(),
            ),
        }
    });
    let arguments = answering(&chat, &["--limit", "5", "--concurrency", "1"]);
    let mut command = with_key(&place, &arguments);
    let done = Done::of(command.env("EMPRL_LOG", "trace").output().unwrap());
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(
        done.stderr
            .contains("The key in OPENAI_API_KEY is sent along"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("401: wrong key: Bearer [key]; check the key"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains(KEY) && !done.stdout.contains(KEY));
    let heard = chat.requests()[0].headers["authorization"].clone();
    assert_eq!(heard, format!("Bearer {KEY}"));
    assert_no_key(&place.store());

    // Another variable; one that is not set; none.
    let other = [&arguments[..], &["--key-variable", "MY_KEY"]].concat();
    let done = place.run(&other);
    assert!(
        done.code == 2 && done.stderr.contains("MY_KEY is not set"),
        "{}",
        done.stderr
    );
    let none = [&arguments[..], &["--no-key", "--dry-run"]].concat();
    let done = Done::of(with_key(&place, &none).output().unwrap());
    assert!(done.stdout.contains("No key is sent"), "{}", done.stdout);
    let secret = [
        "endpoint",
        "answer",
        "--address",
        "http://me:hush@127.0.0.1:9/v1",
        "--model",
        "m",
        "--system",
        "s",
        "--data",
        "builtin",
    ];
    let done = place.run(&secret);
    assert!(
        done.code == 2 && !done.stderr.contains("hush"),
        "{}",
        done.stderr
    );
    let mut odd = place.command(&arguments);
    let done = Done::of(odd.env("OPENAI_API_KEY", "two words").output().unwrap());
    assert!(
        done.code == 2 && !done.stderr.contains("two words"),
        "{}",
        done.stderr
    );
    assert_eq!(chat.requests().len(), 4);
}

#[test]
fn what_was_answered_before_a_kill_is_not_asked_again() {
    let place = Place::new();
    let chat = TestChat::start(|number, _| match number {
        4 => Act::Hang(Duration::from_secs(30), "never heard".into()),
        number => Act::say(format!("Answer {number}.")),
    });
    let arguments = answering(&chat, &["--limit", "8", "--concurrency", "1"]);
    let mut child = place.start(&arguments);
    chat.wait_for(5);
    child.kill().unwrap();
    child.wait().unwrap();
    let series = place.json(&["endpoint", "list"]);
    assert_eq!(
        (&series[0]["answered"], &series[0]["ended_ms"]),
        (&json!(4), &Value::Null)
    );
    let dry = place.json(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!((&dry["requests"], &dry["recorded"]), (&json!(8), &json!(4)));
    let found = place.json(&arguments);
    assert_eq!(
        (found["asked"].as_u64(), found["responses"].as_u64()),
        (Some(4), Some(8))
    );
    // The one that had no answer yet is the only one that is asked twice.
    let prompts = chat.prompts();
    assert_eq!((prompts.len(), repeated(&prompts)), (9, 1));
    assert_eq!(prompts[4], prompts[5]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_waits_for_what_is_under_way_and_says_how_to_go_on() {
    let place = Place::new();
    let chat = TestChat::start(|number, _| {
        Act::Hang(Duration::from_millis(700), format!("Answer {number}."))
    });
    let arguments = answering(&chat, &["--limit", "9", "--concurrency", "3"]);
    let child = place.start(&arguments);
    chat.wait_for(3);
    interrupt(&child);
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!(done.code, 130, "{}", done.stderr);
    assert!(
        done.stderr.contains(
            "3 of 9 requests are answered and kept. The same command asks what is missing."
        ),
        "{}",
        done.stderr
    );
    place.ok(&arguments);
    assert_eq!((chat.requests().len(), repeated(&chat.prompts())), (9, 0));
}

const RATED: &str = concat!(
    "{\"id\":\"a\",\"context\":[{\"role\":\"speaker\",\"text\":\"My cat died.\"}],\"responses\":[",
    "{\"system\":\"anna\",\"text\":\"Oh no, I am so sorry.\",\"scores\":[{\"name\":\"empathy\",\"value\":5,\"range\":[1,5],\"origin\":\"human\"}]},",
    "{\"system\":\"bert\",\"text\":\"Cats die.\",\"scores\":[{\"name\":\"empathy\",\"value\":1,\"range\":[1,5],\"origin\":\"human\"}]}]}\n",
    "{\"id\":\"b\",\"context\":[{\"role\":\"speaker\",\"text\":\"I won!\"}],\"responses\":[",
    "{\"system\":\"anna\",\"text\":\"You must be glad, well done.\",\"scores\":[{\"name\":\"empathy\",\"value\":4,\"range\":[1,5],\"origin\":\"human\"}]},",
    "{\"system\":\"bert\",\"text\":\"Fine.\",\"scores\":[{\"name\":\"empathy\",\"value\":2,\"range\":[1,5],\"origin\":\"human\"}]}]}\n",
    "{\"id\":\"c\",\"context\":[{\"role\":\"speaker\",\"text\":\"I am alone.\"}],\"responses\":[",
    "{\"system\":\"anna\",\"text\":\"That sounds hard.\",\"scores\":[{\"name\":\"empathy\",\"value\":3,\"range\":[1,5],\"origin\":\"human\"}]},",
    "{\"system\":\"bert\",\"text\":\"I see, that is lonely.\",\"scores\":[{\"name\":\"empathy\",\"value\":4,\"range\":[1,5],\"origin\":\"human\"}]}]}\n",
);

fn judging<'a>(chat: &'a TestChat, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "endpoint",
        "judge",
        "--address",
        &chat.address,
        "--model",
        "judge-1",
    ];
    [&fixed, more].concat()
}

fn rated_place() -> Place {
    let place = Place::new();
    let file = place.write("rated.jsonl", RATED);
    place.ok(&["corpus", "import", &file, "rated"]);
    place
}

#[test]
fn a_judge_that_always_says_first_is_found_out() {
    let place = rated_place();
    let chat = TestChat::start(|_, _| Act::say("{\"better\": \"A\"}"));
    let arguments = judging(&chat, &["--rubric", "compare", "--corpus", "rated"]);
    let found = place.json(&arguments);
    let pair = &found["compared"][0];
    assert_eq!(
        (
            &pair["position_bias"]["value"],
            &pair["position_bias"]["low"]
        ),
        (&json!(1.0), &json!(1.0))
    );
    assert_eq!(pair["order_consistency"]["value"], 0.0);
    assert_eq!(
        (&pair["wins"], &pair["ties"], &pair["losses"]),
        (&json!(0), &json!(3), &json!(0))
    );
    assert_eq!(pair["win_rate"]["value"], 0.5);
    // Each pair in both orders, and nothing else about it differs.
    let prompts = chat.prompts();
    assert_eq!(prompts.len(), 6);
    let of_cat: Vec<&String> = prompts
        .iter()
        .filter(|prompt| prompt.contains("My cat died."))
        .collect();
    let orders: HashSet<bool> = of_cat
        .iter()
        .map(|prompt| prompt.contains("Response A: Oh no"))
        .collect();
    assert_eq!((of_cat.len(), orders.len()), (2, 2));
    assert!(
        chat.requests()
            .iter()
            .all(|request| request.body["temperature"] == 0.0)
    );
    // Nothing is asked again, and more repeats ask only those.
    let text = place.ok(&arguments);
    assert!(
        text.contains("a judge, no person") && text.contains("Position bias"),
        "{text}"
    );
    place.ok(&[&arguments[..], &["--repeats", "2"]].concat());
    assert_eq!(chat.requests().len(), 12);
    let seeds: BTreeMap<u64, usize> =
        chat.requests()
            .iter()
            .fold(BTreeMap::new(), |mut seeds, request| {
                *seeds
                    .entry(request.body["seed"].as_u64().unwrap())
                    .or_default() += 1;
                seeds
            });
    assert_eq!(seeds, BTreeMap::from([(1, 6), (2, 6)]));
    let shown = place.json(&["endpoint", "show", "1"]);
    assert_eq!((&shown["repeats"], &shown["n"]), (&json!(2), &json!(12)));

    let out = place.path().join("verdicts.jsonl").display().to_string();
    place.ok(&["endpoint", "export", "1", &out]);
    let rows = crate::cli_support::lines(&fs::read_to_string(&out).unwrap());
    let verdicts: Vec<&Value> = rows
        .iter()
        .flat_map(|row| row["verdicts"].as_array().unwrap())
        .collect();
    assert_eq!((rows.len(), verdicts.len()), (3, 12));
    assert!(verdicts.iter().all(|verdict| {
        verdict["preferred"] == "first"
            && verdict["origin"] == "judge"
            && verdict["in_order"] == true
    }));

    // In a corpus the same figures are shown of them.
    place.ok(&["corpus", "import", &out, "judged"]);
    let table = place.json(&["corpus", "table", "judged", "--verdicts"]);
    let group = &table["groups"][0];
    assert_eq!(
        (&group["origin"], &group["people"]),
        (&json!("judge"), &json!(0))
    );
    let of_series = &shown["compared"][0];
    for figure in [
        "position_bias",
        "order_consistency",
        "repeat_consistency",
        "win_rate",
        "wins",
        "ties",
    ] {
        assert_eq!(group["pairs"][0][figure], of_series[figure], "{figure}");
    }
}

#[test]
fn a_judges_scores_stand_beside_those_of_people_and_never_among_them() {
    let place = rated_place();
    // Long answers are warm, and one is not understood.
    let chat = TestChat::start(|_, request| {
        let prompt = request.prompt();
        let response = prompt
            .split("Response: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_string();
        match response.len() {
            0..6 => Act::say("I would rather not say."),
            6..15 => Act::say("Cold. {\"score\": 1}"),
            15..20 => Act::say("{\"score\": 3}"),
            _ => Act::say("Warm. {\"score\": 5}"),
        }
    });
    let before = place.ok(&["corpus", "show", "rated"]);
    let arguments = judging(&chat, &["--rubric", "rate", "--corpus", "rated"]);
    let found = place.json(&arguments);
    assert_eq!(
        (&found["n"], &found["not_understood"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(found["range"], json!([1.0, 5.0]));
    let anna = &found["rated"][0];
    assert_eq!(
        (&anna["system"], &anna["responses"]),
        (&json!("anna"), &json!(3))
    );
    let mean = anna["mean"]["value"].as_f64().unwrap();
    assert!((mean - 13.0 / 3.0).abs() < 1e-9, "{mean}");
    let agreement = &found["agreement"][0];
    assert_eq!(
        (&agreement["first"], &agreement["second"]),
        (&json!("empathy (human)"), &json!("empathy (judge)"))
    );
    let all = &agreement["rows"][0];
    assert_eq!(all["n"], 5);
    assert!(all["pearson"]["value"].as_f64().unwrap() > 0.8, "{all}");
    assert!(
        all["same_scale"]["kappa"]["value"].as_f64().unwrap() > 0.5,
        "{all}"
    );
    // The corpus is as it was; what the judge said can be made another one, with the origin said.
    assert_eq!(place.ok(&["corpus", "show", "rated"]), before);
    let out = place.path().join("judged.jsonl").display().to_string();
    place.ok(&["endpoint", "export", "1", &out]);
    place.ok(&["corpus", "import", &out, "judged"]);
    let text = fs::read_to_string(&out).unwrap();
    assert_eq!(
        (
            text.matches("\"origin\":\"judge\"").count(),
            text.matches("\"human\"").count()
        ),
        (5, 0)
    );
    assert_eq!(
        place.json(&["corpus", "list"])[0]["counts"]["scores"],
        json!({"empathy": 5})
    );

    // Another corpus under the same name is not what was judged.
    place.ok(&["corpus", "import", &out, "rated", "--replace"]);
    let done = place.run(&["endpoint", "show", "1"]);
    assert!(
        done.code == 1 && done.stderr.contains("has changed"),
        "{}",
        done.stderr
    );
}

#[test]
fn systems_in_the_store_are_judged_too_and_a_wrong_judge_is_refused() {
    let place = Place::new();
    let chat = TestChat::start(|_, request| match request.prompt().contains("Response:") {
        true => Act::say("I see how hard that is."),
        false => Act::say("{\"better\": \"tie\"}"),
    });
    place.ok(&answering(&chat, &["--limit", "3"]));
    let compare = judging(
        &chat,
        &["--rubric", "compare", "--systems", "ChatGPT,target"],
    );
    let found = place.json(&compare);
    let pair = &found["compared"][0];
    assert_eq!(
        (&pair["records"], &pair["ties"], &pair["position_bias"]),
        (&json!(3), &json!(3), &Value::Null)
    );
    assert_eq!(pair["order_consistency"]["value"], 1.0);
    let rubric = place.write("own.toml", "name = 'warmth'\nkind = 'rate'\nrange = [1, 10]\nread = 'Rating: (\\d+)'\nprompt = 'Rate: {response}'\n");
    let dry = place.ok(&judging(
        &chat,
        &["--rubric", &rubric, "--systems", "ChatGPT", "--dry-run"],
    ));
    assert!(
        dry.contains("3 requests") && dry.contains("Rate: I see how hard that is."),
        "{dry}"
    );
    let before = chat.requests().len();
    let wrong = place.write(
        "wrong.toml",
        "name = 'warmth'\nkind = 'rate'\nread = 'json'\nprompt = '{response}'\n",
    );
    for (more, said) in [
        (
            vec!["--rubric", wrong.as_str(), "--systems", "ChatGPT"],
            "`range`",
        ),
        (
            vec!["--rubric", "nothing.toml", "--systems", "ChatGPT"],
            "nothing.toml",
        ),
        (
            vec!["--rubric", "compare", "--systems", "ChatGPT"],
            "two systems are compared",
        ),
        (vec!["--rubric", "rate", "--systems", "nobody"], "nobody"),
        (vec!["--rubric", "rate", "--corpus", "nothing"], "nothing"),
        (vec!["--rubric", "rate"], "--corpus"),
    ] {
        let done = place.run(&judging(&chat, &more));
        assert!(
            done.code != 0 && done.stderr.contains(said),
            "{more:?}: {}",
            done.stderr
        );
    }
    assert_eq!(chat.requests().len(), before);
}
