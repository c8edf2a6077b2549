//! Opens the database file, for writing or only for reading.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::access::{self, ReadOnly};
use super::connection::{BUSY_TIMEOUT, connect, connect_to_read, path_in};
use super::error::{Fault, StoreError};
use super::schema::{self, Contents};
use super::unwritable::{self, Stamp};

/// How often a read is tried anew while a file that cannot be locked changes under it.
const ATTEMPTS: usize = 5;

pub(super) struct Database {
    pub path: PathBuf,
    /// None if nothing can be written beside the file: to read it, it is opened anew each time.
    pub connection: Option<Connection>,
    /// Why it cannot be written.
    pub read_only: Option<ReadOnly>,
}

impl Database {
    /// Opens or creates the database in `dir`. One that cannot be written, or of a newer version, has no connection.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let opened = Self::open_or_create(dir)?;
        access::close(dir);
        Ok(opened)
    }

    fn open_or_create(dir: &Path) -> Result<Self, StoreError> {
        let path = path_in(dir);
        let found = match access::require_readable(dir) {
            Ok(()) => true,
            Err(StoreError::Missing { .. }) => false,
            Err(error) => return Err(error),
        };
        if found && let Some(why) = access::not_writable(dir) {
            return Self::open_unwritable(dir, why);
        }
        access::create(dir)?;
        match Self::open_to_write(&path) {
            Ok(opened) => Ok(opened),
            Err(fault) => match refusal(&fault, dir) {
                Some(why) if found => Self::open_unwritable(dir, why),
                _ => Err(fault.at(&path)),
            },
        }
    }

    fn open_to_write(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // A newer store is not touched, not even to merge its write-ahead log.
        let found = version(&connect_to_read(path)?, path)?;
        if found.is_some_and(|found| found > schema::VERSION) {
            return Ok(Database {
                path: path.to_path_buf(),
                connection: None,
                read_only: found.map(ReadOnly::Newer),
            });
        }
        let mut connection = connect(path, flags)?;
        use_wal(&connection)?;
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA foreign_keys = ON;",
        )?;
        schema::migrate(&mut connection)?;
        Ok(Database {
            path: path.to_path_buf(),
            connection: Some(connection),
            read_only: None,
        })
    }

    /// Opens the existing database in `dir` read-only, after migrating one of an earlier version.
    pub fn open_to_read(dir: &Path) -> Result<Self, StoreError> {
        let opened = Self::open_existing(dir)?;
        access::close(dir);
        Ok(opened)
    }

    fn open_existing(dir: &Path) -> Result<Self, StoreError> {
        access::require_readable(dir)?;
        if let Some(why) = access::not_writable(dir) {
            return Self::open_unwritable(dir, why);
        }
        let path = path_in(dir);
        let open = || -> Result<Database, Fault> {
            let mut connection = connect_to_read(&path)?;
            if version(&connection, &path)?.is_some_and(|found| found < schema::VERSION) {
                drop(connection);
                Self::open_to_write(&path)?;
                connection = connect_to_read(&path)?;
            }
            let found = version(&connection, &path)?.ok_or_else(|| missing(dir))?;
            Ok(Database {
                path: path.clone(),
                connection: Some(connection),
                read_only: (found > schema::VERSION).then_some(ReadOnly::Newer(found)),
            })
        };
        match open() {
            Ok(opened) => Ok(opened),
            Err(fault) => match refusal(&fault, dir) {
                Some(why) => Self::open_unwritable(dir, why),
                None => Err(fault.at(&path)),
            },
        }
    }

    /// Opens a database beside which nothing can be written.
    fn open_unwritable(dir: &Path, why: ReadOnly) -> Result<Self, StoreError> {
        let mut database = Database {
            path: path_in(dir),
            connection: None,
            read_only: Some(why.clone()),
        };
        let path = &database.path;
        let found = database.read(|db| version(db, path));
        let found = found.map_err(|fault| fault.at(path))?;
        match found.ok_or_else(|| missing(dir))? {
            found if found < schema::VERSION => Err(StoreError::Older {
                path: database.path,
                found,
                known: schema::VERSION,
                why: why.to_string(),
            }),
            found => {
                if found > schema::VERSION {
                    database.read_only = Some(ReadOnly::Newer(found));
                }
                Ok(database)
            }
        }
    }

    /// Runs queries on one consistent snapshot. They may be run again, from the start.
    pub fn read<T>(
        &self,
        mut queries: impl FnMut(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if let Some(connection) = &self.connection {
            return snapshot(connection, queries);
        }
        for _ in 0..ATTEMPTS {
            let before = Stamp::of(&self.path);
            let opened = unwritable::connect(&self.path)?;
            let value = snapshot(&opened.connection, &mut queries);
            // Without locks, whoever may write can have written meanwhile.
            if opened.is_locked || before == Stamp::of(&self.path) {
                return value;
            }
        }
        let path = self.path.clone();
        Err(StoreError::Busy { path }.into())
    }

    /// The error of every change, if the store cannot be written.
    pub fn refusal(&self) -> Option<StoreError> {
        let db = self.path.clone();
        Some(match self.read_only.clone()? {
            ReadOnly::Newer(found) => StoreError::Newer {
                path: db,
                found,
                known: schema::VERSION,
            },
            ReadOnly::NotWritable { path, why } => StoreError::NotWritable { path, why },
            ReadOnly::Full => StoreError::Full { path: db },
            ReadOnly::Bundle(path) => StoreError::Bundle { path },
        })
    }
}

fn snapshot<T>(
    connection: &Connection,
    mut queries: impl FnMut(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let value = queries(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// The store's version; None if the file is still empty.
fn version(connection: &Connection, path: &Path) -> Result<Option<u32>, Fault> {
    match schema::inspect(connection)? {
        Contents::Empty => Ok(None),
        Contents::Store(found) => Ok(Some(found)),
        Contents::Foreign => Err(StoreError::Foreign { path: path.into() }.into()),
        Contents::Damaged(detail) => Err(StoreError::Damaged {
            path: path.into(),
            detail,
        }
        .into()),
    }
}

fn missing(dir: &Path) -> StoreError {
    StoreError::Missing { path: dir.into() }
}

/// Why SQLite could not write what it needs beside the file; None if something else is wrong.
fn refusal(fault: &Fault, dir: &Path) -> Option<ReadOnly> {
    if fault.is_full() {
        return Some(ReadOnly::Full);
    }
    let Fault::Sql(error) = fault else {
        return None;
    };
    let is_refused = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    );
    is_refused.then(|| ReadOnly::NotWritable {
        path: dir.to_path_buf(),
        why: fault.words(),
    })
}

/// SQLite does not wait for a lock when it changes the journal mode, so this does.
fn use_wal(connection: &Connection) -> Result<(), Fault> {
    let deadline = std::time::Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        });
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Fault::Unreadable(
                    "the folder".to_string(),
                    format!("it allows the journal mode {mode} but not WAL; choose a local disk"),
                ));
            }
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && std::time::Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_is_flushed_to_disk() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let setting = |name: &str| -> String {
            let query = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            let connection = database.connection.as_ref().unwrap();
            connection.query_row(&query, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(setting("journal_mode"), "wal");
        assert_eq!(setting("synchronous"), "2", "FULL");
        assert_eq!(setting("foreign_keys"), "1");
    }
}
