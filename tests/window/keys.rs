//! Keys act where one looks: in the table of runs, and on no button that nobody went to.

use crate::window_support::{click, expect, find, open, press, run, settle, shows};
use eframe::egui::Key;
use emprl::experiment::{Config, Environment};
use emprl::store::{NewRun, RunStatus, Store};

#[test]
fn the_table_is_one_stop_of_the_keyboard_and_arrows_move_in_it() {
    let store = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        run(store.path(), name, RunStatus::Finished);
    }
    let mut window = open(store.path());
    click(&mut window, "Runs");
    find(&window, "Run 3, c").focus();
    settle(&mut window);
    press(&mut window, Key::ArrowDown);
    assert!(find(&window, "Run 2, b").is_focused());
    press(&mut window, Key::End);
    assert!(find(&window, "Run 1, a").is_focused());
    press(&mut window, Key::Space);
    expect(&mut window, "1 chosen");
    press(&mut window, Key::Tab);
    for row in ["Run 1, a", "Run 2, b", "Run 3, c"] {
        assert!(!find(&window, row).is_focused(), "{row}");
    }
    find(&window, "Run 1, a").focus();
    settle(&mut window);
    press(&mut window, Key::Enter);
    expect(&mut window, "a #1");
}

#[test]
fn arrow_keys_never_lead_out_of_the_table() {
    let store = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        run(store.path(), name, RunStatus::Finished);
    }
    let mut window = open(store.path());
    click(&mut window, "Runs");
    // While nothing has the focus they find the table.
    press(&mut window, Key::ArrowDown);
    assert!(find(&window, "Run 3, c").is_focused());
    // Faster than frames, beyond the last row and sideways.
    for frames in [1, 3] {
        for key in [
            Key::ArrowDown,
            Key::ArrowRight,
            Key::ArrowDown,
            Key::ArrowLeft,
        ] {
            for _ in 0..frames {
                window.key_press(key);
            }
            window.step();
        }
    }
    settle(&mut window);
    assert!(find(&window, "Run 1, a").is_focused());
    // The place of a run that is gone is taken by its neighbour.
    press(&mut window, Key::ArrowUp);
    press(&mut window, Key::Delete);
    expect(&mut window, "Run 2 deleted");
    assert!(find(&window, "Run 1, a").is_focused());
}

#[test]
fn delete_leaves_a_run_in_progress_alone_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let new = NewRun {
        name: "a".into(),
        experiment: "quickstart".into(),
        seed: 3,
        device: "flex".into(),
        config_toml: Config::default().to_toml(),
        environment: Environment::capture(),
        fingerprints: Default::default(),
    };
    let lock = store.create_run(&new).unwrap();
    store
        .set_status(lock.run(), RunStatus::Running, None, 1)
        .unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Runs");
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Delete);
    expect(
        &mut window,
        "Run 1 is in progress; stop it before it is deleted",
    );
    assert!(shows(&window, "Run 1, a"));
}
