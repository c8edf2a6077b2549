//! Anybody's corpora in the window: a file is looked at and imported, its records are narrowed, exported and compared,
//! and what is said of responses is never seen by whoever judges them blind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::blind_support::all_that_is_read;
use crate::cli_support::Place;
use crate::judging_support::{fill, pages, says_none_of};
use crate::study_support::{create, definition};
use crate::window_support::{Window, click, expect, find, labels, named, open, shows, wait_for};
use eframe::egui::{DroppedFile, Key, Modifiers};
use egui_kittest::kittest::NodeT;
use emprl::data::library;
use emprl::operations::corpus;
use emprl::store::Store;
use emprl::study::definition::StudyKind;
use serde_json::json;

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/corpus");
    folder.join(name).display().to_string()
}

fn data(place: &Place) -> Window {
    let mut window = open(&place.store());
    click(&mut window, "Data and models");
    expect(&mut window, "Set The built-in corpus");
    window
}

/// Looks at a file on the page that imports.
fn look_at(window: &mut Window, file: &str) {
    click(window, "Import a corpus…");
    replace(window, "File of the corpus", file);
    click(window, "Look at it");
}

/// Types in place of what a field holds.
fn replace(window: &mut Window, field: &str, text: &str) {
    wait_for(window, field, 10);
    find(window, field).focus();
    window.run_ok();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_ok();
    fill(window, field, text);
}

/// Names of systems, labels, scores and thoughts that nobody would write by chance.
const SYSTEMS: [&str; 2] = ["Qoxmodel", "Zyvbaseline"];
const SAID: [&str; 4] = ["vubmood", "wixwarm", "jorfscore", "pondered deeply"];

/// A corpus of `n` records with all that can be said of them.
fn remarked(place: &Place, n: usize) {
    let response = |at: usize, system: usize| {
        let score = json!({"name": "jorfscore", "value": 1 + (at + system) % 5, "range": [1, 5], "origin": "human"});
        json!({
            "system": SYSTEMS[system],
            "text": format!("Answer {} to {at}.", ["one", "two"][system]),
            "reasoning": format!("I pondered deeply about {at}."),
            "labels": {"vubmood": (["wixwarm", "cool"][(at + system) % 2])},
            "scores": [score],
        })
    };
    let record = |at: usize| {
        let context =
            json!([{"role": "speaker", "text": format!("This is what happened, number {at}.")}]);
        json!({
            "id": format!("r{at}"),
            "context": context,
            "target": format!("I am sorry about {at}."),
            "labels": {"emotion": (["sad", "proud"][at % 2])},
            "responses": [response(at, 0), response(at, 1)],
        })
        .to_string()
    };
    let rows: Vec<String> = (0..n).map(record).collect();
    let file = place.write("remarked.jsonl", rows.join("\n"));
    corpus::import(&place.store(), Path::new(&file), "remarked", None, false).unwrap();
}

fn browse(place: &Place) -> Window {
    let mut window = data(place);
    click(&mut window, "Set remarked");
    click(&mut window, "Set Browse");
    window
}

#[test]
fn a_file_is_looked_at_changed_by_its_mapping_and_imported() {
    let place = Place::new();
    let mut window = data(&place);
    look_at(&mut window, &fixture("wide.csv"));
    for part in [
        "A table with commas between cells, UTF-8",
        "Wide rows: a column for each system",
        "anna 4, anna_b 3",
        "nothing in any row",
        "All records as they would be read",
        "You kept running, that takes heart.",
        "rating 3",
    ] {
        expect(&mut window, part);
    }
    assert!(!place.store().join("data").exists(), "it is only looked at");
    let mapping = find(&window, "Mapping").accesskit_node().value().unwrap();
    // What is wrong in a mapping is said, and the file is as it was.
    replace(
        &mut window,
        "Mapping",
        &mapping.replace("format = 1", "format = 7"),
    );
    expect(&mut window, "Look again before you import");
    click(&mut window, "Look again");
    expect(&mut window, "has format 7");
    replace(
        &mut window,
        "Mapping",
        &mapping.replace("system = \"anna_b\"", "system = \"bertha\""),
    );
    click(&mut window, "Look again");
    expect(&mut window, "anna 4, bertha 3");
    let name = find(&window, "Name of the corpus").accesskit_node().value();
    assert_eq!(name.as_deref(), Some("wide"));
    click(&mut window, "Import");
    expect(&mut window, "wide is in the store: ");
    expect(&mut window, "Filter records");
    let (_, entry) = library::require_corpus(&place.store(), "wide").unwrap();
    assert_eq!(entry.counts.systems["bertha"], 3);
}

#[test]
fn a_file_without_responses_says_what_it_has_and_how_to_go_on() {
    let place = Place::new();
    let mut window = data(&place);
    look_at(&mut window, &fixture("scores_alone.jsonl"));
    expect(&mut window, "The file cannot be imported as it is");
    expect(&mut window, "\"scores.warmth\" (numbers)");
    expect(&mut window, "write into the mapping which columns they are");
    assert!(!shows(&window, "--mapping"), "that is for a terminal");
    let mapping = find(&window, "Mapping").accesskit_node().value().unwrap();
    assert!(mapping.contains("[[responses]]"), "{mapping}");
    assert!(shows(&window, "Look again") && !shows(&window, "Name of the corpus"));
}

#[test]
fn a_taken_name_says_what_it_would_replace() {
    let place = Place::new();
    remarked(&place, 12);
    let mut window = data(&place);
    look_at(&mut window, &fixture("wide.csv"));
    expect(&mut window, "Name of the corpus");
    replace(&mut window, "Name of the corpus", "builtin");
    expect(&mut window, "builtin is another kind of data set already");
    replace(&mut window, "Name of the corpus", "remarked");
    expect(&mut window, "remarked is a corpus of 12 records already");
    click(&mut window, "Replace remarked");
    expect(&mut window, "remarked is in the store: ");
    let (_, entry) = library::require_corpus(&place.store(), "remarked").unwrap();
    assert_eq!(entry.counts.systems["anna"], 4);
    // What cannot be a name is refused in words.
    look_at(&mut window, &fixture("wide.csv"));
    expect(&mut window, "Name of the corpus");
    replace(&mut window, "Name of the corpus", "No Name!");
    click(&mut window, "Import");
    expect(&mut window, "use lower-case letters, digits, - and _");
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

#[test]
fn a_file_that_is_dropped_is_looked_at() {
    let place = Place::new();
    let mut window = data(&place);
    let file = Arc::new(Dropped(fixture("wide.csv").into()));
    window.input_mut().dropped_files.push(file);
    window.run_ok();
    expect(&mut window, "anna 4, anna_b 3");
}

#[test]
fn records_are_narrowed_by_a_filter_and_by_clicks() {
    let place = Place::new();
    remarked(&place, 500);
    let mut window = browse(&place);
    expect(&mut window, "500 records. Filters: emotion = ");
    expect(&mut window, "Record r0: This is what happened, number 0.");
    let rows = labels(&window);
    let rows = rows.iter().filter(|label| label.starts_with("Record r"));
    assert!(rows.count() < 60, "only rows in sight are drawn");
    // The record whole.
    for part in [
        "I am sorry about 0.",
        "Answer two to 0.",
        "vubmood: wixwarm",
        "jorfscore 1 (1 to 5), given by people",
    ] {
        expect(&mut window, part);
    }
    assert!(!shows(&window, "I pondered deeply"), "it is folded away");
    click(&mut window, "Reasoning of Qoxmodel");
    expect(&mut window, "I pondered deeply about 0.");

    click(&mut window, "emotion proud, 250");
    expect(&mut window, "250 of 500 records");
    expect(&mut window, "Record r1: ");
    assert!(!shows(&window, "Record r0: "));
    let typed = |window: &Window| find(window, "Filter records").accesskit_node().value();
    assert_eq!(typed(&window).as_deref(), Some("emotion = proud"));
    click(&mut window, "jorfscore 1: 100");
    expect(&mut window, "100 of 500 records");
    click(&mut window, "Clear the filter");
    expect(&mut window, "500 records.");

    fill(&mut window, "Filter records", "emotoin = sad");
    expect(&mut window, "did you mean `emotion`");
    expect(&mut window, "Record r0: ");
    replace(&mut window, "Filter records", "id = r499");
    expect(&mut window, "1 of 500 records");
    expect(&mut window, "Answer one to 499.");
    replace(&mut window, "Filter records", "words > 90");
    expect(&mut window, "No record matches.");
    named(&window, "Clear the filter")[0].click();
    window.run_ok();
    expect(&mut window, "500 records.");
}

#[test]
fn what_is_found_is_exported_whole_or_a_choice_of_it() {
    let place = Place::new();
    remarked(&place, 20);
    let mut window = browse(&place);
    expect(&mut window, "20 records.");
    fill(
        &mut window,
        "Filter records",
        "emotion = sad and system = Qoxmodel",
    );
    expect(&mut window, "10 of 20 records");
    click(&mut window, "Export…");
    expect(&mut window, "10 answers in 10 records");
    let out = |name: &str| place.path().join(name).display().to_string();
    fill(&mut window, "File to write", &out("all.csv"));
    click(&mut window, "Export");
    expect(&mut window, "name it so");
    replace(&mut window, "File to write", &out("all.jsonl"));
    click(&mut window, "Export");
    expect(&mut window, "10 rows are written");
    let text = std::fs::read_to_string(out("all.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 10);
    assert!(!text.contains(SYSTEMS[1]), "{text}");

    fill(&mut window, "At most", "3");
    click(&mut window, "Best by");
    click(&mut window, "jorfscore");
    replace(&mut window, "File to write", &out("best.jsonl"));
    click(&mut window, "Export");
    expect(&mut window, "3 rows are written");
    let best = std::fs::read_to_string(out("best.jsonl")).unwrap();
    assert_eq!(best.matches("\"value\":5").count(), 2, "{best}");
    click(&mut window, "Close");
    assert!(!shows(&window, "File to write"));
}

#[test]
fn what_a_corpus_says_of_responses_is_in_the_case_study_and_in_no_blind_study() {
    let place = Place::new();
    remarked(&place, 10);
    let mut window = browse(&place);
    click(&mut window, "Add to Case study");
    expect(
        &mut window,
        "In the Case study now: Qoxmodel (10), Zyvbaseline (10).",
    );
    click(&mut window, "Open the Case study");
    for part in [
        "10 cases",
        "Sad",
        "I am sorry about 0.",
        "vubmood: wixwarm",
        "jorfscore 2 (1 to 5), given by people",
    ] {
        expect(&mut window, part);
    }
    assert!(!shows(&window, "I pondered deeply"), "it is folded away");
    click(&mut window, "Reasoning of Zyvbaseline");
    expect(&mut window, "I pondered deeply about 0.");

    let mut store = Store::open(&place.store()).unwrap();
    let mut definition = definition(StudyKind::AbTest, 2);
    (definition.contexts, definition.annotators) =
        (10, vec!["Ada".into(), "Ben".into(), "Cem".into()]);
    let study = create(&mut store, &definition);
    // Nothing of it can be looked up, where it was a moment ago and by its key.
    wait_for(&mut window, "10 more of blind studies are hidden", 10);
    says_none_of(&window, &SAID);
    let reader = store.reader().unwrap();
    for key in reader.contexts().unwrap().keys() {
        let said = emprl::operations::responses::remarks(&place.store(), key).unwrap();
        assert!(said.records.is_empty() && said.responses.is_empty());
    }
    click(&mut window, "Data and models");
    expect(&mut window, "Blind studies have all records");
    says_none_of(&window, &SAID);
    says_none_of(&window, &["Answer one to"]);
    // Nor is it on a page, or in anything that can be read of the study.
    for (what, bytes) in all_that_is_read(&reader, study) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for said in SAID.iter().chain(&SYSTEMS) {
            assert!(!text.contains(&said.to_lowercase()), "{what} has {said}");
        }
    }
    click(&mut window, "Studies");
    click(&mut window, "Open Study 1, Which response is better?");
    click(&mut window, "Judge as A1");
    wait_for(&mut window, "Begin", 10);
    window.key_press(Key::Enter);
    expect(&mut window, "Response 1: ");
    assert_eq!(pages(&place.store(), study, 1).len(), 10);
    says_none_of(&window, &SAID);
    says_none_of(&window, &SYSTEMS);
    says_none_of(&window, &["Reasoning"]);
}

#[test]
fn remarks_of_a_corpus_that_was_replaced_are_not_shown_as_those_of_its_systems() {
    let place = Place::new();
    remarked(&place, 3);
    let store = place.store();
    corpus::add_systems(&store, "remarked", false).unwrap();
    let reader = emprl::store::StoreReader::open(&store).unwrap();
    let keys: Vec<_> = reader.contexts().unwrap().into_keys().collect();
    let said = |key| emprl::operations::responses::remarks(&store, key).unwrap();
    assert!(keys.iter().all(|key| said(key).responses.len() == 2));
    corpus::import(
        &store,
        Path::new(&fixture("wide.csv")),
        "remarked",
        None,
        true,
    )
    .unwrap();
    assert!(keys.iter().all(|key| said(key).responses.is_empty()));
    // Its systems have other names, so nothing is replaced; without any there is nothing to add.
    let added = corpus::add_systems(&store, "remarked", false).unwrap();
    assert_eq!(added.systems["anna"], 4);
    let of_one = place.write(
        "anna.jsonl",
        "{\"context\": \"I lost.\", \"response\": \"Oh.\", \"model\": \"anna\"}\n",
    );
    corpus::import(&store, Path::new(&of_one), "other", None, false).unwrap();
    let taken = corpus::add_systems(&store, "other", false).map(|added| added.systems);
    let taken = taken.map_err(|error| error.to_string());
    assert!(
        taken.as_ref().is_err_and(|why| why.contains("anna")),
        "{taken:?}"
    );
}
