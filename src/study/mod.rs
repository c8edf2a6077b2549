//! Human evaluation: systems' responses, studies, assignment, blinding, verdicts, agreement, packs.
//!
//! Pure functions of plain data; must not know SQL, a window, a tensor or a run.

pub mod attention;
pub mod cases;
pub mod contexts;
pub mod definition;
pub mod display;
mod draw;
mod error;
pub mod export;
pub mod judgement;
pub mod make;
pub mod moment;
pub mod pack;
pub mod page;
pub mod record;
pub mod responses;
pub mod results;
pub mod statistics;
pub mod verdict;

pub use error::{PackError, StudyError};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
