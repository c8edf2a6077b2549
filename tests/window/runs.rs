//! Saved runs are found, filtered, sorted and opened; a run's page shows all that was recorded.

use crate::window_support::{
    Window, click, expect, find, open, open_as, open_runs, press, press_command, run, settle,
    shows, wait_for, write_in,
};
use eframe::egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use emprl::store::RunStatus;

/// A store with one run of all four stages, and the window at its page.
fn open_page() -> (tempfile::TempDir, Window) {
    let (store, mut window) = open_runs(&[("first try", RunStatus::Finished)]);
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    (store, window)
}

#[test]
fn runs_are_listed_and_filtered() {
    let (_store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Stopped),
    ]);
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
    write_in(&mut window, "Filter runs", "stopped");
    expect(&mut window, "1 of 2 runs");
    assert!(!shows(&window, "first try"));
    write_in(&mut window, "Filter runs", " nothing of the kind");
    click(&mut window, "Clear the filter");
    expect(&mut window, "first try");
}

#[test]
fn a_filter_is_completed_marked_where_it_is_wrong_and_kept() {
    let (_store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Stopped),
    ]);
    press_command(&mut window, Key::F);
    find(&window, "Filter runs").type_text("stat");
    settle(&mut window);
    expect(&mut window, "Write status");
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Enter);
    find(&window, "Filter runs").type_text("= fin");
    settle(&mut window);
    click(&mut window, "Write finished");
    expect(&mut window, "1 of 2 runs");
    assert!(!shows(&window, "second try"));
    click(&mut window, "Keep this filter below the field");
    click(&mut window, "Clear the filter's text");
    expect(&mut window, "2 runs");
    click(&mut window, "status = finished ");
    expect(&mut window, "1 of 2 runs");
    click(&mut window, "Remove the kept filter status = finished ");
    write_in(&mut window, "Filter runs", "and kl < much");
    expect(&mut window, "`kl` is a number, and `much` is none");
    // What was understood last still holds.
    expect(&mut window, "1 of 2 runs");
}

#[test]
fn nothing_moves_while_a_filter_is_written_and_its_error_is_said_alone() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open_as(
        Harness::builder().with_size([900.0, 600.0]),
        store.path(),
        store.path(),
    );
    click(&mut window, "Runs");
    let places = |window: &Window| {
        ["Show Archived", "Group by", "Columns", "Sort by Name"]
            .map(|label| find(window, label).rect())
    };
    let before = places(&window);
    find(&window, "Filter runs").focus();
    window.run_ok();
    // The beginning of a condition, what is wrong as it stands, and a condition.
    for (typed, rows, wrong) in [
        ("stat", true, false),
        ("us", true, false),
        (" = ", true, false),
        ("nonsense", true, true),
    ] {
        find(&window, "Filter runs").type_text(typed);
        settle(&mut window);
        assert_eq!(places(&window), before, "after {typed:?}");
        assert_eq!(shows(&window, "Run 1, first try"), rows, "after {typed:?}");
        assert_eq!(shows(&window, "nonsense"), wrong, "after {typed:?}");
        assert!(!shows(&window, "No run matches"), "after {typed:?}");
    }
    click(&mut window, "Clear the filter's text");
    assert_eq!(places(&window), before);
}

#[test]
fn every_figure_of_a_result_can_be_read_at_the_least_size() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    let mut window = open_as(
        Harness::builder().with_size([900.0, 600.0]),
        store.path(),
        store.path(),
    );
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    click(&mut window, "Evaluation: done");
    expect(&mut window, "Difference");
    let side = find(&window, "Show Samples").rect().left();
    for label in [
        "Difference",
        "Generator",
        "EmpRL",
        "68.00",
        "67.00 – 69.00",
        "+19.00",
    ] {
        let mut found = window.query_all_by_label(label).peekable();
        assert!(found.peek().is_some(), "{label}");
        for node in found {
            assert!(
                node.rect().right() < side,
                "{label} is behind the side panel"
            );
        }
    }
    // The figures of the identifiers too.
    click(&mut window, "Identifiers: 40 steps");
    expect(&mut window, "Macro F1 %");
    for label in ["87.68", "94.80", "commonest level"] {
        for node in window.query_all_by_label(label) {
            assert!(
                node.rect().right() < side,
                "{label} is behind the side panel"
            );
        }
    }
}

#[test]
fn runs_are_tagged_archived_deleted_and_brought_back() {
    let (store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Finished),
    ]);
    click(&mut window, "Choose run 1");
    expect(&mut window, "1 chosen");
    write_in(&mut window, "Tag", "paper");
    click(&mut window, "Add tag");
    expect(&mut window, "Run 1 tagged paper");
    click(&mut window, "Delete");
    expect(&mut window, "Run 1 deleted");
    expect(&mut window, "1 run");
    click(&mut window, "Undo");
    expect(&mut window, "Run 1 brought back");
    // An Undo beside these words would undo the tag.
    assert!(!shows(&window, "Undo"));
    expect(&mut window, "2 runs");
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    assert_eq!(reader.list_runs().unwrap()[1].tags, ["paper"]);

    click(&mut window, "Choose run 2");
    click(&mut window, "Archive");
    expect(&mut window, "Run 2 archived");
    click(&mut window, "Show Archived");
    expect(&mut window, "second try");
    assert!(!shows(&window, "first try"));

    click(&mut window, "Show Runs");
    click(&mut window, "Choose run 1");
    click(&mut window, "Delete");
    click(&mut window, "Show Deleted");
    click(&mut window, "Choose run 1");
    click(&mut window, "Remove for good…");
    expect(&mut window, "This cannot be undone");
    click(&mut window, "Remove for good");
    expect(&mut window, "Run 1 removed for good");
    assert!(!store.path().join("runs/1").exists());
    assert_eq!(reader.list_runs().unwrap().len(), 1);
}

#[test]
fn columns_and_groups_can_be_chosen() {
    let (_store, mut window) = open_runs(&[("a", RunStatus::Finished), ("b", RunStatus::Finished)]);
    click(&mut window, "Columns");
    click(&mut window, "Remove seed");
    write_in(&mut window, "Find a column", "ppo.lr");
    click(&mut window, "Add ppo.lr");
    expect(&mut window, "Sort by ppo.lr");
    assert!(!shows(&window, "Sort by Seed"));
    press(&mut window, Key::Escape);
    click(&mut window, "Group by");
    click(&mut window, "experiment");
    expect(&mut window, "Group experiment quickstart, 2 runs");
    // The box of a group ticks its runs.
    click(&mut window, "Choose the runs of experiment quickstart");
    expect(&mut window, "2 chosen");
    click(&mut window, "Choose run 1");
    expect(&mut window, "1 chosen");
    click(&mut window, "Choose the runs of experiment quickstart");
    expect(&mut window, "2 chosen");
    click(&mut window, "Choose the runs of experiment quickstart");
    assert!(!shows(&window, " chosen"));
}

#[test]
fn a_note_that_is_being_written_is_kept_when_another_run_is_opened() {
    let (store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Finished),
    ]);
    click(&mut window, "Run 1, first try");
    click(&mut window, "Show Notes");
    write_in(&mut window, "Note", "half a thought");
    // By the keyboard, so that the field is not left before.
    press_command(&mut window, Key::Num4);
    click(&mut window, "Run 2, second try");
    expect(&mut window, "Note of run 1 changed");
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    let note = |run| reader.run(emprl::store::RunId(run)).unwrap().row.note;
    assert_eq!((note(1).as_str(), note(2).as_str()), ("half a thought", ""));

    // What another program writes is not overwritten by what was only looked at.
    click(&mut window, "Show Notes");
    let second = emprl::store::RunId(2);
    let mut store = emprl::store::Store::open(store.path()).unwrap();
    store.set_note(second, "by another").unwrap();
    press_command(&mut window, Key::Num4);
    click(&mut window, "Run 1, first try");
    settle(&mut window);
    assert_eq!(note(2), "by another");
}

#[test]
fn nothing_is_done_to_runs_that_a_filter_hides() {
    let (store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Finished),
    ]);
    click(&mut window, "Choose run 1");
    click(&mut window, "Choose run 2");
    write_in(&mut window, "Filter runs", "name = \"second try\"");
    expect(&mut window, "1 of 2 runs");
    expect(&mut window, "and 1 out of sight, left as they are");
    click(&mut window, "Delete");
    expect(&mut window, "Run 2 deleted");
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    let left: Vec<i64> = reader
        .list_runs()
        .unwrap()
        .iter()
        .map(|row| row.id.0)
        .collect();
    assert_eq!(left, [1]);
}

#[test]
fn notes_of_a_run_are_kept_and_its_name_changed() {
    let (store, mut window) = open_page();
    click(&mut window, "Show Notes");
    write_in(&mut window, "Note", "the best so far");
    click(&mut window, "Keep the note");
    expect(&mut window, "Note of run 1 changed");
    write_in(&mut window, "New tag", "paper");
    click(&mut window, "Add tag");
    expect(&mut window, "Remove the tag paper");
    let reader = emprl::store::StoreReader::open(store.path()).unwrap();
    let row = reader.run(emprl::store::RunId(1)).unwrap().row;
    assert_eq!(
        (row.note.as_str(), row.tags),
        ("the best so far", vec!["paper".to_string()])
    );
}

#[test]
fn every_column_sorts() {
    let (_store, mut window) = open_runs(&[("a", RunStatus::Finished), ("b", RunStatus::Finished)]);
    let top = |window: &crate::window_support::Window| {
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
        "Emp-F1, valid. subset, last",
        "Emp-F1, test split",
        "Reward",
        "KL",
    ] {
        click(&mut window, &format!("Sort by {column}"));
    }
}

#[test]
fn a_run_page_shows_results_curves_dialogues_settings_and_events() {
    let (_store, mut window) = open_page();
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
    expect(&mut window, "87.68");
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
    let (_store, mut window) = open_page();
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
    let (_store, mut window) = open_runs(&[
        ("failed", RunStatus::Failed),
        ("cut off", RunStatus::Interrupted),
    ]);
    click(&mut window, "Run 1, failed");
    wait_for(&mut window, "the loss is not a number", 5);
    click(&mut window, "Back to all runs");
    click(&mut window, "Run 2, cut off");
    wait_for(&mut window, "Resume", 5);
    expect(&mut window, "Interrupted");
}

#[test]
fn start_says_what_was_interrupted_and_what_of_it_is_done_again() {
    let (_store, mut window) = open_runs(&[
        ("whole", RunStatus::Finished),
        ("cut off", RunStatus::Interrupted),
    ]);
    click(&mut window, "Start");
    expect(&mut window, "cut off #2 was interrupted");
    // Its only checkpoint is that of an earlier stage.
    expect(&mut window, "It begins this stage anew");
    expect(&mut window, "done again");
    // The data of these runs are not those of the program.
    click(&mut window, "Resume");
    expect(&mut window, "It could not be resumed");
    click(&mut window, "Open it");
    expect(&mut window, "Back to all runs");
}

#[test]
fn plots_can_be_chosen_and_put_back() {
    let (_store, mut window) = open_page();
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
    let (_store, mut window) = open_page();
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Add plot");
    expect(&mut window, "Find a metric");
    let moves = |window: &crate::window_support::Window| {
        let names = crate::window_support::labels(window);
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
    let (_store, mut window) = open_page();
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    click(&mut window, "Follow");
    click(&mut window, "Following");
    click(&mut window, "Show all");
    assert!(!shows(&window, "Show all"));
    for plot in [
        "Emp-F1 (validation)",
        "κ by mechanism (validation)",
        "PPL (validation)",
        "Value loss",
    ] {
        let label = format!("Choose what \"{plot}\" shows");
        if let Some(menu) = window.query_by_label(&label) {
            menu.scroll_to_me();
        }
        settle(&mut window);
    }
    expect(&mut window, "1 not finite");
    click(&mut window, "Show Events");
    click(&mut window, "Show KL rose by 40 % within 10 steps");
    expect(&mut window, "Remove pins");
    expect(&mut window, "That is great, said at 100.");
    click(&mut window, "Remove pins");
    assert!(!shows(&window, "Remove pins"));
}

#[test]
fn a_read_only_store_is_marked_read_and_changed_by_nothing() {
    let (store, window) = open_runs(&[("first try", RunStatus::Finished)]);
    drop(window);
    let db = store.path().join("emprl.db");
    let raw = rusqlite::Connection::open(&db).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(raw);
    let before = std::fs::read(&db).unwrap();
    let mut window = open(store.path());
    click(&mut window, "Runs");
    expect(&mut window, "Store: read-only");
    expect(&mut window, "first try");
    click(&mut window, "Choose run 1");
    click(&mut window, "Delete");
    // Refused, with the reason in the log.
    click(&mut window, "1 problem");
    expect(&mut window, "it can be read but not changed");
    assert!(!shows(&window, "Run 1 deleted"));
    assert!(std::fs::read(&db).unwrap() == before, "not a byte changed");
}

#[test]
fn a_column_a_filter_and_a_group_are_read_when_they_are_chosen() {
    let (_store, mut window) = open_runs(&[
        ("first try", RunStatus::Finished),
        ("second try", RunStatus::Stopped),
    ]);
    expect(&mut window, "2 runs");
    // None of the columns shows a setting.
    write_in(&mut window, "Filter runs", "run.seed >= 0 and ppo.lr > 0");
    expect(&mut window, "2 runs");
    expect(&mut window, "first try");
}
