//! Human evaluation: systems' responses, studies, assignment, blinding, verdicts, agreement, packs.
//!
//! Pure functions of plain data; must not know SQL, a window, a tensor or a run.

mod align_by;
pub mod arrivals;
pub mod aspects;
pub mod attention;
pub mod cases;
pub mod contexts;
pub mod definition;
mod design;
pub mod display;
mod draw;
mod error;
pub mod export;
pub mod history;
pub mod judgement;
pub mod make;
pub mod matching;
pub mod moment;
pub mod pack;
pub mod page;
pub mod preferences;
pub mod record;
pub mod responses;
pub mod results;
pub mod seal;
pub mod shift;
pub mod signs;
pub mod standing;
pub mod statistics;
pub mod verdict;

pub use align_by::AlignBy;
pub use error::{PackError, StudyError};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A count with its noun: "1 row", "2 rows".
fn counted(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {several}"),
    }
}
