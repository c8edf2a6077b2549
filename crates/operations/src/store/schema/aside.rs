//! The step that adds a place for what a run had recorded past the checkpoint that it was resumed from.
//!
//! Each table has the columns of the one whose rows it takes, in the same order.

pub(super) const TABLES: &str = "
    CREATE TABLE aside_points (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        key INTEGER NOT NULL REFERENCES metric_keys (id),
        step INTEGER NOT NULL,
        value REAL,
        wall INTEGER NOT NULL,
        PRIMARY KEY (run, key, step)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aside_samples (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        position INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        dialogue_json TEXT NOT NULL,
        PRIMARY KEY (run, stage, step, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aside_rollouts (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        position INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        response_json TEXT NOT NULL,
        PRIMARY KEY (run, stage, step, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aside_events (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        wall INTEGER NOT NULL,
        stage TEXT,
        step INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX aside_events_of_run ON aside_events (run, id);

    CREATE TABLE aside_checkpoints (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        stage TEXT NOT NULL,
        step INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        wall INTEGER NOT NULL,
        PRIMARY KEY (run, path)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aside_results (
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

    CREATE TABLE aside_figures (
        run INTEGER NOT NULL,
        system TEXT NOT NULL,
        split TEXT NOT NULL,
        name TEXT NOT NULL,
        value REAL,
        low REAL,
        high REAL,
        PRIMARY KEY (run, system, split, name),
        FOREIGN KEY (run, system, split) REFERENCES aside_results (run, system, split) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
";
