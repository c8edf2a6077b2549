//! Means over seeds say how many runs they are of, and never hide a setting that was changed during a run.

use eframe::egui::pos2;
use emprl::metrics::declared::EMPATHY_REWARD;

use crate::seeds_support::seed_run;
use crate::window_support::{
    click, expect, find, labels, open, press, press_command, settle, shows, write_in,
};
use eframe::egui::Key;
use egui_kittest::kittest::Queryable;

const LONG: &[(u64, f64)] = &[(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)];
const SHORT: &[(u64, f64)] = &[(1, 0.3), (2, 0.4)];

/// Compares every run of the store, with a mean over seeds.
fn compare_means(window: &mut crate::window_support::Window) {
    click(window, "Runs");
    click(window, "Choose every run shown");
    press_command(window, Key::Num5);
    expect(window, "Settings that differ");
    click(window, "Lines Means over seeds");
}

#[test]
fn a_mean_counts_runs_at_each_step_on_screen_and_in_the_files() {
    let store = tempfile::tempdir().unwrap();
    seed_run(
        store.path(),
        "sweep seed 1",
        1,
        (EMPATHY_REWARD, LONG),
        None,
    );
    seed_run(
        store.path(),
        "sweep seed 2",
        2,
        (EMPATHY_REWARD, SHORT),
        None,
    );
    let mut window = open(store.path());
    compare_means(&mut window);
    let name = "quickstart (n 1–2, thin and no band where n = 1)";
    expect(&mut window, &format!("Chart of Empathy reward; {name}"));
    let legend = labels(&window);
    assert!(legend.iter().any(|label| label == name), "{legend:?}");

    click(&mut window, "Choose what \"Empathy reward\" shows");
    click(&mut window, "Save as CSV, SVG and PNG");
    expect(&mut window, "saved as csv, svg, png");
    let file = |ending: &str| {
        let name = format!("exports/compare-ppo-reward-empathy.{ending}");
        std::fs::read(store.path().join(name)).unwrap()
    };
    let csv = String::from_utf8(file("csv")).unwrap();
    let mut table = csv::Reader::from_reader(csv.as_bytes());
    let heads = table.headers().unwrap().clone();
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let figures = ["step", "low", "high", "n"].map(at);
    let rows: Vec<[String; 4]> = table
        .records()
        .map(|row| figures.map(|column| row.as_ref().unwrap()[column].to_string()))
        .collect();
    assert_eq!(rows[0][3], "2");
    for step in ["3", "4"] {
        assert!(
            rows.contains(&[step, "", "", "1"].map(String::from)),
            "{csv}"
        );
    }
    let svg = String::from_utf8(file("svg")).unwrap();
    assert!(svg.contains(name) && svg.contains("<polygon"), "{svg}");
}

#[test]
fn a_run_that_has_no_data_is_not_counted() {
    let store = tempfile::tempdir().unwrap();
    seed_run(
        store.path(),
        "sweep seed 1",
        1,
        (EMPATHY_REWARD, LONG),
        None,
    );
    seed_run(
        store.path(),
        "sweep seed 2",
        2,
        ("ppo/kl/full", SHORT),
        None,
    );
    let mut window = open(store.path());
    compare_means(&mut window);
    expect(
        &mut window,
        "Chart of Empathy reward; quickstart (n = 1 of 2 runs, thin, no band)",
    );
}

#[test]
fn a_run_changed_on_the_way_is_told_from_the_others_everywhere() {
    let store = tempfile::tempdir().unwrap();
    for (seed, change) in [(1, None), (2, None), (3, Some((2, 5e-5)))] {
        let name = format!("sweep seed {seed}");
        seed_run(store.path(), &name, seed, (EMPATHY_REWARD, LONG), change);
    }
    let words = "3e-4 until step 2, then 5e-5";
    let mut window = open(store.path());
    compare_means(&mut window);
    expect(&mut window, "quickstart, ppo.lr 3e-4 (n = 2)");
    expect(&mut window, "sweep seed 3 #3 (n = 1, thin, no band)");
    expect(&mut window, words);

    click(&mut window, "Runs");
    for (filter, shown) in [("ppo.lr = 3e-4", "2 of 3 runs"), ("changed", "1 of 3 runs")] {
        press_command(&mut window, Key::F);
        press_command(&mut window, Key::A);
        write_in(&mut window, "Filter runs", filter);
        press(&mut window, Key::Enter);
        expect(&mut window, shown);
    }
    click(&mut window, "Clear the filter's text");
    find(&window, "Group by").click();
    settle(&mut window);
    click(&mut window, "experiment");
    expect(&mut window, "Group experiment quickstart, 2 runs");
    let changed = format!("Group experiment quickstart, ppo.lr {words}, 1 run");
    expect(&mut window, &changed);

    click(&mut window, "Run 3, sweep seed 3");
    click(&mut window, "Show Settings");
    expect(&mut window, words);
}

#[test]
fn the_largest_numbers_are_drawn_over_each_other() {
    let store = tempfile::tempdir().unwrap();
    let most: &[(u64, f64)] = &[(1, 1e308), (2, 1e308), (3, 0.5)];
    let least: &[(u64, f64)] = &[(1, -1e308), (2, 1e308), (3, 0.25)];
    seed_run(store.path(), "up", 1, (EMPATHY_REWARD, most), None);
    seed_run(store.path(), "down", 2, (EMPATHY_REWARD, least), None);
    let mut window = open(store.path());
    compare_means(&mut window);
    expect(&mut window, "quickstart (n = 2)");
    click(&mut window, "Lines Each run");
    expect(&mut window, "; down #2");
    let chart = window
        .get_by_label_contains("Chart of Empathy reward")
        .rect();
    // What is under the pointer is read off, too.
    window.hover_at(pos2(chart.center().x, chart.center().y));
    settle(&mut window);
    // As long as the plots are read by time, with logarithms, or smoothed, they are drawn, too.
    for label in ["Along x Time", "Along x Clock", "Along x Step"] {
        click(&mut window, label);
        window.hover_at(pos2(chart.center().x, chart.center().y));
        settle(&mut window);
    }
    click(&mut window, "Choose what \"Empathy reward\" shows");
    click(&mut window, "Logarithmic");
    click(&mut window, "Logarithmic");
    press(&mut window, Key::Escape);
    click(&mut window, "Choose what \"Empathy reward\" shows");
    click(&mut window, "Save as CSV, SVG and PNG");
    expect(&mut window, "saved as csv, svg, png");
    let file = store.path().join("exports/compare-ppo-reward-empathy.svg");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.contains("1e308") && !svg.contains("NaN"), "{svg}");
    click(&mut window, "Runs");
    click(&mut window, "Run 2, down");
    expect(&mut window, "Empathy reward");
    assert!(!shows(&window, "problem"));
}
