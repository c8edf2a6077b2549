//! The same answers, given in the window by key and in a browser by link, have the same results.

use std::collections::HashMap;

use crate::cli_support::Place;
use crate::judging_support::{judge, pages};
use crate::serve_support::{Seen, Served, choice};
use crate::study_support::*;
use crate::window_support::{click, labels, open, wait_for};
use eframe::egui::Key;
use emprl::metrics::Bootstrap;
use emprl::store::{Store, StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::export::full_rows;
use emprl::study::results::results;
use serde_json::{Value, json};

const STUDY: StudyId = StudyId(1);

fn place_with_study() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, 9);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 9;
    assert_eq!(create(&mut store, &definition), STUDY);
    place
}

/// What this annotator thinks of a context: a different mind for each, with ties.
fn mind(context: &[String], annotator: usize) -> usize {
    let number: usize = context[0]
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    (number * annotator + number / 2) % 3
}

/// The results, and the judgements without times.
fn found(place: &Place) -> (Value, Vec<Value>) {
    Store::open(&place.store())
        .unwrap()
        .unblind(STUDY, "Ada", "done", true)
        .unwrap();
    let unblinded = StoreReader::open(&place.store())
        .unwrap()
        .unblinded(STUDY)
        .unwrap();
    let rows = full_rows(&unblinded).into_iter().map(|row| {
        let mut row = serde_json::to_value(row).unwrap();
        row["shown_ms"] = Value::Null;
        row["answered"] = Value::Null;
        row
    });
    let mut found = serde_json::to_value(results(&unblinded, &Bootstrap::default())).unwrap();
    without_times(&mut found);
    (found, rows.collect())
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !name.contains("_ms") && !name.contains("seconds") && name != "too_fast"
            });
            fields.values_mut().for_each(without_times);
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn the_same_answers_in_the_window_and_in_a_browser_are_the_same_results() {
    let in_window = place_with_study();
    let mut window = open(&in_window.store());
    click(&mut window, "Studies");
    wait_for(&mut window, "Open Study 1", 10);
    let mut labels = labels(&window).into_iter();
    let study = labels.find(|label| label.starts_with("Open Study 1"));
    click(&mut window, &study.unwrap());
    for annotator in 1..=3 {
        let own = pages(&in_window.store(), STUDY, annotator);
        let who = format!("A{annotator}");
        judge(
            &mut window,
            &own,
            &who,
            |_| {},
            |page| {
                [Key::ArrowLeft, Key::ArrowRight, Key::ArrowDown]
                    [mind(&page.context, annotator as usize)]
            },
        );
    }
    drop(window);
    let in_browser = place_with_study();
    let served = Served::start(&in_browser, &[]);
    let mut given: HashMap<usize, usize> = HashMap::new();
    for (token, annotator) in served.tokens().iter().zip(1..) {
        let mut seen = Seen::of(&served.get(&format!("/j/{token}")).body);
        while seen.view == "item" {
            let deed = ["left", "right", "tie"][mind(&seen.context, annotator)];
            let number = given.entry(annotator).or_default();
            *number += 1;
            let reply = served.send(token, &seen.sends(*number as u128, choice(deed)));
            seen = Seen::of(&reply.body);
        }
    }
    assert!(given.values().all(|count| *count == 9), "{given:?}");
    let (window_results, window_rows) = found(&in_window);
    let (browser_results, browser_rows) = found(&in_browser);
    assert_eq!(window_rows, browser_rows);
    assert_eq!(window_results, browser_results);
    assert_ne!(window_results, json!(null));
}
