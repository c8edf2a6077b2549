//! Reads a database beside which nothing can be written.
//!
//! SQLite reads a database with a write-ahead log by means of shared memory, a file that it creates beside it. Where
//! it cannot:
//!
//! - Without a log, the file is opened as one that does not change (`immutable=1`).
//! - With a log and the shared memory of its writer, that memory is used, read-only.
//! - With a log that a killed program left, the log is read into this program's own memory.
//!
//! Only the second way has locks. After the others, [`Stamp`] tells whether the file changed meanwhile.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::SystemTime;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::connection::{beside, connect_to_read};
use super::error::Fault;

pub(super) struct Unwritable {
    pub connection: Connection,
    /// Whether other programs know that it is being read.
    pub is_locked: bool,
}

/// Sizes and times of the database and its log, which change when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp([Option<(u64, Option<SystemTime>)>; 2]);

impl Stamp {
    pub fn of(db: &Path) -> Stamp {
        Stamp(["", "-wal"].map(|end| {
            let found = std::fs::metadata(beside(db, end)).ok()?;
            Some((found.len(), found.modified().ok()))
        }))
    }

    /// A number that differs for other stamps.
    pub fn digest(&self) -> i64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().cast_signed()
    }
}

pub(super) fn connect(db: &Path) -> Result<Unwritable, Fault> {
    let has = |end| std::fs::metadata(beside(db, end)).is_ok_and(|file| file.len() > 0);
    if has("-wal") || has("-journal") {
        if let Ok(connection) = connect_to_read(db).and_then(readable) {
            return Ok(Unwritable {
                connection,
                is_locked: true,
            });
        }
        return Ok(Unwritable {
            connection: with_log_in_memory(db)?,
            is_locked: false,
        });
    }
    let flags = READ | OpenFlags::SQLITE_OPEN_URI;
    Ok(Unwritable {
        connection: Connection::open_with_flags(unchanging(db), flags)?,
        is_locked: false,
    })
}

const READ: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// The connection, if a first look through it succeeds.
fn readable(connection: Connection) -> Result<Connection, Fault> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Exclusive locking needs no shared memory; the locks themselves would need to write, so there are none.
fn with_log_in_memory(db: &Path) -> Result<Connection, Fault> {
    let without_locks = if cfg!(windows) {
        c"win32-none"
    } else {
        c"unix-none"
    };
    let connection = Connection::open_with_flags_and_vfs(db, READ, without_locks)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// The file as an SQLite address that promises that it does not change.
fn unchanging(db: &Path) -> String {
    let mut address = String::from("file:");
    for byte in db.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                address.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => address.push('/'),
            byte => address += &format!("%{byte:02X}"),
        }
    }
    address + "?mode=ro&immutable=1"
}
