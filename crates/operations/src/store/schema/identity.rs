//! The table of runs' identities.

/// What a run is called in every store, whatever its number there; a run that was begun before this step has no row, and is
/// known by how it began. `taken` is when something last had happened to it in another
/// store that it was taken from, NULL of a run that was never taken over.
pub(super) const IDENTITIES: &str = "
    CREATE TABLE run_identities (
        run INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        uid TEXT NOT NULL UNIQUE,
        taken INTEGER
    ) STRICT;
";
