//! The store on disk: opening, migrations, recording, sharing, imports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/store.rs"]
mod store_support;

mod checkpoints;
mod import_builtin;
mod import_sources;
mod keeping;
mod opening;
mod queue;
mod records;
mod set_aside;
mod sharing;
