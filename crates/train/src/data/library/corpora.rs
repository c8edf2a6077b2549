//! Corpora: anybody's records, under names of their own.

mod additions;
mod sets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files::{MANIFEST_FORMAT, write_synced};
use super::{
    DataError, MANIFEST, Manifest, NAMES, StoredFile, fingerprint, hex, read_manifest, replace,
    set_dir,
};
use crate::data::corpus::{Corpus, Counts, Mapping, Record, Shape};
use crate::data::import::{FileReport, ImportReport, SkippedRow};

pub use additions::{
    AddedTo, Adding, Addition, Remarks, additions, delete_addition, require_addition,
};
pub use sets::split_of;
pub(super) use sets::{open_dialogues, open_levels};

const RECORDS: &str = "records.jsonl";
const MAPPING: &str = "mapping.toml";
const LONGEST_NAME: usize = 64;

/// What a corpus is, beside what every set's manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusEntry {
    /// The form of the file, in words.
    pub form: String,
    /// The encoding of the file, in words; none for Parquet.
    pub encoding: Option<String>,
    pub shape: Shape,
    pub counts: Counts,
    /// Why a column is left out.
    pub left_out: BTreeMap<String, String>,
    /// Where the file lay, and its sounds with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// Imports the records of a file as the set `name`. A set of that name is replaced only where `replace` says so, and only
/// by another corpus.
///
/// # Errors
/// The name cannot be one or is taken; the file is damaged or no row makes a record; the store cannot be written. Nothing
/// half-written is left under the name.
pub fn import_corpus(
    store: &Path,
    name: &str,
    corpus: &Corpus,
    replace: bool,
) -> Result<Manifest, DataError> {
    let data = store.join("data");
    check_free(store, name, replace)?;
    fs::create_dir_all(&data).map_err(DataError::io(&data))?;
    let place = replace::SetPlace::lock(&data, name)?;
    // Another import may have waited for the same lock.
    check_free(store, name, replace)?;
    let written = write(&place.temporary(), name, corpus);
    let written = written.and_then(|manifest| {
        // Of a damaged corpus nobody knows what its records were.
        let before = self::corpus(store, name).unwrap_or_default();
        let same = before.is_some_and(|(before, _)| records_of(&before) == records_of(&manifest));
        additions::take_over(store, name, &place.temporary(), same)?;
        place.replace().map(|()| manifest)
    });
    if written.is_err() {
        // The first error is the one to report; the next import removes what is left.
        let _ = fs::remove_dir_all(place.temporary());
    }
    written
}

/// SHA-256 of a corpus's records, whatever mapping read them.
pub fn records_of(manifest: &Manifest) -> Option<&str> {
    let stored = manifest.files.iter().find(|stored| stored.file == RECORDS);
    stored.map(|stored| stored.sha256.as_str())
}

/// Whether a corpus may be imported under this name.
///
/// # Errors
/// The name cannot be one, or is taken.
pub fn check_free(store: &Path, name: &str, replace: bool) -> Result<(), DataError> {
    check_name(name)?;
    let taken = |fix: &'static str| DataError::NameTaken {
        name: name.to_string(),
        fix,
    };
    match read_manifest(store, name) {
        Err(DataError::NotImported { .. }) => Ok(()),
        Err(error) if !replace => Err(error),
        Ok(manifest) if manifest.corpus.is_none() => Err(taken("choose another name")),
        Ok(_) if !replace => Err(taken("choose another name, or replace it with --replace")),
        _ => Ok(()),
    }
}

/// Removes a corpus with what was added to it.
///
/// # Errors
/// There is no such corpus, or it cannot be removed.
pub fn delete_corpus(store: &Path, name: &str) -> Result<(), DataError> {
    // What was added to it may be damaged.
    match read_manifest(store, name) {
        Ok(manifest) if manifest.corpus.is_some() => {
            replace::SetPlace::lock(&store.join("data"), name)?.delete()
        }
        _ => require_corpus(store, name).map(drop),
    }
}

fn write(dir: &Path, name: &str, corpus: &Corpus) -> Result<Manifest, DataError> {
    fs::create_dir_all(dir).map_err(DataError::io(dir))?;
    let path = dir.join(RECORDS);
    let mut out = Hashing {
        out: BufWriter::new(File::create(&path).map_err(DataError::io(&path))?),
        hasher: Sha256::new(),
    };
    let file = corpus.source.path.file_name().unwrap_or_default();
    let file = file.to_string_lossy().into_owned();
    let mut skipped = Vec::new();
    let read = corpus.each(
        |record| {
            let written = serde_json::to_writer(&mut out, record).map_err(io::Error::from);
            written
                .and_then(|()| out.write_all(b"\n"))
                .map_err(DataError::io(&path))
        },
        |problem| {
            skipped.push(SkippedRow {
                file: file.clone(),
                line: problem.line,
                reason: problem.what,
            });
        },
    )?;
    let counts = read.counts;
    let sha256 = out.finish().map_err(DataError::io(&path))?;
    let mapping = corpus.mapping.to_toml().map_err(|error| {
        DataError::file(
            &corpus.source.path,
            error.to_string(),
            "correct its column names",
        )
    })?;
    write_synced(&dir.join(MAPPING), mapping.as_bytes())?;
    let files = vec![
        StoredFile {
            file: RECORDS.into(),
            rows: counts.records,
            sha256,
        },
        StoredFile {
            file: MAPPING.into(),
            rows: mapping.lines().count(),
            sha256: hex(&Sha256::digest(mapping.as_bytes())),
        },
    ];
    let pairs = files
        .iter()
        .map(|file| (file.file.as_str(), file.sha256.clone()));
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        name: name.to_string(),
        fingerprint: fingerprint(pairs),
        report: ImportReport {
            name: name.to_string(),
            files: vec![FileReport {
                file,
                read: counts.rows,
                kept: counts.rows - counts.skipped,
                skipped: counts.skipped,
                sha256: corpus.source.sha256.clone(),
            }],
            skipped,
            remarks: [corpus.notes.clone(), read.notes].concat(),
            ..ImportReport::default()
        },
        corpus: Some(CorpusEntry {
            form: corpus.source.form.to_string(),
            encoding: corpus.source.encoding.map(|encoding| encoding.to_string()),
            shape: corpus.shape(),
            counts,
            left_out: corpus.mapping.left_out.clone(),
            folder: fs::canonicalize(&corpus.source.path)
                .ok()
                .and_then(|path| path.parent().map(Path::to_path_buf)),
        }),
        files,
    };
    let path = dir.join(MANIFEST);
    let bytes = serde_json::to_vec_pretty(&manifest)
        .map_err(io::Error::from)
        .map_err(DataError::io(&path))?;
    write_synced(&path, &bytes)?;
    Ok(manifest)
}

/// A file that is hashed while it is written.
struct Hashing {
    out: BufWriter<File>,
    hasher: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Hashing {
    /// Puts the file on disk and returns its SHA-256.
    fn finish(self) -> io::Result<String> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(hex(&self.hasher.finalize()))
    }
}

/// The manifest of a corpus; None where no corpus has this name. Its counts know the labels, scores
/// and verdicts that were added.
///
/// # Errors
/// The manifest, or that of an addition, is damaged.
pub fn corpus(store: &Path, name: &str) -> Result<Option<(Manifest, CorpusEntry)>, DataError> {
    if !is_name(name) {
        return Ok(None);
    }
    let manifest = match read_manifest(store, name) {
        Ok(manifest) => manifest,
        Err(DataError::NotImported { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(mut entry) = manifest.corpus.clone() else {
        return Ok(None);
    };
    for addition in additions(store, name)? {
        for (label, n) in addition.labels {
            *entry.counts.labels.entry(label).or_default() += n;
        }
        for (score, n) in addition.scores {
            *entry.counts.scores.entry(score).or_default() += n;
        }
        for (verdict, n) in addition.verdicts {
            *entry.counts.verdicts.entry(verdict).or_default() += n;
        }
    }
    Ok(Some((manifest, entry)))
}

/// Gives every record of a corpus to `keep`, one after the other, with what was added to it.
///
/// # Errors
/// No corpus has this name; its file is damaged or not the one that was imported; `keep` fails.
pub fn each_record<E: From<DataError>>(
    store: &Path,
    name: &str,
    mut keep: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let (manifest, _) = require_corpus(store, name)?;
    let mut added = additions::Merging::open(store, name)?;
    let mut place = 0;
    read_records(store, &manifest, |mut record| {
        added.add(place, &mut record)?;
        place += 1;
        keep(record)
    })
}

/// Gives every record of a corpus to `keep` as it was imported, without what was added to it.
///
/// # Errors
/// As [`each_record`].
pub fn each_imported_record<E: From<DataError>>(
    store: &Path,
    name: &str,
    keep: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let (manifest, _) = require_corpus(store, name)?;
    read_records(store, &manifest, keep)
}

/// The record at this place of a corpus, from 0; None where there are fewer. Only its own line is parsed, and whether the
/// file is the one that was imported is not looked at.
///
/// # Errors
/// No corpus has this name; its file cannot be read or the record is damaged.
pub fn record_at(store: &Path, name: &str, place: usize) -> Result<Option<Record>, DataError> {
    let (manifest, _) = require_corpus(store, name)?;
    let path = set_dir(store, &manifest.name).join(RECORDS);
    let mut reader = BufReader::new(File::open(&path).map_err(DataError::io(&path))?);
    for _ in 0..place {
        if reader.skip_until(b'\n').map_err(DataError::io(&path))? == 0 {
            return Ok(None);
        }
    }
    let mut text = String::new();
    if reader.read_line(&mut text).map_err(DataError::io(&path))? == 0 {
        return Ok(None);
    }
    let mut record = serde_json::from_str(&text).map_err(|error| {
        let fix = "import the corpus again with --replace";
        DataError::line(&path, place + 1, error.to_string(), fix)
    })?;
    additions::Merging::open(store, name)?.add(place, &mut record)?;
    Ok(Some(record))
}

/// The manifest of a corpus.
///
/// # Errors
/// No corpus has this name, or its manifest is damaged.
pub fn require_corpus(store: &Path, name: &str) -> Result<(Manifest, CorpusEntry), DataError> {
    corpus(store, name)?.ok_or_else(|| no_corpus(store, name))
}

/// The mapping by which a corpus was imported.
///
/// # Errors
/// It is damaged.
pub fn corpus_mapping(store: &Path, name: &str) -> Result<Mapping, DataError> {
    Mapping::read(&store.join("data").join(name).join(MAPPING))
}

/// That no corpus has this name, with those that are there.
fn no_corpus(store: &Path, name: &str) -> DataError {
    let names: Vec<String> = super::all_corpora(store)
        .unwrap_or_default()
        .corpora
        .into_iter()
        .map(|(manifest, _)| manifest.name)
        .collect();
    let known = match names.is_empty() {
        true => "there is none yet: `emprl corpus import FILE NAME` makes one".to_string(),
        false => format!("there are {}", names.join(", ")),
    };
    DataError::NoCorpus {
        name: name.to_string(),
        known,
    }
}

/// Gives every record as it was imported.
fn read_records<E: From<DataError>>(
    store: &Path,
    manifest: &Manifest,
    mut keep: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let path = set_dir(store, &manifest.name).join(RECORDS);
    let fix = "import the corpus again with --replace";
    let mut reader = BufReader::new(File::open(&path).map_err(DataError::io(&path))?);
    let mut hasher = Sha256::new();
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if reader.read_line(&mut text).map_err(DataError::io(&path))? == 0 {
            break;
        }
        hasher.update(text.as_bytes());
        let record = serde_json::from_str(&text)
            .map_err(|error| DataError::line(&path, line, error.to_string(), fix))?;
        keep(record)?;
    }
    if records_of(manifest) != Some(&hex(&hasher.finalize())) {
        let what = "the file is not the one that was imported";
        return Err(DataError::file(&path, what, fix).into());
    }
    Ok(())
}

/// The names of sets that are a person's own, sorted; some of them may be there no more.
pub(super) fn own_names(store: &Path) -> Result<Vec<String>, DataError> {
    let data = store.join("data");
    let entries = match fs::read_dir(&data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DataError::io(&data)(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(DataError::io(&data))?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        match is_name(name) {
            true if set_dir(store, name).join(MANIFEST).is_file() => {
                names.insert(name.to_string());
            }
            true => {}
            // An import was killed while it replaced the set: reading it puts the old one back.
            false => names.extend(replace::replaced(name).filter(|name| is_name(name))),
        }
    }
    Ok(names.into_iter().collect())
}

/// Whether a set of one's own may have this name.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && name.len() <= LONGEST_NAME && name.bytes().all(fits) && !NAMES.contains(&name)
}

pub(super) fn check_name(name: &str) -> Result<(), DataError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(DataError::SetName {
            name: name.to_string(),
        }),
    }
}
