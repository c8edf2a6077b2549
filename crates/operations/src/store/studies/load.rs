//! Loads parts of a study inside a transaction: head, pages, judgements, the whole record.
//!
//! [`record`] includes what is blinded; only what is about the fourth annotator and unblinded reading call it.

use rusqlite::{Connection, OptionalExtension, params};

use super::standing::standings;
use super::{AnnotatorRow, StudyId, no_study, parse, parse_column, role_key};
use crate::store::columns::query_all;
use crate::store::error::{Fault, StoreError};
use crate::study::definition::{Definition, StudyKind};
use crate::study::judgement::JudgementRecord;
use crate::study::make::{Annotator, Assignment, Item, Role};
use crate::study::page::{Page, StudyHead, Worklist};
use crate::study::record::{Record, RecordedAct, Unblinding};
use crate::study::results;

/// What anyone may know about a study.
pub(super) struct Known {
    pub head: StudyHead,
    pub is_own: bool,
    pub unblinding: Option<Unblinding>,
}

pub(super) fn known(db: &Connection, study: StudyId) -> Result<Known, Fault> {
    let mut query = db.prepare_cached(
        "SELECT head_json, definition_json IS NOT NULL AS is_own, unblinding_json
         FROM studies LEFT JOIN study_unblindings ON study = id WHERE id = ?",
    )?;
    let mut rows = query.query([study.0])?;
    let row = rows.next()?.ok_or_else(|| no_study(db, study))?;
    let unblinding: Option<String> = row.get("unblinding_json")?;
    Ok(Known {
        head: parse_column(study, row, "head_json")?,
        is_own: row.get("is_own")?,
        unblinding: unblinding
            .map(|text| parse("unblinding_json", &text))
            .transpose()?,
    })
}

/// Finds a study by its globally unique id.
pub(super) fn by_uid(db: &Connection, uid: &str) -> Result<Option<StudyId>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM studies WHERE uid = ?")?;
    Ok(query
        .query_row([uid], |row| row.get(0).map(StudyId))
        .optional()?)
}

pub(super) fn annotators(db: &Connection, study: StudyId) -> Result<Vec<Annotator>, Fault> {
    let sql = "SELECT number, pseudonym, name, role FROM study_annotators WHERE study = ? ORDER BY number";
    let mut annotators = query_all(db, sql, [study.0], |row| {
        let key: String = row.get(3)?;
        let roles = [Role::Rater, Role::Adjudicator];
        let role = roles.into_iter().find(|role| role_key(*role) == key);
        Ok(Annotator {
            number: row.get(0)?,
            pseudonym: row.get(1)?,
            name: row.get(2)?,
            role: role.ok_or_else(|| Fault::Unreadable(format!("study {study}, role"), key))?,
            standings: Vec::new(),
        })
    })?;
    for (number, change) in standings(db, study)? {
        let annotator = annotators.iter_mut().find(|one| one.number == number);
        if let Some(annotator) = annotator {
            annotator.standings.push(change);
        }
    }
    Ok(annotators)
}

pub(super) fn annotator(
    db: &Connection,
    study: StudyId,
    annotator: u32,
) -> Result<Annotator, Fault> {
    let mut all = annotators(db, study)?.into_iter();
    all.find(|one| one.number == annotator)
        .ok_or_else(|| StoreError::NoAnnotator { study, annotator }.into())
}

/// An annotator's pages in their order.
pub(super) fn pages(db: &Connection, study: StudyId, annotator: u32) -> Result<Vec<Page>, Fault> {
    let sql = "SELECT page_json FROM study_assignments WHERE study = ? AND annotator = ? ORDER BY position";
    let params = params![study.0, annotator];
    query_all(db, sql, params, |row| parse_column(study, row, "page_json"))
}

/// An annotator's judgements in order, each with how it came in.
pub(super) fn acts(
    db: &Connection,
    study: StudyId,
    annotator: u32,
) -> Result<Vec<RecordedAct>, Fault> {
    let sql = "SELECT seq, item, deed_json, shown, wall, late, counts,
             EXISTS (SELECT 1 FROM study_returns WHERE study_returns.id = came AND edited) AS edited
         FROM study_acts WHERE study = ? AND annotator = ? ORDER BY seq, study_acts.id";
    query_all(db, sql, params![study.0, annotator], |row| {
        let act = JudgementRecord {
            seq: row.get::<_, i64>("seq")? as u64,
            item: row.get("item")?,
            action: parse_column(study, row, "deed_json")?,
            shown_ms: row.get::<_, i64>("shown")? as u64,
            wall_ms: row.get("wall")?,
        };
        Ok(RecordedAct {
            annotator,
            act,
            late: row.get("late")?,
            counts: row.get("counts")?,
            edited: row.get("edited")?,
        })
    })
}

pub(super) fn worklist(db: &Connection, study: StudyId, number: u32) -> Result<Worklist, Fault> {
    let head = known(db, study)?.head;
    let pseudonym = annotator(db, study, number)?.pseudonym;
    let acts = acts(db, study, number)?;
    let pages = pages(db, study, number)?;
    let counted = acts.iter().filter(|one| one.counts);
    let counted = counted.map(|one| &one.act);
    Ok(Worklist::new(head, pseudonym, pages, counted))
}

/// All annotators, with counts only.
pub(super) fn annotator_rows(db: &Connection, study: StudyId) -> Result<Vec<AnnotatorRow>, Fault> {
    let row = |annotator: Annotator| {
        Ok(AnnotatorRow {
            progress: worklist(db, study, annotator.number)?.progress(),
            standing: annotator.standing(),
            number: annotator.number,
            pseudonym: annotator.pseudonym,
            name: annotator.name,
            role: annotator.role,
        })
    };
    annotators(db, study)?.into_iter().map(row).collect()
}

/// How many items of a blind study wait to be given to a fourth annotator, since three differ. A count says nothing of
/// systems. None where the study came as a pack.
pub(super) fn split_unassigned(db: &Connection, study: StudyId) -> Result<usize, Fault> {
    let known = known(db, study)?;
    let is_open = known.is_own && known.unblinding.is_none();
    if !is_open || known.head.kind == StudyKind::Rating {
        return Ok(0);
    }
    Ok(results::split_unassigned(&record(db, study)?).len())
}

/// The blinded definition of a study that was created here.
pub(super) fn definition(db: &Connection, study: StudyId) -> Result<Definition, Fault> {
    let sql = "SELECT definition_json FROM studies WHERE id = ?";
    let text: Option<Option<String>> = db.query_row(sql, [study.0], |row| row.get(0)).optional()?;
    match text {
        None => Err(no_study(db, study)),
        Some(None) => Err(StoreError::MadeElsewhere { study }.into()),
        Some(Some(text)) => parse(&format!("study {study}, definition_json"), &text),
    }
}

fn items(db: &Connection, study: StudyId) -> Result<Vec<Item>, Fault> {
    let sql = "SELECT item_json FROM study_items WHERE study = ? ORDER BY item";
    query_all(db, sql, [study.0], |row| {
        parse_column(study, row, "item_json")
    })
}

fn assignments(db: &Connection, study: StudyId) -> Result<Vec<Assignment>, Fault> {
    let sql = "SELECT annotator, position, item, swapped FROM study_assignments WHERE study = ?
         ORDER BY annotator, position";
    query_all(db, sql, [study.0], |row| {
        Ok(Assignment {
            annotator: row.get(0)?,
            position: row.get(1)?,
            item: row.get(2)?,
            swapped: row.get(3)?,
        })
    })
}

/// The whole record of a study that was created here.
pub(super) fn record(db: &Connection, study: StudyId) -> Result<Record, Fault> {
    let annotators = annotators(db, study)?;
    let mut recorded = Vec::new();
    for &Annotator { number, .. } in &annotators {
        recorded.extend(acts(db, study, number)?);
    }
    Ok(Record {
        head: known(db, study)?.head,
        definition: definition(db, study)?,
        annotators,
        items: items(db, study)?,
        assignments: assignments(db, study)?,
        acts: recorded,
    })
}
