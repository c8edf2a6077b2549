//! Human judgement: blind pages, packs, routing, results.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/blind.rs"]
mod blind_support;
#[path = "../support/chromium.rs"]
mod chromium_support;
#[path = "../support/cli.rs"]
mod cli_support;
#[path = "../support/quickstart.rs"]
mod quickstart_support;
#[path = "../support/serve.rs"]
mod serve_support;
#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/study.rs"]
mod study_support;

mod aspects;
mod browser;
mod crowd;
mod design;
mod in_chromium;
mod judges;
mod kill_anywhere;
mod matching;
mod packs;
mod places;
mod preferences;
mod responses;
mod seals;
mod stays_blind;
mod systems;
mod whole;
