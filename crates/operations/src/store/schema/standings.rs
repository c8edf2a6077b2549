//! The table of what became of a study's annotators.

/// Pauses, exclusions and returns of annotators, each with its reason; the last one holds.
pub(super) const STANDINGS: &str = "
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
";
