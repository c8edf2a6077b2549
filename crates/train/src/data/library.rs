//! Data sets by name: importing them into the store, opening, showing and listing them.
//!
//! `STORE/data/NAME/` contains JSONL files and `manifest.json`; the built-in corpus is part of the program.
//! Must not know the rest of the store.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::import::{ImportReport, hex};
use super::preferences::PreferenceSet;
pub use super::sets::{BUILTIN, EMPATHETIC_DIALOGUES, MENTAL_HEALTH_SUBREDDITS, NAMES};
use super::sets::{BySplit, DialogueSet, Example, LevelSet, Split};
use super::summary::SetSummary;
use super::{empathetic_dialogues, mental_health_subreddits};

mod corpora;
mod files;
mod mixture;
mod preferences;
mod replace;

pub use corpora::{
    AddedTo, Adding, Addition, CorpusEntry, Remarks, additions, check_free, corpus, corpus_mapping,
    delete_addition, delete_corpus, each_imported_record, each_record, import_corpus, record_at,
    records_of, require_addition, require_corpus, split_of,
};
use files::{MANIFEST, fingerprint, jsonl, parse, read_files, read_manifest, set_dir, write_set};
pub use files::{Manifest, StoredFile};
pub use mixture::{Part, parts};
pub use preferences::{PREFERENCES, import_preferences, open_preferences};

const PAIRS: &str = "pairs.jsonl";
const DIALOGUE_FILES: [&str; 3] = ["train.jsonl", "validation.jsonl", "test.jsonl"];
const BUILTIN_DIALOGUES: [&str; 3] = [
    include_str!("../../../../assets/corpus/train.jsonl"),
    include_str!("../../../../assets/corpus/validation.jsonl"),
    include_str!("../../../../assets/corpus/test.jsonl"),
];
const BUILTIN_PAIRS: &str = include_str!("../../../../assets/corpus/pairs.jsonl");

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedSet {
    pub name: String,
    pub imported: bool,
    pub has_dialogues: bool,
    pub has_levels: bool,
    /// If it is imported.
    pub fingerprint: Option<String>,
    /// Context-response pairs of all splits, if it is imported and has dialogues.
    pub examples: Option<usize>,
    /// If it is imported and has any.
    pub labelled_pairs: Option<usize>,
    /// If it is a set of preference pairs.
    pub preference_pairs: Option<usize>,
    /// If it is a corpus.
    pub records: Option<usize>,
    /// Why what lies in the store under its name cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

/// Imports a data set from the folder `source` in its original form. Replaces an earlier import.
///
/// # Errors
/// The name is unknown or `builtin`; a source file is missing, foreign or truncated; the store
/// cannot be written. Nothing half-written is left under the set's name.
pub fn import(store: &Path, name: &str, source: &Path) -> Result<ImportReport, DataError> {
    let (files, report) = match name {
        EMPATHETIC_DIALOGUES => {
            let (set, report) = empathetic_dialogues::read(source)?;
            let mut files = Vec::new();
            for (file, split) in DIALOGUE_FILES.into_iter().zip(Split::ALL) {
                files.push((file, jsonl(set.split(split)).map_err(DataError::io(store))?));
            }
            (files, report)
        }
        MENTAL_HEALTH_SUBREDDITS => {
            let (set, report) = mental_health_subreddits::read(source)?;
            let pairs = jsonl(&set.pairs).map_err(DataError::io(store))?;
            (vec![(PAIRS, pairs)], report)
        }
        _ => {
            return Err(DataError::UnknownSet {
                name: name.to_string(),
                known: format!(
                    "{EMPATHETIC_DIALOGUES}, {MENTAL_HEALTH_SUBREDDITS} and {PREFERENCES}"
                ),
            });
        }
    };
    write_set(store, name, &files, &report)?;
    Ok(report)
}

/// Opens a set of dialogues, or several as one (see [`parts`]).
///
/// # Errors
/// The set is unknown, not imported, holds no dialogues, or its files are damaged.
pub fn open_dialogues(store: &Path, name: &str) -> Result<DialogueSet, DataError> {
    if mixture::is_mixture(name) {
        return mixture::dialogues(store, name);
    }
    let (fingerprint, splits, dir, texts) = match name {
        BUILTIN => {
            let texts = BUILTIN_DIALOGUES.map(Cow::Borrowed);
            let dir = PathBuf::from("assets/corpus");
            (builtin_fingerprint(), None, dir, texts)
        }
        EMPATHETIC_DIALOGUES => {
            let manifest = read_manifest(store, name)?;
            let texts = read_files(store, name, &manifest, DIALOGUE_FILES)?.map(Cow::Owned);
            let splits = manifest.report.splits;
            (manifest.fingerprint, splits, set_dir(store, name), texts)
        }
        _ => {
            return match corpus(store, name)? {
                Some((manifest, entry)) => corpora::open_dialogues(store, manifest, &entry),
                None => Err(no_such(
                    store,
                    name,
                    "dialogues",
                    &[BUILTIN, EMPATHETIC_DIALOGUES],
                )),
            };
        }
    };
    let rows = |split: usize| parse(&dir.join(DIALOGUE_FILES[split]), &texts[split]);
    let (train, validation, test) = (rows(0)?, rows(1)?, rows(2)?);
    let conversations = match splits {
        Some(splits) => BySplit {
            train: splits.train.conversations,
            validation: splits.validation.conversations,
            test: splits.test.conversations,
        },
        None => BySplit {
            train: conversations(&train),
            validation: conversations(&validation),
            test: conversations(&test),
        },
    };
    Ok(DialogueSet {
        name: name.to_string(),
        fingerprint,
        conversations,
        train,
        validation,
        test,
    })
}

/// Opens a set of labelled pairs, or several as one (see [`parts`]).
///
/// # Errors
/// The set is unknown, not imported, holds no labelled pairs, or its file is damaged.
pub fn open_levels(store: &Path, name: &str) -> Result<LevelSet, DataError> {
    if mixture::is_mixture(name) {
        return mixture::levels(store, name);
    }
    let (fingerprint, pairs) = match name {
        BUILTIN => {
            let path = Path::new("assets/corpus").join(PAIRS);
            (builtin_fingerprint(), parse(&path, BUILTIN_PAIRS)?)
        }
        MENTAL_HEALTH_SUBREDDITS => {
            let manifest = read_manifest(store, name)?;
            let [text] = read_files(store, name, &manifest, [PAIRS])?;
            let pairs = parse(&set_dir(store, name).join(PAIRS), &text)?;
            (manifest.fingerprint, pairs)
        }
        _ => {
            return match corpus(store, name)? {
                Some((manifest, entry)) => corpora::open_levels(store, manifest, &entry),
                None => Err(no_such(
                    store,
                    name,
                    "levels",
                    &[BUILTIN, MENTAL_HEALTH_SUBREDDITS],
                )),
            };
        }
    };
    Ok(LevelSet {
        name: name.to_string(),
        fingerprint,
        pairs,
    })
}

/// Sizes, emotions, lengths and levels of a set.
///
/// # Errors
/// As [`open_dialogues`] and [`open_levels`].
pub fn show(store: &Path, name: &str) -> Result<SetSummary, DataError> {
    if !NAMES.contains(&name)
        && let Some(set) = preference_set(store, name)?
    {
        return Ok(SetSummary::of_preferences(&set));
    }
    let mut summary = SetSummary {
        name: name.to_string(),
        ..SetSummary::default()
    };
    let (has_dialogues, has_levels) = match corpus(store, name)? {
        Some((manifest, CorpusEntry { counts, .. })) => {
            summary.fingerprint = manifest.fingerprint;
            let has = (counts.examples > 0, counts.labelled > 0);
            summary.records = Some(counts);
            has
        }
        None => {
            let set = known(name)?;
            (set.has_dialogues, set.has_levels)
        }
    };
    if has_dialogues {
        let set = open_dialogues(store, name)?;
        summary.add_dialogues(&set);
        summary.fingerprint = set.fingerprint;
    }
    if has_levels {
        let set = open_levels(store, name)?;
        summary.add_levels(&set);
        summary.fingerprint = set.fingerprint;
    }
    Ok(summary)
}

/// What an import of this set kept and skipped.
///
/// # Errors
/// The set is unknown or not imported, or its manifest is damaged.
pub fn manifest(store: &Path, name: &str) -> Result<Manifest, DataError> {
    if corpus(store, name)?.is_none() {
        known(name)?;
    }
    read_manifest(store, name)
}

/// The set of preference pairs of this name, if it was imported.
fn preference_set(store: &Path, name: &str) -> Result<Option<PreferenceSet>, DataError> {
    match open_preferences(store, name) {
        Ok(set) => Ok(Some(set)),
        Err(DataError::NoPreferences { .. } | DataError::SetName { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All sets the program knows, imported or not, the sets of preference pairs and the corpora. One that is damaged says so
/// and hides no other.
///
/// # Errors
/// The folder of data sets cannot be read.
pub fn list(store: &Path) -> Result<Vec<ListedSet>, DataError> {
    let own = corpora::own_names(store)?;
    let names = NAMES.into_iter().chain(own.iter().map(String::as_str));
    let sets = names.map(|name| {
        found(store, name).unwrap_or_else(|error| ListedSet {
            imported: true,
            has_dialogues: false,
            has_levels: false,
            damaged: Some(error.to_string()),
            ..listed(name)
        })
    });
    let is_there = |set: &ListedSet| set.imported || NAMES.contains(&set.name.as_str());
    Ok(sets.filter(is_there).collect())
}

/// The corpora of a store.
#[derive(Debug, Default)]
pub struct FoundCorpora {
    /// By name.
    pub corpora: Vec<(Manifest, CorpusEntry)>,
    /// Why others cannot be read.
    pub damaged: Vec<DataError>,
}

/// The imported corpora.
///
/// # Errors
/// The folder of data sets cannot be read.
pub fn all_corpora(store: &Path) -> Result<FoundCorpora, DataError> {
    let mut found = FoundCorpora::default();
    for name in corpora::own_names(store)? {
        match corpus(store, &name) {
            Ok(corpus) => found.corpora.extend(corpus),
            Err(error) => found.damaged.push(error),
        }
    }
    Ok(found)
}

/// What lies in the store under a name.
fn found(store: &Path, name: &str) -> Result<ListedSet, DataError> {
    let mut set = listed(name);
    if name == BUILTIN {
        let lines = |text: &&str| text.lines().count();
        set.imported = true;
        set.fingerprint = Some(builtin_fingerprint());
        set.examples = Some(BUILTIN_DIALOGUES.iter().map(lines).sum());
        set.labelled_pairs = Some(lines(&BUILTIN_PAIRS));
        return Ok(set);
    }
    let manifest = match read_manifest(store, name) {
        Err(DataError::NotImported { .. }) => return Ok(set),
        manifest => manifest?,
    };
    set.imported = true;
    let some = |count: usize| Some(count).filter(|count| *count > 0);
    if let Some(CorpusEntry { counts, .. }) = &manifest.corpus {
        set.has_dialogues = counts.examples > 0;
        set.has_levels = counts.labelled > 0;
        set.examples = some(counts.examples);
        set.labelled_pairs = some(counts.labelled);
        set.records = Some(counts.records);
    } else if let Some(pairs) = preferences::pairs_in(&manifest) {
        set.has_dialogues = false;
        set.has_levels = false;
        set.preference_pairs = Some(pairs);
    } else {
        let rows = manifest.files.iter().map(|file| file.rows).sum();
        set.examples = Some(rows).filter(|_| set.has_dialogues);
        set.labelled_pairs = Some(rows).filter(|_| set.has_levels);
    }
    set.fingerprint = Some(manifest.fingerprint);
    Ok(set)
}

fn listed(name: &str) -> ListedSet {
    ListedSet {
        name: name.to_string(),
        imported: false,
        has_dialogues: name != MENTAL_HEALTH_SUBREDDITS,
        has_levels: name != EMPATHETIC_DIALOGUES,
        fingerprint: None,
        examples: None,
        labelled_pairs: None,
        preference_pairs: None,
        records: None,
        damaged: None,
    }
}

fn known(name: &str) -> Result<ListedSet, DataError> {
    let found = NAMES.into_iter().find(|known| *known == name);
    found.map(listed).ok_or_else(|| DataError::UnknownSet {
        name: name.to_string(),
        known: NAMES.join(", "),
    })
}

fn no_such(store: &Path, name: &str, what: &'static str, with: &[&str]) -> DataError {
    match known(name) {
        Err(DataError::UnknownSet { name, known }) => {
            let corpora = all_corpora(store).unwrap_or_default().corpora;
            let corpora = corpora.into_iter().map(|(manifest, _)| manifest.name);
            let all: Vec<String> = std::iter::once(known).chain(corpora).collect();
            DataError::UnknownSet {
                name,
                known: all.join(", "),
            }
        }
        Ok(_) => DataError::WrongKind {
            name: name.to_string(),
            what,
            with: with.join(", "),
        },
        Err(error) => error,
    }
}

/// When a set was imported last; `None` before the first.
pub fn last_import(store: &Path) -> Option<SystemTime> {
    // A set's folder is replaced as a whole, which this folder notes. It is no error that there is none.
    let data = fs::metadata(store.join("data")).ok()?;
    data.modified().ok()
}

fn conversations(examples: &[Example]) -> usize {
    let ids: HashSet<&str> = examples.iter().map(|e| e.conversation.as_str()).collect();
    ids.len()
}

fn builtin_fingerprint() -> String {
    let parts = BUILTIN_DIALOGUES.into_iter().chain([BUILTIN_PAIRS]);
    let names = DIALOGUE_FILES.into_iter().chain([PAIRS]);
    fingerprint(names.zip(parts.map(|text| hex(&Sha256::digest(text.as_bytes())))))
}
