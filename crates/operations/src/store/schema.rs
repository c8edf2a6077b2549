//! The migrations, and what a database is found to be.
//!
//! Step `n` of [`MIGRATIONS`] leads from version `n` to `n + 1`. A released step is never changed; new ones
//! are appended.

mod aside;
mod asks;
mod events;
mod identity;
mod leading;
mod links;
mod returns;
mod runs;
mod studies;

use std::collections::HashSet;

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

/// The version this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours ("EmRL").
pub(super) const APPLICATION_ID: i32 = 0x456D_524C;

/// Times are milliseconds since the Unix epoch. Stages and statuses are stored as their keys.
const MIGRATIONS: [Step<'static>; 17] = [
    Step::Sql(runs::RUNS),
    Step::Sql(studies::STUDIES),
    Step::Sql(runs::KEEPING),
    Step::Sql(studies::CASES),
    Step::Sql(runs::ROLLOUTS),
    Step::Sql(runs::QUEUE),
    Step::Code(events::migrate),
    Step::Sql(aside::TABLES),
    Step::Sql(runs::CONTROLS),
    Step::Sql(runs::HELD_OUT),
    Step::Sql(runs::LISTED),
    Step::Sql(asks::ASKS),
    Step::Sql(links::LINKS),
    Step::Sql(leading::LEADING),
    Step::Sql(returns::RETURNS),
    Step::Sql(identity::IDENTITIES),
    Step::Sql(runs::RECORDED),
];

/// One step from a version to the next.
#[derive(Clone, Copy)]
enum Step<'a> {
    Sql(&'a str),
    Code(fn(&Connection) -> Result<(), Fault>),
}

pub(super) enum Contents {
    Empty,
    /// Another program's tables.
    Foreign,
    /// A store of this version.
    Store(u32),
    /// A store of which a part is missing: which.
    Damaged(String),
}

/// Inspects a database in one transaction, since another program may be creating it.
pub(super) fn inspect(db: &Connection) -> Result<Contents, Fault> {
    let begin = || db.unchecked_transaction();
    let _moment = db.is_autocommit().then(begin).transpose()?;
    let id: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut query =
        db.prepare("SELECT CAST(name AS TEXT) FROM sqlite_schema WHERE type = 'table'")?;
    let tables: HashSet<String> = query
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    // The tables of the first version are in every store.
    let ours = tables_of(runs::RUNS).filter(|table| tables.contains(*table));
    let is_ours = id == APPLICATION_ID || ours.count() > 2;
    if !is_ours {
        return Ok(match (id, version, tables.len()) {
            (0, 0, 0) => Contents::Empty,
            _ => Contents::Foreign,
        });
    }
    if id != APPLICATION_ID {
        let detail = "it has a store's tables, but its header does not say that it is a store";
        return Ok(Contents::Damaged(detail.into()));
    }
    let found = match u32::try_from(version) {
        Ok(found) if found > 0 => found,
        _ => {
            let detail = format!("its header says store version {version}, which does not exist");
            return Ok(Contents::Damaged(detail));
        }
    };
    let steps = MIGRATIONS.iter().take(found as usize);
    let expected = steps.filter_map(|step| match step {
        Step::Sql(sql) => Some(tables_of(sql)),
        Step::Code(_) => None,
    });
    // A newer version may have other tables.
    let missing = expected.flatten().find(|table| !tables.contains(*table));
    Ok(match missing.filter(|_| found <= VERSION) {
        Some(table) => Contents::Damaged(format!("its table {table} is missing")),
        None => Contents::Store(found),
    })
}

/// The names of the tables that a step creates.
fn tables_of(sql: &str) -> impl Iterator<Item = &str> {
    let created = sql.split("CREATE TABLE ").skip(1);
    created.filter_map(|rest| rest.split_whitespace().next())
}

/// Migrates an empty or older database to this version, in one transaction.
pub(super) fn migrate(db: &mut Connection) -> Result<(), Fault> {
    migrate_to(db, &MIGRATIONS)
}

fn migrate_to(db: &mut Connection, steps: &[Step<'_>]) -> Result<(), Fault> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another program may have migrated it while this one waited for the lock.
    let version: u32 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(Fault::Unreadable(
            "the store".into(),
            "a newer emprl has just updated it; try again".into(),
        ));
    }
    for step in steps.iter().skip(version as usize) {
        match step {
            Step::Sql(sql) => change.execute_batch(sql)?,
            Step::Code(run) => run(&change)?,
        }
    }
    if (version as usize) < steps.len() {
        change.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            steps.len()
        ))?;
    }
    change.commit()?;
    Ok(())
}

#[cfg(test)]
mod any_rows;
#[cfg(test)]
mod tests;
