//! Runs that other programs logged: read from what those programs wrote (tests/fixtures/trackers.py), and taken in once.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use emprl::catalog::Entry;
use emprl::experiment::{Event, RunStatus, Severity, Stage};
use emprl::operations::imports::{ImportedRun, Outcome, import};
use emprl::operations::record::RecordedAs;
use emprl::operations::{OperationError, launch};
use emprl::store::{CatalogParts, RunId, RunRef, StoreReader};
use emprl::trackers::{self, LoggedRun, Tracker};

fn fixture(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trackers");
    all.join(name)
}

fn run_of(runs: Vec<LoggedRun>, name: &str) -> LoggedRun {
    let mut runs = runs.into_iter();
    runs.find(|run| run.name == name)
        .unwrap_or_else(|| panic!("there is no run {name}"))
}

fn points(run: &LoggedRun, name: &str) -> Vec<(u64, f64)> {
    run.series[name]
        .iter()
        .map(|(step, value, _)| (*step, *value))
        .collect()
}

fn take(store: &Path, path: &Path, of: &RecordedAs) -> Result<Vec<ImportedRun>, OperationError> {
    import(store, path, of, false, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn event_files_of_pytorch_are_read_with_their_arguments_and_notes() {
    let run = run_of(trackers::read(&fixture("events")).unwrap(), "seed-1");
    assert_eq!((run.tracker, run.cut), (Tracker::Tensorboard, false));
    let loss = points(&run, "train/loss");
    assert_eq!(
        (loss.len(), loss[0], loss[19]),
        (20, (0, 2.0), (190, f64::from(0.1_f32)))
    );
    assert!(points(&run, "train/grad_norm")[0].1.is_nan());
    assert_eq!(
        (run.points(), run.nonfinite(), run.last_step()),
        (21, 1, 190)
    );
    assert_eq!(run.series["train/loss"][0].2, Some(1_700_000_000_000));
    assert_eq!(run.settings["optim"], "adamw_torch");
    assert_eq!(run.notes[0].text, "note: the data was shuffled");
    assert_eq!(run.remarks.len(), 1, "{:?}", run.remarks);
    assert!(
        run.remarks[0].contains("histograms of 1 tag"),
        "{:?}",
        run.remarks
    );
}

#[test]
fn scalars_that_are_tensors_are_read_whatever_their_kind() {
    let run = run_of(trackers::read(&fixture("events")).unwrap(), "keras/train");
    assert_eq!(points(&run, "epoch_loss")[1], (1, 0.5));
    assert_eq!(points(&run, "epoch_accuracy")[2], (2, 0.2));
    assert_eq!(points(&run, "epoch_count")[0], (0, -7.0));
    assert_eq!(points(&run, "epoch_half")[2], (2, 2.5));
    assert!(!run.series.contains_key("epoch_vector"));
    assert!(
        run.remarks[0].contains("tensors of 1 tag"),
        "{:?}",
        run.remarks
    );
    let settings = serde_json::to_value(&run.settings).unwrap();
    let expected = serde_json::json!({"lr": 0.5, "kind": "sgd", "nesterov": true});
    assert_eq!(settings, expected);
}

#[test]
fn what_this_program_exports_for_tensorboard_it_reads_again() {
    use emprl::report::tensorboard::EventWriter;
    let mut writer = EventWriter::new(Vec::new(), 1_500).unwrap();
    for step in 0..5 {
        writer
            .scalar(2_000, step, "ppo/kl/full", step as f64)
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1.emprl.run1");
    fs::write(&path, writer.finish().unwrap()).unwrap();
    let run = trackers::read(&path).unwrap().remove(0);
    assert_eq!(points(&run, "ppo/kl/full")[4], (4, 4.0));
}

#[test]
fn an_event_file_is_read_up_to_where_it_is_cut_or_damaged() {
    let whole = fs::read(fixture("events/seed-1/events.out.tfevents.1700000000.host")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.out.tfevents.1");
    let all = trackers::read(&fixture("events/seed-1"))
        .unwrap()
        .remove(0)
        .points();
    let mut most = 0;
    for end in (0..whole.len()).step_by(37) {
        fs::write(&path, &whole[..end]).unwrap();
        let Ok(runs) = trackers::read(&path) else {
            continue;
        };
        let found = runs[0].points();
        assert!(found >= most && found <= all);
        most = found;
    }
    assert!(most > all / 2);
    // A wrong byte: what is before it counts.
    let mut damaged = whole.clone();
    damaged[1000] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let run = trackers::read(&path).unwrap().remove(0);
    assert!(run.cut && run.points() < all);
    assert!(
        run.remarks.iter().any(|remark| remark.contains("checksum")),
        "{:?}",
        run.remarks
    );
}

#[test]
fn trackios_databases_are_read_with_settings_alerts_and_infinities() {
    let runs = trackers::read(&fixture("dialogue.db")).unwrap();
    assert_eq!(runs.len(), 2);
    let run = run_of(runs, "seed-2");
    assert_eq!(run.project.as_deref(), Some("dialogue"));
    assert_eq!(points(&run, "train/loss")[1], (10, 2.0 / 3.0));
    assert_eq!(points(&run, "kl"), [(50, f64::INFINITY)]);
    assert!(points(&run, "train/loss")[5].1.is_nan());
    assert_eq!(run.settings["optim"]["name"], "adamw");
    assert!(run.settings.keys().all(|name| !name.starts_with('_')));
    assert_eq!(
        (run.notes[0].severity, run.notes[0].step),
        (Severity::Warning, 50)
    );
    assert!(
        run.remarks
            .contains(&"no numbers, and left out: text".to_string()),
        "{:?}",
        run.remarks
    );
    let (first, last) = run.moments().unwrap();
    assert!(first > 1_700_000_000_000 && last >= first);
}

#[test]
fn plots_and_histories_of_wandb_are_read() {
    let runs = trackers::read(&fixture("wandb_plot.csv")).unwrap();
    let first = run_of(runs.clone(), "seed - 1");
    assert_eq!(points(&first, "train/loss")[..2], [(10, 0.9), (20, 0.7)]);
    assert!(points(&first, "train/loss")[2].1.is_nan());
    let ours = run_of(runs, "ours");
    assert_eq!(points(&ours, "train/loss"), [(10, 0.8), (30, 0.5)]);
    assert_eq!(ours.series.len(), 1, "bounds of points are no metrics");
    let history = trackers::read(&fixture("wandb_history.csv"))
        .unwrap()
        .remove(0);
    assert_eq!(points(&history, "train/loss"), [(10, 0.9), (20, 0.7)]);
    assert_eq!(history.series["train/loss"][0].2, Some(1_700_000_000_500));
    assert_eq!(history.remarks, ["no numbers, and left out: note"]);

    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        trackers::read(&path)
    };
    let json = read(
        "h.json",
        r#"[{"_step": 0, "loss": NaN}, {"_step": 1, "loss": 2}]"#,
    );
    assert_eq!(points(&json.unwrap()[0], "loss")[1], (1, 2.0));
    let state = r#"{"best": null, "log_history": [{"loss": 3, "epoch": 0.5, "step": 10}, {"eval_loss": 2, "step": 10}]}"#;
    let trainer = read("out/checkpoint-10/trainer_state.json", state)
        .unwrap()
        .remove(0);
    assert_eq!(
        (&*trainer.name, trainer.tracker),
        ("out", Tracker::Transformers)
    );
    assert_eq!(points(&trainer, "eval_loss"), [(10, 2.0)]);
    for (name, text) in [
        ("other.csv", "a,b\n1,2\n"),
        ("other.json", "{\"a\": 1}"),
        ("other.jsonl", "not json\n"),
        ("other.db", "not a database"),
        ("events.out.tfevents.2", ""),
        ("other.txt", "x"),
    ] {
        let error = read(name, text).unwrap_err().to_string();
        assert!(
            error.contains("nothing of another program"),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_run_is_imported_once_wherever_its_files_lie_and_gets_what_is_new() {
    let store = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("events/seed-1/events.out.tfevents.1700000000.host")).unwrap();
    let going_on = place.path().join("run");
    fs::create_dir(&going_on).unwrap();
    let file = going_on.join("events.out.tfevents.1700000000.host");
    fs::write(&file, &whole[..1000]).unwrap();
    let of = RecordedAs {
        tags: vec!["peer".to_string()],
        ..RecordedAs::default()
    };
    let dry = import(store.path(), &going_on, &of, true, &mut |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(
        (
            &dry.unwrap()[0].outcome,
            store.path().join("emprl.db").exists()
        ),
        (&Outcome::Added, false)
    );
    let first = take(store.path(), &going_on, &of).unwrap().remove(0);
    assert_eq!(
        (first.run, &first.outcome, first.cut),
        (Some(RunId(1)), &Outcome::Added, true)
    );
    let reader = StoreReader::open(store.path()).unwrap();
    let row = reader.run(RunId(1)).unwrap().row;
    assert_eq!(
        (row.status, row.seed, row.stage),
        (RunStatus::Interrupted, 1, Some(Stage::Recorded))
    );
    assert_eq!(
        (row.started, row.tags),
        (1_700_000_000_000, vec!["peer".to_string()])
    );

    let again = take(store.path(), &going_on, &of).unwrap().remove(0);
    assert_eq!((again.run, again.outcome), (Some(RunId(1)), Outcome::Known));
    // It has gone on, and lies elsewhere.
    let moved = place.path().join("moved");
    fs::create_dir(&moved).unwrap();
    fs::write(moved.join("events.out.tfevents.1700000000.host"), &whole).unwrap();
    let later = take(store.path(), &moved, &of).unwrap().remove(0);
    assert_eq!(
        (later.run, later.outcome),
        (Some(RunId(1)), Outcome::Updated)
    );
    let row = reader.run(RunId(1)).unwrap().row;
    assert_eq!((row.status, row.step), (RunStatus::Finished, 190));
    assert_eq!(row.summary["recorded/train/loss"], f64::from(0.1_f32));
    assert!(row.summary["recorded/train/grad_norm"].is_nan());
    assert_eq!(reader.list_runs().unwrap().len(), 1);
    let events = reader.events(RunId(1)).unwrap();
    let words: Vec<String> = events.iter().map(Event::words).collect();
    assert_eq!(
        words
            .iter()
            .filter(|words| *words == "Recorded began")
            .count(),
        1,
        "{words:?}"
    );
}

#[test]
fn plots_of_one_wandb_run_are_one_run_and_another_of_its_name_is_refused() {
    let store = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let of = RecordedAs::default();
    let loss = write("loss.csv", "Step,ours - loss\n1,0.5\n2,0.4\n");
    let kl = write("kl.csv", "Step,ours - kl\n1,3\n");
    let run = |path: &Path| take(store.path(), path, &of).map(|mut found| found.remove(0));
    assert_eq!(run(&loss).unwrap().outcome, Outcome::Added);
    assert_eq!(run(&kl).unwrap().run, Some(RunId(1)));
    assert_eq!(run(&loss).unwrap().outcome, Outcome::Known);
    let other = write("other.csv", "Step,ours - loss\n1,0.9\n");
    let error = run(&other).unwrap_err().to_string();
    assert!(error.contains("another run of that name"), "{error}");
    let apart = RecordedAs {
        experiment: Some("theirs".to_string()),
        ..RecordedAs::default()
    };
    assert_eq!(
        take(store.path(), &other, &apart).unwrap()[0].run,
        Some(RunId(2))
    );
}

#[test]
fn nothing_here_goes_on_with_a_run_of_another_program() {
    let store = tempfile::tempdir().unwrap();
    take(
        store.path(),
        &fixture("dialogue.db"),
        &RecordedAs::default(),
    )
    .unwrap();
    let reader = StoreReader::open(store.path()).unwrap();
    for run in [1, 2].map(RunId) {
        let of = RunRef { run, step: None };
        let error = launch::resume(store.path(), of).err().unwrap().to_string();
        assert!(error.contains("recorded by another program"), "{error}");
        let entry = Entry::new(reader.catalog_row(run, &CatalogParts::ALL).unwrap());
        assert_eq!(
            entry.settings["recorded.optim.name"].as_str(),
            Some("adamw")
        );
        assert_eq!(entry.row.seed, run.0 as u64);
    }
}
