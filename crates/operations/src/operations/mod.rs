//! Everything a person can do, written once: the window and the command line call these and phrase the results.
//!
//! An operation takes the store and typed arguments and returns a typed result or an [`OperationError`]. A long one
//! reports its [`Progress`] and can be stopped. Knows the rooms below; must not know a thread, a terminal or a widget.
//!
//! ```text
//! runs      edits that can be undone, deletion     studies    create, packs, results, judgements
//! queue     queued runs                            responses  import, generate, measure, cases
//! launch    prepare, resume, dry run               exports    tables, figures and curves as files
//! models    saved models: find, describe, export   data       data sets
//! evaluate  the automatic metrics                  devices    where this program can compute
//! signature whether a store has what a figure's signature says
//! fetch     models and data sets from the network
//! corpus    anybody's records: inspect, import, list, show, sum up, select, export
//! endpoint  language models at addresses, as systems and as judges
//! cluster   a sweep as a job of Slurm: write, send off, read back, take over
//! stores    runs of other stores, taken over
//! record    another program's run, recorded while it goes on
//! imports   runs that other programs logged, taken in
//! programs  programs that a person allows a reward to start
//! notices   of runs, to a person who does not watch them
//! ```

mod auditors;
pub mod bundle;
pub mod cluster;
mod controls;
pub mod corpus;
pub mod data;
pub mod devices;
pub mod endpoint;
mod error;
pub mod evaluate;
pub mod exports;
pub mod fetch;
pub mod imports;
pub mod launch;
pub mod levels;
pub mod models;
pub mod notices;
pub mod programs;
pub mod queue;
pub mod record;
pub mod report;
pub mod responses;
pub mod runs;
pub mod signature;
pub mod stores;
pub mod studies;

use std::ops::ControlFlow;
use std::path::Path;

pub use error::OperationError;

use crate::store::{Store, StoreError, StoreReader};

/// The progress of a long operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, for people.
    pub doing: &'a str,
    /// Rows done.
    pub done: usize,
    /// Rows in all.
    pub of: usize,
}

/// Called after every batch; `Break` stops the operation with [`OperationError::Stopped`].
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>;

/// Opens the store for reading; None if it does not exist yet.
pub fn reader_if_present(store: &Path) -> Result<Option<StoreReader>, StoreError> {
    match StoreReader::open(store) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads from the store; the default if it does not exist yet.
pub(crate) fn read_or_default<T: Default>(
    store: &Path,
    read: impl FnOnce(&StoreReader) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let reader = reader_if_present(store)?;
    reader.map_or_else(|| Ok(T::default()), |reader| read(&reader))
}

/// Opens an existing store for writing; unlike [`Store::open`] it creates none.
///
/// # Errors
/// There is none, or it is read-only.
pub fn existing_store(store: &Path) -> Result<Store, StoreError> {
    StoreReader::open(store)?;
    Store::open(store)?.writable()
}

/// To be asked before long work, or a change of other files in the store's folder.
///
/// # Errors
/// The store is there and read-only, or cannot be opened.
pub fn require_writable(store: &Path) -> Result<(), StoreError> {
    let refusal = reader_if_present(store)?.and_then(|reader| reader.refusal());
    refusal.map_or(Ok(()), Err)
}
