//! Runs and studies on disk: records in SQLite, checkpoints as files.
//!
//! Everything is in one folder: `emprl.db` and `runs/RUN/`. Several programs may read and write it at
//! the same time. Knows no thread, no trainer and no window.
//!
//! [`Store`] writes, [`StoreReader`] reads on a connection of its own. Once a method of `Store` returns
//! `Ok`, its change is on disk and survives a crash, a kill and a power cut.

mod access;
mod aside;
mod asks;
mod bundle;
mod by_run;
mod catalog;
mod checkpoint_rows;
mod columns;
mod connection;
mod database;
mod error;
mod id;
mod identity;
mod keeping;
mod lock;
mod merge;
mod points;
mod queue;
mod reader;
mod record;
mod removal;
mod results;
mod rollouts;
mod rows;
mod runs;
mod samples;
mod schema;
mod step_rows;
mod studies;
mod unwritable;
mod versions;
mod writer;

pub use crate::experiment::RunStatus;
pub use access::{Access, ReadOnly, access, creatable, mark_as_bundle};
pub use asks::{AskId, AskRow, Exchange, Judged, RecordedAnswer};
pub use bundle::Parts;
pub use catalog::{CatalogParts, Names};
pub use error::StoreError;
pub use id::{ParseIdError, RunId, RunRef};
pub use keeping::is_tag;
pub use lock::RunLock;
pub use merge::{CheckpointFiles, LeftOut, MergedRun, MergedRuns, WhyLeftOut};
pub use queue::{NewQueuedRun, QueueId, QueuedRun};
pub use reader::StoreReader;
pub use rows::{
    CatalogRow, CheckpointRow, KeySummary, MetricKey, NewRun, RunDetail, RunRow, SetAside,
};
pub use studies::{
    AnnotatorRow, AnswerSource, CaseSource, Entrance, Leaving, LinkId, LinkRow, MergeTerms,
    MergedPack, NewLink, OpenLink, PackDoubts, PackReturn, PlatformIds, Receipt, ScoredSystem,
    SourcedAnswer, StudyId, StudyMark, StudyMarks, StudyRow, SystemAnswer, SystemId, SystemRow,
    SystemScore, WorkerRow, WorkerState, WorkerStep, WorklistStamp,
};
pub use versions::StoreVersions;
pub use writer::Store;

use std::path::{Path, PathBuf};

/// The store's folder without `--store`: `EMPRL_STORE`, else the platform's data folder.
pub fn default_dir() -> Result<PathBuf, StoreError> {
    if let Some(dir) = std::env::var_os("EMPRL_STORE").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(dir));
    }
    directories::ProjectDirs::from("", "", "emprl")
        .map(|dirs| dirs.data_dir().to_path_buf())
        .ok_or(StoreError::NoHome)
}

pub fn run_dir(store: &Path, run: RunId) -> PathBuf {
    store.join(crate::checkpoint::RUNS).join(run.to_string())
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
