//! The palette knows what the menus and the keys know: the look, the size, the queue, a run that is over.

use crate::window_support::{
    Window, click, expect, find, open, press, press_command, settle, shows,
};
use eframe::egui::{Key, Modifiers, Theme};

/// Types into the palette and takes the first that fits.
fn ask(window: &mut Window, words: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    settle(window);
    find(window, "Find something to do").type_text(words);
    settle(window);
    window.key_press(Key::Enter);
    settle(window);
    assert!(!shows(window, "Find something to do"), "{words}");
}

#[test]
fn themes_and_zoom_are_found_by_typing() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    for (words, theme) in [
        ("theme dark", Theme::Dark),
        ("theme light", Theme::Light),
        ("dark", Theme::Dark),
    ] {
        ask(&mut window, words);
        assert_eq!(window.ctx.theme(), theme, "{words}");
    }
    ask(&mut window, "follow the system");
    let zoom = |window: &Window| (window.ctx.zoom_factor() * 100.0).round() as i32;
    let mut seen = vec![zoom(&window)];
    for words in ["zoom in", "zoom in", "zoom out", "zoom to 100"] {
        ask(&mut window, words);
        seen.push(zoom(&window));
    }
    assert_eq!(seen, [100, 110, 120, 110, 100]);
    click(&mut window, "Settings");
    ask(&mut window, "zoom in");
    let chosen = find(&window, "Zoom 110 %");
    use egui_kittest::kittest::NodeT;
    assert_eq!(
        chosen.accesskit_node().toggled(),
        Some(eframe::egui::accesskit::Toggled::True),
        "the page Settings follows"
    );
}

#[test]
fn everything_with_keys_stands_there_with_its_keys() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    press_command(&mut window, Key::K);
    for words in [
        "Start Quickstart",
        "Filter runs",
        "Show what went wrong",
        "Zoom out",
        "Theme: dark",
        "Copy the folder of the store",
    ] {
        expect(&mut window, &format!("Do: {words}"));
    }
    for place in [
        "Start",
        "Experiments",
        "Live",
        "Runs",
        "Compare",
        "Case study",
        "Studies",
        "Tables",
        "Playground",
        "Data and models",
        "Settings",
    ] {
        expect(&mut window, &format!("Do: Go to {place}"));
    }
    press(&mut window, Key::Escape);
    ask(&mut window, "start quickstart");
    expect(&mut window, "Run in progress: quickstart");
    press_command(&mut window, Key::K);
    for words in [
        "Pause run 1, quickstart",
        "Stop run 1, quickstart",
        "Save a checkpoint now in run 1, quickstart",
        "Evaluate run 1, quickstart",
    ] {
        expect(&mut window, &format!("Do: {words}"));
    }
    press(&mut window, Key::Escape);
    ask(&mut window, "stop run");
    crate::window_support::wait_for(&mut window, "The run was stopped", 120);
    press_command(&mut window, Key::K);
    expect(&mut window, "Do: Resume run 1, quickstart");
}
