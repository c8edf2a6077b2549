//! The tables of what was asked of language models at addresses.

/// Requests to endpoints and their answers; what judges said. `digest` stands for all that decides what is asked, so
/// that the same command finds what it has; `item` names one request among them. Rows of `exchanges` are only ever
/// added. What a judge says has tables of its own: it is no person's judgement.
pub(super) const ASKS: &str = "
    CREATE TABLE asks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        about_json TEXT NOT NULL,
        begun INTEGER NOT NULL,
        ended INTEGER
    ) STRICT;

    CREATE TABLE exchanges (
        ask INTEGER NOT NULL REFERENCES asks (id) ON DELETE CASCADE,
        item TEXT NOT NULL,
        request_json TEXT NOT NULL,
        answer_json TEXT NOT NULL,
        wall INTEGER NOT NULL,
        PRIMARY KEY (ask, item)
    ) STRICT;

    CREATE TABLE judge_scores (
        ask INTEGER NOT NULL,
        item TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (ask, item),
        FOREIGN KEY (ask, item) REFERENCES exchanges (ask, item) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE judge_verdicts (
        ask INTEGER NOT NULL,
        item TEXT NOT NULL,
        verdict TEXT NOT NULL,
        PRIMARY KEY (ask, item),
        FOREIGN KEY (ask, item) REFERENCES exchanges (ask, item) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
";
