//! Studies: create, assign, send and merge packs, results, exports.
//!
//! Judging itself is [`Store::judge`] and [`Store::undo`]. Nothing here reveals the systems of a blind study.

mod contested;
pub mod desk;
mod links;
mod packs;
mod preferences;

use std::fmt;
use std::path::{Path, PathBuf};

pub use contested::{
    ContestedItem, GivenAnswer, Place, contested, decide_all, place_words, prefer,
};
pub use links::{
    GivenLink, Whom, forget_workers, give_links, links, open_entrance, revoke_link, workers,
};
pub use packs::{
    PackFile, ReceivedPack, WrittenPack, merge_pack, merged_words, open_pack, pack_doubts,
    read_pack, receive_pack, write_html_packs, write_packs,
};
pub use preferences::{KeptPreferences, WrittenPreferences, keep_preferences, write_preferences};

use super::exports::write_numbered;
use super::{OperationError, read_or_default};
use crate::metrics::Bootstrap;
use crate::store::{Store, StoreReader, StudyId, StudyMark, StudyRow, now_ms};
use crate::study::arrivals::{self, Arrivals, marks};
use crate::study::definition::{Definition, StudyKind};
use crate::study::export::{csv, full_rows, jsonl, mark_rows, own_rows};
use crate::study::make::{Annotator, Remarks, fresh_nonce, make, signs_of};
use crate::study::results::{self, Quality, Results};
use crate::study::seal::SealKey;
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

/// Creates a study of systems whose responses are in the store, with a key by which its packs are sealed.
///
/// # Errors
/// The definition is invalid, a system is missing, too few contexts have what is needed, or the system gives no random
/// numbers.
pub fn create(store: &mut Store, definition: &Definition) -> Result<CreatedStudy, OperationError> {
    definition.validate()?;
    let candidates = store.reader()?.candidates(&definition.systems)?;
    let new = make(definition, &candidates, now_ms(), fresh_nonce())?;
    Ok(CreatedStudy {
        study: store.create_sealed_study(&new, &fresh_key()?)?,
        uid: new.head.uid,
        annotators: new.annotators,
        remarks: new.remarks,
    })
}

fn fresh_key() -> Result<SealKey, OperationError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| OperationError::NoChance {
        what: "key that nobody guesses",
        detail: error.to_string(),
    })?;
    Ok(SealKey::new(bytes))
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

/// How the judgements of a study came in.
pub fn arrivals(reader: &StoreReader, study: StudyId) -> Result<Arrivals, OperationError> {
    let mut recorded = Vec::new();
    for annotator in reader.study(study)?.annotators {
        recorded.extend(reader.recorded(study, annotator.number)?);
    }
    Ok(arrivals::arrivals(&recorded))
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
    let mut own = own_rows(&reader.worklist(study, annotator)?);
    let recorded = reader.recorded(study, annotator)?;
    mark_rows(&mut own, &marks(&recorded), annotator);
    rows(&own, format)
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
