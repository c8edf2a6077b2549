//! Studies as they are read.

use super::{StudyId, StudyRow, load};
use crate::store::error::StoreError;
use crate::store::reader::StoreReader;
use crate::study::judgement::JudgementRecord;
use crate::study::pack::Pack;
use crate::study::page::Worklist;
use crate::study::record::Unblinded;

impl StoreReader {
    /// Every study, the latest first, with counts of what was judged.
    pub fn list_studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        let ids: Vec<StudyId> = self.read(|db| {
            let mut query = db.prepare_cached("SELECT id FROM studies ORDER BY id DESC")?;
            let ids = query.query_map([], |row| row.get(0).map(StudyId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })?;
        ids.into_iter().map(|study| self.study(study)).collect()
    }

    /// One study, with counts of what was judged.
    pub fn study(&self, study: StudyId) -> Result<StudyRow, StoreError> {
        self.read(|db| {
            let known = load::known(db, study)?;
            Ok(StudyRow {
                id: study,
                head: known.head,
                is_own: known.is_own,
                annotators: load::annotator_rows(db, study)?,
                unblinding: known.unblinding,
            })
        })
    }

    /// One annotator's pages and own answers; nobody else's.
    pub fn worklist(&self, study: StudyId, annotator: u32) -> Result<Worklist, StoreError> {
        self.read(|db| load::worklist(db, study, annotator))
    }

    /// One annotator's part as a file to send: there before they judge, back afterwards.
    pub fn pack(&self, study: StudyId, annotator: u32) -> Result<Pack, StoreError> {
        self.read(|db| {
            let acts = load::acts(db, study, annotator)?;
            Ok(Pack {
                head: load::known(db, study)?.head,
                pseudonym: load::annotator(db, study, annotator)?.pseudonym,
                pages: load::pages(db, study, annotator)?,
                acts: acts
                    .into_iter()
                    .map(|(act, _): (JudgementRecord, bool)| act)
                    .collect(),
            })
        })
    }

    /// Everything of a study, once it is unblinded.
    ///
    /// # Errors
    /// [`StoreError::StillBlind`] before that; [`StoreError::MadeElsewhere`] for one that came as a pack.
    pub fn unblinded(&self, study: StudyId) -> Result<Unblinded, StoreError> {
        self.read(|db| {
            let known = load::known(db, study)?;
            if !known.is_own {
                return Err(StoreError::MadeElsewhere { study }.into());
            }
            let unblinding = known.unblinding.ok_or(StoreError::StillBlind { study })?;
            Ok(Unblinded {
                record: load::record(db, study)?,
                unblinding,
            })
        })
    }
}
