//! A set's folder: JSONL files, and a manifest with the checksum of each.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::corpora::CorpusEntry;
use super::{NAMES, replace};
use crate::data::error::DataError;
use crate::data::import::{ImportReport, hex};

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const MANIFEST_FORMAT: u32 = 1;

/// Describes an imported set; beside its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub name: String,
    /// SHA-256 over all files, in hexadecimal.
    pub fingerprint: String,
    pub files: Vec<StoredFile>,
    pub report: ImportReport,
    /// Of a corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<CorpusEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    pub file: String,
    pub rows: usize,
    pub sha256: String,
}

pub(super) fn set_dir(store: &Path, name: &str) -> PathBuf {
    store.join("data").join(name)
}

pub(super) fn fingerprint<'a>(files: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut hasher = Sha256::new();
    for (file, sha256) in files {
        hasher.update(format!("{file} {sha256}\n").as_bytes());
    }
    hex(&hasher.finalize())
}

pub(super) fn jsonl<T: Serialize>(rows: &[T]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<Vec<T>, DataError> {
    let row = |(index, line)| {
        serde_json::from_str(line).map_err(|error| {
            DataError::line(path, index + 1, error.to_string(), "import the set again")
        })
    };
    text.lines().enumerate().map(row).collect()
}

/// How a damaged set is mended.
fn import_again(name: &str) -> String {
    match NAMES.contains(&name) {
        true => format!("run `emprl data import {name} DIR` again"),
        false => "import it again: a corpus with `emprl corpus import FILE NAME --replace`".into(),
    }
}

pub(super) fn read_manifest(store: &Path, name: &str) -> Result<Manifest, DataError> {
    let path = set_dir(store, name).join(MANIFEST);
    replace::restore(&store.join("data"), name)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DataError::NotImported {
                name: name.to_string(),
            });
        }
        Err(error) => return Err(DataError::io(&path)(error)),
    };
    let fix = import_again(name);
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| DataError::file(&path, format!("no manifest: {error}"), &fix))?;
    if manifest.format != MANIFEST_FORMAT {
        let what = format!(
            "the manifest has format {}, this program reads {MANIFEST_FORMAT}",
            manifest.format
        );
        return Err(DataError::file(&path, what, fix));
    }
    Ok(manifest)
}

pub(super) fn read_files<const N: usize>(
    store: &Path,
    name: &str,
    manifest: &Manifest,
    names: [&str; N],
) -> Result<[String; N], DataError> {
    let mut texts = [const { String::new() }; N];
    for (text, file) in texts.iter_mut().zip(names) {
        let path = set_dir(store, name).join(file);
        let damaged = |what: &str| {
            let fix = import_again(name);
            DataError::file(&path, what, fix)
        };
        let stored = manifest.files.iter().find(|stored| stored.file == file);
        let stored = stored.ok_or_else(|| damaged("the manifest does not name this file"))?;
        let bytes = fs::read(&path).map_err(DataError::io(&path))?;
        if hex(&Sha256::digest(&bytes)) != stored.sha256 {
            return Err(damaged("the file is not the one that was imported"));
        }
        *text = String::from_utf8(bytes).map_err(|_| damaged("the text is not UTF-8"))?;
    }
    Ok(texts)
}

pub(super) fn write_set(
    store: &Path,
    name: &str,
    files: &[(&str, Vec<u8>)],
    report: &ImportReport,
) -> Result<(), DataError> {
    let data = store.join("data");
    fs::create_dir_all(&data).map_err(DataError::io(&data))?;
    let place = replace::SetPlace::lock(&data, name)?;
    let written = write_files(&place.temporary(), name, files, report);
    let written = written.and_then(|()| place.replace());
    if written.is_err() {
        // The first error is the one to report; the next import removes what is left.
        let _ = fs::remove_dir_all(place.temporary());
    }
    written
}

fn write_files(
    dir: &Path,
    name: &str,
    files: &[(&str, Vec<u8>)],
    report: &ImportReport,
) -> Result<(), DataError> {
    fs::create_dir_all(dir).map_err(DataError::io(dir))?;
    let mut stored = Vec::new();
    for (file, bytes) in files {
        let path = dir.join(file);
        write_synced(&path, bytes)?;
        stored.push(StoredFile {
            file: file.to_string(),
            rows: bytes.iter().filter(|&&byte| byte == b'\n').count(),
            sha256: hex(&Sha256::digest(bytes)),
        });
    }
    let pairs = stored
        .iter()
        .map(|file| (file.file.as_str(), file.sha256.clone()));
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        name: name.to_string(),
        fingerprint: fingerprint(pairs),
        files: stored.clone(),
        report: report.clone(),
        corpus: None,
    };
    let path = dir.join(MANIFEST);
    let bytes = serde_json::to_vec_pretty(&manifest)
        .map_err(io::Error::from)
        .map_err(DataError::io(&path))?;
    write_synced(&path, &bytes)
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let mut file = fs::File::create(path).map_err(DataError::io(path))?;
    file.write_all(bytes).map_err(DataError::io(path))?;
    file.sync_all().map_err(DataError::io(path))
}
