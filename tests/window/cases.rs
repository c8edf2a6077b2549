//! The place Case study in the window: systems imported, cases found, pinned and put into a table, and nothing to be
//! looked up there of a study that is blind.

use crate::judging_support::fill;
use crate::study_support::{create, definition, store_with_systems};
use crate::window_support::{click, expect, find, open, settle, shows, wait_for};
use emprl::study::definition::StudyKind;

#[test]
fn cases_are_found_pinned_and_put_into_table_six() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");
    drop(store_with_systems(dir.path(), 3, 30));
    wait_for(&mut window, "30 cases", 20);
    expect(&mut window, "I indeed see, about 0.");
    expect(&mut window, "Situation: Situation 0.");
    fill(&mut window, "Find cases", "number 17 PERHAPS");
    expect(&mut window, "1 of 30 cases");
    click(&mut window, "Case 18: Oh?");
    expect(&mut window, "I certainly see, about 17.");
    click(&mut window, "Show Wuqsystem");
    assert!(!shows(&window, "I certainly see, about 17."));
    click(&mut window, "Pin");
    fill(&mut window, "Note of the pin", "as in the paper");
    find(&window, "Find cases").focus();
    settle(&mut window);
    expect(&mut window, "Table VI with 1 pinned case");
    click(&mut window, "Table VI with 1 pinned case");
    expect(&mut window, "Case 1");
    expect(&mut window, "as in the paper");
    expect(&mut window, "I certainly see, about 17.");
    click(&mut window, "Save files");
    expect(&mut window, "table-6.tex");
    let text = std::fs::read_to_string(dir.path().join("tables/table-6.md")).unwrap();
    assert!(text.contains("as in the paper"), "{text}");
}

#[test]
fn a_systems_responses_are_imported_in_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..3)
        .map(|at| {
            let context = format!("Number {at}.");
            serde_json::json!({"conv_id": format!("c{at}"), "context": [context], "response": "Oh."}).to_string()
        })
        .collect();
    let contexts = dir.path().join("contexts.jsonl");
    std::fs::write(&contexts, rows.join("\n")).unwrap();
    let file = dir.path().join("answers.txt");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");
    fill(
        &mut window,
        "File of responses",
        &file.display().to_string(),
    );
    fill(&mut window, "Name of the system", "Qoxmodel");
    click(&mut window, "Import responses");
    expect(&mut window, "there are no contexts to align with");
    fill(
        &mut window,
        "File of contexts",
        &contexts.display().to_string(),
    );
    click(&mut window, "Import responses");
    expect(&mut window, "2 responses where there are 3 contexts");
    std::fs::write(&file, "One.\n\nThree.\n").unwrap();
    click(&mut window, "Import responses");
    expect(
        &mut window,
        "Qoxmodel: 3 responses to 3 contexts, in order. line 2: the response to context 2 is empty.",
    );
    expect(&mut window, "3 cases");
    click(&mut window, "Add system");
    expect(&mut window, "Import responses");
    click(&mut window, "Cancel");
    assert!(!shows(&window, "File of contexts"));
}

#[test]
fn what_a_blind_study_shows_cannot_be_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 10);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    let study = create(&mut store, &definition);
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "6 cases");
    expect(&mut window, "(4 more of blind studies are hidden)");
    store.unblind(study, "Ada", "done", true).unwrap();
    click(&mut window, "Case study");
    expect(&mut window, "10 cases");
}
