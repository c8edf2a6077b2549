//! Runs are compared: curves, settings, results; what is shown can be saved; all of it by keyboard alone.

use crate::window_support::{
    click, expect, find, named, open, press, press_command, run, settle, shows,
};
use eframe::egui::Key;
use emprl::store::RunStatus;

#[test]
fn runs_stand_beside_each_other_and_can_be_saved() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first", RunStatus::Finished);
    run(store.path(), "second", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Compare");
    click(&mut window, "Choose runs");
    click(&mut window, "Choose every run shown");
    expect(&mut window, "2 chosen");
    // The rail has a place of that name, too; it stands before.
    let buttons = named(&window, "Compare");
    buttons[buttons.len() - 1].click();
    settle(&mut window);
    for label in [
        "Chart of Empathy reward: second #2, first #1",
        "Settings that differ",
        "None: these runs have the same settings.",
        "68.00 [67.00, 69.00]",
        "has no answers on the test split",
    ] {
        expect(&mut window, label);
    }
    click(&mut window, "Lines Mean and deviation over seeds");
    expect(&mut window, "(n = 2)");
    click(&mut window, "Save the plot");
    expect(&mut window, "saved as csv, svg, png");
    let exports = store.path().join("exports");
    for end in ["csv", "svg", "png"] {
        let file = exports.join(format!("compare-ppo-reward-empathy.{end}"));
        assert!(file.is_file(), "{}", file.display());
    }
    click(&mut window, "Remove run 1");
    assert!(!shows(&window, "first #1, seed"));
}

#[test]
fn a_person_filters_and_compares_with_the_keyboard_alone() {
    let store = tempfile::tempdir().unwrap();
    for name in ["first", "second", "other"] {
        run(store.path(), name, RunStatus::Finished);
    }
    let mut window = open(store.path());
    press_command(&mut window, Key::F);
    assert!(find(&window, "Filter runs").is_focused());
    find(&window, "Filter runs").type_text("name != other");
    settle(&mut window);
    expect(&mut window, "2 of 3 runs");
    // The field is left for the runs that it found; what is offered is put away first.
    press(&mut window, Key::Escape);
    assert!(find(&window, "Run 2, second").is_focused());
    press_command(&mut window, Key::F);
    find(&window, "Filter runs").type_text(" and ");
    settle(&mut window);
    expect(&mut window, "Write experiment");
    press(&mut window, Key::Escape);
    assert!(!shows(&window, "Write experiment"));
    assert!(find(&window, "Filter runs").is_focused());
    press_command(&mut window, Key::A);
    find(&window, "Filter runs").type_text("name != other");
    settle(&mut window);
    press(&mut window, Key::Enter);
    assert!(find(&window, "Run 2, second").is_focused());
    press(&mut window, Key::Space);
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Space);
    expect(&mut window, "2 chosen");
    press_command(&mut window, Key::K);
    assert!(find(&window, "Find something to do").is_focused());
    find(&window, "Find something to do").type_text("compare 2");
    settle(&mut window);
    press(&mut window, Key::Enter);
    expect(&mut window, "Settings that differ");
}

#[test]
fn runs_that_are_ticked_are_what_the_place_compares() {
    let store = tempfile::tempdir().unwrap();
    for name in ["first", "second"] {
        run(store.path(), name, RunStatus::Finished);
    }
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Choose run 1");
    click(&mut window, "Compare");
    expect(&mut window, "Nothing to compare yet");
    click(&mut window, "Runs");
    click(&mut window, "Choose run 2");
    // The rail leads there as the button of the table does.
    press_command(&mut window, Key::Num5);
    expect(&mut window, "Settings that differ");
}

#[test]
fn the_palette_finds_what_can_be_done_and_shows_its_keys() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first", RunStatus::Finished);
    let mut window = open(store.path());
    press_command(&mut window, Key::K);
    expect(&mut window, "Do: Go to Settings");
    find(&window, "Find something to do").type_text("open first");
    settle(&mut window);
    assert!(!shows(&window, "Do: Go to Settings"));
    press(&mut window, Key::Enter);
    expect(&mut window, "first #1");
    press_command(&mut window, Key::K);
    press(&mut window, Key::Escape);
    assert!(!shows(&window, "Find something to do"));
}

#[test]
fn what_went_wrong_stands_in_a_log() {
    let store = tempfile::tempdir().unwrap();
    std::fs::write(store.path().join("emprl.db"), "this is no database").unwrap();
    let mut window = open(store.path());
    click(&mut window, "1 problem");
    expect(&mut window, "What went wrong");
    click(&mut window, "Close");
    assert!(!shows(&window, "1 problem"));
}
