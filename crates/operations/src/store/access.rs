//! Whether the store's files can be read and written here, and who else can read them.
//!
//! Knows files and folders; must not know SQL, nor open the database: SQLite locks it for the whole process, and closing
//! any other handle of the file would release its locks, so that another program took itself for the last user and
//! removed the log that is being written.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::connection::{beside, path_in};
use super::error::StoreError;

/// Why a store can be read but not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOnly {
    /// A newer program wrote it: its version.
    Newer(u32),
    /// A file or folder of it cannot be written.
    NotWritable { path: PathBuf, why: String },
    /// There is no room for the files that writing needs.
    Full,
    /// It is an open bundle: of this file.
    Bundle(PathBuf),
}

/// For people, after "read-only: ".
impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadOnly::Newer(_) => write!(f, "a newer emprl wrote this store; update emprl"),
            ReadOnly::NotWritable { path, why } => write!(f, "{}: {why}", path.display()),
            ReadOnly::Full => write!(f, "the disk is full; free some space"),
            ReadOnly::Bundle(_) => write!(f, "a bundle"),
        }
    }
}

/// What is said when a program begins to use a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub read_only: Option<ReadOnly>,
    /// Its permissions were wider than its owner's and have been taken back.
    pub closed: bool,
}

/// Closes an existing store to other users, and says whether it can be written. A store that is missing or cannot
/// be read has nothing to say here: opening it does.
pub fn access(dir: &Path) -> Access {
    let was_open = is_open_to_others(dir);
    // Which closes it, if it is a store.
    let reader = super::StoreReader::open(dir).ok();
    Access {
        read_only: reader.and_then(|reader| reader.read_only().cloned()),
        closed: was_open && !is_open_to_others(dir),
    }
}

/// Whether a store could be created in this folder; `why` not.
pub fn creatable(dir: &Path) -> Result<(), ReadOnly> {
    let is_there = |place: &&Path| place.exists();
    let Some(place) = dir.ancestors().find(is_there) else {
        return Ok(());
    };
    let why = match place.is_dir() {
        true => refusal(place).map(|error| error.to_string()),
        false => Some("is not a folder".into()),
    };
    let path = place.to_path_buf();
    why.map_or(Ok(()), |why| Err(ReadOnly::NotWritable { path, why }))
}

/// Checks that the database in `dir` is there and can be read, with the files beside it.
pub(super) fn require_readable(dir: &Path) -> Result<(), StoreError> {
    let db = path_in(dir);
    let refused = |path: &Path| {
        let path = path.to_path_buf();
        |source: io::Error| match source.kind() {
            io::ErrorKind::PermissionDenied => StoreError::NoPermission { path },
            io::ErrorKind::NotADirectory => StoreError::Folder { path, source },
            _ => StoreError::File {
                path,
                doing: "reading",
                source,
            },
        }
    };
    let found = |path: &Path| match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(path)(error)),
    };
    let missing = || StoreError::Missing {
        path: dir.to_path_buf(),
    };
    let folder = found(dir)?.ok_or_else(missing)?;
    if !folder.is_dir() {
        return Err(StoreError::Folder {
            path: dir.to_path_buf(),
            source: io::ErrorKind::NotADirectory.into(),
        });
    }
    if !found(&db)?.ok_or_else(missing)?.is_file() {
        return Err(StoreError::NotAFile { path: db });
    }
    for path in [db.clone(), beside(&db, "-wal"), beside(&db, "-journal")] {
        if found(&path)?.is_some_and(|file| file.is_file()) {
            can_read(&path).map_err(refused(&path))?;
        }
    }
    // Listing a folder and reaching into it are two permissions.
    let runs = dir.join(crate::checkpoint::RUNS);
    if found(&runs)?.is_some_and(|folder| folder.is_dir()) {
        fs::read_dir(&runs).map_err(refused(&runs))?;
        fs::metadata(runs.join(".")).map_err(refused(&runs))?;
    }
    Ok(())
}

/// In a store's folder: it is an open bundle, of the file whose path is in it.
const BUNDLE: &str = "opened-bundle";

/// Says in a store's folder that it is an open bundle, which is only read whoever could write it.
///
/// # Errors
/// It cannot be written.
pub fn mark_as_bundle(dir: &Path, file: &Path) -> Result<(), StoreError> {
    let path = dir.join(BUNDLE);
    fs::write(&path, file.to_string_lossy().as_bytes()).map_err(|source| StoreError::File {
        path,
        doing: "writing",
        source,
    })
}

/// The first of the store's files that cannot be written, and why.
pub(super) fn not_writable(dir: &Path) -> Option<ReadOnly> {
    if let Ok(file) = fs::read_to_string(dir.join(BUNDLE)) {
        return Some(ReadOnly::Bundle(file.into()));
    }
    let db = path_in(dir);
    let files = [
        dir.to_path_buf(),
        db.clone(),
        beside(&db, "-wal"),
        beside(&db, "-shm"),
    ];
    files.into_iter().find_map(|path| {
        let why = refusal(&path)?.to_string();
        Some(ReadOnly::NotWritable { path, why })
    })
}

#[cfg(unix)]
fn can_read(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::READ_OK)?)
}

#[cfg(not(unix))]
fn can_read(path: &Path) -> io::Result<()> {
    File::open(path).map(drop)
}

#[cfg(unix)]
fn refusal(path: &Path) -> Option<io::Error> {
    use rustix::fs::Access;
    let wanted = match path.is_dir() {
        true => Access::WRITE_OK | Access::EXEC_OK,
        false => Access::WRITE_OK,
    };
    let error = io::Error::from(rustix::fs::access(path, wanted).err()?);
    (error.kind() != io::ErrorKind::NotFound).then_some(error)
}

#[cfg(not(unix))]
fn refusal(path: &Path) -> Option<io::Error> {
    let found = fs::metadata(path).ok()?;
    let read_only = found.is_file() && found.permissions().readonly();
    read_only.then(|| io::ErrorKind::PermissionDenied.into())
}

/// Creates the store's folder, which only its owner can enter, and an empty database, if there is none.
pub(super) fn create(dir: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Folder {
        path: dir.to_path_buf(),
        source,
    };
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    let mut file = File::options();
    file.append(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if !dir.is_dir() {
        folder.create(dir).map_err(failed)?;
    }
    match file.open(path_in(dir)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(StoreError::Full {
            path: dir.to_path_buf(),
        }),
        Err(error) => Err(StoreError::NotWritable {
            path: dir.to_path_buf(),
            why: error.to_string(),
        }),
    }
}

/// Takes the permissions of other users away, where this user may: they could read which system wrote what.
#[cfg(unix)]
pub(super) fn close(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for path in to_close(dir) {
        let mode = fs::metadata(&path).map_or(0, |found| found.permissions().mode());
        // Its owner's permissions stay as they are: a store may be read-only on purpose.
        let own = fs::Permissions::from_mode(mode & 0o7700);
        if mode & 0o077 != 0
            && let Err(error) = fs::set_permissions(&path, own)
        {
            // Another user's: that is for its owner to do.
            tracing::debug!(path = %path.display(), %error, "stays open to other users");
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.permissions().mode());
    to_close(dir).iter().any(|path| mode(path) & 0o077 != 0)
}

/// The database's files, and the folder; of one with other things in it, which is not the store's alone, its parts.
#[cfg(unix)]
fn to_close(dir: &Path) -> Vec<PathBuf> {
    let db = path_in(dir);
    let mut paths = ["", "-wal", "-shm"].map(|end| beside(&db, end)).to_vec();
    match is_only_a_store(dir) {
        true => paths.push(dir.to_path_buf()),
        false => paths.extend(PARTS.map(|part| dir.join(part))),
    }
    paths.retain(|path| path.exists());
    paths
}

#[cfg(not(unix))]
pub(super) fn close(_: &Path) {}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// The folders of a store.
#[cfg(unix)]
const PARTS: [&str; 3] = ["runs", "data", "exports"];

#[cfg(unix)]
fn is_only_a_store(dir: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(dir) else {
        return false;
    };
    entries.all(|entry| {
        let name = entry.map(|entry| entry.file_name());
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("emprl.db") || PARTS.contains(&name.as_str())
    })
}
