//! Data and models: a model is fetched from a hub and then offered; what goes wrong is said.

use std::path::Path;
use std::time::Duration;

use egui_kittest::Harness;
use egui_kittest::kittest::NodeT;
use emprl::fetch::hub::Settings;

use crate::hub_support::{MODEL, TestHub};
use crate::window_support::{
    Window, click, expect, find, open, open_by, settle, shows, wait_for, write_in,
};

fn models(store: &Path, hub: &TestHub) -> Window {
    let settings = Settings {
        endpoint: hub.endpoint.clone(),
        cache: store.join("cache"),
        token: None,
        offline: false,
        certificates: None,
    };
    let builder = Harness::builder().with_size([1280.0, 800.0]);
    let mut window = open_by(builder, store, store, settings);
    click(&mut window, "Data and models");
    click(&mut window, "Show Models");
    window
}

#[test]
fn a_model_is_fetched_when_asked_and_offered_afterwards() {
    let (hub, store) = (TestHub::start(), tempfile::tempdir().unwrap());
    let mut window = models(store.path(), &hub);
    write_in(&mut window, "Model to fetch", MODEL);
    assert!(hub.take_requests().is_empty(), "nothing before the button");
    click(&mut window, "Fetch");
    wait_for(&mut window, "ada/tiny is there, 300", 20);
    // Known by its name, wherever a model's folder is asked for.
    write_in(&mut window, "Model folder", "ada/t");
    wait_for(&mut window, "models--ada--tiny/snapshots/", 10);
    click(&mut window, "Talk");
    let folder = find(&window, "Model folder of A").accesskit_node().value();
    assert!(folder.unwrap_or_default().contains("models--ada--tiny"));

    // The next window knows it, without asking the hub.
    hub.take_requests();
    let mut window = models(store.path(), &hub);
    expect(&mut window, "ada/tiny");
    assert!(hub.take_requests().is_empty());
}

#[test]
fn a_fetch_is_cancelled_and_goes_on_later() {
    let (hub, store) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.state().pause = Duration::from_millis(1500);
    let mut window = models(store.path(), &hub);
    write_in(&mut window, "Model to fetch", MODEL);
    click(&mut window, "Fetch");
    wait_for(&mut window, "Fetching ada/tiny: 150", 20);
    click(&mut window, "Cancel");
    assert!(!shows(&window, "Fetching ada/tiny"));
    assert!(!shows(&window, "was not fetched"));
    hub.state().pause = Duration::ZERO;
    click(&mut window, "Fetch");
    wait_for(&mut window, "ada/tiny is there", 20);
}

#[test]
fn what_goes_wrong_is_said_in_words() {
    let (hub, store) = (TestHub::start(), tempfile::tempdir().unwrap());
    let mut window = models(store.path(), &hub);
    write_in(&mut window, "Model to fetch", "gpt2");
    click(&mut window, "Fetch");
    wait_for(&mut window, "gpt2 was not fetched", 20);
    expect(&mut window, "OWNER/NAME");
    hub.state().gated = true;
    find(&window, "Model to fetch").focus();
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, eframe::egui::Key::A);
    settle(&mut window);
    write_in(&mut window, "Model to fetch", MODEL);
    click(&mut window, "Fetch");
    wait_for(&mut window, "is gated: accept its terms on", 20);
}

#[test]
fn a_set_is_not_fetched_without_a_network() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Data and models");
    click(&mut window, "Set EmpatheticDialogues");
    expect(&mut window, "data fetch empathetic-dialogues");
    click(&mut window, "Fetch");
    expect(&mut window, "The set was not imported");
    expect(&mut window, "HF_HUB_OFFLINE");
}
