//! A store of ten thousand runs, to measure with: `benches/README.md` says how.

use std::path::PathBuf;

use crate::store_support::*;
use emprl::experiment::{Config, Report, Stage};
use emprl::metrics::declared;
use emprl::store::{NewRun, RunStatus, Store};
use rusqlite::Connection;

/// Where the store is made.
const STORE: &str = "EMPRL_MANY_RUNS";
const RUNS: u32 = 10_000;

#[test]
#[ignore = "makes a large store where EMPRL_MANY_RUNS says"]
fn ten_thousand_runs_are_made() {
    let dir = PathBuf::from(std::env::var_os(STORE).expect("EMPRL_MANY_RUNS=DIR"));
    let mut store = Store::open(&dir).unwrap();
    let new = NewRun {
        config_toml: Config::default().to_toml(),
        ..new_run("many")
    };
    let lock = store.create_run(&new).unwrap();
    let names: Vec<String> = declared::all()
        .map(|metric| metric.key.to_string())
        .collect();
    let reports: Vec<(i64, Report)> = (0..3)
        .map(|step| {
            let values: Vec<(&str, f64)> = names
                .iter()
                .map(|name| (name.as_str(), 0.5 + step as f64))
                .collect();
            (step as i64, metrics(Stage::Ppo, step, &values))
        })
        .collect();
    store.record(lock.run(), &reports).unwrap();
    for system in ["generator", "policy", "reference"] {
        let system = results(system, Some(20.0));
        store
            .record(lock.run(), &[(9, Report::Results { system })])
            .unwrap();
    }
    store
        .set_status(lock.run(), RunStatus::Finished, None, 10)
        .unwrap();
    drop((lock, store));
    // The others are copies with other seeds; each by its own transactions would take an hour.
    let raw = Connection::open(dir.join("emprl.db")).unwrap();
    raw.execute_batch(&format!(
        "CREATE TEMP TABLE numbers AS
             WITH RECURSIVE n (id) AS (VALUES (2) UNION ALL SELECT id + 1 FROM n WHERE id < {RUNS})
             SELECT id FROM n;
         BEGIN;
         INSERT INTO runs (id, name, experiment, seed, device, status, stage, step, total, started, ended,
                           config_toml, environment_json, fingerprints_json, holder, heartbeat)
             SELECT n.id, name || ' ' || n.id, experiment, n.id, device, status, stage, step, total,
                    started + 1000 * n.id, ended, replace(config_toml, 'seed = 1', 'seed = ' || n.id),
                    environment_json, fingerprints_json, holder, heartbeat
             FROM numbers n, runs WHERE runs.id = 1;
         INSERT INTO summary SELECT n.id, key, last + n.id, last_step, last_wall, min, max, count, nonfinite
             FROM numbers n, summary WHERE run = 1;
         INSERT INTO results SELECT numbers.id, position, system, split, stage, step, wall, n, mean_words,
                                        controls_json
             FROM numbers, results WHERE run = 1;
         INSERT INTO figures SELECT n.id, system, split, name, value, low, high
             FROM numbers n, figures WHERE run = 1;
         INSERT INTO events (run, wall, stage, step, body) SELECT n.id, wall, stage, step, body
             FROM numbers n, events WHERE run = 1;
         INSERT INTO run_tags SELECT id, 'paper' FROM numbers WHERE id % 3 = 0;
         COMMIT;"
    ))
    .unwrap();
    println!("{} runs in {}", RUNS, dir.display());
}
