//! What Compare costs a frame: 12 plots of 20 runs, the whole window.

use std::path::Path;

use eframe::egui::{Event, Key, PointerButton, Pos2, pos2};
use emprl::experiment::{Environment, ExperimentFile, Report, Stage};
use emprl::metrics::declared::*;
use emprl::store::{NewRun, RunStatus, Store};
use serde_json::json;

use crate::people::{Frames, report};
use crate::window_support::{click, expect, find, open, press, press_command};

const RUNS: u64 = 20;
const STEPS: u64 = 5_000;
const FRAMES: usize = 240;
/// Logged at each step, and at each evaluation.
const EACH: [&str; 9] = [
    EMPATHY_REWARD,
    KL_K1,
    KL_K3,
    KL_FULL,
    VALUE_LOSS,
    ENTROPY,
    RESPONSE_LENGTH,
    CLIP_FRACTION,
    VALUE_CLIP_FRACTION,
];
const EVALUATED: [&str; 3] = [VALIDATION_EMP_F1, VALIDATION_PPL, VALIDATION_DIST_2];

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 1..=RUNS {
        recorded(folder.path(), seed);
    }
    let mut window = open(folder.path());
    click(&mut window, "Runs");
    click(&mut window, "Choose every run shown");
    press_command(&mut window, Key::Num5);
    expect(&mut window, "Settings that differ");
    for _ in 0..4 {
        click(&mut window, "Add plot");
        press(&mut window, Key::Escape);
    }
    let means = find(&window, "Lines Means over seeds").rect().center();
    let slider = find(&window, "Smoothing").rect();
    let mut frames = Frames::of(window);
    // So high that all plots are in sight.
    frames.size = [1600.0, 1400.0];
    for n in 0..30 {
        frames.frame(vec![over(n)]);
    }
    let of = json!({"plots": 12, "runs": RUNS, "steps": STEPS});
    let moved = |frames: &mut Frames, case: &str| {
        let mut times: Vec<f64> = (0..FRAMES).map(|n| frames.frame(vec![over(n)])).collect();
        report(case, &mut times, of.clone());
    };
    moved(&mut frames, "the pointer moves over the plots of Compare");
    let at = |n: usize| pos2(slider.left() + 10.0 + (n % 70) as f32, slider.center().y);
    frames.frame(vec![Event::PointerMoved(at(0))]);
    frames.frame(vec![button(at(0), true)]);
    let mut times: Vec<f64> = (1..FRAMES)
        .map(|n| frames.frame(vec![Event::PointerMoved(at(n))]))
        .collect();
    frames.frame(vec![button(at(FRAMES), false)]);
    report(
        "the smoothing of Compare is dragged",
        &mut times,
        of.clone(),
    );
    frames.frame(vec![Event::PointerMoved(means)]);
    for pressed in [true, false] {
        frames.frame(vec![button(means, pressed)]);
    }
    for n in 0..200 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        frames.frame(vec![over(n)]);
    }
    moved(&mut frames, "the same over means of seeds");
}

fn over(n: usize) -> Event {
    Event::PointerMoved(pos2(
        200.0 + (n * 7 % 1_200) as f32,
        250.0 + (n * 5 % 1_000) as f32,
    ))
}

fn button(pos: Pos2, pressed: bool) -> Event {
    Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Default::default(),
    }
}

/// A finished run; of every four one setting is the same.
fn recorded(dir: &Path, seed: u64) {
    let preset = ExperimentFile::preset("quickstart").expect("it comes with the program");
    let mut config = preset.expect("it can be read").config;
    config.run.seed = seed;
    config.ppo.lr = 1e-4 * (1 + seed % 5) as f64;
    let mut store = Store::open(dir).expect("a store");
    let new = NewRun {
        name: format!("sweep seed {seed}"),
        experiment: "sweep".into(),
        seed,
        device: "flex".into(),
        config_toml: config.to_toml(),
        environment: Environment::capture(),
        fingerprints: Default::default(),
    };
    let lock = store.create_run(&new).expect("a run");
    let reports: Vec<(i64, Report)> = (1..=STEPS)
        .map(|step| {
            let noise = ((step.wrapping_mul(2_654_435_761) ^ (seed << 7)) % 1_000) as f64 / 1e3;
            let value = (step as f64 / STEPS as f64).sqrt() + 0.3 * noise + 0.05 * seed as f64;
            let evaluated = EVALUATED.iter().filter(|_| step % 100 == 0);
            let names = EACH.iter().chain(evaluated);
            let report = Report::Metrics {
                stage: Stage::Ppo,
                step,
                total: STEPS,
                values: names.map(|name| (name.to_string(), value)).collect(),
            };
            (1_000_000 + step as i64 * 100, report)
        })
        .collect();
    store.record(lock.run(), &reports).expect("reports");
    store
        .set_status(lock.run(), RunStatus::Finished, None, 2_000_000)
        .expect("a status");
}
