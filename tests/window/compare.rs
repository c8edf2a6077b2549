//! Runs are compared: curves, settings, results; what is shown can be saved; all of it by keyboard alone.

use std::path::Path;

use crate::window_support::{
    Window, click, close, expect, find, labels, named, open, open_left, press, press_command, run,
    settle, shows, write_in,
};
use eframe::egui::Key;
use egui_kittest::kittest::{NodeT, Queryable};
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
        "Chart of Empathy reward; second #2",
        "Chart of Emp-F1 (validation); second #2",
        "Chart of KL (full); second #2",
        "Settings that differ",
        "None: these runs have the same settings.",
        "68.00 [67.00, 69.00]",
        "has no answers on the test split",
    ] {
        expect(&mut window, label);
    }
    click(&mut window, "Lines Means over seeds");
    expect(&mut window, "(n = 2)");
    click(&mut window, "Choose what \"Empathy reward\" shows");
    click(&mut window, "Save as CSV, SVG and PNG");
    expect(&mut window, "saved as csv, svg, png");
    let exports = store.path().join("exports");
    for end in ["csv", "svg", "png"] {
        let file = exports.join(format!("compare-ppo-reward-empathy.{end}"));
        assert!(file.is_file(), "{}", file.display());
    }
    click(&mut window, "Remove run 1");
    assert!(!shows(&window, "first #1, seed"));
}

/// Two finished runs in Compare.
fn compared(store: &Path) -> Window {
    for name in ["first", "second"] {
        run(store, name, RunStatus::Finished);
    }
    let mut window = open(store);
    click(&mut window, "Runs");
    click(&mut window, "Choose run 1");
    click(&mut window, "Choose run 2");
    press_command(&mut window, Key::Num5);
    expect(&mut window, "Settings that differ");
    window
}

/// Whether a button of several, of which one is chosen, is that one.
fn is_chosen(window: &Window, label: &str) -> bool {
    let node = find(window, label);
    let node = node.accesskit_node();
    format!("{:?}", node.toggled()) == "Some(True)"
}

#[test]
fn a_run_is_made_the_baseline_of_the_others() {
    let store = tempfile::tempdir().unwrap();
    let mut window = compared(store.path());
    expect(&mut window, "Differences from first #1");
    click(&mut window, "Make run 2 the baseline");
    expect(&mut window, "Differences from second #2");
    expect(&mut window, "baseline: the others are compared with it");
    assert!(shows(&window, "Make run 1 the baseline"));
    expect(&mut window, "Chart of Empathy reward; second #2");
}

#[test]
fn what_was_compared_and_how_is_there_after_a_restart() {
    let store = tempfile::tempdir().unwrap();
    let mut window = compared(store.path());
    click(&mut window, "Make run 2 the baseline");
    click(&mut window, "Along x Time");
    click(&mut window, "Lines Means over seeds");
    click(&mut window, "Choose what \"KL (full)\" shows");
    write_in(&mut window, "Find a metric", "KL (k1)");
    click(&mut window, "KL (k1)");
    click(&mut window, "Logarithmic");
    press(&mut window, Key::Escape);
    let left = close(window);
    let mut window = open_left(store.path(), &left);
    expect(&mut window, "Differences from second #2");
    assert!(is_chosen(&window, "Along x Time"));
    assert!(is_chosen(&window, "Lines Means over seeds"));
    let charts = labels(&window);
    let charts: Vec<&String> = charts
        .iter()
        .filter(|label| label.starts_with("Chart of KL"))
        .collect();
    assert!(
        charts[0].contains("full") && charts[0].contains("k1"),
        "{charts:?}"
    );
    expect(&mut window, "nats, log");
    click(&mut window, "Runs");
    expect(&mut window, "2 chosen");
    // Another store has other runs under these numbers.
    let other = tempfile::tempdir().unwrap();
    run(other.path(), "stranger", RunStatus::Finished);
    let mut window = open_left(other.path(), &left);
    click(&mut window, "Compare");
    expect(&mut window, "Nothing to compare yet");
}

#[test]
fn a_finished_run_lies_under_the_plots_of_another() {
    let store = tempfile::tempdir().unwrap();
    for name in ["first", "second"] {
        run(store.path(), name, RunStatus::Finished);
    }
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 2, second");
    expect(&mut window, "PPO: ");
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Baseline…");
    click(&mut window, "first #1");
    expect(&mut window, "Baseline: first #1, drawn faint");
    expect(&mut window, "; Baseline #1 0.");
    let left = close(window);
    let mut window = open_left(store.path(), &left);
    click(&mut window, "Runs");
    click(&mut window, "Run 2, second");
    expect(&mut window, "Baseline: first #1, drawn faint");
    click(&mut window, "Take the baseline away");
    assert!(!shows(&window, "drawn faint"));
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
