//! The store on disk: opening, migrations, recording, sharing, imports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/cli.rs"]
mod cli_support;
#[path = "../support/full_store.rs"]
mod full_store;
#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/store.rs"]
mod store_support;
#[path = "../support/study.rs"]
mod study_support;

mod any_history;
mod bad_rows;
mod bundles;
mod checkpoints;
mod corpora;
mod damage;
mod following;
mod fuzz_corpus;
mod import_builtin;
mod import_sources;
mod keeping;
mod many_runs;
mod merging;
mod opening;
mod queue;
mod read_only;
mod records;
mod set_aside;
mod sharing;
mod trackers;
