//! Creates, judges, merges and unblinds studies. Every method is one transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::{MergedPack, StudyId, load, role_key};
use crate::store::columns::to_json;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::Store;
use crate::study::PackError;
use crate::study::definition::StudyKind;
use crate::study::judgement::{JudgementAction, JudgementRecord, last_settled, states};
use crate::study::make::{Annotator, Assignment, Item, NewStudy, Role, adjudicate, page};
use crate::study::pack::Pack;
use crate::study::page::{Page, StudyHead};
use crate::study::record::Unblinding;
use crate::study::results::waiting_for_fourth;

impl Store {
    /// Stores a new study.
    pub fn create_study(&mut self, new: &NewStudy) -> Result<StudyId, StoreError> {
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
            Ok(study)
        })
    }

    /// Records an annotator's actions on an item, all or none: an answer with a flag and a comment, say.
    /// `shown_ms` is the time in view since the last record. What is returned is on disk.
    ///
    /// # Errors
    /// The item is not assigned to them, the answer is of the wrong kind, or the study is unblinded.
    pub fn judge(
        &mut self,
        study: StudyId,
        annotator: u32,
        item: u32,
        actions: &[JudgementAction],
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, StoreError> {
        self.write(|db| {
            let judging = Judging::open(db, study, annotator)?;
            actions
                .iter()
                .enumerate()
                .map(|(at, action)| {
                    let shown_ms = if at == 0 { shown_ms } else { 0 };
                    judging.put(db, item, action.clone(), shown_ms)
                })
                .collect()
        })
    }

    /// Undoes the annotator's last answer or skip; None if there is none.
    pub fn undo(
        &mut self,
        study: StudyId,
        annotator: u32,
    ) -> Result<Option<JudgementRecord>, StoreError> {
        self.write(|db| {
            let judging = Judging::open(db, study, annotator)?;
            let acts = load::acts(db, study, annotator)?;
            let acts = acts.iter().map(|(act, _)| act);
            let states = states(&judging.uid, &judging.annotator.pseudonym, acts);
            last_settled(&states)
                .map(|item| judging.put(db, item, JudgementAction::Undo, 0))
                .transpose()
        })
    }

    /// Names the fourth annotator and returns their number.
    ///
    /// # Errors
    /// There already is one, or the study came as a pack.
    pub fn set_adjudicator(&mut self, study: StudyId, name: &str) -> Result<u32, StoreError> {
        self.write(|db| {
            load::definition(db, study)?;
            let annotators = load::annotators(db, study)?;
            if annotators.iter().any(|a| a.role == Role::Adjudicator) {
                return Err(StoreError::HasAdjudicator { study }.into());
            }
            let number = annotators.iter().map(|a| a.number).max().unwrap_or(0) + 1;
            put_annotator(db, study, &Annotator::new(number, name, Role::Adjudicator))?;
            Ok(number)
        })
    }

    /// Assigns the items on which three annotators differ to the fourth, and returns how many were new.
    ///
    /// # Errors
    /// There are such items but no fourth annotator, the study is unblinded, or it came as a pack.
    pub fn route_to_adjudicator(&mut self, study: StudyId) -> Result<usize, StoreError> {
        self.write(|db| {
            if load::known(db, study)?.unblinding.is_some() {
                return Err(StoreError::Unblinded { study }.into());
            }
            let record = load::record(db, study)?;
            let waiting: BTreeSet<u32> = waiting_for_fourth(&record).into_iter().collect();
            let mut annotators = record.annotators.iter();
            let Some(fourth) = annotators.find(|a| a.role == Role::Adjudicator) else {
                return match waiting.is_empty() {
                    true => Ok(0),
                    false => Err(StoreError::NoAdjudicator { study }.into()),
                };
            };
            let assigned = record.assignments.iter();
            let assigned = assigned.filter(|a| a.annotator == fourth.number);
            let assigned: BTreeSet<u32> = assigned.map(|assignment| assignment.item).collect();
            let new =
                |item: &&Item| waiting.contains(&item.number) && !assigned.contains(&item.number);
            let new: Vec<Item> = record.items.iter().filter(new).cloned().collect();
            let seed = record.definition.blinded_seed();
            let assignments = adjudicate(seed, fourth.number, assigned.len() as u32, &new);
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
            put_acts(db, study, number, pack, false)
        })
    }

    /// Merges a pack that was judged elsewhere into its study. Merging twice, or several in another order,
    /// gives the same result. Judgements merged after the unblinding count, and are marked as late.
    ///
    /// # Errors
    /// The pack belongs to another study or shows something else; then nothing is merged.
    pub fn merge_pack(&mut self, pack: &Pack) -> Result<MergedPack, StoreError> {
        self.write(|db| {
            let study = load::by_uid(db, &pack.head.uid)?.ok_or(PackError::ForeignStudy)?;
            let known = load::known(db, study)?;
            if !known.is_own {
                return Err(PackError::ForeignStudy.into());
            }
            let annotators = load::annotators(db, study)?;
            let annotator = annotators.iter().find(|a| a.pseudonym == pack.pseudonym);
            let number = annotator
                .ok_or_else(|| PackError::ForeignAnnotator {
                    pseudonym: pack.pseudonym.clone(),
                })?
                .number;
            pack.check_matches(&known.head, &load::pages(db, study, number)?)?;
            put_acts(db, study, number, pack, known.unblinding.is_some())
        })
    }

    /// Unblinds a study, on record and for good, with a name and a reason.
    ///
    /// # Errors
    /// The name or the reason is empty, the study is already unblinded, or it came as a pack.
    pub fn unblind(
        &mut self,
        study: StudyId,
        by: &str,
        reason: &str,
    ) -> Result<Unblinding, StoreError> {
        if by.trim().is_empty() || reason.trim().is_empty() {
            return Err(StoreError::NoReason);
        }
        self.write(|db| {
            load::definition(db, study)?;
            if load::known(db, study)?.unblinding.is_some() {
                return Err(StoreError::Unblinded { study }.into());
            }
            let missing = load::annotator_rows(db, study)?
                .iter()
                .map(|row| (row.progress.assigned - row.progress.answered) as u64)
                .sum();
            let unblinding = Unblinding {
                by: by.trim().to_string(),
                reason: reason.trim().to_string(),
                wall_ms: now_ms(),
                missing,
            };
            db.execute(
                "INSERT INTO study_unblindings VALUES (?, ?)",
                params![study.0, to_json("the unblinding", &unblinding)?],
            )?;
            Ok(unblinding)
        })
    }
}

/// A study that can be judged, and its annotator.
struct Judging {
    study: StudyId,
    uid: String,
    kind: StudyKind,
    annotator: Annotator,
}

impl Judging {
    fn open(db: &Connection, study: StudyId, annotator: u32) -> Result<Judging, Fault> {
        let known = load::known(db, study)?;
        if known.unblinding.is_some() {
            return Err(StoreError::Unblinded { study }.into());
        }
        Ok(Judging {
            study,
            uid: known.head.uid,
            kind: known.head.kind,
            annotator: load::annotator(db, study, annotator)?,
        })
    }

    fn put(
        &self,
        db: &Connection,
        item: u32,
        action: JudgementAction,
        shown_ms: u64,
    ) -> Result<JudgementRecord, Fault> {
        action.check(item, self.kind)?;
        let (study, annotator) = (self.study, self.annotator.number);
        let is_assigned = db
            .prepare_cached(
                "SELECT 1 FROM study_assignments WHERE study = ? AND annotator = ? AND item = ?",
            )?
            .exists(params![study.0, annotator, item])?;
        if !is_assigned {
            return Err(StoreError::NotAssigned {
                study,
                annotator,
                item,
            }
            .into());
        }
        let last: Option<i64> = db
            .prepare_cached("SELECT max(seq) FROM study_acts WHERE study = ? AND annotator = ?")?
            .query_row(params![study.0, annotator], |row| row.get(0))?;
        let act = JudgementRecord {
            seq: last.unwrap_or(0) as u64 + 1,
            item,
            action,
            shown_ms: shown_ms.min(i64::MAX as u64),
            wall_ms: now_ms(),
        };
        put_act(db, study, &self.uid, &self.annotator, &act, false)?;
        Ok(act)
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

fn put_annotator(db: &Connection, study: StudyId, annotator: &Annotator) -> Result<(), Fault> {
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

/// Stores assignments, each with its page as shown; those of items not in `items` are skipped.
fn put_assignments(
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

/// Inserts a judgement; false if it is already there.
fn put_act(
    db: &Connection,
    study: StudyId,
    uid: &str,
    annotator: &Annotator,
    act: &JudgementRecord,
    late: bool,
) -> Result<bool, Fault> {
    let added = db
        .prepare_cached(
            "INSERT INTO study_acts (study, annotator, id, seq, item, deed_json, shown, wall, late)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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
            late
        ])?;
    Ok(added > 0)
}

fn put_acts(
    db: &Connection,
    study: StudyId,
    number: u32,
    pack: &Pack,
    late: bool,
) -> Result<MergedPack, Fault> {
    let annotator = load::annotator(db, study, number)?;
    let mut added = 0;
    for act in &pack.acts {
        added += usize::from(put_act(db, study, &pack.head.uid, &annotator, act, late)?);
    }
    Ok(MergedPack {
        study,
        annotator: number,
        added,
        known: pack.acts.len() - added,
    })
}
