//! The tables of systems' responses and of studies.

/// Systems' responses and studies. For a study that came as a pack, `definition_json`, `study_items` and
/// `swapped` are empty: nothing here could reveal its systems.
pub(super) const STUDIES: &str = "
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

/// Scores of systems' responses and pinned cases. Levels are three digits for emotional reaction,
/// interpretation and exploration, by one set of identifiers for each system.
pub(super) const CASES: &str = "
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
