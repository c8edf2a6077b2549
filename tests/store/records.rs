//! What a run reports is there when it is read back, once, whatever is replayed.

use std::path::PathBuf;

use crate::store_support::*;
use emprl::experiment::{
    Control, EventKind, Report, RolloutResponse, Severity, Stage, TokenQuantity,
};
use emprl::store::{RunId, RunStatus, Store, StoreError, StoreReader, now_ms};

struct Place {
    _dir: tempfile::TempDir,
    store: Store,
    reader: StoreReader,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let reader = store.reader().unwrap();
    Place {
        _dir: dir,
        store,
        reader,
    }
}

fn record(store: &mut Store, run: RunId, reports: Vec<Report>) {
    let reports: Vec<(i64, Report)> = (1_000..).zip(reports).collect();
    store.record(run, &reports).unwrap();
}

/// The summary of each key must be what its points say.
fn check_summaries(reader: &StoreReader, run: RunId) {
    for summary in reader.keys(run).unwrap() {
        let points = reader.series(run, &summary.key, None).unwrap();
        let finite = points.iter().map(|p| p.1).filter(|v| v.is_finite());
        let last = points.last().expect("a summary has points");
        assert_eq!(summary.count, points.len() as u64, "{:?}", summary.key);
        assert_eq!(
            summary.nonfinite,
            (points.len() - finite.clone().count()) as u64
        );
        assert_eq!(summary.min, finite.clone().reduce(f64::min));
        assert_eq!(summary.max, finite.reduce(f64::max));
        assert_eq!(summary.last_step, last.0);
        assert_eq!(summary.last_wall_ms, last.2);
        assert!(summary.last == last.1 || (summary.last.is_nan() && last.1.is_nan()));
    }
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let Place {
        mut store, reader, ..
    } = place();
    let before = now_ms();
    let lock = store.create_run(&new_run("first")).unwrap();
    let run = lock.run();
    record(
        &mut store,
        run,
        vec![
            Report::event(Stage::Generator, 0, EventKind::StageBegun { total: 50 }),
            metrics(
                Stage::Generator,
                1,
                &[("generator/loss", 4.0), ("validation/ppl", 50.0)],
            ),
            metrics(Stage::Generator, 2, &[("generator/loss", 3.0)]),
            Report::event(Stage::Generator, 2, EventKind::StageDone),
            metrics(Stage::Ppo, 1, &[("validation/ppl", 40.0)]),
            Report::event(
                Stage::Ppo,
                1,
                EventKind::Note {
                    severity: Severity::Warning,
                    text: "KL is high".to_string(),
                },
            ),
            Report::event(
                Stage::Ppo,
                1,
                EventKind::Checkpoint {
                    path: PathBuf::from("checkpoints/ppo-1"),
                    bytes: 1 << 33,
                },
            ),
        ],
    );
    store.set_note(run, "worth a look").unwrap();
    let kind = EventKind::Control {
        control: Control::Evaluate,
    };
    store
        .record(run, &[(now_ms(), Report::Event { at: None, kind })])
        .unwrap();

    let rows = reader.list_runs().unwrap();
    let [row] = &rows[..] else {
        panic!("one run, not {rows:?}");
    };
    assert_eq!((row.id, row.name.as_str(), row.seed), (run, "first", 7));
    assert_eq!(
        (row.stage, row.step, row.total),
        (Some(Stage::Ppo), 1, 1_000)
    );
    assert_eq!(row.status, RunStatus::Running);
    assert!(row.started >= before && row.ended.is_none());
    assert_eq!(row.note, "worth a look");
    // Of the metric that both stages have, the later value.
    assert_eq!(row.summary["validation/ppl"], 40.0);
    assert_eq!(row.summary["generator/loss"], 3.0);

    let json = serde_json::to_value(&rows).unwrap();
    for field in [
        "id",
        "name",
        "experiment",
        "seed",
        "status",
        "stage",
        "step",
        "started",
        "summary",
    ] {
        assert!(json[0].get(field).is_some(), "{field}");
    }
    assert_eq!(json[0]["status"], "running");
    assert_eq!(json[0]["summary"]["generator/loss"], 3.0);
    assert!(json[0]["started"].as_str().unwrap().ends_with('Z'));

    let detail = reader.run(run).unwrap();
    assert_eq!(detail.row, *row);
    assert_eq!(detail.config_toml, "seed = 7\n");
    assert_eq!(detail.fingerprints["dialogues"], "abc");
    assert_eq!(detail.environment["program"], env!("CARGO_PKG_VERSION"));
    assert_eq!(reader.settings(run).unwrap(), "seed = 7\n");

    let loss = reader
        .series(run, &key(Stage::Generator, "generator/loss"), None)
        .unwrap();
    assert_eq!(loss, [(1, 4.0, 1_001), (2, 3.0, 1_002)]);
    let tail = reader
        .series(run, &key(Stage::Generator, "generator/loss"), Some(1))
        .unwrap();
    assert_eq!(tail, loss[1..]);
    let unknown = reader.series(run, &key(Stage::Ppo, "no such"), None);
    assert_eq!(unknown.unwrap(), []);
    assert_eq!(reader.keys(run).unwrap().len(), 3);
    check_summaries(&reader, run);

    let checkpoints = reader.checkpoints(run).unwrap();
    assert_eq!(checkpoints.len(), 1);
    assert_eq!(checkpoints[0].bytes, 1 << 33);
    let events = reader.events(run).unwrap().into_iter();
    let happened: Vec<_> = events.map(|e| (e.stage, e.step, e.kind)).collect();
    let (generator, ppo) = (Some(Stage::Generator), Some(Stage::Ppo));
    let expected = [
        (
            None,
            0,
            EventKind::Status {
                status: RunStatus::Running,
            },
        ),
        (generator, 0, EventKind::StageBegun { total: 50 }),
        (generator, 2, EventKind::StageDone),
        (
            ppo,
            1,
            EventKind::Note {
                severity: Severity::Warning,
                text: "KL is high".to_string(),
            },
        ),
        (
            ppo,
            1,
            EventKind::Control {
                control: Control::Evaluate,
            },
        ),
    ];
    assert_eq!(happened, expected);

    store
        .set_status(run, RunStatus::Failed, Some("no memory"), 9_000_000_000_000)
        .unwrap();
    drop(lock);
    let row = reader.run(run).unwrap().row;
    assert_eq!(row.status, RunStatus::Failed);
    assert_eq!(row.error.as_deref(), Some("no memory"));
    assert_eq!(row.ended, Some(9_000_000_000_000));
}

#[test]
fn numbers_that_are_none_survive() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("nan")).unwrap();
    let run = lock.run();
    let values = [
        f64::NAN,
        f64::INFINITY,
        1.5,
        f64::NEG_INFINITY,
        -2.5,
        f64::MIN_POSITIVE,
        f64::MAX,
    ];
    for (step, value) in (0..).zip(values) {
        record(
            &mut store,
            run,
            vec![metrics(Stage::Ppo, step, &[("ppo/kl/k1", value)])],
        );
        check_summaries(&reader, run);
    }
    let read: Vec<u64> = reader
        .series(run, &key(Stage::Ppo, "ppo/kl/k1"), None)
        .unwrap()
        .iter()
        .map(|p| p.1.to_bits())
        .collect();
    assert_eq!(read, values.map(f64::to_bits));
    let summary = &reader.keys(run).unwrap()[0];
    assert_eq!(
        (summary.nonfinite, summary.min, summary.max),
        (3, Some(-2.5), Some(f64::MAX))
    );

    record(
        &mut store,
        run,
        vec![
            Report::Samples {
                stage: Stage::Ppo,
                step: 6,
                dialogues: vec![
                    dialogue(0, "fine", Some(0.3)),
                    dialogue(1, "broken", Some(f64::NAN)),
                    dialogue(2, "none", None),
                ],
            },
            Report::Results {
                system: results("EmpRL", Some(f64::INFINITY)),
            },
            Report::Results {
                system: results("imported", None),
            },
        ],
    );
    assert_eq!(reader.samples(run).unwrap(), [(Stage::Ppo, 6)]);
    let samples = reader.samples_at(run, Stage::Ppo, 6).unwrap();
    assert_eq!(samples[0], dialogue(0, "fine", Some(0.3)));
    assert!(samples[1].reward.unwrap().is_nan() && samples[1].levels[0].reward.is_nan());
    assert_eq!(samples[2], dialogue(2, "none", None));
    let table = reader.results(run).unwrap();
    assert_eq!(table[0].ppl.as_ref().unwrap().value, f64::INFINITY);
    assert!(table[0].mechanism_f1.as_ref().unwrap()[2].value.is_nan());
    assert_eq!(table[1], results("imported", None));
    // A step of NaN only has no extremes.
    record(
        &mut store,
        run,
        vec![metrics(Stage::Ppo, 1, &[("ppo/entropy", f64::NAN)])],
    );
    check_summaries(&reader, run);
}

#[test]
fn replaying_steps_changes_nothing_and_new_values_win() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("again")).unwrap();
    let run = lock.run();
    let step = |step: u64, sign: f64| {
        let value = match step % 5 {
            3 => f64::NAN,
            _ => sign * step as f64,
        };
        metrics(Stage::Ppo, step, &[("a", value), ("b", -value)])
    };
    record(&mut store, run, (1..=20).map(|s| step(s, 1.0)).collect());
    let (keys, row) = (reader.keys(run).unwrap(), reader.run(run).unwrap().row);
    let same = |reader: &StoreReader| {
        let now = reader.keys(run).unwrap();
        assert_eq!(format!("{now:?}"), format!("{keys:?}"));
    };
    record(&mut store, run, (11..=20).map(|s| step(s, 1.0)).collect());
    same(&reader);
    assert_eq!(reader.run(run).unwrap().row.step, row.step);
    // Backwards: the extremes and the last value move with the points.
    record(
        &mut store,
        run,
        (15..=20).rev().map(|s| step(s, -1.0)).collect(),
    );
    check_summaries(&reader, run);
    assert_eq!(reader.keys(run).unwrap()[0].last, -20.0);
    assert_eq!(reader.keys(run).unwrap()[0].max, Some(14.0));
    record(&mut store, run, (15..=20).map(|s| step(s, 1.0)).collect());
    check_summaries(&reader, run);
    assert_eq!(reader.keys(run).unwrap()[0].max, Some(20.0));
    // Samples and results of a step are replaced, not added to.
    for generated in ["old", "new"] {
        let report = Report::Samples {
            stage: Stage::Ppo,
            step: 20,
            dialogues: vec![dialogue(0, generated, None)],
        };
        let table = Report::Results {
            system: results("EmpRL", Some(generated.len() as f64)),
        };
        record(&mut store, run, vec![report, table]);
    }
    let samples = reader.samples_at(run, Stage::Ppo, 20).unwrap();
    assert_eq!(samples, [dialogue(0, "new", None)]);
    assert_eq!(reader.results(run).unwrap().len(), 1);
}

/// Every number of a rollout by its bits, so that what is no number can be compared.
fn bits(responses: &[RolloutResponse]) -> Vec<u32> {
    let numbers = responses.iter().flat_map(|response| {
        let figures = response.figures();
        let all = figures.flat_map(|figures| TokenQuantity::ALL.map(|q| figures.get(q)));
        let all = all.flatten();
        [response.score, response.shaped].into_iter().chain(all)
    });
    let one = |x: f32| if x.is_nan() { f32::NAN } else { x };
    numbers.map(|x| one(x).to_bits()).collect()
}

#[test]
fn rollouts_are_read_as_they_were_written_and_replaced_by_those_of_a_step_done_again() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("rollouts")).unwrap();
    let run = lock.run();
    let rollout = |step, responses| Report::Rollout {
        stage: Stage::Ppo,
        step,
        responses,
    };
    let first = vec![response(0, 0.3), response(3, f32::INFINITY)];
    let lost = vec![response(1, f32::NAN)];
    record(
        &mut store,
        run,
        vec![rollout(5, first.clone()), rollout(10, lost.clone())],
    );
    assert_eq!(
        reader.rollouts(run).unwrap(),
        [(Stage::Ppo, 5), (Stage::Ppo, 10)]
    );
    assert_eq!(reader.rollout_at(run, Stage::Ppo, 5).unwrap(), first);
    let read = reader.rollout_at(run, Stage::Ppo, 10).unwrap();
    assert_eq!(bits(&read), bits(&lost));
    assert_eq!(read[0].tokens[0].figures, None);
    assert_eq!(reader.rollout_at(run, Stage::Ppo, 7).unwrap(), []);
    assert_eq!(reader.rollout_at(run, Stage::Generator, 5).unwrap(), []);

    // The same step again, with fewer responses.
    record(&mut store, run, vec![rollout(10, vec![response(0, 2.0)])]);
    let read = reader.rollout_at(run, Stage::Ppo, 10).unwrap();
    assert_eq!(read, [response(0, 2.0)]);
    store.return_to(run, Some((Stage::Ppo, 5)), false).unwrap();
    assert_eq!(reader.rollouts(run).unwrap(), [(Stage::Ppo, 5)]);
    assert_eq!(reader.rollout_at(run, Stage::Ppo, 5).unwrap(), first);
}

#[test]
fn a_rollout_that_means_nothing_is_named() {
    let Place {
        _dir: folder,
        mut store,
        reader,
    } = place();
    let lock = store.create_run(&new_run("odd")).unwrap();
    let run = lock.run();
    let report = Report::Rollout {
        stage: Stage::Ppo,
        step: 5,
        responses: vec![response(0, 1.0)],
    };
    record(&mut store, run, vec![report]);
    let raw = rusqlite::Connection::open(folder.path().join("emprl.db")).unwrap();
    for (from, to) in [("\"values\":[1.0,", "\"values\":["), ("{", "[")] {
        raw.execute(
            "UPDATE rollouts SET response_json = replace(response_json, ?, ?)",
            [from, to],
        )
        .unwrap();
        let error = reader.rollout_at(run, Stage::Ppo, 5).unwrap_err();
        let words = error.to_string();
        assert!(words.contains("a rollout of run 1, ppo, step 5"), "{words}");
    }
}

#[test]
fn one_dialogue_is_read_over_all_steps() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("answers")).unwrap();
    let run = lock.run();
    let reports = [0, 5, 10].map(|step| Report::Samples {
        stage: Stage::Ppo,
        step,
        dialogues: (0..3)
            .map(|at| dialogue(at, &format!("{at} at {step}"), Some(step as f64)))
            .collect(),
    });
    record(&mut store, run, reports.to_vec());
    let answers = reader.sample_over_steps(run, 1).unwrap();
    let told: Vec<_> = answers
        .iter()
        .map(|(stage, step, sample)| (*stage, *step, sample.generated.as_str()))
        .collect();
    let ppo = Stage::Ppo;
    assert_eq!(
        told,
        [(ppo, 0, "1 at 0"), (ppo, 5, "1 at 5"), (ppo, 10, "1 at 10")]
    );
    assert_eq!(reader.sample_over_steps(run, 3).unwrap(), []);
}

#[test]
fn going_back_to_a_checkpoint_sets_aside_what_came_after_it() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("branch")).unwrap();
    let run = lock.run();
    let other = store.create_run(&new_run("other")).unwrap();
    for id in [run, other.run()] {
        let mut reports = Vec::new();
        for (stage, name) in [
            (Stage::Generator, "generator/loss"),
            (Stage::Ppo, "ppo/reward"),
            (Stage::Evaluation, "evaluation/ppl"),
        ] {
            reports.push(Report::event(stage, 0, EventKind::StageBegun { total: 10 }));
            for step in 1..=10 {
                reports.push(metrics(
                    stage,
                    step,
                    &[(name, step as f64), ("validation/ppl", 1.0)],
                ));
                if step % 5 == 0 {
                    let path = PathBuf::from(format!("checkpoints/{stage}-{step}"));
                    std::fs::create_dir_all(store.run_dir(id).join(&path)).unwrap();
                    reports.push(Report::event(
                        stage,
                        step,
                        EventKind::Checkpoint { path, bytes: 1 },
                    ));
                    reports.push(Report::Samples {
                        stage,
                        step,
                        dialogues: vec![dialogue(0, "x", None)],
                    });
                    reports.push(Report::event(
                        stage,
                        step,
                        EventKind::Note {
                            severity: Severity::Info,
                            text: "half".to_string(),
                        },
                    ));
                }
            }
            reports.push(Report::event(stage, 10, EventKind::StageDone));
        }
        reports.push(Report::Results {
            system: results("EmpRL", Some(1.0)),
        });
        record(&mut store, id, reports);
    }
    let untouched = format!("{:?}", reader.keys(other.run()).unwrap());

    // One that was complete when the program ended, but not yet on record, and one that was not.
    for unrecorded in ["checkpoints/ppo-7", "checkpoints/ppo-8.tmp"] {
        std::fs::create_dir_all(store.run_dir(run).join(unrecorded)).unwrap();
    }
    store.return_to(run, Some((Stage::Ppo, 5)), false).unwrap();
    check_summaries(&reader, run);
    let steps = |stage, name: &str| {
        let points = reader.series(run, &key(stage, name), None).unwrap();
        points.last().map(|p| p.0)
    };
    assert_eq!(steps(Stage::Generator, "generator/loss"), Some(10));
    assert_eq!(steps(Stage::Generator, "validation/ppl"), Some(10));
    assert_eq!(steps(Stage::Ppo, "ppo/reward"), Some(5));
    assert_eq!(steps(Stage::Ppo, "validation/ppl"), Some(5));
    assert_eq!(steps(Stage::Evaluation, "evaluation/ppl"), None);
    assert_eq!(reader.samples(run).unwrap().len(), 3);
    assert_eq!(reader.results(run).unwrap(), []);
    let kept: Vec<u64> = reader
        .checkpoints(run)
        .unwrap()
        .iter()
        .map(|c| c.step)
        .collect();
    assert_eq!(kept, [5, 10, 5]);
    let folder = store.run_dir(run).join("checkpoints");
    let left = || {
        let mut left: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        left
    };
    assert_eq!(left().len(), 8, "no file is touched");
    let aside = reader.set_aside(run).unwrap().unwrap();
    assert_eq!(
        (aside.first, aside.last),
        ((Stage::Ppo, 6), (Stage::Evaluation, 10))
    );
    let kept: Vec<u64> = aside.checkpoints.iter().map(|c| c.step).collect();
    assert_eq!(kept, [10, 5, 10]);
    let row = reader.run(run).unwrap().row;
    assert_eq!((row.stage, row.step), (Some(Stage::Ppo), 5));
    let events = reader.events(run).unwrap();
    assert!(
        events
            .iter()
            .all(|e| e.stage < Some(Stage::Ppo) || e.step <= 5)
    );
    assert_eq!(
        format!("{:?}", reader.keys(other.run()).unwrap()),
        untouched
    );
    assert_eq!(reader.checkpoints(other.run()).unwrap().len(), 6);

    store.drop_set_aside(run).unwrap();
    assert_eq!(reader.set_aside(run).unwrap(), None);
    assert_eq!(left(), ["generator-10", "generator-5", "ppo-5"]);
    store.return_to(run, None, false).unwrap();
    assert_eq!(reader.keys(run).unwrap(), []);
    assert_eq!(reader.checkpoints(run).unwrap(), []);
    let row = reader.run(run).unwrap().row;
    assert_eq!((row.stage, row.step, row.total), (None, 0, 0));
    // What happened to the run itself is not forgotten.
    assert_eq!(reader.events(run).unwrap().len(), 1);
}

#[test]
fn a_batch_is_recorded_whole_or_not_at_all() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("whole")).unwrap();
    let run = lock.run();
    let outside = Report::event(
        Stage::Ppo,
        1,
        EventKind::Checkpoint {
            path: PathBuf::from("checkpoints/../../../elsewhere"),
            bytes: 0,
        },
    );
    let batch = [(0, metrics(Stage::Ppo, 1, &[("a", 1.0)])), (0, outside)];
    let error = store.record(run, &batch).unwrap_err();
    assert!(matches!(error, StoreError::OutsideRun { .. }), "{error}");
    assert_eq!(reader.keys(run).unwrap(), []);
    assert_eq!(reader.run(run).unwrap().row.step, 0);
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let Place {
        mut store, reader, ..
    } = place();
    let missing = RunId(41);
    let errors = [
        store
            .record(missing, &[(0, metrics(Stage::Ppo, 1, &[]))])
            .unwrap_err(),
        store.heartbeat(missing).unwrap_err(),
        store.set_note(missing, "x").unwrap_err(),
        store.return_to(missing, None, false).unwrap_err(),
        store.hold_run(missing).map(|_| ()).unwrap_err(),
        reader.run(missing).map(|_| ()).unwrap_err(),
        reader.settings(missing).unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, StoreError::NoRun { run, .. } if run == missing),
            "{error}"
        );
        assert!(
            error.to_string().contains("there is no run 41 in "),
            "{error}"
        );
    }
}

#[test]
fn many_points_are_read_in_a_moment() {
    let Place {
        mut store, reader, ..
    } = place();
    let lock = store.create_run(&new_run("long")).unwrap();
    let run = lock.run();
    let started = std::time::Instant::now();
    for first in (0..300_000).step_by(50_000) {
        let batch = (first..first + 50_000)
            .map(|step| {
                (
                    step as i64,
                    metrics(Stage::Ppo, step, &[("ppo/reward", step as f64)]),
                )
            })
            .collect::<Vec<_>>();
        store.record(run, &batch).unwrap();
    }
    let written = started.elapsed();
    let started = std::time::Instant::now();
    let points = reader
        .series(run, &key(Stage::Ppo, "ppo/reward"), None)
        .unwrap();
    println!(
        "300 000 points: written in {written:?}, read in {:?}",
        started.elapsed()
    );
    assert_eq!(points.len(), 300_000);
    assert!(started.elapsed().as_secs_f64() < 2.0);
    check_summaries(&reader, run);
    let started = std::time::Instant::now();
    reader.list_runs().unwrap();
    println!("list_runs beside them: {:?}", started.elapsed());
}
