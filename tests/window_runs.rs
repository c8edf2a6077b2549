//! Saved runs are found, filtered, sorted and opened; a run's page shows all that was recorded.

mod window_support;

use egui_kittest::kittest::Queryable;
use emprl::store::RunStatus;
use window_support::{click, expect, find, open, run, settle, shows, wait_for};

#[test]
fn runs_are_listed_and_filtered() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    run(store.path(), "second try", RunStatus::Stopped);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    for label in [
        "first try",
        "second try",
        "Finished",
        "Stopped",
        "2 runs",
        "70.0",
    ] {
        expect(&mut window, label);
    }
    find(&window, "Filter runs").focus();
    window.run_ok();
    find(&window, "Filter runs").type_text("stopped");
    settle(&mut window);
    expect(&mut window, "1 of 2 runs");
    assert!(!shows(&window, "first try"));
    find(&window, "Filter runs").focus();
    window.run_ok();
    find(&window, "Filter runs").type_text(" nothing of the kind");
    settle(&mut window);
    click(&mut window, "Clear the filter");
    expect(&mut window, "first try");
}

#[test]
fn every_column_sorts() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "a", RunStatus::Finished);
    run(store.path(), "b", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    let top = |window: &window_support::Window| {
        let place = |name: &str| window.get_by_label(name).rect().top();
        place("a") < place("b")
    };
    assert!(!top(&window), "the latest run stands first");
    click(&mut window, "Sort by Name");
    assert!(top(&window));
    click(&mut window, "Sort by Name");
    assert!(!top(&window));
    for column in [
        "Run",
        "Experiment",
        "Seed",
        "Status",
        "Stage",
        "Started",
        "Emp-F1",
        "Reward",
        "KL",
        "PPL",
    ] {
        click(&mut window, &format!("Sort by {column}"));
    }
}

#[test]
fn a_run_page_shows_results_curves_dialogues_settings_and_events() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    expect(&mut window, "That is great, said at 100.");
    click(&mut window, "Evaluation before");
    expect(&mut window, "That is great, said at 50.");

    for (stage, found) in [
        ("Identifiers: ", "Chart of Loss"),
        ("Generator: ", "Chart of Generator loss"),
        ("PPO: ", "Chart of Empathy reward"),
    ] {
        window.get_by_label_contains(stage).click();
        settle(&mut window);
        expect(&mut window, found);
    }
    window.get_by_label_contains("Identifiers: ").click();
    settle(&mut window);
    expect(&mut window, "How well they identify");
    expect(&mut window, "87.7");
    expect(
        &mut window,
        "Exploration. No identified as No 50, Weak 5, Strong 5,",
    );
    click(&mut window, "Show Settings");
    expect(&mut window, "Learning rate");
    click(&mut window, "Show Environment");
    expect(&mut window, "Fingerprints of data and weights");
    click(&mut window, "Show Events");
    expect(&mut window, "KL rose by 40 %");
    click(&mut window, "Back to all runs");
    expect(&mut window, "Filter runs");
}

#[test]
fn results_stand_beside_each_other_with_their_difference() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    if let Some(evaluation) = window.query_by_label_contains("Evaluation: ") {
        evaluation.click();
    }
    settle(&mut window);
    for label in [
        "Generator",
        "EmpRL",
        "Emp-F1",
        "Dist-1",
        "PPL",
        "+19.0",
        "Test, n = 50",
    ] {
        expect(&mut window, label);
    }
}

#[test]
fn a_failed_run_says_why_and_an_interrupted_one_can_be_resumed() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "failed", RunStatus::Failed);
    run(store.path(), "cut off", RunStatus::Interrupted);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, failed");
    wait_for(&mut window, "the loss is not a number", 5);
    click(&mut window, "Back to all runs");
    click(&mut window, "Run 2, cut off");
    wait_for(&mut window, "Resume", 5);
    expect(&mut window, "Interrupted");
}

#[test]
fn plots_can_be_chosen_and_put_back() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Choose what \"Empathy reward\" shows");
    click(&mut window, "Shaped score");
    expect(
        &mut window,
        "Choose what \"Empathy reward, Shaped score\" shows",
    );
    click(&mut window, "Remove this plot");
    assert!(!shows(&window, "Chart of Empathy reward"));
    click(&mut window, "Put the plots back as they were delivered");
    expect(&mut window, "Chart of Empathy reward");
    click(&mut window, "Along x Time");
    expect(&mut window, "Chart of KL");
    click(&mut window, "Along x Clock");
    expect(&mut window, "Chart of KL");
    assert!(!shows(&window, "Put the plots back as they were delivered"));
}

#[test]
fn a_new_plot_comes_into_sight_with_its_menu_open_and_shows_what_no_other_does() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Add plot");
    expect(&mut window, "Find a metric");
    let moves = |window: &window_support::Window| {
        let names = window_support::labels(window);
        let all: Vec<String> = names
            .into_iter()
            .filter(|l| l.starts_with("Move "))
            .collect();
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), all.len(), "no plot stands there twice: {all:?}");
    };
    moves(&window);
    click(&mut window, "Add a plot to the right");
    moves(&window);
    expect(&mut window, "Find a metric");
    click(&mut window, "Logarithmic");
    click(&mut window, "Remove this plot");
    click(&mut window, "Put the plots back as they were delivered");
    expect(&mut window, "Chart of Empathy reward");
}

#[test]
fn the_last_points_can_be_followed_and_events_lead_to_their_step() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open(store.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Follow");
    click(&mut window, "Following");
    click(&mut window, "Show all");
    assert!(!shows(&window, "Show all"));
    expect(&mut window, "1 not finite");
    click(&mut window, "Show Events");
    click(&mut window, "Show KL rose by 40 % within 10 steps");
    expect(&mut window, "Remove pin");
    expect(&mut window, "That is great, said at 100.");
    click(&mut window, "Remove pin");
    assert!(!shows(&window, "Remove pin"));
}
