//! The tables of packs that come back: by what their seals are checked, and what came with each.

/// `study_keys` has the keys by which a study's own packs are sealed; they leave the store with no pack. `study_seals`
/// has the seal of a pack that came to be judged here, which goes back with it. A return is a pack that was merged;
/// `edited`: it was not as it was sent. `came` is the return by which a judgement came, NULL of one that was given here;
/// `counts` is 0 of one that came after the unblinding and that the lead does not count. Until this step all counted.
pub(super) const RETURNS: &str = "
    CREATE TABLE study_keys (
        study INTEGER PRIMARY KEY REFERENCES studies (id) ON DELETE CASCADE,
        key TEXT NOT NULL
    ) STRICT;

    CREATE TABLE study_seals (
        study INTEGER NOT NULL,
        annotator INTEGER NOT NULL,
        seal TEXT NOT NULL,
        PRIMARY KEY (study, annotator),
        FOREIGN KEY (study, annotator) REFERENCES study_annotators (study, number) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE study_returns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        study INTEGER NOT NULL,
        annotator INTEGER NOT NULL,
        name TEXT NOT NULL,
        merged INTEGER NOT NULL,
        edited INTEGER NOT NULL,
        FOREIGN KEY (study, annotator) REFERENCES study_annotators (study, number) ON DELETE CASCADE
    ) STRICT;

    ALTER TABLE study_acts ADD COLUMN came INTEGER REFERENCES study_returns (id);
    ALTER TABLE study_acts ADD COLUMN counts INTEGER NOT NULL DEFAULT 1;
";
