//! Records judgements: answers, undos, and decisions between places. Every method is one transaction.

use rusqlite::{Connection, params};

use super::writer::{Arrival, put_act};
use super::{StudyId, load};
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::Store;
use crate::study::history::{self, Decision, ItemState, last_settled, states};
use crate::study::judgement::{JudgementAction, JudgementRecord};
use crate::study::make::Annotator;
use crate::study::page::StudyHead;
use crate::study::standing::Standing;

impl Store {
    /// Records an annotator's actions on an item, all or none: an answer with a flag and a comment, say.
    /// `shown_ms` is the time in view since the last record. What is returned is on disk.
    ///
    /// `known` is the number of the annotator's records that they had in view ([`Worklist::known`]).
    ///
    /// # Errors
    /// The item is not assigned to them, the answer is of the wrong kind, or the study is unblinded; or something of
    /// theirs was recorded elsewhere since.
    ///
    /// [`Worklist::known`]: crate::study::page::Worklist::known
    pub fn judge(
        &mut self,
        study: StudyId,
        annotator: u32,
        known: usize,
        item: u32,
        actions: &[JudgementAction],
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, StoreError> {
        self.write(|db| {
            let judging = Judging::open(db, study, annotator)?;
            judging.judge(db, known, item, actions, shown_ms)
        })
    }

    /// Undoes the annotator's last answer or skip; nothing if there is none. `known` is as of [`Store::judge`].
    ///
    /// # Errors
    /// The study is unblinded, or something of theirs was recorded elsewhere since.
    pub fn undo(
        &mut self,
        study: StudyId,
        annotator: u32,
        known: usize,
    ) -> Result<Vec<JudgementRecord>, StoreError> {
        self.write(|db| Judging::open(db, study, annotator)?.undo(db, known))
    }

    /// Decides which answers count, or that neither does, of items that one annotator answered differently at several
    /// places: of all these items or of none.
    ///
    /// # Errors
    /// An item was not answered so; the study is unblinded, so that the choice would not be blind, or it came as a
    /// pack.
    pub fn decide<D: Copy + Into<Decision>>(
        &mut self,
        study: StudyId,
        annotator: u32,
        decisions: &[(u32, D)],
    ) -> Result<(), StoreError> {
        self.write(|db| {
            load::definition(db, study)?;
            let judging = Judging::open(db, study, annotator)?;
            let pseudonym = &judging.annotator.pseudonym;
            for &(item, decision) in decisions {
                let acts = load::acts(db, study, annotator)?;
                let acts = acts.iter().map(|one| &one.act);
                let action = history::decide(&judging.head.uid, pseudonym, acts, item, decision);
                let action = action.ok_or_else(|| StoreError::NotContested {
                    study,
                    item,
                    pseudonym: pseudonym.clone(),
                })?;
                judging.put(db, item, action, 0)?;
            }
            Ok(())
        })
    }
}

/// A study that can be judged, and its annotator.
pub(super) struct Judging {
    study: StudyId,
    head: StudyHead,
    annotator: Annotator,
}

impl Judging {
    pub(super) fn open(db: &Connection, study: StudyId, annotator: u32) -> Result<Judging, Fault> {
        let known = load::known(db, study)?;
        if known.unblinding.is_some() {
            return Err(StoreError::Unblinded { study }.into());
        }
        Ok(Judging {
            study,
            head: known.head,
            annotator: load::annotator(db, study, annotator)?,
        })
    }

    /// As [`Store::judge`], within a transaction.
    pub(super) fn judge(
        &self,
        db: &Connection,
        known: usize,
        item: u32,
        actions: &[JudgementAction],
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, Fault> {
        self.check_standing()?;
        self.check_known(db, known)?;
        let mut recorded = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            let shown_ms = if at == 0 { shown_ms } else { 0 };
            recorded.extend(self.put(db, item, action.clone(), shown_ms)?);
        }
        Ok(recorded)
    }

    /// As [`Store::undo`], within a transaction.
    pub(super) fn undo(
        &self,
        db: &Connection,
        known: usize,
    ) -> Result<Vec<JudgementRecord>, Fault> {
        self.check_standing()?;
        self.check_known(db, known)?;
        let acts = load::acts(db, self.study, self.annotator.number)?;
        let acts = acts.iter().map(|one| &one.act);
        let states = states(&self.head.uid, &self.annotator.pseudonym, acts);
        match last_settled(&states) {
            Some(item) => self.put(db, item, JudgementAction::Undo, 0),
            None => Ok(Vec::new()),
        }
    }

    /// Checks that the annotator is neither paused nor excluded.
    fn check_standing(&self) -> Result<(), Fault> {
        let (study, pseudonym) = (self.study, self.annotator.pseudonym.clone());
        match self.annotator.standing() {
            Standing::Judging => Ok(()),
            Standing::Paused => Err(StoreError::Paused { study, pseudonym }.into()),
            Standing::Excluded => Err(StoreError::Excluded { study, pseudonym }.into()),
        }
    }

    /// Checks that the annotator has only the `known` records: who judges must have the others in view first.
    fn check_known(&self, db: &Connection, known: usize) -> Result<(), Fault> {
        let (study, annotator) = (self.study, self.annotator.number);
        let recorded: i64 = db
            .prepare_cached("SELECT count(*) FROM study_acts WHERE study = ? AND annotator = ?")?
            .query_row(params![study.0, annotator], |row| row.get(0))?;
        match recorded == known as i64 {
            true => Ok(()),
            false => Err(StoreError::JudgedElsewhere {
                study,
                pseudonym: self.annotator.pseudonym.clone(),
            }
            .into()),
        }
    }

    /// Records an action. What it replaces of other places' judgements is overruled first.
    fn put(
        &self,
        db: &Connection,
        item: u32,
        action: JudgementAction,
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, Fault> {
        self.head.check(&action, item)?;
        let mut recorded = Vec::new();
        if action.settles() && has_fork(db, self.study, self.annotator.number)? {
            let acts = load::acts(db, self.study, self.annotator.number)?;
            let acts = acts.iter().map(|one| &one.act);
            let states = states(&self.head.uid, &self.annotator.pseudonym, acts);
            if let Some(overrule) = states.get(&item).and_then(ItemState::overrule) {
                recorded.push(self.put_one(db, item, overrule, 0)?);
            }
        }
        recorded.push(self.put_one(db, item, action, shown_ms)?);
        Ok(recorded)
    }

    fn put_one(
        &self,
        db: &Connection,
        item: u32,
        action: JudgementAction,
        shown_ms: u64,
    ) -> Result<JudgementRecord, Fault> {
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
        let seq = last.unwrap_or(0).checked_add(1).ok_or_else(|| {
            let place = format!("the numbers of judgements in study {study}");
            Fault::Unreadable(place, "the last has no next".to_string())
        })?;
        let act = JudgementRecord {
            seq: seq as u64,
            item,
            action,
            shown_ms: shown_ms.min(i64::MAX as u64),
            wall_ms: now_ms(),
        };
        put_act(
            db,
            study,
            &self.head.uid,
            &self.annotator,
            &act,
            Arrival::HERE,
        )?;
        Ok(act)
    }
}

/// Whether two records have the same number, so that they come from two places.
fn has_fork(db: &Connection, study: StudyId, annotator: u32) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM study_acts WHERE study = ? AND annotator = ? GROUP BY seq HAVING count(*) > 1 LIMIT 1";
    let mut query = db.prepare_cached(sql)?;
    Ok(query.exists(params![study.0, annotator])?)
}
