//! The tables of links by which people judge in a browser.

/// Links, what came by each, and who came from a crowd platform. By an entrance each who comes gets a link of their own;
/// the ids that the platform gave them are in `study_workers` alone, apart from judgements.
/// Of a token only a digest is kept; `secret` makes the names that a page gives to items. A receipt says that what was sent under its key is recorded, so that sending it again counts once.
pub(super) const LINKS: &str = "
    CREATE TABLE study_links (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        study INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
        annotator INTEGER NOT NULL,
        token_sha256 TEXT NOT NULL UNIQUE,
        secret TEXT NOT NULL,
        made INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        seen INTEGER,
        revoked INTEGER,
        FOREIGN KEY (study, annotator) REFERENCES study_annotators (study, number) ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX study_links_of ON study_links (study, annotator);

    CREATE TABLE study_receipts (
        link INTEGER NOT NULL REFERENCES study_links (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        item INTEGER,
        wall INTEGER NOT NULL,
        PRIMARY KEY (link, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE study_entrances (
        study INTEGER PRIMARY KEY REFERENCES studies (id) ON DELETE CASCADE,
        token_sha256 TEXT NOT NULL UNIQUE,
        secret TEXT NOT NULL,
        made INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE study_workers (
        link INTEGER PRIMARY KEY REFERENCES study_links (id) ON DELETE CASCADE,
        worker TEXT NOT NULL,
        platform_study TEXT NOT NULL,
        session TEXT NOT NULL,
        arrived INTEGER NOT NULL,
        consented INTEGER,
        tries INTEGER NOT NULL,
        passed INTEGER,
        practised INTEGER NOT NULL,
        finished INTEGER,
        left_at INTEGER,
        why_left TEXT
    ) STRICT;
";
