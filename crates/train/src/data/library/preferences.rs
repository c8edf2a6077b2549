//! Sets of preference pairs: a person's own, under names of their own.

use std::path::Path;

use super::corpora::{check_name, corpus};
use super::{
    DataError, ImportReport, Manifest, NAMES, jsonl, parse, read_files, read_manifest, set_dir,
    write_set,
};
use crate::data::preferences::{self, PreferencePair, PreferenceSet};

/// What `data import` calls them, and the name of a set that was given none.
pub const PREFERENCES: &str = "preferences";

const FILE: &str = "preferences.jsonl";

/// Imports the preference pairs of a JSONL file as the set `name`. Replaces an earlier import of that name. Rows that
/// have an `idx` alone take their contexts from the file `contexts`.
///
/// # Errors
/// The name cannot be one, a file is missing or malformed, or the store cannot be written.
pub fn import_preferences(
    store: &Path,
    name: &str,
    source: &Path,
    contexts: Option<&Path>,
) -> Result<ImportReport, DataError> {
    check_name(name)?;
    if corpus(store, name)?.is_some() {
        return Err(DataError::NameTaken {
            name: name.to_string(),
            fix: "choose another name",
        });
    }
    let (pairs, report) = preferences::read(name, source, contexts)?;
    let rows = jsonl(&pairs).map_err(DataError::io(store))?;
    write_set(store, name, &[(FILE, rows)], &report)?;
    Ok(report)
}

/// Opens a set of preference pairs.
///
/// # Errors
/// The set is not imported, holds no pairs, or its file is damaged.
pub fn open_preferences(store: &Path, name: &str) -> Result<PreferenceSet, DataError> {
    if NAMES.contains(&name) {
        return Err(DataError::WrongKind {
            name: name.to_string(),
            what: "preference pairs",
            with: "those imported with `emprl data import preferences FILE`".into(),
        });
    }
    check_name(name)?;
    let manifest = read_manifest(store, name).map_err(|error| match error {
        DataError::NotImported { name } => DataError::NoPreferences { name },
        error => error,
    })?;
    if manifest.corpus.is_some() {
        return Err(DataError::NoPreferences {
            name: name.to_string(),
        });
    }
    let [text] = read_files(store, name, &manifest, [FILE])?;
    let pairs: Vec<PreferencePair> = parse(&set_dir(store, name).join(FILE), &text)?;
    Ok(PreferenceSet {
        name: name.to_string(),
        fingerprint: manifest.fingerprint,
        pairs,
    })
}

/// How many pairs there are in a set, if it is one of pairs.
pub(super) fn pairs_in(manifest: &Manifest) -> Option<usize> {
    let file = manifest.files.iter().find(|file| file.file == FILE)?;
    Some(file.rows)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sets_of_pairs_have_names_of_their_own() {
        let store = tempfile::tempdir().unwrap();
        let file = store.path().join("pairs.jsonl");
        fs::write(&file, r#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#).unwrap();
        for name in ["preferences", "study-3"] {
            import_preferences(store.path(), name, &file, None).unwrap();
            let set = open_preferences(store.path(), name).unwrap();
            assert_eq!((set.pairs.len(), set.fingerprint.len()), (1, 64));
        }
        let names = super::super::corpora::own_names(store.path()).unwrap();
        assert_eq!(names, ["preferences", "study-3"]);
        for name in [
            "builtin",
            "../up",
            "Mine",
            "",
            ".hidden",
            "mental-health-subreddits",
        ] {
            let refused = import_preferences(store.path(), name, &file, None);
            assert!(matches!(refused, Err(DataError::SetName { .. })), "{name}");
        }
        let missing = open_preferences(store.path(), "others")
            .unwrap_err()
            .to_string();
        assert!(
            missing.contains("emprl data import preferences FILE --name others"),
            "{missing}"
        );
        assert!(open_preferences(store.path(), "builtin").is_err());
    }
}
