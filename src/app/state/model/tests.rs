use super::*;

fn row() -> RunRow {
    RunRow {
        id: RunId(1),
        name: "quickstart".into(),
        experiment: "quickstart".into(),
        seed: 1,
        device: "flex".into(),
        status: RunStatus::Running,
        stage: None,
        step: 0,
        total: 0,
        started: 0,
        ended: None,
        heartbeat: 0,
        error: None,
        note: String::new(),
        tags: Vec::new(),
        archived: false,
        deleted: None,
        summary: BTreeMap::new(),
    }
}

#[test]
fn curves_over_time_break_where_the_run_resumed_after_a_pause() {
    let mut model = RunModel::new(&row(), &[Stage::Ppo]);
    let status = |model: &mut RunModel, wall_ms, status: RunStatus| {
        model.add_live_event(Event {
            wall_ms,
            stage: Some(Stage::Ppo),
            step: 1,
            kind: EventKind::Status { status },
        });
    };
    let metrics = |model: &mut RunModel, step: u64, wall_ms, names: &[&str]| {
        let values = names.iter().map(|name| (name.to_string(), 1.0)).collect();
        let (stage, total) = (Stage::Ppo, 9);
        model.apply(
            wall_ms,
            Report::Metrics {
                stage,
                step,
                total,
                values,
            },
        );
    };
    status(&mut model, 500, RunStatus::Running);
    metrics(&mut model, 1, 1_000, &["ppo/loss"]);
    metrics(&mut model, 2, 2_000, &["ppo/loss"]);
    status(&mut model, 2_100, RunStatus::Paused);
    status(&mut model, 9_000, RunStatus::Running);
    metrics(&mut model, 3, 9_500, &["ppo/loss", "ppo/late"]);
    metrics(&mut model, 4, 10_500, &["ppo/loss", "ppo/late"]);
    // What began before the pause, and what began after it.
    for (name, along_time) in [("ppo/loss", 2), ("ppo/late", 1)] {
        let key = MetricKey {
            stage: Stage::Ppo,
            name: name.into(),
        };
        let track = model.tracks.get_mut(&key).unwrap();
        for smoothing in [0.0, 0.6] {
            let series = track.smooth(smoothing).smooth();
            let lines = |axis, to| series.decimate(axis, 0.0, to, 100).lines().count();
            assert_eq!(lines(XAxis::Wall, 20.0), along_time, "{name}");
            assert_eq!(lines(XAxis::Step, 9.0), 1, "{name}");
        }
    }
}

#[test]
fn reports_move_the_stages_and_the_curves() {
    let mut model = RunModel::new(&row(), &[Stage::Generator, Stage::Ppo]);
    model.apply(
        0,
        Report::event(Stage::Generator, 0, EventKind::StageBegun { total: 10 }),
    );
    for step in 1..=5 {
        let values = vec![("generator/loss".to_string(), 1.0 / step as f64)];
        model.apply(
            step as i64 * 1000,
            Report::Metrics {
                stage: Stage::Generator,
                step,
                total: 10,
                values,
            },
        );
    }
    let progress = model.current_progress().unwrap();
    assert_eq!(
        (progress.stage, progress.step, progress.fraction()),
        (Stage::Generator, 5, 0.5)
    );
    assert!((progress.seconds_left().unwrap() - 5.0).abs() < 1e-9);
    assert_eq!(model.last("generator/loss"), Some(0.2));
    model.apply(
        6000,
        Report::event(Stage::Generator, 10, EventKind::StageDone),
    );
    assert_eq!(model.stages[0].state, StageState::Done);
    assert_eq!(model.stages[1].state, StageState::Waiting);
}
