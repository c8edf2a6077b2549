//! The tables of links by which people judge in a browser.

/// Links and what came by each. Of a token only a digest is kept; `secret` makes the names that a page gives to items. A
/// receipt says that what was sent under its key is recorded, so that sending it again counts once.
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
";
