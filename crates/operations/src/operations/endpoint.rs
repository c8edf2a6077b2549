//! Language models at addresses: a system that answers contexts, and judges of responses. Every request is recorded with
//! its answer.
//!
//! Nothing is sent before it was said what goes where. Must not know a terminal.

mod answer;
mod ask;
mod chat;
mod export;
mod figures;
mod judge;
mod rubric;
mod subjects;
mod template;

use std::io::Read;
use std::path::Path;

pub use answer::{AnswerRequest, Answered, PreparedAnswers, prepare_answers};
pub use ask::{Outline, Refusal};
pub use chat::{ChatAnswer, Endpoint, PROMPT_CUT, Prices, Tally};
pub use export::{ExportedJudgements, export, export_exchanges};
pub use figures::{JudgeFigures, RatedSystem};
pub use judge::{JudgeRequest, JudgedWhat, PreparedJudge, figures_of, prepare_judge};
pub use rubric::Rubric;

use super::{OperationError, existing_store, read_or_default};
use crate::data::regular_file::open_regular_file;
pub use crate::fetch::Retry;
use crate::store::{AskId, AskRow, StoreReader};

/// Bytes of a template or rubric.
const LARGEST_TEXT: u64 = 1 << 20;

/// The series of requests, the latest first; none without a store.
pub fn list(store: &Path) -> Result<Vec<AskRow>, OperationError> {
    Ok(read_or_default(store, StoreReader::asks)?)
}

/// Deletes a series with its answers, scores and verdicts. A system that was made of it stays.
///
/// # Errors
/// There is none of this number.
pub fn delete(store: &Path, ask: AskId) -> Result<(), OperationError> {
    Ok(existing_store(store)?.remove_ask(ask)?)
}

/// A small text file of a person's.
fn read_text(path: &Path) -> Result<String, OperationError> {
    let file = open_regular_file(path).map_err(OperationError::read(path))?;
    let mut text = String::new();
    file.take(LARGEST_TEXT)
        .read_to_string(&mut text)
        .map_err(OperationError::read(path))?;
    Ok(text)
}
