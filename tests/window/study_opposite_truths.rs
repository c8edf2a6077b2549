//! Two studies that look alike and of which one says the opposite of the other cannot be told apart: not by pages,
//! packs, exports, file names, refusals and log lines, nor by what the window tells a screen reader.

use std::collections::BTreeMap;
use std::path::Path;

use crate::blind_support::{Log, all_that_is_read, judge_all};
use crate::study_support::*;
use eframe::egui::Key;
use egui_kittest::kittest::NodeT;
use emprl::report::tables::{TableNumber, TableSelection, gather};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::Choice;
use emprl::study::make::{Blinded, NewStudy};

/// The same study with the opposite truth: every response is said to be the other system's, and whoever judges
/// sees the same.
fn mirrored(new: &NewStudy) -> NewStudy {
    let mut items = new.items.reveal().clone();
    items.iter_mut().for_each(|item| item.texts.reverse());
    let mut assignments = new.assignments.reveal().clone();
    assignments
        .iter_mut()
        .for_each(|one| one.swapped = !one.swapped);
    NewStudy {
        items: Blinded::new(items),
        assignments: Blinded::new(assignments),
        ..new.clone()
    }
}

/// Text without what differs from one moment to the next: long numbers, moments and digests.
fn timeless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_part = |c: char| c.is_ascii_hexdigit() || "TZ:.-".contains(c);
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let moment = word.len() >= 12 && word.chars().any(|c| c.is_ascii_digit());
        out.push_str(if moment { "…" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

/// Everything that can be had of one of two studies, before and after the same is judged in it, with the log.
fn all_there_is(new: &NewStudy, dir: &Path) -> BTreeMap<String, String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let mut found = BTreeMap::new();
    tracing::subscriber::with_default(subscriber, || {
        let mut store = store_with_systems(dir, 3, 40);
        let study = store.create_study(new).unwrap();
        for (what, bytes) in all_that_is_read(&store.reader().unwrap(), study) {
            // Nothing was judged: these are the same to the byte.
            found.insert(
                format!("{what}, before"),
                String::from_utf8_lossy(&bytes).into_owned(),
            );
        }
        use Choice::{Left, Right, Tie};
        judge_all(&mut store, study, 1, [Left, Right, Tie]);
        judge_all(&mut store, study, 2, [Right, Tie, Left]);
        judge_all(&mut store, study, 3, [Tie, Left, Right]);
        let given = store.assign_to_fourth(study, None).unwrap();
        found.insert("items of the fourth".to_string(), given.to_string());
        let undone = store.undo_now(study, 1).unwrap();
        found.insert(
            "an undo".to_string(),
            timeless(format!("{undone:?}").as_bytes()),
        );
        let reader = store.reader().unwrap();
        for (what, bytes) in all_that_is_read(&reader, study) {
            // Sides of the fourth are drawn when items are given to them: on these pages they may differ, and
            // are as good as tossed.
            let tossed = ["desk 4", "debug form of desk 4", "pack 4"].contains(&what.as_str());
            if !tossed {
                found.insert(format!("{what}, after"), timeless(&bytes));
            }
        }
        let chosen = TableSelection {
            studies: vec![study],
            ..TableSelection::default()
        };
        let table = gather(&reader, TableNumber::AbTest, &chosen).err().unwrap();
        found.insert("the refusal of Table IV".to_string(), table.to_string());
        let refused = reader.unblinded(study).err().unwrap();
        found.insert("the refusal".to_string(), format!("{refused} {refused:?}"));
        let book = reader.cases().unwrap();
        found.insert(
            "the cases".to_string(),
            serde_json::to_string(&book).unwrap(),
        );
    });
    let log = log.0.lock().unwrap();
    let place = dir.display().to_string();
    found.insert("the log".to_string(), timeless(&log).replace(&place, "DIR"));
    for text in found.values_mut() {
        *text = text.replace(&place, "DIR");
    }
    found
}

#[test]
fn two_studies_of_opposite_truth_cannot_be_told_apart() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spare = tempfile::tempdir().unwrap();
    let store = store_with_systems(spare.path(), 3, 40);
    let mut definition = definition(StudyKind::AbTest, 3);
    (definition.contexts, definition.attention_checks) = (30, 3);
    definition.adjudicator = Some("Dee".to_string());
    definition.repeats = true;
    let new = made(&store, &definition);
    let opposite = mirrored(&new);
    assert!(new.items != opposite.items && new.assignments != opposite.assignments);
    let (left, right) = (
        all_there_is(&new, one.path()),
        all_there_is(&opposite, other.path()),
    );
    assert!(left.len() > 40 && left.keys().eq(right.keys()));
    for (what, text) in &left {
        assert!(
            *text == right[what],
            "{what} gives the systems away:\n{text}\n{}",
            right[what]
        );
    }
}

/// All that a screen reader, or anything else that looks into the window, is told.
fn told(window: &crate::window_support::Window) -> Vec<String> {
    let nodes = window.root().children_recursive();
    nodes
        .map(|node| format!("{:?}", node.accesskit_node().data()))
        .collect()
}

#[test]
fn the_windows_of_opposite_truths_are_the_same() {
    let spare = tempfile::tempdir().unwrap();
    let store = store_with_systems(spare.path(), 2, 20);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 20;
    let new = made(&store, &definition);
    let seen: Vec<Vec<Vec<String>>> = [new.clone(), mirrored(&new)]
        .iter()
        .map(|new| {
            let dir = tempfile::tempdir().unwrap();
            let mut store = store_with_systems(dir.path(), 2, 20);
            let study = store.create_study(new).unwrap();
            judge_all(&mut store, study, 2, [Choice::Left; 3]);
            let own = crate::judging_support::pages(dir.path(), study, 1);
            let mut window = crate::window_support::open(dir.path());
            crate::window_support::click(&mut window, "Studies");
            crate::window_support::click(&mut window, "Open Study 1, Which response is better?");
            crate::judging_support::begin(&mut window, "A1");
            let mut seen = Vec::new();
            let mut last = None;
            for key in [Key::F, Key::ArrowLeft, Key::ArrowRight, Key::U] {
                if key != Key::F {
                    // What was pressed before brought another page.
                    let page = crate::judging_support::next_page(&mut window, &own, last).unwrap();
                    last = Some(page.item);
                }
                for _ in 0..3 {
                    window.step();
                }
                seen.push(told(&window));
                crate::judging_support::says_none_of(&window, &SYSTEMS);
                // Nothing of another annotator either, who has judged everything.
                crate::judging_support::says_none_of(&window, &["Ben", "A2", "hm"]);
                window.key_press(key);
                crate::window_support::settle(&mut window);
            }
            seen
        })
        .collect();
    assert_eq!(seen[0].len(), 4);
    for (one, other) in seen[0].iter().zip(&seen[1]) {
        assert_eq!(one, other);
    }
}
