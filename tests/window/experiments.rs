//! Experiments are chosen, changed and refused beside their fields; a run starts, is asked things, and ends.

use crate::window_support::{
    Window, click, expect, find, named, open, open_with, press, press_command, run, settle, shows,
    wait_for, write_in,
};
use eframe::egui::{Event, Key, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use emprl::store::RunStatus;

fn is_disabled(window: &Window, label: &str) -> bool {
    find(window, label).accesskit_node().is_disabled()
}

fn replace(window: &mut Window, field: &str, words: &str) {
    find(window, field).focus();
    window.run_ok();
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, eframe::egui::Key::A);
    window.run_ok();
    find(window, field).type_text(words);
    settle(window);
}

/// Scrolls to an experiment's card and clicks it.
fn choose(window: &mut Window, experiment: &str) {
    let label = format!("Experiment {experiment}");
    expect(window, &label);
    find(window, &label).scroll_to_me();
    settle(window);
    click(window, &label);
}

#[test]
fn every_experiment_is_a_card_and_says_what_it_lacks() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    for preset in emprl::experiment::presets().unwrap() {
        expect(&mut window, &format!("Experiment {}", preset.name));
    }
    assert!(!is_disabled(&window, "Start run"));
    choose(&mut window, "emprl-paper");
    expect(&mut window, "EmpatheticDialogues is not imported");
    assert!(is_disabled(&window, "Start run"));
    choose(&mut window, "identifiers");
    expect(&mut window, "Mental Health Subreddits is not imported");
}

#[test]
fn a_wrong_value_is_refused_beside_its_field_and_can_be_reverted() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    write_in(&mut window, "Find a setting", "ppo clip range");
    replace(&mut window, "Clip range", "7");
    expect(&mut window, "out of range; it goes from 0 to 1");
    assert!(is_disabled(&window, "Start run"));
    replace(&mut window, "Clip range", "0.");
    find(&window, "Clip range").type_text("3");
    settle(&mut window);
    assert_eq!(find(&window, "Clip range").value().as_deref(), Some("0.3"));
    assert!(!is_disabled(&window, "Start run"));
    click(&mut window, "Back to the file's 0.2");
    assert!(!shows(&window, "Back to the file's 0.2"));
}

#[test]
fn files_of_ones_own_are_listed_and_broken_ones_say_why() {
    let store = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    std::fs::write(
        own.path().join("mine.toml"),
        "parent = \"quickstart\"\n[ppo]\nsteps = 5\n",
    )
    .unwrap();
    std::fs::write(own.path().join("broken.toml"), "[ppo]\nstepps = 5\n").unwrap();
    let mut window = open_with(store.path(), own.path());
    click(&mut window, "Experiments");
    expect(&mut window, "Experiment mine");
    expect(&mut window, "broken cannot be used");
    expect(&mut window, "Did you mean `ppo.steps`?");
}

/// The form of an experiment of few steps, so many of them PPO's; the folders are the store's and its own.
fn open_tiny(steps: u64, evaluate_every: u64) -> (tempfile::TempDir, tempfile::TempDir, Window) {
    let (store, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tiny = format!(
        "\
parent = \"quickstart\"
[data]
train_limit = 48
validation_limit = 16
test_limit = 16
[identifiers]
epochs = 1
[generator]
epochs = 1
[ppo]
steps = {steps}
batch = 4
evaluate_every = {evaluate_every}
[evaluation]
subset = 8
samples = 2
resamples = 20
"
    );
    std::fs::write(own.path().join("tiny.toml"), tiny).unwrap();
    let mut window = open_with(store.path(), own.path());
    click(&mut window, "Experiments");
    choose(&mut window, "tiny");
    (store, own, window)
}

/// A whole run from the window: every stage, in a few steps.
#[test]
fn a_run_starts_moves_pauses_and_ends_with_results() {
    let (_store, _own, mut window) = open_tiny(4, 2);
    click(&mut window, "Start run");
    wait_for(&mut window, "Run in progress: tiny", 60);
    expect(&mut window, "Identifiers: ");
    click(&mut window, "Pause");
    wait_for(&mut window, "paused", 60);
    click(&mut window, "Resume");
    wait_for(&mut window, "Finished, ", 300);
    for label in ["EmpRL", "Emp-F1", "Generated"] {
        expect(&mut window, label);
    }
    click(&mut window, "Open in Runs");
    wait_for(&mut window, "tiny #1", 10);
}

#[test]
fn a_run_that_is_stopped_can_be_resumed() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Quickstart");
    wait_for(&mut window, "Run in progress: quickstart", 60);
    wait_for(&mut window, "Chart of Loss", 120);
    let root = eframe::egui::ViewportId::ROOT;
    let close = eframe::egui::ViewportEvent::Close;
    window
        .input_mut()
        .viewports
        .entry(root)
        .or_default()
        .events
        .push(close);
    wait_for(&mut window, "Stop and close", 10);
    click(&mut window, "Keep the window open");
    click(&mut window, "Stop");
    wait_for(&mut window, "The run was stopped", 120);
    click(&mut window, "Resume");
    wait_for(&mut window, "Run in progress: quickstart", 60);
    click(&mut window, "Stop");
    wait_for(&mut window, "The run was stopped", 120);
}

#[test]
fn settings_are_varied_and_wrong_values_refused() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    click(&mut window, "Vary a setting");
    replace(&mut window, "Values of run.seed", "1..x");
    expect(&mut window, "is no whole number");
    replace(&mut window, "Values of run.seed", "1..3");
    replace(&mut window, "Name of the new run", "seeds");
    expect(&mut window, "Queue 3 runs");
    click(&mut window, "Do not vary run.seed");
    expect(&mut window, "Vary a setting");
    assert!(!shows(&window, "Queue 3 runs"));
}

#[test]
fn a_dry_run_says_what_a_run_would_be_and_writes_nothing() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    click(&mut window, "Dry run");
    wait_for(&mut window, "Policy with value head", 60);
    expect(&mut window, "Time");
    click(&mut window, "Close");
    assert!(!shows(&window, "Policy with value head"));
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    assert!(reader.list_runs().unwrap().is_empty());
}

#[test]
fn what_waits_can_be_held_put_in_another_order_and_put_back() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    for name in ["one", "two"] {
        replace(&mut window, "Name of the new run", name);
        find(&window, "Queue").click();
        settle(&mut window);
    }
    // The place stays what it was: nobody asked to watch.
    wait_for(&mut window, "Run in progress: one", 60);
    click(&mut window, "Hold");
    expect(&mut window, "held");
    click(&mut window, "Take two out of the queue");
    click(&mut window, "Put back two");
    expect(&mut window, "Take two out of the queue");
    click(&mut window, "Stop");
    wait_for(&mut window, "No run in progress", 120);
    expect(&mut window, "Take two out of the queue");
}

#[test]
fn a_setting_is_changed_while_the_run_goes_on_and_stands_among_the_events() {
    let (_store, _own, mut window) = open_tiny(400, 200);
    click(&mut window, "Start run");
    wait_for(&mut window, "Chart of Empathy reward", 300);
    click(&mut window, "Show Change");
    replace(&mut window, "Learning rate", "seven");
    click(&mut window, "Set Learning rate");
    expect(&mut window, "is not a number");
    replace(&mut window, "Learning rate", "7");
    window.key_press(Key::Enter);
    expect(&mut window, "Learning rate must be a number from 0 to 1");
    replace(&mut window, "Learning rate", "0.002");
    click(&mut window, "Set Learning rate");
    wait_for(&mut window, "now 0.002", 60);
    assert!(is_disabled(&window, "Set Learning rate"), "it is so now");
    // Its name says how many alerts there are.
    window.get_by_label_contains("Show Events").click();
    settle(&mut window);
    expect(&mut window, "Changed learning rate to 0.002");
    click(&mut window, "Stop");
    wait_for(&mut window, "The run was stopped", 120);
}

#[test]
fn a_change_waits_for_its_stage_once_in_sight_and_can_be_taken_back() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Quickstart");
    wait_for(&mut window, "Chart of Loss", 120);
    click(&mut window, "Pause");
    wait_for(&mut window, "paused", 60);
    click(&mut window, "Show Change");
    expect(&mut window, "a new value waits until that stage runs");
    replace(&mut window, "Learning rate", "0.002");
    press(&mut window, Key::Enter);
    expect(&mut window, "1 change waits for PPO");
    expect(&mut window, "0.002 waits for PPO");
    assert!(
        is_disabled(&window, "Set Learning rate"),
        "it waits already"
    );
    // What was typed last counts, even where Enter came in the same frame.
    replace(&mut window, "Learning rate", "0");
    for event in [
        Event::Text(".003".into()),
        Event::Key {
            key: Key::Enter,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Default::default(),
        },
    ] {
        window.input_mut().events.push(event);
    }
    settle(&mut window);
    expect(&mut window, "0.003 waits for PPO");
    replace(&mut window, "Learning rate", "0.002");
    press(&mut window, Key::Enter);
    expect(&mut window, "0.002 waits for PPO");
    // Two clicks before the window answers ask for one change.
    replace(&mut window, "KL coefficient β", "0.3");
    find(&window, "Set KL coefficient β").click();
    find(&window, "Set KL coefficient β").click();
    settle(&mut window);
    let waiting = |window: &Window, what: &str| named(window, what).len();
    assert_eq!(waiting(&window, "Take back: KL coefficient β 0.3"), 1);
    assert_eq!(waiting(&window, "Take back: Learning rate 0.002"), 1);
    click(&mut window, "Take back: Learning rate 0.002");
    assert!(!shows(&window, "0.002 waits"));
    expect(&mut window, "1 change waits for PPO");
    // Another value takes the place of the one that waits.
    replace(&mut window, "KL coefficient β", "0.4");
    press(&mut window, Key::Enter);
    assert_eq!(waiting(&window, "Take back: KL coefficient β 0.3"), 0);
    assert_eq!(waiting(&window, "Take back: KL coefficient β 0.4"), 1);
    click(&mut window, "Stop");
    wait_for(&mut window, "The run was stopped", 120);
    expect(&mut window, "1 problem");
    click(&mut window, "1 problem");
    expect(
        &mut window,
        "ended before these changes were made: KL coefficient β 0.4",
    );
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    let run = reader.list_runs().unwrap()[0].id;
    let events = reader.events(run).unwrap();
    assert!(events.iter().all(|event| event.kind.change().is_none()));
}

#[test]
fn a_person_starts_pauses_and_stops_a_run_with_the_keyboard_alone() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    press_command(&mut window, Key::K);
    assert!(find(&window, "Find something to do").is_focused());
    find(&window, "Find something to do").type_text("set up quickstart");
    settle(&mut window);
    window.key_press(Key::Enter);
    expect(&mut window, "Start run");
    settle(&mut window);
    for _ in 0..60 {
        if find(&window, "Start run").is_focused() {
            break;
        }
        window.key_press(Key::Tab);
        window.run_ok();
    }
    assert!(find(&window, "Start run").is_focused(), "Tab comes to it");
    window.key_press(Key::Enter);
    wait_for(&mut window, "Run in progress: quickstart", 60);
    wait_for(&mut window, "Chart of Loss", 120);
    press_command(&mut window, Key::P);
    wait_for(&mut window, "paused", 60);
    press_command(&mut window, Key::P);
    wait_for(&mut window, "Pause", 60);
    press_command(&mut window, Key::Period);
    wait_for(&mut window, "The run was stopped", 120);
}

/// The step that the title row says of a run in progress, and the one of its page.
fn steps_said(window: &Window) -> Option<(String, String)> {
    let labels = crate::window_support::labels(window);
    let title = labels.iter().find_map(|label| {
        let (_, at) = label
            .strip_prefix("Run in progress: ")?
            .split_once(" PPO ")?;
        Some(at.split(',').next()?.replace('/', " of "))
    })?;
    let page = labels.iter().find_map(|label| {
        let at = label.strip_prefix("PPO: ")?;
        Some(at.split(" ·").next()?.split(", ").next()?.to_string())
    })?;
    Some((title, page))
}

#[test]
fn the_page_of_the_run_in_progress_says_what_the_title_row_says() {
    let (_store, _own, mut window) = open_tiny(400, 400);
    click(&mut window, "Start run");
    wait_for(&mut window, "Run in progress: tiny, #1 PPO", 120);
    click(&mut window, "Runs");
    click(&mut window, "Run 1, tiny");
    wait_for(&mut window, "PPO: ", 10);
    let (first, _) = steps_said(&window).expect("both say a step");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        window.run_ok();
        let (title, page) = steps_said(&window).expect("both say a step");
        assert_eq!(title, page);
        if title != first {
            break;
        }
        assert!(
            std::time::Instant::now() < until,
            "the page does not follow"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    click(&mut window, "Stop");
    wait_for(&mut window, "Stopped", 60);
    assert!(!shows(&window, "Run in progress"));
}

#[test]
fn below_another_runs_page_a_control_names_its_run() {
    let (store, _own, mut window) = open_tiny(400, 400);
    run(store.path(), "first", RunStatus::Finished);
    click(&mut window, "Start run");
    wait_for(&mut window, "Run in progress: tiny, #2 ", 120);
    expect(&mut window, "Stop");
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first");
    for words in ["Pause", "Stop", "Checkpoint", "Evaluate"] {
        expect(&mut window, &format!("{words} run 2"));
        let bare = window.query_all_by_label(words);
        let bare = bare.filter(|node| node.accesskit_node().role() == Role::Button);
        assert_eq!(bare.count(), 0, "{words} of which run?");
    }
    press_command(&mut window, Key::P);
    expect(&mut window, "is for run 2, which is not the one shown");
    assert!(!shows(&window, "paused"));
    click(&mut window, "Pause run 2");
    wait_for(&mut window, "paused", 60);
    click(&mut window, "Stop run 2");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while shows(&window, "Run in progress") {
        assert!(std::time::Instant::now() < until, "it does not stop");
        settle(&mut window);
    }
    assert!(!shows(&window, "Stop run 2"));
}
