//! Terms of the reward in the form, a person's word before a program is started, and rewards against lengths.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::window_support::{
    Window, click, expect, find, labels, open, open_with, run, settle, shows, wait_for, write_in,
};
use egui_kittest::kittest::{NodeT, Queryable};
use emprl::store::{RunStatus, StoreReader};

/// A quickstart of a few steps whose reward would start a program.
const EXPERIMENT: &str = r#"
parent = "quickstart"
run.stages = ["generator"]
model.vocabulary = 400
generator.max_steps = 3
generator.validate_every = 3
data.train_limit = 24
data.validation_limit = 8

[[reward.term]]
name = "tone"
kind = "command"
command = ["tone", "--model", "a b"]
"#;

fn started(store: &Path) -> usize {
    StoreReader::open(store).unwrap().list_runs().unwrap().len()
}

fn choose(store: &Path, own: &Path) -> Window {
    std::fs::write(own.join("mine.toml"), EXPERIMENT).unwrap();
    let mut window = open_with(store, own);
    click(&mut window, "Experiments");
    expect(&mut window, "Experiment mine");
    find(&window, "Experiment mine").scroll_to_me();
    settle(&mut window);
    click(&mut window, "Experiment mine");
    window
}

#[test]
fn a_program_is_started_only_once_it_was_seen_and_allowed() {
    let (store, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut window = choose(store.path(), own.path());
    click(&mut window, "Start run");
    wait_for(&mut window, "May the reward start a program?", 20);
    expect(&mut window, "tone --model \"a b\"");
    click(&mut window, "Do not start it");
    expect(&mut window, "a program of its reward is not allowed");
    assert_eq!(started(store.path()), 0);

    click(&mut window, "Start run");
    wait_for(&mut window, "May the reward start a program?", 20);
    click(&mut window, "Allow and go on");
    let until = Instant::now() + Duration::from_secs(30);
    while started(store.path()) == 0 {
        assert!(Instant::now() < until, "{:?}", labels(&window));
        std::thread::sleep(Duration::from_millis(20));
        window.run_ok();
    }
    assert!(!shows(&window, "May the reward start a program?"));
}

#[test]
fn a_term_is_added_and_changed_in_the_form() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Experiments");
    write_in(&mut window, "Find a setting", "reward.term");
    click(&mut window, "Add a term");
    let field = |window: &Window| find(window, "At most").value();
    assert_eq!(field(&window).as_deref(), Some("20"));
    find(&window, "At most").focus();
    window.run_ok();
    find(&window, "At most").type_text("0000");
    settle(&mut window);
    expect(&mut window, "out of range; it goes from 0 to 10000");
    click(&mut window, "Remove the term term");
    assert!(!shows(&window, "At most"));
    assert!(!find(&window, "Start run").accesskit_node().is_disabled());
}

#[test]
fn rewards_stand_against_lengths_with_their_correlation() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    window.get_by_label("Reward against length").scroll_to_me();
    settle(&mut window);
    expect(&mut window, "Chart of reward against length: ");
    let told = labels(&window).into_iter();
    let told = told.filter(|label| label.starts_with("Chart of reward against length"));
    let told: Vec<String> = told.collect();
    assert!(
        told[0].contains(", n = ") && told[0].contains("recorded step"),
        "{told:?}"
    );
}
