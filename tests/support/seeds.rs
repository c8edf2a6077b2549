//! Runs of several seeds, with curves of their own and a setting changed on the way.

use std::path::Path;

use emprl::experiment::{Change, Control, Environment, EventKind, ExperimentFile, Report, Stage};
use emprl::store::{NewRun, RunId, RunStatus, Store};

/// A run of quickstart with this seed and these values of a metric of PPO by step. `change` is a learning rate and
/// the step it was set after.
pub fn seed_run(
    store: &Path,
    name: &str,
    seed: u64,
    (metric, values): (&str, &[(u64, f64)]),
    change: Option<(u64, f64)>,
) -> RunId {
    let mut config = ExperimentFile::preset("quickstart")
        .expect("it comes with the program")
        .expect("it can be read")
        .config;
    config.run.seed = seed;
    let mut store = Store::open(store).expect("a store");
    let new = NewRun {
        name: name.into(),
        experiment: "quickstart".into(),
        seed,
        device: "flex".into(),
        config_toml: config.to_toml(),
        environment: Environment::capture(),
        fingerprints: [("builtin".to_string(), "9f2c".to_string())].into(),
    };
    let lock = store.create_run(&new).expect("a run");
    let id = lock.run();
    let total = values.last().map_or(0, |(step, _)| *step);
    let begun = Report::event(Stage::Ppo, 0, EventKind::StageBegun { total });
    let mut reports = vec![(1_000_000, begun)];
    for (step, value) in values {
        let report = Report::Metrics {
            stage: Stage::Ppo,
            step: *step,
            total,
            values: vec![(metric.to_string(), *value)],
        };
        reports.push((1_000_000 + *step as i64 * 250, report));
        if let Some((after, rate)) = change
            && after == *step
        {
            let change = Change::new("ppo.lr", rate).expect("it can be changed");
            let control = Control::Set(change);
            let event = Report::event(Stage::Ppo, after, EventKind::Control { control });
            reports.push((1_000_100 + *step as i64 * 250, event));
        }
    }
    store.record(id, &reports).expect("reports");
    store
        .set_status(id, RunStatus::Finished, None, 2_000_290)
        .expect("a status");
    id
}
