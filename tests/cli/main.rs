//! The command line, as a terminal session: the real binary in a folder of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/chat.rs"]
mod chat_support;
#[path = "../support/cli.rs"]
mod cli_support;
#[path = "../support/scores.rs"]
mod scores_support;
#[path = "../support/seeds.rs"]
mod seeds_support;
#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/window.rs"]
mod window_support;

mod cluster;
mod compare;
mod corpus;
mod dry_run;
mod endpoint;
mod grpo;
mod harmless;
mod joins;
mod lost_output;
mod manual;
mod models;
mod notices;
mod odd_cells;
mod odd_files;
mod odd_rows;
mod over_seeds;
mod published;
mod queue;
mod readers;
mod record;
mod resume;
mod rewards;
mod round_trips;
mod run;
mod runs;
mod serve_model;
mod study;
mod study_files;
mod table;
mod wrong_input;
