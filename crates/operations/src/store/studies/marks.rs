//! The lead's own name and note of a study, its archive, and deletion in two steps. Annotators see nothing of them.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::{StudyId, load};
use crate::store::error::{Fault, StoreError};
use crate::store::now_ms;
use crate::store::writer::Store;

/// What a lead keeps of a study, besides its title for annotators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StudyMarks {
    /// Empty where the title is name enough.
    pub name: String,
    pub note: String,
    pub archived: bool,
    /// Marked as deleted; nothing is lost before it is deleted for good.
    pub deleted: bool,
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StudyMark {
    Name(String),
    Note(String),
    Archived(bool),
    Deleted(bool),
}

impl Store {
    /// Changes a lead's own mark of a study.
    ///
    /// # Errors
    /// There is no such study.
    pub fn mark_study(&mut self, study: StudyId, mark: &StudyMark) -> Result<(), StoreError> {
        self.write(|db| {
            load::known(db, study)?;
            db.execute(
                "INSERT INTO study_marks (study) VALUES (?) ON CONFLICT DO NOTHING",
                [study.0],
            )?;
            let since = |is: bool| is.then(now_ms);
            let set = |column: &str| format!("UPDATE study_marks SET {column} = ? WHERE study = ?");
            match mark {
                StudyMark::Name(name) => db.execute(&set("name"), params![name.trim(), study.0])?,
                StudyMark::Note(note) => db.execute(&set("note"), params![note.trim(), study.0])?,
                StudyMark::Archived(is) => {
                    db.execute(&set("archived"), params![since(*is), study.0])?
                }
                StudyMark::Deleted(is) => {
                    db.execute(&set("deleted"), params![since(*is), study.0])?
                }
            };
            Ok(())
        })
    }
}

pub(super) fn marks(db: &Connection, study: StudyId) -> Result<StudyMarks, Fault> {
    let sql = "SELECT name, note, archived IS NOT NULL, deleted IS NOT NULL FROM study_marks WHERE study = ?";
    let mut query = db.prepare_cached(sql)?;
    let found = query.query_row([study.0], |row| {
        Ok(StudyMarks {
            name: row.get(0)?,
            note: row.get(1)?,
            archived: row.get(2)?,
            deleted: row.get(3)?,
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}
