//! Packs that come back to the store that made their study: whether they are as they were sent, and what each brought.
//!
//! Every method is one transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::writer::{Arrival, put_act};
use super::{MergedPack, StudyId, load};
use crate::store::columns::query_all;
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::reader::StoreReader;
use crate::store::writer::Store;
use crate::study::PackError;
use crate::study::history::{ItemState, states};
use crate::study::judgement::{Answer, JudgementAction, JudgementRecord};
use crate::study::make::Annotator;
use crate::study::pack::Pack;
use crate::study::page::StudyHead;
use crate::study::record::RecordedAct;
use crate::study::seal::{Seal, SealKey, SealState};

/// What the lead says of a pack that comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeTerms {
    /// It is taken in although it is not as it was sent, and its judgements are marked.
    pub take_edited: bool,
    /// Judgements that come in after the unblinding count; else they are kept, and do not.
    pub count_late: bool,
}

/// A pack that comes back.
#[derive(Clone, Copy, Debug)]
pub struct PackReturn<'a> {
    pub pack: &'a Pack,
    /// The path by which the lead knows it; without one it has the name that the program gave.
    pub name: Option<&'a str>,
    pub terms: MergeTerms,
}

impl<'a> From<&'a Pack> for PackReturn<'a> {
    fn from(pack: &'a Pack) -> PackReturn<'a> {
        PackReturn {
            pack,
            name: None,
            terms: MergeTerms::default(),
        }
    }
}

/// What the lead has to say a word to before a pack is merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackDoubts {
    /// What is not as it was sent.
    pub edited: Option<String>,
    /// Items with an answer that came after the unblinding and does not count yet.
    pub late: usize,
}

/// Where an answer was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSource {
    /// In this store, by a link, or in a pack that an earlier version merged.
    Here,
    /// In a pack.
    Pack {
        /// Counts what came back; the earliest first.
        id: i64,
        name: String,
        merged_ms: i64,
        edited: bool,
    },
}

/// What one annotator said last of an item at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcedAnswer {
    pub item: u32,
    pub answer: Answer,
    pub source: AnswerSource,
}

/// A pack of a study that was made here.
struct Known {
    study: StudyId,
    head: StudyHead,
    annotator: Annotator,
    is_unblinded: bool,
    seal: SealState,
    /// What is not as it was sent.
    edited: Option<String>,
}

impl Store {
    /// Merges a pack that was judged elsewhere into its study. Merging twice, or several in another order, gives the
    /// same result. Judgements that come in after the unblinding are kept, and count only if the terms say so.
    ///
    /// # Errors
    /// The pack belongs to another study or shows something else, or it is not as it was sent and the terms do not take
    /// it; then nothing is merged.
    pub fn merge_pack<'a>(
        &mut self,
        back: impl Into<PackReturn<'a>>,
    ) -> Result<MergedPack, StoreError> {
        let PackReturn { pack, name, terms } = back.into();
        self.write(|db| {
            let known = recognise(db, pack)?;
            let is_edited = known.edited.is_some();
            if let Some(what) = known.edited.filter(|_| !terms.take_edited) {
                return Err(PackError::Edited { what }.into());
            }
            let own = load::pages(db, known.study, known.annotator.number)?;
            let own: BTreeSet<u32> = own.iter().map(|page| page.item).collect();
            for act in &pack.acts {
                if !own.contains(&act.item) {
                    return Err(PackError::ForeignItem { item: act.item }.into());
                }
                // Of the study's own kind, whatever an edited pack says of itself.
                known.head.check(&act.action, act.item)?;
            }
            let written = pack.file_name();
            db.execute(
                "INSERT INTO study_returns (study, annotator, name, merged, edited) VALUES (?, ?, ?, ?, ?)",
                params![
                    known.study.0,
                    known.annotator.number,
                    name.unwrap_or(&written),
                    now_ms(),
                    is_edited
                ],
            )?;
            let came = db.last_insert_rowid();
            let arrival = Arrival {
                came: Some(came),
                late: known.is_unblinded,
                counts: !known.is_unblinded || terms.count_late,
            };
            let mut merged = put_acts(db, known.study, &known.annotator, pack, arrival)?;
            merged.seal = Some(known.seal);
            merged.late_counted = settle_known(db, &known.annotator, pack, known.study, came, terms)?;
            merged.contested = load::worklist(db, known.study, known.annotator.number)?
                .progress()
                .contested;
            // A pack that brought nothing leaves no trace.
            db.execute(
                "DELETE FROM study_returns WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM study_acts WHERE came = ?1)",
                [came],
            )?;
            Ok(merged)
        })
    }
}

impl StoreReader {
    /// What the lead has to say a word to before this pack is merged; nothing if its study was not made here.
    ///
    /// # Errors
    /// The pack would be refused whatever the lead says.
    pub fn pack_doubts(&self, pack: &Pack) -> Result<PackDoubts, StoreError> {
        self.read(|db| {
            match load::by_uid(db, &pack.head.uid)? {
                Some(study) if load::known(db, study)?.is_own => {}
                _ => return Ok(PackDoubts::default()),
            }
            let known = recognise(db, pack)?;
            let mut late = BTreeSet::new();
            if known.is_unblinded {
                let acts = load::acts(db, known.study, known.annotator.number)?;
                let counted = acts.into_iter().filter(|one| one.counts);
                let counted: Vec<JudgementRecord> = counted.map(|one| one.act).collect();
                let answers = pack.acts.iter().filter(|act| is_answer(&act.action));
                late.extend(
                    answers
                        .filter(|act| !counted.contains(act))
                        .map(|act| act.item),
                );
            }
            Ok(PackDoubts {
                edited: known.edited,
                late: late.len(),
            })
        })
    }

    /// How one annotator's judgements came in.
    pub fn recorded(&self, study: StudyId, annotator: u32) -> Result<Vec<RecordedAct>, StoreError> {
        self.read(|db| load::acts(db, study, annotator))
    }

    /// What one annotator said last of each item at each place, by the order in which these came in.
    pub fn answer_sources(
        &self,
        study: StudyId,
        annotator: u32,
    ) -> Result<Vec<SourcedAnswer>, StoreError> {
        self.read(|db| {
            // Of a group, SQLite gives the row that has the maximum.
            let sql = "SELECT item, deed_json, max(seq), came, name, merged, edited
                 FROM study_acts LEFT JOIN study_returns ON study_returns.id = came
                 WHERE study_acts.study = ? AND study_acts.annotator = ? AND counts
                   AND (deed_json LIKE '{\"answer\"%' OR deed_json IN ('\"skip\"', '\"undo\"'))
                 GROUP BY item, came ORDER BY item, coalesce(came, 0)";
            let said = query_all(db, sql, params![study.0, annotator], |row| {
                let action: JudgementAction = super::parse_column(study, row, "deed_json")?;
                let came: Option<i64> = row.get("came")?;
                let source = match came {
                    None => AnswerSource::Here,
                    Some(id) => AnswerSource::Pack {
                        id,
                        name: row.get("name")?,
                        merged_ms: row.get("merged")?,
                        edited: row.get("edited")?,
                    },
                };
                let JudgementAction::Answer(answer) = action else {
                    return Ok(None);
                };
                Ok(Some(SourcedAnswer {
                    item: row.get("item")?,
                    answer,
                    source,
                }))
            })?;
            Ok(said.into_iter().flatten().collect())
        })
    }
}

/// Seals a pack of a study: with its key if it was made here, else with the seal that came with it.
pub(super) fn seal(
    db: &Connection,
    study: StudyId,
    number: u32,
    pack: &Pack,
) -> Result<Option<Seal>, Fault> {
    if let Some(key) = key(db, study)? {
        let sealed = key.seal(pack);
        let sealed =
            sealed.map_err(|error| Fault::Unreadable("a pack".into(), error.to_string()))?;
        return Ok(Some(sealed));
    }
    let sql = "SELECT seal FROM study_seals WHERE study = ? AND annotator = ?";
    let mut query = db.prepare_cached(sql)?;
    let seal: Option<String> = query
        .query_row(params![study.0, number], |row| row.get(0))
        .optional()?;
    Ok(seal.map(Seal::from_text))
}

/// Keeps the seal that came with a pack, or forgets an older one.
pub(super) fn keep_seal(
    db: &Connection,
    study: StudyId,
    number: u32,
    seal: Option<&Seal>,
) -> Result<(), Fault> {
    let sql = "DELETE FROM study_seals WHERE study = ? AND annotator = ?";
    db.execute(sql, params![study.0, number])?;
    if let Some(seal) = seal {
        let sql = "INSERT INTO study_seals (study, annotator, seal) VALUES (?, ?, ?)";
        db.execute(sql, params![study.0, number, seal.text()])?;
    }
    Ok(())
}

pub(super) fn put_key(db: &Connection, study: StudyId, key: &SealKey) -> Result<(), Fault> {
    let sql = "INSERT INTO study_keys (study, key) VALUES (?, ?)";
    db.execute(sql, params![study.0, key.text()])?;
    Ok(())
}

fn key(db: &Connection, study: StudyId) -> Result<Option<SealKey>, Fault> {
    let mut query = db.prepare_cached("SELECT key FROM study_keys WHERE study = ?")?;
    let text: Option<String> = query.query_row([study.0], |row| row.get(0)).optional()?;
    let read = |text: String| {
        // Its text is in no error.
        let unreadable = || Fault::Unreadable(format!("study {study}, key"), "it is no key".into());
        SealKey::from_text(&text).ok_or_else(unreadable)
    };
    text.map(read).transpose()
}

/// Finds the study and the annotator of a pack, and whether it is as it was sent.
fn recognise(db: &Connection, pack: &Pack) -> Result<Known, Fault> {
    let study = load::by_uid(db, &pack.head.uid)?.ok_or(PackError::ForeignStudy)?;
    let known = load::known(db, study)?;
    if !known.is_own {
        return Err(PackError::ForeignStudy.into());
    }
    let annotators = load::annotators(db, study)?;
    let annotator = annotators.iter().find(|a| a.pseudonym == pack.pseudonym);
    let annotator = annotator
        .cloned()
        .ok_or_else(|| PackError::ForeignAnnotator {
            pseudonym: pack.pseudonym.clone(),
        })?;
    let pages = load::pages(db, study, annotator.number)?;
    let (seal, edited) = match key(db, study)? {
        Some(key) if !key.is_whole(pack) => {
            let everyone: Vec<String> = annotators.into_iter().map(|a| a.pseudonym).collect();
            let what = key.differences(pack, &known.head, &pages, &everyone);
            (SealState::Edited, Some(what))
        }
        key => {
            pack.check_matches(&known.head, &pages)?;
            let state = key.map_or(SealState::Unsealed, |_| SealState::Sealed);
            (state, None)
        }
    };
    Ok(Known {
        study,
        head: known.head,
        annotator,
        is_unblinded: known.unblinding.is_some(),
        seal,
        edited,
    })
}

/// What a merge changes in judgements that were there: late ones count once the lead says so, and one that comes again
/// in a pack as it was sent is not marked any longer. Returns how many items have a late answer that counts now.
fn settle_known(
    db: &Connection,
    annotator: &Annotator,
    pack: &Pack,
    study: StudyId,
    came: i64,
    terms: MergeTerms,
) -> Result<usize, Fault> {
    let mut counted = BTreeSet::new();
    for act in &pack.acts {
        let id = act.id(&pack.head.uid, &annotator.pseudonym).0;
        let place = params![study.0, annotator.number, id, came];
        db.prepare_cached(
            "UPDATE study_acts SET came = ?4 WHERE study = ?1 AND annotator = ?2 AND id = ?3
             AND EXISTS (SELECT 1 FROM study_returns WHERE study_returns.id = study_acts.came AND edited)
             AND EXISTS (SELECT 1 FROM study_returns WHERE study_returns.id = ?4 AND NOT edited)",
        )?
        .execute(place)?;
        if terms.count_late {
            let sql = "UPDATE study_acts SET counts = 1 WHERE study = ? AND annotator = ? AND id = ? AND NOT counts";
            let mut update = db.prepare_cached(sql)?;
            let changed = update.execute(params![study.0, annotator.number, id])?;
            if changed > 0 && is_answer(&act.action) {
                counted.insert(act.item);
            }
        }
    }
    Ok(counted.len())
}

fn is_answer(action: &JudgementAction) -> bool {
    matches!(action, JudgementAction::Answer(_))
}

/// Records the judgements of a pack that are not there yet.
pub(super) fn put_acts(
    db: &Connection,
    study: StudyId,
    annotator: &Annotator,
    pack: &Pack,
    arrival: Arrival,
) -> Result<MergedPack, Fault> {
    let uid = &pack.head.uid;
    let mut added: Vec<&JudgementRecord> = Vec::new();
    for act in &pack.acts {
        if put_act(db, study, uid, annotator, act, arrival)? {
            added.push(act);
        }
    }
    let states = states(uid, &pack.pseudonym, &pack.acts);
    // An answer that was taken back counts as none, one that was given again as one.
    let items = |is: fn(&JudgementAction) -> bool, holds: fn(&ItemState) -> bool| {
        let new = added.iter().filter(|act| is(&act.action));
        let new: BTreeSet<u32> = new.map(|act| act.item).collect();
        let held = |item: &&u32| states.get(*item).is_some_and(holds);
        new.iter().filter(held).count()
    };
    let is_answered = |state: &ItemState| state.answer.is_some() || !state.contested.is_empty();
    let new_answers = items(is_answer, is_answered);
    let contested = load::worklist(db, study, annotator.number)?
        .progress()
        .contested;
    Ok(MergedPack {
        study,
        annotator: annotator.number,
        added: added.len(),
        known: pack.acts.len() - added.len(),
        new_answers,
        known_answers: states.values().filter(|s| is_answered(s)).count() - new_answers,
        flags: items(
            |act| matches!(act, JudgementAction::Flag(_)),
            |state| state.flagged,
        ),
        comments: items(
            |act| matches!(act, JudgementAction::Comment(_)),
            |state| !state.comment.is_empty(),
        ),
        contested,
        seal: None,
        is_late: arrival.late,
        late_left_out: if arrival.counts { 0 } else { new_answers },
        late_counted: 0,
    })
}
