//! Every place of the window can be reached, says what it is for, and has one action where it is empty.

use crate::scores_support::{Reply, start};
use crate::window_support::{click, expect, find, open, press, press_command, run, write_in};
use eframe::egui::Key;
use egui_kittest::kittest::NodeT as _;
use emprl::store::RunStatus;

#[test]
fn the_start_page_offers_quickstart_and_says_where_to_go_next() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    for label in [
        "EmpRL Studio",
        "Quickstart",
        "Recent runs",
        "Set up an experiment",
        "Import the paper's data",
        "No run in progress",
    ] {
        expect(&mut window, label);
    }
}

#[test]
fn the_start_page_leads_to_where_data_are_imported() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Import the paper's data");
    expect(&mut window, "Data and models");
    expect(&mut window, "Mental Health Subreddits");
}

#[test]
fn the_rail_leads_to_every_place() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    for (place, found) in [
        ("Experiments", "Start run"),
        ("Live", "Choose an experiment"),
        ("Runs", "No runs yet"),
        ("Compare", "Nothing to compare yet"),
        ("Playground", "No checkpoint to talk to yet"),
        ("Data and models", "Set The built-in corpus"),
        ("Settings", "Theme Dark"),
        ("Start", "Quickstart"),
    ] {
        click(&mut window, place);
        expect(&mut window, found);
    }
}

#[test]
fn places_have_keys() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    let keys = [
        (key_of('2'), "Start run"),
        (key_of('4'), "No runs yet"),
        (key_of('9'), "No checkpoint to talk to yet"),
        (key_of('D'), "Set The built-in corpus"),
        (key_of('1'), "Quickstart"),
    ];
    for (key, found) in keys {
        press_command(&mut window, key);
        expect(&mut window, found);
    }
}

fn key_of(key: char) -> eframe::egui::Key {
    eframe::egui::Key::from_name(&key.to_string()).unwrap()
}

#[test]
fn an_empty_place_leads_to_what_fills_it() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Choose an experiment");
    expect(&mut window, "Experiment quickstart");
}

#[test]
fn a_person_can_walk_through_with_the_keyboard() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    window.key_press(eframe::egui::Key::Tab);
    window.run_ok();
    assert!(find(&window, "Start").is_focused());
    window.key_press(eframe::egui::Key::Tab);
    window.run_ok();
    assert!(find(&window, "Experiments").is_focused());
    press(&mut window, Key::Enter);
    expect(&mut window, "Start run");
}

#[test]
fn theme_and_zoom_can_be_chosen() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Settings");
    click(&mut window, "Theme Light");
    assert!(!window.ctx.global_style().visuals.dark_mode);
    click(&mut window, "Theme Dark");
    assert!(window.ctx.global_style().visuals.dark_mode);
    click(&mut window, "Zoom 125 %");
    assert!((window.ctx.zoom_factor() - 1.25).abs() < 0.01);
}

#[test]
fn notices_go_where_the_settings_say() {
    let store = tempfile::tempdir().unwrap();
    let (sender, told) = std::sync::mpsc::sync_channel(8);
    let address = start(move |notice| {
        sender.send(notice["text"].clone()).unwrap();
        Reply::of(200, "ok")
    });
    let mut window = open(store.path());
    click(&mut window, "Settings");
    write_in(&mut window, "Address of notices", "chat.example");
    expect(&mut window, "This is no address");
    assert!(
        find(&window, "Send a trial notice")
            .accesskit_node()
            .is_disabled()
    );
    let mut window = open(store.path());
    click(&mut window, "Settings");
    write_in(&mut window, "Address of notices", &address);
    click(&mut window, "Send a trial notice");
    expect(&mut window, "The trial notice was delivered");
    assert_eq!(told.recv().unwrap(), "Notices of runs arrive here.");
}

#[test]
fn recent_runs_stand_on_the_start_page_and_open() {
    let store = tempfile::tempdir().unwrap();
    let id = run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, &format!("Open run {id}, first try, finished"));
    expect(&mut window, "first try #1");
}

#[test]
fn a_store_that_cannot_be_read_is_said_and_nothing_starts() {
    let store = tempfile::tempdir().unwrap();
    std::fs::write(
        store.path().join("emprl.db"),
        "this is no database, it is a letter to a friend",
    )
    .unwrap();
    let mut window = open(store.path());
    expect(&mut window, "The store cannot be read");
    click(&mut window, "Quickstart");
    expect(&mut window, "The run could not start");
}
