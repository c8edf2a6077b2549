//! Anybody's corpora and outputs: a file is looked at, imported as records, listed, shown, summed up,
//! selected from and exported.

mod agreement;
mod answers;
mod confusion;
mod export;
mod facets;
mod join;
mod k_centre;
mod near_duplicates;
mod raters;
mod score;
mod select;
mod show;
mod sounds;
mod systems;
mod table;
mod verdicts;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use agreement::{Agreement, AgreementRow, agreement};
pub(super) use agreement::{Pairs, of_pairs};
pub use answers::{AnswerNames, Narrowing, names};
pub use confusion::{LabelConfusion, confusion};
pub use export::{CorpusForm, ExportRequest, Exported, export};
pub use facets::{Bar, Browsed, FoundRecord, LabelFacet, ScoreFacet, browse};
pub use join::{FoundId, Joined, join};
pub use raters::RatedScore;
pub use score::{ScoreRequest, Scored, score};
pub use select::{ChosenBy, Criteria, Selected, select};
pub use show::{Shown, show};
pub use sounds::sound_file;
pub use systems::{AddedSystems, add_systems, corpus_of};
pub use table::{LevelCounts, RecordRow, ScoreMean, TableRow, Tabulated, table};
pub use verdicts::{ComparedPair, JudgesAgreement, VerdictGroup, VerdictTable, verdicts};
pub(super) use verdicts::{Decided, by_pair, compared, estimate, mean, sign};

use super::{OperationError, read_or_default, require_writable};
use crate::data::DataError;
use crate::data::corpus::record::Record;
use crate::data::corpus::{Corpus, Counts, Mapping, RowProblem, Shape, draft};
pub use crate::data::library::record_at;
use crate::data::library::{self, Addition, CorpusEntry, FoundCorpora, Manifest};
use crate::store::{AskRow, StoreReader};

/// Records that are shown as they would be read.
pub const SHOWN_RECORDS: usize = 10;

/// The columns that are left out, by the reason.
pub fn by_reason(left_out: &BTreeMap<String, String>) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (column, reason) in left_out {
        reasons.entry(reason).or_default().push(column);
    }
    reasons
}

/// What was found in a file.
#[derive(Debug, Serialize)]
pub struct Inspection {
    pub file: PathBuf,
    pub sha256: String,
    /// In words: `a table with commas between cells`.
    pub form: String,
    /// None for Parquet.
    pub encoding: Option<String>,
    pub shape: Shape,
    /// What a person should know about how it is read; each a sentence.
    pub notes: Vec<String>,
    /// TOML.
    pub mapping: String,
    /// Why a column is left out.
    pub left_out: BTreeMap<String, String>,
    pub counts: Counts,
    pub problems: Vec<RowProblem>,
    /// The first.
    pub records: Vec<Record>,
}

/// An imported corpus.
#[derive(Debug, Serialize)]
pub struct ListedCorpus {
    pub name: String,
    pub fingerprint: String,
    #[serde(flatten)]
    pub entry: CorpusEntry,
    /// What was added to it.
    pub additions: Vec<Addition>,
}

/// Looks at a file: its form, encoding, shape and mapping, and its records as they would be read.
///
/// # Errors
/// See [`Corpus::open`] and [`Corpus::each`]; the mapping cannot be read.
pub fn inspect(file: &Path, mapping: Option<&Path>) -> Result<Inspection, OperationError> {
    inspect_by(file, mapping.map(Mapping::read).transpose()?)
}

/// The same by a mapping that was read already; None: by looking.
///
/// # Errors
/// See [`Corpus::open`] and [`Corpus::each`].
pub fn inspect_by(file: &Path, mapping: Option<Mapping>) -> Result<Inspection, OperationError> {
    let corpus = Corpus::open(file, mapping)?;
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    let read = corpus.each(
        |record| {
            if records.len() < SHOWN_RECORDS {
                records.push(record.clone());
            }
            Ok(())
        },
        |problem| problems.push(problem),
    )?;
    let toml = corpus.mapping.to_toml().map_err(|error| {
        DataError::file(file, error.to_string(), "correct the names of its columns")
    })?;
    Ok(Inspection {
        file: file.to_path_buf(),
        sha256: corpus.source.sha256.clone(),
        form: corpus.source.form.to_string(),
        encoding: corpus.source.encoding.map(|encoding| encoding.to_string()),
        shape: corpus.shape(),
        notes: [corpus.notes.clone(), read.notes].concat(),
        mapping: toml,
        left_out: corpus.mapping.left_out,
        counts: read.counts,
        problems,
        records,
    })
}

/// A mapping to begin with, for a file in which none is found by looking: its columns, and what each part of a mapping is.
///
/// # Errors
/// The file cannot be read, or holds no rows.
pub fn draft_mapping(file: &Path) -> Result<String, OperationError> {
    Ok(draft(file)?)
}

/// Writes a mapping to a new file.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn write_mapping(out: &Path, text: &str) -> Result<(), OperationError> {
    let mut file = File::create_new(out).map_err(OperationError::write(out))?;
    file.write_all(text.as_bytes())
        .map_err(OperationError::write(out))
}

/// Imports a file as the corpus `name`.
///
/// # Errors
/// The store is read-only; see [`library::import_corpus`].
pub fn import(
    store: &Path,
    file: &Path,
    name: &str,
    mapping: Option<&Path>,
    replace: bool,
) -> Result<Manifest, OperationError> {
    require_writable(store)?;
    library::check_free(store, name, replace)?;
    import_by(
        store,
        file,
        name,
        mapping.map(Mapping::read).transpose()?,
        replace,
    )
}

/// The same by a mapping that was read already; None: by looking.
///
/// # Errors
/// As [`import`].
pub fn import_by(
    store: &Path,
    file: &Path,
    name: &str,
    mapping: Option<Mapping>,
    replace: bool,
) -> Result<Manifest, OperationError> {
    require_writable(store)?;
    library::check_free(store, name, replace)?;
    let corpus = Corpus::open(file, mapping)?;
    Ok(library::import_corpus(store, name, &corpus, replace)?)
}

/// What [`import`] would do: the same refusals, and nothing is written.
///
/// # Errors
/// As [`import`].
pub fn dry_run(
    store: &Path,
    file: &Path,
    name: &str,
    mapping: Option<&Path>,
    replace: bool,
) -> Result<Inspection, OperationError> {
    require_writable(store)?;
    library::check_free(store, name, replace)?;
    inspect(file, mapping)
}

/// What needs a corpus to be shown.
#[derive(Debug, Default, Serialize)]
pub struct Dependents {
    /// Additions to it, which are deleted with it.
    pub additions: Vec<String>,
    /// Series of a judge's requests, by number: their answers stay, what they are about does not.
    pub judged: Vec<u64>,
    /// Systems of the store, whose responses stay: the Case study no longer shows what it says of them.
    pub systems: Vec<String>,
}

/// What needs a corpus to be shown.
///
/// # Errors
/// There is no such corpus; it or the store is damaged.
pub fn dependents(store: &Path, corpus: &str) -> Result<Dependents, OperationError> {
    library::require_corpus(store, corpus)?;
    let additions = library::additions(store, corpus)?;
    let asks = read_or_default(store, StoreReader::asks)?;
    let is_about = |ask: &AskRow| ask.about["corpus"].as_str() == Some(corpus);
    let judged = asks.iter().filter(|ask| is_about(ask));
    let listed = read_or_default(store, StoreReader::systems)?;
    let of_it = listed
        .into_iter()
        .filter(|system| corpus_of(&system.source) == Some(corpus));
    Ok(Dependents {
        additions: additions
            .into_iter()
            .map(|addition| addition.name)
            .collect(),
        judged: judged.map(|ask| ask.id.0 as u64).collect(),
        systems: of_it.map(|system| system.name).collect(),
    })
}

/// Checks that a corpus has an addition of this name.
///
/// # Errors
/// There is no such corpus or addition.
pub fn require_addition(store: &Path, corpus: &str, name: &str) -> Result<(), OperationError> {
    Ok(library::require_addition(store, corpus, name)?)
}

/// Deletes a corpus, or an addition to it.
///
/// # Errors
/// The store is read-only, there is no such corpus or addition, or it cannot be removed.
pub fn delete(store: &Path, corpus: &str, addition: Option<&str>) -> Result<(), OperationError> {
    require_writable(store)?;
    match addition {
        Some(name) => library::delete_addition(store, corpus, name)?,
        None => library::delete_corpus(store, corpus)?,
    }
    Ok(())
}

/// The imported corpora, by name, and those that cannot be read.
///
/// # Errors
/// The folder of data sets cannot be read.
pub fn list(store: &Path) -> Result<(Vec<ListedCorpus>, Vec<DataError>), OperationError> {
    let FoundCorpora {
        corpora,
        mut damaged,
    } = library::all_corpora(store)?;
    let mut listed = Vec::new();
    for (manifest, entry) in corpora {
        match library::additions(store, &manifest.name) {
            Ok(additions) => listed.push(ListedCorpus {
                name: manifest.name,
                fingerprint: manifest.fingerprint,
                entry,
                additions,
            }),
            Err(error) => damaged.push(error),
        }
    }
    Ok((listed, damaged))
}
