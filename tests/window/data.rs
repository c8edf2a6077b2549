//! Data and models: sets are counted, browsed and imported; model folders are checked; a checkpoint is exported.

use std::path::Path;

use crate::cli_support::{Place, short};
use crate::shared_data::shared;
use crate::window_support::{Window, click, expect, find, labels, open, settle, shows, wait_for};
use egui_kittest::kittest::NodeT;
use emprl::data::library;

fn data(store: &Path) -> Window {
    let mut window = open(store);
    click(&mut window, "Data and models");
    expect(&mut window, "Set The built-in corpus");
    window
}

fn type_in(window: &mut Window, field: &str, words: &str) {
    find(window, field).focus();
    window.run_ok();
    find(window, field).type_text(words);
    settle(window);
}

fn examples(window: &Window) -> usize {
    let labels = labels(window);
    labels
        .iter()
        .filter(|label| label.starts_with("Example "))
        .count()
}

#[test]
fn the_built_in_corpus_is_counted() {
    let store = tempfile::tempdir().unwrap();
    let mut window = data(store.path());
    let summary = library::show(store.path(), library::BUILTIN).unwrap();
    let train = summary.splits.unwrap().train;
    for label in [
        "Overview",
        "Splits",
        &train.pairs.to_string(),
        &train.conversations.to_string(),
        &format!(
            "Levels of {} labelled pairs",
            summary.labelled_pairs.unwrap()
        ),
        "Lengths in words",
        &format!("{} emotions, by conversations", summary.emotions.len()),
        &summary.fingerprint,
    ] {
        expect(&mut window, label);
    }
}

#[test]
fn examples_are_found_as_one_types_and_shown_whole() {
    let store = tempfile::tempdir().unwrap();
    let mut window = data(store.path());
    click(&mut window, "Set Browse");
    expect(&mut window, "Example 1: ");
    let set = library::open_dialogues(store.path(), library::BUILTIN).unwrap();
    expect(&mut window, &set.train[0].target);
    expect(&mut window, &set.train[0].conversation);

    click(&mut window, "Split");
    click(&mut window, "Labelled pairs");
    expect(&mut window, "Seeker");
    click(&mut window, "Level");
    click(&mut window, "Emotional reaction strong");
    expect(&mut window, "Emotional reaction: strong");

    type_in(&mut window, "Find examples", "no such words at all");
    wait_for(&mut window, "No example matches.", 10);
    assert_eq!(examples(&window), 0);
    click(&mut window, "Clear the filter");
    assert!(examples(&window) > 5);
}

#[test]
fn a_set_is_imported_from_a_folder_and_what_was_skipped_is_said() {
    let place = Place::new();
    let header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
    let rows = "c1,1,proud,I won_comma_ at last,7,I won \"the\" race.,5|5|5,\n\
                c1,2,proud,I won_comma_ at last,9,Well done!,5|5|5,\n\
                c2,5,sad,I lost,7,Oh no,5|5|5,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        place.write(&format!("ed/{file}"), format!("{header}{rows}"));
    }
    let folder = place.path().join("ed").display().to_string();
    let mut window = data(&place.store());
    click(&mut window, "Set EmpatheticDialogues");
    expect(&mut window, "data import empathetic-dialogues");
    // A folder above the right one is refused, with what to do.
    let above = place.path().display().to_string();
    type_in(&mut window, "Folder of the set", &above);
    click(&mut window, "Import");
    expect(&mut window, "The set was not imported");
    expect(&mut window, "train.csv");

    type_in(&mut window, "Folder of the set", "/ed");
    assert_eq!(
        find(&window, "Folder of the set")
            .accesskit_node()
            .value()
            .unwrap_or_default(),
        folder
    );
    click(&mut window, "Import");
    expect(&mut window, "EmpatheticDialogues is in the store");
    expect(&mut window, "6 rows kept, 3 skipped");
    expect(&mut window, "Skipped train.csv, line 4: ");
    click(&mut window, "Set Overview");
    expect(&mut window, "1 emotions, by conversations");
    click(&mut window, "Set Browse");
    expect(&mut window, "Well done!");
    expect(&mut window, "3 of 3");
    let set = library::open_dialogues(&place.store(), library::EMPATHETIC_DIALOGUES).unwrap();
    assert_eq!(set.test[0].target, "Well done!");
}

#[test]
fn real_sets_are_imported_and_counted() {
    let Some(folder) = shared("mental_health_subreddits") else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let mut window = data(store.path());
    click(&mut window, "Set Mental Health Subreddits");
    type_in(
        &mut window,
        "Folder of the set",
        &folder.display().to_string(),
    );
    click(&mut window, "Import");
    wait_for(&mut window, "Mental Health Subreddits is in the store", 60);
    click(&mut window, "Set Overview");
    for label in [
        "Levels of 3\u{2009}084 labelled pairs",
        "2\u{2009}037",
        "1\u{2009}344",
        "376",
    ] {
        expect(&mut window, label);
    }
}

#[test]
fn folders_that_fit_are_offered_while_a_path_is_typed() {
    let place = Place::new();
    place.write("somewhere/t5-small/config.json", "{}");
    place.write("somewhere/t5-tiny/config.json", "{}");
    let mut window = data(&place.store());
    click(&mut window, "Show Models");
    let begun = format!("{}/somewhere/t5-", place.path().display());
    type_in(&mut window, "Model folder", &begun);
    let offer = format!("{begun}tiny/");
    wait_for(&mut window, &offer, 10);
    expect(&mut window, &format!("{begun}small/"));
    click(&mut window, &offer);
    let typed = find(&window, "Model folder").accesskit_node().value();
    assert_eq!(typed.unwrap_or_default(), offer);
    click(&mut window, "Check folder");
    expect(&mut window, "cannot be used");
    assert!(shows(&window, "Browse…"));
}

#[test]
fn a_checkpoint_is_exported_and_the_folder_is_a_model_again() {
    let place = Place::new();
    place.ok(&short(&[]));
    let mut window = data(&place.store());
    click(&mut window, "Show Models");
    expect(&mut window, "Run to export");
    let folder = place.path().join("elsewhere").display().to_string();
    type_in(&mut window, "Folder to write", &folder);
    click(&mut window, "Export");
    wait_for(
        &mut window,
        "model.safetensors, policy.json, prefix.safetensors",
        30,
    );
    expect(
        &mut window,
        "the answers of this checkpoint need its prefix",
    );

    // It is known from now on, can be checked, and answers as the checkpoint does.
    click(&mut window, "Check");
    expect(&mut window, "8 encoder");
    let contexts = place.write("contexts.jsonl", "{\"context\": \"I lost my job.\"}\n");
    let answer = |model: &str| {
        let arguments = [
            "generate", "--model", model, "--input", &contexts, "--greedy",
        ];
        place.lines(&arguments)[0]["response"].clone()
    };
    assert_eq!(answer(&folder), answer("1"));

    click(&mut window, "Export");
    expect(&mut window, "Nothing was exported");
    expect(&mut window, "exists and is not empty; name a new folder");

    // The same by the command line.
    let other = place.path().join("other").display().to_string();
    let done = place.json(&["model", "export", "1@12", &other]);
    assert_eq!(done["files"][0], "config.json");
    assert!(Path::new(&other).join("tokenizer_config.json").is_file());
    click(&mut window, "Talk");
    expect(&mut window, "Model folder of A");
}
