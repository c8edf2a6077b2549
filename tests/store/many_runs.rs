//! A store of ten thousand runs, to measure with: `benches/README.md` says how.

use std::path::{Path, PathBuf};

use crate::store_support::*;
use emprl::catalog::{Column, Entry, parts_of, vocabulary};
use emprl::experiment::{Config, Report, Stage};
use emprl::filter::Vocabulary;
use emprl::metrics::declared;
use emprl::store::{CatalogParts, NewRun, RunStatus, Store, StoreReader};
use rusqlite::Connection;

/// Where the store is made.
const STORE: &str = "EMPRL_MANY_RUNS";

#[test]
#[ignore = "makes a large store where EMPRL_MANY_RUNS says"]
fn ten_thousand_runs_are_made() {
    let dir = PathBuf::from(std::env::var_os(STORE).expect("EMPRL_MANY_RUNS=DIR"));
    // A run has one algorithm.
    let others = ["grpo/", "rloo/", "dpo/"];
    make(&dir, 10_000, |key| {
        !others.iter().any(|other| key.starts_with(other))
    });
    println!("10 000 runs in {}", dir.display());
}

/// A list reads only what its columns show.
#[test]
fn a_column_shows_the_same_from_its_parts_as_from_all() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), 20, |_| true);
    let reader = StoreReader::open(dir.path()).unwrap();
    let shown = |column: &Column, parts: &CatalogParts| {
        let cell = |row| format!("{:?}", column.cell(&Entry::new(row)));
        reader.catalog(false, parts, cell).unwrap()
    };
    let (mut compared, mut missing) = (0, 0);
    for name in vocabulary().names() {
        let Ok(column) = name.name.parse::<Column>() else {
            continue;
        };
        let all = shown(&column, &CatalogParts::ALL);
        assert_eq!(all.len(), 20);
        assert_eq!(
            shown(&column, &parts_of([column.name()])),
            all,
            "{}",
            name.name
        );
        compared += 1;
        missing += usize::from(all.iter().all(|cell| cell == "Missing"));
    }
    assert!(
        compared > 150 && missing < compared / 2,
        "{compared}, {missing}"
    );
}

/// A store of so many finished runs with the metrics that are `logged`.
fn make(dir: &Path, runs: u32, logged: impl Fn(&str) -> bool) {
    let mut store = Store::open(dir).unwrap();
    let new = NewRun {
        config_toml: Config::default().to_toml(),
        ..new_run("many")
    };
    let lock = store.create_run(&new).unwrap();
    let names: Vec<String> = declared::all()
        .map(|metric| metric.key.to_string())
        .filter(|key| logged(key))
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
             WITH RECURSIVE n (id) AS (VALUES (2) UNION ALL SELECT id + 1 FROM n WHERE id < {runs})
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
                                        controls_json, held_out_json
             FROM numbers, results WHERE run = 1;
         INSERT INTO figures SELECT n.id, system, split, name, value, low, high
             FROM numbers n, figures WHERE run = 1;
         INSERT INTO events (run, wall, stage, step, body) SELECT n.id, wall, stage, step, body
             FROM numbers n, events WHERE run = 1;
         INSERT INTO run_tags SELECT id, 'paper' FROM numbers WHERE id % 3 = 0;
         COMMIT;"
    ))
    .unwrap();
}
