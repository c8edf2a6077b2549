//! Studies: made, assigned, sent out and merged as packs, unblinded, and their results.
//!
//! Judging itself is [`Store::judge`] and [`Store::undo`]. Nothing here says anything of the systems of a blind study.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::exports::{make_folder, write};
use super::{OperationError, reader_if_present};
use crate::metrics::Bootstrap;
use crate::store::{Merged, Store, StoreError, StoreReader, StudyId, StudyRow, now_ms};
use crate::study::StudyError;
use crate::study::definition::{Definition, StudyKind};
use crate::study::export::{csv, full_rows, jsonl, own_rows};
use crate::study::make::{Annotator, Remarks, fresh_nonce, make};
use crate::study::pack::Pack;
use crate::study::results::{self, Results};
use crate::study::statistics::power::{AbForecast, ab_forecast, forecast_words, rating_words};

/// Every study, with how far each annotator is; none where there is no store.
///
/// # Errors
/// The store cannot be read.
pub fn list(store: &Path) -> Result<Vec<StudyRow>, OperationError> {
    match reader_if_present(store)? {
        Some(reader) => Ok(reader.list_studies()?),
        None => Ok(Vec::new()),
    }
}

/// What a study of a certain size can show.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    AbTest(AbForecast),
    Rating {
        /// How many contexts are rated.
        contexts: u64,
    },
}

/// What a study over so many contexts can show; `tie_share` of the items of an A/B test are expected to be ties.
pub fn forecast(kind: StudyKind, contexts: u64, tie_share: f64) -> Forecast {
    match kind {
        StudyKind::AbTest => Forecast::AbTest(ab_forecast(contexts, tie_share)),
        StudyKind::Rating => Forecast::Rating { contexts },
    }
}

/// In a sentence or two, for whoever is about to make the study.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Forecast::AbTest(forecast) => forecast_words(forecast),
            Forecast::Rating { contexts } => rating_words(*contexts),
        })
    }
}

/// A study that was made.
#[derive(Clone, Debug)]
pub struct CreatedStudy {
    pub study: StudyId,
    /// The same in every store and pack.
    pub uid: String,
    pub annotators: Vec<Annotator>,
    /// What was noticed, in counts that give nothing away.
    pub remarks: Remarks,
}

/// Makes a study of systems whose responses are in the store.
///
/// # Errors
/// The definition cannot be, a system is missing, or too few contexts have what is needed.
pub fn create(store: &mut Store, definition: &Definition) -> Result<CreatedStudy, OperationError> {
    definition.validate()?;
    let candidates = store.reader()?.candidates(&definition.systems)?;
    let new = make(definition, &candidates, now_ms(), fresh_nonce())?;
    Ok(CreatedStudy {
        study: store.create_study(&new)?,
        uid: new.head.uid,
        annotators: new.annotators,
        remarks: new.remarks,
    })
}

/// Gives the fourth annotator the items on which three differ, after naming one where a name is given. Returns how
/// many items are new.
///
/// # Errors
/// There is no fourth annotator, or already one; the study is unblinded, or came as a pack.
pub fn assign(
    store: &mut Store,
    study: StudyId,
    adjudicator: Option<&str>,
) -> Result<usize, OperationError> {
    if let Some(name) = adjudicator {
        store.set_adjudicator(study, name)?;
    }
    Ok(store.route_to_adjudicator(study)?)
}

/// One annotator's part of a study as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPack {
    /// Number of the annotator.
    pub annotator: u32,
    pub items: usize,
    pub file: PathBuf,
}

/// Writes annotators' parts into a folder, everybody's or one's; packs from before are replaced.
///
/// # Errors
/// There is no such study or annotator; the folder cannot be written.
pub fn write_packs(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
    folder: &Path,
) -> Result<Vec<WrittenPack>, OperationError> {
    let whose: Vec<u32> = match annotator {
        Some(number) => vec![number],
        None => {
            let annotators = reader.study(study)?.annotators;
            annotators.iter().map(|one| one.number).collect()
        }
    };
    make_folder(folder)?;
    let write_one = |annotator| {
        let pack = reader.pack(study, annotator)?;
        let file = folder.join(pack.file_name());
        write(&file, &pack.to_bytes()?)?;
        Ok(WrittenPack {
            annotator,
            items: pack.pages.len(),
            file,
        })
    };
    whose.into_iter().map(write_one).collect()
}

/// A pack as it was read from a file.
#[derive(Clone, Debug)]
pub struct PackFile {
    file: PathBuf,
    pack: Pack,
}

/// A pack that is now in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPack {
    pub file: PathBuf,
    /// The annotator's, as in every store.
    pub pseudonym: String,
    pub merged: Merged,
    /// Whether its judgements were merged into the study made here; else it can now be judged here.
    pub made_here: bool,
}

/// Reads a pack.
///
/// # Errors
/// The file cannot be read or is no pack.
pub fn read_pack(file: &Path) -> Result<PackFile, OperationError> {
    let bytes = fs::read(file).map_err(OperationError::read(file))?;
    let pack = Pack::from_bytes(&bytes);
    Ok(PackFile {
        file: file.to_path_buf(),
        pack: pack.map_err(|error| refused(file, StudyError::from(error).into()))?,
    })
}

/// Receives a pack: merged where its study was made here, else opened to be judged here.
///
/// # Errors
/// As [`open_pack`] and [`merge_pack`].
pub fn receive_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    match store.open_pack(&pack.pack) {
        Err(StoreError::MadeHere { .. }) => merge_pack(store, pack),
        opened => pack.received(opened, false),
    }
}

/// Opens a pack that was sent here, to be judged in this store.
///
/// # Errors
/// Its study was made in this store.
pub fn open_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    pack.received(store.open_pack(&pack.pack), false)
}

/// Merges a pack that came back into the study made here; twice does no harm.
///
/// # Errors
/// It belongs to another study, or shows something else than the study does.
pub fn merge_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    pack.received(store.merge_pack(&pack.pack), true)
}

impl PackFile {
    fn received(
        &self,
        merged: Result<Merged, StoreError>,
        made_here: bool,
    ) -> Result<ReceivedPack, OperationError> {
        Ok(ReceivedPack {
            file: self.file.clone(),
            pseudonym: self.pack.pseudonym.clone(),
            merged: merged.map_err(|error| refused(&self.file, error))?,
            made_here,
        })
    }
}

/// Names the file where it is the file that is wrong; troubles of the store name their own.
fn refused(file: &Path, error: StoreError) -> OperationError {
    match error {
        StoreError::Study(_) | StoreError::MadeHere { .. } => OperationError::Pack {
            path: file.to_path_buf(),
            source: Box::new(error),
        },
        error => error.into(),
    }
}

/// The results of an unblinded study.
///
/// # Errors
/// The study is still blind, or came as a pack.
pub fn results(reader: &StoreReader, study: StudyId) -> Result<Results, OperationError> {
    let unblinded = reader.unblinded(study)?;
    Ok(results::results(&unblinded, &Bootstrap::default()))
}

/// How judgements are written as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// A JSON object a line.
    Jsonl,
    /// A head, then a row each.
    Csv,
}

/// One annotator's own judgements; says nothing of systems, so that a study may still be blind.
///
/// # Errors
/// There is no such study or annotator.
pub fn own_judgements(
    reader: &StoreReader,
    study: StudyId,
    annotator: u32,
    format: RowFormat,
) -> Result<Vec<u8>, OperationError> {
    rows(&own_rows(&reader.desk(study, annotator)?), format)
}

/// Everybody's judgements of an unblinded study.
///
/// # Errors
/// The study is still blind, or came as a pack.
pub fn all_judgements(
    reader: &StoreReader,
    study: StudyId,
    format: RowFormat,
) -> Result<Vec<u8>, OperationError> {
    rows(&full_rows(&reader.unblinded(study)?), format)
}

/// Everything needed to compute the results of an unblinded study again, as one JSON document.
///
/// # Errors
/// As [`all_judgements`].
pub fn record(reader: &StoreReader, study: StudyId) -> Result<Vec<u8>, OperationError> {
    Ok(serde_json::to_vec_pretty(&reader.unblinded(study)?)?)
}

/// Writes judgements as CSV into a folder and returns the file: an annotator's own, or everybody's together with the
/// record of the study once it is unblinded. Files from before are replaced.
///
/// # Errors
/// As [`own_judgements`] and [`all_judgements`]; the folder cannot be written.
pub fn save_judgements(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
    folder: &Path,
) -> Result<PathBuf, OperationError> {
    let mut files = Vec::new();
    match annotator {
        Some(number) => {
            let pseudonym = reader.desk(study, number)?.pseudonym;
            let rows = own_judgements(reader, study, number, RowFormat::Csv)?;
            files.push((format!("study-{study}-{pseudonym}.csv"), rows));
        }
        None => {
            let record = record(reader, study)?;
            files.push((format!("study-{study}-record.json"), record));
            let rows = all_judgements(reader, study, RowFormat::Csv)?;
            files.push((format!("study-{study}-judgements.csv"), rows));
        }
    }
    make_folder(folder)?;
    let mut last = PathBuf::new();
    for (name, bytes) in files {
        last = folder.join(name);
        write(&last, &bytes)?;
    }
    Ok(last)
}

fn rows(rows: &[impl serde::Serialize], format: RowFormat) -> Result<Vec<u8>, OperationError> {
    Ok(match format {
        RowFormat::Jsonl => jsonl(rows)?.into_bytes(),
        RowFormat::Csv => csv(rows)?,
    })
}
