//! What can go wrong with a store: messages name the file, the problem and the fix.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{ErrorCode, ffi};

use super::{AskId, LinkId, QueueId, RunId, StudyId};
use crate::checkpoint::CheckpointError;
use crate::study::contexts::ContextKey;
use crate::study::standing::Standing;
use crate::study::{PackError, StudyError};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "there is no data folder for this user; name one with --store DIR or the variable EMPRL_STORE"
    )]
    NoHome,
    #[error("{}: there is no store here yet; the first run or import creates it", path.display())]
    Missing { path: PathBuf },
    #[error(
        "{}: cannot be used as a folder for the store: {source}; \
         fix it, or choose another with --store DIR or EMPRL_STORE", path.display()
    )]
    Folder { path: PathBuf, source: io::Error },
    #[error("{}: {doing}: {source}", path.display())]
    File {
        path: PathBuf,
        doing: &'static str,
        source: io::Error,
    },
    #[error(
        "{}: is not an SQLite file, so it is not a store of emprl; \
         move it away, or choose another folder with --store DIR", path.display()
    )]
    NotADatabase { path: PathBuf },
    #[error(
        "{}: is another program's database; choose another folder with --store DIR",
        path.display()
    )]
    Foreign { path: PathBuf },
    #[error(
        "{}: is damaged ({detail}); restore a copy of it, or move it away together with its -wal and \
         -shm files to start a new store (checkpoints under runs/ are separate files and remain)",
        path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    #[error(
        "{}: was written by a newer emprl (store version {found}, this one knows {known}); it can be \
         read but not changed; update emprl, or choose another folder with --store DIR",
        path.display()
    )]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error(
        "read-only: {} cannot be written ({why}); fix the permissions of the store's files and folder, \
         or choose another folder with --store DIR", path.display()
    )]
    NotWritable { path: PathBuf, why: String },
    #[error("{}: is a bundle, which is only read; changes belong into the store that it was made of", path.display())]
    Bundle { path: PathBuf },
    #[error(
        "no permission: {} cannot be read by this user; ask its owner, \
         or choose another folder with --store DIR", path.display()
    )]
    NoPermission { path: PathBuf },
    #[error("{}: is not a file; move it away, or choose another folder with --store DIR", path.display())]
    NotAFile { path: PathBuf },
    #[error(
        "{}: was written by an older emprl (store version {found}, this one reads {known}) and cannot be brought up \
         to date here ({why}); copy its folder to a place that you can write to, and name that with --store DIR",
        path.display()
    )]
    Older {
        path: PathBuf,
        found: u32,
        known: u32,
        why: String,
    },
    #[error("{}: the disk is full; free some space and try again; what was recorded is safe", path.display())]
    Full { path: PathBuf },
    #[error("{}: another program has locked it; close that program, or try again", path.display())]
    Busy { path: PathBuf },
    #[error("{}: reading or writing failed ({detail}); check the disk", path.display())]
    Disk { path: PathBuf, detail: String },
    #[error("there is no run {run} in {}; `emprl runs list` shows its runs", path.display())]
    NoRun { path: PathBuf, run: RunId },
    #[error("there is no study {study} in {}; `emprl study list` shows its studies", path.display())]
    NoStudy { path: PathBuf, study: StudyId },
    #[error("there is no system {name} in {}; import its responses first", path.display())]
    NoSystem { path: PathBuf, name: String },
    #[error("there is no case {case}; it was removed with its responses")]
    NoCase { case: ContextKey },
    #[error("there is already a system {name}; choose another name, or replace it")]
    SystemExists { name: String },
    #[error("study {study} has no annotator {annotator}")]
    NoAnnotator { study: StudyId, annotator: u32 },
    #[error("item {item} of study {study} is not one of annotator {annotator}'s")]
    NotAssigned {
        study: StudyId,
        annotator: u32,
        item: u32,
    },
    #[error(
        "study {study} is still blind: its systems and everybody's judgements are shown after \
         unblinding it, which is recorded and ends the judging"
    )]
    StillBlind { study: StudyId },
    #[error(
        "study {study} is still blind and compares {name}, whose responses would stand here beside its name; unblind that \
         study first"
    )]
    InBlindStudy { name: String, study: StudyId },
    #[error("study {study} is unblinded, and that ended its judging")]
    Unblinded { study: StudyId },
    #[error(
        "study {study} was unblinded before, by {by}; `emprl study results {study}` shows its results"
    )]
    AlreadyUnblinded { study: StudyId, by: String },
    #[error(
        "item {item} of study {study} is not in dispute between answers of {pseudonym}, or not with this \
         answer; `emprl study decide {study} --annotator {pseudonym}` lists those that are"
    )]
    NotContested {
        study: StudyId,
        item: u32,
        pseudonym: String,
    },
    #[error(
        "study {study} was judged as {pseudonym} elsewhere since the page was read, so nothing was recorded; read it \
         again"
    )]
    JudgedElsewhere { study: StudyId, pseudonym: String },
    #[error("study {study} has no link {link}; `emprl study links {study}` shows its links")]
    NoLink { study: StudyId, link: LinkId },
    /// Says the same of a wrong link, a revoked one and one that has expired.
    #[error("this link does not work")]
    DeadLink,
    #[error("study {study} is unfinished: {}; wait for them, or add --unfinished to unblind it without them, for good", left(*study, *missing, *contested, *split))]
    Unfinished {
        study: StudyId,
        missing: u64,
        /// Of the missing, those that were answered differently at several places.
        contested: u64,
        /// Items on which three differ and that no fourth annotator was given.
        split: u64,
    },
    #[error("study {study} is a rating, which has no fourth annotator")]
    NoFourthInRating { study: StudyId },
    #[error("study {study} came as a pack; this can only be done where it was created")]
    MadeElsewhere { study: StudyId },
    #[error(
        "study {study} was created in this store; judge it here, or merge the pack if it was judged elsewhere"
    )]
    MadeHere { study: StudyId },
    #[error("study {study} has no fourth annotator for items on which three differ; name one")]
    NoAdjudicator { study: StudyId },
    #[error("study {study} already has a fourth annotator")]
    HasAdjudicator { study: StudyId },
    #[error(
        "the fourth annotator of study {study} must not be one of its raters, and that is {pseudonym}; name another"
    )]
    FourthIsRater { study: StudyId, pseudonym: String },
    #[error(
        "study {study} holds judgements, which would be lost; save them first with `emprl study pack {study}` or \
         `emprl study export {study}`, or delete them too with --with-judgements"
    )]
    HoldsJudgements { study: StudyId },
    #[error("study {study} compares {name}, which must stay as it is; delete the study first")]
    UsedByStudy { name: String, study: StudyId },
    #[error("unblinding is recorded with a name and a reason; give both")]
    NoReason,
    #[error("pausing, excluding or replacing an annotator is recorded with a reason; give one")]
    NoStandingReason,
    #[error("{pseudonym} of study {study} is {} already", standing.key())]
    SameStanding {
        study: StudyId,
        pseudonym: String,
        standing: Standing,
    },
    #[error(
        "{pseudonym} of study {study} is paused; `emprl study resume {study} {pseudonym} --reason TEXT` lets them go on"
    )]
    Paused { study: StudyId, pseudonym: String },
    #[error("{pseudonym} of study {study} is excluded, so that nothing more of theirs is recorded")]
    Excluded { study: StudyId, pseudonym: String },
    #[error("{pseudonym} of study {study} has that name; name somebody else")]
    NameTaken { study: StudyId, pseudonym: String },
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error(
        "{id} is not in the queue: it was started or removed; `emprl queue list` shows what is queued"
    )]
    NotQueued { id: QueueId },
    #[error("no series of requests has the number {}; `emprl endpoint list` shows them", .ask.0)]
    NoAsk { ask: AskId },
    #[error("run {run} is in progress ({holder}); stop it there first, or wait until it ends")]
    Held { run: RunId, holder: String },
    #[error("run {run} is deleted; restore it with `emprl runs undelete {run}` first")]
    Deleted { run: RunId },
    #[error("run {run} must be deleted before it can be removed for good; delete it first")]
    NotDeleted { run: RunId },
    #[error("`{tag}` is not a valid tag; a tag is a word without spaces or commas, such as paper")]
    InvalidTag { tag: String },
    #[error(
        "checkpoint path {}: must lie below the run's folder and have no `..`", path.display()
    )]
    OutsideRun { path: PathBuf },
    #[error("{}: {place} cannot be read ({detail})", path.display())]
    Unreadable {
        path: PathBuf,
        place: String,
        detail: String,
    },
    #[error("{}: {source}", path.display())]
    Sql {
        path: PathBuf,
        source: rusqlite::Error,
    },
}

/// How much of a study is left to judge.
fn left(study: StudyId, missing: u64, contested: u64, split: u64) -> String {
    let mut left = Vec::new();
    match missing {
        0 => {}
        1 => left.push("1 judgement is missing".to_string()),
        n => left.push(format!("{n} judgements are missing")),
    }
    if contested > 0 {
        left.push(format!("{contested} of them contested between places"));
    }
    if split > 0 {
        let items = match split {
            1 => "1 item on which three differ waits".to_string(),
            n => format!("{n} items on which three differ wait"),
        };
        left.push(format!(
            "{items} for a fourth annotator, to whom `emprl study assign {study}` gives them"
        ));
    }
    left.join(", ")
}

/// An error inside a transaction, which does not know the file yet.
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Store(StoreError),
    /// A value that cannot be parsed: where it is, and what is wrong.
    Unreadable(String, String),
}

impl From<rusqlite::Error> for Fault {
    fn from(source: rusqlite::Error) -> Self {
        Fault::Sql(source)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

impl From<StudyError> for Fault {
    fn from(error: StudyError) -> Self {
        Fault::Store(error.into())
    }
}

impl From<PackError> for Fault {
    fn from(error: PackError) -> Self {
        StudyError::from(error).into()
    }
}

impl Fault {
    /// Whether only one row or value is wrong, so that others can still be read.
    pub fn is_of_a_row(&self) -> bool {
        match self {
            Fault::Unreadable(..) => true,
            Fault::Sql(error) => Fault::from_row(error),
            Fault::Store(_) => false,
        }
    }

    /// The same of SQLite's errors.
    pub fn from_row(error: &rusqlite::Error) -> bool {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        matches!(
            error,
            FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..)
        )
    }

    /// Whether the disk is full, or a limit on it is reached. For the memory that connections share, a file beside the
    /// database, SQLite has codes of its own.
    pub fn is_full(&self) -> bool {
        let Fault::Sql(error) = self else {
            return false;
        };
        let shared = [ffi::SQLITE_IOERR_SHMOPEN, ffi::SQLITE_IOERR_SHMSIZE];
        error.sqlite_error_code() == Some(ErrorCode::DiskFull)
            || error
                .sqlite_error()
                .is_some_and(|error| shared.contains(&error.extended_code))
    }

    /// What is wrong, without the file.
    pub fn words(&self) -> String {
        match self {
            Fault::Unreadable(place, detail) => format!("{place} cannot be read ({detail})"),
            Fault::Sql(error) => error.to_string(),
            Fault::Store(error) => error.to_string(),
        }
    }

    /// Adds the database file `db`.
    pub fn at(self, db: &Path) -> StoreError {
        let path = db.to_path_buf();
        let of_a_row = self.is_of_a_row();
        let is_full = self.is_full();
        let source = match self {
            Fault::Store(error) => return error,
            Fault::Sql(source) if of_a_row => {
                return StoreError::Unreadable {
                    path,
                    place: "a row".into(),
                    detail: source.to_string(),
                };
            }
            Fault::Unreadable(place, detail) => {
                return StoreError::Unreadable {
                    path,
                    place,
                    detail,
                };
            }
            Fault::Sql(source) => source,
        };
        match source.sqlite_error_code() {
            _ if is_full => StoreError::Full { path },
            Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
                detail: damage(db).unwrap_or_else(|| source.to_string()),
                path,
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                let why = source.to_string();
                StoreError::NotWritable { path, why }
            }
            // The tables are not those that its header promises.
            Some(ErrorCode::Unknown) if source.to_string().contains("no such ") => {
                let detail = source.to_string();
                StoreError::Damaged { path, detail }
            }
            Some(ErrorCode::SystemIoFailure) => StoreError::Disk {
                detail: source.to_string(),
                path,
            },
            _ => StoreError::Sql { path, source },
        }
    }
}

/// Whether a database file is truncated, by its header: SQLite writes the page size at byte 16 and the
/// number of pages at byte 28, big-endian.
fn damage(db: &Path) -> Option<String> {
    // Closing the file would release the locks of this program's connections (see `access`): it stays open.
    static OPENED: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file: &File = match opened.entry(db.to_path_buf()) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(place) => place.insert(File::open(db).ok()?),
    };
    let actual = file.metadata().ok()?.len();
    let mut header = [0u8; 32];
    let read = file.rewind().and_then(|()| file.read_exact(&mut header));
    if read.is_err() {
        return Some(format!("it has only {actual} bytes"));
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    let expected = page * u64::from(pages);
    (actual < expected).then(|| format!("cut short: it has {actual} of {expected} bytes"))
}
