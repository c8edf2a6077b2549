//! Dialogues, examples and labelled pairs: where they come from, how they are read, kept and batched.
//!
//! Knows files and text; must not know tensors, SQL or anything that draws.

pub mod batch;
pub mod corpus;
pub mod empathetic_dialogues;
pub mod empathy;
mod error;
mod import;
pub mod library;
pub mod mental_health_subreddits;
pub mod parquet_table;
pub mod preferences;
pub mod quoted_cell;
pub mod reader;
pub mod regular_file;
pub mod rows;
mod sets;
mod summary;

pub use empathy::{EmpathyLevel, Mechanism};
pub use error::DataError;
pub use import::{FileReport, ImportReport, SkippedRow, SplitCount};
pub use sets::{BySplit, DialogueSet, Example, Half, LabelledPair, LevelSet, Role, Split, Turns};
pub use summary::{EmotionCount, LengthSummary, LevelCount, SetSummary};
