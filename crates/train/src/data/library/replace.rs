//! Replaces an imported set as a whole: one import at a time, and after a kill the old set or the new one is there.
//!
//! The old set is renamed away, the new one to its place, and the old one removed. Must not know what a set is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::DataError;

/// The place of a set, locked for one import; others wait. The lock is released however the process ends.
pub(super) struct SetPlace<'a> {
    data: &'a Path,
    name: &'a str,
    _lock: File,
}

impl<'a> SetPlace<'a> {
    /// Waits for the lock, then finishes what a killed import left.
    pub fn lock(data: &'a Path, name: &'a str) -> Result<SetPlace<'a>, DataError> {
        let path = data.join(format!(".lock-{name}"));
        let failed = DataError::io(&path);
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let lock = lock
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(failed)?;
        let place = SetPlace {
            data,
            name,
            _lock: lock,
        };
        place.finish()?;
        Ok(place)
    }

    /// Where the new set is written before it replaces the old.
    pub fn temporary(&self) -> PathBuf {
        self.data.join(format!(".importing-{}", self.name))
    }

    /// Puts the new set in the place of the old.
    pub fn replace(&self) -> Result<(), DataError> {
        let (target, old) = (self.target(), self.old());
        if target.exists() {
            fs::rename(&target, &old).map_err(DataError::io(&target))?;
        }
        fs::rename(self.temporary(), &target).map_err(DataError::io(&target))?;
        remove(&old)
    }

    /// Removes the set.
    pub fn delete(&self) -> Result<(), DataError> {
        let target = self.target();
        // Renamed first, so that no half of it is ever found under its name; what a kill leaves of it, the next import removes.
        fs::rename(&target, self.temporary()).map_err(DataError::io(&target))?;
        remove(&self.temporary())
    }

    fn target(&self) -> PathBuf {
        self.data.join(self.name)
    }

    fn old(&self) -> PathBuf {
        self.data.join(format!(".replaced-{}", self.name))
    }

    /// Puts the old set back if it was renamed away and no new one came, and removes the rest.
    fn finish(&self) -> Result<(), DataError> {
        for old in renamed_away(self.data, self.name) {
            match self.target().exists() {
                true => remove(&old)?,
                false => fs::rename(&old, self.target()).map_err(DataError::io(&old))?,
            }
        }
        remove(&self.temporary())
    }
}

/// Puts the old set back if an import was killed between its two renames; one that is in progress is waited for.
pub(super) fn restore(data: &Path, name: &str) -> Result<(), DataError> {
    if data.join(name).exists() || renamed_away(data, name).is_empty() {
        return Ok(());
    }
    SetPlace::lock(data, name).map(drop)
}

/// The sets that a file of the data folder may be the old one of: earlier versions added a number to the name.
pub(super) fn replaced(file: &str) -> impl Iterator<Item = String> {
    let name = file.strip_prefix(".replaced-");
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = name.and_then(|name| name.rsplit_once('-'));
    let numbered = numbered
        .filter(|(_, rest)| number(rest))
        .map(|(name, _)| name);
    name.into_iter().chain(numbered).map(str::to_string)
}

/// Old sets of this name, also those of earlier versions, which added a number.
fn renamed_away(data: &Path, name: &str) -> Vec<PathBuf> {
    let known = format!(".replaced-{name}");
    let is_old = |file: &str| {
        let rest = file.strip_prefix(&known);
        rest.is_some_and(|rest| {
            let number = rest.strip_prefix('-').unwrap_or(rest);
            number.chars().all(|digit| digit.is_ascii_digit())
        })
    };
    let Ok(entries) = fs::read_dir(data) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| is_old(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn remove(folder: &Path) -> Result<(), DataError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DataError::io(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(folder: &Path, text: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("rows"), text).unwrap();
    }

    fn text(data: &Path) -> String {
        fs::read_to_string(data.join("set/rows")).unwrap()
    }

    #[test]
    fn a_kill_at_any_point_leaves_the_old_set_or_the_new() {
        // What is on disk at each point, and which set is there afterwards.
        let steps: [(&[&str], &str); 4] = [
            (&["set", ".importing-set"], "old"),
            (&[".replaced-set", ".importing-set"], "old"),
            (&[".replaced-set-4711", ".importing-set"], "old"),
            (&[".replaced-set", "set"], "new"),
        ];
        for (folders, expected) in steps {
            let dir = tempfile::tempdir().unwrap();
            for folder in folders {
                let is_new = *folder == ".importing-set" || (*folder == "set" && expected == "new");
                set(&dir.path().join(folder), if is_new { "new" } else { "old" });
            }
            restore(dir.path(), "set").unwrap();
            assert_eq!(text(dir.path()), expected, "{folders:?}");
            // The next import goes through, and nothing is left of the killed one.
            let place = SetPlace::lock(dir.path(), "set").unwrap();
            set(&place.temporary(), "newer");
            place.replace().unwrap();
            assert_eq!(text(dir.path()), "newer");
            let left = fs::read_dir(dir.path()).unwrap().count();
            assert_eq!(left, 2, "the set and its lock");
        }
    }

    #[test]
    fn imports_at_once_wait_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let data = dir.path();
                scope.spawn(move || {
                    let place = SetPlace::lock(data, "set").unwrap();
                    set(&place.temporary(), &format!("import {number}"));
                    place.replace().unwrap();
                });
            }
        });
        assert!(text(dir.path()).starts_with("import "));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
