//! EmpRL Studio: reinforcement learning of empathetic dialogue models, launched, watched and judged.
//!
//! The crate is a house of rooms; data flows one way through them, and each room knows only those
//! below it (`tests/house.rs` checks this):
//!
//! ```text
//! app, cli                 what a person sees: the window, the command line
//! operations               everything a person can do, written once for both
//! engine, report, catalog  runs on threads; result tables; saved runs, ordered and compared
//! train   store            the trainers; SQLite and checkpoints on disk
//! nn  study  series filter language models; people's judgements; curves in memory; a filter language
//! experiment metrics data text
//! ```
//!
//! Nothing below `app` imports egui, nothing above `train` holds a tensor, and `store`, `study`, `series`
//! and `metrics` know neither burn nor egui.

pub mod allocator;
pub mod app;
pub mod catalog;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod engine;
pub mod experiment;
pub mod filter;
pub mod metrics;
pub mod nn;
pub mod operations;
pub mod report;
pub mod series;
pub mod store;
pub mod study;
pub mod text;
pub mod train;
