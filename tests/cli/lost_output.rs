//! Whoever watches a run may leave, and the disk that its words go to may be full: the run goes on.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{ExitStatus, Stdio};

use crate::cli_support::{Place, short};
use serde_json::Value;

const BRIEF: [&str; 3] = [
    "--set=run.stages=[\"generator\", \"evaluation\"]",
    "--set=generator.max_steps=6",
    "--set=generator.validate_every=6",
];

fn is_finished(place: &Place) {
    assert_eq!(place.json(&["runs", "list"])[0]["status"], "finished");
}

fn notes(place: &Place) -> Vec<String> {
    let events = place.json(&["runs", "show", "1"])["events"].clone();
    let events: Vec<Value> = events.as_array().unwrap().clone();
    let notes = events
        .iter()
        .filter(|event| event["event"]["kind"] == "note");
    let texts = notes.map(|event| event["text"].as_str().unwrap().to_string());
    texts
        .filter(|text| text.contains("cannot be written"))
        .collect()
}

/// Runs with stdout and stderr at these files.
#[cfg(target_os = "linux")]
fn ends_in(place: &Place, arguments: &[&str], stdout: &str, stderr: &str) -> ExitStatus {
    let to = |path: &str| Stdio::from(File::options().write(true).open(path).unwrap());
    let mut command = place.command(arguments);
    command
        .stdout(to(stdout))
        .stderr(to(stderr))
        .env("EMPRL_LOG", "debug");
    command.status().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_it_goes_on_and_the_loss_is_recorded_once() {
    let (full, null) = ("/dev/full", "/dev/null");
    for (json, stdout, stderr, code, lost) in [
        (false, null, full, 0, Some("Standard error")),
        // The table at the end could not be written.
        (false, full, full, 1, Some("Standard error")),
        (true, full, null, 1, Some("Standard output")),
        (true, null, full, 0, None),
    ] {
        let place = Place::new();
        let mut arguments = short(&BRIEF);
        arguments.extend(json.then_some("--json"));
        let status = ends_in(&place, &arguments, stdout, stderr);
        assert_eq!(status.code(), Some(code), "{json} {stdout} {stderr}");
        is_finished(&place);
        let notes = notes(&place);
        match lost {
            Some(what) => {
                assert_eq!(notes.len(), 1, "{notes:?}");
                assert!(notes[0].starts_with(what), "{notes:?}");
            }
            None => assert_eq!(notes, [""; 0]),
        }
    }
}

#[test]
fn a_reader_of_one_line_does_not_end_it() {
    for json in [true, false] {
        let place = Place::new();
        let mut arguments = short(&BRIEF);
        arguments.extend(json.then_some("--json"));
        let mut child = place.start(&arguments);
        let mut line = String::new();
        if json {
            let mut read = BufReader::new(child.stdout.take().unwrap());
            read.read_line(&mut line).unwrap();
        } else {
            let mut read = BufReader::new(child.stderr.take().unwrap());
            read.read_line(&mut line).unwrap();
        }
        assert!(!line.is_empty());
        // Its pipe is closed now.
        assert_eq!(child.wait().unwrap().code(), Some(0), "json: {json}");
        is_finished(&place);
        assert_eq!(notes(&place).len(), 1, "json: {json}");
    }
}

#[test]
fn wrong_usage_still_has_its_exit_code_where_nobody_reads_why() {
    let place = Place::new();
    let mut child = place.start(&["runs", "show", "7"]);
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
