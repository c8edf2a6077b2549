//! Packs: written to send out or to send back, and read when they come.

use std::fs;
use std::path::{Path, PathBuf};

use crate::operations::OperationError;
use crate::operations::exports::{check_html_pack, check_pack, make_folder, write_pack};
use crate::report::judging::{Texts, pack_html, pack_html_name};
use crate::store::{
    MergeTerms, MergedPack, PackDoubts, PackReturn, Store, StoreError, StoreReader, StudyId,
};
use crate::study::StudyError;
use crate::study::history::states;
use crate::study::judgement::Answer;
use crate::study::pack::Pack;
use crate::study::seal::SealState;

/// Characters of a file's path that are kept, from its end.
const NAME_LIMIT: usize = 500;

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
/// with the same judgements or fewer are replaced. What is judged by one is not in it but in the file that it saves.
///
/// # Errors
/// There is no such study or annotator; another file, or a pack with judgements that are not in the study, has the name
/// of one, so that none is written; the folder cannot be written.
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
        check_html_pack(&file, &pack)?;
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

/// What the lead has to say a word to before this pack is merged; nothing if it is to be judged here.
///
/// # Errors
/// As [`merge_pack`], whatever the terms.
pub fn pack_doubts(reader: &StoreReader, pack: &PackFile) -> Result<PackDoubts, OperationError> {
    let doubts = reader.pack_doubts(&pack.pack);
    doubts.map_err(|error| refused(&pack.file, error))
}

/// Merges a pack if its study was created here, else opens it to be judged here.
///
/// # Errors
/// As [`merge_pack`] and [`open_pack`].
pub fn receive_pack(
    store: &mut Store,
    pack: &PackFile,
    terms: MergeTerms,
) -> Result<ReceivedPack, OperationError> {
    match store.open_pack(&pack.pack) {
        Err(StoreError::MadeHere { .. }) => merge_pack(store, pack, terms),
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
/// It belongs to another study or shows something else, or it is not as it was sent and the terms do not take it.
pub fn merge_pack(
    store: &mut Store,
    pack: &PackFile,
    terms: MergeTerms,
) -> Result<ReceivedPack, OperationError> {
    let name = pack.name();
    let back = PackReturn {
        pack: &pack.pack,
        name: Some(&name),
        terms,
    };
    pack.received(store.merge_pack(back), true)
}

impl PackFile {
    /// The path by which the lead knows the file: copies of a pack have one name, in different folders.
    pub fn name(&self) -> String {
        let path = self.file.to_string_lossy();
        let letters: Vec<char> = path.chars().collect();
        letters[letters.len().saturating_sub(NAME_LIMIT)..]
            .iter()
            .collect()
    }

    /// The annotator's pseudonym.
    pub fn pseudonym(&self) -> &str {
        &self.pack.pseudonym
    }

    /// The answer to an item by this pack alone.
    pub fn answer(&self, item: u32) -> Option<Answer> {
        let pack = &self.pack;
        let states = states(&pack.head.uid, &pack.pseudonym, &pack.acts);
        states.get(&item)?.answer
    }

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

/// What a merged pack held that was new: answers, and flags and comments apart; and how it stands to what was sent.
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
    if merged.added + merged.known == 0 {
        words = "nobody has judged anything in it".to_string();
    }
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
    match merged.seal {
        None | Some(SealState::Sealed) => {}
        Some(SealState::Unsealed) => {
            words += "; it has no seal, since its study was made by an earlier version"
        }
        Some(SealState::Edited) => {
            words += "; it is not as it was sent, and its judgements are marked as edited"
        }
    }
    if merged.late_left_out > 0 {
        let (came, is) = match merged.late_left_out {
            1 => ("1 judgement came in".to_string(), "is"),
            n => (format!("{n} judgements came in"), "are"),
        };
        words += &format!("; {came} after the unblinding, and {is} kept without counting");
    }
    if merged.late_counted > 0 {
        let late = count(
            merged.late_counted,
            "late judgement counts",
            "late judgements count",
        );
        words += &format!("; {late} from now on");
    }
    words
}
