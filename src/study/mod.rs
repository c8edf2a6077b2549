//! People judge: responses of systems, studies, assignment, blinding, verdicts, agreement, packs.
//!
//! Pure: takes and gives plain data; must not know SQL, a window, a tensor or a run.

pub mod contexts;
pub mod display;
mod error;
pub mod responses;
pub mod statistics;

pub use error::{PackError, StudyError};
