//! Studies as they are made, judged, sent, merged and unblinded. Every method is one transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Merged, StudyId, load, role_key};
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::{Store, json};
use crate::study::PackError;
use crate::study::judgement::{JudgementAction, JudgementRecord, last_settled, states};
use crate::study::make::{Annotator, Assignment, Item, NewStudy, Role, adjudicate, page};
use crate::study::pack::Pack;
use crate::study::page::Page;
use crate::study::record::Unblinding;
use crate::study::results::waiting_for_fourth;

impl Store {
    /// Keeps a study that was made.
    pub fn create_study(&mut self, new: &NewStudy) -> Result<StudyId, StoreError> {
        self.write(|db| {
            let definition = json("the definition", new.definition.reveal())?;
            let study = put_study(db, &new.head, Some(&definition))?;
            for annotator in &new.annotators {
                put_annotator(db, study, annotator)?;
            }
            for item in new.items.reveal() {
                db.prepare_cached("INSERT INTO study_items VALUES (?, ?, ?)")?
                    .execute(params![study.0, item.number, json("an item", item)?])?;
            }
            put_assignments(db, study, new.items.reveal(), new.assignments.reveal())?;
            Ok(study)
        })
    }

    /// Records what an annotator did with an item, all of it or nothing: an answer together with the flag
    /// and the comment, say. `shown_ms` is how long the item was in view since it was last recorded. What
    /// comes back is on disk.
    ///
    /// # Errors
    /// The item is not theirs, the answer is of the wrong kind, or the study is unblinded.
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

    /// Takes back the answer or skip that the annotator gave last; none where there is none.
    ///
    /// # Errors
    /// As [`Store::judge`].
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

    /// Names the fourth annotator of a study that has none; gives their number.
    ///
    /// # Errors
    /// There is one, or the study came as a pack.
    pub fn set_adjudicator(&mut self, study: StudyId, name: &str) -> Result<u32, StoreError> {
        self.write(|db| {
            load::definition(db, study)?;
            let everybody = load::annotators(db, study)?;
            if everybody
                .iter()
                .any(|annotator| annotator.role == Role::Adjudicator)
            {
                return Err(StoreError::HasAdjudicator { study }.into());
            }
            let number = everybody
                .iter()
                .map(|annotator| annotator.number)
                .max()
                .unwrap_or(0)
                + 1;
            put_annotator(db, study, &Annotator::new(number, name, Role::Adjudicator))?;
            Ok(number)
        })
    }

    /// Gives the fourth annotator the items on which three differ, those that they do not have yet; says how
    /// many.
    ///
    /// # Errors
    /// There are such items and no fourth annotator, the study is unblinded, or it came as a pack.
    pub fn route_to_adjudicator(&mut self, study: StudyId) -> Result<usize, StoreError> {
        self.write(|db| {
            if load::known(db, study)?.unblinding.is_some() {
                return Err(StoreError::Unblinded { study }.into());
            }
            let record = load::record(db, study)?;
            let waiting: BTreeSet<u32> = waiting_for_fourth(&record).into_iter().collect();
            let fourth = record
                .annotators
                .iter()
                .find(|a| a.role == Role::Adjudicator);
            let Some(fourth) = fourth else {
                return match waiting.is_empty() {
                    true => Ok(0),
                    false => Err(StoreError::NoAdjudicator { study }.into()),
                };
            };
            let given = record
                .assignments
                .iter()
                .filter(|a| a.annotator == fourth.number);
            let given: BTreeSet<u32> = given.map(|assignment| assignment.item).collect();
            let new =
                |item: &&Item| waiting.contains(&item.number) && !given.contains(&item.number);
            let new: Vec<Item> = record.items.iter().filter(new).cloned().collect();
            let seed = record.definition.blinded_seed();
            let assignments = adjudicate(seed, fourth.number, given.len() as u32, &new);
            put_assignments(db, study, &new, &assignments)?;
            Ok(assignments.len())
        })
    }

    /// Takes a pack in to judge it here; the same study grows when a later pack has more pages.
    ///
    /// # Errors
    /// The study was made in this store, or the pack does not go with what came before.
    pub fn open_pack(&mut self, pack: &Pack) -> Result<Merged, StoreError> {
        self.write(|db| {
            let study = match load::by_uid(db, &pack.head.uid)? {
                Some(study) if load::known(db, study)?.is_own => {
                    return Err(StoreError::MadeHere { study }.into());
                }
                Some(study) => study,
                None => put_study(db, &pack.head, None)?,
            };
            let everybody = load::annotators(db, study)?;
            let known = everybody.iter().find(|a| a.pseudonym == pack.pseudonym);
            let number = match known {
                Some(annotator) => annotator.number,
                None => {
                    let number = everybody.len() as u32 + 1;
                    let mut annotator = Annotator::new(number, "", Role::Rater);
                    annotator.pseudonym.clone_from(&pack.pseudonym);
                    put_annotator(db, study, &annotator)?;
                    number
                }
            };
            let mut pages = load::pages(db, study, number)?;
            let before: BTreeSet<u32> = pages.iter().map(|page| page.item).collect();
            let new = pack
                .pages
                .iter()
                .filter(|page| !before.contains(&page.item));
            for (page, position) in new.zip(pages.len() as u32 + 1..) {
                put_page(db, study, number, position, page, None)?;
            }
            pages.extend(
                pack.pages
                    .iter()
                    .filter(|p| !before.contains(&p.item))
                    .cloned(),
            );
            pack.fits(&load::known(db, study)?.head, &pages)?;
            put_acts(db, study, number, pack, false)
        })
    }

    /// Merges a pack that was judged elsewhere into the study that it is of. Doing it again, or merging
    /// several in another order, gives the same. Acts that come in after the unblinding count, and are
    /// marked as late.
    ///
    /// # Errors
    /// The pack is foreign, or shows something else than the study; nothing is merged then.
    pub fn merge_pack(&mut self, pack: &Pack) -> Result<Merged, StoreError> {
        self.write(|db| {
            let study = load::by_uid(db, &pack.head.uid)?.ok_or(PackError::ForeignStudy)?;
            let known = load::known(db, study)?;
            if !known.is_own {
                return Err(PackError::ForeignStudy.into());
            }
            let everybody = load::annotators(db, study)?;
            let annotator = everybody.iter().find(|a| a.pseudonym == pack.pseudonym);
            let annotator = annotator.ok_or_else(|| PackError::ForeignAnnotator {
                pseudonym: pack.pseudonym.clone(),
            })?;
            pack.fits(&known.head, &load::pages(db, study, annotator.number)?)?;
            put_acts(
                db,
                study,
                annotator.number,
                pack,
                known.unblinding.is_some(),
            )
        })
    }

    /// Unblinds a study: an act that is recorded and cannot be taken back. Who it was and why must be said.
    ///
    /// # Errors
    /// Nothing is said, it was done before, or the study came as a pack.
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
                params![study.0, json("the unblinding", &unblinding)?],
            )?;
            Ok(unblinding)
        })
    }
}

/// A study that may be judged, and who judges it.
struct Judging {
    study: StudyId,
    uid: String,
    kind: crate::study::definition::StudyKind,
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
        let mine: Option<i64> = db
            .prepare_cached(
                "SELECT 1 FROM study_assignments WHERE study = ? AND annotator = ? AND item = ?",
            )?
            .query_row(params![study.0, annotator, item], |row| row.get(0))
            .optional()?;
        if mine.is_none() {
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
    head: &crate::study::page::StudyHead,
    definition: Option<&str>,
) -> Result<StudyId, Fault> {
    db.execute(
        "INSERT INTO studies (uid, head_json, added, definition_json) VALUES (?, ?, ?, ?)",
        params![head.uid, json("the head", head)?, now_ms(), definition],
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

/// Writes down who is given what, each page as it will be shown. Items that are not in `items` are not given.
fn put_assignments(
    db: &Connection,
    study: StudyId,
    items: &[Item],
    assignments: &[Assignment],
) -> Result<(), Fault> {
    let by_number: std::collections::BTreeMap<u32, &Item> =
        items.iter().map(|item| (item.number, item)).collect();
    for assignment in assignments {
        if let Some(item) = by_number.get(&assignment.item) {
            let &Assignment {
                annotator,
                position,
                swapped,
                ..
            } = assignment;
            let shown = page(item, swapped);
            put_page(db, study, annotator, position, &shown, Some(swapped))?;
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
        json("a page", page)?,
        swapped
    ])?;
    Ok(())
}

/// Adds an act; false where it is there already.
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
            json("a judgement", &act.action)?,
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
) -> Result<Merged, Fault> {
    let annotator = load::annotator(db, study, number)?;
    let mut added = 0;
    for act in &pack.acts {
        added += usize::from(put_act(db, study, &pack.head.uid, &annotator, act, late)?);
    }
    Ok(Merged {
        study,
        annotator: number,
        added,
        known: pack.acts.len() - added,
    })
}
