//! What another window or program writes shows without a click, and takes nothing from who is typing.

use std::path::Path;

use crate::study_support::{JudgeNow, create, definition, store_with_systems};
use crate::window_support::{
    Window, click, expect, find, labels, open, open_runs, run, settle, shows, wait_for, write_in,
};
use eframe::egui::Key;
use egui_kittest::kittest::NodeT;
use emprl::experiment::{Environment, EventKind, Report, Stage};
use emprl::metrics::declared::EMPATHY_REWARD;
use emprl::store::{NewRun, RunId, RunLock, RunStatus, Store, StoreReader, StudyId, now_ms};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};

/// A run in progress in another program, as far as the store tells.
struct Elsewhere {
    store: Store,
    lock: RunLock,
}

impl Elsewhere {
    fn begin(dir: &Path, name: &str) -> Self {
        let config = crate::quickstart_support::quickstart();
        let mut store = Store::open(dir).unwrap();
        let new = NewRun {
            name: name.into(),
            experiment: "quickstart".into(),
            seed: 3,
            device: "flex".into(),
            config_toml: config.to_toml(),
            environment: Environment::capture(),
            fingerprints: Default::default(),
        };
        let lock = store.create_run(&new).unwrap();
        let begun = Report::event(Stage::Ppo, 0, EventKind::StageBegun { total: 465 });
        store.record(lock.run(), &[(now_ms(), begun)]).unwrap();
        let mut run = Elsewhere { store, lock };
        run.step(1);
        run
    }

    fn id(&self) -> RunId {
        self.lock.run()
    }

    fn step(&mut self, step: u64) {
        let report = Report::Metrics {
            stage: Stage::Ppo,
            step,
            total: 465,
            values: vec![(EMPATHY_REWARD.to_string(), step as f64 / 465.0)],
        };
        self.store
            .record(self.lock.run(), &[(now_ms(), report)])
            .unwrap();
    }

    fn end(mut self, status: RunStatus) {
        self.store
            .set_status(self.lock.run(), status, None, now_ms())
            .unwrap();
    }
}

/// The title row and the page say the same step.
fn expect_step(window: &mut Window, step: u64) {
    wait_for(window, &format!("{step} of 465"), 20);
    expect(
        window,
        &format!("Run in progress: other, #1 PPO {step}/465"),
    );
}

#[test]
fn a_run_of_another_program_is_followed_on_every_page_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = open(dir.path());
    expect(&mut window, "No run in progress");
    let mut run = Elsewhere::begin(dir.path(), "other");
    wait_for(
        &mut window,
        "Run 1 is in progress in another window or program",
        20,
    );
    click(&mut window, "Live");
    expect_step(&mut window, 1);
    run.step(2);
    expect_step(&mut window, 2);
    assert!(!shows(&window, "Pause"), "it is not this window's to pause");

    click(&mut window, "Runs");
    run.step(3);
    wait_for(&mut window, "#1 PPO 3/465", 20);
    let in_table = |window: &Window| labels(window).iter().any(|label| label == "PPO 3/465");
    assert!(in_table(&window), "{:?}", labels(&window));
    expect(&mut window, "Run in progress: other, #1 PPO 3/465");
    click(&mut window, "Run 1, other");
    run.step(4);
    expect_step(&mut window, 4);
    run.end(RunStatus::Finished);
    wait_for(&mut window, "Finished", 20);
    assert!(!shows(&window, "Run in progress"));
    click(&mut window, "Back to all runs");
    expect(&mut window, "Finished");
}

#[test]
fn a_run_whose_program_is_gone_is_interrupted_though_nothing_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let run = Elsewhere::begin(dir.path(), "other");
    let mut window = open(dir.path());
    click(&mut window, "Runs");
    expect(&mut window, "Run in progress: other");
    drop(run);
    wait_for(&mut window, "Interrupted", 20);
    assert!(!shows(&window, "Run in progress"));
}

#[test]
fn a_comparison_takes_up_the_answers_of_a_run_that_ends_later() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["first", "second"] {
        let id = run(dir.path(), name, RunStatus::Running);
        let answers = dir.path().join(format!("runs/{id}/responses"));
        std::fs::create_dir_all(&answers).unwrap();
        let rows = ["Oh no.", "I see that you are sad."]
            .map(|response| serde_json::json!({"context": ["Hm."], "response": response}));
        let rows = rows.map(|row| row.to_string()).join("\n");
        std::fs::write(answers.join("emprl.jsonl"), rows).unwrap();
    }
    let mut other = Elsewhere::begin(dir.path(), "third");
    let mut window = open(dir.path());
    click(&mut window, "Runs");
    for id in [1, 3] {
        click(&mut window, &format!("Choose run {id}"));
    }
    crate::window_support::press_command(&mut window, Key::Num5);
    expect(&mut window, "has no answers on the test split");
    let results = StoreReader::open(dir.path())
        .unwrap()
        .results(RunId(1))
        .unwrap();
    let answers = dir.path().join(format!("runs/{}/responses", other.id()));
    std::fs::create_dir_all(&answers).unwrap();
    let from = dir.path().join("runs/1/responses/emprl.jsonl");
    std::fs::copy(from, answers.join("emprl.jsonl")).unwrap();
    let report = Report::Results {
        system: results.last().unwrap().clone(),
    };
    let id = other.id();
    other.store.record(id, &[(now_ms(), report)]).unwrap();
    other.end(RunStatus::Finished);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while shows(&window, "has no answers on the test split") {
        assert!(std::time::Instant::now() < until, "{:?}", labels(&window));
        settle(&mut window);
    }
    expect(&mut window, "third");
}

#[test]
fn a_comparison_draws_what_a_run_records_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), "first", RunStatus::Finished);
    let mut other = Elsewhere::begin(dir.path(), "other");
    let mut window = open(dir.path());
    click(&mut window, "Runs");
    for id in [1, 2] {
        click(&mut window, &format!("Choose run {id}"));
    }
    crate::window_support::press_command(&mut window, Key::Num5);
    expect(&mut window, "; other #2 0.00215 at step 1");
    for step in 2..5 {
        other.step(step);
        wait_for(&mut window, &format!(" at step {step}"), 20);
    }
}

#[test]
fn systems_studies_and_judgements_of_another_program_appear() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");
    let mut store = store_with_systems(dir.path(), 2, 6);
    wait_for(&mut window, "6 cases", 20);

    click(&mut window, "Studies");
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 6;
    create(&mut store, &definition);
    wait_for(&mut window, "Open Study 1", 20);
    let label = labels(&window)
        .into_iter()
        .find(|label| label.starts_with("Open Study 1"));
    click(&mut window, &label.unwrap());
    expect(&mut window, "Judge as A1");
    expect(&mut window, "0 of 6");
    let item = StoreReader::open(dir.path())
        .unwrap()
        .worklist(StudyId(1), 1)
        .unwrap()
        .pages()[0]
        .item;
    let answer = JudgementAction::Answer(Answer::Choice(Choice::Left));
    store
        .judge_now(StudyId(1), 1, item, &[answer], 900)
        .unwrap();
    wait_for(&mut window, "1 of 6", 20);
}

#[test]
fn who_types_a_note_keeps_field_and_words_while_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Elsewhere::begin(dir.path(), "other");
    let mut window = open(dir.path());
    click(&mut window, "Runs");
    click(&mut window, "Run 1, other");
    click(&mut window, "Show Notes");
    write_in(&mut window, "Note", "half a thought");
    run.step(7);
    wait_for(&mut window, "Run in progress: other, #1 PPO 7/465", 20);
    settle(&mut window);
    assert!(find(&window, "Note").is_focused());
    assert_eq!(
        find(&window, "Note").accesskit_node().value().as_deref(),
        Some("half a thought")
    );
    // Its name as another program changes it, in the title too.
    let id = run.id();
    run.store.rename(id, "renamed").unwrap();
    wait_for(&mut window, "renamed #1", 20);
}

#[test]
fn enter_adds_the_tag_that_is_typed_on_a_runs_page() {
    let (store, mut window) = open_runs(&[("first try", RunStatus::Finished)]);
    click(&mut window, "Run 1, first try");
    click(&mut window, "Show Notes");
    write_in(&mut window, "New tag", "paper");
    crate::window_support::press(&mut window, Key::Enter);
    expect(&mut window, "Remove the tag paper");
    let reader = StoreReader::open(store.path()).unwrap();
    assert_eq!(reader.run(RunId(1)).unwrap().row.tags, ["paper"]);
}

#[test]
fn what_is_copied_is_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Settings");
    click(&mut window, "Copy the folder");
    expect(&mut window, "Copied");
}
