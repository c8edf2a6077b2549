//! The tables of what the lead does with a study and its annotators.

/// Pauses, exclusions and returns of annotators, each with its reason: the last one holds. The lead's own name and note of a
/// study, which annotators never see, and when it was archived or deleted.
pub(super) const LEADING: &str = "
    CREATE TABLE study_standings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        study INTEGER NOT NULL,
        annotator INTEGER NOT NULL,
        standing TEXT NOT NULL,
        reason TEXT NOT NULL,
        wall INTEGER NOT NULL,
        FOREIGN KEY (study, annotator) REFERENCES study_annotators (study, number) ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX study_standings_of ON study_standings (study, annotator);

    CREATE TABLE study_marks (
        study INTEGER PRIMARY KEY REFERENCES studies (id) ON DELETE CASCADE,
        name TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT '',
        archived INTEGER,
        deleted INTEGER
    ) STRICT;
";
