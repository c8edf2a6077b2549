//! Reads studies.

use super::marks::marks;
use super::returns::seal;
use super::{StudyId, StudyRow, load};
use crate::store::columns::query_all;
use crate::store::error::StoreError;
use crate::store::reader::StoreReader;
use crate::study::pack::Pack;
use crate::study::page::Worklist;
use crate::study::record::Unblinded;
use crate::study::results::{Quality, quality};

impl StoreReader {
    /// All studies, the latest first, with counts of what was judged.
    pub fn list_studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        let sql = "SELECT id FROM studies ORDER BY id DESC";
        let ids = self.read(|db| query_all(db, sql, [], |row| Ok(StudyId(row.get(0)?))))?;
        ids.into_iter().map(|study| self.study(study)).collect()
    }

    /// One study, with counts of what was judged.
    pub fn study(&self, study: StudyId) -> Result<StudyRow, StoreError> {
        self.read(|db| {
            let known = load::known(db, study)?;
            Ok(StudyRow {
                id: study,
                head: known.head,
                marks: marks(db, study)?,
                is_own: known.is_own,
                annotators: load::annotator_rows(db, study)?,
                split_unassigned: load::split_unassigned(db, study)?,
                unblinding: known.unblinding,
            })
        })
    }

    /// One annotator's pages and own answers.
    pub fn worklist(&self, study: StudyId, annotator: u32) -> Result<Worklist, StoreError> {
        self.read(|db| load::worklist(db, study, annotator))
    }

    /// One annotator's pages and judgements as a file to send out or to send back.
    pub fn pack(&self, study: StudyId, annotator: u32) -> Result<Pack, StoreError> {
        self.read(|db| {
            let acts = load::acts(db, study, annotator)?.into_iter();
            let mut pack = Pack {
                head: load::known(db, study)?.head,
                pseudonym: load::annotator(db, study, annotator)?.pseudonym,
                pages: load::pages(db, study, annotator)?,
                acts: acts.map(|one| one.act).collect(),
                seal: None,
            };
            pack.seal = seal(db, study, annotator, &pack)?;
            Ok(pack)
        })
    }

    /// How the annotators of a study work, blind or not; nothing of it depends on whose a response is.
    ///
    /// # Errors
    /// [`StoreError::MadeElsewhere`] if it came as a pack.
    pub fn quality(&self, study: StudyId) -> Result<Quality, StoreError> {
        self.read(|db| Ok(quality(&load::record(db, study)?)))
    }

    /// An unblinded study with everything hidden before.
    ///
    /// # Errors
    /// [`StoreError::StillBlind`]; [`StoreError::MadeElsewhere`] if it came as a pack.
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
