//! The tables, and how they came to be what they are.
//!
//! Step `n` of [`MIGRATIONS`] leads from version `n` to `n + 1`. A step that was released is never
//! changed; a new one is appended.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

/// The version this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours ("EmRL").
pub(super) const APPLICATION_ID: i32 = 0x456D_524C;

/// Times are milliseconds since the Unix epoch. Stages, statuses and sorts of events go by their keys.
const MIGRATIONS: [&str; 6] = [RUNS, STUDIES, KEEPING, CASES, ROLLOUTS, QUEUE];

const RUNS: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        experiment TEXT NOT NULL,
        seed INTEGER NOT NULL,
        device TEXT NOT NULL,
        status TEXT NOT NULL,
        stage TEXT,
        step INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        started INTEGER NOT NULL,
        ended INTEGER,
        config_toml TEXT NOT NULL,
        environment_json TEXT NOT NULL,
        fingerprints_json TEXT NOT NULL,
        error TEXT,
        note TEXT NOT NULL DEFAULT '',
        holder TEXT NOT NULL,
        heartbeat INTEGER NOT NULL
    ) STRICT;

    -- Every stage counts its own steps, so a metric of two stages has two keys.
    CREATE TABLE metric_keys (
        id INTEGER PRIMARY KEY,
        stage TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (stage, name)
    ) STRICT;

    -- A value of NULL is NaN.
    CREATE TABLE points (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        key INTEGER NOT NULL REFERENCES metric_keys (id),
        step INTEGER NOT NULL,
        value REAL,
        wall INTEGER NOT NULL,
        PRIMARY KEY (run, key, step)
    ) STRICT, WITHOUT ROWID;

    -- min and max are those of the finite values, NULL when there are none.
    CREATE TABLE summary (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        key INTEGER NOT NULL REFERENCES metric_keys (id),
        last REAL,
        last_step INTEGER NOT NULL,
        last_wall INTEGER NOT NULL,
        min REAL,
        max REAL,
        count INTEGER NOT NULL,
        nonfinite INTEGER NOT NULL,
        PRIMARY KEY (run, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE samples (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        position INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        dialogue_json TEXT NOT NULL,
        PRIMARY KEY (run, stage, step, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        wall INTEGER NOT NULL,
        stage TEXT,
        step INTEGER NOT NULL,
        sort TEXT NOT NULL,
        severity TEXT,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_run ON events (run, id);

    -- path is relative to the run's folder.
    CREATE TABLE checkpoints (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        PRIMARY KEY (run, path)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE results (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        system TEXT NOT NULL,
        split TEXT NOT NULL,
        stage TEXT,
        step INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        n INTEGER NOT NULL,
        mean_words REAL,
        PRIMARY KEY (run, system, split)
    ) STRICT, WITHOUT ROWID;

    -- A figure that was not measured has no row; NULL is NaN.
    CREATE TABLE figures (
        run INTEGER NOT NULL,
        system TEXT NOT NULL,
        split TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL,
        low REAL,
        high REAL,
        PRIMARY KEY (run, system, split, name),
        FOREIGN KEY (run, system, split) REFERENCES results (run, system, split) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
";

/// What people judge. Where a study was made elsewhere and came as a pack, `definition_json`, `study_items`
/// and `swapped` are empty: nothing here could give its systems away.
const STUDIES: &str = "
    CREATE TABLE systems (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        aligned_by TEXT NOT NULL,
        tokenized INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        imported INTEGER NOT NULL,
        problems_json TEXT NOT NULL
    ) STRICT;

    CREATE TABLE contexts (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        context_json TEXT NOT NULL
    ) STRICT;

    -- position is that of the context in the order in which the system answered.
    CREATE TABLE responses (
        system INTEGER NOT NULL REFERENCES systems (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        context INTEGER NOT NULL REFERENCES contexts (id),
        response TEXT NOT NULL,
        PRIMARY KEY (system, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE studies (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        uid TEXT NOT NULL UNIQUE,
        head_json TEXT NOT NULL,
        added INTEGER NOT NULL,
        definition_json TEXT
    ) STRICT;

    CREATE TABLE study_annotators (
        study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        pseudonym TEXT NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (study, number),
        UNIQUE (study, pseudonym)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE study_items (
        study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
        item INTEGER NOT NULL,
        item_json TEXT NOT NULL,
        PRIMARY KEY (study, item)
    ) STRICT, WITHOUT ROWID;

    -- page_json is what the annotator sees; swapped says what that means.
    CREATE TABLE study_assignments (
        study INTEGER NOT NULL,
        annotator INTEGER NOT NULL,
        position INTEGER NOT NULL,
        item INTEGER NOT NULL,
        page_json TEXT NOT NULL,
        swapped INTEGER,
        PRIMARY KEY (study, annotator, position),
        UNIQUE (study, annotator, item),
        FOREIGN KEY (study, annotator) REFERENCES study_annotators (study, number) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    -- Only ever added to. id is a digest of the act; late: merged after the unblinding.
    CREATE TABLE study_acts (
        study INTEGER NOT NULL,
        annotator INTEGER NOT NULL,
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        item INTEGER NOT NULL,
        deed_json TEXT NOT NULL,
        shown INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        late INTEGER NOT NULL,
        PRIMARY KEY (study, annotator, id),
        FOREIGN KEY (study, annotator, item) REFERENCES study_assignments (study, annotator, item)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX study_acts_in_order ON study_acts (study, annotator, seq);

    CREATE TABLE study_unblindings (
        study INTEGER PRIMARY KEY REFERENCES studies (id) ON DELETE CASCADE,
        unblinding_json TEXT NOT NULL
    ) STRICT;
";

/// How people keep their runs in order. `archived` and `deleted` say since when; a deleted run is only marked
/// until it is removed for good.
const KEEPING: &str = "
    ALTER TABLE runs ADD COLUMN archived INTEGER;
    ALTER TABLE runs ADD COLUMN deleted INTEGER;

    CREATE TABLE run_tags (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (run, tag)
    ) STRICT, WITHOUT ROWID;
";

/// What identifiers and people say of systems' responses outside studies. Levels are the three digits of
/// emotional reaction, interpretation and exploration, by one set of identifiers for each system.
const CASES: &str = "
    CREATE TABLE system_scores (
        system INTEGER PRIMARY KEY REFERENCES systems (id) ON DELETE CASCADE,
        identifiers TEXT,
        scored INTEGER NOT NULL,
        results_json TEXT NOT NULL
    ) STRICT;

    CREATE TABLE response_levels (
        system INTEGER NOT NULL,
        position INTEGER NOT NULL,
        response TEXT NOT NULL,
        target TEXT NOT NULL,
        PRIMARY KEY (system, position),
        FOREIGN KEY (system, position) REFERENCES responses (system, position) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE pins (
        context INTEGER PRIMARY KEY REFERENCES contexts (id),
        pinned INTEGER NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
";

/// Responses of rollouts, token by token.
const ROLLOUTS: &str = "
    CREATE TABLE rollouts (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        position INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        response_json TEXT NOT NULL,
        PRIMARY KEY (run, stage, step, position)
    ) STRICT, WITHOUT ROWID;
";

/// Runs that wait for their turn, each with all of its settings. `reuse` may name a run that is gone;
/// `taken_out` says since when a run waits no more because somebody took it out.
const QUEUE: &str = "
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        position INTEGER NOT NULL,
        experiment TEXT NOT NULL,
        name TEXT NOT NULL,
        config_toml TEXT NOT NULL,
        reuse INTEGER,
        queued INTEGER NOT NULL,
        taken_out INTEGER
    ) STRICT;
";

/// What a file holds.
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// Another program's tables.
    Foreign,
    /// A store of this version.
    Store(u32),
}

/// Looks at a database without changing it. At one moment: another program may be making it.
pub(super) fn inspect(db: &Connection) -> Result<Found, Fault> {
    let _moment = db.unchecked_transaction()?;
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: u64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0).map(|count| count as u64)
    })?;
    Ok(match (id, tables) {
        (APPLICATION_ID, _) => Found::Store(version),
        (0, 0) if version == 0 => Found::Empty,
        _ => Found::Foreign,
    })
}

/// Brings a database that is empty or of an earlier version to this one, in one transaction.
pub(super) fn migrate(db: &mut Connection) -> Result<(), Fault> {
    migrate_to(db, &MIGRATIONS)
}

fn migrate_to(db: &mut Connection, steps: &[&str]) -> Result<(), Fault> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have migrated it while this one waited.
    let version: u32 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in steps.iter().skip(version as usize) {
        change.execute_batch(step)?;
    }
    if (version as usize) < steps.len() {
        change.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            steps.len()
        ))?;
    }
    change.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(db: &Connection) -> Vec<(String, String)> {
        let mut query = db
            .prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap();
        query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    fn at_version(steps: &[&str]) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrate_to(&mut db, steps).ok().unwrap();
        db
    }

    #[test]
    fn who_only_reads_finds_a_store_of_any_earlier_version_up_to_date() {
        for earlier in 1..MIGRATIONS.len() {
            let dir = tempfile::tempdir().unwrap();
            let mut db = Connection::open(super::super::database::path_in(dir.path())).unwrap();
            migrate_to(&mut db, &MIGRATIONS[..earlier]).ok().unwrap();
            drop(db);
            let reader = super::super::StoreReader::open(dir.path()).unwrap();
            assert_eq!(reader.newer(), None);
            assert_eq!(reader.list_runs().unwrap(), []);
        }
    }

    #[test]
    fn a_store_that_is_just_being_made_is_never_taken_for_another_programs() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let path = super::super::database::path_in(dir.path());
            let mut maker = Connection::open(&path).unwrap();
            let watcher = Connection::open(&path).unwrap();
            for db in [&maker, &watcher] {
                db.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
            }
            std::thread::scope(|scope| {
                scope.spawn(|| migrate(&mut maker).ok().unwrap());
                loop {
                    match inspect(&watcher).ok().unwrap() {
                        Found::Empty => {}
                        Found::Store(version) => break assert_eq!(version, VERSION),
                        Found::Foreign => panic!("half of the making was seen"),
                    }
                }
            });
        }
    }

    #[test]
    fn every_earlier_version_migrates_to_the_same_tables() {
        let fresh = at_version(&MIGRATIONS);
        for earlier in 0..=MIGRATIONS.len() {
            let mut db = at_version(&MIGRATIONS[..earlier]);
            migrate(&mut db).ok().unwrap();
            assert_eq!(shape(&db), shape(&fresh), "from version {earlier}");
            assert!(matches!(inspect(&db), Ok(Found::Store(VERSION))));
        }
    }

    #[test]
    fn a_store_of_runs_only_keeps_them_and_takes_studies() {
        let mut db = at_version(&MIGRATIONS[..1]);
        db.execute_batch(
            "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);
             INSERT INTO metric_keys VALUES (1, 'ppo', 'ppo/reward');
             INSERT INTO points VALUES (1, 1, 3, 0.5, 7);",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        let kept: (String, f64) = db
            .query_row(
                "SELECT name, value FROM runs JOIN points ON run = id",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(kept, ("old".to_string(), 0.5));
        db.execute(
            "INSERT INTO studies (uid, head_json, added) VALUES ('u', '{}', 1)",
            [],
        )
        .unwrap();
    }

    #[test]
    fn runs_of_every_earlier_version_are_kept_and_take_tags() {
        for earlier in 1..MIGRATIONS.len() {
            let mut db = at_version(&MIGRATIONS[..earlier]);
            db.execute_batch(
                "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                                   environment_json, fingerprints_json, note, holder, heartbeat)
                 VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', 'kept', '', 6);",
            )
            .unwrap();
            migrate(&mut db).ok().unwrap();
            db.execute("INSERT INTO run_tags VALUES (1, 'paper')", [])
                .unwrap();
            let kept: (String, Option<i64>, Option<i64>, String) = db
                .query_row(
                    "SELECT note, archived, deleted, tag FROM runs JOIN run_tags ON run = id",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
                )
                .unwrap();
            assert_eq!(kept, ("kept".into(), None, None, "paper".into()));
        }
    }

    #[test]
    fn runs_of_every_earlier_version_are_kept_with_their_samples_and_take_rollouts() {
        for earlier in 1..MIGRATIONS.len() {
            let mut db = at_version(&MIGRATIONS[..earlier]);
            db.execute_batch(
                "PRAGMA foreign_keys = ON;
                 INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                                   environment_json, fingerprints_json, holder, heartbeat)
                 VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);
                 INSERT INTO samples VALUES (1, 'ppo', 3, 0, 7, 'kept');",
            )
            .unwrap();
            migrate(&mut db).ok().unwrap();
            db.execute_batch("INSERT INTO rollouts VALUES (1, 'ppo', 3, 0, 8, 'new')")
                .unwrap();
            let row: (String, String) = db
                .query_row(
                    "SELECT dialogue_json, response_json
                     FROM samples JOIN rollouts USING (run, stage, step, position)",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .unwrap();
            assert_eq!(row, ("kept".into(), "new".into()), "from version {earlier}");
            db.execute_batch("DELETE FROM runs").unwrap();
            let left: i64 = db
                .query_row("SELECT count(*) FROM rollouts", [], |row| row.get(0))
                .unwrap();
            assert_eq!(left, 0, "what is removed for good takes its rollouts along");
        }
    }

    #[test]
    fn runs_of_every_earlier_version_are_kept_and_a_queue_begins_empty() {
        for earlier in 1..MIGRATIONS.len() {
            let mut db = at_version(&MIGRATIONS[..earlier]);
            db.execute_batch(
                "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                                   environment_json, fingerprints_json, holder, heartbeat)
                 VALUES ('old', 'quickstart', 1, 'flex', 'stopped', 5, 'kept', '{}', '{}', '', 6);",
            )
            .unwrap();
            migrate(&mut db).ok().unwrap();
            let row: (String, i64) = db
                .query_row(
                    "SELECT config_toml, (SELECT count(*) FROM queue) FROM runs",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .unwrap();
            assert_eq!(row, ("kept".into(), 0), "from version {earlier}");
            db.execute(
                "INSERT INTO queue (position, experiment, name, config_toml, queued)
                 VALUES (1, 'quickstart', 'next', '', 7)",
                [],
            )
            .unwrap();
        }
    }

    #[test]
    fn steps_build_on_each_other_and_keep_the_rows() {
        let steps = [
            "CREATE TABLE a (x INTEGER) STRICT",
            "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7",
            "CREATE INDEX a_y ON a (y)",
        ];
        let mut db = at_version(&steps[..1]);
        db.execute("INSERT INTO a VALUES (1)", []).unwrap();
        migrate_to(&mut db, &steps).ok().unwrap();
        let row: (i64, i64) = db
            .query_row("SELECT x, y FROM a", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, (1, 7));
        assert_eq!(shape(&db), shape(&at_version(&steps)));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut db = at_version(&["CREATE TABLE a (x INTEGER) STRICT"]);
        let steps = [
            "",
            "CREATE TABLE b (y INTEGER) STRICT",
            "CREATE TABLE a (z)",
        ];
        assert!(migrate_to(&mut db, &steps).is_err());
        assert!(matches!(inspect(&db), Ok(Found::Store(1))));
        assert_eq!(shape(&db).len(), 1);
    }
}
