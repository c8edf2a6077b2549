//! Runs that wait in the store for their turn.

use std::path::Path;

use super::{OperationError, reader_if_present};
pub use crate::engine::queue::{Vain as LostReuse, Waiting, to_queue};
use crate::engine::queue::{waiting, without_vain_reuse};
use crate::store::{QueueId, Store, ToQueue};

/// Runs that were queued.
#[derive(Clone, Debug)]
pub struct Enqueued {
    /// Their places, in the order given.
    pub ids: Vec<QueueId>,
    /// Those that will begin at the beginning, though they were meant to take stages over from another run.
    pub lost_reuse: Option<LostReuse>,
}

/// The runs that wait, the next first; none where there is no store. `experiments` is the folder of the user's own
/// experiment files.
///
/// # Errors
/// The store cannot be read.
pub fn list(store: &Path, experiments: &Path) -> Result<Vec<Waiting>, OperationError> {
    match reader_if_present(store)? {
        Some(reader) => Ok(waiting(&reader, experiments)?),
        None => Ok(Vec::new()),
    }
}

/// Puts runs at the end of the queue. Those that could take no stage over from the run they name begin at the
/// beginning.
///
/// # Errors
/// A run that stages are to be taken over from does not exist; the store cannot be written.
pub fn enqueue(store: &mut Store, runs: &[ToQueue]) -> Result<Enqueued, OperationError> {
    let (runs, lost_reuse) = match runs.iter().any(|run| run.reuse.is_some()) {
        true => without_vain_reuse(&store.reader()?, runs)?,
        false => (runs.to_vec(), None),
    };
    let ids = store.enqueue(&runs)?;
    Ok(Enqueued { ids, lost_reuse })
}
