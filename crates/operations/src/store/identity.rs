//! What a run is called in every store. Callers open the transaction.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::RunId;
use super::columns::{no_run, query_all};
use super::error::Fault;

/// A run's identity in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub uid: String,
    /// When something last had happened to it in another store, if it was taken from one.
    pub taken: Option<i64>,
}

/// Gives a new run its identity.
pub(super) fn name_new(db: &Connection, run: RunId) -> Result<(), Fault> {
    let sql = "INSERT INTO run_identities (run, uid) VALUES (?, lower(hex(randomblob(16))))";
    db.execute(sql, [run.0])?;
    Ok(())
}

pub(super) fn put(db: &Connection, run: RunId, uid: &str, taken: Option<i64>) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO run_identities (run, uid, taken) VALUES (?, ?, ?)
         ON CONFLICT (run) DO UPDATE SET taken = excluded.taken",
        params![run.0, uid, taken],
    )?;
    Ok(())
}

/// A run's identity; one begun before there were any has that of its beginning.
pub(super) fn of(db: &Connection, run: RunId) -> Result<Identity, Fault> {
    let named = db
        .prepare_cached("SELECT uid, taken FROM run_identities WHERE run = ?")?
        .query_row([run.0], |row| {
            Ok(Identity {
                uid: row.get(0)?,
                taken: row.get(1)?,
            })
        })
        .optional()?;
    if let Some(identity) = named {
        return Ok(identity);
    }
    let sql = "SELECT started || char(10) || seed || char(10) || config_toml || char(10)
                      || environment_json || char(10) || fingerprints_json FROM runs WHERE id = ?";
    let beginning: Option<String> = db
        .prepare_cached(sql)?
        .query_row([run.0], |row| row.get(0))
        .optional()?;
    let beginning = beginning.ok_or_else(|| no_run(db, run))?;
    Ok(Identity {
        uid: hex(&Sha256::digest(beginning)[..16]),
        taken: None,
    })
}

/// The run of that identity.
pub(super) fn find(db: &Connection, uid: &str) -> Result<Option<RunId>, Fault> {
    let sql = "SELECT run FROM run_identities WHERE uid = ?";
    let named = db
        .prepare_cached(sql)?
        .query_row([uid], |row| row.get(0))
        .optional()?;
    if let Some(run) = named {
        return Ok(Some(RunId(run)));
    }
    let sql = "SELECT id FROM runs WHERE id NOT IN (SELECT run FROM run_identities)";
    for run in query_all(db, sql, [], |row| Ok(RunId(row.get(0)?)))? {
        if of(db, run)?.uid == uid {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
