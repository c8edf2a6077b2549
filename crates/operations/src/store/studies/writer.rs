//! Creates, opens, unblinds and deletes studies. Every method is one transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::returns::{keep_seal, put_acts, put_key};
use super::{MergedPack, StudyId, load, role_key};
use crate::store::columns::to_json;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::Store;
use crate::study::definition::{StudyKind, check_person, same_person};
use crate::study::judgement::JudgementRecord;
use crate::study::make::{Annotator, Assignment, Item, NewStudy, Role, assigned, page};
use crate::study::pack::Pack;
use crate::study::page::{Page, StudyHead};
use crate::study::record::Unblinding;
use crate::study::results::split_unassigned;
use crate::study::seal::SealKey;

impl Store {
    /// Stores a new study whose packs are not sealed.
    pub fn create_study(&mut self, new: &NewStudy) -> Result<StudyId, StoreError> {
        self.put_new_study(new, None)
    }

    /// Stores a new study, with the key by which its packs are sealed.
    pub fn create_sealed_study(
        &mut self,
        new: &NewStudy,
        key: &SealKey,
    ) -> Result<StudyId, StoreError> {
        self.put_new_study(new, Some(key))
    }

    fn put_new_study(
        &mut self,
        new: &NewStudy,
        key: Option<&SealKey>,
    ) -> Result<StudyId, StoreError> {
        self.write(|db| {
            let definition = to_json("the definition", new.definition.reveal())?;
            let study = put_study(db, &new.head, Some(&definition))?;
            for annotator in &new.annotators {
                put_annotator(db, study, annotator)?;
            }
            for item in new.items.reveal() {
                db.prepare_cached("INSERT INTO study_items VALUES (?, ?, ?)")?
                    .execute(params![study.0, item.number, to_json("an item", item)?])?;
            }
            put_assignments(db, study, new.items.reveal(), new.assignments.reveal())?;
            if let Some(key) = key {
                put_key(db, study, key)?;
            }
            Ok(study)
        })
    }

    /// Assigns the items on which three annotators differ to the fourth, who is named first if `adjudicator` is given.
    /// Returns how many items are new.
    ///
    /// # Errors
    /// There are such items but no fourth annotator, or another is named where there is one; the name is empty or a
    /// rater's; the study is unblinded, a rating that cannot have a fourth, or came as a pack.
    pub fn assign_to_fourth(
        &mut self,
        study: StudyId,
        adjudicator: Option<&str>,
    ) -> Result<usize, StoreError> {
        self.write(|db| {
            load::definition(db, study)?;
            if load::known(db, study)?.unblinding.is_some() {
                return Err(StoreError::Unblinded { study }.into());
            }
            if let Some(name) = adjudicator {
                put_adjudicator(db, study, name)?;
            }
            let record = load::record(db, study)?;
            let split: BTreeSet<u32> = split_unassigned(&record).into_iter().collect();
            let mut annotators = record.annotators.iter();
            let Some(fourth) = annotators.find(|a| is_fourth(a)) else {
                return match split.is_empty() {
                    true => Ok(0),
                    false => Err(StoreError::NoAdjudicator { study }.into()),
                };
            };
            let before = record.assignments.iter();
            let before = before.filter(|a| a.annotator == fourth.number).count();
            let new = |item: &&Item| split.contains(&item.number);
            let new: Vec<Item> = record.items.iter().filter(new).cloned().collect();
            let seed = record.definition.blinded_seed();
            let assignments = assigned(seed, fourth.number, before as u32, &new);
            put_assignments(db, study, &new, &assignments)?;
            Ok(assignments.len())
        })
    }

    /// Opens a pack to judge it here; a later pack can add pages to the same study.
    ///
    /// # Errors
    /// The study was created in this store, or the pack contradicts an earlier one.
    pub fn open_pack(&mut self, pack: &Pack) -> Result<MergedPack, StoreError> {
        self.write(|db| {
            let study = match load::by_uid(db, &pack.head.uid)? {
                Some(study) if load::known(db, study)?.is_own => {
                    return Err(StoreError::MadeHere { study }.into());
                }
                Some(study) => study,
                None => put_study(db, &pack.head, None)?,
            };
            let annotators = load::annotators(db, study)?;
            let known = annotators.iter().find(|a| a.pseudonym == pack.pseudonym);
            let number = match known {
                Some(annotator) => annotator.number,
                None => {
                    let number = annotators.len() as u32 + 1;
                    let mut annotator = Annotator::new(number, "", Role::Rater);
                    annotator.pseudonym.clone_from(&pack.pseudonym);
                    put_annotator(db, study, &annotator)?;
                    number
                }
            };
            let mut pages = load::pages(db, study, number)?;
            let known: BTreeSet<u32> = pages.iter().map(|page| page.item).collect();
            for page in pack.pages.iter().filter(|p| !known.contains(&p.item)) {
                put_page(db, study, number, pages.len() as u32 + 1, page, None)?;
                pages.push(page.clone());
            }
            pack.check_matches(&load::known(db, study)?.head, &pages)?;
            // It goes back with the pages that it is of.
            if pages == pack.pages {
                keep_seal(db, study, number, pack.seal.as_ref())?;
            }
            let annotator = load::annotator(db, study, number)?;
            put_acts(db, study, &annotator, pack, Arrival::HERE)
        })
    }

    /// Deletes a study with its judgements; the responses of its systems stay.
    ///
    /// # Errors
    /// There is no such study, or it holds judgements and `with_judgements` is false.
    pub fn delete_study(
        &mut self,
        study: StudyId,
        with_judgements: bool,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            load::known(db, study)?;
            let sql = "SELECT count(*) FROM study_acts WHERE study = ?";
            let judgements: i64 = db.query_row(sql, [study.0], |row| row.get(0))?;
            if judgements > 0 && !with_judgements {
                return Err(StoreError::HoldsJudgements { study }.into());
            }
            for sql in [
                "DELETE FROM study_acts WHERE study = ?",
                "DELETE FROM study_assignments WHERE study = ?",
                // Cascades to all that is left of it.
                "DELETE FROM studies WHERE id = ?",
            ] {
                db.execute(sql, [study.0])?;
            }
            Ok(())
        })
    }

    /// Unblinds a study, on record and for good, with a name and a reason.
    ///
    /// # Errors
    /// The name or the reason is empty, the study is already unblinded, or it came as a pack; judgements are missing,
    /// or items on which three differ wait for a fourth, and `unfinished` is false.
    pub fn unblind(
        &mut self,
        study: StudyId,
        by: &str,
        reason: &str,
        unfinished: bool,
    ) -> Result<Unblinding, StoreError> {
        if by.trim().is_empty() || reason.trim().is_empty() {
            return Err(StoreError::NoReason);
        }
        self.write(|db| {
            load::definition(db, study)?;
            if let Some(unblinding) = load::known(db, study)?.unblinding {
                let by = unblinding.by;
                return Err(StoreError::AlreadyUnblinded { study, by }.into());
            }
            let (mut missing, mut contested) = (0, 0);
            let rows = load::annotator_rows(db, study)?.into_iter();
            for row in rows.filter(|row| row.standing.counts()) {
                missing += (row.progress.assigned - row.progress.answered) as u64;
                contested += row.progress.contested as u64;
            }
            let split = load::split_unassigned(db, study)? as u64;
            if missing + split > 0 && !unfinished {
                return Err(StoreError::Unfinished {
                    study,
                    missing,
                    contested,
                    split,
                }
                .into());
            }
            let unblinding = Unblinding {
                by: by.trim().to_string(),
                reason: reason.trim().to_string(),
                wall_ms: now_ms(),
                missing: missing + split,
            };
            db.execute(
                "INSERT INTO study_unblindings VALUES (?, ?)",
                params![study.0, to_json("the unblinding", &unblinding)?],
            )?;
            Ok(unblinding)
        })
    }
}

fn put_study(
    db: &Connection,
    head: &StudyHead,
    definition: Option<&str>,
) -> Result<StudyId, Fault> {
    db.execute(
        "INSERT INTO studies (uid, head_json, added, definition_json) VALUES (?, ?, ?, ?)",
        params![head.uid, to_json("the head", head)?, now_ms(), definition],
    )?;
    Ok(StudyId(db.last_insert_rowid()))
}

pub(super) fn put_annotator(
    db: &Connection,
    study: StudyId,
    annotator: &Annotator,
) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO study_annotators VALUES (?, ?, ?, ?, ?)",
        params![
            study.0,
            annotator.number,
            annotator.pseudonym,
            annotator.name,
            role_key(annotator.role)
        ],
    )?;
    Ok(())
}

fn is_fourth(annotator: &Annotator) -> bool {
    annotator.role == Role::Adjudicator && annotator.standing().counts()
}

/// Names the fourth annotator.
fn put_adjudicator(db: &Connection, study: StudyId, name: &str) -> Result<(), Fault> {
    if load::known(db, study)?.head.kind == StudyKind::Rating {
        return Err(StoreError::NoFourthInRating { study }.into());
    }
    let annotators = load::annotators(db, study)?;
    if annotators.iter().any(is_fourth) {
        return Err(StoreError::HasAdjudicator { study }.into());
    }
    let number = annotators.iter().map(|a| a.number).max().unwrap_or(0) + 1;
    let name = name.trim();
    check_person(name, number)?;
    let is_taken = |a: &&Annotator| same_person(&a.name, name);
    if let Some(rater) = annotators.iter().find(is_taken) {
        let pseudonym = rater.pseudonym.clone();
        return Err(StoreError::FourthIsRater { study, pseudonym }.into());
    }
    put_annotator(db, study, &Annotator::new(number, name, Role::Adjudicator))
}

/// Stores assignments, each with its page as shown; those of items not in `items` are skipped.
pub(super) fn put_assignments(
    db: &Connection,
    study: StudyId,
    items: &[Item],
    assignments: &[Assignment],
) -> Result<(), Fault> {
    let by_number: BTreeMap<u32, &Item> = items.iter().map(|item| (item.number, item)).collect();
    for a in assignments {
        if let Some(item) = by_number.get(&a.item) {
            let shown = page(item, a.swapped);
            put_page(db, study, a.annotator, a.position, &shown, Some(a.swapped))?;
        }
    }
    Ok(())
}

fn put_page(
    db: &Connection,
    study: StudyId,
    annotator: u32,
    position: u32,
    page: &Page,
    swapped: Option<bool>,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO study_assignments (study, annotator, position, item, page_json, swapped)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        study.0,
        annotator,
        position,
        page.item,
        to_json("a page", page)?,
        swapped
    ])?;
    Ok(())
}

/// How a judgement comes into the store.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    /// The return that brought it; None if it is given here.
    pub came: Option<i64>,
    /// Whether the study was unblinded before.
    pub late: bool,
    pub counts: bool,
}

impl Arrival {
    /// Of what is judged here.
    pub const HERE: Arrival = Arrival {
        came: None,
        late: false,
        counts: true,
    };
}

/// Inserts a judgement; false if it is already there.
pub(super) fn put_act(
    db: &Connection,
    study: StudyId,
    uid: &str,
    annotator: &Annotator,
    act: &JudgementRecord,
    arrival: Arrival,
) -> Result<bool, Fault> {
    let added = db
        .prepare_cached(
            "INSERT INTO study_acts
                 (study, annotator, id, seq, item, deed_json, shown, wall, late, came, counts)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            study.0,
            annotator.number,
            act.id(uid, &annotator.pseudonym).0,
            act.seq as i64,
            act.item,
            to_json("a judgement", &act.action)?,
            act.shown_ms as i64,
            act.wall_ms,
            arrival.late,
            arrival.came,
            arrival.counts
        ])?;
    Ok(added > 0)
}
