//! Rewards from outside: a program and a server score responses, in time or not at all.

use std::fs;
use std::path::Path;
use std::time::Duration;

use burn::tensor::Device;
use emprl::data::Example;
use emprl::experiment::{Alert, Config, HttpTerm, Scorer, TermKind};
use emprl::train::TrainError;
use emprl::train::reward::{Candidate, Reward, chosen};
use serde_json::{Value, json};
use toml::Table;

use crate::scores_support::{self, Reply};

/// A term "tone" of this kind with these settings.
fn reward(kind: &str, settings: &str) -> Box<dyn Reward> {
    let text = format!("[[reward.term]]\nname = \"tone\"\nkind = \"{kind}\"\n{settings}");
    let config = Config::from_toml("case", &text).unwrap();
    let problems = config.problems();
    assert!(
        !problems.iter().any(|one| one.path.starts_with("reward")),
        "{problems:?}"
    );
    chosen(&config.reward, None, &[], &Device::flex()).unwrap()
}

fn example() -> Example {
    Example {
        context: vec!["My dog\ndied.".into(), "Oh no.".into(), "Yes…".into()],
        target: "I am \"so\" sorry.".into(),
        ..Example::default()
    }
}

fn score(reward: &mut dyn Reward, responses: &[&str]) -> Result<Vec<f32>, String> {
    let example = example();
    let candidate = |&response| Candidate {
        index: 0,
        example: &example,
        response,
    };
    let candidates: Vec<Candidate<'_>> = responses.iter().map(candidate).collect();
    let scores = reward.score(&candidates).map_err(|error| {
        assert!(matches!(error, TrainError::Scorer(_)), "{error}");
        error.to_string()
    })?;
    for score in &scores {
        let [term] = score.terms.as_slice() else {
            panic!("one term")
        };
        assert_eq!((&*term.name, term.value), ("tone", score.total));
    }
    Ok(scores.iter().map(|score| score.total).collect())
}

/// A program of the shell in `folder`, and the settings that start it.
#[cfg(unix)]
fn program(folder: &Path, script: &str, more: &str) -> Box<dyn Reward> {
    let path = folder.join("tone.sh");
    fs::write(&path, script).unwrap();
    let path = path.to_str().unwrap();
    let settings = format!("command = [\"sh\", {path:?}, \"$HOME; false\"]\n{more}");
    reward("command", &settings)
}

/// Answers the n-th line with n, and keeps the lines and the first argument.
#[cfg(unix)]
const COUNTS: &str = r#"cd "$(dirname "$0")"
echo "$1" >argument
n=0
while read -r line; do
  printf '%s\n' "$line" >>lines
  n=$((n + 1))
  id=${line#*\"id\":}
  echo "{\"id\": ${id%%,*}, \"score\": $n}"
done
echo closed >end
"#;

#[cfg(unix)]
#[test]
fn a_program_is_kept_running_and_scores_a_response_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut reward = program(dir.path(), COUNTS, "");
    assert_eq!(
        score(&mut *reward, &["Oh.", "I see.", "Oh."]).unwrap(),
        [1.0, 2.0, 1.0]
    );
    assert_eq!(
        score(&mut *reward, &["I see.", "Well."]).unwrap(),
        [2.0, 3.0]
    );
    assert_eq!(reward.take_alerts(), []);
    drop(reward);

    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(
        read("argument"),
        "$HOME; false\n",
        "no shell reads the arguments"
    );
    assert_eq!(read("end"), "closed\n", "its input is closed at the end");
    let lines: Vec<Value> = read("lines")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let row = |id: u64, response: &str, last: bool| {
        let example = example();
        let mut row = json!({"id": id, "context": example.context, "response": response, "target": example.target});
        if last {
            row["last"] = true.into();
        }
        row
    };
    assert_eq!(
        lines,
        [
            row(0, "Oh.", false),
            row(1, "I see.", true),
            row(0, "Well.", true)
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_program_that_takes_too_long_is_started_anew_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let slow_at_first =
        format!("[ -e \"$0.once\" ] || {{ touch \"$0.once\"; sleep 60; }}\n{COUNTS}");
    let mut reward = program(dir.path(), &slow_at_first, "timeout = 5\nretries = 1");
    assert_eq!(score(&mut *reward, &["Oh."]).unwrap(), [1.0]);
    let alerts = reward.take_alerts();
    let [Alert::Scorer { term, why }] = alerts.as_slice() else {
        panic!("{alerts:?}")
    };
    assert_eq!(term, "tone");
    assert!(why.contains("longer than 5 s"), "{why}");
    assert_eq!(score(&mut *reward, &["Well."]).unwrap(), [2.0]);
    assert_eq!(reward.take_alerts(), []);
}

#[cfg(unix)]
#[test]
fn a_program_that_fails_ends_the_run_with_its_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let case = |script: &str, more: &str| {
        score(&mut *program(dir.path(), script, more), &["Oh.", "Well."]).unwrap_err()
    };
    let failed = case(
        "echo loading >&2; echo 'no model there' >&2; exit 3",
        "retries = 1",
    );
    for part in [
        "\"tone\"",
        "sh ",
        "exit status: 3",
        "the last of 2 attempts",
        "no model there",
    ] {
        assert!(failed.contains(part), "{failed}");
    }
    let once = "read -r line; echo '{\"id\": 0, \"score\": 1}'";
    for (script, part) in [
        (once, "ended before it had answered every row"),
        (
            "read -r line; echo loaded; cat >/dev/null",
            "it wrote \"loaded\"",
        ),
        ("sleep 60", "longer than 0.2 s"),
        (
            "read -r line; echo '{\"id\": 0, \"score\": 1}'; echo '{\"id\": 0, \"score\": 1}'; cat >/dev/null",
            "row 0 twice",
        ),
    ] {
        let more = if part.contains("0.2") {
            "retries = 0\ntimeout = 0.2"
        } else {
            "retries = 0"
        };
        let failed = case(script, more);
        assert!(failed.contains(part), "{failed}");
    }
    let nothing = reward("command", "command = [\"/no/such/program\"]\nretries = 0");
    let failed = score(&mut *{ nothing }, &["Oh."]).unwrap_err();
    assert!(
        failed.contains("cannot be started") && failed.contains("whole path"),
        "{failed}"
    );
}

#[test]
fn a_server_scores_the_same_rows() {
    let mut failures = 1;
    let address = scores_support::start(move |rows| {
        if failures > 0 {
            failures -= 1;
            return Reply::of(503, "");
        }
        let scores = rows.as_array().unwrap().iter().map(|row| {
            assert_eq!(row["context"], json!(example().context));
            let words = row["response"].as_str().unwrap().split(' ').count();
            json!({"id": row["id"], "score": words})
        });
        Reply::of(200, Value::from(scores.collect::<Vec<_>>()).to_string())
    });
    let mut reward = reward("http", &format!("address = {address:?}\nretries = 1"));
    assert_eq!(score(&mut *reward, &["Oh.", "I see."]).unwrap(), [1.0, 2.0]);
    let alerts = reward.take_alerts();
    assert!(
        matches!(&alerts[..], [Alert::Scorer { why, .. }] if why.contains("503")),
        "{alerts:?}"
    );
    assert_eq!(score(&mut *reward, &["I see."]).unwrap(), [2.0]);
}

#[test]
fn a_server_that_does_not_answer_ends_the_run() {
    let case = |reply: fn() -> Reply| {
        let address = scores_support::start(move |_| reply());
        let settings = format!("address = {address:?}\nretries = 0\ntimeout = 0.3");
        score(&mut *reward("http", &settings), &["Oh."]).unwrap_err()
    };
    let slow = || Reply {
        pause: Duration::from_secs(2),
        ..Reply::of(200, "[]")
    };
    for (reply, part) in [
        (slow as fn() -> Reply, "timeout"),
        (|| Reply::of(200, "no"), "is not [{"),
        (|| Reply::of(200, "[]"), "did not answer row 0"),
        (|| Reply::of(404, ""), "404"),
        (|| Reply::of(302, ""), "302"),
    ] {
        let failed = case(reply);
        assert!(failed.contains(part), "{failed}");
    }
    let settings = "address = \"http://127.0.0.1:9/score\"\nretries = 0";
    let failed = score(&mut *reward("http", settings), &["Oh."]).unwrap_err();
    assert!(failed.contains("127.0.0.1"), "{failed}");
}

#[test]
fn defaults_of_a_kind_need_only_what_it_cannot_guess() {
    let mut table = Table::new();
    table.insert("name".into(), "tone".into());
    table.insert("kind".into(), TermKind::WORDS[4].into());
    let term = emprl::experiment::TermSettings::try_from(table).unwrap();
    assert_eq!(term.scorer, Scorer::Http(HttpTerm::default()));
}
