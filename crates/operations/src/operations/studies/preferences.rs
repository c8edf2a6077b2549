//! Preference pairs of an unblinded A/B test: as a file, which TRL reads too, and as a data set that DPO learns from.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::data::preferences::trl_rows;
use crate::operations::exports::{write_judgements, write_numbered};
use crate::operations::{OperationError, data};
use crate::store::{StoreReader, StudyId};
use crate::study::arrivals::Arrivals;
use crate::study::preferences::{StudyPreferences, preferences};

/// Preference pairs that were written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenPreferences {
    pub file: PathBuf,
    pub pairs: usize,
    /// Items that ended as a tie.
    pub ties: usize,
    /// Items with missing votes, or on which annotators differ.
    pub undecided: usize,
    /// Items whose responses are the same or empty.
    pub alike: usize,
    /// Judgements that came in after the unblinding or in edited packs, and whether they count.
    pub arrivals: Arrivals,
    /// What was left out, in sentences.
    #[serde(skip)]
    pub left_out: Option<String>,
}

impl WrittenPreferences {
    fn new(file: PathBuf, found: &StudyPreferences) -> Self {
        WrittenPreferences {
            file,
            pairs: found.pairs.len(),
            ties: found.ties,
            undecided: found.undecided,
            alike: found.alike,
            arrivals: found.arrivals,
            left_out: found.left_out(),
        }
    }
}

/// Writes the preference pairs of a study into a file that a person named, replacing an older export.
///
/// # Errors
/// The study is still blind, came as a pack or is a rating; nothing was decided; the file cannot be written.
pub fn write_preferences(
    reader: &StoreReader,
    study: StudyId,
    file: &Path,
) -> Result<WrittenPreferences, OperationError> {
    let found = preferences(&reader.unblinded(study)?)?;
    write_judgements(file, trl_rows(&found.pairs).as_bytes())?;
    Ok(WrittenPreferences::new(file.to_path_buf(), &found))
}

/// Preference pairs that are now a data set as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPreferences {
    pub written: WrittenPreferences,
    /// The name of the data set.
    pub set: String,
}

/// Writes the preference pairs of a study into `folder`, overwriting nothing, and imports them as the set `study-N`.
///
/// # Errors
/// As [`write_preferences`]; the store is read-only.
pub fn keep_preferences(
    store: &Path,
    reader: &StoreReader,
    study: StudyId,
    folder: &Path,
) -> Result<KeptPreferences, OperationError> {
    let found = preferences(&reader.unblinded(study)?)?;
    let set = format!("study-{study}");
    let rows = trl_rows(&found.pairs).into_bytes();
    let name = write_numbered(folder, &format!("{set}-preferences"), &[(".jsonl", rows)])?;
    let file = folder.join(format!("{name}.jsonl"));
    data::import_preferences(store, &set, &file, None)?;
    Ok(KeptPreferences {
        written: WrittenPreferences::new(file, &found),
        set,
    })
}
