//! Which process is running a run: a file lock, which the system releases however the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{RunId, StoreError};
use crate::data::regular_file::open_regular_file;

/// Held while a run is in progress; released on drop.
#[derive(Debug)]
pub struct RunLock {
    run: RunId,
    dir: PathBuf,
    file: File,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Closing the file does not do where another thread is just starting a program, which has a copy of it
        // until it runs. If it cannot be unlocked, closing it will do in a moment.
        let _ = self.file.unlock();
    }
}

impl RunLock {
    pub fn run(&self) -> RunId {
        self.run
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Locks the run's folder `dir`, creating it if needed. None if it is already locked.
    pub(super) fn acquire(run: RunId, dir: &Path) -> Result<Option<RunLock>, StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| StoreError::Folder {
            path: dir.to_path_buf(),
            source,
        })?;
        // `is_held` locks for a moment too; try again before giving up.
        for attempt in 0.. {
            let file = open(dir)?;
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Some(RunLock {
                        run,
                        dir: dir.to_path_buf(),
                        file,
                    }));
                }
                Err(TryLockError::WouldBlock) if attempt < 20 => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(source)) => return Err(locking(dir, source)),
            }
        }
        Ok(None)
    }

    /// Whether the run in `dir` is in progress anywhere.
    pub(super) fn is_held(dir: &Path) -> Result<bool, StoreError> {
        let file = match open_regular_file(&path(dir)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(locking(dir, source)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(locking(dir, source)),
        }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("lock")
}

fn open(dir: &Path) -> Result<File, StoreError> {
    // Opening a pipe would wait for its other end.
    if path(dir).exists() {
        open_regular_file(&path(dir)).map_err(|source| locking(dir, source))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path(dir))
        .map_err(|source| locking(dir, source))
}

fn locking(dir: &Path, source: std::io::Error) -> StoreError {
    StoreError::File {
        path: path(dir),
        doing: "locking the run",
        source,
    }
}
