//! `emprl record`: another program's run, live, killed, full of garbage, and like ours afterwards.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use emprl::experiment::Stage;
use emprl::store::{MetricKey, RunId, StoreReader};
use serde_json::Value;

use crate::cli_support::{Done, Place, lines};

/// Starts `emprl record --json` with these arguments; its run's number, once it is on record.
fn recording(place: &Place, arguments: &[&str]) -> (Child, i64) {
    let all = [&["record", "--json"], arguments].concat();
    let mut command = place.command(&all);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    // Unbuffered, so that nothing of the rest is taken.
    BufReader::with_capacity(1, stdout)
        .read_line(&mut first)
        .unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    (child, first["run"].as_i64().unwrap())
}

fn say(child: &mut Child, text: &str) {
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// Waits until a run has this many values of a metric.
fn wait_for(place: &Place, run: i64, name: &str, count: usize) {
    let key = MetricKey {
        stage: Stage::Recorded,
        name: format!("recorded/{name}"),
    };
    let begun = Instant::now();
    loop {
        let reader = StoreReader::open(&place.store()).unwrap();
        let found = reader.series(RunId(run), &key, None).unwrap().len();
        if found >= count {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{found} of {count}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_is_recorded_as_it_goes_on_and_is_like_ours() {
    let place = Place::new();
    let (mut child, run) = recording(
        &place,
        &["--name", "peer", "--experiment", "trl", "--tag", "paper"],
    );
    say(
        &mut child,
        "{\"config\": {\"learning_rate\": 1e-4, \"seed\": 7}}\n{\"loss\": 2.5, \"step\": 10}\n",
    );
    wait_for(&place, run, "loss", 1);
    let listed = place.json(&["runs", "list"]);
    assert_eq!(listed[0]["status"], "running");
    assert_eq!(listed[0]["seed"], 7);
    say(
        &mut child,
        "{\"loss\": NaN, \"objective/kl\": 1.5, \"step\": 20}\nnot json\n[1]\n\
         {\"step\": 20, \"samples\": [{\"context\": \"Hi\", \"response\": \"Hello\", \"target\": \"Hey\"}]}\n\
         {\"event\": \"saved\", \"text\": \"to disk\"}\n{\"step\": 30, \"loss\": 1, \"text\": \"x\"}\n\
         {\"finish\": \"completed\"}\n",
    );
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!(done.code, 0, "{}", done.stderr);
    let ended = &lines(&done.stdout)[0]["recorded"];
    assert_eq!(
        (
            &ended["status"],
            &ended["points"],
            &ended["passed_over"],
            &ended["nonfinite"]
        ),
        (&"finished".into(), &4.into(), &2.into(), &1.into())
    );
    for said in [
        "line 3: `loss` is NaN",
        "line 4: no JSON",
        "line 5: JSON, but no object",
        "`text` holds no number",
    ] {
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }

    let found = |filter: &str| {
        place
            .json(&["runs", "list", "--filter", filter])
            .as_array()
            .unwrap()
            .len()
    };
    for (filter, count) in [
        ("recorded/loss < 1.5 and tag:paper", 1),
        (
            "max(recorded/loss) > 2 and recorded.learning_rate < 1e-3",
            1,
        ),
        ("recorded/loss > 1.5", 0),
        ("stage = recorded and experiment = trl", 1),
    ] {
        assert_eq!(found(filter), count, "{filter}");
    }
    let table = place.ok(&[
        "runs",
        "list",
        "--columns",
        "name,recorded/objective/kl,recorded.learning_rate",
    ]);
    assert!(
        table.contains("objective/kl") && table.contains("1.5"),
        "{table}"
    );
    let shown = place.ok(&["runs", "show", "1"]);
    for words in [
        "learning_rate",
        "loss is NaN",
        "saved: to disk",
        "another one",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(
        place.json(&["runs", "show", "1"])["settings"]["recorded.seed"],
        7
    );
    let rows = place.ok(&["runs", "samples", "1", "--rows"]);
    assert_eq!(
        rows.trim(),
        r#"{"context":["Hi"],"response":"Hello","target":"Hey"}"#
    );
    place.ok(&["runs", "export", "1", "--format", "csv", "out"]);
    let csv = std::fs::read_to_string(place.path().join("out/metrics.csv")).unwrap();
    assert!(csv.contains("1,recorded,objective/kl,20,1.5,"), "{csv}");
    let resumed = place.run(&["run", "--resume", "1"]);
    assert_ne!(resumed.code, 0);
    assert!(
        resumed.stderr.contains("another program"),
        "{}",
        resumed.stderr
    );
}

#[test]
fn two_are_recorded_at_once_and_compared() {
    let place = Place::new();
    let mut both = [
        recording(&place, &["--seed", "1"]),
        recording(&place, &["--seed", "2"]),
    ];
    for step in 0..50 {
        for (child, run) in &mut both {
            say(
                child,
                &format!("{{\"step\": {step}, \"reward\": {}}}\n", step + *run),
            );
        }
    }
    for (mut child, _) in both {
        say(
            &mut child,
            "{\"config\": {\"lr\": 1, \"output_dir\": \"x\"}}\n",
        );
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    place.ok(&[
        "runs", "compare", "1", "2", "--plot", "reward", "--file", "plot.csv",
    ]);
    let plot = std::fs::read_to_string(place.path().join("plot.csv")).unwrap();
    assert!(plot.lines().count() > 50, "{plot}");
}

#[test]
fn a_kill_leaves_an_interrupted_run_with_all_that_was_shown() {
    let place = Place::new();
    let (mut child, run) = recording(&place, &[]);
    for step in 0..200 {
        say(
            &mut child,
            &format!("{{\"step\": {step}, \"loss\": {step}}}\n"),
        );
    }
    wait_for(&place, run, "loss", 200);
    child.kill().unwrap();
    child.wait().unwrap();
    let shown = place.json(&["runs", "show", "1"]);
    assert_eq!(
        (&shown["status"], &shown["step"]),
        (&"interrupted".into(), &199.into())
    );
}

#[test]
fn how_the_input_ends_decides_how_the_run_did() {
    let place = Place::new();
    let cases = [
        ("{\"loss\": 1}\n{\"loss\": 2}\n", "finished"),
        ("{\"loss\": 1}\n{\"loss\": 2}", "finished"),
        ("{\"loss\": 1}\n{\"los", "interrupted"),
        ("{\"finish\": \"expected\"}\n{\"loss\": 1}\n", "interrupted"),
        (
            "{\"loss\": 1}\n{\"finish\": \"failed\", \"error\": \"no memory\"}\n{\"loss\": 2}\n",
            "failed",
        ),
        ("", "finished"),
    ];
    for (at, (input, status)) in cases.into_iter().enumerate() {
        let done = place.run_with_input(&["record", "--json"], input);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let shown = place.json(&["runs", "show", &(at + 1).to_string()]);
        assert_eq!(shown["status"], status, "{input}");
        if status == "failed" {
            assert_eq!(
                (&shown["error"], &shown["metrics"][0]["count"]),
                (&"no memory".into(), &1.into())
            );
        }
    }
}

#[test]
fn garbage_is_counted_and_not_all_of_it_said() {
    let place = Place::new();
    let mut garbage = String::new();
    for at in 0..3_000 {
        garbage += match at % 4 {
            0 => "{\"step\": -1}\n",
            1 => "\u{1b}[2J \u{0} é\n",
            2 => "{\"a\": {\"b\": [}\n",
            _ => "{\"ok\": 1}\n",
        };
    }
    let done = place.run_with_input(&["record", "--json"], &garbage);
    assert_eq!(done.code, 0);
    let ended = &lines(&done.stdout)[1]["recorded"];
    assert_eq!(
        (&ended["points"], &ended["passed_over"]),
        (&750.into(), &2_250.into())
    );
    assert!(done.stderr.lines().count() < 40, "{}", done.stderr);
    assert!(done.stderr.contains("more on such lines"));
    assert!(!done.stderr.contains('\u{1b}'));
    let wrong = place.run_with_input(&["record", "--tag", "two words"], "");
    assert!(
        wrong.code != 0 && wrong.stderr.contains("tag"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn runs_of_other_programs_are_imported_once() {
    let place = Place::new();
    let fixtures = format!("{}/tests/fixtures/trackers", env!("CARGO_MANIFEST_DIR"));
    let dry = place.ok(&["runs", "import", &fixtures, "--dry-run"]);
    assert!(
        dry.contains("would be imported") && dry.contains("trackio"),
        "{dry}"
    );
    assert!(!place.store().join("emprl.db").exists());
    let first = place.json(&["runs", "import", &fixtures]);
    let count = first.as_array().unwrap().len();
    assert_eq!(count, 7, "{first}");
    let again = place.json(&["runs", "import", &fixtures]);
    assert!(
        again
            .as_array()
            .unwrap()
            .iter()
            .all(|run| run["outcome"] == "known"),
        "{again}"
    );
    assert_eq!(
        place.json(&["runs", "list"]).as_array().unwrap().len(),
        count
    );
    let compared = place.json(&["runs", "list", "--filter", "recorded.optim.name = adamw"]);
    assert_eq!(compared.as_array().unwrap().len(), 2);
    let nothing = place.run(&["runs", "import", "."]);
    assert!(
        nothing.code != 0 && nothing.stderr.contains("nothing of another program"),
        "{}",
        nothing.stderr
    );
}
