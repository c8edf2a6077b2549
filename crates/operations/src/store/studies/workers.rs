//! People who come from a crowd platform: who has which place, how far each is, and the times that pay depends on.
//!
//! Their ids are here alone, apart from judgements, and can be forgotten.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::links::{LinkId, OpenLink};
use super::{StudyId, load};
use crate::store::columns::query_all;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::reader::StoreReader;
use crate::store::writer::Store;
use crate::study::make::Role;
use crate::study::standing::Standing;

/// The link by which all workers of a study come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    pub study: StudyId,
    pub secret: String,
    pub expires_ms: i64,
}

/// What a platform says of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlatformIds {
    pub worker: String,
    pub study: String,
    pub session: String,
}

/// How far a worker is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkerState {
    pub consented_ms: Option<i64>,
    /// Tries at the comprehension check.
    pub tries: u32,
    pub passed_ms: Option<i64>,
    /// Practice items that are done.
    pub practised: u32,
    pub finished_ms: Option<i64>,
    pub left: Option<Leaving>,
}

/// Why a worker does not judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// Did not consent.
    Declined,
    /// Failed the comprehension check.
    ScreenedOut,
}

impl Leaving {
    const fn key(self) -> &'static str {
        match self {
            Leaving::Declined => "declined",
            Leaving::ScreenedOut => "screened_out",
        }
    }

    /// As the store has it.
    pub(super) fn read(key: Option<String>) -> Result<Option<Leaving>, Fault> {
        let known = |key: String| {
            let mut all = [Leaving::Declined, Leaving::ScreenedOut].into_iter();
            let found = all.find(|one| one.key() == key);
            found.ok_or_else(|| Fault::Unreadable("why a worker left".to_string(), key))
        };
        key.map(known).transpose()
    }
}

/// A worker in the list of workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerRow {
    #[serde(flatten)]
    pub ids: PlatformIds,
    pub link: LinkId,
    /// Whose place they have or had.
    pub pseudonym: String,
    pub arrived_ms: i64,
    #[serde(flatten)]
    pub state: WorkerState,
    pub answered: usize,
    pub assigned: usize,
    /// The time in view of all items.
    pub shown_ms: u64,
}

/// What a worker did before the first item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerStep {
    Consent(bool),
    /// Tried the comprehension check, and passed it or not; the second try decides.
    Check {
        passed: bool,
        tries: u32,
    },
    Practised,
}

impl Store {
    /// Makes the entrance of a study, in place of an earlier one.
    ///
    /// # Errors
    /// There is no such study.
    pub fn make_entrance(
        &mut self,
        study: StudyId,
        token_sha256: &str,
        secret: &str,
        expires_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            load::known(db, study)?;
            db.execute(
                "INSERT INTO study_entrances (study, token_sha256, secret, made, expires) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (study) DO UPDATE SET token_sha256 = excluded.token_sha256,
                     secret = excluded.secret, made = excluded.made, expires = excluded.expires",
                params![study.0, token_sha256, secret, now_ms(), expires_ms],
            )?;
            Ok(())
        })
    }

    /// Gives a worker a place: a rater whom nobody else is and who has judged nothing. Whoever had one keeps it, under the
    /// same token. False if every place is taken.
    ///
    /// # Errors
    /// The study is gone.
    pub fn admit_worker(
        &mut self,
        entrance: &Entrance,
        ids: &PlatformIds,
        token_sha256: &str,
        secret: &str,
    ) -> Result<bool, StoreError> {
        let study = entrance.study;
        self.write(|db| {
            let known = "SELECT 1 FROM study_links WHERE token_sha256 = ?";
            if db.prepare_cached(known)?.exists([token_sha256])? {
                return Ok(true);
            }
            let mut free = None;
            for annotator in load::annotators(db, study)? {
                if annotator.role == Role::Rater
                    && annotator.standing() == Standing::Judging
                    && is_free(db, study, annotator.number)? {
                    free = Some(annotator.number);
                    break;
                }
            }
            let Some(number) = free else { return Ok(false) };
            db.execute(
                "INSERT INTO study_links (study, annotator, token_sha256, secret, made, expires)
                 VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    study.0,
                    number,
                    token_sha256,
                    secret,
                    now_ms(),
                    entrance.expires_ms
                ],
            )?;
            db.execute(
                "INSERT INTO study_workers (link, worker, platform_study, session, arrived, tries, practised)
                 VALUES (?, ?, ?, ?, ?, 0, 0)",
                params![
                    db.last_insert_rowid(),
                    ids.worker,
                    ids.study,
                    ids.session,
                    now_ms()
                ],
            )?;
            Ok(true)
        })
    }

    /// Records what a worker did before the first item, once under each key.
    ///
    /// # Errors
    /// The link is no worker's, or was revoked or has expired.
    pub fn step_worker(
        &mut self,
        link: &OpenLink,
        key: &str,
        step: WorkerStep,
    ) -> Result<(), StoreError> {
        let now = now_ms();
        self.once(link, key, |db, _| {
            let column = match step {
                WorkerStep::Consent(true) => "consented = coalesce(consented, ?1)",
                WorkerStep::Consent(false) => {
                    "left_at = coalesce(left_at, ?1), why_left = coalesce(why_left, 'declined')"
                }
                WorkerStep::Check { passed: true, .. } => {
                    "tries = tries + 1, passed = coalesce(passed, ?1)"
                }
                WorkerStep::Check { .. } => "tries = tries + 1",
                WorkerStep::Practised => "practised = practised + 1",
            };
            let sql = format!("UPDATE study_workers SET {column} WHERE link = ?2");
            let changed = db.execute(&sql, params![now, link.link.0])?;
            if changed == 0 {
                return Err(StoreError::DeadLink.into());
            }
            if let WorkerStep::Check {
                passed: false,
                tries,
            } = step
            {
                let sql = "UPDATE study_workers SET left_at = ?1, why_left = 'screened_out'
                     WHERE link = ?2 AND tries >= ?3 AND passed IS NULL AND left_at IS NULL";
                db.execute(sql, params![now, link.link.0, tries])?;
            }
            Ok(Vec::new())
        })?;
        Ok(())
    }

    /// Records when a worker had judged everything, the first time.
    pub fn finish_worker(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.write(|db| {
            let sql = "UPDATE study_workers SET finished = coalesce(finished, ?) WHERE link = ?";
            db.execute(sql, params![now_ms(), link.0])?;
            Ok(())
        })
    }

    /// Forgets the ids that a platform gave to a study's workers; returns of how many.
    ///
    /// # Errors
    /// There is no such study.
    pub fn forget_workers(&mut self, study: StudyId) -> Result<usize, StoreError> {
        self.write(|db| {
            load::known(db, study)?;
            Ok(db.execute(
                "UPDATE study_workers SET worker = '', platform_study = '', session = ''
                 WHERE worker <> '' AND link IN (SELECT id FROM study_links WHERE study = ?)",
                [study.0],
            )?)
        })
    }
}

impl StoreReader {
    /// The entrance with this digest of a token, if it is open now.
    pub fn entrance(&self, token_sha256: &str) -> Result<Option<Entrance>, StoreError> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT study, secret, expires FROM study_entrances WHERE token_sha256 = ? AND expires > ?",
            )?;
            let entrance = |row: &Row<'_>| {
                Ok(Entrance {
                    study: StudyId(row.get(0)?),
                    secret: row.get(1)?,
                    expires_ms: row.get(2)?,
                })
            };
            let found = query.query_row(params![token_sha256, now_ms()], entrance);
            Ok(found.optional()?)
        })
    }

    /// Whether a study's entrance is open.
    pub fn has_entrance(&self, study: StudyId) -> Result<bool, StoreError> {
        self.read(|db| {
            let sql = "SELECT 1 FROM study_entrances WHERE study = ? AND expires > ?";
            Ok(db.prepare_cached(sql)?.exists(params![study.0, now_ms()])?)
        })
    }

    /// How far the worker of a link is; `None` if nobody came by it from a platform.
    pub fn worker(&self, link: LinkId) -> Result<Option<WorkerState>, StoreError> {
        self.read(|db| {
            let sql =
                "SELECT consented, tries, passed, practised, finished, why_left FROM study_workers
                 WHERE link = ?";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([link.0])?;
            rows.next()?.map(|row| state(row, 0)).transpose()
        })
    }

    /// All who came from a platform, in the order in which they came.
    ///
    /// # Errors
    /// There is no such study.
    pub fn workers(&self, study: StudyId) -> Result<Vec<WorkerRow>, StoreError> {
        let annotators = self.study(study)?.annotators;
        self.read(|db| {
            let sql = "SELECT link, annotator, worker, platform_study, session, arrived,
                     consented, tries, passed, practised, finished, why_left,
                     (SELECT coalesce(sum(shown), 0) FROM study_acts AS act
                      WHERE act.study = study_links.study AND act.annotator = study_links.annotator)
                 FROM study_workers JOIN study_links ON id = link WHERE study = ? ORDER BY link";
            query_all(db, sql, [study.0], |row| {
                let number: u32 = row.get(1)?;
                let annotator = annotators.iter().find(|one| one.number == number);
                let annotator = annotator.ok_or(StoreError::NoAnnotator {
                    study,
                    annotator: number,
                })?;
                let state = state(row, 6)?;
                // A place that was left is another's.
                let (progress, shown) = match state.left {
                    None => (annotator.progress, row.get::<_, i64>(12)? as u64),
                    Some(_) => Default::default(),
                };
                Ok(WorkerRow {
                    link: LinkId(row.get(0)?),
                    pseudonym: annotator.pseudonym.clone(),
                    ids: PlatformIds {
                        worker: row.get(2)?,
                        study: row.get(3)?,
                        session: row.get(4)?,
                    },
                    arrived_ms: row.get(5)?,
                    answered: progress.answered,
                    assigned: progress.assigned,
                    shown_ms: shown,
                    state,
                })
            })
        })
    }
}

/// The state from the column `first` on.
fn state(row: &Row<'_>, first: usize) -> Result<WorkerState, Fault> {
    Ok(WorkerState {
        consented_ms: row.get(first)?,
        tries: row.get(first + 1)?,
        passed_ms: row.get(first + 2)?,
        practised: row.get(first + 3)?,
        finished_ms: row.get(first + 4)?,
        left: Leaving::read(row.get(first + 5)?)?,
    })
}

/// Whether a place is nobody's: no open link leads to it but of one who left, and nothing was judged.
fn is_free(db: &Connection, study: StudyId, annotator: u32) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM study_acts WHERE study = ?1 AND annotator = ?2)
             OR EXISTS (SELECT 1 FROM study_links LEFT JOIN study_workers ON link = id
                        WHERE study = ?1 AND annotator = ?2 AND revoked IS NULL AND expires > ?3
                          AND left_at IS NULL)";
    let taken: bool = db
        .prepare_cached(sql)?
        .query_row(params![study.0, annotator, now_ms()], |row| row.get(0))?;
    Ok(!taken)
}
