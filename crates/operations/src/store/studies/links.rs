//! Links by which annotators judge in a browser: who may, until when, and what came by each.
//!
//! Of a token only its digest is here. What is judged by a link is judged by the same steps as in the window.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::judging::Judging;
use super::workers::Leaving;
use super::{AnnotatorRow, StudyId, load};
use crate::store::columns::query_all;
use crate::store::error::{Fault, StoreError};
use crate::store::reader::StoreReader;
use crate::store::writer::Store;
use crate::store::{ParseIdError, now_ms};
use crate::study::judgement::{JudgementAction, JudgementRecord};
use crate::study::standing::Standing;

/// A link's number, never reused in this store. It opens nothing: the token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkId(pub i64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LinkId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        crate::store::id::number(text)
            .filter(|id| *id > 0)
            .map(LinkId)
            .ok_or_else(|| ParseIdError::Link(text.to_string()))
    }
}

/// A link that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    pub annotator: u32,
    /// SHA-256 of the token, in hexadecimal.
    pub token_sha256: String,
    /// Random; makes the names of items on the link's pages.
    pub secret: String,
    /// In milliseconds since the Unix epoch.
    pub expires_ms: i64,
}

/// A link in the list of links.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkRow {
    pub link: LinkId,
    pub annotator: AnnotatorRow,
    pub made_ms: i64,
    pub expires_ms: i64,
    /// When somebody was last here by it.
    pub seen_ms: Option<i64>,
    pub revoked_ms: Option<i64>,
    /// Why who came by it from a crowd platform does not judge; then the place is another's.
    pub left: Option<Leaving>,
}

impl LinkRow {
    /// Whether somebody can still judge by it.
    pub fn is_open(&self, now_ms: i64) -> bool {
        self.revoked_ms.is_none() && self.left.is_none() && now_ms < self.expires_ms
    }
}

/// A link that opens a study for an annotator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLink {
    pub link: LinkId,
    pub study: StudyId,
    pub annotator: u32,
    pub secret: String,
}

/// How much of an annotator's work is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorklistStamp {
    pub pages: usize,
    pub acts: usize,
    /// Whether the study is unblinded, which ended its judging.
    pub is_over: bool,
    pub standing: Standing,
}

/// What became of something sent by a link.
#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// It is recorded now.
    New(Vec<JudgementRecord>),
    /// It was recorded when it was sent before, of this item; `None` if there was nothing to undo.
    Before(Option<u32>),
}

impl Store {
    /// Makes links, each in place of the annotator's open ones, which are revoked.
    ///
    /// # Errors
    /// There is no such study or annotator, or the study is unblinded; then none is made.
    pub fn make_links(
        &mut self,
        study: StudyId,
        links: &[NewLink],
    ) -> Result<Vec<LinkId>, StoreError> {
        let now = now_ms();
        self.write(|db| {
            let mut made = Vec::new();
            for link in links {
                Judging::open(db, study, link.annotator)?;
                db.prepare_cached(
                    "UPDATE study_links SET revoked = ?
                     WHERE study = ? AND annotator = ? AND revoked IS NULL",
                )?
                .execute(params![now, study.0, link.annotator])?;
                db.prepare_cached(
                    "INSERT INTO study_links (study, annotator, token_sha256, secret, made, expires)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    study.0,
                    link.annotator,
                    link.token_sha256,
                    link.secret,
                    now,
                    link.expires_ms
                ])?;
                made.push(LinkId(db.last_insert_rowid()));
            }
            Ok(made)
        })
    }

    /// Revokes a link: from now on it opens nothing. What was judged by it stays.
    ///
    /// # Errors
    /// The study has no such link.
    pub fn revoke_link(&mut self, study: StudyId, link: LinkId) -> Result<(), StoreError> {
        let now = now_ms();
        self.write(|db| {
            load::known(db, study)?;
            let changed = db.execute(
                "UPDATE study_links SET revoked = coalesce(revoked, ?) WHERE study = ? AND id = ?",
                params![now, study.0, link.0],
            )?;
            match changed {
                0 => Err(StoreError::NoLink { study, link }.into()),
                _ => Ok(()),
            }
        })
    }

    /// Records that somebody is here by a link.
    pub fn see_link(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.write(|db| seen(db, link))
    }

    /// As [`Store::judge`], by a link and under a key: what was recorded under it is not recorded again.
    ///
    /// # Errors
    /// As [`Store::judge`]; or the link was revoked or has expired since.
    pub fn judge_by_link(
        &mut self,
        link: &OpenLink,
        key: &str,
        known: usize,
        item: u32,
        action: &JudgementAction,
        shown_ms: u64,
    ) -> Result<Receipt, StoreError> {
        self.once(link, key, |db, judging| {
            judging.judge(db, known, item, std::slice::from_ref(action), shown_ms)
        })
    }

    /// As [`Store::undo`], by a link and under a key.
    ///
    /// # Errors
    /// As [`Store::undo`]; or the link was revoked or has expired since.
    pub fn undo_by_link(
        &mut self,
        link: &OpenLink,
        key: &str,
        known: usize,
    ) -> Result<Receipt, StoreError> {
        self.once(link, key, |db, judging| judging.undo(db, known))
    }

    pub(super) fn once(
        &mut self,
        link: &OpenLink,
        key: &str,
        record: impl FnOnce(&Connection, &Judging) -> Result<Vec<JudgementRecord>, Fault>,
    ) -> Result<Receipt, StoreError> {
        self.write(|db| {
            let before: Option<Option<u32>> = db
                .prepare_cached("SELECT item FROM study_receipts WHERE link = ? AND key = ?")?
                .query_row(params![link.link.0, key], |row| row.get(0))
                .optional()?;
            if let Some(item) = before {
                return Ok(Receipt::Before(item));
            }
            let still =
                "SELECT 1 FROM study_links WHERE id = ? AND revoked IS NULL AND expires > ?";
            let mut still = db.prepare_cached(still)?;
            if !still.exists(params![link.link.0, now_ms()])? {
                return Err(StoreError::DeadLink.into());
            }
            let judging = Judging::open(db, link.study, link.annotator)?;
            let records = record(db, &judging)?;
            db.prepare_cached("INSERT INTO study_receipts VALUES (?, ?, ?, ?)")?
                .execute(params![
                    link.link.0,
                    key,
                    records.last().map(|record| record.item),
                    now_ms()
                ])?;
            seen(db, link.link)?;
            Ok(Receipt::New(records))
        })
    }
}

impl StoreReader {
    /// All links of a study, by annotator and the latest last.
    ///
    /// # Errors
    /// There is no such study.
    pub fn links(&self, study: StudyId) -> Result<Vec<LinkRow>, StoreError> {
        let annotators = self.study(study)?.annotators;
        self.read(|db| {
            let sql = "SELECT id, annotator, made, expires, seen, revoked, why_left
                 FROM study_links LEFT JOIN study_workers ON link = id
                 WHERE study = ? ORDER BY annotator, id";
            query_all(db, sql, [study.0], |row| {
                let number: u32 = row.get("annotator")?;
                let annotator = annotators.iter().find(|one| one.number == number);
                let annotator = annotator.cloned().ok_or(StoreError::NoAnnotator {
                    study,
                    annotator: number,
                })?;
                Ok(LinkRow {
                    link: LinkId(row.get("id")?),
                    annotator,
                    made_ms: row.get("made")?,
                    expires_ms: row.get("expires")?,
                    seen_ms: row.get("seen")?,
                    revoked_ms: row.get("revoked")?,
                    left: Leaving::read(row.get("why_left")?)?,
                })
            })
        })
    }

    /// The link with this digest of a token, if it opens a study now.
    pub fn open_link(&self, token_sha256: &str) -> Result<Option<OpenLink>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT id, study, annotator, secret FROM study_links
                 WHERE token_sha256 = ? AND revoked IS NULL AND expires > ?",
            )?;
            let link = |row: &Row<'_>| {
                Ok(OpenLink {
                    link: LinkId(row.get(0)?),
                    study: StudyId(row.get(1)?),
                    annotator: row.get(2)?,
                    secret: row.get(3)?,
                })
            };
            let found = query.query_row(params![token_sha256, now_ms()], link);
            Ok(found.optional()?)
        })
    }

    /// What tells whether a worklist that was read is still all of it, and whether it can still be judged.
    ///
    /// # Errors
    /// There is no such study.
    pub fn worklist_stamp(
        &self,
        study: StudyId,
        annotator: u32,
    ) -> Result<WorklistStamp, StoreError> {
        let sql =
            "SELECT (SELECT count(*) FROM study_assignments WHERE study = ?1 AND annotator = ?2),
                          (SELECT count(*) FROM study_acts WHERE study = ?1 AND annotator = ?2)";
        self.read(|db| {
            let is_over = load::known(db, study)?.unblinding.is_some();
            let standing = load::annotator(db, study, annotator)?.standing();
            let mut query = db.prepare_cached(sql)?;
            Ok(query.query_row(params![study.0, annotator], |row| {
                Ok(WorklistStamp {
                    pages: row.get::<_, i64>(0)? as usize,
                    acts: row.get::<_, i64>(1)? as usize,
                    is_over,
                    standing,
                })
            })?)
        })
    }
}

fn seen(db: &Connection, link: LinkId) -> Result<(), Fault> {
    db.prepare_cached("UPDATE study_links SET seen = ? WHERE id = ?")?
        .execute(params![now_ms(), link.0])?;
    Ok(())
}
