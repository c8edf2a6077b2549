//! Result tables as text.
//!
//! Knows figures, not where they come from; writes to no file and no screen.

mod identifiers;
pub mod paper;
mod results;
mod table;
pub mod tables;

pub use identifiers::identifiers_table;
pub use results::{definitions, results_table};
pub use table::{Align, TextTable};
