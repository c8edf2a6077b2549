//! Removes deleted runs for good, in steps that can be finished after a kill.
//!
//! The folder is renamed away in the transaction that removes the row, and its files are removed afterwards. What a
//! kill leaves is a folder renamed away: without its row it is removed at the next opening of the store; with it, the
//! transaction did not hold, and the folder goes back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::columns::no_run;
use super::error::{Fault, StoreError};
use super::{RunId, Store};

/// Before the number of a run in the name of its folder, while it is removed.
const RENAMED: &str = ".removing-";

impl Store {
    /// Removes a deleted run with its points, dialogues, results and checkpoints. This cannot be undone. A folder
    /// without a run, as earlier versions left it when killed, is removed too. Returns the folder if it could not
    /// be removed from the disk; the next opening of the store tries again.
    ///
    /// # Errors
    /// The run is not marked as deleted, is in progress, or does not exist.
    pub fn remove_for_good(&mut self, run: RunId) -> Result<Option<PathBuf>, StoreError> {
        self.refuse_held(run)?;
        let folder = self.run_dir(run);
        let renamed = renamed(&folder, run);
        self.write(|db| {
            match deleted(db, run)? {
                Some(true) => {}
                Some(false) => return Err(StoreError::NotDeleted { run }.into()),
                None if folder.exists() || renamed.exists() => {}
                None => return Err(no_run(db, run)),
            }
            rename(&folder, &renamed)?;
            // Cascades to all that refers to it.
            db.execute("DELETE FROM runs WHERE id = ?", [run.0])?;
            Ok(())
        })?;
        Ok(remove(&renamed))
    }

    /// Finishes removals that were killed.
    pub(super) fn finish_removals(&mut self) -> Result<(), StoreError> {
        let runs = self.dir().join(crate::checkpoint::RUNS);
        let Ok(entries) = fs::read_dir(&runs) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(RENAMED));
            let Some(run) = number.and_then(|number| number.parse().ok()).map(RunId) else {
                continue;
            };
            let (folder, renamed) = (self.run_dir(run), entry.path());
            // Under the lock of the database no other program is between the two steps.
            let is_gone = self.write(|db| match deleted(db, run)? {
                None => Ok(true),
                Some(_) => rename(&renamed, &folder).map(|()| false),
            })?;
            if is_gone {
                remove(&renamed);
            }
        }
        Ok(())
    }
}

/// Whether a run is marked as deleted; None if there is no such run.
fn deleted(db: &Connection, run: RunId) -> Result<Option<bool>, Fault> {
    let sql = "SELECT deleted IS NOT NULL FROM runs WHERE id = ?";
    let found = db.query_row(sql, [run.0], |row| row.get(0)).optional()?;
    Ok(found)
}

fn renamed(folder: &Path, run: RunId) -> PathBuf {
    folder.with_file_name(format!("{RENAMED}{run}"))
}

fn rename(from: &Path, to: &Path) -> Result<(), Fault> {
    match fs::rename(from, to) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::File {
            path: from.to_path_buf(),
            doing: "renaming the run's folder to remove it",
            source,
        }
        .into()),
        _ => Ok(()),
    }
}

/// Removes a folder; returns it if that failed.
fn remove(folder: &Path) -> Option<PathBuf> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "could not be removed");
            Some(folder.to_path_buf())
        }
        _ => None,
    }
}
