//! Pauses, excludes and replaces the annotators of a study that was created here. Every method is one transaction.

use rusqlite::{Connection, params};

use super::writer::{put_annotator, put_assignments};
use super::{StudyId, load};
use crate::store::columns::query_all;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::Store;
use crate::study::definition::{check_person, same_person};
use crate::study::make::{Annotator, Item, assigned};
use crate::study::standing::{Standing, StandingChange};

impl Store {
    /// Changes where an annotator stands, on record with a reason.
    ///
    /// # Errors
    /// There is no reason; they stand there already; the study is unblinded, so that the choice would not be blind, or
    /// came as a pack.
    pub fn set_standing(
        &mut self,
        study: StudyId,
        annotator: u32,
        standing: Standing,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            check_open(db, study)?;
            put_standing(db, study, annotator, standing, reason)
        })
    }

    /// Excludes an annotator, and gives all of their items to somebody else, in an order and on sides of their own.
    /// Returns the new annotator's number.
    ///
    /// # Errors
    /// As of [`Store::set_standing`]; the name is that of another annotator, or none.
    pub fn replace_annotator(
        &mut self,
        study: StudyId,
        annotator: u32,
        name: &str,
        reason: &str,
    ) -> Result<u32, StoreError> {
        self.write(|db| {
            check_open(db, study)?;
            let record = load::record(db, study)?;
            let leaves = load::annotator(db, study, annotator)?;
            if leaves.standing().counts() {
                put_standing(db, study, annotator, Standing::Excluded, reason)?;
            }
            let name = name.trim();
            let number = record.annotators.iter().map(|one| one.number).max();
            let number = number.unwrap_or(0) + 1;
            check_person(name, number)?;
            let is_taken = |one: &&Annotator| same_person(&one.name, name);
            if let Some(known) = record.annotators.iter().find(is_taken) {
                let pseudonym = known.pseudonym.clone();
                return Err(StoreError::NameTaken { study, pseudonym }.into());
            }
            put_annotator(db, study, &Annotator::new(number, name, leaves.role))?;
            let own = record.assignments.iter();
            let own: Vec<u32> = own
                .filter(|one| one.annotator == annotator)
                .map(|one| one.item)
                .collect();
            let items = record.items.iter();
            let items: Vec<Item> = items
                .filter(|item| own.contains(&item.number))
                .cloned()
                .collect();
            let assignments = assigned(record.definition.blinded_seed(), number, 0, &items);
            put_assignments(db, study, &items, &assignments)?;
            Ok(number)
        })
    }
}

/// That the study was created here and is blind.
fn check_open(db: &Connection, study: StudyId) -> Result<(), Fault> {
    load::definition(db, study)?;
    match load::known(db, study)?.unblinding {
        Some(_) => Err(StoreError::Unblinded { study }.into()),
        None => Ok(()),
    }
}

fn put_standing(
    db: &Connection,
    study: StudyId,
    annotator: u32,
    standing: Standing,
    reason: &str,
) -> Result<(), Fault> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(StoreError::NoStandingReason.into());
    }
    let before = load::annotator(db, study, annotator)?;
    if before.standing() == standing {
        let pseudonym = before.pseudonym;
        return Err(StoreError::SameStanding {
            study,
            pseudonym,
            standing,
        }
        .into());
    }
    db.execute(
        "INSERT INTO study_standings (study, annotator, standing, reason, wall) VALUES (?, ?, ?, ?, ?)",
        params![study.0, annotator, standing.key(), reason, now_ms()],
    )?;
    Ok(())
}

/// All changes of a study's annotators, each with the annotator's number, the earliest first.
pub(super) fn standings(
    db: &Connection,
    study: StudyId,
) -> Result<Vec<(u32, StandingChange)>, Fault> {
    let sql =
        "SELECT annotator, standing, reason, wall FROM study_standings WHERE study = ? ORDER BY id";
    query_all(db, sql, [study.0], |row| {
        let key: String = row.get(1)?;
        let standing = Standing::from_key(&key);
        let change = StandingChange {
            standing: standing
                .ok_or_else(|| Fault::Unreadable(format!("study {study}, standing"), key))?,
            reason: row.get(2)?,
            wall_ms: row.get(3)?,
        };
        Ok((row.get(0)?, change))
    })
}
