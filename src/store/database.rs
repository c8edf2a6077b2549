//! Opens the database file, for writing or only for reading.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{Fault, StoreError};
use super::schema::{self, Contents};

/// How long to wait while another program writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Database {
    pub path: PathBuf,
    pub connection: Connection,
    /// The file's version, if it is newer than this program can write.
    pub newer: Option<u32>,
}

pub(super) fn path_in(dir: &Path) -> PathBuf {
    dir.join("emprl.db")
}

impl Database {
    /// Opens or creates the database in `dir`. One of a newer version is opened read-only.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| StoreError::Folder {
            path: dir.to_path_buf(),
            source,
        })?;
        let path = path_in(dir);
        Self::open_to_write(&path).map_err(|fault| fault.at(&path))
    }

    fn open_to_write(path: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        match schema::inspect(&connection)? {
            Contents::Foreign => return Err(foreign(path)),
            Contents::Store(found) if found > schema::VERSION => {
                drop(connection);
                return Ok(Database {
                    connection: connect_to_read(path)?,
                    path: path.to_path_buf(),
                    newer: Some(found),
                });
            }
            Contents::Empty | Contents::Store(_) => {}
        }
        if connection.is_readonly("main")? {
            return Err(StoreError::NotWritable {
                path: path.to_path_buf(),
            }
            .into());
        }
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
            connection,
            newer: None,
        })
    }

    /// Opens the existing database in `dir` read-only, after migrating one of an earlier version.
    pub fn open_to_read(dir: &Path) -> Result<Self, StoreError> {
        let path = path_in(dir);
        if dir.is_file() {
            return Err(StoreError::Folder {
                path: dir.to_path_buf(),
                source: std::io::ErrorKind::NotADirectory.into(),
            });
        }
        if !path.exists() {
            return Err(StoreError::Missing {
                path: dir.to_path_buf(),
            });
        }
        let open = || -> Result<Database, Fault> {
            let mut connection = connect_to_read(&path)?;
            if matches!(schema::inspect(&connection)?, Contents::Store(found) if found < schema::VERSION)
            {
                drop(connection);
                Self::open_to_write(&path)?;
                connection = connect_to_read(&path)?;
            }
            let newer = match schema::inspect(&connection)? {
                Contents::Foreign => return Err(foreign(&path)),
                Contents::Empty => {
                    return Err(StoreError::Missing {
                        path: dir.to_path_buf(),
                    }
                    .into());
                }
                Contents::Store(found) => (found > schema::VERSION).then_some(found),
            };
            Ok(Database {
                path: path.clone(),
                connection,
                newer,
            })
        };
        open().map_err(|fault| fault.at(&path))
    }
}

fn connect_to_read(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
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

fn foreign(path: &Path) -> Fault {
    StoreError::Foreign {
        path: path.to_path_buf(),
    }
    .into()
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
            database
                .connection
                .query_row(&query, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(setting("journal_mode"), "wal");
        assert_eq!(setting("synchronous"), "2", "FULL");
        assert_eq!(setting("foreign_keys"), "1");
    }
}
