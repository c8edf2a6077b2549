//! A rollout is looked at token by token, by pointer and by keyboard; one dialogue is looked at over all
//! evaluations; steps of the plots and alerts lead to both.

use crate::window_support::{
    Window, click, expect, find, labels, open, open_as, press, run, settle, shows, wait_for,
};
use eframe::egui::{Key, pos2, vec2};
use egui_kittest::kittest::Queryable;
use emprl::experiment::TokenQuantity;
use emprl::store::RunStatus;

/// The page of a run in a store of its own, at the plots of PPO.
fn page(store: &std::path::Path) -> Window {
    run(store, "first try", RunStatus::Finished);
    let mut window = open(store);
    click(&mut window, "Runs");
    click(&mut window, "Run 1, first try");
    wait_for(&mut window, "PPO: ", 5);
    window.get_by_label_contains("PPO: ").click();
    settle(&mut window);
    window
}

/// The one label on screen that begins so.
fn told(window: &Window, begin: &str) -> String {
    let mut all = labels(window).into_iter().filter(|l| l.starts_with(begin));
    let first = all.next();
    first.unwrap_or_else(|| panic!("no label begins with \"{begin}\": {:?}", labels(window)))
}

/// Moves the keyboard to a token's chip, as Tab would.
fn focus(window: &mut Window, token: &str) {
    let label = told(window, token);
    find(window, &label).focus();
    settle(window);
}

#[test]
fn a_response_is_shown_token_by_token_with_all_its_figures() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    click(&mut window, "Show Rollout");
    expect(&mut window, "Token 1, That: k1 0.100");
    for words in [
        "reward 0.500 · KL k1 0.600",
        "1 of 2",
        "I ran a marathon, it is step 100!",
        "You must be so proud.",
        "KL k1 0.600",
        "3 tokens",
        "ended",
        "Log-ratio (KL k1)",
        "Colours from \u{2212}0.300 to 0.300",
        "Token 2, is: k1 0.200, full KL 0.0200, advantage \u{2212}0.400, value 2.00",
        "Token 3, end: k1 0.300",
        "Row of token 2, is: k1 0.200",
        "Advantage: How much better than expected",
    ] {
        expect(&mut window, words);
    }
    click(&mut window, "Next response");
    expect(&mut window, "reward 0.250 · KL k1 0.500");
    expect(&mut window, "cut at the longest length");
    expect(&mut window, "Token 1, That: takes no part in the step");
    expect(&mut window, "value NaN");
    click(&mut window, "Response before");
    expect(&mut window, "reward 0.500 · KL k1 0.600");
    click(&mut window, "Rollout before");
    expect(&mut window, "I ran a marathon, it is step 50!");
    click(&mut window, "Next rollout");
    expect(&mut window, "I ran a marathon, it is step 100!");
}

#[test]
fn the_colours_tell_what_is_chosen() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    click(&mut window, "Show Rollout");
    expect(&mut window, "Token 1, That: k1 0.100");
    for (quantity, ends, first) in [
        ("Full KL", "Colours from 0 to 0.0300", "full KL 0.0100"),
        ("Value", "Colours from \u{2212}3.00 to 3.00", "value 1.00"),
        (
            "Log-prob, policy",
            "Colours from 0 to \u{2212}1.90",
            "log π \u{2212}1.90",
        ),
    ] {
        click(&mut window, "Colour by");
        click(&mut window, quantity);
        expect(&mut window, ends);
        expect(&mut window, &format!("Token 1, That: {first}"));
    }
}

#[test]
fn the_tokens_are_one_stop_of_the_keyboard() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    click(&mut window, "Show Rollout");
    expect(&mut window, "Token 1, That");
    focus(&mut window, "Token 1, That");
    for (key, token) in [
        (Key::ArrowRight, "Token 2, is"),
        (Key::End, "Token 3, end"),
        (Key::ArrowRight, "Token 3, end"),
        (Key::ArrowLeft, "Token 2, is"),
        (Key::Home, "Token 1, That"),
    ] {
        press(&mut window, key);
        let label = told(&window, token);
        assert!(find(&window, &label).is_focused(), "{token}");
    }
    press(&mut window, Key::Tab);
    for token in ["Token 1, That", "Token 2, is", "Token 3, end"] {
        let label = told(&window, token);
        assert!(!find(&window, &label).is_focused(), "Tab leaves the tokens");
    }
    // A row of the table leads to its token.
    let row = told(&window, "Row of token 3");
    click(&mut window, &row);
    focus(&mut window, "Token 3, end");
    press(&mut window, Key::ArrowLeft);
    let label = told(&window, "Token 2, is");
    assert!(find(&window, &label).is_focused());
}

#[test]
fn a_step_in_the_plots_leads_to_the_nearest_rollout_and_samples() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    click(&mut window, "Show Rollout");
    expect(&mut window, "it is step 100!");
    // A click a third into the plot pins a step before 75, whose nearest evaluation is that of 50.
    let chart = window
        .get_by_label_contains("Chart of Empathy reward")
        .rect();
    let at = chart.left_center() + eframe::egui::vec2(chart.width() * 0.4, 0.0);
    window.hover_at(at);
    window.run_ok();
    for pressed in [true, false] {
        window.event(eframe::egui::Event::PointerButton {
            pos: at,
            button: eframe::egui::PointerButton::Primary,
            pressed,
            modifiers: Default::default(),
        });
        window.run_ok();
    }
    settle(&mut window);
    expect(&mut window, "Remove pins");
    expect(&mut window, "it is step 50!");
    click(&mut window, "Show Samples");
    expect(&mut window, "That is great, said at 50.");
}

#[test]
fn an_alert_leads_to_its_step_its_samples_and_its_rollout() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    click(&mut window, "Show Rollout");
    click(&mut window, "Rollout before");
    expect(&mut window, "it is step 50!");
    wait_for(&mut window, "Show Events · 2", 5);
    click(&mut window, "Show Events · 2");
    click(&mut window, "Show KL rose by 40 % within 10 steps");
    expect(&mut window, "Remove pins");
    expect(&mut window, "That is great, said at 100.");
    click(&mut window, "Show Rollout");
    expect(&mut window, "it is step 100!");
    click(&mut window, "Show Events · 2");
    click(
        &mut window,
        "Show 60 % of the sample dialogues are answered alike",
    );
    expect(&mut window, "That is great, said at 50.");
    click(&mut window, "Show Rollout");
    expect(&mut window, "it is step 50!");
}

#[test]
fn one_dialogue_is_shown_over_all_evaluations() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    expect(&mut window, "That is great, said at 100.");
    click(&mut window, "Dialogue 1 over the steps");
    for words in [
        "2 evaluations, the latest first; the answer changed once",
        "PPO 100",
        "That is great, said at 100.",
        "PPO 50",
        "That is great, said at 50.",
        "You must be so proud.",
        "reward 0.064",
    ] {
        expect(&mut window, words);
    }
    click(&mut window, "All dialogues of a step");
    expect(&mut window, "That is great, said at 100.");
    assert!(!shows(&window, "That is great, said at 50."));
}

#[test]
fn a_run_without_rollouts_says_what_will_stand_there() {
    let store = tempfile::tempdir().unwrap();
    let mut window = page(store.path());
    let raw = rusqlite::Connection::open(store.path().join("emprl.db")).unwrap();
    raw.execute("DELETE FROM rollouts", []).unwrap();
    click(&mut window, "Back to all runs");
    click(&mut window, "Run 1, first try");
    click(&mut window, "Show Rollout");
    expect(
        &mut window,
        "Responses of the policy in training appear here from its first evaluation on",
    );
}

/// Turns the wheel over a place.
fn turn(window: &mut Window, over: eframe::egui::Pos2, delta: eframe::egui::Vec2) {
    window.hover_at(over);
    window.event(eframe::egui::Event::MouseWheel {
        unit: eframe::egui::MouseWheelUnit::Point,
        delta,
        phase: eframe::egui::TouchPhase::Move,
        source: eframe::egui::MouseWheelSource::Unknown,
        modifiers: Default::default(),
    });
    settle(window);
}

#[test]
fn every_column_of_the_tokens_comes_into_sight_in_a_narrow_window() {
    let store = tempfile::tempdir().unwrap();
    run(store.path(), "first try", RunStatus::Finished);
    for size in [[1280.0, 800.0], [900.0, 600.0]] {
        let builder = egui_kittest::Harness::builder().with_size(size);
        let mut window = open_as(builder, store.path(), store.path());
        click(&mut window, "Runs");
        click(&mut window, "Run 1, first try");
        wait_for(&mut window, "PPO: ", 5);
        window.get_by_label_contains("PPO: ").click();
        click(&mut window, "Show Rollout");
        expect(&mut window, "Token 1, That");
        // The figures begin beside the tokens, which stay.
        let panel = window.get_by_label_contains("Colours from").rect().left();
        let figures = panel + 109.0;
        turn(
            &mut window,
            pos2(panel + 60.0, size[1] - 120.0),
            vec2(0.0, -1e4),
        );
        let row = told(&window, "Row of token 1");
        let over = pos2(panel + 60.0, find(&window, &row).rect().center().y);
        let titles = TokenQuantity::ALL.map(TokenQuantity::title).into_iter();
        // Only steps that scored the truncated distribution have its figures.
        let titles: Vec<&str> = titles
            .filter(|title| !title.ends_with("truncated"))
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        for to_the_left in [0.0].into_iter().chain([-60.0; 12]) {
            turn(&mut window, over, vec2(to_the_left, 0.0));
            for title in &titles {
                let head = told(&window, &format!("{title}: "));
                let rect = find(&window, &head).rect();
                if rect.left() >= figures && rect.right() <= size[0] {
                    seen.insert(title);
                }
            }
        }
        let missing: Vec<_> = titles
            .iter()
            .filter(|title| !seen.contains(*title))
            .collect();
        assert!(missing.is_empty(), "{size:?}: {missing:?}");
    }
}
