//! Room on a disk, locks between processes, and folders.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::{FetchError, Tracker};

/// How often a held lock is tried again.
const NAP: Duration = Duration::from_millis(100);

/// Refuses to begin what the disk cannot hold.
///
/// # Errors
/// Fewer than `needed` bytes are free in `folder`, which must exist.
pub(super) fn require_space(folder: &Path, needed: u64) -> Result<(), FetchError> {
    match free_bytes(folder) {
        Some(free) if free < needed => Err(FetchError::Space {
            folder: folder.to_path_buf(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// Bytes free for this user; None where the system does not say.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Waits until no other process holds the lock, which ends with the returned file.
pub(super) fn lock(path: &Path, tracker: &mut Tracker<'_>) -> Result<File, FetchError> {
    create_parent(path)?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(FetchError::io(path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                tracker.tell()?;
                std::thread::sleep(NAP);
            }
            Err(TryLockError::Error(error)) => return Err(FetchError::io(path)(error)),
        }
    }
}

pub(super) fn create_parent(path: &Path) -> Result<(), FetchError> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder).map_err(FetchError::io(folder))
}
