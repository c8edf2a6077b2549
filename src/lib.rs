//! EmpRL Studio: reinforcement learning of empathetic dialogue models, launched, watched and judged.
//!
//! A house of rooms in three crates; data flows one way through them, and each room knows only those
//! below it (`tests/house.rs` checks this):
//!
//! ```text
//! emprl             app, cli                 what a person sees: the window, the command line
//!                   web                      what others' programs ask of this one
//! emprl-operations  operations               everything a person can do, written once for both
//!                   engine, report, catalog  runs on threads; result tables; saved runs, ordered and compared
//!                   trackers                 what other programs log of their runs
//!                   store                    SQLite and checkpoints on disk
//!                   study  series filter     people's judgements; curves in memory; a filter language
//! emprl-train       train                    the trainers
//!                   nn                       language models
//!                   experiment metrics data text fetch
//! ```
//!
//! Nothing below `app` imports egui, only `fetch` asks by HTTP and only `web` answers, nothing above `train` holds a tensor, and `store`, `study`, `series`
//! and `metrics` know neither burn nor egui. The rooms of the lower crates have the same names here.

pub mod allocator;
pub mod app;
pub mod cli;
pub mod web;

pub use emprl_operations::{
    catalog, engine, filter, operations, report, series, store, study, trackers,
};
pub use emprl_train::{checkpoint, data, experiment, fetch, metrics, nn, text, train};
