//! Studies: create, assign, send and merge packs, results, exports.
//!
//! Judging itself is [`Store::judge`] and [`Store::undo`]. Nothing here reveals the systems of a blind study.

mod contested;
pub mod desk;
mod links;
mod preferences;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

pub use contested::{ContestedItem, contested, prefer};
pub use links::{
    GivenLink, Whom, forget_workers, give_links, links, open_entrance, revoke_link, workers,
};
pub use preferences::{KeptPreferences, WrittenPreferences, keep_preferences, write_preferences};

use super::exports::{check_html_pack, check_pack, make_folder, write_numbered, write_pack};
use super::{OperationError, read_or_default};
use crate::metrics::Bootstrap;
use crate::report::judging::{Texts, pack_html, pack_html_name};
use crate::store::{
    MergedPack, Store, StoreError, StoreReader, StudyId, StudyMark, StudyRow, now_ms,
};
use crate::study::StudyError;
use crate::study::definition::{Definition, StudyKind};
use crate::study::export::{csv, full_rows, jsonl, own_rows};
use crate::study::make::{Annotator, Remarks, fresh_nonce, make, signs_of};
use crate::study::pack::Pack;
use crate::study::results::{self, Quality, Results};
use crate::study::signs::Sign;
use crate::study::standing::Standing;
use crate::study::statistics::power::{AbForecast, ab_forecast, forecast_words, rating_words};

/// All studies with their progress; none without a store.
pub fn list(store: &Path) -> Result<Vec<StudyRow>, OperationError> {
    Ok(read_or_default(store, StoreReader::list_studies)?)
}

/// What a study of a certain size can show.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    AbTest(AbForecast),
    Rating { contexts: u64 },
}

/// What a study of this size can show, with `tie_share` of the items of an A/B test expected to be ties.
pub fn forecast(kind: StudyKind, contexts: u64, tie_share: f64) -> Forecast {
    match kind {
        StudyKind::AbTest => Forecast::AbTest(ab_forecast(contexts, tie_share)),
        StudyKind::Rating => Forecast::Rating { contexts },
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Forecast::AbTest(forecast) => forecast_words(forecast),
            Forecast::Rating { contexts } => rating_words(*contexts),
        })
    }
}

#[derive(Clone, Debug)]
pub struct CreatedStudy {
    pub study: StudyId,
    /// The same in every store and pack.
    pub uid: String,
    pub annotators: Vec<Annotator>,
    pub remarks: Remarks,
}

/// What tells the systems of a study apart without reading. Its annotators need not be named yet; without systems there
/// is nothing to check.
///
/// # Errors
/// A system is missing, or they have too few contexts in common.
pub fn signs(reader: &StoreReader, definition: &Definition) -> Result<Vec<Sign>, OperationError> {
    if definition.systems.is_empty() {
        return Ok(Vec::new());
    }
    let candidates = reader.candidates(&definition.systems)?;
    Ok(signs_of(definition, &candidates)?)
}

/// Checks all that [`create`] does, and creates nothing.
///
/// # Errors
/// As of [`create`].
pub fn check(reader: &StoreReader, definition: &Definition) -> Result<(), OperationError> {
    let candidates = reader.candidates(&definition.systems)?;
    make(definition, &candidates, now_ms(), fresh_nonce())?;
    Ok(())
}

/// Creates a study of systems whose responses are in the store.
///
/// # Errors
/// The definition is invalid, a system is missing, or too few contexts have what is needed.
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

/// Assigns the items on which three annotators differ to the fourth, who is named first if `adjudicator` is given.
/// Returns how many items are new.
///
/// # Errors
/// There is no fourth annotator, or already one; the study is unblinded, or came as a pack. Then nothing changes.
pub fn assign(
    store: &mut Store,
    study: StudyId,
    adjudicator: Option<&str>,
) -> Result<usize, OperationError> {
    Ok(store.assign_to_fourth(study, adjudicator)?)
}

/// Pauses, excludes or resumes an annotator, on record with a reason.
///
/// # Errors
/// There is no reason, or nothing to change; the study is unblinded, or came as a pack.
pub fn set_standing(
    store: &mut Store,
    study: StudyId,
    annotator: u32,
    standing: Standing,
    reason: &str,
) -> Result<(), OperationError> {
    Ok(store.set_standing(study, annotator, standing, reason)?)
}

/// Excludes an annotator and gives their items to somebody else, whose number is returned.
///
/// # Errors
/// As of [`set_standing`]; the name is another annotator's, or none.
pub fn replace(
    store: &mut Store,
    study: StudyId,
    annotator: u32,
    name: &str,
    reason: &str,
) -> Result<u32, OperationError> {
    Ok(store.replace_annotator(study, annotator, name, reason)?)
}

/// Changes a lead's own mark of a study: name, note, archive, or deletion that can be undone.
///
/// # Errors
/// There is no such study.
pub fn mark(store: &mut Store, study: StudyId, mark: &StudyMark) -> Result<(), OperationError> {
    Ok(store.mark_study(study, mark)?)
}

/// Deletes a study for good, and its judgements if `with_judgements`.
///
/// # Errors
/// There is no such study, or it holds judgements that are not to be deleted.
pub fn delete(
    store: &mut Store,
    study: StudyId,
    with_judgements: bool,
) -> Result<(), OperationError> {
    Ok(store.delete_study(study, with_judgements)?)
}

/// A pack that was written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPack {
    pub annotator: u32,
    pub items: usize,
    pub file: PathBuf,
}

/// Writes the packs of all annotators, or of one, into a folder, replacing older ones with the same judgements or fewer.
///
/// # Errors
/// There is no such study or annotator; another file, or a pack with judgements that are not in the study, has the
/// name of one, so that none is written; the folder cannot be written.
pub fn write_packs(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
    folder: &Path,
) -> Result<Vec<WrittenPack>, OperationError> {
    make_folder(folder)?;
    let mut packs = Vec::new();
    for annotator in whose(reader, study, annotator)? {
        let pack = reader.pack(study, annotator)?;
        let file = folder.join(pack.file_name());
        check_pack(&file, &pack)?;
        packs.push((annotator, pack, file));
    }
    let write_one = |(annotator, pack, file): (u32, Pack, PathBuf)| {
        write_pack(&file, &pack.to_bytes()?)?;
        Ok(WrittenPack {
            annotator,
            items: pack.pages.len(),
            file,
        })
    };
    packs.into_iter().map(write_one).collect()
}

/// Writes packs as HTML files, which judge in any browser without a network, into a folder; older ones of the same names
/// are replaced, since what is judged by one is not in it but in the file that it saves.
///
/// # Errors
/// There is no such study or annotator; a file of another kind has the name of one, so that none is written; the folder
/// cannot be written.
pub fn write_html_packs(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
    folder: &Path,
    texts: &Texts,
) -> Result<Vec<WrittenPack>, OperationError> {
    make_folder(folder)?;
    let mut packs = Vec::new();
    for annotator in whose(reader, study, annotator)? {
        let pack = reader.pack(study, annotator)?;
        let file = folder.join(pack_html_name(&pack));
        check_html_pack(&file)?;
        packs.push((annotator, pack, file));
    }
    let write_one = |(annotator, pack, file): (u32, Pack, PathBuf)| {
        write_pack(&file, pack_html(texts, &pack)?.as_bytes())?;
        Ok(WrittenPack {
            annotator,
            items: pack.pages.len(),
            file,
        })
    };
    packs.into_iter().map(write_one).collect()
}

/// One annotator, or all.
fn whose(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
) -> Result<Vec<u32>, OperationError> {
    match annotator {
        Some(number) => Ok(vec![number]),
        None => {
            let annotators = reader.study(study)?.annotators;
            Ok(annotators.iter().map(|one| one.number).collect())
        }
    }
}

/// A pack read from a file.
#[derive(Clone, Debug)]
pub struct PackFile {
    file: PathBuf,
    pack: Pack,
}

/// A pack that is now in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPack {
    pub file: PathBuf,
    /// The annotator's.
    pub pseudonym: String,
    pub merged: MergedPack,
    /// Whether it was merged into a study created here; else it can now be judged here.
    pub made_here: bool,
}

/// Reads a pack.
///
/// # Errors
/// The file cannot be read or is not a pack.
pub fn read_pack(file: &Path) -> Result<PackFile, OperationError> {
    let bytes = fs::read(file).map_err(OperationError::read(file))?;
    let pack = Pack::from_bytes(&bytes);
    Ok(PackFile {
        file: file.to_path_buf(),
        pack: pack.map_err(|error| refused(file, StudyError::from(error).into()))?,
    })
}

/// Merges a pack if its study was created here, else opens it to be judged here.
pub fn receive_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    match store.open_pack(&pack.pack) {
        Err(StoreError::MadeHere { .. }) => merge_pack(store, pack),
        opened => pack.received(opened, false),
    }
}

/// Opens a pack to judge it in this store.
///
/// # Errors
/// Its study was created in this store.
pub fn open_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    pack.received(store.open_pack(&pack.pack), false)
}

/// Merges a returned pack into its study; merging twice does no harm.
///
/// # Errors
/// It belongs to another study, or shows something else.
pub fn merge_pack(store: &mut Store, pack: &PackFile) -> Result<ReceivedPack, OperationError> {
    pack.received(store.merge_pack(&pack.pack), true)
}

impl PackFile {
    fn received(
        &self,
        merged: Result<MergedPack, StoreError>,
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

/// Adds the file if the error is about the pack.
fn refused(file: &Path, error: StoreError) -> OperationError {
    match error {
        StoreError::Study(_) | StoreError::MadeHere { .. } => OperationError::Pack {
            path: file.to_path_buf(),
            source: Box::new(error),
        },
        error => error.into(),
    }
}

/// What a merged pack held that was new: answers, and flags and comments apart.
pub fn merged_words(merged: &MergedPack) -> String {
    let count = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    };
    let mut words = format!(
        "{}, {} known before",
        count(merged.new_answers, "answer was new", "answers were new"),
        merged.known_answers
    );
    let mut remarks = Vec::new();
    if merged.flags > 0 {
        remarks.push(count(merged.flags, "new flag", "new flags"));
    }
    if merged.comments > 0 {
        remarks.push(count(merged.comments, "new comment", "new comments"));
    }
    if !remarks.is_empty() {
        words += &format!("; {}", remarks.join(" and "));
    }
    if merged.contested > 0 {
        let contested = count(merged.contested, "item is contested", "items are contested");
        words += &format!("; {contested}");
    }
    words
}

/// What an annotator is told whose items were judged elsewhere while a page of theirs was open.
pub fn judged_elsewhere(items: &[u32]) -> String {
    let what = match items {
        [] => "Something".to_string(),
        [item] => format!("Item {item}"),
        [first, .., last] if items.len() <= 5 => {
            let others = items[1..items.len() - 1].iter();
            let others: String = others.map(|item| format!(", {item}")).collect();
            format!("Items {first}{others} and {last}")
        }
        items => format!("{} items", items.len()),
    };
    let was = if items.len() > 1 { "were" } else { "was" };
    format!(
        "{what} {was} judged elsewhere; the page is read again, and what was given last here is not recorded"
    )
}

/// How the annotators of a study work, blind or not, without its systems.
///
/// # Errors
/// The study came as a pack.
pub fn quality(reader: &StoreReader, study: StudyId) -> Result<Quality, OperationError> {
    Ok(reader.quality(study)?)
}

/// The results of an unblinded study.
///
/// # Errors
/// The study is still blind, or came as a pack.
pub fn results(reader: &StoreReader, study: StudyId) -> Result<Results, OperationError> {
    let unblinded = reader.unblinded(study)?;
    Ok(results::results(&unblinded, &Bootstrap::default()))
}

/// The format of exported judgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    Jsonl,
    Csv,
}

/// One annotator's own judgements, without systems: the study may still be blind.
pub fn own_judgements(
    reader: &StoreReader,
    study: StudyId,
    annotator: u32,
    format: RowFormat,
) -> Result<Vec<u8>, OperationError> {
    rows(&own_rows(&reader.worklist(study, annotator)?), format)
}

/// All judgements of an unblinded study.
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

/// An unblinded study as one JSON document, from which its results can be computed.
pub fn record(reader: &StoreReader, study: StudyId) -> Result<Vec<u8>, OperationError> {
    Ok(serde_json::to_vec_pretty(&reader.unblinded(study)?)?)
}

/// Writes judgements as CSV into a folder and returns the file: one annotator's own, or all of them with the record of
/// the study, once it is unblinded. Nothing is overwritten.
///
/// # Errors
/// As [`own_judgements`] and [`all_judgements`]; the folder cannot be written.
pub fn save_judgements(
    reader: &StoreReader,
    study: StudyId,
    annotator: Option<u32>,
    folder: &Path,
) -> Result<PathBuf, OperationError> {
    let (name, files) = match annotator {
        Some(number) => {
            let pseudonym = reader.worklist(study, number)?.pseudonym;
            let rows = own_judgements(reader, study, number, RowFormat::Csv)?;
            (format!("study-{study}-{pseudonym}"), vec![(".csv", rows)])
        }
        None => {
            let rows = all_judgements(reader, study, RowFormat::Csv)?;
            let record = record(reader, study)?;
            let files = vec![(".csv", rows), ("-record.json", record)];
            (format!("study-{study}-judgements"), files)
        }
    };
    let name = write_numbered(folder, &name, &files)?;
    Ok(folder.join(format!("{name}.csv")))
}

fn rows(rows: &[impl serde::Serialize], format: RowFormat) -> Result<Vec<u8>, OperationError> {
    Ok(match format {
        RowFormat::Jsonl => jsonl(rows)?.into_bytes(),
        RowFormat::Csv => csv(rows)?,
    })
}
