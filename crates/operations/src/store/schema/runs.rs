//! The tables of runs: what each recorded, how a person organised them, and those that wait.

pub(super) const RUNS: &str = "
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

/// Organising runs. `archived` and `deleted` are times; a deleted run is only marked until it is removed for
/// good.
pub(super) const KEEPING: &str = "
    ALTER TABLE runs ADD COLUMN archived INTEGER;
    ALTER TABLE runs ADD COLUMN deleted INTEGER;

    CREATE TABLE run_tags (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (run, tag)
    ) STRICT, WITHOUT ROWID;
";

/// Responses of rollouts, token by token.
pub(super) const ROLLOUTS: &str = "
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
pub(super) const QUEUE: &str = "
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
pub(super) const CONTROLS: &str = "
    ALTER TABLE results ADD COLUMN controls_json TEXT;
    ALTER TABLE aside_results ADD COLUMN controls_json TEXT;
";

/// What auditors find, beside a system's results; NULL where there were none.
pub(super) const HELD_OUT: &str = "
    ALTER TABLE results ADD COLUMN held_out_json TEXT;
    ALTER TABLE aside_results ADD COLUMN held_out_json TEXT;
";

/// A list of runs shows results without what is stored of them as JSON, which takes most of their pages.
pub(super) const LISTED: &str = "
    CREATE INDEX results_of_run ON results (run, system, split, position, n, mean_words);
";

/// No table changes. From here on a run may be another program's: its one stage is `recorded`, and its settings are a
/// table of that name, which earlier versions would take for damage.
pub(super) const RECORDED: &str = "";
