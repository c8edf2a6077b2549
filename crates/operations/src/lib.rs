//! What a person can do in EmpRL Studio, written once for the window and the command line: runs, studies and
//! responses, kept in a store, compared and reported.
//!
//! ```text
//! operations               everything a person can do
//! engine, report, catalog  runs on threads; result tables; saved runs, ordered and compared
//! trackers                 what other programs log of their runs
//! store                    SQLite and checkpoints on disk
//! study  series filter     people's judgements; curves in memory; a filter language
//! ```
//!
//! Knows no window and no terminal, and holds no tensor; `store`, `study` and `series` know neither burn nor egui.

pub mod catalog;
pub mod engine;
pub mod filter;
pub mod operations;
pub mod report;
pub mod series;
pub mod store;
pub mod study;
pub mod trackers;

use emprl_train::{checkpoint, data, experiment, fetch, metrics, nn, text, train};
