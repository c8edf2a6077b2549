//! What the tests of the window share: a window without a display, and a store with runs in it.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers, Role, UiBuilder};
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, HarnessBuilder, Node};
use emprl::app::{App, Options};
use emprl::checkpoint::publish;
use emprl::data::{EmpathyLevel, Mechanism};
use emprl::experiment::{
    Environment, EventKind, ExperimentFile, Report, RolloutResponse, RolloutToken, SampleDialogue,
    SampleLevel, Severity, Stage, TokenFigures,
};
use emprl::fetch::hub::Settings;
use emprl::metrics::declared::*;
use emprl::metrics::identified::SCORES_FILE;
use emprl::metrics::{Confusion, IdentifierScores};
use emprl::store::{NewRun, RunId, RunStatus, Store};

pub type Window = Harness<'static, Option<App>>;

/// The window on this store, as large as it is opened.
pub fn open(store: &Path) -> Window {
    open_with(store, store)
}

/// The same with a folder of experiment files of one's own.
pub fn open_with(store: &Path, experiments: &Path) -> Window {
    let builder = Harness::builder().with_size([1280.0, 800.0]);
    open_as(builder, store, experiments)
}

/// The same of another size or look.
pub fn open_as(builder: HarnessBuilder<Option<App>>, store: &Path, experiments: &Path) -> Window {
    open_by(builder, store, experiments, no_hub(store))
}

/// As `open`, with a pack that the program was started with.
pub fn open_pack(store: &Path, pack: &Path) -> Window {
    let builder = Harness::builder().with_size([1280.0, 800.0]);
    let options = Options {
        pack: Some(pack.to_path_buf()),
        ..options(store, &store.join("no experiments"), no_hub(store))
    };
    open_options(builder, options)
}

/// No network, and not this machine's cache.
fn no_hub(store: &Path) -> Settings {
    Settings {
        endpoint: "http://127.0.0.1:9".into(),
        cache: store.join("no such cache"),
        token: None,
        offline: true,
        certificates: None,
    }
}

fn options(store: &Path, experiments: &Path, hub: Settings) -> Options {
    Options {
        experiments: experiments.to_path_buf(),
        hub: Some(hub),
        programs: Some(store.join("allowed programs")),
        ..Options::new(store.to_path_buf())
    }
}

/// The same with a hub.
pub fn open_by(
    builder: HarnessBuilder<Option<App>>,
    store: &Path,
    experiments: &Path,
    hub: Settings,
) -> Window {
    open_options(builder, options(store, experiments, hub))
}

fn open_options(builder: HarnessBuilder<Option<App>>, options: Options) -> Window {
    open_made(builder, move |ctx| App::open(ctx, options.clone()))
}

/// The window of a size as one was left ([`App::left`]).
pub fn open_left(store: &Path, left: &str) -> Window {
    let builder = Harness::builder().with_size([1280.0, 800.0]);
    let options = options(store, &store.join("no experiments"), no_hub(store));
    let left = left.to_string();
    open_made(builder, move |ctx| {
        App::open_again(ctx, options.clone(), &left)
    })
}

/// What is kept of a window when it is closed.
pub fn close(mut window: Window) -> String {
    let app = window.state_mut().as_mut().expect("the window is open");
    app.left().expect("preferences")
}

fn open_made(
    builder: HarnessBuilder<Option<App>>,
    make: impl Fn(&eframe::egui::Context) -> std::io::Result<App> + 'static,
) -> Window {
    let mut window = builder.with_max_steps(64).build_ui_state(
        move |ui, app: &mut Option<App>| {
            let ctx = ui.ctx().clone();
            let app = app.get_or_insert_with(|| make(&ctx).expect("threads can be made"));
            app.logic(&ctx);
            // The harness leaves a margin that the real window has not.
            let whole = ctx.content_rect();
            let mut page = ui.new_child(UiBuilder::new().max_rect(whole));
            page.set_clip_rect(whole);
            app.ui(&mut page);
        },
        None,
    );
    // The first replies of the store.
    settle(&mut window);
    window
}

/// Runs frames until the store has answered all that the window asked, and the window has drawn it.
pub fn settle(window: &mut Window) {
    let until = Instant::now() + Duration::from_secs(20);
    let mut idle_frames = 0;
    // The frame that draws an answer may ask for more.
    while idle_frames < 2 {
        window.run_ok();
        let is_idle = window.state().as_ref().is_some_and(App::is_idle);
        idle_frames = if is_idle { idle_frames + 1 } else { 0 };
        assert!(Instant::now() < until, "the store does not answer");
        if !is_idle {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Waits until something on screen has this label, at most so long.
pub fn wait_for(window: &mut Window, label: &str, seconds: u64) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while window.query_all_by_label_contains(label).next().is_none() {
        assert!(
            Instant::now() < until,
            "\"{label}\" did not appear; on screen: {:?}",
            labels(window)
        );
        std::thread::sleep(Duration::from_millis(20));
        window.run_ok();
    }
}

/// Whether something on screen has a label that contains this.
pub fn shows(window: &Window, label: &str) -> bool {
    window.query_all_by_label_contains(label).next().is_some()
}

/// What has exactly this label and is no mere text.
pub fn find<'a>(window: &'a Window, label: &'a str) -> Node<'a> {
    let mut found = window
        .query_all_by_label(label)
        .filter(|node| node.accesskit_node().role() != Role::Label);
    found.next().unwrap_or_else(|| {
        panic!(
            "nothing to use is called \"{label}\"; on screen: {:?}",
            labels(window)
        )
    })
}

/// Everything to use that has exactly this label, in the order on screen.
pub fn named<'a>(window: &'a Window, label: &'a str) -> Vec<Node<'a>> {
    window
        .query_all_by_label(label)
        .filter(|node| node.accesskit_node().role() != Role::Label)
        .collect()
}

/// Clicks what has exactly this label once it is there, and settles.
pub fn click(window: &mut Window, label: &str) {
    wait_for(window, label, 10);
    find(window, label).click();
    settle(window);
}

/// Presses and releases a key, and settles.
pub fn press(window: &mut Window, key: Key) {
    window.key_press(key);
    settle(window);
}

/// The same with the command key.
pub fn press_command(window: &mut Window, key: Key) {
    window.key_press_modifiers(Modifiers::COMMAND, key);
    settle(window);
}

/// Types into the field of this label, behind what it holds, and settles.
pub fn write_in(window: &mut Window, label: &str, text: &str) {
    find(window, label).focus();
    window.run_ok();
    find(window, label).type_text(text);
    settle(window);
}

/// The place Runs over a store of runs with these names.
pub fn open_runs(runs: &[(&str, RunStatus)]) -> (tempfile::TempDir, Window) {
    let store = tempfile::tempdir().unwrap();
    for (name, status) in runs {
        run(store.path(), name, *status);
    }
    let mut window = open(store.path());
    click(&mut window, "Runs");
    (store, window)
}

/// Asserts that something on screen has, or soon gets, a label that contains this.
pub fn expect(window: &mut Window, label: &str) {
    wait_for(window, label, 10);
}

/// Every label on screen.
pub fn labels(window: &Window) -> Vec<String> {
    window
        .root()
        .children_recursive()
        .filter_map(|node| {
            let node = node.accesskit_node();
            node.label().or(node.value())
        })
        .collect()
}

/// Fills the store with a run of all four stages.
pub fn run(store: &Path, name: &str, status: RunStatus) -> RunId {
    let config = ExperimentFile::preset("quickstart")
        .expect("it comes with the program")
        .expect("it can be read")
        .config;
    let mut store = Store::open(store).expect("a store");
    let new = NewRun {
        name: name.into(),
        experiment: "quickstart".into(),
        seed: 3,
        device: "flex".into(),
        config_toml: config.to_toml(),
        environment: Environment::capture(),
        fingerprints: [("builtin".to_string(), "9f2c".to_string())].into(),
    };
    let lock = store.create_run(&new).expect("a run");
    let id = lock.run();
    let reports: Vec<(i64, Report)> = history()
        .into_iter()
        .zip(0..)
        .map(|(r, n)| (1_000_000 + n * 250, r))
        .collect();
    store.record(id, &reports).expect("reports");
    let complete = publish(lock.dir(), "identifiers-40", |folder| {
        let scores = serde_json::to_vec(&identifier_scores())?;
        Ok(std::fs::write(folder.join(SCORES_FILE), scores)?)
    });
    let complete = complete.expect("a checkpoint");
    let checkpoint = Report::event(
        Stage::Identifiers,
        40,
        EventKind::Checkpoint {
            path: complete.path,
            bytes: complete.bytes,
        },
    );
    store
        .record(id, &[(1_010_000, checkpoint)])
        .expect("a checkpoint");
    let error =
        (status == RunStatus::Failed).then_some("the loss is not a number; lower generator.lr");
    store
        .set_status(id, status, error, 2_000_000)
        .expect("a status");
    id
}

fn history() -> Vec<Report> {
    let mut reports = Vec::new();
    for (stage, total) in [
        (Stage::Identifiers, 40),
        (Stage::Generator, 60),
        (Stage::Ppo, 100),
    ] {
        reports.push(Report::event(stage, 0, EventKind::StageBegun { total }));
        for step in 1..=total {
            let x = step as f64 / total as f64;
            let wave = (step as f64 * 1.7).sin() * 0.04;
            let mut values: Vec<(&str, f64)> = vec![(RESIDENT_MEMORY, 1.2e9)];
            match stage {
                Stage::Identifiers => values.extend(
                    IDENTIFIER_LOSS
                        .iter()
                        .map(|key| (*key, 1.1 - 0.7 * x + wave)),
                ),
                Stage::Generator => values.push((GENERATOR_LOSS, 5.0 - 3.0 * x + wave)),
                _ => {
                    values.extend([
                        (EMPATHY_REWARD, 0.2 + 0.4 * x + wave),
                        (KL_K1, 2.0 * x + wave),
                        (KL_K3, 2.4 * x),
                        (KL_FULL, 2.2 * x),
                        (
                            VALUE_LOSS,
                            if step == 30 { f64::NAN } else { 0.1 - 0.05 * x },
                        ),
                    ]);
                    if step % 25 == 0 {
                        values.extend([
                            (VALIDATION_EMP_F1, 50.0 + 20.0 * x),
                            (VALIDATION_PPL, 12.0 + x),
                        ]);
                    }
                }
            }
            let values = values
                .into_iter()
                .map(|(key, value)| (key.to_string(), value))
                .collect();
            reports.push(Report::Metrics {
                stage,
                step,
                total,
                values,
            });
            if stage == Stage::Ppo && step % 50 == 0 {
                reports.push(Report::Samples {
                    stage,
                    step,
                    dialogues: vec![dialogue(step)],
                });
                reports.push(Report::Rollout {
                    stage,
                    step,
                    responses: vec![response(step, true), response(step, false)],
                });
            }
        }
        reports.push(Report::event(stage, total, EventKind::StageDone));
    }
    reports.push(Report::event(
        Stage::Ppo,
        50,
        EventKind::Note {
            severity: Severity::Alert,
            text: "60 % of the sample dialogues are answered alike".into(),
        },
    ));
    reports.push(Report::event(
        Stage::Ppo,
        100,
        EventKind::Note {
            severity: Severity::Warning,
            text: "KL rose by 40 % within 10 steps".into(),
        },
    ));
    for (system, f1) in [("Generator", 49.0), ("EmpRL", 68.0)] {
        reports.push(Report::Results {
            system: results(system, f1),
        });
    }
    reports
}

fn identifier_scores() -> Vec<IdentifierScores> {
    let scores = |mechanism| IdentifierScores {
        mechanism,
        loss: 0.4,
        confusion: Confusion {
            counts: vec![vec![50, 5, 5], vec![5, 10, 5], vec![10, 0, 10]],
        },
    };
    Mechanism::ALL.map(scores).to_vec()
}

fn results(system: &str, f1: f64) -> emprl::metrics::SystemResults {
    let estimate = |value: f64| {
        // Estimates are read from their own written form, whatever else they carry.
        serde_json::from_value(
            serde_json::json!({"value": value, "low": value - 1.0, "high": value + 1.0, "n": 50}),
        )
        .expect("an estimate")
    };
    emprl::metrics::SystemResults {
        system: system.into(),
        split: "test".into(),
        n: 50,
        ppl: Some(estimate(12.5)),
        ppl_hf: None,
        dist_1: estimate(4.1),
        dist_2: estimate(16.0),
        ead: Some([estimate(7.5), estimate(18.0)]),
        emp_f1: Some(estimate(f1)),
        mechanism_f1: Some([estimate(f1), estimate(f1), estimate(f1)]),
        mean_words: 11.0,
        truncation: None,
        controls: Some(controls(f1)),
        held_out: None,
        as_imported: None,
    }
}

/// Of a system whose answers hardly heed their contexts.
fn controls(f1: f64) -> emprl::metrics::Controls {
    let figure =
        |value: f64| serde_json::json!({"value": value, "low": value - 1.0, "high": value + 1.0});
    let shares = |no: f64| vec![vec![no, 98.0 - no, 2.0]; 3];
    let of = serde_json::json!({
        "shuffled": figure(f1 - 1.3),
        "gain": figure(1.3),
        "constant": {"response": "That is good.", "emp_f1": figure(66.0)},
        "macro_f1": vec![figure(40.0); 3],
        "kappa": [figure(0.03), null, figure(0.11)],
        "target_shares": shares(70.0),
        "response_shares": shares(90.0),
    });
    serde_json::from_value(of).expect("controls")
}

fn dialogue(step: u64) -> SampleDialogue {
    SampleDialogue {
        index: 0,
        emotion: "proud".into(),
        situation: "I finished my first marathon.".into(),
        context: vec!["I ran a marathon!".into()],
        roles: Vec::new(),
        target: "You must be so proud.".into(),
        generated: format!("That is great, said at {step}."),
        levels: Mechanism::ALL
            .into_iter()
            .map(|mechanism| SampleLevel {
                mechanism,
                target: EmpathyLevel::Strong,
                generated: EmpathyLevel::Weak,
                reward: 0.4,
            })
            .collect(),
        reward: Some(0.064),
    }
}

/// Three tokens; of one that was not ended by the model, the first takes no part and values are lost.
fn response(step: u64, ended: bool) -> RolloutResponse {
    let tokens = ["▁That", "▁is", "</s>"].into_iter().zip(1u8..);
    let tokens = tokens.map(|(piece, n)| {
        let n = f32::from(n);
        let figures = TokenFigures {
            log_prob: -2.0 + n / 10.0,
            reference_log_prob: -2.0,
            full_kl: n / 100.0,
            value: Some(if ended { n } else { f32::NAN }),
            reward: Some(-0.01 * n),
            advantage: -0.2 * n,
            returns: Some(0.8 * n),
            truncated: None,
        };
        RolloutToken {
            piece: piece.into(),
            figures: (ended || n > 1.0).then_some(figures),
        }
    });
    RolloutResponse {
        index: u32::from(!ended),
        context: vec![format!("I ran a marathon, it is step {step}!")],
        roles: Vec::new(),
        target: "You must be so proud.".into(),
        response: "That is".into(),
        ended,
        score: if ended { 0.5 } else { 0.25 },
        terms: Vec::new(),
        shaped: if ended { 0.5 } else { 0.25 },
        group: None,
        tokens: tokens.collect(),
    }
}
