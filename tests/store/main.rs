//! The store on disk: opening, migrations, recording, sharing, imports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/store.rs"]
mod store_support;

mod any_history;
mod checkpoints;
mod fuzz_corpus;
mod import_builtin;
mod import_sources;
mod keeping;
mod opening;
mod queue;
mod records;
mod sharing;
