//! Checkpoints as folders, written atomically, with checksums.
//!
//! Used by the trainers, which write them, and by the store, which removes those not recorded. Knows files, not
//! their contents.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The folder of the runs' folders in a store.
pub const RUNS: &str = "runs";
/// The folder of checkpoints in a run's folder.
pub const FOLDER: &str = "checkpoints";
pub const MANIFEST: &str = "manifest.json";
/// A checkpoint that is being written.
pub const NEW: &str = ".new-";
/// One that is being replaced.
const OLD: &str = ".old-";

/// A complete checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Relative to the run's folder.
    pub path: PathBuf,
    pub bytes: u64,
}

/// The files of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Relative to the checkpoint, with `/` between folders.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("`{name}` cannot name a checkpoint; use letters, digits, `-`, `_` and `.`, not first")]
    Name { name: String },
    #[error("{}: the checkpoint could not be written: {source}", path.display())]
    Write {
        path: PathBuf,
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("{}: {doing}: {source}", path.display())]
    File {
        path: PathBuf,
        doing: &'static str,
        source: io::Error,
    },
    #[error("{}: not a complete checkpoint: it has no {MANIFEST}; use an earlier one", path.display())]
    NoManifest { path: PathBuf },
    #[error("{}: malformed ({detail}); use an earlier checkpoint", path.display())]
    Manifest { path: PathBuf, detail: String },
    #[error("{}: is missing from the checkpoint; use an earlier one", path.display())]
    Missing { path: PathBuf },
    #[error("{}: has {have} bytes, and {want} were written; use an earlier checkpoint", path.display())]
    Size { path: PathBuf, have: u64, want: u64 },
    #[error("{}: was altered since it was written (its SHA-256 differs); use an earlier checkpoint", path.display())]
    Altered { path: PathBuf },
}

/// Writes the checkpoint `name` of the run in `run_dir`: `write` fills an empty folder with files, which are
/// flushed to disk, listed in a manifest, and renamed into place. Replaces one of the same name. If anything
/// fails, the earlier one is still there.
pub fn publish(
    run_dir: &Path,
    name: &str,
    write: impl FnOnce(&Path) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> Result<Published, CheckpointError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(CheckpointError::Name {
            name: name.to_string(),
        });
    }
    let folder = run_dir.join(FOLDER);
    let new = folder.join(format!("{NEW}{name}"));
    let bytes = fill(&new, write).and_then(|bytes| {
        swap_in(&folder, &new, name)?;
        Ok(bytes)
    });
    if bytes.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&new);
    }
    Ok(Published {
        path: Path::new(FOLDER).join(name),
        bytes: bytes?,
    })
}

/// Checks every file of the checkpoint in `dir` against its manifest.
pub fn verify(dir: &Path) -> Result<Manifest, CheckpointError> {
    let path = dir.join(MANIFEST);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(CheckpointError::NoManifest {
                path: dir.to_path_buf(),
            });
        }
        Err(source) => return Err(failed(&path, "reading")(source)),
    };
    let wrong = |detail: String| CheckpointError::Manifest {
        path: path.clone(),
        detail,
    };
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if manifest.version != 1 {
        return Err(wrong(format!(
            "version {} is of a newer emprl",
            manifest.version
        )));
    }
    for entry in &manifest.files {
        let inside = Path::new(&entry.path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Err(wrong(format!("`{}` lies outside", entry.path)));
        }
        let path = dir.join(&entry.path);
        let found = match describe(dir, &path) {
            Err(CheckpointError::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                return Err(CheckpointError::Missing { path });
            }
            found => found?,
        };
        if found.bytes != entry.bytes {
            return Err(CheckpointError::Size {
                path,
                have: found.bytes,
                want: entry.bytes,
            });
        }
        if found.sha256 != entry.sha256 {
            return Err(CheckpointError::Altered { path });
        }
    }
    Ok(manifest)
}

/// Removes leftovers of checkpoints that a crash interrupted. The caller must hold the run's lock.
pub fn sweep(run_dir: &Path) -> Result<(), CheckpointError> {
    let folder = run_dir.join(FOLDER);
    for path in entries(&folder)? {
        let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if file_name.starts_with(NEW) {
            fs::remove_dir_all(&path).map_err(clearing(&path))?;
        } else if let Some(name) = file_name.strip_prefix(OLD) {
            let place = folder.join(name);
            if place.exists() {
                fs::remove_dir_all(&path).map_err(clearing(&path))?;
            } else {
                fs::rename(&path, place).map_err(clearing(&path))?;
            }
        }
    }
    Ok(())
}

/// Removes every checkpoint that is not among the `recorded` paths. The caller must hold the run's lock.
pub fn keep_only(run_dir: &Path, recorded: &[PathBuf]) -> Result<(), CheckpointError> {
    let folder = run_dir.join(FOLDER);
    for path in entries(&folder)? {
        let kept = path
            .strip_prefix(run_dir)
            .is_ok_and(|path| recorded.iter().any(|kept| kept == path));
        if !kept {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.map_err(clearing(&path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect()
        }),
    };
    listed.map_err(clearing(folder))
}

fn clearing(path: &Path) -> impl Fn(io::Error) -> CheckpointError {
    failed(path, "removing a checkpoint that is not recorded")
}

fn fill(
    new: &Path,
    write: impl FnOnce(&Path) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> Result<u64, CheckpointError> {
    if new.exists() {
        fs::remove_dir_all(new).map_err(failed(new, "removing"))?;
    }
    fs::create_dir_all(new).map_err(failed(new, "creating the folder"))?;
    write(new).map_err(|source| CheckpointError::Write {
        path: new.to_path_buf(),
        source,
    })?;
    let mut files = Vec::new();
    let mut folders = vec![new.to_path_buf()];
    let mut next = 0;
    while let Some(folder) = folders.get(next).cloned() {
        next += 1;
        let entries = fs::read_dir(&folder).map_err(failed(&folder, "listing"))?;
        for entry in entries {
            let entry = entry.map_err(failed(&folder, "listing"))?;
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // Some systems flush only what may be written.
                let mut options = File::options();
                options.read(true).write(true);
                options
                    .open(&path)
                    .and_then(|file| file.sync_all())
                    .map_err(failed(&path, "flushing to disk"))?;
                files.push(describe(new, &path)?);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let bytes = files.iter().map(|file| file.bytes).sum();

    let path = new.join(MANIFEST);
    let manifest = Manifest { version: 1, files };
    let text =
        serde_json::to_string_pretty(&manifest).map_err(|error| CheckpointError::Manifest {
            path: path.clone(),
            detail: error.to_string(),
        })?;
    File::create(&path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(failed(&path, "writing"))?;
    for folder in folders.iter().rev() {
        sync_folder(folder)?;
    }
    Ok(bytes)
}

/// Renames a filled folder into place. A folder cannot replace one that is not empty, so the old one is moved
/// aside first; `sweep` moves it back after a crash in between.
fn swap_in(folder: &Path, new: &Path, name: &str) -> Result<(), CheckpointError> {
    let place = folder.join(name);
    let old = folder.join(format!("{OLD}{name}"));
    let replaces = place.exists();
    if replaces {
        fs::rename(&place, &old).map_err(failed(&place, "moving aside"))?;
    }
    if let Err(source) = fs::rename(new, &place) {
        if replaces {
            fs::rename(&old, &place).map_err(failed(&old, "moving back"))?;
        }
        return Err(failed(&place, "renaming")(source));
    }
    sync_folder(folder)?;
    if replaces {
        fs::remove_dir_all(&old).map_err(failed(&old, "removing"))?;
    }
    Ok(())
}

fn describe(root: &Path, path: &Path) -> Result<ManifestFile, CheckpointError> {
    let read = failed(path, "reading");
    let mut file = File::open(path).map_err(&read)?;
    let mut digest = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(&read)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        bytes += count as u64;
    }
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    Ok(ManifestFile {
        path: parts.join("/"),
        bytes,
        sha256: digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    })
}

/// Makes renames and new files in a folder survive a power cut.
fn sync_folder(folder: &Path) -> Result<(), CheckpointError> {
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(folder, "flushing to disk"))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn failed(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> CheckpointError {
    move |source| CheckpointError::File {
        path: path.to_path_buf(),
        doing,
        source,
    }
}
