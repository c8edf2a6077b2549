//! One row that cannot be read hides no other: it is listed with its number and the reason. Headers that no emprl
//! wrote are told in words.

use std::path::Path;

use crate::cli_support::Place;
use crate::full_store::fill;
use emprl::store::{RunId, RunStatus, Store, StoreError, StoreReader};
use rusqlite::Connection;
use serde_json::Value;

fn damage(place: &Place, sql: &str) {
    let raw = Connection::open(place.store().join("emprl.db")).unwrap();
    // STRICT tables refuse wrong types, but a damaged file has them.
    raw.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {sql}"))
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A text that is not UTF-8.
const NO_UTF8: &str = "CAST(x'FFFE' AS TEXT)";

#[test]
fn a_run_that_cannot_be_read_is_listed_as_damaged_and_hides_no_other() {
    let cases = [
        (
            "UPDATE runs SET status = 'dancing' WHERE id = 1".to_string(),
            "dancing",
        ),
        (
            "UPDATE runs SET stage = 'nowhere' WHERE id = 1".to_string(),
            "nowhere",
        ),
        (
            format!("UPDATE runs SET name = {NO_UTF8} WHERE id = 1"),
            "utf-8",
        ),
        (
            format!("UPDATE runs SET note = {NO_UTF8} WHERE id = 1"),
            "utf-8",
        ),
        (
            "DELETE FROM figures WHERE run = 1 AND name = 'dist_1'".to_string(),
            "dist_1",
        ),
    ];
    for (sql, why) in cases {
        let place = Place::new();
        fill(&place);
        damage(&place, &sql);
        let rows = place.json(&["runs", "list", "--all"]);
        let found: Vec<(i64, &str)> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["id"].as_i64().unwrap(), row["status"].as_str().unwrap()))
            .collect();
        assert_eq!(
            found,
            [(3, "finished"), (2, "finished"), (1, "damaged")],
            "{sql}"
        );
        let error = rows[2]["error"].as_str().unwrap();
        assert!(
            error.contains("run 1") && error.contains(why),
            "{sql}: {error}"
        );
        let table = place.ok(&["runs", "list", "--all"]);
        assert!(table.contains("Run 1 is damaged: "), "{sql}: {table}");
        assert_eq!(
            place
                .json(&["runs", "list", "--filter", "status = damaged"])
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn an_event_that_cannot_be_read_is_shown_in_its_place() {
    let place = Place::new();
    fill(&place);
    damage(
        &place,
        "INSERT INTO events (run, wall, step, body) VALUES (1, 5, 2, '{\"kind\": \"dancing\"}')",
    );
    let shown = place.ok(&["runs", "show", "1"]);
    assert!(
        shown.contains("damaged event") && shown.contains("dancing"),
        "{shown}"
    );
    assert!(shown.contains("policy"), "the rest is shown: {shown}");
    damage(
        &place,
        "UPDATE checkpoints SET stage = 'x'; UPDATE samples SET stage = 'nowhere' WHERE run = 1",
    );
    let shown = place.json(&["runs", "show", "1"]);
    assert!(
        shown["damaged"][0].as_str().unwrap().contains("nowhere"),
        "{shown}"
    );
}

#[test]
fn a_queued_run_that_cannot_be_read_is_listed_is_not_started_and_can_be_removed() {
    let place = Place::new();
    fill(&place);
    place.ok(&["queue", "add", "quickstart"]);
    damage(
        &place,
        &format!("UPDATE queue SET name = {NO_UTF8} WHERE id = 1"),
    );
    let listed = place.ok(&["queue", "list"]);
    assert!(
        listed.contains("damaged") && listed.contains("quickstart"),
        "{listed}"
    );
    let run = place.run(&["queue", "run"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stderr.contains("1 in the queue is damaged"),
        "{}",
        run.stderr
    );
    place.ok(&["queue", "remove", "1"]);
    assert_eq!(
        place.json(&["queue", "list"]).as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_header_that_no_emprl_wrote_is_explained() {
    let says = |sql: &str, words: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let db = dir.path().join("emprl.db");
        Connection::open(&db).unwrap().execute_batch(sql).unwrap();
        for error in [
            Store::open(dir.path()).err().unwrap(),
            StoreReader::open(dir.path()).err().unwrap(),
        ] {
            let text = error.to_string();
            assert!(matches!(error, StoreError::Damaged { .. }), "{sql}: {text}");
            for word in words {
                assert!(text.contains(word), "{sql}: {text}");
            }
        }
    };
    says("PRAGMA user_version = 0", &["emprl.db", "store version 0"]);
    says(
        "PRAGMA user_version = -1",
        &["emprl.db", "store version -1"],
    );
    says("PRAGMA application_id = 0", &["emprl.db", "header"]);
    says("DROP TABLE run_tags", &["emprl.db", "run_tags is missing"]);
    says(
        "PRAGMA user_version = 1; DROP TABLE points",
        &["emprl.db", "points is missing"],
    );
    // Another program's tables under our name.
    let dir = tempfile::tempdir().unwrap();
    let raw = Connection::open(dir.path().join("emprl.db")).unwrap();
    raw.execute_batch("CREATE TABLE runs (url TEXT); PRAGMA user_version = 0")
        .unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn a_run_whose_lock_cannot_be_asked_is_damaged_and_hides_no_other() {
    let place = Place::new();
    fill(&place);
    damage(
        &place,
        "UPDATE runs SET status = 'running' WHERE id IN (1, 2)",
    );
    let lock = place.store().join("runs/1/lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let reader = StoreReader::open(&place.store()).unwrap();
    let rows = reader.list_runs().unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.id, row.status)).collect();
    let expected = [
        (RunId(3), RunStatus::Finished),
        (RunId(2), RunStatus::Interrupted),
        (RunId(1), RunStatus::Damaged),
    ];
    assert_eq!(found, expected);
    assert!(rows[2].error.as_deref().unwrap().contains("runs/1/lock"));
}

#[test]
#[cfg(unix)]
fn a_pipe_or_device_is_refused_where_a_file_is_asked_for() {
    let place = Place::new();
    fill(&place);
    let pipe = place.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let pipe = pipe.to_str().unwrap();
    for file in [pipe, "/dev/zero"] {
        assert!(!Path::new(file).is_file());
        for arguments in [
            &["run", file, "--dry-run"][..],
            &["queue", "add", file],
            &[
                "study",
                "create",
                "--kind=ab",
                "--contexts=12",
                "--systems=Qoxmodel,Zyvbaseline",
                "--annotators=A,B,C",
                "--instructions",
                file,
            ],
        ] {
            let done = place.run(arguments);
            assert!(done.code != 0, "{arguments:?}: {}", done.stdout);
            assert!(
                done.stderr.contains("pipe, socket or device"),
                "{arguments:?}: {}",
                done.stderr
            );
        }
    }
    // In the place of the database too.
    let odd = place.path().join("odd");
    std::fs::create_dir(&odd).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(odd.join("emprl.db"))
        .status()
        .unwrap();
    assert!(made.success());
    let done = place.run(&["runs", "list", "--store", "odd"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("is not a file"), "{}", done.stderr);
    let none: Value = place.json(&["runs", "list", "--store", "none"]);
    assert_eq!(none, serde_json::json!([]));
}
