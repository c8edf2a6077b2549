//! The lines that `run --json` prints.

use crate::store_support::*;
use emprl::engine::{Control, Message, MessageKind, results_to_json};
use emprl::experiment::{EventKind, Report, Severity, Stage};
use emprl::store::{RunId, RunStatus};

#[test]
fn notes_are_alerts_and_numbers_that_are_none_are_null() {
    let happens = |kind| MessageKind::Report(Report::Event { at: None, kind });
    let control = Control::Stop;
    let event = |kind| Message {
        run: RunId(4),
        wall_ms: 9,
        stage: Some(Stage::Ppo),
        step: 3,
        kind,
    };
    let note = event(MessageKind::Report(Report::event(
        Stage::Ppo,
        3,
        EventKind::Note {
            severity: Severity::Alert,
            text: "KL runs away".to_string(),
        },
    )));
    assert_eq!(
        note.to_json().unwrap().to_string(),
        r#"{"event":"alert","run":4,"stage":"ppo","step":3,"wall_ms":9,"severity":"alert","text":"KL runs away"}"#
    );
    let nan = event(MessageKind::Report(metrics(
        Stage::Ppo,
        3,
        &[("a", f64::NAN), ("b", 0.5)],
    )));
    assert_eq!(
        nan.to_json().unwrap().to_string(),
        r#"{"event":"metrics","run":4,"stage":"ppo","step":3,"wall_ms":9,"total":1000,"values":{"a":null,"b":0.5}}"#
    );
    let paused = event(happens(EventKind::Status {
        status: RunStatus::Paused,
    }));
    assert_eq!(
        paused.to_json().unwrap().to_string(),
        r#"{"event":"stage","run":4,"stage":"ppo","step":3,"wall_ms":9,"status":"paused"}"#
    );
    assert_eq!(
        event(happens(EventKind::Control { control })).to_json(),
        None
    );
}

#[test]
fn results_go_by_system_with_their_intervals() {
    let table = [
        results("Generator", None),
        results("EmpRL", Some(f64::INFINITY)),
    ];
    let json = results_to_json(&table);
    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(names, ["Generator", "EmpRL"]);
    let generator = &json["Generator"];
    assert!(generator["ppl"].is_null() && generator["emp_f1"].is_null());
    assert_eq!(
        generator["dist_2"].to_string(),
        r#"{"value":2.5,"low":1.5,"high":3.5}"#
    );
    assert_eq!(generator["n"], 100);
    let emprl = &json["EmpRL"];
    assert!(emprl["ppl"].is_object() && emprl["ppl"]["value"].is_null());
    assert_eq!(emprl["interpretation_f1"]["value"], 2.0);
}
