//! The tables, as migrations.
//!
//! Step `n` of [`MIGRATIONS`] leads from version `n` to `n + 1`. A released step is never changed; new ones
//! are appended.

mod aside;
mod events;

use std::collections::HashSet;

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

/// The version this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours ("EmRL").
pub(super) const APPLICATION_ID: i32 = 0x456D_524C;

/// Times are milliseconds since the Unix epoch. Stages and statuses are stored as their keys.
const MIGRATIONS: [Step<'static>; 11] = [
    Step::Sql(RUNS),
    Step::Sql(STUDIES),
    Step::Sql(KEEPING),
    Step::Sql(CASES),
    Step::Sql(ROLLOUTS),
    Step::Sql(QUEUE),
    Step::Code(events::migrate),
    Step::Sql(aside::TABLES),
    Step::Sql(CONTROLS),
    Step::Sql(HELD_OUT),
    Step::Sql(LISTED),
];

/// One step from a version to the next.
#[derive(Clone, Copy)]
enum Step<'a> {
    Sql(&'a str),
    Code(fn(&Connection) -> Result<(), Fault>),
}

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

/// Systems' responses and studies. For a study that came as a pack, `definition_json`, `study_items` and
/// `swapped` are empty: nothing here could reveal its systems.
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

/// Organising runs. `archived` and `deleted` are times; a deleted run is only marked until it is removed for
/// good.
const KEEPING: &str = "
    ALTER TABLE runs ADD COLUMN archived INTEGER;
    ALTER TABLE runs ADD COLUMN deleted INTEGER;

    CREATE TABLE run_tags (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (run, tag)
    ) STRICT, WITHOUT ROWID;
";

/// Scores of systems' responses and pinned cases. Levels are three digits for emotional reaction,
/// interpretation and exploration, by one set of identifiers for each system.
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

/// Queued runs, each with all of its settings. `reuse` may name a run that no longer exists; `taken_out` is
/// when the run was removed from the queue.
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

/// The controls of Emp-F1 beside a system's results; NULL where they were not computed.
const CONTROLS: &str = "
    ALTER TABLE results ADD COLUMN controls_json TEXT;
    ALTER TABLE aside_results ADD COLUMN controls_json TEXT;
";

/// What auditors find, beside a system's results; NULL where there were none.
const HELD_OUT: &str = "
    ALTER TABLE results ADD COLUMN held_out_json TEXT;
    ALTER TABLE aside_results ADD COLUMN held_out_json TEXT;
";

/// A list of runs shows results without what is stored of them as JSON, which takes most of their pages.
const LISTED: &str = "
    CREATE INDEX results_of_run ON results (run, system, split, position, n, mean_words);
";

pub(super) enum Contents {
    Empty,
    /// Another program's tables.
    Foreign,
    /// A store of this version.
    Store(u32),
    /// A store of which a part is missing: which.
    Damaged(String),
}

/// Inspects a database in one transaction, since another program may be creating it.
pub(super) fn inspect(db: &Connection) -> Result<Contents, Fault> {
    let begin = || db.unchecked_transaction();
    let _moment = db.is_autocommit().then(begin).transpose()?;
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut query =
        db.prepare("SELECT CAST(name AS TEXT) FROM sqlite_schema WHERE type = 'table'")?;
    let tables: HashSet<String> = query
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    // The tables of the first version are in every store.
    let ours = tables_of(RUNS).filter(|table| tables.contains(*table));
    let is_ours = id == APPLICATION_ID || ours.count() > 2;
    if !is_ours {
        return Ok(match (id, version, tables.len()) {
            (0, 0, 0) => Contents::Empty,
            _ => Contents::Foreign,
        });
    }
    if id != APPLICATION_ID {
        let detail = "it has a store's tables, but its header does not say that it is a store";
        return Ok(Contents::Damaged(detail.into()));
    }
    let found = match u32::try_from(version) {
        Ok(found) if found > 0 => found,
        _ => {
            let detail = format!("its header says store version {version}, which does not exist");
            return Ok(Contents::Damaged(detail));
        }
    };
    let steps = MIGRATIONS.iter().take(found as usize);
    let expected = steps.filter_map(|step| match step {
        Step::Sql(sql) => Some(tables_of(sql)),
        Step::Code(_) => None,
    });
    // A newer version may have other tables.
    let missing = expected.flatten().find(|table| !tables.contains(*table));
    Ok(match missing.filter(|_| found <= VERSION) {
        Some(table) => Contents::Damaged(format!("its table {table} is missing")),
        None => Contents::Store(found),
    })
}

/// The names of the tables that a step creates.
fn tables_of(sql: &str) -> impl Iterator<Item = &str> {
    let created = sql.split("CREATE TABLE ").skip(1);
    created.filter_map(|rest| rest.split_whitespace().next())
}

/// Migrates an empty or older database to this version, in one transaction.
pub(super) fn migrate(db: &mut Connection) -> Result<(), Fault> {
    migrate_to(db, &MIGRATIONS)
}

fn migrate_to(db: &mut Connection, steps: &[Step<'_>]) -> Result<(), Fault> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have migrated it while this one waited for the lock.
    let version: u32 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(Fault::Unreadable(
            "the store".into(),
            "a newer emprl has just updated it; try again".into(),
        ));
    }
    for step in steps.iter().skip(version as usize) {
        match step {
            Step::Sql(sql) => change.execute_batch(sql)?,
            Step::Code(run) => run(&change)?,
        }
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
mod any_rows;
#[cfg(test)]
mod tests;
